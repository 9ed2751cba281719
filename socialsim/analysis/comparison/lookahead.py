"""Would two heads do the same? Agreement of the best act under one-step lookahead, through the world."""

import dataclasses
from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, Key
from numpy.typing import NDArray

from socialsim.agents.team import Team
from socialsim.analysis import statistics
from socialsim.analysis.recording import Episodes
from socialsim.core.errors import OptionError
from socialsim.core.simulation import Simulation


def motor_acts(env: Simulation) -> Array:
    """The options of one agent: every discrete choice; of motors, nothing and each one fully either way."""
    if not env.actions.continuous:
        return jnp.arange(env.actions.choices)
    size = env.actions.size
    return jnp.concatenate([jnp.zeros((1, size)), jnp.eye(size), -jnp.eye(size)])


def lookahead(
    env: Simulation, teams: Team, state, action: Array, key: Key[Array, ""], *, me: int, discount: float
) -> Float[Array, "S K C"]:
    """Q_c = signal_c + discount V_c(s') as agent `me` takes each option while the others do as they did.

    Where an option ends the episode nothing follows: Q_c = signal_c. (A horizon only cuts it off.)

    teams: leading axis S.  state: of one world.  action: `[A, ...]`, what all did.  Pure; `key` is consumed.
    """

    def one(option):
        _, after = env.step(key, state, action.at[me].set(option))
        return after.final_observation, after.signals[me], after.terminated

    observed, signals, ends = jax.vmap(one)(motor_acts(env))
    values = jax.vmap(lambda t: t.values(observed)[:, me, : len(env.channels)])(teams)
    return signals[None] + discount * jnp.where(ends[:, None], 0.0, values)


@dataclasses.dataclass(frozen=True)
class BestAct:
    """Share of states in which two heads like the same option best.

    discount: of the heads.  me: whose options.  confidence, resamples, seed: of the bootstrap over worlds.
    Null, in closed form: sum_a p_i(a) p_j(a), the agreement of heads that choose with the same frequencies
    but of the states know nothing. States where a head likes all options alike are left out.
    """

    discount: float
    me: int = 0
    confidence: float = 0.95
    resamples: int = 1000
    seed: int = 0

    def table(self, env: Simulation, teams: Mapping[str, Team], episodes: Episodes, key, *, states: int):
        """Q `[head, state, option, channel]`, and the world `[state]` each state is from.

        episodes: played with `states=True`; so many of their moments are drawn at random.
        """
        if episodes.state is None:
            raise OptionError("episodes without states; allowed: those of `play(..., states=True)`")
        steps, worlds = episodes.ended.shape
        rng = np.random.default_rng(self.seed)
        live = np.flatnonzero(~np.asarray(episodes.ended).ravel())
        pick = rng.choice(live, min(states, len(live)), replace=False)
        at, world = np.unravel_index(pick, (steps, worlds))
        state, action = jax.tree.map(lambda x: x[at, world], (episodes.state, episodes.action))
        many = jax.tree.map(lambda *xs: jnp.stack(xs), *teams.values())

        @jax.jit
        def all_of(teams, state, action, keys):
            def one(state, action, key):
                return lookahead(env, teams, state, action, key, me=self.me, discount=self.discount)

            return jax.vmap(one, out_axes=1)(state, action, keys)

        q = all_of(many, state, action, jax.random.split(key, len(pick)))
        dims = ("head", "state", "option", "channel")
        coords = {"head": list(teams), "channel": list(env.channels)}
        return xr.DataArray(np.asarray(q), dims=dims, coords=coords), world

    def __call__(self, q: xr.DataArray, groups: NDArray) -> xr.Dataset:
        """q: `[head, state, option, channel]` of `table`.  groups: `[state]`, resampled whole.

        Returns estimate, low, high, n (groups), null, reason `[channel, head, other]`; the diagonal is 1.
        """
        q = q.transpose("head", "state", "option", "channel")
        heads = [str(h) for h in q["head"].values]
        parts: list[xr.Dataset] = []
        for channel in q["channel"].values:
            x = q.sel(channel=channel).values
            best = x.argmax(-1)
            tells = np.ptp(x, axis=-1) > 1e-9 * np.maximum(1.0, np.abs(x).max(-1))
            rows: list[xr.Dataset] = [
                statistics.combine(
                    {
                        h: self._pair(best[[i, j]], tells[i] & tells[j], groups, x.shape[2])
                        for j, h in enumerate(heads)
                    },
                    "other",
                )
                for i in range(len(heads))
            ]
            parts.append(xr.concat(rows, xr.DataArray(heads, dims="head", name="head")))
        names = [str(c) for c in q["channel"].values]
        return xr.concat(parts, xr.DataArray(names, dims="channel", name="channel"))

    def _pair(self, best: NDArray, keep: NDArray, groups: Sequence | NDArray, options: int):
        groups = np.asarray(groups)[keep]
        first, second = best[:, keep]
        number = len(np.unique(groups))
        if number < 2:
            return statistics.undefined(number, "the heads tell options apart in fewer than two worlds")
        sums = statistics.cluster_sums(groups, first == second, np.ones(len(groups)))
        rng = np.random.default_rng(self.seed)
        drawn = statistics.cluster_counts(number, self.resamples, rng) @ sums
        low, high = statistics.percentiles(drawn[:, 0] / drawn[:, 1], self.confidence, size=number)
        share = [np.bincount(b, minlength=options) / len(b) for b in (first, second)]
        total = sums.sum(0)
        return statistics.Estimate(
            float(total[0] / total[1]), float(low), float(high), number, null=float(share[0] @ share[1])
        )
