"""Do value heads rank scenes alike, and do they rank them as their returns do?"""

import dataclasses

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from socialsim.agents.returns import explained_variance
from socialsim.analysis import statistics
from socialsim.core.errors import OptionError, choose

METHODS = {"spearman": statistics.spearman, "kendall": statistics.kendall}


@dataclasses.dataclass(frozen=True)
class RankAgreement:
    """Rank agreement of heads over one shared battery of scenes.

    method: "kendall" (tau-b) or "spearman".  seed, resamples, confidence: of the cluster bootstrap.
    """

    method: str = "kendall"
    seed: int = 0
    resamples: int = 400
    confidence: float = 0.95

    def __post_init__(self):
        choose("method", self.method, METHODS)

    def pair(self, x: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None) -> statistics.Estimate:
        """Agreement of `x [N]` with `y [N]`; groups `[N]` are resampled whole."""
        return METHODS[self.method](
            x, y, seed=self.seed, groups=groups, resamples=self.resamples, confidence=self.confidence
        )

    def __call__(self, values: xr.DataArray, groups: ArrayLike | None = None) -> xr.Dataset:
        """values: `[head, item]` with names on `head`. Returns estimate, low, high, n, ... `[head, other]`.

        The diagonal is 1 by definition, NaN for a head that does not vary.
        """
        if values.dims != ("head", "item") or "head" not in values.coords:
            raise OptionError(
                f"values have dims {values.dims}; allowed: ('head', 'item') with names on `head`"
            )
        heads = [str(h) for h in values["head"].values]
        table: dict[tuple[int, int], statistics.Estimate] = {}
        for i in range(len(heads)):
            for j in range(i, len(heads)):
                table[i, j] = table[j, i] = self.pair(values.values[i], values.values[j], groups)
        rows = [
            statistics.combine({h: table[i, j] for j, h in enumerate(heads)}, "other")
            for i in range(len(heads))
        ]
        return xr.concat(rows, xr.DataArray(heads, dims="head", name="head"))


@dataclasses.dataclass(frozen=True)
class ReturnAgreement:
    """Health of value heads on a recording: Spearman and explained variance against Monte Carlo returns.

    Only steps with `returns_valid` count. Episodes are resampled whole, and the shuffled null trades whole
    episodes, so a shared trend over the episode is not mistaken for knowledge of the state. seed, resamples,
    shuffles, confidence: of the bootstrap and the null.
    """

    seed: int = 0
    resamples: int = 1000
    shuffles: int = 100
    confidence: float = 0.95

    def __call__(self, recording: xr.Dataset) -> xr.Dataset:
        """Returns estimate (Spearman), low, high, n (episodes), null, null_low, null_high, reason and
        explained_variance = 1 - var(return - value) / var(return), value_std; each `[channel]`."""
        lacking = [v for v in ("value", "returns", "returns_valid", "episode") if v not in recording]
        if lacking:
            raise OptionError(
                f"recording lacks {lacking}; allowed: value, returns, returns_valid and episode"
            )
        order = ("step", "world", "agent", "channel")
        value, returns = (recording[v].transpose(*order).values for v in ("value", "returns"))
        keep = recording["returns_valid"].transpose("step", "world").values.astype(bool)
        episode = np.broadcast_to(
            recording["episode"].transpose("step", "world").values[..., None], value.shape[:3]
        )
        groups = episode[keep].ravel()
        rows, explained, spread = {}, [], []
        for c, name in enumerate(recording["channel"].values):
            x, y = value[keep][..., c].ravel(), returns[keep][..., c].ravel()
            rows[str(name)] = statistics.spearman(
                x,
                y,
                groups=groups,
                seed=self.seed,
                resamples=self.resamples,
                shuffles=self.shuffles,
                confidence=self.confidence,
            )
            known = explained_variance(x[:, None], y[:, None]) if len(y) else [np.nan]
            explained.append(float(known[0]))
            spread.append(x.std() if len(x) else np.nan)
        return statistics.combine(rows, "channel").assign(
            explained_variance=("channel", explained), value_std=("channel", spread)
        )
