"""Random numbers inside a step: a few for each of many worlds, at the price of a hash.

JAX draws by Threefry, which on CPUs took a fifth of a step of `spread-v0`, where each world has a key of its
own and wants six numbers. Here Threefry only makes the keys, one a world and step (`AutoReset`), and numbers
are hashes of a key's words and a counter: MurmurHash3's finaliser (Appleby 2011) once a word, in which every
bit of the input moves every bit of the output. Good for placing things, not for secrets.
"""

# pyright: reportUnknownMemberType=false

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key, UInt32

_GOLDEN = np.uint32(0x9E3779B9)
"""2^32 over the golden ratio: consecutive counters end up far from one another."""

_SALT = np.uint32(0x85157AF5)


def bits(key: Key[Array, ""], shape: tuple[int, ...], salt: int = 0) -> UInt32[Array, "..."]:
    """Uniform random words of `shape`. salt: another one for each purpose that a key serves."""
    words = jax.random.key_data(key).reshape(-1)
    counter = np.arange(math.prod(shape), dtype=np.uint32).reshape(shape)
    hashed = jnp.asarray(counter * _GOLDEN + np.uint32(salt) * _SALT)
    for word in range(words.shape[0]):
        hashed = _mixed(hashed ^ words[word])
    return hashed


def uniform(key: Key[Array, ""], shape: tuple[int, ...], salt: int = 0) -> Float[Array, "..."]:
    """Uniform numbers in [0, 1), multiples of 2^-24."""
    return (bits(key, shape, salt) >> 8).astype(jnp.float32) * np.float32(2**-24)


def _mixed(x: UInt32[Array, "..."]) -> UInt32[Array, "..."]:
    """MurmurHash3's 32-bit finaliser."""
    x = (x ^ (x >> 16)) * np.uint32(0x85EBCA6B)
    x = (x ^ (x >> 13)) * np.uint32(0xC2B2AE35)
    return x ^ (x >> 16)
