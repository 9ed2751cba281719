"""Are the values the same thing when measured again? ICC(2,1) and Kendall's W, with their controls.

A subject is whatever should keep its value (a scene of a battery, an agent), an occasion is one measurement
of all subjects (a seed, a checkpoint, a partner, a retest). Both take `X [n subjects, k occasions]`. Subjects
and, unless they are `fixed`, occasions are samples: intervals hold what either would change, drawn again.
"""

import dataclasses
from typing import ClassVar

import numpy as np
import scipy.stats
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from socialsim.analysis import statistics
from socialsim.analysis.statistics import Numbers
from socialsim.core.errors import OptionError

ALMOST = 1 - 1e-12  # Fisher's z of 1 is infinite


def mean_squares(x: NDArray) -> tuple[Numbers, Numbers, Numbers]:
    """MSR (between subjects), MSC (between occasions), MSE of two-way tables `[..., n, k]`."""
    n, k = x.shape[-2:]
    grand = x.mean((-2, -1), keepdims=True)
    rows, columns = x.mean(-1, keepdims=True), x.mean(-2, keepdims=True)
    msr = k * ((rows - grand) ** 2).sum((-2, -1)) / (n - 1)
    msc = n * ((columns - grand) ** 2).sum((-2, -1)) / (k - 1)
    mse = ((x - rows - columns + grand) ** 2).sum((-2, -1)) / ((n - 1) * (k - 1))
    return msr, msc, mse


def icc(x: NDArray) -> Numbers:
    """ICC(2,1), absolute agreement, of tables `[..., n, k]` (Shrout & Fleiss 1979):
    (MSR - MSE) / (MSR + (k-1) MSE + k (MSC - MSE) / n). NaN where nothing varies."""
    n, k = x.shape[-2:]
    msr, msc, mse = mean_squares(x)
    below = msr + (k - 1) * mse + k * (msc - mse) / n
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(below > 0, (msr - mse) / below, np.nan)


def kendall_w(x: NDArray) -> Numbers:
    """Kendall's W of tables `[..., n, k]`, corrected for ties: 12 S / (k^2 (n^3 - n) - k sum T).

    NaN where all tie.
    """
    n, k = x.shape[-2:]
    ranks = scipy.stats.rankdata(x, axis=-2)
    centred = ranks - (n + 1) / 2
    s = (centred.sum(-1) ** 2).sum(-1)
    # A column's sum of squares is (n^3 - n - T) / 12, so the corrected denominator is k times their sum.
    below = k * (centred**2).sum((-2, -1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(below > 0, s / below, np.nan)


@dataclasses.dataclass(frozen=True)
class _Stability:
    """Options of both: the dimension that holds occasions, confidence, resamples, shuffles, seed.

    fixed: the occasions are those that are asked about, such as the stages of a training, and no sample of
    others: the interval is of the subjects alone.
    """

    occasion: str = "occasion"
    fixed: bool = False
    confidence: float = 0.95
    resamples: int = 1000
    shuffles: int = 200
    seed: int = 0
    name: ClassVar[str]

    def __post_init__(self):
        statistics.check_confidence(self.confidence)
        statistics.check_resamples(self.resamples)
        if self.shuffles < 1:
            raise OptionError(f"shuffles={self.shuffles}; allowed: 1 or more")

    def _statistic(self, x: NDArray) -> Numbers:
        raise NotImplementedError

    def _correlation(self, found: Numbers, occasions: int) -> Numbers:
        """The statistic as a mean correlation of two occasions, which does not depend on their number."""
        raise NotImplementedError

    def _from_correlation(self, found: Numbers, occasions: int) -> Numbers:
        raise NotImplementedError

    def _interval(self, x: NDArray, draws: NDArray, units: int) -> tuple[float, float]:
        """draws: of resampled subjects. From three occasions on, the wider of these and a delete-one-occasion
        jackknife's t interval on Fisher's z scale (Efron & Tibshirani 1993, ch. 11); two occasions cannot
        say how occasions differ."""
        k = x.shape[1]
        low, high = statistics.percentiles(draws, self.confidence, size=units)
        if k < 3 or self.fixed:
            return float(low), float(high)

        def fisher(found, occasions):
            return np.arctanh(np.clip(self._correlation(found, occasions), -ALMOST, ALMOST))

        without = [fisher(self._statistic(np.delete(x, i, axis=1)), k - 1) for i in range(k)]
        tails = 0.5 + self.confidence / 2
        over_occasions = scipy.stats.t.ppf(tails, k - 1) * np.std(without) * np.sqrt(k - 1)
        resampled = np.nanstd(fisher(draws, k)) * np.sqrt(units / (units - 1))
        over_subjects = scipy.stats.t.ppf(tails, units - 1) * resampled
        half = max(over_occasions, over_subjects)
        ends = np.tanh(fisher(self._statistic(x), k) + half * np.array([-1.0, 1.0]))
        least, most = np.asarray(self._from_correlation(ends, k))
        return min(float(low), float(least)), max(float(high), float(most))

    def _undefined(self, x: NDArray) -> str:
        n, k = x.shape
        if n < 3 or k < 2:
            return f"{n} subjects on {k} occasions: at least 3 subjects and 2 occasions are needed"
        if not np.isfinite(x).all():
            return "non-finite values"
        spread = x.std(axis=0)
        flat = np.flatnonzero(spread <= 1e-9 * max(1.0, float(np.abs(x).max())))
        if len(flat):
            return f"no variance between subjects on {len(flat)} of {k} occasions"
        return ""

    def estimate(
        self, x: ArrayLike, groups: ArrayLike | None = None, *, within: ArrayLike | None = None
    ) -> statistics.Estimate:
        """x: `[n, k]`.  groups: `[n]`, what the rows belong to (an agent, an episode).

        Groups are resampled whole; the shuffled null permutes each occasion's column within them
        (within-agent shuffles), or over all rows where no groups are given. within: `[n]`, other blocks to
        shuffle in, as agents are where rows are resampled by scene.
        """
        x = np.asarray(x, float)
        if x.ndim != 2:
            raise OptionError(f"{self.name}: X has shape {x.shape}; allowed: [subjects, occasions]")
        reason = self._undefined(x)
        if reason:
            return statistics.undefined(len(x), reason)
        rng = np.random.default_rng(self.seed)
        labels = np.arange(len(x)) if groups is None else np.asarray(groups)
        members = [np.flatnonzero(labels == g) for g in np.unique(labels)]
        draws, null = np.full(self.resamples, np.nan), np.full(self.shuffles, np.nan)
        for b in range(self.resamples):
            picked = rng.integers(len(members), size=len(members))
            draws[b] = self._statistic(x[np.concatenate([members[g] for g in picked])])
        blocks = [np.arange(len(x))] if groups is None else members
        if within is not None:
            inside = np.asarray(within)
            blocks = [np.flatnonzero(inside == g) for g in np.unique(inside)]
        for b in range(self.shuffles):
            mixed = x.copy()
            for rows in blocks:
                mixed[rows] = rng.permuted(x[rows], axis=0)
            null[b] = self._statistic(mixed)
        if len(members) < 2:
            low = high = np.nan
        else:
            low, high = self._interval(x, draws, len(members))
        return statistics.Estimate(
            estimate=float(self._statistic(x)),
            low=float(low),
            high=float(high),
            n=len(members),
            **statistics.null_band(null),
            reason="" if len(members) > 1 else "one group only: no interval",
        )

    def __call__(
        self, values: xr.DataArray, groups: ArrayLike | None = None, *, within: ArrayLike | None = None
    ) -> xr.Dataset:
        """Values with the dimension `occasion`; all other dimensions together are the subjects.

        groups, within: as `estimate` takes them.

        Returns scalars estimate, low, high, n, null, null_low, null_high, reason and msr, msc, mse. MSR
        stands beside the rest because without spread between subjects no agreement means anything.
        """
        if self.occasion not in values.dims:
            raise OptionError(f"{self.name}: no dimension {self.occasion!r}; allowed: one of {values.dims}")
        rest = [d for d in values.dims if d != self.occasion]
        x = values.transpose(*rest, self.occasion).values.reshape(-1, values.sizes[self.occasion])
        result = self.estimate(x, groups, within=within).to_dataset()
        small = min(x.shape) < 2
        squares = (np.nan,) * 3 if small else mean_squares(np.asarray(x, float))
        named = zip(("msr", "msc", "mse"), squares, strict=True)
        return result.assign({k: ((), float(v)) for k, v in named}).assign_attrs(statistic=self.name)


@dataclasses.dataclass(frozen=True)
class IntraclassCorrelation(_Stability):
    """ICC(2,1): the share of variance that lies between subjects, absolute agreement."""

    name: ClassVar[str] = "icc(2,1)"

    def _statistic(self, x: NDArray) -> Numbers:
        return icc(x)

    def _correlation(self, found: Numbers, occasions: int) -> Numbers:
        return found

    def _from_correlation(self, found: Numbers, occasions: int) -> Numbers:
        return found


@dataclasses.dataclass(frozen=True)
class KendallW(_Stability):
    """Kendall's W: agreement of the occasions' rankings of the subjects, 0 to 1 (1/k by chance)."""

    name: ClassVar[str] = "kendall_w"

    def _statistic(self, x: NDArray) -> Numbers:
        return kendall_w(x)

    def _correlation(self, found: Numbers, occasions: int) -> Numbers:
        """Spearman's, averaged over pairs: (k W - 1) / (k - 1) (Kendall & Gibbons 1990)."""
        return (occasions * found - 1) / (occasions - 1)

    def _from_correlation(self, found: Numbers, occasions: int) -> Numbers:
        return np.maximum((1 + (occasions - 1) * found) / occasions, 0.0)


def channel_stability(
    values: xr.DataArray,
    *,
    occasion: str,
    channel: str = "channel",
    groups: ArrayLike | None = None,
    **options,
) -> xr.Dataset:
    """Both statistics for each channel: Dataset with dims `statistic, channel`.

    values: DataArray with dims `occasion`, `channel` and whatever makes up a subject.
    groups: one label per subject, in the order of the other dims together: what is sampled as one (the
        episode that scenes are of) and so resampled whole. The null shuffles over all subjects.
    """
    whole = None if groups is None else np.zeros(np.shape(groups), int)
    per: list[xr.Dataset] = []
    for measure in (IntraclassCorrelation(occasion, **options), KendallW(occasion, **options)):
        rows = [measure(values.sel({channel: c}), groups, within=whole) for c in values[channel].values]
        rows = [r.drop_vars(channel, errors="ignore") for r in rows]
        per.append(xr.concat(rows, xr.DataArray(values[channel].values, dims=channel, name=channel)))
    names = xr.DataArray([IntraclassCorrelation.name, KendallW.name], dims="statistic", name="statistic")
    return xr.concat(per, names, combine_attrs="drop")
