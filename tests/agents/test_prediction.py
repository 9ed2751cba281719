"""Rewards for predicting, on known cases: what perfect and chance earn, partners, and the dark room."""

import math
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import socialsim
from socialsim.agents.prediction import TASKS, Prediction, forecast, skill_in_acts, skill_in_senses
from socialsim.agents.rollout import Trajectory
from socialsim.agents.training import train
from socialsim.core.acts import NUM_ACTS
from socialsim.core.errors import OptionError
from socialsim.core.senses import OBJECT_SENSE_FEATURES, OTHER_FEATURES, SELF_FEATURES, Observation

sys.path.insert(0, str(Path(__file__).parent))
import train_tiny

T, E, A, M = 16, 16, 2, 1
CUE = OTHER_FEATURES.index("ahead")


@pytest.fixture(scope="module")
def env():
    return socialsim.make("rendezvous-v0", num_agents=A, needed=2, size=6, walls=0, horizon=16)


@pytest.fixture(scope="module")
def prediction():
    return Prediction(width=32, steps=4, learning_rate=0.01)


@pytest.fixture(scope="module")
def learned(env, prediction):
    """(batches, seed) -> rewards of the last of several batches, each judged before it is learned from."""
    call = jax.jit(prediction)

    def run(batch, batches=60):
        kept = prediction.init(jax.random.key(0), env)
        reward = None
        for number in range(batches):
            kept, reward, _ = call(kept, jax.random.key(1), *batch(np.random.default_rng(number)))
        return np.asarray(reward)

    return run


def senses(cue, act, body=None) -> Observation:
    """Partners in sight with `cue [.., A, 1, NUM_ACTS]` and last act `act [.., A, 1]`; one object at rest."""
    act = np.asarray(act)
    lead = act.shape[:-2]
    others = np.zeros((*lead, A, A - 1, len(OTHER_FEATURES)), np.float32)
    others[..., -NUM_ACTS:] = np.eye(NUM_ACTS)[act]
    if cue is not None:
        others[..., CUE : CUE + NUM_ACTS] = cue
    own = np.zeros((*lead, A, len(SELF_FEATURES)), np.float32)
    if body is not None:
        own[..., 0] = body
    return Observation(
        self=jnp.asarray(own),
        others=jnp.asarray(others),
        others_mask=jnp.ones((*lead, A, A - 1), bool),
        objects=jnp.full((*lead, A, M, len(OBJECT_SENSE_FEATURES)), 0.5),
        objects_mask=jnp.ones((*lead, A, M), bool),
    )


def path(obs: Observation, action=None, done=None) -> tuple[Trajectory, Observation]:
    first, last = jax.tree.map(lambda x: x[:-1], obs), jax.tree.map(lambda x: x[-1], obs)
    done = jnp.zeros((T, E), bool) if done is None else jnp.asarray(done)
    nothing = jnp.zeros((T, E, A))
    action = jnp.zeros((T, E, A), jnp.int32) if action is None else jnp.asarray(action)
    return Trajectory(
        observation=first,
        start=done,
        action=action,
        log_prob=nothing,
        value=nothing[..., None],
        signals=nothing[..., None],
        joint=nothing,
        terminated=done,
        done=done,
        at_end=(),
    ), last


def acting(rng, cued: bool):
    """Partners do random acts; with `cued` one sees beforehand which comes next."""
    act = rng.integers(0, NUM_ACTS, (T + 2, E, A, A - 1))
    cue = np.eye(NUM_ACTS)[act[1:]] if cued else None
    return path(senses(cue, act[:-1]))


def test_perfect_and_chance_have_the_values_that_they_should():
    sure, chance = jnp.zeros(1), jnp.full(1, -math.log(NUM_ACTS))
    seen = jnp.ones(1, bool)
    assert skill_in_acts(sure, chance, seen) == 1  # perfect, of a partner that habit cannot predict
    assert skill_in_acts(chance, chance, seen) == 0
    assert skill_in_acts(sure, sure, seen) == 0  # perfect, where habit is too
    assert skill_in_acts(chance, sure, seen) == -1  # never worse, however sure of the wrong act
    assert skill_in_acts(sure, chance, ~seen) == 0  # nobody there
    assert skill_in_senses(jnp.float32(0), jnp.float32(1)) > 0.98
    assert skill_in_senses(jnp.float32(0.3), jnp.float32(0.3)) == 0
    assert skill_in_senses(jnp.float32(0), jnp.float32(0)) == 0
    assert skill_in_senses(jnp.float32(9), jnp.float32(0)) > -1


def test_a_partner_that_shows_what_it_will_do_becomes_predictable(learned):
    reward = learned(lambda rng: acting(rng, True))
    assert 0.9 < reward[..., 0].mean() <= 1


def test_a_random_partner_does_not(learned):
    reward = learned(lambda rng: acting(rng, False))
    assert abs(reward[..., 0].mean()) < 0.03


def test_the_dark_room_pays_certainty_and_no_skill(learned):
    """A constant world: plain predictability is at its highest, better than habit one cannot be."""
    act = np.full((T + 1, E, A, A - 1), 3)
    reward = learned(lambda rng: path(senses(None, act)))
    assert reward[..., 3].mean() > 0.95
    assert (np.abs(reward[..., :3].mean((0, 1, 2))) < 0.02).all()


def test_a_partner_of_habit_earns_no_skill(learned):
    """Acts that follow from the last one are predictable, and habit says so as well."""
    turn = np.arange(T + 1)[:, None, None, None] + np.arange(E)[None, :, None, None]
    act = np.broadcast_to(np.where(turn % 2, 1, 4), (T + 1, E, A, A - 1))
    reward = learned(lambda rng: path(senses(None, act)))
    assert abs(reward[..., 0].mean()) < 0.05 and reward[..., 3].mean() > 0.9


def test_what_follows_from_ones_own_act_is_learned_and_chance_is_not(learned):
    """The body obeys the act in one world and the dice in another."""

    def batch(rng, obeys):
        action = rng.integers(0, NUM_ACTS, (T, E, A))
        free = rng.integers(0, 2, (T + 1, E, A)) * 2.0 - 1
        body = np.concatenate([free[:1], np.where(action % 2, 1.0, -1.0)]) if obeys else free
        still = np.zeros((T + 1, E, A, A - 1), int)
        return path(senses(None, still, body), action)

    moved = learned(lambda rng: batch(rng, True))[..., 1]
    # Half of the time the act calls for what is there already: nothing changes, nothing can be earned.
    assert 0.4 < moved.mean() <= 0.5
    # The best forecast of dice is their mean, where "nothing changes" misses half of the time by far.
    dice = learned(lambda rng: batch(rng, False))[..., 1]
    assert dice.mean() < moved.mean() - 0.25


def test_rewards_are_bounded_and_the_last_row_of_an_episode_has_none(env, prediction):
    rng = np.random.default_rng(0)
    calm = senses(None, rng.integers(0, NUM_ACTS, (T + 1, E, A, A - 1)))
    wild = jax.tree.map(
        lambda x: jnp.asarray(rng.uniform(-2, 2, x.shape), x.dtype) if x.dtype == jnp.float32 else x, calm
    )
    wild = wild.replace(others=wild.others.at[..., -NUM_ACTS:].set(calm.others[..., -NUM_ACTS:]))
    done = np.zeros((T, E), bool)
    done[3, 1] = done[-1] = True
    kept = prediction.init(jax.random.key(0), env)
    kept = kept.replace(params=jax.tree.map(lambda x: x + 3.0, kept.params))
    kept, reward, told = prediction(kept, jax.random.key(1), *path(wild, done=done))
    assert reward.shape == (T, E, A, 4) and jnp.isfinite(reward).all()
    assert (jnp.abs(reward) <= 1).all() and (reward[..., 3] >= 0).all()
    assert (reward[jnp.asarray(done)] == 0).all() and (reward[0] != 0).any()
    assert jnp.isfinite(told["prediction_loss"])
    assert all(jnp.isfinite(x).all() for x in jax.tree.leaves(kept))


def test_what_is_kept_has_one_type_throughout(env, prediction):
    """Or every program that learns would be compiled a second time after its first chunk."""
    kept = jax.eval_shape(lambda key: prediction.init(key, env), jax.random.key(0))
    batch = path(senses(None, np.zeros((T + 1, E, A, A - 1), int)))
    after = jax.eval_shape(prediction, kept, jax.random.key(1), *batch)[0]
    types = [[(x.shape, x.dtype, x.weak_type) for x in jax.tree.leaves(k)] for k in (kept, after)]
    assert types[0] == types[1] and not any(weak for _, _, weak in types[0])


def test_the_order_of_objects_carries_no_meaning(env, prediction):
    rng = np.random.default_rng(2)

    def draw(lead):
        obs = senses(None, rng.integers(0, NUM_ACTS, (*lead, A, A - 1)))
        objects = rng.normal(size=(*lead, A, 3, len(OBJECT_SENSE_FEATURES)))
        mask = rng.random((*lead, A, 3)) < 0.7
        return obs.replace(
            objects=jnp.asarray(objects * mask[..., None], jnp.float32), objects_mask=jnp.asarray(mask)
        )

    before, after = draw((5,)), draw((5,))
    turned = [o.replace(objects=o.objects[..., ::-1, :], objects_mask=o.objects_mask[..., ::-1])
              for o in (before, after)]  # fmt: skip
    params = prediction.init(jax.random.key(0), env).params
    params = {k: v + 0.1 for k, v in params.items()}
    action = jnp.zeros((5, A), jnp.int32)
    one, two = forecast(params, before, action, after), forecast(params, turned[0], action, turned[1])
    for name in ("others", "error_self", "error_objects", "still_objects"):
        np.testing.assert_allclose(getattr(one, name), getattr(two, name), rtol=1e-4, atol=1e-5)


def test_a_learner_is_moved_by_predicting(env):
    channels = (*env.channels, *TASKS, "certainty")

    def learner(weight, **options):
        drives = np.zeros((1, A, len(channels)), np.float32)
        drives[..., len(env.channels) : -1] = weight
        keys, made = jax.random.split(jax.random.key(0), 1), Prediction(width=8, steps=2, **options)
        return train(env, train_tiny.CONFIG, keys, drives, intrinsic=made, quiet=True, checked=False)

    moved, unmoved, idle = learner(1.0), learner(0.0), learner(0.0, learning_rate=1e-9)
    assert moved.channels == channels
    assert (np.abs(moved.metrics["signal"]) <= 1).all()
    before, after = (jax.tree.leaves(x.teams.params) for x in (unmoved, moved))
    assert any((a != b).any() for a, b in zip(before, after, strict=True))
    # Without a drive both see the same episodes; who learns predicts them better than who does not.
    losses = (x.metrics["prediction_loss"][0, -1] for x in (unmoved, idle))
    assert next(losses) < next(losses)


@pytest.mark.parametrize("bad", [{"width": 0}, {"steps": 0}, {"learning_rate": 0.0}, {"memory": 0.5}])
def test_options_out_of_range_are_refused(bad):
    with pytest.raises(OptionError):
        Prediction(**bad)
