"""The gymnasium vector door: N worlds x A agents that stay in JAX, as one `gymnasium.vector.VectorEnv`.

    from socialsim.envs.vector import SocialVectorEnv
    envs = SocialVectorEnv("rendezvous-v0", num_worlds=256, num_agents=4)
    observations, infos = envs.reset(seed=0)

Every agent is one sub-environment, so a learner written for one agent trains a policy that all agents share.
"""

import functools
from typing import Any, NamedTuple

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from socialsim.core import errors
from socialsim.core.autoreset import AutoReset, Pool
from socialsim.core.drives import Drives, drive_matrix
from socialsim.core.registry import make
from socialsim.core.senses import Observation
from socialsim.core.simulation import Simulation, SimulationState, TimeStep
from socialsim.core.world import World
from socialsim.envs.pettingzoo_actions import check_actions
from socialsim.envs.pettingzoo_spaces import OBSERVATIONS, action_space
from socialsim.envs.torch_arrays import on_host, require_torch, to_numpy, to_torch

MAX_SEED = 2**32 - 1


class Outcome(NamedTuple):
    """What a step gives, agents of all worlds in a row. `B = N * A`, `C` channels.

    Where an episode ended `observation` begins the next one, and `final` (still `[N, A, ...]`: it is
    laid in a row only when some world is done) holds the last of the old one.
    """

    observation: Any  # [B, D], or part -> [B, ...]
    signals: jax.Array  # [B, C]
    team_metric: jax.Array  # [B]
    terminated: jax.Array  # [B]
    truncated: jax.Array  # [B]
    final: Observation


class SocialVectorEnv(gymnasium.vector.VectorEnv):
    """N worlds of A agents as a vector of `num_envs = N * A` sub-environments.

    Agent `a` of world `w` is sub-environment `w * A + a`: the agents of a world stand side by side, and all
    of them end at once. `agents_per_world` and `num_worlds` are attributes.

    - rewards : `[N * A]` float32, `sum_c drives[a, c] * signals[a, c]`. No world has a reward of its own.
    - observations : `[N * A, D]` float32 ("flat"), or a dict of such arrays ("sets"); see
      `socialsim.envs.pettingzoo_spaces`.
    - infos : `infos["signals"][channel]`, `[N * A]`, this step's signals before drives (a reset has none: 0);
      `infos["team_metric"]`, `[N * A]`, the mean over the agents of one's world of their shares in joint
      successes of this step. It is the experimenter's measure and must not be learned from.
    - autoreset : same-step (`metadata["autoreset_mode"]`). Where an episode has ended, the observation
      returned is the first of the next one; `infos["final_obs"]` (objects, None elsewhere) holds the last
      of the old one and `infos["final_info"]` its signals and metric, with gymnasium's masks
      `_final_obs` and `_final_info`.

    Keys: `reset(seed=s)` begins with `key = jax.random.key(s)`; then every reset, every drawing of the pool
    of states that later episodes begin from, and every step does `key, sub = jax.random.split(key)` and
    spends `sub` in `AutoReset.reset`, `.pool`, `.step`. A pool is drawn at each reset and again after every
    `horizon` steps, before the step. A reset without a seed goes on from the current key.

    Parameters
    ----------
    world : a world id, a simulation made by `socialsim.make`, or a World.
    num_worlds : N.
    drives : channel -> weight, an array `[A, C]`, or None for `socialsim.core.drives.DEFAULT_DRIVES`.
    observation : "flat" (Box) or "sets" (Dict).
    seed : of the first reset, if that is given none; None draws one.
    pool_size : reset states to draw from, per pool; defaults to N, at most 256.
    as_torch : give torch tensors (without a copy, on JAX's device) in place of NumPy arrays; actions may be
        tensors in any case.
    **options : as for `socialsim.make`, if `world` is no simulation yet.

    Raises
    ------
    OptionError : an unknown or impossible option; says what is allowed.
    """

    def __init__(
        self,
        world: str | Simulation | World,
        num_worlds: int,
        *,
        drives: Drives = None,
        observation: str = "flat",
        seed: int | None = None,
        pool_size: int | None = None,
        as_torch: bool = False,
        **options,
    ):
        self.simulation = simulation_of(world, options)
        self.num_worlds = errors.integer("num_worlds", num_worlds, low=1)
        self.agents_per_world = self.simulation.num_agents
        self.num_envs = self.num_worlds * self.agents_per_world
        self._observation = errors.choose("observation", observation, OBSERVATIONS)
        self._seed = None if seed is None else errors.integer("seed", seed, low=0, high=MAX_SEED)
        self.as_torch = bool(as_torch)
        if as_torch:
            require_torch()
        self._give = to_torch if as_torch else to_numpy
        self.drives = drives
        pool = (
            min(self.num_worlds, 256) if pool_size is None else errors.integer("pool_size", pool_size, low=1)
        )
        # The id is static and changes no arithmetic; without it worlds of one engine share a compilation.
        self._worlds = AutoReset(self.simulation.replace(id=""), self.num_worlds, pool)
        self.metadata = {"autoreset_mode": AutoresetMode.SAME_STEP, "render_modes": []}
        self.single_action_space = action_space(self.simulation)
        self.single_observation_space = OBSERVATIONS[observation](self.simulation).space()
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self._key: jax.Array | None = None
        self._state: SimulationState | None = None
        self._pool: Pool | None = None
        self._since_pool = 0

    @property
    def drives(self) -> np.ndarray:
        """`[A, C]`, read-only. Set it, in any form that the constructor takes; nothing is compiled anew."""
        return self._drives

    @drives.setter
    def drives(self, value: Drives) -> None:
        self._drives = drive_matrix(value, self.simulation.channels, self.agents_per_world)
        self._drives.setflags(write=False)
        self._weights = self._give(jnp.tile(self._drives, (self.num_worlds, 1)))

    def reset(self, *, seed: int | None = None, options: dict | None = None):
        """Start all worlds anew. seed: 0 to 2**32 - 1. options: none are used.

        Returns observations and infos.
        """
        seed = self._seed if seed is None and self._key is None else seed
        if seed is not None:
            self._key = jax.random.key(errors.integer("seed", seed, low=0, high=MAX_SEED))
            super().reset(seed=seed)
        elif self._key is None:
            self._key = jax.random.key(int(np.random.SeedSequence().generate_state(1)[0]))
        self._state, outcome = _reset(self._worlds, self._next_key(), observation=self._observation)
        self._draw_pool()
        return self._given(outcome.observation), self._infos(outcome)

    def step(self, actions: Any):
        """One decision of all agents. actions: `[N * A]` integers, or `[N * A, n]` numbers in [-1, 1].

        Returns observations, rewards, terminations, truncations and infos.

        Raises
        ------
        ActionError : actions of wrong shape, type or range; or reset() was not called.
        """
        if self._state is None:
            raise errors.ActionError("the episode has not begun: call reset() before step()")
        action = check_actions(self.simulation.actions, on_host(actions), self.num_envs)
        action = action.reshape(self.num_worlds, self.agents_per_world, *action.shape[1:])
        if self._since_pool == self.simulation.horizon:
            self._draw_pool()
        self._since_pool += 1
        self._state, outcome = _step(
            self._worlds, self._next_key(), self._pool, self._state, action, observation=self._observation
        )
        signals = self._give(outcome.signals)
        rewards = (self._weights * signals).sum(-1)
        infos = self._infos(outcome, signals)
        ended = np.asarray(outcome.terminated) | np.asarray(outcome.truncated)
        if ended.any():
            infos |= self._final(outcome, infos, ended)
        ends = (self._give(outcome.terminated), self._give(outcome.truncated))
        return self._given(outcome.observation), rewards, *ends, infos

    def _infos(self, outcome: Outcome, signals: Any = None) -> dict[str, Any]:
        signals = self._give(outcome.signals) if signals is None else signals
        channels = {c: signals[:, i] for i, c in enumerate(self.simulation.channels)}
        return {"signals": channels, "team_metric": self._give(outcome.team_metric)}

    def _final(self, outcome: Outcome, infos: dict[str, Any], ended: np.ndarray) -> dict[str, Any]:
        rows = self._given(_in_a_row(outcome.final, observation=self._observation))
        last = np.full(self.num_envs, None, object)
        for i in np.flatnonzero(ended):
            last[i] = jax.tree.map(lambda row, i=i: row[i], rows)
        final_info = {**infos, "_signals": ended, "_team_metric": ended}
        return {"final_obs": last, "_final_obs": ended, "final_info": final_info, "_final_info": ended}

    def _given(self, tree: Any) -> Any:
        return jax.tree.map(self._give, tree)

    def _draw_pool(self) -> None:
        self._pool = self._worlds.pool(self._next_key())
        self._since_pool = 0

    def _next_key(self) -> jax.Array:
        self._key, sub = _split(self._key)
        return sub


def simulation_of(world: str | Simulation | World, options: dict[str, Any]) -> Simulation:
    """The simulation itself, or a new one of a world (id). Raises OptionError for options of a made one."""
    if isinstance(world, str | World):
        return make(world, **options)
    if not isinstance(world, Simulation):
        given = type(world).__name__
        raise errors.OptionError(f"world is a {given}; allowed: a world id, or what socialsim.make returns")
    if options:
        names = ", ".join(sorted(options))
        raise errors.OptionError(f"options {names} beside a simulation; allowed: options of a world id only")
    return world


_split = jax.jit(jax.random.split)


@functools.partial(jax.jit, static_argnames="observation")
def _reset(worlds: AutoReset, key, *, observation: str):
    state, timestep = worlds.reset(key)
    return state, _outcome(timestep, observation)


@functools.partial(jax.jit, static_argnames="observation", donate_argnames="state")
def _step(worlds: AutoReset, key, pool: Pool, state: SimulationState, action, *, observation: str):
    state, timestep = worlds.step(key, pool, state, action)
    return state, _outcome(timestep, observation)


@functools.partial(jax.jit, static_argnames="observation")
def _in_a_row(observed: Observation, *, observation: str):
    """`[N, A, ...]` -> `[N * A, ...]`, in the form that is given out."""
    rows = OBSERVATIONS[observation].rows(observed, jnp)
    return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), rows)


def _outcome(timestep: TimeStep, observation: str) -> Outcome:
    n, a, c = timestep.signals.shape
    per_agent = functools.partial(jnp.repeat, repeats=a, total_repeat_length=n * a)
    return Outcome(
        observation=_in_a_row(timestep.observation, observation=observation),
        signals=timestep.signals.reshape(n * a, c),
        team_metric=per_agent(timestep.joint.mean(-1)),
        terminated=per_agent(timestep.terminated),
        truncated=per_agent(timestep.truncated),
        final=timestep.final_observation,
    )
