"""The two transfers of emergent-values, for summary and report: beside the target's signals, and alone."""

import dataclasses
from typing import Any

import numpy as np

from socialsim.agents.training import TrainConfig
from socialsim.core.simulation import Simulation
from socialsim.experiments.experiment import Study
from socialsim.transfer.arms import label, plan
from socialsim.transfer.carriers import Source
from socialsim.transfer.suite import Transfer, transfer

UNIT = "joint events per agent-step, mean over training"
INTERVAL = {"estimate": "estimate", "low": "low", "high": "high"}
BETTER = {"estimate": "improvement", "low": "improvement_low", "high": "improvement_high"}


@dataclasses.dataclass(frozen=True)
class TransferConfig:
    """world, options: the target, and what is asked of it.  seeds: learners per arm.  alone: whether what is
    carried is all that they are rewarded with.  arms: None takes all that suit."""

    world: str
    options: tuple[tuple[str, int], ...] = ()
    seeds: int = 4
    alone: bool = False
    arms: tuple[str, ...] | None = None
    learning: TrainConfig = dataclasses.field(default=TrainConfig(agent_steps=10 * 32_768, chunks=5))


def carried(
    study: Study,
    name: str,
    config: TransferConfig,
    target: Simulation,
    drives: np.ndarray,
    sources: list[Source],
    *,
    key: int,
    source_steps: float,
) -> Transfer:
    """Every arm in the target. name: of the part of the run that keeps checkpoints and metrics.  key: number
    of its randomness."""
    prepared = plan(
        sources,
        target,
        config.learning.ppo.network,
        arms=config.arms,
        alone=config.alone,
        seeds=config.seeds,
        seed=study.seed,
        drives=drives,
    )
    return transfer(
        target,
        prepared,
        config.learning,
        study.key(key),
        run=study.run.part(name),
        source_steps=source_steps,
        title=f"{len(prepared.arms)} arms x {prepared.seeds} seeds in {config.world}",
        quiet=study.quiet,
    )


def rows(moved: Transfer, target: str) -> dict[str, Any]:
    """Of a summary: what each arm came to. target: in words."""
    s = moved.summary

    def cell(metric: str, arm: str, names: dict[str, str]) -> dict:
        row = s.sel(metric=metric, arm=arm)
        return {n: row[k].item() for n, k in names.items()}

    arms = {}
    for arm in map(str, moved.score.arm.values):
        auc = cell("auc", arm, INTERVAL)
        arms[arm] = {
            "label": label(arm, alone=moved.alone),
            "iqm": auc["estimate"],
            "low": auc["low"],
            "high": auc["high"],
            "per_seed": moved.metrics.auc.sel(arm=arm).values.tolist(),
            "improvement_over_scratch": cell("auc", arm, BETTER) if arm != "scratch" else None,
            **{m: cell(m, arm, INTERVAL) for m in ("jumpstart", "asymptote", "time_to_threshold")},
            "transfer_ratio": cell("transfer_ratio", arm, INTERVAL),
            "charged_ratio": cell("charged_ratio", arm, INTERVAL | {"reason": "reason"}),
        }
    return {
        "target": target,
        "unit": UNIT,
        "seeds": moved.score.sizes["seed"],
        "sources": len(set(moved.sources)),
        "weight": moved.weight,
        "threshold": float(moved.metrics.attrs["threshold"]),
        "arms": arms,
    }


def curves(moved: Transfer, name: str) -> dict[str, np.ndarray]:
    """`name/<arm>` `[seed, time]` and `name/agent_steps` `[time]`."""
    found = {f"{name}/{a}": moved.score.sel(arm=a).values for a in moved.score.arm.values}
    return found | {f"{name}/agent_steps": moved.score.time.values}
