"""Cells and quarter turns: the arithmetic that every grid mechanism shares."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int

DIRECTIONS = tuple(np.array(d, np.int32) for d in ((1, 0), (0, 1), (-1, 0), (0, -1)))


def vector(heading: Int[Array, "*n"]) -> Int[Array, "*n 2"]:
    """Unit step of quarter turns from east, without a table look-up."""
    x = (heading == 0).astype(jnp.int32) - (heading == 2).astype(jnp.int32)
    y = (heading == 1).astype(jnp.int32) - (heading == 3).astype(jnp.int32)
    return jnp.stack([x, y], -1)


def chebyshev(a: Int[Array, "N 2"], b: Int[Array, "K 2"]) -> Int[Array, "N K"]:
    return jnp.abs(a[:, None] - b[None]).max(-1)


def same(a: Int[Array, "N 2"], b: Int[Array, "K 2"]) -> Bool[Array, "N K"]:
    return (a[:, None] == b[None]).all(-1)


def first(flags: Bool[Array, "*n K"]) -> Bool[Array, "*n K"]:
    """Only the first True along the last axis."""
    return flags & (jnp.cumsum(flags, -1) == 1)
