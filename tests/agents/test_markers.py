"""The cache on known cases: it holds what it was told, by hand; who gives way; nothing depends on order."""

from typing import Any

import jax
import numpy as np
import pytest

import socialsim
from socialsim.agents.markers import MarkerConfig, calibrated, credit, key_of, look_up, new_cache, remember
from socialsim.core.errors import OptionError

CONFIG = MarkerConfig(bits=16, features=4, buckets=1, ways=3, rate=0.25, visits=2)
ACTS, ROWS = 3, 8
NOBODY = 999  # a key that no test teaches: fills batches up to one size, so that little is compiled
_remember, _credit, _look_up = jax.jit(remember), jax.jit(credit), jax.jit(look_up)
_empty = jax.jit(new_cache, static_argnums=(1, 2))


def empty():
    return _empty(jax.random.key(0), CONFIG, ACTS)


def padded(x, fill, kind):
    out = np.full((ROWS, *np.shape(x)[1:]), fill, kind)
    out[: len(x)] = x
    return out


def found(cache, *code):
    entry = jax.device_get(_look_up(cache, padded(code, NOBODY, np.uint32)))
    return jax.tree.map(lambda x: x[: len(code)], entry)


def told(cache, code, probability, computed: bool | list[bool] = True, writes=True):
    rows = len(code)
    probability = np.broadcast_to(np.asarray(probability, np.float32), (rows, ACTS))
    asked = padded(np.broadcast_to(computed, (rows,)), False, bool)
    key = padded(code, NOBODY, np.uint32)
    return jax.device_get(_remember(cache, key, asked, padded(probability, 0, np.float32), np.array(writes)))


def credited(cache, code, act, gain, mask=True):
    rows = len(code)
    known = padded(np.broadcast_to(mask, (rows,)), False, bool)
    given = padded(code, NOBODY, np.uint32), padded(act, 0, np.int32), padded(gain, 0, np.float32)
    return jax.device_get(_credit(cache, *given, known))


A, B = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)


def test_an_empty_cache_knows_nothing():
    entry = found(empty(), 1, 2)
    assert not entry.known.any()
    np.testing.assert_allclose(entry.preference, 1 / ACTS)
    assert (entry.doubt == 1).all() and (entry.urge == 0).all() and (entry.stake == 0).all()


def test_preferences_are_means_and_doubt_is_what_checks_found():
    cache = told(empty(), [7], A)
    entry = found(cache, 7, 8)
    assert entry.known.tolist() == [True, False]
    np.testing.assert_allclose(entry.preference[0], A)
    assert entry.doubt[0] == 1 and entry.visits[0] == 1  # nothing was there to be checked
    cache = told(cache, [7], A)
    assert found(cache, 7).doubt[0] == 0
    cache = told(cache, [7], B)
    entry = found(cache, 7)
    np.testing.assert_allclose(entry.preference[0], (2 / 3, 1 / 3, 0), atol=1e-6)
    np.testing.assert_allclose(entry.doubt[0], 1 / 2, atol=1e-6)  # mean of the checks 0 and 1
    for _ in range(60):  # once it has filled, the mean forgets
        cache = told(cache, [7], B)
    np.testing.assert_allclose(found(cache, 7).preference[0], B, atol=1e-4)


def test_a_batch_of_one_key_counts_as_so_many_values():
    batch = told(empty(), [5] * 4, [A, A, A, B])
    entry = found(batch, 5)
    np.testing.assert_allclose(entry.preference[0], (3 / 4, 1 / 4, 0), atol=1e-6)
    assert entry.visits[0] == 4
    other = told(empty(), [5] * 4, [B, A, A, A])
    for x, y in zip(jax.tree.leaves(batch), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(x, y, atol=1e-6)


def test_uses_since_the_last_check_are_counted():
    cache = told(empty(), [7], A)
    for n in (1, 2, 3):
        cache = told(cache, [7], 0.0, computed=False)
        entry = found(cache, 7)
        assert entry.since[0] == n and entry.visits[0] == 1
        np.testing.assert_allclose(entry.preference[0], A)
    assert found(told(cache, [7], A), 7).since[0] == 0


def test_memory_is_bounded_and_the_least_recently_used_gives_way():
    cache = told(told(told(empty(), [1], A), [2], B), [3], B)
    cache = told(cache, [1], A, computed=False)  # used, so 2 is the oldest now
    cache = told(cache, [4], A)
    assert found(cache, 1, 2, 3, 4).known.tolist() == [True, False, True, True]
    assert found(cache, 4).visits[0] == 1
    for start in range(10, 90, 8):
        cache = told(cache, range(start, start + 8), A)
    assert cache.tag.shape == (3,) and len(set(cache.tag.tolist())) == 3
    assert found(cache, 89).known.sum() + found(cache, 82).known.sum() >= 1  # of a batch the first comes in


def test_only_computed_rows_make_entries_and_a_frozen_cache_stays():
    cache = told(empty(), [1, 2], A, computed=[True, False])
    assert found(cache, 1, 2).known.tolist() == [True, False]
    frozen = told(cache, [1, 3], B, writes=False)
    for name in ("tag", "preference", "doubt", "visits", "since", "used"):
        np.testing.assert_array_equal(getattr(frozen, name), getattr(cache, name))


def test_markers_are_mean_returns_and_urge_tells_good_acts_from_bad():
    cache = told(empty(), [1], A)
    cache = told(cache, [2], A)
    for gain in (1.0, 0.0, 1.0, 1.0):
        cache = credited(cache, [1, 1], [0, 1], [gain, 0.0])
    slot = found(cache, 1).slot[0]
    np.testing.assert_allclose(cache.marker[slot, :2], (3 / 4, 0), atol=1e-6)
    assert cache.tried[slot].tolist() == [4, 4, 0]
    entry = found(cache, 1, 2)
    assert entry.urge[0, 0] > 0.2 > -0.2 > entry.urge[0, 1] and (entry.urge[1] == 0).all()
    same = credited(cache, [9], [0], [5.0])
    np.testing.assert_array_equal(same.marker, cache.marker)  # replaced since, or never there
    masked = credited(cache, [1], [2], [5.0], mask=False)
    for x, y in zip(jax.tree.leaves(masked), jax.tree.leaves(cache), strict=True):
        np.testing.assert_array_equal(x, y)


def test_keys_do_not_depend_on_order_and_calibrated_ones_tell_more_apart():
    env = socialsim.make("rendezvous-v0", num_agents=3, needed=2, size=8, walls=0)
    _, timestep = jax.jit(jax.vmap(env.reset))(jax.random.split(jax.random.key(0), 64))
    obs = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), timestep.observation)
    cache = new_cache(jax.random.key(1), MarkerConfig(), 10)
    turned = obs.replace(
        others=obs.others[:, ::-1],
        others_mask=obs.others_mask[:, ::-1],
        objects=obs.objects[:, ::-1],
        objects_mask=obs.objects_mask[:, ::-1],
    )
    key = jax.jit(key_of)
    plain, other = np.asarray(key(cache, obs)), np.asarray(key(cache, turned))
    assert (plain == other).mean() > 0.98  # sums in another order round differently
    fitted = np.asarray(key(jax.jit(calibrated)(cache, obs), obs))
    assert len(set(fitted.tolist())) > 1.5 * len(set(plain.tolist()))


def test_bad_options_are_refused():
    refused: list[dict[str, Any]] = [{"bits": 33}, {"ways": 0}, {"rate": 0.0}, {"rate": 1.5}, {"visits": 0}]
    for wrong in refused:
        with pytest.raises(OptionError, match=next(iter(wrong))):
            MarkerConfig(**wrong)
