"""One cell of source x target: learners in a new world, beside its signals and alone with what is carried."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
import xarray as xr

from socialsim.agents.loading import TrainedRun
from socialsim.agents.training import TrainConfig
from socialsim.analysis.recording import play
from socialsim.analysis.statistics import probability_of_improvement
from socialsim.core.drives import drive_matrix
from socialsim.core.simulation import Simulation
from socialsim.experiments.experiment import Study
from socialsim.transfer.arms import plan
from socialsim.transfer.carriers import Source
from socialsim.transfer.claims import SHAPING_HELPS, VALUES_TRANSFERRED, by_source
from socialsim.transfer.suite import Transfer, transfer

SCRATCH, DIRECT, UNREWARDED = "scratch", "direct", "unrewarded"
HOME = 24  # episodes at home, on which carriers are made


@dataclasses.dataclass(frozen=True)
class Learning:
    """arms: compared beside the target's signals.  alone: compared without them.  seeds: learners per arm.
    config: of each."""

    arms: tuple[str, ...]
    alone: tuple[str, ...]
    seeds: int
    config: TrainConfig

    def cell(
        self, study: Study, env: Simulation, part: str, source: TrainedRun, shared: Mapping[str, dict]
    ) -> dict[str, Any]:
        """All arms from one source in one target, and what was claimed of them.

        part: of the run, for its checkpoints.  shared: curves in this target that owe nothing to a source
        ("scratch", "unrewarded"), if they were trained already; "shared" of the result holds them.
        """
        keys = jax.random.split(study.key(2), len(source.teams))
        home = drive_matrix(None, source.env.channels, source.env.num_agents)[0]
        sources = [
            Source(t, play(source.env, t, k, worlds=HOME), home, source.discount)
            for t, k in zip(source.teams[: self.seeds], keys, strict=False)
        ]
        shared, told, verdicts = dict(shared), {"arms": {}, "alone": {}}, {}
        auc, owners, weight = {"arms": {}, "alone": {}}, None, None
        for kind, names in (("arms", self.arms), ("alone", self.alone)):
            if not names:
                continue
            found = self._train(study, env, part, source, sources, shared, alone=kind == "alone")
            told[kind], auc[kind] = _rows(found), found.auc()
            owners, weight = found.sources, found.weight
            kept = UNREWARDED if kind == "alone" else SCRATCH
            shared.setdefault(kept, _curves(found.score.sel(arm=SCRATCH)))
        crossing = source.teams[0].actions != env.actions
        transferred = VALUES_TRANSFERRED(auc["alone"], across_physics=crossing, sources=owners)
        verdicts["values_transferred"] = transferred.to_dict()
        verdicts["shaping_helps"] = SHAPING_HELPS(auc["arms"], sources=owners).to_dict()
        count = len(set(owners or ()))
        return {**told, "sources": count, "weight": weight, "verdicts": verdicts, "shared": shared}

    def _train(self, study, env, part, source, sources, shared, *, alone: bool) -> Transfer:
        # What gets the target's signals and nothing else has learned from scratch, by the same keys.
        known = {SCRATCH: UNREWARDED, DIRECT: SCRATCH} if alone else {SCRATCH: SCRATCH}
        names = self.alone if alone else self.arms
        ready = {a: shared[k] for a, k in known.items() if a in names and k in shared}
        wanted = tuple(a for a in names if a not in ready)
        if not wanted:  # only what is there was asked for
            wanted, ready = names, {}
        prepared = plan(
            sources,
            env,
            self.config.ppo.network,
            arms=wanted,
            alone=alone,
            seeds=self.seeds,
            seed=study.seed,
            drives=drive_matrix(None, env.channels, env.num_agents),
        )
        way = ", values alone" if alone else ""
        return transfer(
            env,
            prepared,
            self.config,
            study.key(3),
            run=study.run.part(f"{part}-alone" if alone else part),
            source_steps=float(source.config["agent_steps"]),
            given=_scores(ready) if ready else None,
            title=f"{source.env.id} into {env.id}{way}: {len(prepared.arms)} arms x {self.seeds} seeds",
            quiet=study.quiet,
        )


def _rows(found: Transfer) -> dict[str, dict]:
    """Arm -> area under the curve of each seed, and P(improvement) over learners that were given nothing."""
    auc = found.auc()
    counted = by_source(auc, found.sources)
    rows = {}
    for arm in auc:
        better = probability_of_improvement(counted[arm], counted[SCRATCH])
        row = found.summary.sel(metric="auc", arm=arm)
        rows[arm] = {
            "auc": auc[arm].tolist(),
            "iqm": float(row.estimate),
            "iqm_low": float(row.low),
            "iqm_high": float(row.high),
            "estimate": better.estimate,
            "low": better.low,
            "high": better.high,
            "reason": better.reason,
        }
    return rows


def _curves(score: xr.DataArray) -> dict:
    return {"curves": score.values.tolist(), "time": score.time.values.tolist()}


def _scores(kept: Mapping[str, Mapping]) -> xr.DataArray:
    """`[arm, seed, time]` of curves as `_curves` keeps them."""
    curves = np.asarray([k["curves"] for k in kept.values()], np.float32)
    time = np.asarray(next(iter(kept.values()))["time"])
    coords = {"arm": list(kept), "seed": np.arange(curves.shape[1]), "time": time}
    return xr.DataArray(curves, dims=("arm", "seed", "time"), coords=coords)
