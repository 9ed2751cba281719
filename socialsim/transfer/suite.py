"""Transfer experiments: train all arms in a target world, and read values there before any learning."""

import dataclasses

import jax
import numpy as np
import xarray as xr
from jaxtyping import Array, Key

from socialsim.agents.team import Team
from socialsim.agents.training import TrainConfig, train
from socialsim.analysis.recording import Episodes, Returns, read
from socialsim.analysis.statistics import Estimate, spearman
from socialsim.core.simulation import Simulation
from socialsim.runs import Run
from socialsim.transfer.arms import Plan
from socialsim.transfer.metrics import TransferMetrics, summarise


@dataclasses.dataclass(frozen=True)
class Transfer:
    """score `[arm, seed, time]`: joint events per agent-step (nobody receives it).  metrics
    `[arm, seed]`, summary `[metric, arm]`: see `transfer.metrics`."""

    score: xr.DataArray
    metrics: xr.Dataset
    summary: xr.Dataset

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
    title: str = "transfer",
    quiet: bool = False,
) -> Transfer:
    """Train every run of the plan in the target world.

    Seeds are paired across arms (same worlds, same fresh parameters). source_steps: agent-steps the source
    cost, for the ratio that charges them.
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
    metrics = TransferMetrics(source_time=source_steps)(score)
    return Transfer(score, metrics, summarise(metrics))


def zero_shot(
    episodes: Episodes,
    teams: list[Team],
    channels: tuple[str, ...],
    *,
    discount: float,
    every: int = 4,
    seed: int = 0,
) -> dict[str, Estimate]:
    """Rank agreement of source values with Monte Carlo returns in a world they never saw.

    episodes : of the new world, whoever acted in them.  channels : of its signals, and of the value heads.

    Per channel: Spearman of V (the mean over the source teams of each one's standardised values) with the
    return that followed, with a bootstrap over episodes and a null in which values trade episodes.
    """
    returns, known = (np.asarray(x) for x in Returns(discount)(episodes))
    values = np.mean([_standardised(np.asarray(read(t, episodes.observation).value)) for t in teams], axis=0)
    steps = np.arange(0, returns.shape[0], every)
    mask = np.broadcast_to(known[steps, :, None], (*known[steps].shape, returns.shape[2]))
    groups = np.broadcast_to(np.arange(returns.shape[1])[None, :, None], mask.shape)[mask]
    return {
        name: spearman(values[steps][..., c][mask], returns[steps][..., c][mask], groups=groups, seed=seed)
        for c, name in enumerate(channels)
    }


def _standardised(values: np.ndarray) -> np.ndarray:
    spread = values.std((0, 1, 2), keepdims=True)
    return (values - values.mean((0, 1, 2), keepdims=True)) / np.maximum(spread, 1e-9)
