"""What a transfer was worth: jumpstart, asymptote, area under the curve, time to threshold, transfer ratio.

All of the team metric, which no agent receives. After Taylor & Stone 2009.
"""

import dataclasses

import numpy as np
import xarray as xr

from socialsim.analysis import statistics
from socialsim.core.errors import OptionError, choose

METRICS = ("jumpstart", "asymptote", "auc", "time_to_threshold", "transfer_ratio")


RATES = ("asymptote", "auc", "time_to_threshold")


def area(curves: xr.DataArray, time: str = "time") -> xr.DataArray:
    """Time-averaged score: trapezoid area over the span, divided by the span (score units)."""
    clock = curves[time].values.astype(float)
    values = np.trapezoid(curves.transpose(..., time).values, clock, axis=-1) / (clock[-1] - clock[0])
    return xr.DataArray(values, dims=[d for d in curves.dims if d != time]).assign_coords(
        {d: curves[d] for d in curves.dims if d != time and d in curves.coords}
    )


@dataclasses.dataclass(frozen=True)
class TransferMetrics:
    """Curves `score [arm, seed, time]` -> Dataset of metrics `[arm, seed]`.

    - threshold: score to reach; None takes half of an asymptote (interquartile mean): of the arm `goal` or of
      the reference if there is no such arm.
    - ends: share of the curve that counts as its start (jumpstart) and as its end (asymptote).
    - reference: the arm that learns from nothing.
    - source_time: time units the source cost. With it, `charged_ratio` is the transfer ratio with every curve
      but the reference's delayed by that much: until then it counts what the untaught do, the reference
      arm's mean first score. Where the source cost as much as the whole run or more, nothing of a curve is
      left to judge: NaN, and `attrs["charged_reason"]` says so.

    jumpstart and asymptote are means over the first and last `ends` of the curve; jumpstart is relative to
    the reference arm's mean. time_to_threshold is the time, counted from the curve's first, at which the
    score first reaches the threshold, linearly interpolated; **inf** where it never does. transfer_ratio is
    (AUC - AUC_reference) / AUC_reference with the reference's mean over seeds; **NaN** where that is zero. A
    curve that holds a NaN gives NaN everywhere.
    """

    threshold: float | None = None
    ends: float = 0.1
    reference: str = "scratch"
    goal: str | None = None
    source_time: float | None = None

    def __post_init__(self):
        if not 0 < self.ends <= 0.5:
            raise OptionError(f"ends={self.ends}; allowed: 0 < ends <= 0.5")
        if self.source_time is not None and not self.source_time >= 0:
            raise OptionError(f"source_time={self.source_time}; allowed: 0 or more, or None")

    def __call__(self, score: xr.DataArray) -> xr.Dataset:
        score = self._checked(score)
        clock, y = score.time.values.astype(float), score.values
        edge = max(1, round(self.ends * y.shape[-1]))
        broken = np.asarray(np.isnan(y).any(-1))
        start = np.where(broken, np.nan, y[..., :edge].mean(-1))
        asymptote = np.where(broken, np.nan, y[..., -edge:].mean(-1))
        row = list(score.arm.values).index(self.reference)
        if self.threshold is None:
            arms = list(score.arm.values)
            goal = arms.index(self.goal) if self.goal in arms else row
            usable = asymptote[goal][~broken[goal]]
            threshold = 0.5 * float(statistics.interquartile_mean(usable)) if len(usable) else np.nan
        else:
            threshold = self.threshold
        reached = time_to_threshold(y, clock, threshold)
        auc = area(score).values
        columns = {
            "jumpstart": start - _mean(start[row]),
            "asymptote": asymptote,
            "auc": auc,
            "time_to_threshold": np.where(broken, np.nan, reached),
            "transfer_ratio": _ratio(auc, auc[row]),
        }
        if self.source_time is not None:
            charged = _charged(y, clock, self.source_time, _mean(y[row, :, 0]))
            charged[row] = auc[row]
            columns["charged_ratio"] = _ratio(charged, auc[row])
        data = {k: (("arm", "seed"), v) for k, v in columns.items()}
        found = xr.Dataset(data, coords={d: score[d] for d in ("arm", "seed") if d in score.coords})
        why = unaffordable(self.source_time, float(clock[-1] - clock[0]))
        told = {
            "threshold": threshold,
            "reference": self.reference,
            "lowest": float(np.min(y, initial=np.inf, where=~np.isnan(y))),
        }
        return found.assign_attrs(told, charged_reason=why)

    def _checked(self, score: xr.DataArray) -> xr.DataArray:
        if set(score.dims) != {"arm", "seed", "time"} or score.sizes["time"] < 2:
            raise OptionError(
                f"curves have dims {dict(score.sizes)}; allowed: arm, seed and time (2 or more)"
            )
        if "arm" not in score.coords or "time" not in score.coords:
            raise OptionError("curves lack coordinates; allowed: names on `arm` and times on `time`")
        choose("reference arm", self.reference, map(str, score.arm.values))
        if not (np.diff(score.time.values.astype(float)) > 0).all():
            raise OptionError("curves: time must increase")
        return score.transpose("arm", "seed", "time")


def time_to_threshold(y: np.ndarray, clock: np.ndarray, threshold: float) -> np.ndarray:
    """First time since `clock[0]` at which `y [..., T]` reaches the threshold; inf where it never does."""
    if np.isnan(threshold):
        return np.full(y.shape[:-1], np.nan)
    above = y >= threshold
    k = above.argmax(-1)
    before = np.maximum(k - 1, 0)
    y0 = np.take_along_axis(y, before[..., None], -1)[..., 0]
    y1 = np.take_along_axis(y, k[..., None], -1)[..., 0]
    with np.errstate(invalid="ignore", divide="ignore"):
        part = np.where(k > 0, (threshold - y0) / (y1 - y0), 0.0)
    when = clock[before] + part * (clock[k] - clock[before]) - clock[0]
    return np.where(above.any(-1), when, np.inf)


def summarise(metrics: xr.Dataset, *, seed: int = 0, resamples: int = 2000) -> xr.Dataset:
    """Interquartile mean over seeds with its bootstrap interval, and P(improvement) over the reference.

    Returns estimate, low, high, n, reason `[metric, arm]` and improvement, improvement_low, improvement_high.
    For time_to_threshold, where less is more, improvement is the probability of being *faster*; its mean is
    infinite (then without interval) where the middle half holds a seed that never arrived.
    """
    reference = metrics.attrs["reference"]
    # Where no score lies below 0, as with rates of events, no mean of them can.
    floor = 0.0 if metrics.attrs.get("lowest", -1.0) >= 0 else -np.inf
    rows: list[xr.Dataset] = []
    for name in metrics.data_vars:
        table = metrics[name]
        base = table.sel(arm=reference).values
        means, better = {}, {}
        for arm in map(str, table.arm.values):
            x = table.sel(arm=arm).values
            means[arm] = _iqm(x, seed, resamples, floor if name in RATES else -np.inf)
            if name == "charged_ratio" and np.isnan(x).all() and metrics.attrs.get("charged_reason"):
                means[arm] = statistics.undefined(len(x), metrics.attrs["charged_reason"])
            sign = -1.0 if name == "time_to_threshold" else 1.0
            better[arm] = statistics.probability_of_improvement(sign * x, sign * base)
        wins = statistics.combine(better, "arm")[["estimate", "low", "high"]].rename(
            estimate="improvement", low="improvement_low", high="improvement_high"
        )
        rows.append(statistics.combine(means, "arm")[["estimate", "low", "high", "n", "reason"]].merge(wins))
    return xr.concat(rows, xr.DataArray(list(metrics.data_vars), dims="metric", name="metric"))


def _iqm(x, seed, resamples, floor) -> statistics.Estimate:
    if np.isinf(x).any() and not np.isnan(x).any():
        ordered = np.sort(x)
        cut = len(x) // 4
        mean = float(ordered[cut : len(x) - cut].mean())
        late = int(np.isinf(x).sum())
        return dataclasses.replace(
            statistics.undefined(len(x), f"{late} of {len(x)} seeds never reached the threshold"),
            estimate=mean,
        )
    return statistics.bootstrap(x, seed=seed, resamples=resamples, within=(floor, np.inf))


def _mean(values: np.ndarray) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else np.nan


def _ratio(auc: np.ndarray, reference: np.ndarray) -> np.ndarray:
    base = _mean(reference)
    return (auc - base) / base if base else np.full_like(auc, np.nan)


def unaffordable(source_time: float | None, span: float) -> str:
    """Why a source that cost `source_time` cannot be charged within a run of `span`; "" where it can be."""
    if source_time is None or source_time < span:
        return ""
    return f"the source cost {source_time:,.0f}, no less than the whole run ({span:,.0f})"


def _charged(y: np.ndarray, clock: np.ndarray, cost: float, untaught: float) -> np.ndarray:
    """Areas of curves `[..., T]` that begin `cost` later and count `untaught` until then; NaN where the run
    is over by then."""
    span, left = clock[-1] - clock[0], clock[-1] - clock[0] - cost
    if left <= 0:
        return np.full(y.shape[:-1], np.nan)
    ticks = np.append(clock[clock < clock[0] + left], clock[0] + left)
    curves = y.reshape(-1, y.shape[-1])
    kept = np.array([np.trapezoid(np.interp(ticks, clock, c), ticks) for c in curves])
    broken = np.isnan(y).any(-1)
    return np.where(broken, np.nan, (untaught * cost + kept.reshape(y.shape[:-1])) / span)
