"""The successor-feature probe recovers known drives from exact values, and none where there are none."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import socialsim
from socialsim.agents.networks import NetworkConfig
from socialsim.agents.team import new_team
from socialsim.analysis.futures import SuccessorFeatures
from socialsim.analysis.recording import play
from socialsim.analysis.recovery import Recovery
from socialsim.analysis.successor import SuccessorProbe, cosine, discounted
from socialsim.core.acts import Act
from socialsim.core.errors import OptionError

GAMMA, STATES, FEATURES = 0.9, 60, 6
NAMES = tuple(f"signal_{i}" for i in range(FEATURES))


@pytest.fixture(scope="module")
def chain():
    """A Markov chain with features of the state: exact psi, and psi by Monte Carlo over simulated futures."""
    rng = np.random.default_rng(0)
    step = rng.dirichlet(np.full(STATES, 0.1), size=STATES)
    phi = rng.normal(size=(STATES, FEATURES))
    exact = np.linalg.solve(np.eye(STATES) - GAMMA * step, phi)
    state = np.repeat(np.arange(STATES), 40)  # forty futures of each state
    path = []
    for _ in range(60):
        path.append(phi[state])
        state = (rng.random((len(state), 1)) > step[state].cumsum(1)).sum(1).clip(max=STATES - 1)
    sampled = discounted(np.stack(path), GAMMA).reshape(STATES, 40, FEATURES).mean(1)
    return exact, sampled


def probe(values, psi, drives=None, **options):
    return SuccessorProbe(resamples=200, shuffles=50, **options)(
        values, psi, groups=np.arange(len(psi)), features=NAMES, drives=drives
    )


def test_monte_carlo_agrees_with_the_bellman_equation(chain):
    exact, sampled = chain
    assert np.corrcoef(exact.ravel(), sampled.ravel())[0, 1] > 0.98


@pytest.mark.parametrize("kind", ["exact", "sampled"])
def test_twenty_random_drives_are_recovered(chain, kind):
    """cos(w_hat, w_true) >= 0.95 for each of 20; a value that knows nothing of them has 0 on average."""
    exact, sampled = chain
    rng = np.random.default_rng(1)
    for _ in range(20):
        drives = rng.normal(size=FEATURES)
        found = probe(exact @ drives + 3, exact if kind == "exact" else sampled, drives)
        assert found.estimate >= 0.95 and found.low <= found.estimate <= found.high <= 1
        assert found.null_high < found.low
        if kind == "exact":
            np.testing.assert_allclose(found.weight, drives, atol=1e-3)
            assert found.r2 > 0.99


def test_values_that_know_nothing(chain):
    """Smooth random functions of the state: neither the mean cosine nor more intervals off 0 than chance."""
    exact, _ = chain
    rng = np.random.default_rng(2)
    hidden = rng.normal(size=(STATES, 12))
    cosines, claims = [], []
    for _ in range(40):
        value = np.tanh(hidden @ rng.normal(size=12))
        found = probe(value, exact, rng.normal(size=FEATURES))
        cosines.append(float(found.estimate))
        claims.append(found.estimate > found.null_high)
    assert np.mean(cosines) <= 0.2 and np.mean(claims) <= 0.15


def test_features_that_no_drive_rewards_get_no_weight(chain):
    exact, _ = chain
    drives = np.array([1.0, 2.0, 0.0, 0.0, 0.0, 0.0])
    noise = np.random.default_rng(3).normal(size=STATES)
    found = probe(exact @ drives + 0.5 * noise, exact, drives)
    idle = found.isel(feature=slice(2, None))
    assert ((idle.weight_low < 0.1) & (idle.weight_high > -0.1)).all()
    assert (found.weight_low[:2] > 0.5).all() and found.contribution[1] > found.contribution[2] + 0.5


EPISODES, MOMENTS = 150, 12


@pytest.fixture(scope="module")
def veiled():
    """Three signals' futures of which observations tell 80, 30 and 10 %, and heads that know just that: the
    best that agents can have. Observations are 20 numbers; futures add noise of their own."""
    rng = np.random.default_rng(5)
    told = np.array([0.8, 0.3, 0.1])
    episode = rng.normal(size=(EPISODES, 1, 20)) + 0.7 * rng.normal(size=(EPISODES, MOMENTS, 20))
    observation = episode.reshape(-1, 20)
    heads = observation @ rng.normal(size=(20, 3))
    heads /= heads.std(0)
    hidden = rng.normal(size=heads.shape)
    data = xr.Dataset(
        {
            "psi": (("row", "feature"), np.sqrt(told) * heads + np.sqrt(1 - told) * hidden),
            "value": (("row", "channel"), np.sqrt(told) * heads),
            "observation": (("row", "sense"), observation),
            "group": ("row", np.repeat(np.arange(EPISODES), MOMENTS)),
        },
        coords={"feature": list("abc"), "channel": list("abc")},
    )
    return data, told


def test_agents_that_see_a_part_are_not_taken_for_agents_of_other_drives(veiled):
    """cos >= 0.95 for 20 random drives where heads are as right as observations allow; regressed on psi of
    the state, the same heads would seem to weigh the signals by what can be seen of them."""
    data, told = veiled
    rng = np.random.default_rng(6)
    step = SuccessorProbe(resamples=100, shuffles=20)
    blind = []
    for _ in range(20):
        drives = rng.normal(size=3)
        given = {"groups": data.group.values, "features": ("a", "b", "c"), "drives": drives}
        value = data["value"].values @ drives
        found = step(value, data.psi.values, observation=data.observation.values, **given)
        assert found.estimate >= 0.95
        np.testing.assert_allclose(found.seen, told, atol=0.08)
        blind.append(float(step(value, data.psi.values, **given).estimate))
    assert min(blind) < 0.8


def test_recovery_tells_exact_heads_from_others(veiled):
    """All random drives at once: the unit matrix for exact heads; about 0 over heads that know nothing."""
    data, _ = veiled
    step = Recovery(resamples=200, shuffles=40)
    found = step(data)
    assert found.estimate >= 0.95 and found.cosine.min() >= 0.9 and found.null_high < found.low
    np.testing.assert_allclose(found.matrix, np.eye(3), atol=0.25)
    negated = step(data.assign(value=-data["value"]))
    assert float(negated.estimate) == pytest.approx(-float(found.estimate))
    rng = np.random.default_rng(7)
    nothing = []
    for _ in range(20):
        hidden = np.tanh(data.observation.values @ rng.normal(size=(20, 8)) / 4)
        heads = data.assign(value=(("row", "channel"), hidden @ rng.normal(size=(8, 3))))
        nothing.append(float(step(heads).estimate))
    assert abs(np.mean(nothing)) <= 0.2 and max(nothing) < float(found.low)


def test_recovery_of_heads_that_say_nothing(veiled):
    data, _ = veiled
    flat = Recovery()(data.assign(value=0 * data["value"]))
    assert np.isnan(flat.estimate) and "no value varies" in flat.reason.item()
    deaf = data.copy(deep=True)
    deaf["value"][:, 2] = 0.0  # one head never learned: its drives are lost, those of the others are not
    found = Recovery(resamples=100, shuffles=20)(deaf)
    assert 0.5 < found.estimate < 0.95 and np.allclose(found.matrix[:, 2], 0)
    with pytest.raises(OptionError, match="drives"):
        Recovery(drives=0)


def test_bootstrap_solves_the_same_ridge(chain):
    """Weights from the sums of all groups, each drawn once, are those of the whole fit."""
    exact, _ = chain
    x = (exact - exact.mean(0)) / exact.std(0)
    v = x @ np.arange(6.0)
    step = SuccessorProbe(resamples=100)
    draws = step._draws(np.tile(x, (2, 1)), np.tile(v, 2), np.zeros(2 * STATES), 0.1)
    expected = np.linalg.solve(x.T @ x / STATES + 0.1 * np.eye(6), x.T @ v / STATES)
    np.testing.assert_allclose(draws, np.broadcast_to(expected, draws.shape), atol=1e-8)


def test_undefined_and_bad_input(chain):
    exact, _ = chain
    flat = probe(np.ones(STATES), exact, np.ones(FEATURES))
    assert np.isnan(flat.estimate) and "does not vary" in flat.reason.item()
    assert np.isnan(probe(exact[:, 0], exact).estimate)  # no drives given: weights, but no cosine
    assert probe(exact[:, 0], exact).weight[0] > 0.9
    assert np.isnan(cosine(np.zeros(3), np.ones(3)))
    with pytest.raises(OptionError, match="one for each"):
        probe(exact[:, 0], exact, np.ones(2))
    assert SuccessorProbe().plot(probe(exact[:, 0], exact, np.eye(FEATURES)[0])).axes


@pytest.fixture(scope="module")
def env():
    return socialsim.make("rendezvous-v0", num_agents=2, needed=2, size=5, walls=0, horizon=29)


STEP = SuccessorFeatures(0.87, worlds=8, every=29, futures=2, decoys=("looked_at",))
"""One state per world, the first; as many steps on from it as an episode has (0.87^29 < 0.02)."""


def always(team, act):
    """The team, made to do one act for ever."""
    head = team.params["actor_head"]
    bias = head["bias"].replace(jnp.zeros(head["bias"].shape).at[act].set(1e6))
    params = team.params.__class__({**team.params, "actor_head": head.__class__({**head, "bias": bias})})
    return team.replace(params=params)


def test_continued_states_follow_the_simulation(env):
    """With a team that always does the same, a continued state gives the returns that the episode gave."""
    team = always(
        new_team(jax.random.key(0), NetworkConfig(width=8), env.actions, env.channels, 2), Act.ADVANCE
    )
    data = STEP(env, team, jax.random.key(1))
    episodes = play(env, team, jax.random.split(jax.random.key(1))[0], worlds=8, states=True)
    expected = discounted(np.asarray(episodes.signals, float), 0.87).reshape(16, 3)
    np.testing.assert_allclose(data.psi[:, :3], expected, atol=1e-5)
    assert expected.std() > 0.01
    varies = data.psi.values.std(0) > 1e-6
    np.testing.assert_allclose(data.reliability[varies], 1, atol=1e-6)
    assert list(data.group) == list(np.repeat(np.arange(8), 2))


def test_a_team_with_known_drives(env):
    team = new_team(jax.random.key(0), NetworkConfig(width=8), env.actions, env.channels, 2)
    data = STEP(env, team, jax.random.key(1))
    assert ((data.reliability >= 0) & (data.reliability <= 1)).sum() >= 2
    # Values that are exactly what the drives make of psi, in the units of the heads:
    drives = np.array([0.1, 0.1, 1.0])
    exact = data.assign(value=(("row", "channel"), data.psi.values[:, :3]))
    exact.psi.values += np.random.default_rng(0).normal(size=exact.psi.shape) * 1e-3  # all of them vary
    exact["value"] = (("row", "channel"), exact.psi.values[:, :3])
    probe = SuccessorProbe(alphas=(1e-9,), resamples=100, shuffles=20)
    exact["observation"] = (("row", "sense"), exact.psi.values)  # agents that see all there is
    found = STEP.recover(exact, drives, probe)
    assert list(found.drive.values) == [0.1, 0.1, 1.0, 0.0]
    assert found.estimate == pytest.approx(1, abs=1e-3)
    with pytest.raises(OptionError, match="one per channel"):
        STEP.recover(data, np.ones(2))
    recurrent = new_team(
        jax.random.key(0), NetworkConfig(width=8, recurrent=True), env.actions, env.channels, 2
    )
    with pytest.raises(OptionError, match="recurrent"):
        STEP(env, recurrent, jax.random.key(1))
