import numpy as np
import pytest
import xarray as xr

from socialsim.core.errors import OptionError
from socialsim.transfer import TransferMetrics, summarise

TIME = np.linspace(0, 10, 11)


def curves(**arms):
    data = np.stack([np.broadcast_to(v, (len(v), 11)) for v in arms.values()])
    return xr.DataArray(data, dims=("arm", "seed", "time"), coords={"arm": list(arms), "time": TIME})


def ramp(seeds, start, slope):
    return np.tile(start + slope * TIME, (seeds, 1))


def test_closed_forms():
    score = curves(scratch=ramp(4, 0.0, 0.1), shaping=ramp(4, 0.5, 0.1))
    m = TransferMetrics(threshold=0.75)(score).isel(seed=0)
    assert m.auc.values == pytest.approx([0.5, 1.0])
    assert m.transfer_ratio.values == pytest.approx([0.0, 1.0])
    assert m.jumpstart.values == pytest.approx([0.0, 0.5])
    assert m.asymptote.values == pytest.approx([1.0, 1.5])
    assert m.time_to_threshold.values == pytest.approx([7.5, 2.5])


def test_default_threshold_is_half_the_reference_asymptote():
    m = TransferMetrics()(curves(scratch=ramp(4, 0.0, 0.1)))
    assert m.attrs["threshold"] == pytest.approx(0.5)
    assert m.time_to_threshold.values == pytest.approx(5.0)


def test_never_reached_is_inf_and_broken_is_nan():
    flat, broken = np.zeros((2, 11)), ramp(2, 0.0, 0.1)
    broken[0, 5] = np.nan
    m = TransferMetrics(threshold=0.5)(curves(scratch=ramp(2, 0, 0.1), flat=flat, broken=broken))
    assert np.isinf(m.time_to_threshold.sel(arm="flat")).all()
    for name in m.data_vars:
        assert np.isnan(m[name].sel(arm="broken")[0]), name
        assert np.isfinite(m[name].sel(arm="broken")[1]), name


def test_reference_that_never_scores_gives_no_ratio():
    m = TransferMetrics()(curves(scratch=np.zeros((3, 11)), shaping=ramp(3, 0, 0.1)))
    assert np.isnan(m.transfer_ratio).all()
    assert m.auc.sel(arm="shaping").values == pytest.approx(0.5)


def test_where_the_reference_learns_nothing_the_threshold_is_half_the_goal():
    score = curves(scratch=ramp(2, 0, 0.0), direct=ramp(2, 0, 0.1))
    half = TransferMetrics()(score.sel(arm=["direct"]).assign_coords(arm=["scratch"])).attrs["threshold"]
    assert TransferMetrics(goal="direct")(score).attrs["threshold"] == pytest.approx(half) and half > 0
    assert (
        TransferMetrics(goal="absent")(score).attrs["threshold"]
        == TransferMetrics()(score).attrs["threshold"]
    )


def test_above_the_threshold_from_the_start():
    m = TransferMetrics(threshold=0.2)(curves(scratch=ramp(2, 0.3, 0.1)))
    assert m.time_to_threshold.values == pytest.approx(0.0)


def test_charging_the_source_delays_a_curve():
    score = curves(scratch=ramp(2, 0, 0.1), shaping=ramp(2, 0, 0.1))
    m = TransferMetrics(source_time=5.0)(score)
    assert m.charged_ratio.sel(arm="scratch").values == pytest.approx(0.0)
    assert m.charged_ratio.sel(arm="shaping").values == pytest.approx(0.125 / 0.5 - 1)
    free = TransferMetrics(source_time=0.0)(score)
    assert free.charged_ratio.values == pytest.approx(free.transfer_ratio.values)


def test_what_a_taught_team_does_on_arrival_is_not_counted_before_it_was_taught():
    """A curve that starts high and stays: while the team is being taught, the untaught 0.2 counts."""
    score = curves(scratch=np.full((2, 11), 0.2), taught=np.full((2, 11), 1.0))
    m = TransferMetrics(source_time=7.5)(score)
    assert m.charged_ratio.sel(arm="taught").values == pytest.approx((0.75 * 0.2 + 0.25 * 1.0) / 0.2 - 1)
    assert m.charged_ratio.sel(arm="scratch").values == pytest.approx(0.0)


@pytest.mark.parametrize("cost", [10.0, 60.0])
def test_a_source_that_cost_the_whole_run_cannot_be_charged_and_this_is_said(cost):
    score = curves(scratch=ramp(4, 0, 0.1), taught=np.full((4, 11), 1.0))
    m = TransferMetrics(source_time=cost)(score)
    assert np.isnan(m.charged_ratio.sel(arm="taught")).all()
    row = summarise(m, resamples=100).sel(metric="charged_ratio", arm="taught")
    assert np.isnan(row.estimate) and f"the source cost {cost:.0f}, no less than" in row.reason.item()


def test_summary():
    rng = np.random.default_rng(0)
    noisy = [ramp(8, s, 0.1) + 0.01 * rng.normal(size=(8, 1)) for s in (0.0, 0.5)]
    s = summarise(TransferMetrics(threshold=0.8)(curves(scratch=noisy[0], shaping=noisy[1])), resamples=200)
    auc = s.sel(metric="auc", arm="shaping")
    assert auc.low <= auc.estimate <= auc.high and abs(auc.estimate - 1.0) < 0.02
    assert auc.improvement == 1.0 and auc.improvement_low > 0.5
    assert s.improvement.sel(metric="time_to_threshold", arm="shaping") == 1.0  # faster is better
    assert s.improvement.sel(metric="auc", arm="scratch") == 0.5


def test_summary_with_seeds_that_never_arrive():
    late = ramp(8, 0, 0.1)
    late[:1] = 0
    s = summarise(TransferMetrics(threshold=0.8)(curves(scratch=late, flat=np.zeros((8, 11)))), resamples=200)
    row = s.sel(metric="time_to_threshold")
    assert row.estimate.sel(arm="scratch") == pytest.approx(8.0)
    assert np.isinf(row.estimate.sel(arm="flat"))
    assert "8 of 8 seeds never" in row.reason.sel(arm="flat").item()


def test_bad_curves():
    good = curves(scratch=ramp(2, 0, 0.1))
    for bad in (good.rename(seed="run"), good.drop_vars("arm"), good.isel(time=slice(None, None, -1))):
        with pytest.raises(OptionError):
            TransferMetrics()(bad)
    with pytest.raises(OptionError, match="did you mean 'scratch'"):
        TransferMetrics(reference="scrach")(good)


def test_a_rate_of_events_has_no_interval_below_zero():
    """Two seeds bound little; where scores are negative they may."""
    y = np.array([[[0.0, 0.0], [0.01, 0.03]]])
    score = xr.DataArray(y, dims=("arm", "seed", "time"), coords={"arm": ["scratch"], "time": [0.0, 1.0]})
    for shift, floor in ((0.0, True), (-1.0, False)):
        found = summarise(TransferMetrics()(score + shift)).sel(metric="auc", arm="scratch")
        assert (found.low.item() == 0.0) == floor and found.low < found.estimate
