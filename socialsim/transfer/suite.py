"""Transfer experiments: train all arms in a target world, and read values there before any learning."""

import dataclasses

import jax
import numpy as np
import xarray as xr
from jaxtyping import Array, Key

from socialsim.agents.bots import Bot
from socialsim.agents.team import Team
from socialsim.agents.training import TrainConfig, train
from socialsim.analysis.recording import Episodes, Returns, play, read
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
        target, config, keys, plan.drives, teams=plan.teams, carried=plan.carriers, run=run, title=title, quiet=quiet
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
    target: Simulation,
    teams: list[Team],
    behaviour: Bot | Team,
    key: Key[Array, ""],
    *,
    discount: float,
    worlds: int = 64,
    every: int = 4,
    seed: int = 0,
) -> tuple[dict[str, Estimate], Episodes]:
    """Rank agreement of source values with Monte Carlo returns in a world they never saw.

    Per channel: Spearman of V (the mean over the source teams of each one's standardised values) with the
    return that followed, with a bootstrap over episodes and a null in which values trade episodes.
    """
    episodes = play(target, behaviour, key, worlds=worlds, states=True)
    returns, known = (np.asarray(x) for x in Returns(discount)(episodes))
    values = np.mean([_standardised(np.asarray(read(t, episodes.observation).value)) for t in teams], axis=0)
    steps = np.arange(0, returns.shape[0], every)
    mask = np.broadcast_to(known[steps, :, None], (*known[steps].shape, returns.shape[2]))
    groups = np.broadcast_to(np.arange(returns.shape[1])[None, :, None], mask.shape)
    found = {}
    for c, name in enumerate(target.channels):
        v, g = values[steps][..., c][mask], returns[steps][..., c][mask]
        found[name] = spearman(v, g, groups=groups[mask], seed=seed)
    return found, episodes


def _standardised(values: np.ndarray) -> np.ndarray:
    spread = values.std((0, 1, 2), keepdims=True)
    return (values - values.mean((0, 1, 2), keepdims=True)) / np.maximum(spread, 1e-9)
