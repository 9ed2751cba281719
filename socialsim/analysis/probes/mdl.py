"""Online description length: how many bits do a concept's labels cost someone who sees the activations?

A probe's score says how well it ends; the code also says how much data that took, so a concept that is laid
out plainly compresses more than one that has to be dug out (Voita & Titov 2020).
"""

import dataclasses
from collections.abc import Mapping

import numpy as np
import threadpoolctl
import xarray as xr
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from socialsim.analysis.clusters import cluster_bootstrap, fields
from socialsim.analysis.probes.checks import check_finite
from socialsim.analysis.probes.probe import Target
from socialsim.core.errors import OptionError, integer


def label_classes(target: Target, bins: int) -> NDArray:
    """Class of each row `[N]`, -1 where undefined: the value itself where there are at most `bins` values,
    else its quantile bin."""
    y = np.asarray(target.values, float)
    known = np.isfinite(y)
    values, codes = np.unique(y[known], return_inverse=True)
    if len(values) > bins:
        edges = np.unique(np.quantile(y[known], np.arange(1, bins) / bins))
        _, codes = np.unique(np.searchsorted(edges, y[known], side="right"), return_inverse=True)
    out = np.full(len(y), -1)
    out[known] = codes
    return out


@dataclasses.dataclass(frozen=True)
class OnlineCode:
    """Online MDL: L = t1 log2 K - sum_i log2 p_i(block i+1 | x), compression = N log2 K / L.

    Groups (episodes) come in random order and are never split. The first block is sent at log2 K bits per
    label; each later one is coded by a logistic probe trained on all before it.

    blocks: shares of the rows at which the probe is trained anew.  bins: a concept with more values than
    this is coded by its quantile bin.  penalties: inverse strengths C; each block is coded with the one that
    coded all before it best, so choosing costs no bits.  cap: groups are taken up to about this many rows.

    The code of the label frequencies alone (Krichevsky & Trofimov 1981 [M]) stands beside it: rare labels
    compress without any activations. `gain`, bits per label saved on that code, is what the activations are
    worth; noise costs bits. Intervals resample groups, with the order of the blocks as it is.
    """

    blocks: tuple[float, ...] = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2)
    bins: int = 4
    penalties: tuple[float, ...] = (0.001, 0.03, 1.0)
    cap: int = 4000
    confidence: float = 0.95
    resamples: int = 500
    seed: int = 0

    def __post_init__(self):
        integer("bins", self.bins, low=2)
        if list(self.blocks) != sorted(set(self.blocks)) or not 0 < self.blocks[0] <= self.blocks[-1] < 1:
            raise OptionError(f"blocks={self.blocks}; allowed: rising shares above 0 and below 1")
        if not self.penalties or min(self.penalties) <= 0:
            raise OptionError(f"penalties={self.penalties}; allowed: one or more, all above 0")

    def __call__(
        self, activations: Mapping[str, NDArray], targets: Mapping[str, Target], *, groups: NDArray
    ) -> xr.Dataset:
        """Dataset `[concept, layer]`: compression, gain (each with _low, _high), null (compression by label
        frequencies alone), codelength (bits), classes, n, groups, reason."""
        check_finite("mdl", {f"activations of {k}": x for k, x in activations.items()})
        cells = [
            [self.one(x, target, groups=groups) for x in activations.values()] for target in targets.values()
        ]
        layers = xr.DataArray(list(activations), dims="layer", name="layer")
        rows = [xr.concat(row, layers) for row in cells]
        return xr.concat(rows, xr.DataArray(list(targets), dims="concept", name="concept"))

    def one(self, features: NDArray, target: Target, *, groups: NDArray) -> xr.Dataset:
        """The same of one concept in one layer: scalars. features: `[N, D]`."""
        if not len(features) == len(target.values) == len(groups):
            raise OptionError(
                f"mdl: {len(features)} rows, {len(target.values)} labels, {len(groups)} groups; allowed: one "
                "length"
            )
        check_finite("mdl", {"features": features})
        labels = label_classes(target, self.bins)
        rows, starts = self._order(labels, np.asarray(groups))
        labels = labels[rows]
        classes = int(labels.max(initial=-1)) + 1
        bits = np.full((len(rows), 2), np.nan)
        reason = ""
        if classes < 2:
            reason = "fewer than two labels"
        elif len(starts) < 2:
            reason = "too few groups for more than one block"
        else:
            bits = self._bits(np.asarray(features, float)[rows], labels, starts, classes)
        uniform = np.log2(max(classes, 2))
        columns = np.column_stack([bits, np.full(len(rows), uniform), np.ones(len(rows))])
        options = {"seed": self.seed, "confidence": self.confidence, "resamples": self.resamples}
        near = np.asarray(groups)[rows]
        if reason:
            columns, near = np.full((2, 4), np.nan), np.arange(2)
        compression = cluster_bootstrap(columns, lambda s: s[..., 2] / s[..., 0], groups=near, **options)
        gain = cluster_bootstrap(
            columns, lambda s: (s[..., 1] - s[..., 0]) / s[..., 3], groups=near, **options
        )
        data = fields("compression", compression) | fields("gain", gain)
        total = np.array([np.nan, np.nan]) if reason else bits.sum(0)
        data |= {"null": float(uniform * len(rows) / total[1]), "codelength": float(total[0])}
        data |= {"classes": classes, "n": len(rows), "groups": len(np.unique(np.asarray(groups)[rows]))}
        return xr.Dataset({k: ((), v) for k, v in (data | {"reason": reason}).items()})

    def _order(self, labels: NDArray, groups: NDArray) -> tuple[NDArray, list[int]]:
        """Labelled rows, groups in random order and whole, up to the cap; where blocks start (from 0)."""
        known = np.flatnonzero(labels >= 0)
        names, index = np.unique(groups[known], return_inverse=True)
        place = np.random.default_rng(self.seed).permutation(len(names))[index]
        order = np.argsort(place, kind="stable")
        ends = np.cumsum(np.bincount(place)) if len(known) else np.zeros(0, int)
        kept = int(np.searchsorted(ends, self.cap, side="right"))
        ends = ends[: max(kept, 1)]
        size = int(ends[-1]) if len(ends) else 0
        cuts = {int(ends[np.abs(ends - share * size).argmin()]) for share in self.blocks} if size else set()
        return known[order][:size], [0, *sorted(cuts - {size})]

    def _bits(self, x: NDArray, y: NDArray, starts: list[int], classes: int) -> NDArray:
        """Bits of each label `[N, 2]`: under the probe and under the frequencies of the labels before."""
        out = np.full((len(y), 2), np.log2(classes))
        spent = np.zeros(len(self.penalties))
        with threadpoolctl.threadpool_limits(1, user_api="blas"):
            for begin, end in zip(starts[1:], [*starts[2:], len(y)], strict=True):
                block = slice(begin, end)
                seen = np.bincount(y[:begin], minlength=classes)
                out[block, 1] = -np.log2((seen + 0.5) / (begin + 0.5 * classes))[y[block]]
                scaler = StandardScaler().fit(x[:begin])
                train, held = (np.asarray(scaler.transform(part)) for part in (x[:begin], x[block]))
                held = np.clip(held, -5, 5)  # a unit that was nearly silent so far must not decide alone
                each = np.stack([_code(train, y[:begin], held, y[block], classes, c) for c in self.penalties])
                out[block, 0] = each[spent.argmin()]
                spent += each.sum(-1)
        return out


def _code(x: NDArray, y: NDArray, held: NDArray, truth: NDArray, classes: int, penalty: float) -> NDArray:
    """Bits of `truth` under a probe trained on x, y; one pseudo-count per class keeps them finite."""
    probability = np.zeros((len(held), classes))
    present = np.unique(y)
    if len(present) > 1:
        probe = LogisticRegression(C=penalty, solver="newton-cholesky", max_iter=50, tol=1e-3).fit(x, y)
        probability[:, present] = probe.predict_proba(held)
    else:
        probability[:, present] = 1.0
    smoothed = (len(y) * probability + 1) / (len(y) + classes)
    return -np.log2(smoothed[np.arange(len(truth)), truth])
