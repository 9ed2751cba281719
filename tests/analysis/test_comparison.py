import types

import numpy as np
import pytest
import scipy.stats
import xarray as xr

from socialsim.analysis.comparison import RankAgreement, ReturnAgreement, RewardDistance, ValueAsRewardError
from socialsim.core.errors import OptionError

S, A, GAMMA = 6, 3, 0.9


@pytest.fixture(scope="module")
def world():
    rng = np.random.default_rng(0)
    p = rng.random((S, A, S)) * (rng.random((S, A, S)) < 0.6) + 1e-3 * np.eye(S)[:, None]
    return p / p.sum(-1, keepdims=True)


def reward(seed):
    return np.random.default_rng(seed).normal(size=(S, A, S))


def shaping(seed):
    phi = np.random.default_rng(seed).normal(size=S)
    return GAMMA * phi[None, None, :] - phi[:, None, None] + np.zeros((S, A, S))


@pytest.mark.parametrize("method", ["starc", "epic", "dard"])
def test_invariances(world, method):
    distance = RewardDistance(world, GAMMA, method)
    r = reward(1)
    assert distance(r, r) == pytest.approx(0, abs=1e-5)
    assert distance(r, 3.7 * r) == pytest.approx(0, abs=1e-5)
    assert distance(r, r + shaping(2)) == pytest.approx(0, abs=1e-5)
    assert distance(r, 0.2 * r + 5 * shaping(3)) == pytest.approx(0, abs=1e-5)
    assert distance(r, -r) == pytest.approx(1, abs=1e-5)
    assert distance(r, reward(4)) == pytest.approx(distance(reward(4), r))
    assert distance(reward(5) + shaping(6), reward(7)) == pytest.approx(
        distance(reward(5), reward(7)), abs=1e-5
    )


@pytest.mark.parametrize("method", ["starc", "epic", "dard"])
def test_random_pairs_are_about_070_apart(world, method):
    distance = RewardDistance(world, GAMMA, method)
    assert np.mean([distance(reward(i), reward(i + 100)) for i in range(40)]) == pytest.approx(0.70, abs=0.05)


def test_only_starc_ignores_how_the_next_state_is_rewarded(world):
    r = reward(1)
    moved = r + (extra := reward(2)) - (world * extra).sum(-1, keepdims=True)
    assert RewardDistance(world, GAMMA)(r, moved) == pytest.approx(0, abs=1e-5)
    assert RewardDistance(world, GAMMA, "epic")(r, moved) > 0.2


def test_the_figures_of_the_specification():
    """Over many dense random worlds: random pairs 0.70, negation 1.0; rewards that differ only in how S' is
    redistributed: EPIC 0.37, VAL 0 (to first order EPIC gives sqrt((1 - sqrt(1/2)) / 2) = 0.383)."""
    found = {method: [] for method in ("epic", "dard", "starc")}
    for seed in range(40):
        rng = np.random.default_rng(seed)
        p = rng.random((S, A, S))
        p /= p.sum(-1, keepdims=True)
        r, other, extra = rng.normal(size=(3, S, A, S))
        moved = r + extra - (p * extra).sum(-1, keepdims=True)
        for method, rows in found.items():
            distance = RewardDistance(p, GAMMA, method)
            rows.append([distance(r, other), distance(r, -r), distance(r, moved)])
    mean = {method: np.mean(rows, 0) for method, rows in found.items()}
    for random, negation, _ in mean.values():
        assert random == pytest.approx(0.70, abs=0.02) and negation == pytest.approx(1.0, abs=1e-5)
    assert mean["epic"][2] == pytest.approx(0.37, abs=0.015)
    assert mean["starc"][2] == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize("method", ["starc", "epic", "dard"])
def test_a_value_head_is_refused(world, method):
    distance = RewardDistance(world, GAMMA, method)
    head = types.SimpleNamespace(is_value=True)
    labelled = xr.DataArray(reward(1), attrs={"kind": "value"})
    for value in (head, labelled):
        with pytest.raises(ValueAsRewardError, match="pure shaping"):
            distance(reward(1), value)
    with pytest.raises(ValueAsRewardError, match="pure shaping"):
        distance(shaping(1), reward(1))


def test_reward_distance_checks_its_input(world):
    with pytest.raises(OptionError, match="distribution"):
        RewardDistance(2 * world, GAMMA)
    with pytest.raises(OptionError, match="allowed"):
        RewardDistance(world, GAMMA)(reward(1), np.zeros((2, 2, 2)))
    with pytest.raises(OptionError, match="did you mean 'starc'"):
        RewardDistance(world, GAMMA, "stark")


@pytest.mark.parametrize("method", ["kendall", "spearman"])
def test_heads_over_one_battery(method):
    rng = np.random.default_rng(0)
    x = rng.normal(size=120)
    table = np.stack([x, np.exp(x), x + rng.normal(size=120), np.ones(120)])
    values = xr.DataArray(table, dims=("head", "item"), coords={"head": ["a", "monotone", "noisy", "flat"]})
    r = RankAgreement(method, resamples=100)(values)
    assert r.estimate.sel(head="a", other="monotone") == pytest.approx(1.0)
    expected = {"kendall": scipy.stats.kendalltau, "spearman": scipy.stats.spearmanr}[method](x, table[2])[0]
    assert r.estimate.sel(head="noisy", other="a") == pytest.approx(expected)
    assert np.isnan(r.estimate.sel(head="flat")).all()
    assert "does not vary" in r.reason.sel(head="flat", other="a").item()


def recording():
    rng = np.random.default_rng(0)
    returns = rng.normal(size=(20, 10, 3, 2))
    value = np.stack([returns[..., 0] + rng.normal(size=returns.shape[:-1]), np.zeros((20, 10, 3))], -1)
    dims = ("step", "world", "agent", "channel")
    valid = np.ones((20, 10), bool)
    valid[15:] = False
    value[15:] = -returns[15:]  # must not count
    episode = np.arange(10)[None] + 10 * (np.arange(20) >= 8)[:, None]
    return xr.Dataset(
        {
            "value": (dims, value),
            "returns": (dims, returns),
            "returns_valid": (dims[:2], valid),
            "episode": (dims[:2], episode),
        },
        coords={"channel": ["coordination", "flat"]},
    )


def test_health_of_value_heads():
    r = ReturnAgreement()(recording())
    good, flat = r.sel(channel="coordination"), r.sel(channel="flat")
    assert good.low > 0.5 and good.null_high < good.low and good.n == 20
    assert good.explained_variance == pytest.approx(0.0, abs=0.15)  # var(noise) = var(return)
    assert np.isnan(flat.estimate) and "does not vary" in flat.reason.item() and flat.value_std == 0
    with pytest.raises(OptionError, match="returns"):
        ReturnAgreement()(recording().drop_vars("returns"))
