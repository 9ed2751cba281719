"""Transfer experiments: train all arms in a target world. Values are read there, before any, by `reading`."""

import dataclasses

import jax
import numpy as np
import xarray as xr
from jaxtyping import Array, Key

from socialsim.agents.training import TrainConfig, train
from socialsim.core.errors import OptionError
from socialsim.core.simulation import Simulation
from socialsim.runs import Run
from socialsim.transfer.arms import Plan
from socialsim.transfer.metrics import TransferMetrics, summarise
from socialsim.transfer.reading import zero_shot as zero_shot


@dataclasses.dataclass(frozen=True)
class Transfer:
    """score `[arm, seed, time]`: joint events per agent-step (nobody receives it).  metrics
    `[arm, seed]`, summary `[metric, arm]`, over learners: see `transfer.metrics`.  sources: which source team
    each seed was given; claims about values count these (`transfer.claims`).  weight: drive of what was
    carried.  alone: whether that was all they were rewarded with."""

    score: xr.DataArray
    metrics: xr.Dataset
    summary: xr.Dataset
    sources: tuple[int, ...]
    weight: float
    alone: bool = False

    def auc(self) -> dict[str, np.ndarray]:
        """Arm -> area under the curve of each seed."""
        return {str(a): self.metrics.auc.sel(arm=a).values for a in self.metrics.arm.values}


def transfer(
    target: Simulation,
    plan: Plan,
    config: TrainConfig,
    key: Key[Array, ""],
    *,
    run: Run | None = None,
    source_steps: float | None = None,
    given: xr.DataArray | None = None,
    title: str = "transfer",
    quiet: bool = False,
) -> Transfer:
    """Train every run of the plan in the target world.

    Seeds are paired across arms (same worlds, same fresh parameters). source_steps: agent-steps the source
    cost, for the ratio that charges them.  given: scores `[arm, seed, time]` of arms that need no source and
    were trained before, with the same key, seeds and config (`scratch` of another plan); they come first.
    """
    seeds = jax.random.split(key, plan.seeds)
    keys = jax.numpy.concatenate([seeds] * len(plan.arms))
    trained = train(
        target,
        config,
        keys,
        np.asarray(plan.drives),
        teams=plan.teams,
        carried=plan.carriers,
        run=run,
        title=title,
        checked=False,
        quiet=quiet,
    )
    joint = trained.metrics["joint"].reshape(len(plan.arms), plan.seeds, -1)
    score = xr.DataArray(
        joint,
        dims=("arm", "seed", "time"),
        coords={"arm": list(plan.arms), "seed": np.arange(plan.seeds), "time": trained.agent_steps},
        name="joint events per agent-step",
    )
    score = score if given is None else _joined(given, score)
    # Without any reward nothing is learned: there is no half of it to reach.
    goal = "direct" if plan.alone else None
    metrics = TransferMetrics(source_time=source_steps, goal=goal)(score)
    return Transfer(score, metrics, summarise(metrics), plan.sources, plan.weight, plan.alone)


def _joined(first: xr.DataArray, then: xr.DataArray) -> xr.DataArray:
    """Scores of both, arm after arm. Raises OptionError where seeds or times differ."""
    if first.sizes["seed"] != then.sizes["seed"] or not np.array_equal(first.time, then.time):
        raise OptionError(
            f"given has {dict(first.sizes)}, the plan {dict(then.sizes)}; allowed: the same seeds and times"
        )
    return xr.concat([first.astype(then.dtype), then], "arm").rename(then.name)
