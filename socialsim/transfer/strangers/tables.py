"""What the evaluations among strangers share: means over units with intervals, as labelled tables."""

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from socialsim.analysis import statistics
from socialsim.core.errors import OptionError, integer
from socialsim.transfer.strangers.mixing import Behaviour

FIELDS = ("estimate", "low", "high", "null", "null_low", "null_high")
BLANK = (np.nan, np.nan, np.nan)


@dataclasses.dataclass(frozen=True)
class Resampling:
    """Bootstrap of means over units (episodes, or teams). confidence; resamples; seed: of the draws.

    The same number of units draws the same resamples, so that estimates on the same units are paired.
    """

    confidence: float = 0.95
    resamples: int = 2000
    seed: int = 0

    def __post_init__(self):
        statistics.check_confidence(self.confidence)
        statistics.check_resamples(self.resamples)

    def __call__(
        self, values: ArrayLike, statistic: Callable[[NDArray], NDArray] | None = None
    ) -> tuple[NDArray, NDArray, NDArray]:
        """`values [..., units]` -> (estimate, low, high) of the means, `[...]` each.

        statistic : of the means, `[..., K] -> [...]`, vectorised over leading axes (then values are
            `[..., K, units]`).
        """
        values = np.asarray(values, float)
        units = values.shape[-1]
        found = np.asarray(values.mean(-1))
        if units < 2:
            estimate = found if statistic is None else np.asarray(statistic(found))
            return estimate, np.full_like(estimate, np.nan), np.full_like(estimate, np.nan)
        counts = statistics.cluster_counts(units, self.resamples, np.random.default_rng(self.seed))
        draws = np.moveaxis(values @ (counts.T / units), -1, 0)
        if statistic is not None:
            found, draws = np.asarray(statistic(found)), statistic(draws)
        known = np.isfinite(draws).any(0)
        low, high = statistics.percentiles(np.where(known, draws, 0.0), self.confidence, size=units)
        return found, np.where(known, low, np.nan), np.where(known, high, np.nan)


DEFAULT = Resampling()


def table(
    coords: Mapping[str, Any], found: tuple, null: tuple = BLANK, *, n: int, **more: NDArray
) -> xr.Dataset:
    """estimate, low, high, n, null, null_low, null_high (and `more`) over the dims of `coords`, in order."""
    dims, shape = tuple(coords), tuple(len(v) for v in coords.values())
    columns = dict(zip(FIELDS, (*found, *null), strict=True)) | {"n": np.full(shape, n)} | more
    data = {k: (dims, np.broadcast_to(np.asarray(v), shape).copy()) for k, v in columns.items()}
    return xr.Dataset(data, coords=dict(coords))


def rows(data: xr.Dataset) -> list[dict[str, Any]]:
    """A table as plain rows for JSON: its coordinates and its columns; None where nothing was measured."""
    dims = list(data.sizes)
    found = []
    for place in itertools.product(*(range(data.sizes[d]) for d in dims)):
        cell = data.isel(dict(zip(dims, place, strict=True)))
        keys = [*dims, *data.data_vars]
        found.append({k: _plain(cell[k].item()) for k in keys})
    return found


def from_rows(found: Sequence[Mapping[str, Any]], dims: Sequence[str], **attrs: Any) -> xr.Dataset:
    """The table that `rows` gave these of; dims: its coordinates, in order."""
    coords = {d: list(dict.fromkeys(r[d] for r in found)) for d in dims}
    shape = tuple(len(v) for v in coords.values())
    data = {}
    for name in (k for k in found[0] if k not in dims):
        column = [r[name] for r in found]
        blank = "" if any(isinstance(v, str) for v in column) else np.nan
        data[name] = (tuple(dims), np.array([blank if v is None else v for v in column]).reshape(shape))
    return xr.Dataset(data, coords=coords, attrs=attrs)


def _plain(value):
    return None if isinstance(value, float) and not np.isfinite(value) else value


def check_members(teams: Mapping[str, Behaviour], what: str, *, least: int) -> None:
    if len(teams) < least:
        raise OptionError(f"{len(teams)} {what}; allowed: {least} or more")


def check_episodes(episodes: int) -> int:
    return integer("episodes", episodes, low=2)
