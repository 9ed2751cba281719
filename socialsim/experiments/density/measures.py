"""From learning curves to one figure per seed: of learning at the source and elsewhere."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from jaxtyping import Float

from socialsim.agents.training import Trained
from socialsim.transfer.metrics import TransferMetrics

SCRATCH = "scratch"
SPLITS = ("tasks", "rules")
MEASURES = {
    "transfer": "success over scratch's",
    "tasks": "success, new tasks",
    "rules": "success, new rules",
    "zero_shot": "success before learning there",
    "source": "success at the source, end",
}
"""Measures of the report's main figure: joint events per agent-step, the first as a multiple of scratch's."""

ENDS = 0.2  # share of a source curve that counts as its end


def by_arm(values: np.ndarray, arms: Sequence[str]) -> dict[str, np.ndarray]:
    """`[R, ...]`, arm by arm, as arm -> `[S, ...]`."""
    return dict(zip(arms, np.split(np.asarray(values, float), len(arms)), strict=True))


def of_target(
    curves: Mapping[str, Float[np.ndarray, "S U"]], agent_steps: np.ndarray, source_steps: float
) -> dict[str, dict[str, np.ndarray]]:
    """measure -> arm -> `[S]` in one kind of held-out tasks; scratch among the arms.

    area: joint events per agent-step, mean over learning there, so per sample spent.  relative: the area as a
    multiple of the mean of scratch's.  charged: the gain over scratch's as a share, with the source's samples
    charged too.  zero_shot: in the first batch, before anything was learned from it.
    """
    score = xr.DataArray(
        np.stack(list(curves.values())),
        dims=("arm", "seed", "time"),
        coords={"arm": list(curves), "time": agent_steps},
    )
    found = TransferMetrics(reference=SCRATCH, source_time=source_steps)(score)
    names = {"area": "auc", "charged": "charged_ratio", "asymptote": "asymptote"}
    out = {k: {a: found[v].sel(arm=a).values for a in curves} for k, v in names.items()}
    area = out["area"]
    # Where scratch never succeeds there is nothing to be a multiple of: then of what all arms reach together.
    base = area[SCRATCH].mean() or np.mean(list(area.values())) or 1.0
    return out | {
        "relative": {a: v / base for a, v in area.items()},
        "zero_shot": {a: c[:, 0] for a, c in curves.items()},
    }


def of_source(trained: Trained, arms: Sequence[str]) -> dict[str, dict[str, np.ndarray]]:
    """measure -> arm -> `[S]` at the source: success, and signs of a team in the dark room at the end."""
    last = max(1, round(ENDS * trained.metrics["joint"].shape[1]))
    certainty = trained.metrics["signal"][..., trained.channels.index("certainty")]
    out = {
        "source": trained.metrics["joint"][:, -last:].mean(1),
        "source_area": trained.metrics["joint"].mean(1),
        "certainty": certainty[:, -last:].mean(1),
    }
    for name in ("movement", "entropy", "top_act"):
        out[name] = trained.metrics[name][:, -last:].mean(1)
    return {k: by_arm(v, arms) for k, v in out.items()}


def joined(
    source: Mapping[str, Mapping[str, np.ndarray]], targets: Mapping[str, Mapping]
) -> dict[str, dict[str, np.ndarray]]:
    """All measures of the experiment: measure -> arm -> `[S]`."""
    out: dict[str, dict[str, np.ndarray]] = {k: dict(v) for k, v in source.items()}

    def over_splits(measure):
        arms = targets[SPLITS[0]][measure]
        return {a: np.mean([targets[s][measure][a] for s in SPLITS], 0) for a in arms}

    out["transfer"], out["charged"] = over_splits("relative"), over_splits("charged")
    out["zero_shot"] = over_splits("zero_shot")
    for split in SPLITS:
        out[split] = dict(targets[split]["area"])
        out[f"{split}_end"] = dict(targets[split]["asymptote"])
        out[f"{split}_zero_shot"] = dict(targets[split]["zero_shot"])
    return out
