import numpy as np
import pytest
import scipy.stats

from socialsim.analysis import statistics
from socialsim.core.errors import OptionError


def test_interquartile_mean_closed_form():
    assert statistics.interquartile_mean([0, 1, 2, 100]) == 1.5
    assert statistics.interquartile_mean(np.arange(8)) == 3.5
    assert statistics.interquartile_mean([[0, 1, 2, 100], [4, 4, 4, 4]]).tolist() == [1.5, 4.0]


@pytest.mark.parametrize("n", [5, 10, 20])
def test_bootstrap_covers_about_as_often_as_it_says(n):
    rng = np.random.default_rng(n)
    trials, hits = 300, 0
    for i in range(trials):
        e = statistics.bootstrap(rng.normal(size=n), seed=i, resamples=400)
        hits += e.low <= 0 <= e.high
    assert 0.90 <= hits / trials <= 0.99


def test_bootstrap_is_deterministic_and_stratified():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(10, 3)) * 0.01 + np.array([0.0, 10.0, 20.0])
    one = statistics.bootstrap_scores(scores, seed=1, statistic=np.mean)
    assert one == statistics.bootstrap_scores(scores, seed=1, statistic=np.mean)
    # Differences between worlds are no uncertainty: the interval is that of noise within worlds.
    assert one.high - one.low < 0.02
    assert one.low < 10 < one.high


def test_bootstrap_says_why_it_has_no_answer():
    assert statistics.bootstrap([1.0], seed=0).reason == "fewer than two values"
    assert np.isnan(statistics.bootstrap([1.0, np.nan, 2.0], seed=0).estimate)
    with pytest.raises(OptionError, match="allowed"):
        statistics.bootstrap(np.zeros((2, 2)), seed=0)
    with pytest.raises(OptionError, match="confidence"):
        statistics.bootstrap([1.0, 2.0], seed=0, confidence=95.0)


def test_spearman_equals_scipy_and_its_null_is_zero():
    rng = np.random.default_rng(0)
    x = rng.normal(size=3000).round(1)
    y = x + rng.normal(size=3000)
    e = statistics.spearman(x, y, groups=np.repeat(np.arange(100), 30), seed=0)
    assert e.estimate == pytest.approx(scipy.stats.spearmanr(x, y).statistic, abs=1e-9)
    assert e.low < e.estimate < e.high and e.n == 100
    assert abs(e.null) < 0.01 and e.null_low < 0 < e.null_high < 0.1
    alone = statistics.spearman(x, y, seed=0)
    assert alone.n == 3000 and alone.low > 0.6


def test_spearman_null_keeps_a_shared_trend():
    """Two variables that share only a trend over the episode: the block null is as high as the estimate."""
    rng = np.random.default_rng(0)
    trend = np.tile(np.linspace(0, 5, 40), 60)
    x, y = trend + rng.normal(size=2400), trend + rng.normal(size=2400)
    e = statistics.spearman(x, y, groups=np.repeat(np.arange(60), 40), seed=0)
    assert e.estimate > 0.6
    assert e.null == pytest.approx(e.estimate, abs=0.05)


def test_spearman_resamples_groups_whole():
    rng = np.random.default_rng(1)
    covered = 0
    for trial in range(200):  # x and y are constant within 20 groups: N is 20, not 1,000
        x, y = np.repeat(rng.normal(size=(2, 20)), 50, axis=1)
        e = statistics.spearman(x, y, groups=np.repeat(np.arange(20), 50), seed=trial, shuffles=0)
        covered += e.low <= 0 <= e.high
    assert covered >= 0.88 * 200


def test_spearmans_interval_is_that_of_a_bootstrap_by_hand():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(25), 8)
    x = rng.normal(size=200) + np.repeat(rng.normal(size=25), 8)
    y = x + 1.5 * rng.normal(size=200)
    e = statistics.spearman(x, y, groups=groups, seed=0, resamples=4000)
    ranks = np.stack([scipy.stats.rankdata(v) for v in (x, y)]).reshape(2, 25, 8)
    drawn = rng.integers(25, size=(4000, 25))
    by_hand = [np.corrcoef(*ranks[:, d].reshape(2, -1))[0, 1] for d in drawn]
    low, high = statistics.percentiles(np.array(by_hand), 0.95, size=25)
    assert (e.low, e.high) == pytest.approx((low, high), abs=0.02)


def test_constant_head_has_no_rank_agreement():
    e = statistics.spearman(np.ones(50), np.arange(50), seed=0)
    assert np.isnan(e.estimate) and "does not vary" in e.reason


def test_kendall_equals_scipy():
    rng = np.random.default_rng(0)
    x = rng.integers(5, size=400)
    y = x + rng.integers(5, size=400)
    e = statistics.kendall(x, y, groups=np.repeat(np.arange(40), 10), seed=0, resamples=100)
    assert e.estimate == pytest.approx(scipy.stats.kendalltau(x, y).statistic)
    assert e.low < e.estimate < e.high


def test_probability_of_improvement_closed_form():
    e = statistics.probability_of_improvement([1.0, 2, 3], [1.0, 0, 5])
    assert e.estimate == pytest.approx((0.5 + 1 + 0 + 1 + 1 + 0 + 1 + 1 + 0) / 9)
    swapped = statistics.probability_of_improvement([1.0, 0, 5], [1.0, 2, 3])
    assert swapped.estimate == pytest.approx(1 - e.estimate)
    assert swapped.low == pytest.approx(1 - e.high, abs=1e-4)


def test_few_seeds_claim_only_what_exact_tests_allow():
    """3 v 3 never excludes 1/2; 4 v 4 does so only when completely separated (chance 1/70 one-sided)."""

    def low(x, y):
        return statistics.probability_of_improvement(x, y).low

    assert low([10.0, 11, 12], [1.0, 2, 3]) < 0.5
    assert low([10.0, 11, 12, 13], [1.0, 2, 3, 4]) > 0.5
    assert low([3.5, 11, 12, 13], [1.0, 2, 3, 4]) < 0.5
    assert statistics.probability_of_improvement([9.0, 8, 7, 6], [1.0, 2, 3, 4], method="bootstrap").low == 1


@pytest.mark.parametrize("n", [4, 6, 10])
@pytest.mark.parametrize("kind", ["normal", "wide", "zeros"])
def test_improvement_interval_holds_its_rate(n, kind):
    rng = np.random.default_rng(n)
    trials, claims = 400, 0
    for _ in range(trials):
        x, y = rng.normal(size=(2, n))
        if kind == "wide":
            y = 3 * y
        if kind == "zeros":
            x, y = np.maximum(x, 0), np.maximum(y, 0)
        claims += statistics.probability_of_improvement(x, y).low > 0.5
    assert claims / trials <= 0.05


def test_improvement_averages_over_worlds():
    x, y = np.tile([[2.0, 0.0]], (6, 1)), np.ones((6, 2))
    e = statistics.probability_of_improvement(x, y, method="bootstrap", seed=0)
    assert e.estimate == 0.5
    with pytest.raises(OptionError, match="one world"):
        statistics.probability_of_improvement(x, y)


def test_combine_is_labelled():
    e = statistics.Estimate(1.0, 0.0, 2.0, 5)
    assert statistics.combine({"a": e, "b": e}, "arm").sel(arm="b").estimate == 1.0


def test_draws_that_say_nothing_give_no_interval_and_no_warning():
    draws = np.stack([np.full(50, np.nan), np.arange(50.0)], axis=1)
    low, high = statistics.percentiles(draws, 0.95)
    assert np.isnan(low[0]) and np.isnan(high[0]) and low[1] < 2 and high[1] > 47
    assert np.isnan(statistics.percentiles(np.full(9, np.nan), 0.95)).all()


def test_the_band_of_a_null_leaves_out_what_is_undefined():
    band = statistics.null_band([np.nan, *np.arange(101.0)])
    assert band == {"null": 50.0, "null_low": 2.5, "null_high": 97.5}
    assert all(np.isnan(x) for x in statistics.null_band([np.nan, np.nan]).values())
