"""Probe: what a layer encodes linearly, beyond what its inputs and its shape give away."""

import dataclasses
import zlib
from collections.abc import Mapping, Sequence

import numpy as np
import threadpoolctl
import xarray as xr
from numpy.typing import NDArray

from socialsim.analysis import statistics
from socialsim.analysis.probes.baselines import BASELINES, TWINS, luck, random_projections
from socialsim.analysis.probes.checks import check_finite
from socialsim.analysis.probes.controls import control_targets
from socialsim.analysis.probes.linear import KINDS, LinearReadout, chance, score, score_sums
from socialsim.core.errors import OptionError, choose, integer


@dataclasses.dataclass(frozen=True)
class Target:
    """A concept measured on N rows. values: `[N]`, NaN where undefined.  kind: "regression" or "binary"."""

    values: NDArray
    kind: str = "regression"

    def __post_init__(self):
        choose("kind of target", self.kind, KINDS)


Twins = Mapping[str, NDArray] | Sequence[Mapping[str, NDArray]]
"""Layer -> activations `[N, D]` of an untrained twin, or several of them."""

FEWEST = 5
"""Groups in which a concept, and each class of it, must occur."""


@dataclasses.dataclass(frozen=True)
class Probe:
    """Linear probes with selectivity and three baselines, on activations `[N, D]`.

    readout: the linear model and its folds.  cap: rows used at most, whole rows drawn at random.  repeats:
    control tasks per concept.  projections: random ones that are drawn as a baseline.  resamples: of groups,
    for intervals.  margin: how far a score must lie above chance, and a selectivity above zero, to count.
    seed: of all of it.

    Intervals resample groups over held-out predictions; they do not include the variation of the fit.

    What is drawn at random (control tasks, untrained twins, random projections) counts by the mean over its
    draws, and what is only one more draw of the same kind must not stand out: the prediction bound of a new
    draw (`luck`) is added in quadrature to the bootstrap's half-widths. Rare classes and few types of scene
    make control tasks differ much, and selectivities wide. The advantage over all baselines is the least of
    the estimates and of the ends, so that its lower end exceeds 0 only where that over each does
    (intersection-union test, Berger 1982 [M]). A single twin cannot tell how twins differ: the verdict says
    so.
    """

    readout: LinearReadout = dataclasses.field(default_factory=LinearReadout)
    cap: int = 4000
    repeats: int = 10
    projections: int = TWINS
    resamples: int = 500
    confidence: float = 0.95
    margin: float = 0.05
    seed: int = 0

    def __post_init__(self):
        integer("cap", self.cap, low=50)
        integer("repeats", self.repeats, low=1)
        integer("projections", self.projections, low=2)
        statistics.check_resamples(self.resamples)
        statistics.check_confidence(self.confidence)

    def __call__(
        self,
        activations: Mapping[str, NDArray],
        targets: Mapping[str, Target],
        *,
        groups: NDArray,
        types: NDArray,
        observation: NDArray,
        untrained: Twins | None = None,
    ) -> xr.Dataset:
        """Probe every layer for every concept.

        Parameters
        ----------
        activations : layer -> `[N, D]` of the trained network.
        untrained : the same of its untrained twin, or of several (a sequence), on the same rows. Without them
            that baseline is NaN, and the verdict says so.
        targets : concept -> Target.
        groups : `[N]`, episodes: rows of one group are never split.
        types : `[N]`, discrete scene type (`scene_types`), for the control task.
        observation : `[N, F]`, raw.

        Returns
        -------
        Dataset `[concept, layer]`: score, score_low, score_high, control, selectivity, selectivity_low,
        selectivity_high, advantage, advantage_low, advantage_high, n, groups, kind, verdict; and
        baseline_score (mean over draws) and baseline_spread (their standard deviation, NaN for a single
        one) `[concept, layer, baseline]`. Raises OptionError for rows that do not match or are not finite.
        """
        twins = _twins(untrained)
        self._check(activations, targets, groups, types, observation, twins)
        # One thread: these matrices are small, and threads that wait for busy cores cost ten times the work.
        with threadpoolctl.threadpool_limits(1, user_api="blas"):
            return self._run(activations, targets, groups, types, observation, twins)

    def _run(self, activations, targets, groups, types, observation, twins) -> xr.Dataset:
        rows = np.sort(np.random.default_rng(self.seed).permutation(len(groups))[: self.cap])
        chosen = {k: Target(np.asarray(t.values, float)[rows], t.kind) for k, t in targets.items()}
        problem = _Problem(self, chosen, np.asarray(groups)[rows], np.asarray(types)[rows])
        raw = np.asarray(observation, np.float64)[rows]
        given = [problem.task(raw)]
        projected: dict[int, list] = {}  # layers of one width share their random projections
        per_layer = []
        for layer, values in activations.items():
            values = np.asarray(values, np.float64)[rows]
            width = values.shape[1]
            if width not in projected:
                drawn = random_projections(raw, width, self.projections, self.seed)
                projected[width] = [problem.task(x) for x in drawn]
            fresh = [problem.task(np.asarray(t[layer], np.float64)[rows]) for t in twins if layer in t]
            families = {"untrained": fresh, "observation": given, "projection": projected[width]}
            found = problem.sums(values)
            cells = [self._cell(name, problem, found, families) for name in targets]
            per_layer.append(xr.concat(cells, xr.DataArray(list(targets), dims="concept", name="concept")))
        result = xr.concat(per_layer, xr.DataArray(list(activations), dims="layer", name="layer"))
        return result.transpose("concept", "layer", "baseline")

    def _cell(self, name, problem, found, families) -> xr.Dataset:
        kind = problem.targets[name].kind
        reason = problem.reasons.get(name, "")
        none = statistics.undefined(0, reason)
        rows, beyond = {"score": none, "selectivity": none, "advantage": none}, {}
        base, spread = dict.fromkeys(BASELINES, np.nan), dict.fromkeys(BASELINES, np.nan)
        control, size, clusters = np.nan, 0, 0
        if not reason:
            size, clusters = problem.size[name]
            # The same resampled groups for the layer and for every baseline: differences are paired.
            counts = statistics.cluster_counts(clusters, self.resamples, np.random.default_rng(self.seed + 1))
            task, controls = found[name]
            whole, drawn = float(score(kind, task.sum(0))), np.asarray(score(kind, counts @ task))
            rows["score"] = self._interval(whole, drawn, clusters)
            if controls:
                tasks = np.array([float(score(kind, c.sum(0))) for c in controls])
                control = float(tasks.mean())
                # A resample may miss a class that one control task has: the others still count.
                memory = _known_mean([np.asarray(score(kind, counts @ c)) for c in controls])
                over = self._interval(whole - control, drawn - memory, clusters)
                rows["selectivity"] = _widened(over, luck(tasks, self.confidence))
            for family, members in families.items():
                if not members:
                    continue
                scores = np.array([float(score(kind, m[name].sum(0))) for m in members])
                base[family] = float(scores.mean())
                spread[family] = float(scores.std(ddof=1)) if len(scores) > 1 else np.nan
                mean = np.mean([np.asarray(score(kind, counts @ m[name])) for m in members], axis=0)
                over = self._interval(whole - base[family], drawn - mean, clusters)
                beyond[family] = _widened(over, luck(scores, self.confidence))
            ends = np.array([(e.estimate, e.low, e.high) for e in beyond.values()]).min(0)
            estimate, low, high = map(float, ends)
            rows["advantage"] = statistics.Estimate(estimate, low, high, clusters)
        data: dict = {}
        for k, e in rows.items():
            data |= {k: e.estimate, f"{k}_low": e.low, f"{k}_high": e.high}
        data |= {"control": control, "n": size, "groups": clusters, "kind": kind}
        missing = "" if reason else problem.uncontrolled.get(name, "")
        data["verdict"] = self._verdict(kind, rows, beyond, reason or missing, len(families["untrained"]))
        cell = xr.Dataset({k: ((), v) for k, v in data.items()})
        wide = {"baseline_score": base, "baseline_spread": spread}
        cell = cell.assign({k: ("baseline", [v[b] for b in BASELINES]) for k, v in wide.items()})
        return cell.assign_coords(baseline=list(BASELINES))

    def _interval(self, estimate, draws, clusters) -> statistics.Estimate:
        low, high = statistics.percentiles(draws, self.confidence, size=clusters)
        return statistics.Estimate(float(estimate), float(low), float(high), clusters)

    def _verdict(self, kind, rows, beyond, reason, twins) -> str:
        if reason:
            return f"undefined: {reason}"
        if not all(np.isfinite((e.low, e.high)).all() for e in rows.values()):
            return "undefined: what is probed does not vary in resampled groups"
        if rows["score"].low <= chance(kind) + self.margin:
            return "not shown to be decodable"
        if rows["selectivity"].low <= self.margin:
            return "decodable, but a random labelling of scene types is about as easy"
        if rows["advantage"].low <= 0:
            return f"decodable, no better than from the {_WORDS[min(beyond, key=lambda k: beyond[k].low)]}"
        missing = {0: " (no untrained twin to compare with)", 1: " (of one untrained twin only)"}
        return "encoded: better than every baseline" + missing.get(twins, "")

    def _check(self, activations, targets, groups, types, observation, twins):
        n = len(groups)
        arrays = {f"activations of {k}": v for k, v in activations.items()}
        for i, twin in enumerate(twins):
            arrays |= {f"untrained {k}, twin {i}": v for k, v in twin.items()}
        arrays["observation"] = observation
        lengths = {k: len(v) for k, v in arrays.items()} | {"types": len(types)}
        lengths |= {f"target {k}": len(t.values) for k, t in targets.items()}
        wrong = {k: v for k, v in lengths.items() if v != n}
        if wrong or not activations or not targets:
            raise OptionError(
                f"probe: {n} rows of groups but {wrong or 'nothing to probe'}; allowed: one length"
            )
        check_finite("probe", arrays)


def _twins(untrained: Twins | None) -> list[Mapping[str, NDArray]]:
    if not untrained:
        return []
    return [untrained] if isinstance(untrained, Mapping) else list(untrained)


_WORDS = {"untrained": "untrained twin", "observation": "raw observation", "projection": "random projection"}


class _Problem:
    """Targets that share rows, fitted together; sums of squares and hits by group for each representation.

    What is drawn for a concept depends on the seed and on its name, not on what else is asked.
    """

    def __init__(self, probe: Probe, targets: dict[str, Target], groups, types):
        self.probe, self.targets, self.groups = probe, targets, groups
        self.reasons: dict[str, str] = {}
        self.uncontrolled: dict[str, str] = {}  # why a concept has no control task
        self.size: dict[str, tuple[int, int]] = {}
        self.controls: dict[str, NDArray] = {}
        self.shared: dict[bytes, list[str]] = {}
        for name, target in targets.items():
            valid = np.isfinite(target.values)
            reason = _reason(target, valid, groups)
            if reason:
                self.reasons[name] = reason
                continue
            y = target.values[valid]
            self.size[name] = (len(y), len(np.unique(groups[valid])))
            rng = np.random.default_rng([probe.seed, zlib.crc32(name.encode())])
            drawn = control_targets(y, types[valid], probe.repeats, rng, groups[valid], fewest=FEWEST)
            self.controls[name] = drawn[:, np.isfinite(drawn).all(0)]
            if not self.controls[name].shape[1]:
                count = len(np.unique(types[valid]))
                self.uncontrolled[name] = f"no control task (types of scene: {count})"
            self.shared.setdefault(valid.tobytes(), []).append(name)

    def task(self, features: NDArray) -> dict[str, NDArray]:
        """Concept -> sums by group of the task alone, as baselines need it."""
        return {k: task for k, (task, _) in self.sums(features, controls=False).items()}

    def sums(self, features: NDArray, controls: bool = True) -> dict[str, tuple[NDArray, list[NDArray]]]:
        """Concept -> sums by group of the task, and of each control task."""
        out = {}
        for names in self.shared.values():
            valid = np.isfinite(self.targets[names[0]].values)
            groups = self.groups[valid]
            blocks = [self.targets[k].values[valid][:, None] for k in names]
            if controls:
                blocks = [np.column_stack([y, self.controls[k]]) for k, y in zip(names, blocks, strict=True)]
            kinds = [self.targets[k].kind for k in names]
            widths = [y.shape[1] for y in blocks]
            binary = np.repeat([k == "binary" for k in kinds], widths)
            predicted = self.probe.readout(features[valid], np.concatenate(blocks, axis=1), groups, binary)
            parts = np.split(predicted, np.cumsum(widths)[:-1], axis=1)
            for name, kind, y, found in zip(names, kinds, blocks, parts, strict=True):
                per = [score_sums(kind, y[:, j], found[:, j], groups) for j in range(y.shape[1])]
                out[name] = (per[0], per[1:])
        return out


def _known_mean(draws: list[NDArray]) -> NDArray:
    """Mean over the draws `[B]` that are known; NaN where none is."""
    table = np.stack(draws)
    known = np.isfinite(table)
    return np.where(known, table, 0.0).sum(0) / np.where(known.any(0), known.sum(0), np.nan)


def _widened(e: statistics.Estimate, by: float) -> statistics.Estimate:
    """An interval with independent variation added in quadrature."""
    if not by:
        return e
    low, high = max(e.estimate - e.low, 0.0), max(e.high - e.estimate, 0.0)
    return dataclasses.replace(
        e, low=e.estimate - float(np.hypot(low, by)), high=e.estimate + float(np.hypot(high, by))
    )


def _reason(target: Target, valid: NDArray, groups: NDArray) -> str:
    y = target.values[valid]
    if len(y) < 50:
        return f"defined on {len(y)} rows, 50 are needed"
    if len(np.unique(groups[valid])) < FEWEST:
        return f"defined in {len(np.unique(groups[valid]))} groups, {FEWEST} are needed"
    if target.kind == "binary":
        if not np.isin(y, (0, 1)).all():
            return "values other than 0 and 1"
        fewest = min(len(np.unique(groups[valid][y == v])) for v in (0, 1))
        return f"one class occurs in {fewest} groups only, {FEWEST} are needed" if fewest < FEWEST else ""
    return "it does not vary" if np.ptp(y) <= 1e-9 * max(1.0, np.abs(y).max()) else ""
