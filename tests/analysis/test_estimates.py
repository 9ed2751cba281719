"""Estimates one by one: closed forms, cases by hand, independent oracles."""

import dataclasses

import numpy as np
import pytest
import scipy.stats

from socialsim.analysis import statistics
from socialsim.analysis.clusters import cluster_bootstrap
from socialsim.core.errors import OptionError


def test_an_interval_excludes_what_lies_beyond_it():
    e = statistics.Estimate(1.0, 0.5, 2.0, 5)
    assert [e.excludes(v) for v in (0.4, 0.5, 1.0, 2.0, 2.1)] == [True, False, False, False, True]
    assert not statistics.undefined(3, "why").excludes(0.0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        e.low = 0.0  # type: ignore[misc]


def test_estimates_are_equal_where_every_field_is_and_undefined_ones_are():
    one = statistics.Estimate(1.0, 0.5, 2.0, 5)
    again = statistics.Estimate(1.0, 0.5, 2.0, 5, *(float("nan") for _ in range(3)))
    assert one == again and hash(one) == hash(again) and one != (1.0, 0.5, 2.0, 5)
    for other in ({"low": 0.6}, {"n": 6}, {"null": 0.0}, {"reason": "why"}, {"estimate": np.nan}):
        assert one != dataclasses.replace(one, **other)
    assert statistics.undefined(3, "why") == dataclasses.replace(statistics.undefined(3, ""), reason="why")


def test_estimates_as_datasets_hold_every_field():
    fields = ["estimate", "low", "high", "n", "null", "null_low", "null_high", "reason"]
    e = statistics.undefined(3, "why")
    one = e.to_dataset()
    assert list(one) == fields and one.n == 3 and one.reason == "why" and one.estimate.dims == ()
    assert all(np.isnan(one[f]) for f in fields if f not in ("n", "reason"))
    both = statistics.combine({"a": e, "b": statistics.Estimate(1.0, 0.0, 2.0, 5)}, "arm")
    assert list(both) == fields and dict(both.sizes) == {"arm": 2}
    assert both.arm.values.tolist() == ["a", "b"] and both.n.values.tolist() == [3, 5]
    assert both.reason.values.tolist() == ["why", ""]


def test_confidence_and_resamples_have_bounds():
    assert statistics.check_confidence(0.5) == 0.5 and statistics.check_confidence(0.999) == 0.999
    assert statistics.check_resamples(100) == 100
    for bad in (0.49, 1.0, 1.5, float("nan")):
        with pytest.raises(OptionError, match=r"confidence=.*allowed: 0.5 <= confidence < 1"):
            statistics.check_confidence(bad)
    with pytest.raises(OptionError, match=r"resamples=99; allowed: 100 or more"):
        statistics.check_resamples(99)


ESTIMATORS = [
    lambda **options: statistics.bootstrap(
        np.random.default_rng(0).normal(size=30), **{"seed": 0, **options}
    ),
    lambda **options: statistics.spearman(np.arange(12.0), np.arange(12.0) % 5, **{"seed": 0, **options}),
    lambda **options: statistics.kendall(np.arange(12.0), np.arange(12.0) % 5, **{"seed": 0, **options}),
    lambda **options: statistics.probability_of_improvement(
        np.arange(9.0), np.arange(7.0) + 0.5, **{"method": "bootstrap", **options}
    ),
]


@pytest.mark.parametrize("number, resamples", [(0, 2000), (1, 1000), (2, 400), (3, 2000)])
def test_defaults_are_95_percent_and_seeds_decide(number, resamples):
    estimator = ESTIMATORS[number]
    one = estimator()
    assert one == estimator(confidence=0.95, resamples=resamples, seed=0)
    assert one != estimator(seed=1) and one != estimator(resamples=resamples + 1)
    wide, narrow = estimator(confidence=0.99), estimator(confidence=0.5)
    assert wide.low < one.low < narrow.low <= one.estimate <= narrow.high < one.high < wide.high
    for bad in ({"confidence": 1.0}, {"resamples": 99}):
        with pytest.raises(OptionError, match="allowed"):
            estimator(**bad)


def test_options_are_given_by_name():
    x = np.arange(9.0)
    for call in (
        lambda: statistics.percentiles(x, 0.9, 5),
        lambda: statistics.bootstrap(x, np.mean, 0),
        lambda: statistics.bootstrap_scores(x[:, None], 0),
        lambda: statistics.spearman(x, x, 0),
        lambda: statistics.kendall(x, x, 0),
        lambda: statistics.probability_of_improvement(x, x, "score"),
    ):
        with pytest.raises(TypeError, match="positional argument"):
            call()


def test_percentiles_are_widened_for_few_units():
    """Levels of Hesterberg (2015): Phi(-sqrt(n/(n-1)) t), with n-1 degrees of freedom for each stratum."""
    line = np.linspace(0, 1, 100_001)
    assert statistics.percentiles(line, 0.9) == pytest.approx((0.05, 0.95))
    for size, strata in ((4, 3), (10, 1), (5, 4), (1000, 1)):
        t = scipy.stats.t(size * strata - strata).ppf(0.975)
        tail = scipy.stats.norm.sf(t * (1 + 1 / (size - 1)) ** 0.5)
        low, high = statistics.percentiles(line, 0.95, size=size, strata=strata)
        assert (low, high) == pytest.approx((tail, 1 - tail), abs=1e-6)
    assert statistics.percentiles(line, 0.95, size=5) == statistics.percentiles(line, 0.95, size=5, strata=1)
    assert statistics.percentiles(line, 0.95, size=1) == statistics.percentiles(line, 0.95)
    assert statistics.percentiles(line, 0.95, size=10, within=(0.2, 0.9)) == (0.2, 0.9)
    some = np.stack([line, np.where(line < 0.5, np.nan, line)], axis=1)
    low, high = statistics.percentiles(some, 0.9)
    assert low == pytest.approx([0.05, 0.525]) and high == pytest.approx([0.95, 0.975])


def test_bootstrap_of_a_mean_is_the_normal_interval_where_values_are_many():
    values = np.random.default_rng(0).exponential(size=600)
    e = statistics.bootstrap(values, np.mean, seed=0, confidence=0.9, resamples=6000)
    half = 1.645 * values.std() / 600**0.5
    assert e.estimate == values.mean() and e.n == 600 and e.reason == ""
    assert (e.low, e.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.07 * half)
    middle = statistics.bootstrap(values, seed=0, resamples=100)
    assert middle.estimate == scipy.stats.trim_mean(values, 0.25)


@pytest.mark.parametrize("n", [2, 3, 5, 9])
def test_few_units_have_the_interval_of_student(n):
    """A resample stays within what was measured, which excludes the truth in 2^(1-n) of cases."""
    values = np.random.default_rng(n).normal(size=n)
    e = statistics.bootstrap(values, np.mean, seed=0, resamples=40_000)
    t = scipy.stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert e.estimate == pytest.approx(values.mean()) and e.n == n
    half = (t.high - t.low) / 2
    assert e.low <= t.low + 0.03 * half and e.high >= t.high - 0.03 * half
    assert e.high - e.low == pytest.approx(2 * half, rel=0.08)
    rows = cluster_bootstrap(
        np.column_stack([values, np.ones(n)]),
        lambda s: s[..., 0] / s[..., 1],
        groups=np.arange(n),
        seed=0,
        resamples=40_000,
    )
    assert (rows.low, rows.high) == pytest.approx((e.low, e.high), abs=0.05 * half)


def test_bootstrap_of_two_values_is_defined():
    e = statistics.bootstrap([1.0, 3.0], np.mean, seed=0)
    assert e.estimate == 2 and e.n == 2 and e.low < 1 and e.high > 3
    assert statistics.bootstrap([], seed=0).n == 0
    infinite = statistics.bootstrap([1.0, np.inf, 2.0], seed=0)
    assert np.isnan(infinite.estimate) and infinite.n == 3 and "non-finite" in infinite.reason


def test_bootstrap_is_widened_by_the_smallest_stratum():
    few, many = np.random.default_rng(0).normal(size=8), np.full(12, 3.0)
    labels = ["m"] * 12 + ["f"] * 8
    e = statistics.bootstrap(np.r_[many, few], np.mean, seed=0, strata=labels, resamples=20_000)
    draws = (np.random.default_rng(5).choice(few, (200_000, 8)).sum(1) + many.sum()) / 20
    tail = scipy.stats.norm.sf(scipy.stats.t(14).ppf(0.975) * (8 / 7) ** 0.5)
    ends = np.quantile(draws, [tail, 1 - tail])
    assert (e.low, e.high) == pytest.approx(ends, abs=0.1 * draws.std())


@pytest.mark.parametrize("name", ["spearman", "kendall"])
def test_rank_agreement_is_widened_for_few_groups(name, monkeypatch):
    sizes = []

    def percentiles(draws, confidence, *, size=None, strata=1, plain=statistics.percentiles, **limits):
        sizes.append((size, strata))
        return plain(draws, confidence, size=size, strata=strata, **limits)

    monkeypatch.setattr(statistics, "percentiles", percentiles)
    x, y = np.random.default_rng(0).normal(size=(2, 30))
    few = getattr(statistics, name)(x, y, groups=np.arange(30) % 5, seed=0)
    two = getattr(statistics, name)(x, y, groups=np.arange(30) % 2, seed=0)
    assert sizes == [(5, 1), (2, 1)] and (few.n, two.n, two.reason) == (5, 2, "")


def test_spearman_keeps_the_order_within_groups():
    x, y = np.random.default_rng(0).normal(size=(2, 1000)).cumsum(1)
    groups = np.tile(np.arange(40), 25)
    order = np.lexsort((np.arange(1000), groups))
    mixed = statistics.spearman(x, y, groups=groups, seed=0)
    assert mixed == statistics.spearman(x[order], y[order], groups=groups[order], seed=0)


@pytest.mark.parametrize("strata", [[0, 1], [[0, 1, 1]], 0])
def test_strata_are_one_label_for_each_value(strata):
    with pytest.raises(OptionError, match="allowed: both"):
        statistics.bootstrap([1.0, 2, 3], seed=0, strata=strata)
    for values in (np.float64(1), np.zeros((3, 3))):
        with pytest.raises(OptionError, match="allowed: both"):
            statistics.bootstrap(values, seed=0)
    with pytest.raises(OptionError, match="allowed: .seed, world"):
        statistics.bootstrap_scores([1.0, 2, 3], seed=0)


def test_large_bootstraps_are_done_in_pieces_of_at_most_four_million():
    shapes = []

    def first(values, axis):
        shapes.append(values.shape)
        return values.take(0, axis)

    statistics.bootstrap(np.arange(70_000.0), first, seed=0, resamples=130)
    *pieces, whole = shapes
    assert whole == (70_000,) and len(pieces) == 3
    assert sum(n for n, _ in pieces) == 130 and all(n * k <= 4_000_000 for n, k in pieces)


def test_resamples_count_clusters():
    counts = statistics.cluster_counts(4, 3000, np.random.default_rng(0))
    assert counts.shape == (3000, 4) and counts.dtype == float and (counts.sum(1) == 4).all()
    assert counts.mean(0) == pytest.approx(np.ones(4), abs=0.08)
    assert counts.var(0) == pytest.approx(np.full(4, 0.75), abs=0.08)  # binomial of 4 and 1/4
    sums = statistics.cluster_sums(["b", "a", "b"], [1, 2, 3], [10.0, 0, 5])
    assert sums.tolist() == [[2, 0], [4, 15]]


def test_correlation_from_sums_is_pearsons():
    x, y = np.random.default_rng(0).normal(size=(2, 3, 50))
    sums = np.stack([np.full(3, 50.0), *(v.sum(-1) for v in (x, y, x * x, y * y, x * y))], axis=-1)
    pearson = [np.corrcoef(a, b)[0, 1] for a, b in zip(x, y, strict=True)]
    assert statistics._correlation(sums) == pytest.approx(pearson)
    constant = statistics._correlation(np.array([[2.0, 2, 3, 2, 5, 3], [2.0, 3, 2, 5, 2, 3]]))
    assert np.isnan(constant).all()


@pytest.mark.parametrize("name", ["spearman", "kendall"])
def test_rank_agreement_says_why_it_has_no_answer(name):
    agree = getattr(statistics, name)
    x, y = np.arange(12.0), np.arange(12.0) ** 2
    for given, groups, n, reason in (
        ((x, y), np.zeros(12), 1, "fewer than two groups"),
        ((np.ones(12), y), None, 12, "the first variable does not vary"),
        ((x, np.ones(12)), None, 12, "the second variable does not vary"),
        ((x + 1e16, y), None, 12, "the first variable does not vary"),  # but for rounding
        ((x, y * 1e-16), None, 12, "the second variable does not vary"),
        ((x * np.nan, y), None, 0, "no finite pairs"),
    ):
        e = agree(*given, groups=groups, seed=0)
        assert (e.n, e.reason) == (n, reason) and np.isnan([e.estimate, e.low, e.high]).all()
    assert agree(x + 1e9, y * 1e-9, seed=0).estimate == pytest.approx(1)
    assert agree(x * 1.2e-13, y, seed=0).estimate == pytest.approx(1)  # just more than rounding
    for wrong in ((x[:-1], y), (x, y[:-1])):
        with pytest.raises(OptionError, match=f"^{name}: x has 1., y 1., groups 1.; allowed: one length"):
            agree(*wrong, seed=0)
    with pytest.raises(OptionError, match=f"^{name}: x has 12, y 12, groups 3"):
        agree(x, y, groups=[0, 1, 2], seed=0)


@pytest.mark.parametrize("name", ["spearman", "kendall"])
def test_rank_agreement_leaves_out_pairs_that_are_not_finite(name):
    agree = getattr(statistics, name)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 40))
    groups = np.repeat(np.arange(10), 4)
    holed = x.copy(), y.copy()
    holed[0][[3, 17]], holed[1][[5, 30]] = [np.nan, np.inf], [np.nan, -np.inf]
    good = ~np.isin(np.arange(40), [3, 5, 17, 30])
    left = agree(x[good], y[good], groups=groups[good], seed=0)
    assert agree(*holed, groups=groups, seed=0) == left
    matrices = [v.reshape(10, 4) for v in (x, y, groups)]
    assert agree(*matrices[:2], groups=matrices[2], seed=0) == agree(x, y, groups=groups, seed=0)


@pytest.mark.parametrize("name", ["spearman", "kendall"])
def test_rank_agreement_is_of_ranks_and_signed(name):
    agree = getattr(statistics, name)
    x, y = np.random.default_rng(0).normal(size=(2, 60))
    e = agree(x, y, seed=0)
    assert agree(np.exp(x), y**3, seed=0) == e
    less = agree(x, -y, seed=0)
    assert (less.estimate, less.low, less.high) == pytest.approx((-e.estimate, -e.high, -e.low), abs=1e-9)
    same = agree(x, x, seed=0)
    assert (same.estimate, same.low, same.high) == pytest.approx((1, 1, 1))


def half_width(e):
    return (e.high - e.low) / 2


@pytest.mark.parametrize("name, half", [("spearman", 1.96 / 99**0.5), ("kendall", 1.96 * 0.0677)])
def test_rank_agreement_of_independent_values_has_the_known_width(name, half):
    """Variances under independence: 1/(n-1) for rho; 2 (2n+5) / (9n (n-1)) for tau; 100 rows. Copies of rows
    within a group tell nothing new."""
    agree = getattr(statistics, name)
    x, y = np.random.default_rng(3).normal(size=(2, 100))
    alone = agree(x, y, seed=0, resamples=1000)
    assert half_width(alone) == pytest.approx(half, rel=0.2)
    order = np.random.default_rng(4).permutation(300)
    rows = np.tile(np.arange(100), 3)[order]
    copies = agree(x[rows], y[rows], groups=rows, seed=0, resamples=1000)
    assert copies.n == 100 and copies.estimate == pytest.approx(alone.estimate, abs=0.01)
    assert half_width(copies) == pytest.approx(half_width(alone), rel=0.15)


def test_spearman_null_of_independent_rows_has_the_known_width():
    x, y = np.random.default_rng(0).normal(size=(2, 150))
    e = statistics.spearman(x, y, seed=0, shuffles=2000)
    assert (e.null, e.null_low, e.null_high) == pytest.approx(
        (0, -1.96 / 149**0.5, 1.96 / 149**0.5), abs=0.015
    )
    assert statistics.spearman(x, y, seed=0) == statistics.spearman(x, y, seed=0, shuffles=100)


def test_very_many_groups_are_put_in_bins(monkeypatch):
    counted = []

    def counts(clusters, *rest, count=statistics.cluster_counts):
        counted.append(clusters)
        return count(clusters, *rest)

    monkeypatch.setattr(statistics, "cluster_counts", counts)
    statistics.spearman(*np.random.default_rng(0).normal(size=(2, 2001)), seed=0)
    x, y = np.random.default_rng(0).normal(size=(2, 1200))
    fine = statistics.spearman(x, x + y, seed=0)
    monkeypatch.setattr(statistics, "MAX_CLUSTERS", 120)
    coarse = statistics.spearman(x, x + y, seed=0)
    assert counted == [2000, 1200, 120]
    assert coarse.n == fine.n == 1200 and coarse.estimate == pytest.approx(fine.estimate, abs=1e-9)
    assert half_width(coarse) == pytest.approx(half_width(fine), rel=0.2)
    monkeypatch.setattr(statistics, "MAX_CLUSTERS", 1200)  # as many as there are: no bins
    assert statistics.spearman(x, x + y, seed=0) == fine


def test_shuffled_blocks_of_one_length_stay_whole():
    groups, rng = np.array([3, 3, 5, 5, 8, 8]), np.random.default_rng(0)
    blocks, seen = ([0, 1], [2, 3], [4, 5]), set()
    for _ in range(60):
        order = statistics.shuffle_blocks(groups, rng).tolist()
        arranged = sorted(blocks, key=lambda b: order.index(b[0]))
        assert order == [row for block in arranged for row in block]
        seen.add(tuple(order))
    assert len(seen) == 6


def test_shuffled_blocks_of_any_length_trade_at_the_same_place():
    rng, lengths = np.random.default_rng(0), [4, 1, 3, 3, 2, 6]
    groups = np.repeat(np.arange(6), lengths)
    place = np.concatenate([np.arange(n) for n in lengths])
    givers = set()
    for _ in range(60):
        order = statistics.shuffle_blocks(groups, rng)
        assert sorted(order) == list(range(len(groups)))
        assert (place[order] == place).all()
        alone = (groups == 5) & (place >= 4)  # nobody else lives so long
        assert (order[alone] == np.flatnonzero(alone)).all()
        assert (groups[order] != groups)[~alone].all()
        givers.add(groups[order][0])
    assert len(givers) == 5


def test_a_trend_over_episodes_of_unequal_length_is_no_agreement():
    """Both follow the clock and nothing else: the shuffled null must hold the clock's share."""
    rng, beyond = np.random.default_rng(0), 0
    for seed in range(40):
        lengths = rng.integers(5, 60, size=24)
        clock = np.concatenate([np.arange(n) for n in lengths]).astype(float)
        x, y = clock + 5 * rng.normal(size=(2, len(clock)))
        groups = np.repeat(np.arange(24), lengths)
        e = statistics.spearman(x, y, groups=groups, seed=seed, resamples=100)
        beyond += e.low > e.null_high
        assert e.estimate > 0.7
    assert beyond <= 2


def test_kendall_of_many_rows_takes_its_width_from_some():
    x, y = np.random.default_rng(0).normal(size=(2, 300))
    groups = np.repeat(np.arange(150), 2)
    full, capped = (statistics.kendall(x, x + y, groups=groups, seed=0, cap=c) for c in (300, 60))
    assert full == statistics.kendall(x, x + y, groups=groups, seed=0)
    assert capped.estimate == full.estimate and capped.n == full.n == 150
    assert half_width(capped) == pytest.approx(half_width(full) * 5**0.5, rel=0.3)
    assert capped.low < capped.estimate < capped.high
    for seed in range(4):  # where some rows agree less than all, their interval moved to the estimate is cut
        steep, down = (
            statistics.kendall(x, s * (x + 0.02 * y), seed=seed, cap=30, resamples=200) for s in (1, -1)
        )
        assert -1 <= down.low < down.estimate <= down.high < steep.low <= steep.estimate < steep.high <= 1
    rows = np.random.default_rng(0).normal(size=(2, 2001))
    given = {"seed": 0, "resamples": 100}
    assert statistics.kendall(*rows, **given) == statistics.kendall(*rows, **given, cap=2000)


def test_placements_by_hand():
    wins = statistics._placements(np.array([1.0, np.inf]), np.array([0.0, 1.0, np.inf]))
    assert wins.tolist() == [[1, 0.5, 0], [1, 1, 0.5]]


@pytest.mark.parametrize("p, m, n", [(0.5, 5, 5), (0.7, 4, 12), (0.9, 10, 3), (1.0, 4, 4), (0.0, 3, 6)])
def test_score_interval_ends_where_the_score_is_z(p, m, n):
    """At each end theta, |p - theta| less 1/2mn is z standard deviations of Newcombe's variance."""
    z = 1.96
    low, high = statistics._score_interval(p, m, n, z)
    for end in {low, high} - {0.0, 1.0}:
        more = (m + n - 2) / 2 * ((1 - end) / (2 - end) + end / (1 + end))
        variance = end * (1 - end) * (1 + more) / m / n
        assert abs(p - end) - 1 / (2 * m * n) == pytest.approx(z * variance**0.5, abs=3e-4)
    assert low <= p <= high and (low == 0) == (p == 0) and (high == 1) == (p == 1)
    mirrored = statistics._score_interval(1 - p, m, n, z)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-4)


@pytest.mark.parametrize("m, n", [(5, 12), (12, 5), (8, 8)])
def test_brunner_munzel_agrees_with_scipys_test(m, n):
    """At confidence one less the p-value the interval just touches 1/2."""
    rng = np.random.default_rng(m)
    x, y = rng.normal(0.4, 1, m).round(1), rng.normal(0, 2, n).round(1)
    wins = statistics._placements(x, y)
    value = float(scipy.stats.brunnermunzel(x, y).pvalue)
    low, high = statistics._brunner_munzel(wins, 1 - value)
    touching = low if wins.mean() > 0.5 else high
    assert touching == pytest.approx(0.5, abs=1e-9)
    low, high = statistics._brunner_munzel(wins, 0.5)
    assert low + high == pytest.approx(2 * wins.mean())
    assert statistics._brunner_munzel(np.ones((m, n)), 0.95) == (1, 1)
    edge = np.ones((m, n))
    edge[0, 0] = 0
    assert statistics._brunner_munzel(edge, 0.95)[1] == 1 == 1 - statistics._brunner_munzel(1 - edge, 0.95)[0]


def test_improvement_is_the_wider_of_two_intervals_on_each_side():
    rng = np.random.default_rng(0)
    z = scipy.stats.norm.ppf(0.95)
    wider = set()
    for shift, spread in ((0.8, 0.2), (-0.8, 0.2), (0.0, 1.0), (0.0, 5.0)) * 3:
        x, y = rng.normal(shift, 1, 6), rng.normal(0, spread, 9)
        e = statistics.probability_of_improvement(x, y, confidence=0.9)
        wins = statistics._placements(x, y)
        both = [statistics._score_interval(wins.mean(), 6, 9, z), statistics._brunner_munzel(wins, 0.9)]
        assert (e.low, e.high) == (min(b[0] for b in both), max(b[1] for b in both)) and e.n == 6
        wider |= {("low", both[0][0] < both[1][0]), ("high", both[0][1] > both[1][1])}
    assert len(wider) == 4  # each was the wider one on each side
    assert statistics.probability_of_improvement(x, y, method="score") == (
        statistics.probability_of_improvement(x, y, confidence=0.95)
    )


def test_bootstrap_of_improvement_has_the_known_width_and_worlds_average():
    rng = np.random.default_rng(0)
    x, y = rng.normal(0.3, 1, (40, 4)), rng.normal(0, 1, (70, 4))
    e = statistics.probability_of_improvement(x, y, method="bootstrap", confidence=0.9, resamples=4000)
    variance, means = [], []
    for w in range(4):
        wins = x[:, w, None] > y[None, :, w]
        means.append(wins.mean())
        variance.append(wins.mean(1).var() / 40 + wins.mean(0).var() / 70)
    half = 1.645 * (sum(variance) / 16) ** 0.5
    assert e.estimate == pytest.approx(np.mean(means)) and e.n == 40
    assert (e.low, e.high) == pytest.approx((e.estimate - half, e.estimate + half), abs=0.12 * half)


def test_improvement_refuses_what_it_cannot_compare():
    improvement = statistics.probability_of_improvement
    with pytest.raises(OptionError, match="method='t'; allowed: 'score', 'bootstrap'"):
        improvement([1.0, 2], [1.0, 2], method="t")
    for x, y in (
        (np.zeros(3), np.zeros((3, 1))),
        (np.zeros((3, 2)), np.zeros((3, 4))),
        (np.zeros((3, 4)), np.zeros((3, 2))),
        (np.zeros((3, 1, 1)), np.zeros((3, 1, 1))),
        (np.float64(1), np.float64(2)),
    ):
        with pytest.raises(OptionError, match="allowed: .m., .n. or .m, W."):
            improvement(x, y, method="bootstrap")
    assert improvement([1.0], [1.0, 2, 3]).n == 1 and "two seeds" in improvement([1.0, 2], [1.0]).reason
    assert improvement([1.0, 2], [0.0, 3, 4]).estimate == pytest.approx(2 / 6)
    for x, y in (([1.0, np.nan], [1.0, 2]), ([1.0, 2], [np.nan, 2])):
        assert "NaN" in improvement(x, y).reason
    assert improvement([np.inf, 2.0], [1.0, -np.inf]).estimate == 1
