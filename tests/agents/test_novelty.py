"""Novelty on known cases: counts that can be counted, a bonus with a closed form, and in the learner."""

import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import socialsim
from socialsim.agents.novelty import WIDTH, Counts, Elliptical, arrived, pooled
from socialsim.agents.rollout import Trajectory
from socialsim.agents.training import train
from socialsim.core.errors import OptionError
from socialsim.core.senses import OBJECT_SENSE_FEATURES, OTHER_FEATURES, SELF_FEATURES, Observation

sys.path.insert(0, str(Path(__file__).parent))
import train_tiny

T, E, A, M = 6, 3, 2, 1


@pytest.fixture(scope="module")
def env():
    return socialsim.make("rendezvous-v0", num_agents=A, needed=2, size=6, walls=0, horizon=16)


def senses(mark) -> Observation:
    """Observations that differ in `mark [..., A]` alone."""
    mark = jnp.asarray(mark, jnp.float32)
    lead = mark.shape
    return Observation(
        self=jnp.ones((*lead, len(SELF_FEATURES))) * mark[..., None],
        others=jnp.zeros((*lead, A - 1, len(OTHER_FEATURES))),
        others_mask=jnp.zeros((*lead, A - 1), bool),
        objects=jnp.zeros((*lead, M, len(OBJECT_SENSE_FEATURES))),
        objects_mask=jnp.zeros((*lead, M), bool),
    )


def path(mark, done=None) -> tuple[Trajectory, Observation]:
    """A batch that senses `mark [T + 1, E, A]`; only what novelty looks at is filled."""
    done = jnp.zeros((T, E), bool) if done is None else jnp.asarray(done)
    empty = jnp.zeros((T, E, A))
    obs = senses(mark)
    first, last = jax.tree.map(lambda x: x[:-1], obs), jax.tree.map(lambda x: x[-1], obs)
    return Trajectory(
        observation=first,
        start=jnp.zeros((T, E), bool),
        action=empty,
        log_prob=empty,
        value=empty[..., None],
        signals=empty[..., None],
        joint=empty,
        terminated=done,
        done=done,
        at_end=(),
    ), last


def test_counts_are_counts(env):
    """The first scene is met again and again, another one once."""
    bonus = Counts(bits=12)
    kept = bonus.init(jax.random.key(0), env)
    mark = np.zeros((T + 1, E, A))
    mark[-1, 0, 0] = 1.5
    kept, reward, told = bonus(kept, jax.random.key(1), *path(mark))
    assert reward.shape == (T, E, A, 1) and told["hashes_met"] == 2
    assert reward[-1, 0, 0, 0] == 1
    again = reward[:-1]
    np.testing.assert_allclose(again, 1 / np.sqrt(T * E * A - 1), rtol=1e-6)
    kept, reward, _ = bonus(kept, jax.random.key(1), *path(np.zeros((T + 1, E, A))))
    np.testing.assert_allclose(reward, 1 / np.sqrt(2 * T * E * A - 1), rtol=1e-6)
    assert kept.count.sum() == 2 * T * E * A


def test_the_elliptical_bonus_is_its_definition(env):
    """Against the matrix inverted anew at every step, over episodes and over batches."""
    bonus = Elliptical(worlds=E, features=5, ridge=0.3)
    kept = bonus.init(jax.random.key(0), env)
    rng = np.random.default_rng(0)
    done = np.zeros((2 * T, E), bool)
    done[3, 0] = done[8, 1] = True
    mark = rng.normal(size=(2 * T + 1, E, A))
    found = []
    for start in (0, T):
        kept, reward, _ = bonus(
            kept, jax.random.key(1), *path(mark[start : start + T + 1], done[start : start + T])
        )
        found.append(reward[..., 0])
    phi = np.tanh(np.asarray(pooled(senses(mark[1:]))) @ np.asarray(kept.project))
    wanted = np.zeros((2 * T, E, A))
    for e in range(E):
        for a in range(A):
            met = 0.3 * np.eye(5)
            for t in range(2 * T):
                if done[t, e]:
                    met = 0.3 * np.eye(5)
                    continue
                wanted[t, e, a] = phi[t, e, a] @ np.linalg.inv(met) @ phi[t, e, a]
                met = met + np.outer(phi[t, e, a], phi[t, e, a])
    np.testing.assert_allclose(np.concatenate(found), wanted, rtol=2e-3, atol=1e-4)


def test_what_one_arrives_at_does_not_depend_on_order():
    some, last = path(np.arange((T + 1) * E * A).reshape(T + 1, E, A))
    np.testing.assert_array_equal(arrived(some, last).self[:-1], some.observation.self[1:])
    rng = np.random.default_rng(1)
    obs = senses(np.zeros(A)).replace(
        objects=jnp.asarray(rng.normal(size=(A, 4, len(OBJECT_SENSE_FEATURES))), jnp.float32),
        objects_mask=jnp.array([[True, False, True, True]] * A),
    )
    turned = obs.replace(objects=obs.objects[:, ::-1], objects_mask=obs.objects_mask[:, ::-1])
    assert pooled(obs).shape == (A, WIDTH)
    np.testing.assert_allclose(pooled(obs), pooled(turned), atol=1e-6)


@pytest.mark.slow
def test_a_learner_is_moved_by_novelty(env):
    drives = np.zeros((1, A, len(env.channels) + 1), np.float32)
    drives[..., -1] = 1
    keys = jax.random.split(jax.random.key(0), 1)
    trained = train(env, train_tiny.CONFIG, keys, drives, intrinsic=Counts(bits=10), quiet=True)
    assert trained.channels[-1] == "novelty"
    felt = trained.metrics["signal"][0, :, -1]
    assert felt[0] > felt[-1] > 0, "what is new wears off"
    assert (np.diff(trained.metrics["hashes_met"][0]) >= 0).all()


@pytest.mark.parametrize(
    "bad", [lambda: Counts(bits=30), lambda: Elliptical(0), lambda: Elliptical(4, ridge=0)]
)
def test_options_out_of_range_are_refused(bad):
    with pytest.raises(OptionError):
        bad()
