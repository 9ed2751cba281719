"""Draws: uniform, independent of one another over counters and keys, the same on every path."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from socialsim.core import draws

KEYS = jax.random.split(jax.random.key(5), 20_000)


@pytest.fixture(scope="module")
def many() -> np.ndarray:
    """[key, counter] uniform numbers."""
    return np.asarray(jax.vmap(lambda key: draws.uniform(key, (6,)))(KEYS))


def test_numbers_are_uniform(many):
    assert many.min() >= 0 and many.max() < 1
    for counter in range(many.shape[1]):
        assert stats.kstest(many[:, counter], "uniform").pvalue > 1e-3


def test_numbers_of_one_key_and_of_neighbouring_keys_are_independent(many):
    kinds = [many[:, i] for i in range(6)] + [np.roll(many[:, 0], 1)]
    seen = np.corrcoef(kinds)[np.triu_indices(len(kinds), 1)]
    assert np.abs(seen).max() < 4 / np.sqrt(len(many))
    # Jointly, not only in the mean: pairs fill a square evenly.
    counts = np.histogram2d(many[:, 0], many[:, 1], bins=20, range=[[0, 1], [0, 1]])[0]
    assert stats.chisquare(counts.ravel()).pvalue > 1e-3


def test_every_bit_of_a_key_moves_half_of_the_bits():
    data = jax.random.key_data(KEYS[:500])
    shown = jax.vmap(lambda d: draws.bits(jax.random.wrap_key_data(d), (2,)))
    before = np.asarray(shown(data))
    for word in range(2):
        for bit in (0, 1, 15, 30, 31):
            after = np.asarray(shown(data.at[:, word].set(data[:, word] ^ np.uint32(1 << bit))))
            moved = np.bitwise_count(before ^ after).mean() / 32
            assert moved == pytest.approx(0.5, abs=0.02)


def test_shapes():
    key = KEYS[0]
    np.testing.assert_array_equal(draws.bits(key, (2, 3)).ravel(), draws.bits(key, (6,)))
    assert draws.uniform(key, ()).shape == ()


def test_jit_and_vmap_draw_the_same():
    alone = jnp.stack([draws.bits(key, (2, 2)) for key in KEYS[:3]])
    np.testing.assert_array_equal(jax.jit(jax.vmap(lambda k: draws.bits(k, (2, 2))))(KEYS[:3]), alone)


@pytest.mark.parametrize("impl", ["threefry2x32", "rbg", "unsafe_rbg"])
def test_every_kind_of_key_will_do(impl):
    one, two = jax.random.split(jax.random.key(0, impl=impl))
    assert not (draws.bits(one, (16,)) == draws.bits(two, (16,))).any()
