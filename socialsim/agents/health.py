"""Health of value heads on held-out episodes: a head that predicts a constant is an error, not a value."""

import math

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float, Key

from socialsim.agents.returns import explained_variance, monte_carlo
from socialsim.agents.rollout import episodes
from socialsim.agents.team import Team
from socialsim.core.autoreset import Pool
from socialsim.core.simulation import Simulation


class Health(struct.PyTreeNode):
    """Per channel, on fresh episodes: how well V(s) tells Monte Carlo returns.

    explained_variance: 1 - Var(G - V) / Var(G).  spearman: rank agreement of V and G. Both NaN where the
    returns do not vary. value_std: spread of V, in signal units.
    """

    explained_variance: Float[Array, " C"]
    spearman: Float[Array, " C"]
    value_std: Float[Array, " C"]


def tail(discount: float, share: float = 0.05) -> int:
    """Steps after which less than `share` of a constant signal's return is still to come."""
    return 1 if discount <= 0 else math.ceil(math.log(share) / math.log(min(discount, 0.999)))


def held_out(
    team: Team,
    env: Simulation,
    key: Key[Array, ""],
    *,
    discount: float,
    worlds: int = 48,
    fresh: Pool | None = None,
) -> Health:
    """Run `worlds` fresh episodes and compare values with the returns that followed.

    fresh: where they begin, if such were made already: the first `worlds` of them, or as many as there are.

    Only steps with enough of the episode left for the return to be known count; where the horizon is
    too short for that, the first half of it counts.
    """
    if fresh is not None:
        worlds = min(worlds, len(fresh.timestep.done))
        fresh = jax.tree.map(lambda x: x[:worlds], fresh)
    path = episodes(team, env, key, worlds, fresh)
    channels = path.signals.shape[-1]
    returns = monte_carlo(path.signals, path.done, discount=discount)
    known = max(env.horizon - tail(discount), env.horizon // 2, 1)
    value = path.value[:known, ..., :channels].reshape(-1, channels)
    target = returns[:known].reshape(-1, channels)
    explained = explained_variance(value, target)
    return Health(
        explained_variance=explained,
        spearman=jnp.where(jnp.isnan(explained), jnp.nan, jax.vmap(rank_correlation, 1)(value, target)),
        value_std=value.std(0),
    )


def rank_correlation(x: Float[Array, " N"], y: Float[Array, " N"]) -> Float[Array, ""]:
    """Spearman's rank correlation with average ranks for ties; 0 where either does not vary."""

    def ranks(v):
        ordered = jnp.sort(v)
        low, high = jnp.searchsorted(ordered, v, side="left"), jnp.searchsorted(ordered, v, side="right")
        r = 0.5 * (low + high).astype(jnp.float32)
        return r - r.mean()

    a, b = ranks(x), ranks(y)
    scale = jnp.sqrt((a**2).sum() * (b**2).sum())
    return jnp.where(scale > 0, (a * b).sum() / jnp.maximum(scale, 1e-9), 0.0)
