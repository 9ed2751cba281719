"""Spaces with the interface of JaxMARL's: `n`, `shape`, `dtype`, `sample(key)`, `contains(x)`, all in JAX."""

from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike


class Discrete:
    """The integers 0 to n - 1."""

    def __init__(self, num_categories: int):
        self.n = num_categories
        self.shape = ()
        self.dtype = jnp.int32

    def sample(self, rng: jax.Array) -> jax.Array:
        return jax.random.randint(rng, self.shape, 0, self.n, self.dtype)

    def contains(self, x: ArrayLike) -> jax.Array:
        x = jnp.asarray(x)
        return (x >= 0) & (x < self.n)


class Box:
    """Arrays of shape `shape` between `low` and `high`."""

    def __init__(self, low: ArrayLike, high: ArrayLike, shape: tuple[int, ...]):
        self.low, self.high, self.shape = low, high, shape
        self.dtype = jnp.float32

    def sample(self, rng: jax.Array) -> jax.Array:
        return jax.random.uniform(rng, self.shape, self.dtype, self.low, self.high)

    def contains(self, x: ArrayLike) -> jax.Array:
        x = jnp.asarray(x)
        return ((x >= self.low) & (x <= self.high)).all()


def space_classes() -> tuple[Any, Any]:
    """(Discrete, Box): JaxMARL's own where it is installed, since some of its wrappers ask for the type."""
    try:
        from jaxmarl.environments import spaces  # pyright: ignore[reportMissingImports]
    except ImportError:
        return Discrete, Box
    return spaces.Discrete, spaces.Box
