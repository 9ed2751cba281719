"""Discounted returns: generalised advantage estimation and Monte Carlo returns, once for everyone."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float


def gae(
    signals: Float[Array, "T ... C"],
    values: Float[Array, "T ... C"],
    next_values: Float[Array, "T ... C"],
    done: Bool[Array, "T ..."],
    *,
    discount: float | Array,
    gae_lambda: float,
) -> Float[Array, "T ... C"]:
    """Advantages per channel (Schulman et al. 2016).

    next_values: value of what followed each step: of the next observation, of the old episode's last one
    where it was truncated, zero where it terminated. done: leading axes of `signals`; no credit
    flows back across it. discount: one
    for all channels or `[C]`.
    """
    delta = signals + discount * next_values - values
    done = done.reshape(*done.shape, *[1] * (delta.ndim - done.ndim))
    carry_on = discount * gae_lambda * (1.0 - done.astype(delta.dtype))

    def back(advantage, xs):
        delta, carry_on = xs
        advantage = delta + carry_on * advantage
        return advantage, advantage

    return jax.lax.scan(back, jnp.zeros_like(delta[0]), (delta, carry_on), reverse=True)[1]


def explained_variance(
    value: Float[Array | np.ndarray, "... C"], target: Float[Array | np.ndarray, "... C"]
) -> Float[Array, " C"]:
    """1 - Var(target - value) / Var(target) per channel; NaN where the target does not vary."""
    rows = tuple(range(target.ndim - 1))
    spread = target.var(rows)
    return jnp.where(spread > 1e-8, 1 - (target - value).var(rows) / jnp.maximum(spread, 1e-8), jnp.nan)


def monte_carlo(
    signals: Float[Array, "T ... C"], done: Bool[Array, "T ..."], *, discount: float | Array
) -> Float[Array, "T ... C"]:
    """Discounted sum of what followed each step up to its episode's end or the end of the record."""
    zeros = jnp.zeros_like(signals)
    return gae(signals, zeros, zeros, done, discount=discount, gae_lambda=1.0)
