"""Random numbers inside a step: a few for each of many worlds, at the price of a hash.

JAX draws by Threefry, which on CPUs took a fifth of a step of `spread-v0`, where each world has a key of its
own and wants six numbers. Here Threefry only makes the keys, one a world and step (`AutoReset`), and numbers
are hashes of a key's words and a counter: MurmurHash3's finaliser (Appleby 2011) once a word, in which every
bit of the input moves every bit of the output. Good for placing things, not for secrets.
"""

# pyright: reportUnknownMemberType=false

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key, UInt32

_GOLDEN = np.uint32(0x9E3779B9)
"""2^32 over the golden ratio: consecutive counters end up far from one another."""


def bits(key: Key[Array, ""], shape: tuple[int, ...]) -> UInt32[Array, "..."]:
    """Uniform random words of `shape`."""
    words = jax.random.key_data(key).reshape(-1)
    counter = np.arange(math.prod(shape), dtype=np.uint32).reshape(shape)
    hashed = jnp.asarray(counter * _GOLDEN)
    for word in range(words.shape[0]):
        hashed = _mixed(hashed ^ words[word])
    return hashed


def uniform(key: Key[Array, ""], shape: tuple[int, ...]) -> Float[Array, "..."]:
    """Uniform numbers in [0, 1), multiples of 2^-24."""
    return (bits(key, shape) >> 8).astype(jnp.float32) * np.float32(2**-24)


def flat(draw: Callable[..., Array], key: Key[Array, ""], shape: tuple[int, ...]) -> Array:
    """draw(key, shape), of `jax.random`: the same numbers, which CPUs make thrice as fast along one axis."""
    return draw(key, (math.prod(shape),)).reshape(shape)


def _mixed(x: UInt32[Array, "..."]) -> UInt32[Array, "..."]:
    """MurmurHash3's 32-bit finaliser."""
    x = (x ^ (x >> 16)) * np.uint32(0x85EBCA6B)
    x = (x ^ (x >> 13)) * np.uint32(0xC2B2AE35)
    return x ^ (x >> 16)
