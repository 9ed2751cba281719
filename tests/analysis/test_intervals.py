"""Intervals of `statistics`, beside the same worked out another way."""

import numpy as np
import pytest
import scipy.optimize
import scipy.stats

from socialsim.analysis import statistics
from socialsim.core.errors import OptionError

RNG = np.random.default_rng(0)


# -- percentiles and the bootstrap -----------------------------------------------------------------------


def test_percentiles_are_quantiles():
    draws = np.arange(1001.0)
    assert statistics.percentiles(draws, 0.9) == pytest.approx((50.0, 950.0))
    assert statistics.percentiles(draws, 0.5) == pytest.approx((250.0, 750.0))
    with_gaps = np.concatenate([draws, [np.nan] * 99])
    assert statistics.percentiles(with_gaps, 0.9) == pytest.approx((50.0, 950.0))


@pytest.mark.parametrize("n, strata", [(5, 1), (5, 4), (30, 1)])
def test_expanded_percentiles_of_normal_draws_have_the_width_of_students_interval(n, strata):
    """A bootstrap of a mean draws N(mean, (n - 1)/n s^2/n); expanded it reaches mean +- t s/sqrt(n)."""
    exact = scipy.stats.norm.ppf((np.arange(200_000) + 0.5) / 200_000) * np.sqrt((n - 1) / n)
    low, high = statistics.percentiles(exact, 0.95, size=n, strata=strata)
    t = scipy.stats.t.ppf(0.975, (n - 1) * strata)
    assert high == pytest.approx(t, rel=2e-3) and low == pytest.approx(-t, rel=2e-3)


def test_the_bootstrap_of_a_mean_is_students_interval():
    values = RNG.normal(size=40)
    e = statistics.bootstrap(values, np.mean, seed=0, resamples=20_000)
    exact = scipy.stats.t.interval(0.95, 39, values.mean(), scipy.stats.sem(values))
    assert e.estimate == pytest.approx(values.mean()) and e.n == 40
    assert (e.low, e.high) == pytest.approx(exact, abs=0.03)
    narrow = statistics.bootstrap(values, np.mean, seed=0, resamples=20_000, confidence=0.5)
    half = scipy.stats.t.interval(0.5, 39, values.mean(), scipy.stats.sem(values))
    assert (narrow.low, narrow.high) == pytest.approx(half, abs=0.02)


def test_many_values_are_resampled_in_parts():
    """Beyond four million indices the work is cut up; every draw is still there."""
    seen = []

    def counted(values, axis):
        seen.append(np.shape(values))
        return np.mean(values, axis=axis)

    statistics.bootstrap(RNG.normal(size=50_000), counted, seed=0, resamples=100)
    parts = [shape[0] for shape in seen if len(shape) == 2]
    assert parts == [80, 20]


def test_strata_are_told_apart_and_the_smallest_sets_the_width():
    values = np.concatenate([RNG.normal(size=3), RNG.normal(100, 1, size=40)])
    labels = np.repeat([0, 1], [3, 40])

    def first_mean(values, axis):
        return values[..., :3].mean(axis)

    e = statistics.bootstrap(values, first_mean, seed=0, strata=labels)
    assert -10 < e.low < e.high < 10  # none of the others was ever drawn in their place
    alone = statistics.bootstrap(values[:3], np.mean, seed=0)
    assert e.high - e.low == pytest.approx(alone.high - alone.low, rel=0.4)


def test_bootstrap_scores_refuses_other_shapes():
    with pytest.raises(OptionError, match="allowed"):
        statistics.bootstrap_scores(np.zeros(3), seed=0)
    with pytest.raises(OptionError, match="resamples=99"):
        statistics.bootstrap([1.0, 2.0], seed=0, resamples=99)
    assert statistics.bootstrap([1.0, 2.0], seed=0, resamples=100, confidence=0.5).n == 2


# -- rank agreement --------------------------------------------------------------------------------------


def test_the_correlation_of_sums_is_pearsons():
    x, y = RNG.normal(3, 2, size=(2, 50))
    y += x
    groups = np.repeat(np.arange(10), 5)
    sums = statistics.cluster_sums(groups, np.ones(50), x, y, x * x, y * y, x * y)
    assert sums.shape == (10, 6)
    np.testing.assert_allclose(sums[3, 1], x[15:20].sum())
    assert statistics._correlation(sums.sum(0)) == pytest.approx(np.corrcoef(x, y)[0, 1])
    assert np.isnan(statistics._correlation(np.array([4.0, 4, 3, 4, 5, 3])))  # x is 1 four times


def test_cluster_counts_draw_as_many_as_there_are():
    counts = statistics.cluster_counts(7, 4000, np.random.default_rng(0))
    assert counts.shape == (4000, 7) and (counts.sum(1) == 7).all()
    assert counts.mean(0) == pytest.approx(1.0, abs=0.1) and counts.var() == pytest.approx(6 / 7, abs=0.05)


def test_spearmans_interval_is_that_of_a_bootstrap_by_hand():
    groups = np.repeat(np.arange(25), 8)
    x = RNG.normal(size=200) + np.repeat(RNG.normal(size=25), 8)
    y = x + 1.5 * RNG.normal(size=200)
    e = statistics.spearman(x, y, groups=groups, seed=0, resamples=4000)
    ranks = np.stack([scipy.stats.rankdata(v) for v in (x, y)]).reshape(2, 25, 8)
    drawn = RNG.integers(25, size=(4000, 25))
    by_hand = [np.corrcoef(*ranks[:, d].reshape(2, -1))[0, 1] for d in drawn]
    low, high = statistics.percentiles(np.array(by_hand), 0.95, size=25)
    assert (e.low, e.high) == pytest.approx((low, high), abs=0.02)


def test_order_of_rows_and_pairs_that_are_not_finite_do_not_matter():
    groups = np.repeat(np.arange(12), 10)
    x = RNG.normal(size=120)
    y = x + RNG.normal(size=120)
    one = statistics.spearman(x, y, groups=groups, seed=0)
    order = RNG.permutation(120)
    shuffled = statistics.spearman(x[order], y[order], groups=groups[order], seed=0)
    assert (shuffled.estimate, shuffled.low, shuffled.high) == pytest.approx(
        (one.estimate, one.low, one.high), abs=1e-9
    )
    more = [np.append(v, [np.nan, 1.0, np.inf]) for v in (x, y[...])]
    more[1][-2] = np.nan
    assert statistics.spearman(*more, groups=np.append(groups, [3, 99, 4]), seed=0) == one
    with pytest.raises(OptionError, match="one length"):
        statistics.spearman(x, y[:-1], seed=0)


def test_more_clusters_than_fit_give_the_same_width():
    x = RNG.normal(size=3000)
    y = x + RNG.normal(size=3000)
    binned = statistics.spearman(x, y, seed=0, shuffles=0)
    assert binned.n == 3000 > statistics.MAX_CLUSTERS
    error = (1 - binned.estimate**2) / np.sqrt(3000)  # of a correlation, in large samples
    assert binned.high - binned.low == pytest.approx(2 * 1.96 * error, rel=0.25)
    assert np.isnan(binned.null)


@pytest.mark.parametrize("of", [statistics.spearman, statistics.kendall])
def test_what_has_no_ranking_says_why(of):
    x = np.arange(10.0)
    assert of(x, np.full(10, 3.0), seed=0).reason == "the second variable does not vary"
    assert of(np.full(10, 1e9), x, seed=0).reason == "the first variable does not vary"
    assert of(x, x, groups=np.zeros(10), seed=0).reason == "fewer than two groups"
    assert of(x, np.full(10, np.nan), seed=0).reason == "no finite pairs"
    assert of(1e-9 * x, x, seed=0).estimate == pytest.approx(1.0)  # small, and it varies


def test_blocks_trade_places_whole():
    groups = np.repeat([4, 7, 9], [2, 3, 1])
    seen = set()
    for seed in range(40):
        order = statistics.shuffle_blocks(groups, np.random.default_rng(seed))
        assert sorted(order) == list(range(6))
        moved = groups[order]
        assert (np.diff(moved) != 0).sum() == 2  # three runs: no group is torn apart
        assert all((np.diff(order[moved == g]) == 1).all() for g in (4, 7, 9))
        seen.add(tuple(order))
    assert len(seen) == 6


def test_kendalls_interval_shrinks_as_the_root_of_what_is_resampled():
    x = RNG.normal(size=1600)
    y = x + RNG.normal(size=1600)
    whole, part = (statistics.kendall(x, y, seed=0, resamples=200, cap=cap) for cap in (1600, 100))
    assert whole.estimate == part.estimate == pytest.approx(scipy.stats.kendalltau(x, y).statistic)
    assert (part.high - part.low) / (whole.high - whole.low) == pytest.approx(4, rel=0.35)
    middle = (part.low + part.high) / 2
    assert middle == pytest.approx(part.estimate, abs=0.35 * (part.high - part.low))
    assert whole.n == 1600


# -- probability of improvement --------------------------------------------------------------------------


@pytest.mark.parametrize("m, n", [(6, 9), (15, 7)])
def test_the_brunner_munzel_interval_touches_a_half_where_the_test_says(m, n):
    x, y = RNG.normal(0.4, 1, size=m), RNG.normal(0, 2, size=n)
    p = scipy.stats.brunnermunzel(x, y).pvalue
    low, high = statistics._brunner_munzel(statistics._placements(x, y), 1 - p)
    assert min(abs(low - 0.5), abs(high - 0.5)) == pytest.approx(0, abs=1e-6)
    ties = statistics._placements(np.array([1.0, 1.0]), np.array([1.0, 1.0]))
    assert statistics._brunner_munzel(ties, 0.95) == (0.5, 0.5)


@pytest.mark.parametrize("p, m, n", [(0.7, 8, 5), (0.5, 4, 4), (0.2, 12, 20)])
def test_the_score_interval_solves_newcombes_equation(p, m, n):
    z = 1.96

    def beyond(theta):
        star = (m + n) / 2 - 1
        spread = 1 + star * (1 - theta) / (2 - theta) + star * theta / (1 + theta)
        variance = theta * (1 - theta) * spread / (m * n)
        return abs(p - theta) - 1 / (2 * m * n) - z * np.sqrt(variance)

    low, high = statistics._score_interval(p, m, n, z)
    assert low == pytest.approx(scipy.optimize.brentq(beyond, 1e-9, p), abs=1e-4)
    assert high == pytest.approx(scipy.optimize.brentq(beyond, p, 1 - 1e-9), abs=1e-4)


def test_the_wider_interval_is_told_on_each_side():
    x, y = RNG.normal(1, 1, size=9), RNG.normal(0, 3, size=6)
    wins = statistics._placements(x, y)
    score = statistics._score_interval(wins.mean(), 9, 6, scipy.stats.norm.ppf(0.95))
    welch = statistics._brunner_munzel(wins, 0.9)
    e = statistics.probability_of_improvement(x, y, confidence=0.9)
    assert (e.low, e.high) == (min(score[0], welch[0]), max(score[1], welch[1]))
    assert e.n == 6


def test_the_bootstrap_of_improvement_is_that_by_hand_for_arms_of_two_sizes_and_two_worlds():
    x, y = RNG.normal(0.5, 1, size=(12, 2)), RNG.normal(0, 1, size=(7, 2))
    e = statistics.probability_of_improvement(x, y, method="bootstrap", seed=0, resamples=4000)
    assert e.n == 7

    def chance(x, y):
        return (x[:, None] > y[None]).mean()

    by_hand = []
    for _ in range(4000):
        mine, theirs = RNG.integers(12, size=(2, 12)), RNG.integers(7, size=(2, 7))
        by_hand.append(np.mean([chance(x[mine[w], w], y[theirs[w], w]) for w in (0, 1)]))
    assert e.estimate == pytest.approx(np.mean([chance(x[:, w], y[:, w]) for w in (0, 1)]))
    assert (e.low, e.high) == pytest.approx(tuple(np.quantile(by_hand, [0.025, 0.975])), abs=0.02)


def test_improvement_refuses_and_says_why():
    of = statistics.probability_of_improvement
    assert of([1.0], [1.0, 2.0]).reason == "fewer than two seeds in an arm"
    assert of([1.0, np.nan], [1.0, 2.0]).reason == "an arm has undefined (NaN) scores"
    assert of([1.0, np.inf], [1.0, 2.0]).estimate == pytest.approx(0.625)
    for x, y in (([1.0, 2.0], [[1.0], [2.0]]), (np.zeros((2, 2)), np.zeros((2, 3))), (1.0, 2.0)):
        with pytest.raises(OptionError, match="allowed"):
            of(x, y, method="bootstrap")
    with pytest.raises(OptionError, match="'score', 'bootstrap'"):
        of([1.0, 2.0], [1.0, 2.0], method="t")


def test_an_interval_excludes_what_lies_outside():
    e = statistics.Estimate(1.0, 0.5, 2.0, 5)
    assert [e.excludes(v) for v in (0.4, 0.5, 1.0, 2.0, 2.1)] == [True, False, False, False, True]
    assert not statistics.undefined(3, "why").excludes(0.0)
    assert float(e.to_dataset().high) == 2.0
