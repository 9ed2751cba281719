"""Intervals for figures that are functions of sums over rows: whole clusters (episodes) are resampled."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from socialsim.analysis import statistics
from socialsim.analysis.statistics import Estimate, Numbers


def cluster_bootstrap(
    columns: ArrayLike,
    statistic: Callable[[NDArray], Numbers],
    *,
    groups: ArrayLike,
    seed: int,
    confidence: float = 0.95,
    resamples: int = 1000,
    within: tuple[float, float] = (-math.inf, math.inf),
) -> Estimate:
    """`statistic` of the column sums of `columns [N, K]`, with a cluster bootstrap interval.

    statistic : sums `[..., K]` -> `[...]`, vectorised over leading axes (a mean is `s[..., 0] / s[..., 1]`).
    groups : `[N]`, resampled whole; the same seed and number of groups draw the same resamples, so that
        estimates on the same rows are paired. Above `statistics.MAX_CLUSTERS`, bins of groups are.
    within : the limits of the statistic.
    """
    statistics.check_confidence(confidence)
    statistics.check_resamples(resamples)
    sums = statistics.cluster_sums(groups, *np.asarray(columns, float).T)
    estimate = float(statistic(sums.sum(0)))
    if len(sums) < 2:
        return statistics.undefined(len(sums), "fewer than two groups")
    if not np.isfinite(estimate):
        return statistics.undefined(len(sums), "undefined on these rows")
    rng, groups_seen = np.random.default_rng(seed), len(sums)
    sums = statistics.binned(sums, rng)
    draws = np.asarray(statistic(statistics.cluster_counts(len(sums), resamples, rng) @ sums))
    low, high = statistics.percentiles(draws, confidence, size=len(sums), within=within)
    return Estimate(estimate, float(low), float(high), groups_seen)


def fields(name: str, estimate: Estimate) -> dict[str, float]:
    """`{name, name_low, name_high}`: an Estimate as cells of a wide dataset."""
    return {name: estimate.estimate, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
