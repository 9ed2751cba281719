"""Probe: what a layer encodes linearly, beyond what its inputs and its shape give away."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import threadpoolctl
import xarray as xr
from numpy.typing import NDArray

from socialsim.analysis import statistics
from socialsim.analysis.probes.baselines import BASELINES, random_projection
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


@dataclasses.dataclass(frozen=True)
class Probe:
    """Linear probes with selectivity and three baselines, on activations `[N, D]`.

    readout: the linear model and its folds.  cap: rows used at most, whole rows drawn at random.  repeats:
    control tasks per concept.  resamples: of groups, for intervals.  margin: how far a score must lie above
    chance, and a selectivity above zero, to count.  seed: of all of it.

    Intervals resample groups over held-out predictions; they do not include the variation of the fit. The
    advantage is over the best baseline *of each resample*, which errs against the layer.
    """

    readout: LinearReadout = dataclasses.field(default_factory=LinearReadout)
    cap: int = 4000
    repeats: int = 3
    resamples: int = 500
    confidence: float = 0.95
    margin: float = 0.05
    seed: int = 0

    def __post_init__(self):
        integer("cap", self.cap, low=50)
        integer("repeats", self.repeats, low=1)
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
        untrained: Mapping[str, NDArray] | None = None,
    ) -> xr.Dataset:
        """Probe every layer for every concept.

        Parameters
        ----------
        activations, untrained : layer -> `[N, D]`; of the trained network and of its untrained twin, on the
            same rows. Without `untrained` that baseline is NaN and the verdict says so.
        targets : concept -> Target.
        groups : `[N]`, episodes: rows of one group are never split.
        types : `[N]`, discrete scene type (`scene_types`), for the control task.
        observation : `[N, F]`, raw.

        Returns
        -------
        Dataset `[concept, layer]`: score, score_low, score_high, control, selectivity, selectivity_low,
        selectivity_high, advantage, advantage_low, advantage_high, n, groups, kind, verdict; and
        baseline_score `[concept, layer, baseline]`.
        """
        self._check(activations, targets, groups, types, observation, untrained or {})
        # One thread: these matrices are small, and threads that wait for busy cores cost ten times the work.
        with threadpoolctl.threadpool_limits(1, user_api="blas"):
            return self._run(activations, targets, groups, types, observation, untrained)

    def _run(self, activations, targets, groups, types, observation, untrained) -> xr.Dataset:
        rng = np.random.default_rng(self.seed)
        rows = np.sort(rng.permutation(len(groups))[: self.cap])
        chosen = {k: Target(np.asarray(t.values, float)[rows], t.kind) for k, t in targets.items()}
        problem = _Problem(self, chosen, np.asarray(groups)[rows], np.asarray(types)[rows], rng)
        raw = np.asarray(observation, np.float64)[rows]
        from_observation = problem.sums(raw)
        per_layer = []
        for layer, values in activations.items():
            values = np.asarray(values, np.float64)[rows]
            scores = {"task": problem.sums(values), "observation": from_observation}
            scores["projection"] = problem.sums(random_projection(raw, values.shape[1], rng))
            if untrained and layer in untrained:
                scores["untrained"] = problem.sums(np.asarray(untrained[layer], np.float64)[rows])
            cells = [self._cell(name, problem, scores) for name in targets]
            per_layer.append(xr.concat(cells, xr.DataArray(list(targets), dims="concept", name="concept")))
        result = xr.concat(per_layer, xr.DataArray(list(activations), dims="layer", name="layer"))
        return result.transpose("concept", "layer", "baseline")

    def _cell(self, name, problem, scores) -> xr.Dataset:
        kind = problem.targets[name].kind
        reason = problem.reasons.get(name, "")
        rows = dict.fromkeys(("score", "selectivity", "advantage"), statistics.undefined(0, reason))
        base = dict.fromkeys(BASELINES, np.nan)
        control, size, clusters = np.nan, 0, 0
        if not reason:
            size, clusters = problem.size[name]
            # The same resampled groups for the layer and for every baseline: differences are paired.
            counts = statistics.cluster_counts(clusters, self.resamples, np.random.default_rng(self.seed + 1))
            drawn = {k: np.asarray(score(kind, counts @ s[name][0])) for k, s in scores.items()}
            whole = {k: float(score(kind, s[name][0].sum(0))) for k, s in scores.items()}
            memory = [np.asarray(score(kind, counts @ c)) for c in scores["task"][name][1]]
            control = float(np.mean([float(score(kind, c.sum(0))) for c in scores["task"][name][1]]))
            base |= {k: whole[k] for k in BASELINES if k in whole}
            names = [k for k in BASELINES if k in whole]
            best = np.max([drawn[k] for k in names], axis=0)
            rows = {
                "score": self._interval(whole["task"], drawn["task"], clusters),
                "selectivity": self._interval(
                    whole["task"] - control, drawn["task"] - np.mean(memory, 0), clusters
                ),
                "advantage": self._interval(
                    whole["task"] - max(whole[k] for k in names), drawn["task"] - best, clusters
                ),
            }
        data: dict = {}
        for k, e in rows.items():
            data |= {k: e.estimate, f"{k}_low": e.low, f"{k}_high": e.high}
        data |= {"control": control, "n": size, "groups": clusters, "kind": kind}
        data["verdict"] = self._verdict(kind, rows, base, reason)
        cell = xr.Dataset({k: ((), v) for k, v in data.items()})
        return cell.assign(baseline_score=("baseline", list(base.values()))).assign_coords(
            baseline=list(base)
        )

    def _interval(self, estimate, draws, clusters) -> statistics.Estimate:
        low, high = statistics.percentiles(draws, self.confidence, size=clusters)
        return statistics.Estimate(float(estimate), float(low), float(high), clusters)

    def _verdict(self, kind, rows, base, reason) -> str:
        if reason:
            return f"undefined: {reason}"
        if not all(np.isfinite((e.low, e.high)).all() for e in rows.values()):
            return "undefined: what is probed does not vary in resampled groups"
        if rows["score"].low <= chance(kind) + self.margin:
            return "not shown to be decodable"
        if rows["selectivity"].low <= self.margin:
            return "decodable, but a random labelling of scene types is about as easy"
        best = max((k for k in base if np.isfinite(base[k])), key=lambda k: base[k])
        if rows["advantage"].low <= 0:
            return f"decodable, no better than from the {_WORDS[best]}"
        missing = "" if np.isfinite(base["untrained"]) else " (no untrained twin to compare with)"
        return "encoded: better than every baseline" + missing

    def _check(self, activations, targets, groups, types, observation, untrained):
        n = len(groups)
        lengths = {f"activations of {k}": len(v) for k, v in activations.items()}
        lengths |= {f"untrained {k}": len(v) for k, v in untrained.items()}
        lengths |= {f"target {k}": len(t.values) for k, t in targets.items()}
        lengths |= {"types": len(types), "observation": len(observation)}
        wrong = {k: v for k, v in lengths.items() if v != n}
        if wrong or not activations or not targets:
            raise OptionError(
                f"probe: {n} rows of groups but {wrong or 'nothing to probe'}; allowed: one length"
            )


_WORDS = {"untrained": "untrained twin", "observation": "raw observation", "projection": "random projection"}


class _Problem:
    """Targets that share rows, fitted together; sums of squares and hits by group for each representation."""

    def __init__(self, probe: Probe, targets: dict[str, Target], groups, types, rng):
        self.probe, self.targets, self.groups = probe, targets, groups
        self.reasons: dict[str, str] = {}
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
            self.controls[name] = control_targets(y, types[valid], probe.repeats, rng)
            self.shared.setdefault(valid.tobytes(), []).append(name)

    def sums(self, features: NDArray) -> dict[str, tuple[NDArray, list[NDArray]]]:
        """Concept -> sums by group of the task, and of each control task."""
        out = {}
        for names in self.shared.values():
            valid = np.isfinite(self.targets[names[0]].values)
            groups = self.groups[valid]
            blocks = [np.column_stack([self.targets[k].values[valid], self.controls[k]]) for k in names]
            binary = np.repeat([self.targets[k].kind == "binary" for k in names], 1 + self.probe.repeats)
            predicted = self.probe.readout(features[valid], np.concatenate(blocks, axis=1), groups, binary)
            for i, (name, y) in enumerate(zip(names, blocks, strict=True)):
                found = predicted[:, i * y.shape[1] : (i + 1) * y.shape[1]]
                kind = self.targets[name].kind
                per = [score_sums(kind, y[:, j], found[:, j], groups) for j in range(y.shape[1])]
                out[name] = (per[0], per[1:])
        return out


def _reason(target: Target, valid: NDArray, groups: NDArray) -> str:
    y = target.values[valid]
    if len(y) < 50:
        return f"defined on {len(y)} rows, 50 are needed"
    if len(np.unique(groups[valid])) < 5:
        return f"defined in {len(np.unique(groups[valid]))} groups, 5 are needed"
    if target.kind == "binary":
        if not np.isin(y, (0, 1)).all():
            return "values other than 0 and 1"
        fewest = min(len(np.unique(groups[valid][y == v])) for v in (0, 1))
        return f"one class occurs in {fewest} groups only, 5 are needed" if fewest < 5 else ""
    return "it does not vary" if np.ptp(y) <= 1e-9 * max(1.0, np.abs(y).max()) else ""
