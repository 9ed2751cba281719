import importlib.util

import numpy as np
import pytest
import xarray as xr

from socialsim.analysis import stability
from socialsim.core.errors import OptionError

SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float
)


def test_icc_of_the_published_table():
    """Shrout & Fleiss (1979), table 4: ICC(2,1) = 0.29."""
    assert stability.icc(SHROUT_FLEISS) == pytest.approx(0.29, abs=0.005)


@pytest.mark.filterwarnings("ignore:.*inplace:Warning")  # pingouin calls a pandas option on its way out
@pytest.mark.skipif(
    importlib.util.find_spec("pingouin") is None, reason="pingouin (oracle, dev only) is missing"
)
def test_icc_equals_pingouin():
    import pandas
    import pingouin

    x = np.random.default_rng(0).normal(size=(12, 1)) + np.random.default_rng(1).normal(size=(12, 5))
    rows = [(i, j, x[i, j]) for i in range(12) for j in range(5)]
    table = pandas.DataFrame(rows, columns=["subject", "occasion", "score"])
    oracle = pingouin.intraclass_corr(table, targets="subject", raters="occasion", ratings="score")
    column = oracle.columns[oracle.columns.str.startswith("ICC")][0]
    value = oracle[column][oracle["Type"].isin(["ICC2", "ICC(A,1)"])].iloc[0]
    assert float(stability.icc(x)) == pytest.approx(float(value), abs=1e-4)


def test_kendall_w_closed_forms():
    order = np.arange(6.0)
    assert stability.kendall_w(np.stack([order, order**3, order + 7], -1)) == pytest.approx(1.0)
    assert stability.kendall_w(np.stack([order, -order], -1)) == pytest.approx(0.0)
    # m = 2: W = (1 + rho) / 2.
    x = np.random.default_rng(0).normal(size=(20, 2))
    rho = np.corrcoef(np.argsort(np.argsort(x, 0), 0).T)[0, 1]
    assert stability.kendall_w(x) == pytest.approx((1 + rho) / 2)


def test_planted_stability_is_found_and_shuffles_destroy_it():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 1)) + 0.5 * rng.normal(size=(60, 4))
    data = xr.DataArray(x, dims=("scene", "seed"))
    icc = stability.IntraclassCorrelation("seed")(data)
    assert icc.low < 0.8 < icc.high and icc.msr > icc.mse
    assert abs(icc.null) < 0.05 and icc.null_high < icc.low
    w = stability.KendallW("seed")(data)
    assert w.low > w.null_high and w.null == pytest.approx(1 / 4, abs=0.03)


def test_icc_interval_covers():
    rng = np.random.default_rng(5)
    hits = 0
    for trial in range(100):
        x = rng.normal(size=(25, 1)) + rng.normal(size=(25, 4))
        e = stability.IntraclassCorrelation(resamples=200, shuffles=1, seed=trial).estimate(x)
        hits += e.low <= 0.5 <= e.high
    assert hits >= 86


@pytest.mark.parametrize("kind", ["offset", "loading"])
def test_the_interval_holds_what_other_occasions_would_have_given(kind):
    """Seeds that differ (in level, or in how strongly they share the order) are a sample too: intervals of
    subjects alone held the truth in 70 and 50 % of cases."""
    rng = np.random.default_rng(6)

    def table():
        subject, noise = rng.normal(size=(40, 1)), rng.normal(size=(40, 4))
        if kind == "offset":
            return subject + rng.normal(size=(1, 4)) + noise
        return subject * rng.uniform(0, 2, size=(1, 4)) + noise

    truth = np.median([stability.icc(table()) for _ in range(2000)])
    hits = 0
    for trial in range(100):
        e = stability.IntraclassCorrelation(resamples=100, shuffles=1, seed=trial).estimate(table())
        hits += e.low <= truth <= e.high
    assert hits >= 86


def test_fixed_occasions_are_no_sample():
    """Three stages of one training are what is asked about: the interval is that of the subjects."""
    rng = np.random.default_rng(8)
    x = rng.normal(size=(60, 1)) * np.array([1.0, 0.5, 0.1]) + 0.3 * rng.normal(size=(60, 3))
    sampled, fixed = (
        stability.IntraclassCorrelation(resamples=100, shuffles=2, fixed=f).estimate(x) for f in (False, True)
    )
    assert sampled.estimate == fixed.estimate
    assert sampled.low < fixed.low < fixed.estimate < fixed.high < sampled.high


def test_subjects_of_one_episode_are_resampled_together():
    """Scenes of an episode share what it brings: with groups the interval holds the truth."""
    rng, groups, hits = np.random.default_rng(7), np.repeat(np.arange(8), 16), {True: 0, False: 0}
    for trial in range(40):
        episode = rng.normal(size=(8, 1)).repeat(16, 0)
        x = xr.DataArray(episode + rng.normal(size=(128, 2)), dims=("subject", "seed")).expand_dims(
            channel=["c"], axis=-1
        )
        for grouped in hits:
            options = {"groups": groups} if grouped else {}
            e = stability.channel_stability(
                x, occasion="seed", resamples=100, shuffles=2, seed=trial, **options
            )
            cell = e.sel(statistic="icc(2,1)", channel="c")
            hits[grouped] += bool(cell.low <= 0.5 <= cell.high)
    assert hits[True] >= 33 > 28 >= hits[False]


def test_shuffles_stay_within_an_agent():
    """Agents differ, their scenes do not: within-agent shuffles leave all agreement standing."""
    rng = np.random.default_rng(0)
    agent = np.repeat(np.arange(10), 12)
    x = 3.0 * rng.normal(size=10)[agent][:, None] + 0.1 * rng.normal(size=(120, 3))
    e = stability.IntraclassCorrelation().estimate(x, groups=agent)
    assert e.estimate > 0.95 and e.null > 0.95 and e.n == 10


@pytest.mark.parametrize(
    "x", [np.ones((10, 3)), np.tile([1.0, 2.0, 3.0], (10, 1)), np.ones((2, 3)), np.full((5, 3), np.nan)]
)
def test_degenerate_data_is_nan_with_a_reason(x):
    for measure in (stability.IntraclassCorrelation(), stability.KendallW()):
        e = measure.estimate(x)
        assert np.isnan(e.estimate) and np.isnan(e.low) and e.reason


def test_per_channel():
    x = np.random.default_rng(0).normal(size=(20, 3, 2))
    x[..., 1] = 1.0
    data = xr.DataArray(x, dims=("scene", "seed", "channel"), coords={"channel": ["attention", "flat"]})
    result = stability.channel_stability(data, occasion="seed", resamples=100)
    assert result.estimate.dims == ("statistic", "channel")
    assert np.isnan(result.estimate.sel(channel="flat")).all()
    assert "no variance" in str(result.reason.sel(channel="flat", statistic="kendall_w").item())


def test_unknown_dimension():
    with pytest.raises(OptionError, match="occasion"):
        stability.KendallW()(xr.DataArray(np.zeros((3, 3)), dims=("a", "b")))
