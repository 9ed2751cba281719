"""Interventions on activations: change or erase a concept in a layer, and see what the network then says.

A decodable feature need not be used (Elazar et al. 2021), so a probe is followed by an intervention, and the
intervention by random ones of the same rank and norm: every change of a layer moves the value somewhat.
"""

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np
import threadpoolctl
import xarray as xr
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold

from socialsim.agents.distributions import Policy
from socialsim.analysis import statistics
from socialsim.analysis.clusters import cluster_bootstrap, fields
from socialsim.analysis.probes.checks import check_finite
from socialsim.analysis.probes.erasure import Erasure
from socialsim.analysis.probes.linear import ridge
from socialsim.analysis.probes.probe import Target
from socialsim.analysis.probes.quality import Quality, halves
from socialsim.core.errors import OptionError, integer

Values = Callable[[NDArray], NDArray]
"""Activations `[N, D]` -> values `[N, C]` (see `analysis.layers.Onward`)."""


@dataclasses.dataclass(frozen=True)
class Intervention:
    """Edit, erase and randomly change one concept in one layer.

    edits: "edit" is the counterfactual h' = h + w (y* - w.h - b) / ||w||^2 with a ridge probe w, b: each row
    is taken to the mean predicted level y* of the other half of the concept (the other class, or the other
    side of the median). "shift" reaches the same reading along Sigma w, the direction in which activations
    and concept vary together (the probe's pattern, Haufe et al. 2014 [M]): the edit of w alone is the
    shortest, but often leads where no activation ever was. "erase" is LEACE, "project" the plain projection
    (see `Erasure`).
    randoms: changes of the same rank, and row by row of the same norm, in a randomly rotated direction within
    the span of the activations.  cap: rows used at most, drawn at random.

    Groups fall into three parts. Rows are edited by what was fitted on the other two. How well that works is
    judged of edits fitted on one of the two, by probes trained on the other: nothing is judged on rows, or by
    a probe, that had a part in it.

    size is the root mean square of dV over the spread of V; ratio is that of the edit over that of the mean
    random change, whose own scatter (2.5 % and 97.5 % points) is the null. rise is the mean change of V when
    the concept is raised, over the spread of V. Intervals resample groups.
    """

    edits: tuple[str, ...] = ("edit", "erase")
    randoms: int = 100
    alphas: tuple[float, ...] = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
    cap: int = 4000
    confidence: float = 0.95
    resamples: int = 500
    seed: int = 0

    def __post_init__(self):
        integer("randoms", self.randoms, low=20)
        integer("cap", self.cap, low=60)
        unknown = set(self.edits) - set(EDITS)
        if unknown or not self.edits:
            raise OptionError(f"edits={self.edits}; allowed: some of {EDITS}")

    def __call__(
        self,
        activations: NDArray,
        target: Target,
        values: Values,
        *,
        groups: NDArray,
        channels: tuple[str, ...],
        others: Mapping[str, Target] | None = None,
        policy: Callable[[NDArray], Policy] | None = None,
    ) -> xr.Dataset:
        """Intervene on `activations [N, D]`.

        Parameters
        ----------
        values : the rest of the network, activations -> `[N, C]`; channels names its last axis.
        groups : `[N]`, episodes.
        others : concepts that the intervention is not meant to change, for its selectivity.
        policy : the rest of the network on the actor's side, for KL(pi || pi') in nats.

        Returns
        -------
        Dataset `[edit, channel]`: ratio, size, rise, each with _low and _high, null_low and null_high (of
        ratio); `[edit]`: completeness and selectivity (see `quality`), kl and kl_random with their
        intervals, n, groups, reason.
        """
        others = dict(others or {})
        self._check(activations, target, groups, others)
        known = np.flatnonzero(np.isfinite(target.values))
        if len(known) > self.cap:
            known = np.sort(np.random.default_rng(self.seed).permutation(known)[: self.cap])
        x, labels = np.asarray(activations, float)[known], np.asarray(groups)[known]
        y = np.asarray(target.values, float)[known]
        others = {k: Target(np.asarray(t.values, float)[known], t.kind) for k, t in others.items()}
        upper = halves(y)
        reason = _reason(x, upper, labels)
        names = xr.DataArray(list(self.edits), dims="edit", name="edit")
        if reason:
            return xr.concat([_undefined(channels, reason) for _ in self.edits], names)
        parts = list(GroupKFold(3).split(x, groups=labels))
        folds = [test for _, test in parts]
        with threadpoolctl.threadpool_limits(1, user_api="blas"):
            base = np.asarray(values(x), float)
            if base.shape != (len(x), len(channels)):
                raise OptionError(f"values {base.shape}; allowed: {(len(x), len(channels))}")
            scale = base.std(0)
            quality = Quality(x, upper, others, labels, folds)
            rotations = self._rotations(x)
            rows: list[xr.Dataset] = []
            for name in self.edits:
                delta = self._delta(name, x, y, upper, folds, parts=(1, 2))
                row = self._effects(x, delta, base, scale, upper, values, labels, rotations, channels)
                options = self._options(labels)
                row = row.assign(
                    quality(
                        self._delta(name, x, y, upper, folds, parts=(1,)),
                        nullify=name in ("erase", "project"),
                        **options,
                    )
                )
                row = row.assign(self._divergence(x, delta, policy, rotations, options))
                rows.append(row.assign(n=len(x), groups=len(np.unique(labels)), reason=""))
        return xr.concat(rows, names)

    def _options(self, groups) -> dict:
        return {
            "groups": groups,
            "seed": self.seed,
            "confidence": self.confidence,
            "resamples": self.resamples,
        }

    def _delta(self, name: str, x, y, upper, folds, parts) -> NDArray:
        """What the edit adds to each row, fitted on those of the three parts, counted from the row's own."""
        delta = np.zeros_like(x)
        for k, rows in enumerate(folds):
            fit = np.concatenate([folds[(k + p) % 3] for p in parts])
            if name in ("edit", "shift"):
                given = x[fit], y[fit], upper[fit], x[rows], upper[rows], self.alphas
                delta[rows] = _counterfactual(*given, pattern=name == "shift")
            else:
                method = {"erase": "leace", "project": "projection"}[name]
                delta[rows] = Erasure(method).fit(x[fit], y[fit]).delta(x[rows])
        return delta

    def _rotations(self, x) -> list[NDArray]:
        """Random rotations `[D, D]` of the span of the activations (silent directions stay silent)."""
        eigenvalues, axes = np.linalg.eigh(np.cov(x.T).reshape(x.shape[1], x.shape[1]))
        basis = axes[:, eigenvalues > 1e-6 * max(float(eigenvalues[-1]), 1e-300)]
        rng = np.random.default_rng(self.seed)
        out = []
        for _ in range(self.randoms):
            q, r = np.linalg.qr(rng.normal(size=(basis.shape[1],) * 2))
            out.append(basis @ (q * np.sign(np.diag(r))) @ basis.T)  # Haar: Mezzadri 2007 [M]
        return out

    def _effects(self, x, delta, base, scale, upper, values, groups, rotations, channels) -> xr.Dataset:
        change = np.asarray(values(x + delta), float) - base
        random = np.stack([(np.asarray(values(x + delta @ q), float) - base) ** 2 for q in rotations], -1)
        up = np.where(upper, -1.0, 1.0)  # rows of the lower half are raised
        options, ones = self._options(groups), np.ones(len(x))
        cells: list[xr.Dataset] = []
        for c in range(len(channels)):
            if scale[c] <= 1e-9 * max(1.0, float(np.abs(base[:, c]).max())):
                cells.append(_effect_cells("the value does not vary"))
                continue
            square = change[:, c] ** 2
            size = cluster_bootstrap(np.column_stack([square, ones]), _root, **options)
            rise = cluster_bootstrap(np.column_stack([up * change[:, c], ones]), _mean, **options)
            mean = random[:, c].mean(-1)
            ratio = cluster_bootstrap(np.column_stack([square, mean]), _root, **options)
            single = np.sqrt(random[:, c].mean(0) / max(float(mean.mean()), 1e-300))
            data = fields("ratio", ratio)
            data |= {k: v / scale[c] for k, v in (fields("size", size) | fields("rise", rise)).items()}
            low, high = np.quantile(single, [0.025, 0.975])
            data |= {"null_low": float(low), "null_high": float(high)}
            cells.append(xr.Dataset({k: ((), v) for k, v in data.items()}))
        return xr.concat(cells, xr.DataArray(list(channels), dims="channel", name="channel"))

    def _divergence(self, x, delta, policy, rotations, options) -> dict[str, float]:
        if policy is None:
            none = statistics.undefined(0, "no policy given")
            return fields("kl", none) | {"kl_random": float("nan")}
        before = policy(x)
        kl = np.asarray(before.kl(policy(x + delta)), float)
        random = [float(np.mean(before.kl(policy(x + delta @ q)))) for q in rotations[:20]]
        found = cluster_bootstrap(np.column_stack([kl, np.ones(len(x))]), _mean, **options)
        return fields("kl", found) | {"kl_random": float(np.mean(random))}

    def _check(self, activations, target, groups, others):
        lengths = {"target": len(target.values), "groups": len(groups)}
        lengths |= {k: len(t.values) for k, t in others.items()}
        wrong = {k: n for k, n in lengths.items() if n != len(activations)}
        if wrong:
            raise OptionError(f"intervention: {len(activations)} rows but {wrong}; allowed: one length")
        check_finite("intervention", {"activations": activations})


EDITS = ("edit", "shift", "erase", "project")


def _root(sums: NDArray) -> statistics.Numbers:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.sqrt(np.maximum(sums[..., 0], 0.0) / sums[..., 1])


def _mean(sums: NDArray) -> statistics.Numbers:
    return sums[..., 0] / sums[..., 1]


def _counterfactual(x, y, upper, held, held_upper, alphas, *, pattern: bool) -> NDArray:
    """Delta `[N, D]` that takes the probe's reading of each held-out row to the other half's mean level,
    along the probe's weights or along its pattern."""
    mean, scale = x.mean(0), max(float(x.std(0).max()), 1e-12)  # one scale: the edit's norm is in raw units
    weights = ridge((x - mean) / scale, (y - y.mean())[:, None], alphas)[:, 0] / scale
    reading = (x - mean) @ weights
    levels = np.array([reading[upper].mean(), reading[~upper].mean()])  # the other half's, by own half 0, 1
    wanted = levels[held_upper.astype(int)]
    along = (x - mean).T @ reading / len(x) if pattern else weights
    return np.outer(wanted - (held - mean) @ weights, along) / max(float(weights @ along), 1e-300)


def _reason(x, upper, groups) -> str:
    if len(x) < 60:
        return f"defined on {len(x)} rows, 60 are needed"
    if len(np.unique(groups)) < 6:
        return f"defined in {len(np.unique(groups))} groups, 6 are needed"
    fewest = min(len(np.unique(groups[upper == half])) for half in (True, False))
    return "" if fewest >= 6 else f"one half of the concept occurs in {fewest} groups only, 6 are needed"


WIDE = ("ratio", "size", "rise")


def _effect_cells(reason: str) -> xr.Dataset:
    data = {}
    for name in WIDE:
        data |= fields(name, statistics.undefined(0, reason))
    return xr.Dataset({k: ((), v) for k, v in (data | {"null_low": np.nan, "null_high": np.nan}).items()})


def _undefined(channels, reason: str) -> xr.Dataset:
    cell = xr.concat(
        [_effect_cells(reason) for _ in channels],
        xr.DataArray(list(channels), dims="channel", name="channel"),
    )
    flat = {}
    for name in ("completeness", "selectivity", "kl"):
        flat |= fields(name, statistics.undefined(0, reason))
    return cell.assign(flat | {"kl_random": np.nan, "n": 0, "groups": 0, "reason": reason})
