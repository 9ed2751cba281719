"""Estimates with intervals: means, rank agreement, probability of improvement.

Everything is seeded explicitly, so a figure in a report can be made again to the last bit. After Agarwal et
al. 2021 (interquartile mean, stratified bootstrap, probability of improvement); built on numpy and scipy.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.stats
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from socialsim.core.errors import OptionError

NAN = float("nan")
MAX_CLUSTERS = 2000
FEW = 10  # below so many independent units a percentile interval is too narrow by itself

Numbers = NDArray | float  # numpy returns a float where it reduces to one number


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A figure with its interval.

    estimate, low, high: the figure and its interval at the confidence asked for.  n: independent units.
    null, null_low, null_high: what a shuffled control gives (mean, 2.5 % and 97.5 % points), or NaN.
    reason: why the figure is NaN, or what to know about it; empty where there is nothing to say.
    """

    estimate: float
    low: float
    high: float
    n: int
    null: float = NAN
    null_low: float = NAN
    null_high: float = NAN
    reason: str = ""

    def __eq__(self, other: object) -> bool:
        """Field by field; what is undefined equals itself, as it does not by default from Python 3.13 on."""
        if not isinstance(other, Estimate):
            return NotImplemented
        pairs = zip(dataclasses.astuple(self), dataclasses.astuple(other), strict=True)
        return all(a == b or (a != a and b != b) for a, b in pairs)

    def __hash__(self) -> int:
        return hash((self.n, self.reason))

    def excludes(self, value: float) -> bool:
        """True where the whole interval lies on one side of `value` (False for NaN)."""
        return self.low > value or self.high < value

    def to_dataset(self) -> xr.Dataset:
        """The same as scalars of an xarray Dataset; `combine` stacks many."""
        return xr.Dataset({f.name: ((), getattr(self, f.name)) for f in dataclasses.fields(self)})


def undefined(n: int, reason: str) -> Estimate:
    """A NaN with its reason."""
    return Estimate(NAN, NAN, NAN, n, reason=reason)


def combine(estimates: dict[str, Estimate], dim: str) -> xr.Dataset:
    """Estimates by name -> Dataset with coordinate `dim`."""
    fields = [f.name for f in dataclasses.fields(Estimate)]
    rows = {f: (dim, np.array([getattr(e, f) for e in estimates.values()])) for f in fields}
    return xr.Dataset(rows, coords={dim: list(estimates)})


def check_confidence(confidence: float) -> float:
    if not 0.5 <= confidence < 1:
        raise OptionError(f"confidence={confidence!r}; allowed: 0.5 <= confidence < 1")
    return confidence


def check_resamples(resamples: int) -> int:
    if resamples < 100:
        raise OptionError(f"resamples={resamples!r}; allowed: 100 or more")
    return resamples


def interquartile_mean(values: ArrayLike, axis: int = -1) -> Numbers:
    """Mean of the middle half: the 25 % trimmed mean (below four values nothing is trimmed)."""
    return scipy.stats.trim_mean(np.asarray(values, float), 0.25, axis=axis)


def percentiles(
    draws: NDArray,
    confidence: float,
    *,
    size: int | None = None,
    strata: int = 1,
    within: tuple[float, float] = (-math.inf, math.inf),
) -> tuple[Numbers, Numbers]:
    """Interval from bootstrap draws along axis 0; NaN draws are left out (NaN where all are).

    With `size` units the levels are expanded to Phi(-sqrt(n/(n-1)) t), which restores the width that
    resampling few units loses (Hesterberg 2015, "What teachers should know about the bootstrap"). A
    resample cannot leave the range of what was measured, so with fewer than `FEW` units the interval is, on
    each side, the wider of this and the t interval with the bootstrap's standard error (same source).
    `size` is the smallest stratum; degrees of freedom grow with the number of strata.
    within : the limits of the statistic; the interval ends there.
    """
    tail = (1 - confidence) / 2
    known = ~np.isnan(draws).all(0)  # where nothing is known NumPy warns
    draws = np.where(known, draws, 0.0)
    reach = 0.0
    if size is not None and size > 1:
        t = scipy.stats.t.ppf(1 - tail, (size - 1) * strata)
        reach = math.sqrt(size / (size - 1)) * t
        tail = float(scipy.stats.norm.cdf(-reach))
    low, high = np.nanquantile(draws, [tail, 1 - tail], axis=0)
    if size is not None and 1 < size * strata < FEW:
        middle, half = np.nanmean(draws, 0), reach * np.nanstd(draws, 0)
        low, high = np.minimum(low, middle - half), np.maximum(high, middle + half)
    low, high = np.clip(low, *within), np.clip(high, *within)
    return np.where(known, low, np.nan)[()], np.where(known, high, np.nan)[()]


def null_band(null: ArrayLike) -> dict[str, Any]:
    """Mean and middle 95 % of a statistic under its null, as Estimate's null, null_low and null_high.

    NaN draws are left out; all three are NaN where nothing is left.
    """
    known = np.asarray(null, float)
    known = known[~np.isnan(known)]
    low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (NAN, NAN)
    return {
        "null": float(known.mean()) if len(known) else NAN,
        "null_low": float(low),
        "null_high": float(high),
    }


def _resample_index(rng, strata: list[NDArray], resamples: int) -> NDArray:
    """`[resamples, n]`: indices drawn with replacement within each stratum."""
    return np.concatenate([s[rng.integers(len(s), size=(resamples, len(s)))] for s in strata], axis=1)


def bootstrap(
    values: ArrayLike,
    statistic: Callable = interquartile_mean,
    *,
    seed: int,
    strata: ArrayLike | None = None,
    confidence: float = 0.95,
    resamples: int = 2000,
    within: tuple[float, float] = (-math.inf, math.inf),
) -> Estimate:
    """Bootstrap interval of `statistic` over independent `values [n]`.

    Parameters
    ----------
    statistic : called as `statistic(values, axis=-1)`; vectorised over leading axes.
    seed : of the resampling; the same seed gives the same interval.
    strata : `[n]` labels; resampling happens within each (seeds within worlds: Agarwal et al. 2021).
    within : the limits of the statistic: a rate is not below 0, however few its values.

    Raises
    ------
    OptionError : values that are not one-dimensional, or labels of another length.
    """
    values = np.asarray(values, float)
    labels = np.zeros(values.shape, int) if strata is None else np.asarray(strata)
    if values.ndim != 1 or labels.shape != values.shape:
        raise OptionError(f"bootstrap: values {values.shape}, strata {labels.shape}; allowed: both [n]")
    check_confidence(confidence)
    check_resamples(resamples)
    if len(values) < 2:
        return undefined(len(values), "fewer than two values")
    if not np.isfinite(values).all():
        return undefined(len(values), "non-finite values")
    rng = np.random.default_rng(seed)
    blocks = [np.flatnonzero(labels == s) for s in np.unique(labels)]
    chunk = max(1, min(resamples, 4_000_000 // len(values)))
    draws = []
    for start in range(0, resamples, chunk):
        index = _resample_index(rng, blocks, min(chunk, resamples - start))
        draws.append(statistic(values[index], axis=-1))
    smallest = min(map(len, blocks))
    limits = {"size": smallest, "strata": len(blocks), "within": within}
    low, high = percentiles(np.concatenate(draws), confidence, **limits)
    return Estimate(float(statistic(values, axis=-1)), float(low), float(high), len(values))


def bootstrap_scores(scores: ArrayLike, *, seed: int, **options) -> Estimate:
    """`bootstrap` of `scores [seed, world]`: seeds resampled within each world, then pooled.

    Every score is an independent run (Agarwal et al. 2021). Where row i is one team in every world, its
    scores are not: then `bootstrap(scores.mean(1))`, or intervals are too narrow.
    """
    scores = np.asarray(scores, float)
    if scores.ndim != 2:
        raise OptionError(f"bootstrap_scores: scores {scores.shape}; allowed: [seed, world]")
    worlds = np.broadcast_to(np.arange(scores.shape[1]), scores.shape)
    return bootstrap(scores.ravel(), seed=seed, strata=worlds.ravel(), **options)


# Clusters ------------------------------------------------------------------------------------------------


def cluster_sums(groups: ArrayLike, *columns: ArrayLike) -> NDArray:
    """Sums of each column within each group: `[G, len(columns)]`."""
    _, index = np.unique(np.asarray(groups), return_inverse=True)
    return np.stack([np.bincount(index, np.asarray(c, float)) for c in columns], axis=-1)


def cluster_counts(clusters: int, resamples: int, rng: np.random.Generator) -> NDArray:
    """`[resamples, clusters]`: how often each cluster is drawn in each bootstrap resample."""
    return rng.multinomial(clusters, np.full(clusters, 1 / clusters), size=resamples).astype(float)


def binned(sums: NDArray, rng: np.random.Generator) -> NDArray:
    """Above `MAX_CLUSTERS` clusters `[G, K]`: sums of bins of whole clusters, drawn at random, `[bins, K]`.

    A resample of bins has the variance of one of clusters, in less memory.
    """
    if len(sums) <= MAX_CLUSTERS:
        return sums
    bins = rng.permutation(len(sums)) % MAX_CLUSTERS
    return np.stack([np.bincount(bins, column) for column in sums.T], axis=-1)


def _correlation(sums: NDArray) -> Numbers:
    """Pearson's r from sums `[..., 6]` of n, x, y, xx, yy, xy."""
    n, x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
    spread = (n * xx - x * x) * (n * yy - y * y)
    return np.where(spread > 1e-12, (n * xy - x * y) / np.sqrt(np.maximum(spread, 1e-300)), NAN)


def _paired(x: ArrayLike, y: ArrayLike, groups: ArrayLike | None, name: str):
    x, y = np.asarray(x, float).ravel(), np.asarray(y, float).ravel()
    groups = np.arange(len(x)) if groups is None else np.asarray(groups).ravel()
    if not len(x) == len(y) == len(groups):
        raise OptionError(f"{name}: x has {len(x)}, y {len(y)}, groups {len(groups)}; allowed: one length")
    good = np.isfinite(x) & np.isfinite(y)
    return x[good], y[good], groups[good]


def _no_ranking(x, y, groups) -> str:
    if len(np.unique(groups)) < 2:
        return "fewer than two groups"
    for name, v in (("first", x), ("second", y)):
        if np.ptp(v) <= 1e-12 * max(1.0, np.abs(v).max()):
            return f"the {name} variable does not vary"
    return ""


def shuffle_blocks(groups: NDArray, rng: np.random.Generator) -> NDArray:
    """An order of rows in which whole groups trade places, each kept in its own order.

    Needs rows sorted by group. A row trades with rows at the same place of other groups, so that a shared
    trend over the episode stays and only what is particular to a state is broken. Groups of one length are
    permuted; otherwise they stand in a random ring and a row gets that of the next group which is as long.
    Where one group alone is so long its rows stay: the null is then nearer to the estimate, not further.
    """
    _, first, count = np.unique(groups, return_index=True, return_counts=True)
    order = rng.permutation(len(first))
    if (count == count[0]).all():
        return (first[order][:, None] + np.arange(count[0])).reshape(-1)
    place = np.arange(len(groups)) - np.repeat(first, count)
    ring = np.argsort(place * len(first) + np.repeat(order, count))  # by place, then around the ring
    begins = np.flatnonzero(np.diff(place[ring], prepend=-1))
    taken = np.roll(ring, -1)
    taken[np.append(begins[1:], len(ring)) - 1] = ring[begins]
    given = np.empty_like(ring)
    given[ring] = taken
    return given


def spearman(
    x: ArrayLike,
    y: ArrayLike,
    *,
    seed: int,
    groups: ArrayLike | None = None,
    confidence: float = 0.95,
    resamples: int = 1000,
    shuffles: int = 100,
) -> Estimate:
    """Spearman's rho of `x [N]`, `y [N]` with a cluster bootstrap interval and a shuffled null.

    Groups (episodes) are resampled whole. Ranks are taken once over all N and not again in each resample,
    which makes a resample a product of counts with per-group sums: N = 1e5 takes well under a second.
    The null pairs groups at random (`shuffle_blocks`). Pairs that are not finite are left out. `n` counts
    groups.
    """
    check_confidence(confidence)
    check_resamples(resamples)
    x, y, groups = _paired(x, y, groups, "spearman")
    reason = _no_ranking(x, y, groups) if len(x) else "no finite pairs"
    clusters = len(np.unique(groups))
    if reason:
        return undefined(clusters, reason)
    order = np.argsort(groups, kind="stable")
    groups = groups[order]
    rx, ry = (scipy.stats.rankdata(v[order]) / len(x) for v in (x, y))
    rx, ry = rx - rx.mean(), ry - ry.mean()
    rng = np.random.default_rng(seed)
    sums = cluster_sums(groups, np.ones_like(rx), rx, ry, rx * rx, ry * ry, rx * ry)
    sums = binned(sums, rng)
    draws = np.asarray(_correlation(cluster_counts(len(sums), resamples, rng) @ sums))
    low, high = percentiles(draws, confidence, size=len(sums), within=(-1.0, 1.0))
    scale = math.sqrt(float((rx @ rx) * (ry @ ry)))
    null = np.array([rx @ ry[shuffle_blocks(groups, rng)] for _ in range(shuffles)]) / scale
    return Estimate(
        estimate=float(_correlation(sums.sum(0))),
        low=float(low),
        high=float(high),
        n=clusters,
        **null_band(null),
    )


def _tau(x: NDArray, y: NDArray) -> float:
    return float(scipy.stats.kendalltau(x, y)[0])  # type: ignore[arg-type]


def kendall(
    x: ArrayLike,
    y: ArrayLike,
    *,
    seed: int,
    groups: ArrayLike | None = None,
    confidence: float = 0.95,
    resamples: int = 400,
    cap: int = 2000,
) -> Estimate:
    """Kendall's tau-b (ties allowed for) with a cluster bootstrap interval.

    The estimate uses all pairs; the width of the interval comes from at most `cap` randomly chosen rows,
    resampled by group, and is therefore, for larger N, somewhat wide (it errs on the safe side).
    """
    check_confidence(confidence)
    check_resamples(resamples)
    x, y, groups = _paired(x, y, groups, "kendall")
    reason = _no_ranking(x, y, groups) if len(x) else "no finite pairs"
    if reason:
        return undefined(len(np.unique(groups)), reason)
    rng = np.random.default_rng(seed)
    kept = np.sort(rng.choice(len(x), cap, replace=False)) if len(x) > cap else np.arange(len(x))
    members = [kept[groups[kept] == g] for g in np.unique(groups[kept])]
    draws = np.full(resamples, NAN)
    for b in range(resamples):
        rows = np.concatenate([members[g] for g in rng.integers(len(members), size=len(members))])
        draws[b] = _tau(x[rows], y[rows])
    estimate = _tau(x, y)
    draws = np.clip(draws + estimate - _tau(x[kept], y[kept]), -1.0, 1.0)
    low, high = percentiles(draws, confidence, size=len(members), within=(-1.0, 1.0))
    return Estimate(estimate, float(low), float(high), len(np.unique(groups)))


# Probability of improvement ------------------------------------------------------------------------------


def _placements(x: NDArray, y: NDArray) -> NDArray:
    """`[m, n]`: 1 where x wins, 1/2 at ties, 0 where it loses."""
    x, y = x[..., :, None], y[..., None, :]  # compared, not subtracted: scores may be infinite
    return (x > y) + 0.5 * (x == y)


def _score_interval(p: float, m: int, n: int, z: float) -> tuple[float, float]:
    """Newcombe's (2006) method 5, with the continuity correction of the Mann-Whitney test."""
    grid = np.linspace(0.0, 1.0, 20_001)
    middle = 0.5 * (m + n) - 1
    variance = grid * (1 - grid) * (1 + middle * ((1 - grid) / (2 - grid) + grid / (1 + grid))) / (m * n)
    inside = grid[np.maximum(np.abs(p - grid) - 0.5 / (m * n), 0.0) <= z * np.sqrt(variance)]
    return min(float(inside.min()), p), max(float(inside.max()), p)


def _brunner_munzel(wins: NDArray, confidence: float) -> tuple[float, float]:
    """Interval for P(x > y) + P(x = y)/2 without assuming equal spreads (Brunner & Munzel 2000)."""
    p, (m, n) = float(wins.mean()), wins.shape
    a, b = wins.mean(1).var(ddof=1) / m, wins.mean(0).var(ddof=1) / n
    if a + b <= 0:
        return p, p
    freedom = (a + b) ** 2 / (a * a / (m - 1) + b * b / (n - 1))
    half = float(scipy.stats.t.ppf(0.5 + confidence / 2, freedom)) * math.sqrt(a + b)
    return max(p - half, 0.0), min(p + half, 1.0)


def probability_of_improvement(
    x: ArrayLike,
    y: ArrayLike,
    *,
    method: str = "score",
    seed: int = 0,
    confidence: float = 0.95,
    resamples: int = 2000,
) -> Estimate:
    """P(a run of `x` scores above a run of `y`), ties counting half (Agarwal et al. 2021).

    Parameters
    ----------
    x, y : `[m]`, `[n]` scores of independent seeds; or `[m, worlds]`, `[n, worlds]`, averaged over worlds.
    method : "score" (one world) is the wider, on each side, of Newcombe's (2006) score interval with
        continuity correction and Brunner & Munzel's (2000). It needs no resampling, is honest at few seeds
        and keeps a width where all pairs are ordered: with 3 against 3 seeds no result excludes 1/2, with 4
        against 4 only complete separation does (exact one-sided chance 1/70). "bootstrap" is the percentile
        interval, which is [1, 1] there and too narrow below about ten seeds; the choice for several worlds.

    Raises
    ------
    OptionError : other shapes or methods.
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    if method not in ("score", "bootstrap"):
        raise OptionError(f"probability_of_improvement: method={method!r}; allowed: 'score', 'bootstrap'")
    if x.ndim != y.ndim or x.ndim not in (1, 2) or x.shape[1:] != y.shape[1:]:
        raise OptionError(
            f"probability_of_improvement: x {x.shape}, y {y.shape}; allowed: [m], [n] or [m, W], [n, W]"
        )
    if method == "score" and x.ndim == 2:
        raise OptionError("probability_of_improvement: 'score' takes one world; use method='bootstrap'")
    check_confidence(confidence)
    check_resamples(resamples)
    size = min(len(x), len(y))
    if size < 2:
        return undefined(size, "fewer than two seeds in an arm")
    if np.isnan(x).any() or np.isnan(y).any():
        return undefined(size, "an arm has undefined (NaN) scores")
    x, y = x.reshape(len(x), -1).T, y.reshape(len(y), -1).T  # [W, m], [W, n]
    wins = _placements(x, y)
    if method == "score":
        z = float(scipy.stats.norm.ppf(0.5 + confidence / 2))
        score = _score_interval(float(wins.mean()), wins.shape[1], wins.shape[2], z)
        welch = _brunner_munzel(wins[0], confidence)
        low, high = min(score[0], welch[0]), max(score[1], welch[1])
    else:
        rng = np.random.default_rng(seed)
        draws = np.zeros(resamples)
        for w in wins:
            counts = [cluster_counts(k, resamples, rng) / k for k in w.shape]
            draws += np.einsum("bm,mn,bn->b", counts[0], w, counts[1], optimize=True) / len(wins)
        low, high = percentiles(draws, confidence)
    return Estimate(float(wins.mean()), float(low), float(high), size)
