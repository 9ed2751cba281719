"""Successor features of simulated states: the same moment is continued many times, and averaged."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Key
from numpy.typing import ArrayLike

from socialsim.agents.health import tail
from socialsim.agents.team import Team
from socialsim.analysis.concepts import concepts
from socialsim.analysis.recording import flat, play, read
from socialsim.analysis.successor import SuccessorProbe
from socialsim.core.errors import OptionError, integer
from socialsim.core.simulation import Simulation, SimulationState


def _continued(env: Simulation, team: Team, states: SimulationState, key, futures, steps, discount, decoys):
    """psi `[futures, B, A, C + K]` from states `[B]`; decoys: concepts, K of them."""
    chosen = concepts(decoys)

    def one(key, state):
        observation = env.senses(env.scene(state))

        def step(carry, key):
            state, observation, live = carry
            act_key, step_key = jax.random.split(key)
            action, _ = team.act(act_key, observation)
            state, timestep = env.step(step_key, state, action)
            scene = env.scene(state)
            extra = [c.function(scene) for c in chosen]
            phi = jnp.concatenate([timestep.signals, *(e[:, None] for e in extra)], -1)
            return (state, timestep.observation, live * ~timestep.terminated), live * phi

        start = (state, observation, jnp.ones(()))
        phi = jax.lax.scan(step, start, jax.random.split(key, steps))[1]
        return jnp.tensordot(discount ** jnp.arange(steps), phi, axes=1)

    def future(key):
        batch = jax.tree.leaves(states)[0].shape[0]
        return jax.vmap(one)(jax.random.split(key, batch), states)

    return jax.lax.map(future, jax.random.split(key, futures))


@functools.cache
def _compiled():
    return jax.jit(_continued, static_argnames=("futures", "steps", "decoys"))


@dataclasses.dataclass(frozen=True)
class SuccessorFeatures:
    """psi of a team's own states by Monte Carlo, and the successor-feature probe of its values.

    discount: that of the value heads.  worlds: episodes played for states.  every: of their steps is kept.
    futures: continuations of each state.  decoys: concepts (defined everywhere) that no drive rewards, as
    further features: an honest probe gives them no weight.
    """

    discount: float
    worlds: int = 32
    every: int = 12
    futures: int = 16
    decoys: tuple[str, ...] = ()

    def __post_init__(self):
        if not 0 < self.discount < 1:
            raise OptionError(f"discount={self.discount}; allowed: above 0, below 1")
        for name, low in (("worlds", 3), ("every", 1), ("futures", 2)):
            integer(name, getattr(self, name), low=low)
        concepts(self.decoys)

    def __call__(self, env: Simulation, team: Team, key: Key[Array, ""]) -> xr.Dataset:
        """Dataset: psi `[row, feature]` (signal units), value `[row, channel]`, observation `[row, sense]`,
        group `[row]`, and the reliability of psi `[feature]`: the share of its variance that is not Monte
        Carlo noise."""
        if team.config.recurrent:
            raise OptionError("a recurrent team: its memory is no part of a state; allowed: recurrent=False")
        play_key, key = jax.random.split(key)
        episodes = play(env, team, play_key, worlds=self.worlds, states=True)
        keep = np.asarray(~episodes.ended)[:: self.every].ravel()
        take = functools.partial(_taken, every=self.every, keep=keep)
        states, observation = take(episodes.state), take(episodes.observation)
        group = np.broadcast_to(np.arange(self.worlds), episodes.ended.shape)[:: self.every].ravel()[keep]
        steps = tail(self.discount, 0.02)
        psi = _compiled()(env, team, states, key, self.futures, steps, self.discount, self.decoys)
        psi = np.asarray(psi, float).reshape(self.futures, len(group) * env.num_agents, -1)
        noise = psi.var(0, ddof=1).mean(0) / self.futures
        whole = psi.mean(0)
        with np.errstate(invalid="ignore", divide="ignore"):
            reliability = np.clip(1 - noise / whole.var(0), 0, 1)
        value = np.asarray(read(team, observation).value, float)[..., : len(env.channels)]
        names = [*env.channels, *self.decoys]
        return xr.Dataset(
            {
                "psi": (("row", "feature"), whole),
                "value": (("row", "channel"), value.reshape(len(whole), -1)),
                "observation": (("row", "sense"), np.asarray(flat(observation)).reshape(len(whole), -1)),
                "group": ("row", np.repeat(group, env.num_agents)),
                "reliability": ("feature", reliability),
            },
            coords={"feature": names, "channel": list(env.channels)},
            attrs={"world_id": env.id, "discount": self.discount, "futures": self.futures},
        )

    def recover(self, data: xr.Dataset, drives: ArrayLike, probe: SuccessorProbe | None = None) -> xr.Dataset:
        """`SuccessorProbe` of the drive-weighted value, with psi as the observations tell it. Values and
        psi are both in units of the spread of psi here, channel by channel, so w_true is `drives [C]`, 0
        for decoys. (In units of the scale that a team has learned, an untrained one, which has learned
        none, would be probed in other units than a trained one.) data: of `__call__`."""
        drives = np.asarray(drives, float)
        heads = data.sizes["channel"]
        if drives.shape != (heads,):
            raise OptionError(f"drives {drives.shape}; allowed: [{heads}], one per channel")
        value, psi = in_units(data)
        found = (probe or SuccessorProbe())(
            value @ drives,
            psi,
            groups=data.group.values,
            features=tuple(str(f) for f in data.feature.values),
            drives=np.concatenate([drives, np.zeros(len(self.decoys))]),
            observation=data.observation.values,
        )
        return found.assign(reliability=data.reliability)


def in_units(data: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Values `[row, channel]` and psi `[row, feature]` in units of the spread of each psi."""
    spread = data.psi.values.std(0)
    spread = np.where(spread > 1e-9, spread, 1.0)  # one that does not vary is left to the probe to refuse
    return data["value"].values / spread[: data.sizes["channel"]], data.psi.values / spread


def _taken(tree, *, every: int, keep):
    """Leaves `[T, E, ...]` -> `[B, ...]`: every n-th step, those that were live."""

    def leaf(x):
        x = x[::every]
        return x.reshape(x.shape[0] * x.shape[1], *x.shape[2:])[keep]  # some leaves hold nothing

    return jax.tree.map(leaf, tree)
