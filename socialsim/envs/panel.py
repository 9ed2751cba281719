"""Signals beside the picture: one row of bars per agent."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection

from socialsim.envs import view as look
from socialsim.envs.drawing import box

MOST_ROWS = 12

_LINE = 0.07
"""Height of a line of the legend where pictures are small, of the panel's."""


class Panel:
    """Bars of one step's signals, by agent and channel; a full bar is 1, left of zero is negative."""

    def __init__(self, ax: Axes, num_agents: int, channels: tuple[str, ...]):
        ax.set_axis_off()
        self.rows, self.channels = min(num_agents, MOST_ROWS), len(channels)
        # A row for the legend too; with many agents or channels its lines need more than that.
        legend = max(1.0 / (self.rows + 1), _LINE * self.channels)
        height = (1.0 - legend) / self.rows
        ax.set_xlim(0, 1)
        ax.set_ylim(0, 1)
        colours = [look.CHANNEL[c % len(look.CHANNEL)] for c in range(self.channels)]
        for c, name in enumerate(channels):
            y = 0.99 - (c + 0.5) * 0.9 * legend / self.channels
            ax.plot([0.06], [y], "s", color=colours[c], markersize=5, clip_on=False)
            ax.text(0.12, y, name, va="center", fontsize=8, color=look.INK)
        self.middle, self.span = 0.36, 0.6
        self.tops = [1 - legend - i * height for i in range(self.rows)]
        self.bar = 0.8 * height / max(self.channels, 1)
        for i, top in enumerate(self.tops):
            y = top - 0.42 * height
            ax.plot([0.07], [y], "o", color=look.IDENTITY[i % len(look.IDENTITY)], markersize=11)
            ax.text(0.07, y, str(i), ha="center", va="center", fontsize=7, color="white", weight="bold")
            ax.plot([self.middle] * 2, [top - 0.82 * height, top], color=look.RING, linewidth=1)
        if num_agents > self.rows:
            ax.text(0.98, 0.0, f"+ {num_agents - self.rows} more", ha="right", fontsize=7, color=look.INK)
        self.bars = ax.add_collection(
            PathCollection([], edgecolors="none", facecolors=colours), autolim=False
        )

    def update(self, signals: np.ndarray) -> None:
        """signals: `[A, C]`."""
        paths = []
        for top, row in zip(self.tops, np.clip(signals, -0.45, 1.0), strict=False):
            for c, value in enumerate(row):
                y = top - c * self.bar
                paths.append(box(self.middle, y - 0.8 * self.bar, self.middle + self.span * float(value), y))
        self.bars.set_paths(paths)
