"""Surprise on known cases: what is met often wears off, what is not does not, and the noisy television."""

import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import socialsim
from socialsim.agents.several import Several
from socialsim.agents.surprise import Disagreement, Distillation
from socialsim.core.errors import OptionError

sys.path.insert(0, str(Path(__file__).parent))
from test_novelty import A, E, T, path

TIMES = 150


@pytest.fixture(scope="module")
def env():
    return socialsim.make("rendezvous-v0", num_agents=A, needed=2, size=6, walls=0, horizon=16)


def bonus_of(part, kept, mark, done=None):
    """What a scene that is not learned from is worth."""
    return part(kept, jax.random.key(9), *path(mark, done))[1][..., 0]


def lived(part, env, marks):
    """What is kept after TIMES batches; `marks(number)` makes each."""
    step = jax.jit(lambda kept, key, p, last: part(kept, key, p, last)[0])
    kept = part.init(jax.random.key(0), env)
    for i in range(TIMES):
        kept = step(kept, jax.random.key(i), *path(marks(i)))
    return kept


def still(mark):
    return np.full((T + 1, E, A), float(mark))


def test_distillation_wears_off_for_what_is_met_and_not_for_the_rest(env):
    part = Distillation(rate=3e-3)
    first = part.init(jax.random.key(0), env)
    kept = lived(part, env, lambda i: still(0.5))
    met, unmet = (bonus_of(part, k, still(0.5)).mean() for k in (kept, first))
    assert met < 0.02 * unmet
    new = bonus_of(part, kept, still(-1.5)).mean()
    assert new > 20 * met
    done = np.zeros((T, E), bool)
    done[2, 1] = True
    worth = bonus_of(part, first, still(0.5), done)
    assert (worth[2, 1] == 0).all() and (worth[3, 1] > 0).all()


def test_an_ensemble_comes_to_agree_where_there_are_data_and_only_there(env):
    part = Disagreement(rate=3e-3)
    first = part.init(jax.random.key(0), env)
    kept = lived(part, env, lambda i: still(0.5))
    met, unmet = (bonus_of(part, k, still(0.5)).mean() for k in (kept, first))
    assert met < 0.02 * unmet
    assert bonus_of(part, kept, still(-1.5)).mean() > 20 * met


def test_the_noisy_television(env):
    """After a given scene comes one of two at random: nothing can foresee which."""
    rng = np.random.default_rng(0)

    def noise(i):
        marks = np.zeros((T + 1, E, A))
        marks[1::2] = rng.choice([-1.0, 1.0], marks[1::2].shape)
        return marks

    part = Disagreement(rate=3e-3)
    first, kept = part.init(jax.random.key(0), env), lived(part, env, noise)
    p, last = path(noise(0))
    told = [part(k, jax.random.key(1), p, last)[2] for k in (first, kept)]
    assert told[1]["prediction_error"] > 0.1, "noise stays unforeseen"
    assert told[1]["disagreement"] < 0.1 * told[0]["disagreement"], "and is agreed upon"
    assert told[1]["disagreement"] < 0.1 * told[1]["prediction_error"]
    rnd = Distillation(rate=3e-3)
    before, after = rnd.init(jax.random.key(0), env), lived(rnd, env, noise)
    values = [bonus_of(rnd, k, noise(0)).mean() for k in (before, after)]
    assert values[1] < 0.1 * values[0], "noise with few values has been met"


def test_several_are_each_and_only_those_that_move(env):
    parts = (Distillation(channels=("one",)), Disagreement(channels=("two",)))
    both = Several(parts)
    assert both.channels == ("one", "two") and not both.states
    kept = both.init(jax.random.key(0), env)
    p, last = path(still(0.3))
    after, reward, told = both(kept, jax.random.key(1), p, last)
    assert reward.shape == (T, E, A, 2) and {"distillation_error", "disagreement"} <= set(told)
    drives = jnp.zeros((A, 2)).at[:, 1].set(-0.5)
    half, only_two, _ = both.moved(drives)(kept, jax.random.key(1), p, last)
    np.testing.assert_allclose(only_two[..., 1], reward[..., 1], rtol=1e-5)
    assert (only_two[..., 0] == 0).all()
    np.testing.assert_array_equal(half[0].guess["in"], kept[0].guess["in"])
    assert not np.array_equal(half[1].members["in"], kept[1].members["in"])
    np.testing.assert_allclose(half[1].members["in"], after[1].members["in"], rtol=1e-4, atol=1e-5)
    with pytest.raises(OptionError, match="once"):
        Several((Distillation(), Distillation()))


@pytest.mark.parametrize("bad", [lambda: Distillation(hidden=0), lambda: Disagreement(members=1)])
def test_options_out_of_range_are_refused(bad):
    with pytest.raises(OptionError):
        bad()
