"""Value landscapes: what it is worth to stand at each place of the floor."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from socialsim.analysis import plots
from socialsim.core.errors import OptionError, integer
from socialsim.core.geometry import FAR


@dataclasses.dataclass(frozen=True, eq=False)
class Landscape:
    """data: estimate, low, high `[y, x, channel]` over seeds, n; NaN inside walls.  lab: the scene around."""

    data: xr.Dataset
    lab: Any
    me: int

    def plot(self, channels: Sequence[str] = ()) -> Figure:
        """A heat map per channel, in signal units, with walls, pads and partners drawn on it."""
        return plots.landscape(
            self.data, lambda ax: self.lab.draw(ax, without=(self.me,), plain=True), channels=channels
        )

    def best(self) -> xr.Dataset:
        """Per channel, where the estimate is largest: x, y and the estimate there."""
        flat = self.data.estimate.stack(place=("y", "x"))
        top = flat.isel(place=flat.fillna(-np.inf).argmax("place"))
        return xr.Dataset({"x": top.x, "y": top.y, "estimate": top}).drop_vars(("place",), errors="ignore")


@dataclasses.dataclass(frozen=True)
class Landscapes:
    """V_c as agent `me` stands at each place of the floor.

    step: bodies between places.  headings: directions averaged over at each place, evenly spaced from east;
    0 keeps the heading it has.  extent: corners of the part shown, by default the whole floor.
    """

    me: int = 0
    step: float = 0.5
    headings: int = 4
    extent: tuple | None = None

    def __post_init__(self):
        integer("headings", self.headings, low=0)
        if not self.step > 0:
            raise OptionError(f"step={self.step}; allowed: more than 0 bodies")

    def __call__(self, lab, teams, **options) -> Landscape:
        """lab: without sweep axes.  teams: one or several (seeds).  options: of `Lab.read`."""
        if lab.axes:
            raise OptionError(f"this lab has sweep axes {list(lab.axes)}; allowed: one scene (`Lab.isel`)")
        low, high = self.extent or (lab.floor.low, lab.floor.high)
        low, high = np.asarray(low, float), np.asarray(high, float)
        if (np.abs([low, high]) >= FAR).any():
            raise OptionError("this floor has no border; give `extent=((x0, y0), (x1, y1))`")
        y, x = (self._places(low[k], high[k]) for k in (1, 0))
        spread = lab.spread("y", y).spread("x", x)
        here = np.stack(np.broadcast_arrays(x[None], y[:, None]), -1)
        spread = spread.place(self.me, here)
        if self.headings:
            angles = 360 / self.headings * np.arange(self.headings)
            spread = spread.spread("heading", angles).turn(self.me, angles)
        found = spread.read(teams, agents=(self.me,), **options)
        values = found.values.isel(agent=0, drop=True)
        data = type(found)(values.mean("heading") if self.headings else values).over_seeds()
        x0, y0, x1, y1 = (lab.floor.walls[:, k] for k in range(4))
        inside = (here[..., 0, None] > x0) & (here[..., 0, None] < x1)
        inside &= (here[..., 1, None] > y0) & (here[..., 1, None] < y1)
        free = xr.DataArray(~inside.any(-1), dims=("y", "x"))
        return Landscape(
            data.assign({k: data[k].where(free) for k in ("estimate", "low", "high")}), lab, self.me
        )

    def _places(self, low: float, high: float):
        """Centres of cells of side `step`, as many as fit."""
        count = max(1, int(np.floor((high - low) / self.step + 1e-6)))
        return (low + high) / 2 + self.step * (np.arange(count) - (count - 1) / 2)
