"""Did an intervention do what it was meant to, and nothing else? Completeness and selectivity.

After Canby et al. 2024; the formulas are from memory [M]. P is what a *validation* probe, trained on rows
that had no part in the intervention, says of the concept; delta is the total variation distance.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from socialsim.analysis import statistics
from socialsim.analysis.clusters import cluster_bootstrap, fields
from socialsim.analysis.probes.probe import Target


def halves(values: NDArray) -> NDArray:
    """`[N]` bool: the upper class of a binary concept, or above the median (where ties fill the upper half:
    from the median up)."""
    middle = np.median(values)
    upper = values > middle
    return upper if upper.any() and (values != middle).any() else values >= middle


@dataclasses.dataclass(frozen=True)
class Quality:
    """Judges changes of `x [N, D]`.

    upper: `[N]`, which half of the concept a row is in.  others: concepts not to be touched.  groups: `[N]`.
    folds: rows of each of three parts; rows of part k are judged by probes trained on part k + 2.

    completeness, of an edit: 1 - delta(P(z | h'), the half aimed at), the probability of that half; of an
    erasure: 1 - 2 delta(P(z | h'), (1/2, 1/2)), with classes weighted alike.
    selectivity: the mean over other concepts of 1 - delta(P(z' | h'), P(z' | h)) / max(p, 1 - p), with p the
    probability before: 1 where nothing else changed. NaN where no other concept was given.
    """

    x: NDArray
    upper: NDArray
    others: Mapping[str, Target]
    groups: NDArray
    folds: list[NDArray]

    def __call__(self, delta: NDArray, *, nullify: bool, **bootstrap) -> dict[str, float]:
        """completeness and selectivity, each with _low and _high. bootstrap: of `cluster_bootstrap`."""
        after = self._read(self.upper, np.ones(len(self.x), bool), self.x + delta)
        reached = 1 - 2 * np.abs(after - 0.5) if nullify else np.where(self.upper, 1 - after, after)
        ones = np.ones(len(self.x))
        completeness = cluster_bootstrap(np.column_stack([reached, ones]), _mean, **bootstrap)
        kept = []
        for other in self.others.values():
            known = np.isfinite(other.values)
            half = np.zeros(len(self.x), bool)
            half[known] = halves(other.values[known])
            before = self._read(half, known, self.x)
            moved = np.abs(self._read(half, known, self.x + delta) - before)
            kept.append(np.where(known, 1 - moved / np.maximum(before, 1 - before), np.nan))
        selectivity = statistics.undefined(0, "no other concept given")
        if kept:
            table = np.stack(kept, -1)
            columns = np.column_stack([np.nansum(table, -1), np.isfinite(table).sum(-1)])
            selectivity = cluster_bootstrap(columns, _mean, **bootstrap)
        return fields("completeness", completeness) | fields("selectivity", selectivity)

    def _read(self, upper: NDArray, known: NDArray, x: NDArray) -> NDArray:
        """P(upper | x) `[N]` by validation probes; 1/2 where a probe could not be trained; NaN where the
        concept is undefined."""
        out = np.full(len(x), 0.5)
        for k, rows in enumerate(self.folds):
            train = self.folds[(k + 2) % 3]
            train = train[known[train]]
            if len(np.unique(upper[train])) < 2:
                continue
            scaler = StandardScaler().fit(self.x[train])
            probe = LogisticRegression(
                C=0.1, class_weight="balanced", solver="newton-cholesky", max_iter=50, tol=1e-3
            ).fit(scaler.transform(self.x[train]), upper[train])
            out[rows] = probe.predict_proba(scaler.transform(x[rows]))[:, 1]
        return np.where(known, out, np.nan)


def _mean(sums: NDArray) -> statistics.Numbers:
    return sums[..., 0] / np.maximum(sums[..., 1], 1e-300)
