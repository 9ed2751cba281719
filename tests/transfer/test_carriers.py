"""Carriers: shaping telescopes, controls match in mean and variance, grafts move what they name."""

import dataclasses
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import socialsim
from socialsim.agents.bots import random_team, scripted_team
from socialsim.agents.networks import NetworkConfig
from socialsim.agents.ppo import CARRIED, _carried
from socialsim.agents.rollout import Trajectory
from socialsim.agents.team import new_team
from socialsim.analysis.recording import play
from socialsim.core.errors import CarrierError
from socialsim.transfer import carriers
from socialsim.transfer.arms import ALONE, ARMS, BESIDE, Given, label, plan
from socialsim.transfer.carriers import Source
from socialsim.transfer.features import NUM_FEATURES, shared_features

CONFIG = NetworkConfig(width=8)


@pytest.fixture(scope="module")
def env():
    return socialsim.make("rendezvous-v0", num_agents=3, needed=2, size=7, walls=0, horizon=24)


@pytest.fixture(scope="module")
def source(env):
    team = new_team(jax.random.key(0), CONFIG, env.actions, env.channels, 3)
    episodes = play(env, random_team(env), jax.random.key(1), worlds=12)
    return Source(team, episodes, np.array([0.05, 0.05, 1.0]), 0.9)


def trajectory(episodes, discount=0.9):
    """The whole of each episode as the learner would keep it; nothing ends."""
    none = jnp.zeros(episodes.ended.shape, bool)
    zero = jnp.zeros(episodes.joint.shape)
    return Trajectory(
        observation=episodes.observation,
        start=none,
        action=episodes.action,
        log_prob=zero,
        value=episodes.signals,
        signals=episodes.signals,
        joint=zero,
        terminated=none,
        done=none,
        at_end=None,
    )


def test_shaping_telescopes(source):
    carrier, gamma = carriers.shaping(source), 0.9
    path = trajectory(source.episodes)
    last = jax.tree.map(lambda x: x[-1], source.episodes.observation)
    nothing = (jnp.zeros(path.joint.shape),) * 2
    shaped = _carried(carrier.score, path, last, nothing, gamma)
    steps = shaped.shape[0]
    total = (gamma ** np.arange(steps)[:, None, None] * np.asarray(shaped)).sum(0)
    phi = np.asarray(carrier.phi(source.episodes.observation))
    np.testing.assert_allclose(total, gamma**steps * phi[-1] - phi[0], atol=1e-5)


@pytest.mark.parametrize("arm", ["shaping", "random", "shuffled", "flipped"])
def test_potentials_have_mean_zero_and_unit_variance_at_home(source, arm):
    stranger = new_team(jax.random.key(5), CONFIG, source.team.actions, source.team.channels, 3)
    carrier = ARMS[arm].carrier(Given(source, np.random.default_rng(0), stranger))
    phi = np.asarray(carrier.phi(source.episodes.observation))
    assert abs(phi.mean()) < 1e-3 and phi.std() == pytest.approx(1.0, abs=1e-3)


def test_flipping_the_sign_flips_the_potential(source):
    obs = source.episodes.observation
    up, down = (np.asarray(carriers.shaping(source, sign=s).phi(obs)) for s in (1.0, -1.0))
    np.testing.assert_allclose(up, -down, atol=1e-4)


def planted(source, monkeypatch, *, discount=0.9, inertia=0.8):
    """A source whose features wander with inertia, and whose values are exact: `(source, w_true)`."""
    rng = np.random.default_rng(0)
    phi = np.zeros((150, 12, 3, NUM_FEATURES), np.float32)
    for t in range(1, len(phi)):
        phi[t] = inertia * phi[t - 1] + rng.normal(size=phi.shape[1:])
    phi[..., 0] = 1.0
    w = rng.normal(size=NUM_FEATURES).astype(np.float32)
    w[0] = 0.0
    value = phi @ w / (1 - discount * inertia)
    monkeypatch.setattr(carriers, "shared_features", lambda obs: obs)
    heads = np.stack([np.zeros_like(value), np.zeros_like(value), value], -1)
    monkeypatch.setattr(carriers, "read", lambda team, obs: SimpleNamespace(value=heads))
    episodes = source.episodes.replace(observation=phi, ended=jnp.zeros(phi.shape[:2], bool))
    return dataclasses.replace(source, episodes=episodes, drives=np.array([0, 0, 1.0])), w


def test_exact_values_distil_into_the_reward_they_anticipate(source, monkeypatch):
    """And not into V(s) - gamma V(s'), which is linear in phi(s) and phi(s') here, too."""
    home, w = planted(source, monkeypatch)
    found = np.asarray(carriers.distilled(home).reward)
    assert np.corrcoef(found[1:], w[1:])[0, 1] > 0.95
    lost = np.asarray(carriers.distilled(home, permute=np.random.default_rng(0)).reward)
    assert np.corrcoef(lost[1:], w[1:])[0, 1] < 0.5
    np.testing.assert_allclose(np.sort(lost[1:]) / lost.std(), np.sort(found[1:]) / found.std(), rtol=0.1)


def test_what_lies_past_the_end_is_not_distilled(source, monkeypatch):
    home, _ = planted(source, monkeypatch)
    ended = np.zeros(home.episodes.ended.shape, bool)
    ended[100:, ::2] = True
    short = dataclasses.replace(home, episodes=home.episodes.replace(ended=jnp.asarray(ended)))
    clean = np.asarray(carriers.distilled(short).reward)
    home.episodes.observation[100:, ::2] = 1e3
    np.testing.assert_array_equal(clean, np.asarray(carriers.distilled(short).reward))


def test_features_do_not_see_what_is_masked(source):
    obs = jax.tree.map(lambda x: x[0], source.episodes.observation)
    assert shared_features(obs).shape == (12, 3, NUM_FEATURES)
    blind = obs.replace(others=jnp.zeros_like(obs.others), others_mask=jnp.zeros_like(obs.others_mask))
    seen, unseen = np.asarray(shared_features(obs)), np.asarray(shared_features(blind))
    nobody = ~np.asarray(obs.others_mask).any(-1)
    np.testing.assert_array_equal(seen[nobody], unseen[nobody])


@pytest.mark.parametrize("part", list(carriers.PARTS))
def test_a_graft_moves_what_it_names_and_nothing_else(env, source, part):
    fresh = new_team(jax.random.key(9), CONFIG, env.actions, (*env.channels, CARRIED), 3)
    moved = nnx.to_pure_dict(carriers.graft(fresh, source.team, part).params)
    old, new = nnx.to_pure_dict(fresh.params), nnx.to_pure_dict(source.team.params)
    for name, tree in moved.items():
        for leaf, before, theirs in zip(*map(jax.tree.leaves, (tree, old[name], new[name])), strict=True):
            if name in carriers.PARTS[part]:
                np.testing.assert_array_equal(leaf[..., : theirs.shape[-1]], theirs)
            else:
                np.testing.assert_array_equal(leaf, before)


def test_a_carrier_that_does_not_fit_is_refused(env, source):
    wide = new_team(jax.random.key(9), NetworkConfig(width=16), env.actions, env.channels, 3)
    with pytest.raises(CarrierError, match="train both alike"):
        carriers.graft(wide, source.team, "critic")
    with pytest.raises(CarrierError, match="feature table 99"):
        Source(source.team.replace(features=99), source.episodes, source.drives, 0.9)


def test_arms_of_a_seed_start_from_the_same_parameters(env, source):
    drives = np.ones((3, 3), np.float32)
    prepared = plan(
        [source], env, CONFIG, arms=("scratch", "shaping", "policy"), seeds=2, seed=0, drives=drives
    )
    kernel = np.asarray(nnx.to_pure_dict(prepared.teams.params)["value_head"]["kernel"])
    np.testing.assert_array_equal(kernel[0], kernel[2])
    assert not np.array_equal(kernel[0], kernel[1])
    np.testing.assert_array_equal(prepared.drives[:, 0, -1], [0, 0, 1, 1, 0, 0])


def test_left_alone_learners_get_nothing_but_what_is_carried(env, source):
    drives = np.array([[0.05, 0.05, 1.0]] * 3)

    def asked(arms, alone):
        return plan([source], env, CONFIG, arms=arms, alone=alone, seeds=1, seed=0, drives=drives)

    alone, beside = (asked(("scratch", "distilled", "direct"), a) for a in (True, False))
    np.testing.assert_allclose(alone.drives[:, 0], [[0, 0, 0, 0], [0, 0, 0, 1], [0.05, 0.05, 1, 0]])
    np.testing.assert_allclose(beside.drives[:, 0, :3], [[0.05, 0.05, 1]] * 3)
    assert alone.alone and not beside.alone
    for arms, which in ((ALONE, True), (BESIDE, False)):
        some = tuple(a for a in arms if a != "oracle")  # which plays episodes
        assert asked(some, which).arms == some
    assert label("scratch", alone=True) != label("scratch") and label("direct")


def reward(carrier, episodes):
    return np.asarray(carrier.score(episodes.observation)[1])[:-1]


def test_the_oracle_is_right_by_construction(env, source):
    """It is made of the target's signals, not of the source's values, and standardised as others are."""
    there = play(env, scripted_team(env), jax.random.key(3), worlds=12)
    true = np.asarray(there.signals @ source.weights)[:-1]
    found = reward(carriers.oracle(source, there), there)
    guessed = reward(carriers.distilled(source), there)
    right, wrong = (abs(np.corrcoef(r.ravel(), true.ravel())[0, 1]) for r in (found, guessed))
    assert right > 0.6 and right > wrong + 0.2
    assert found.mean() == pytest.approx(0.0, abs=1e-3) and found.std() == pytest.approx(1.0, abs=1e-3)


def test_an_untrained_head_distils_into_another_reward_of_the_same_size(source):
    stranger = new_team(jax.random.key(5), CONFIG, source.team.actions, source.team.channels, 3)
    own, others = (
        reward(ARMS[a].carrier(Given(source, np.random.default_rng(0), stranger)), source.episodes)
        for a in ("distilled", "distilled-untrained")
    )
    assert others.std() == pytest.approx(own.std(), abs=1e-3)
    assert abs(np.corrcoef(own.ravel(), others.ravel())[0, 1]) < 0.9


def test_a_plan_says_which_source_each_seed_was_given(env, source):
    prepared = plan(
        [source] * 2, env, CONFIG, arms=("scratch", "oracle"), seeds=3, seed=0, drives=np.ones((3, 3))
    )
    assert prepared.sources == (0, 1, 0) and prepared.weight == 1.0
    assert (
        np.asarray(prepared.carriers.reward[3:]).any() and not np.asarray(prepared.carriers.reward[:3]).any()
    )
