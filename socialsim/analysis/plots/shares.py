"""A table of shares in colour."""

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from socialsim.analysis.plots import style

RISING = LinearSegmentedColormap.from_list("socialsim-rising", ["#ffffff", style.BLUE]).with_extremes(
    bad="#f1f1f1"
)


@style.styled
def shares(
    share: NDArray, said: NDArray, rows: Sequence[str], columns: Sequence[str], *, label: str
) -> Figure:
    """share: `[row, column]` in 0 to 1, NaN where there is nothing.  said: words in each cell."""
    fig = style.figure(1.3 + 0.34 * len(rows))
    ax = fig.subplots()
    image = ax.imshow(np.ma.masked_invalid(share), cmap=RISING, vmin=0, vmax=1, aspect="auto")
    for (i, j), v in np.ndenumerate(share):
        if np.isfinite(v):
            ax.text(j, i, str(said[i, j]), ha="center", va="center", fontsize=6.5, linespacing=0.95,
                    color="white" if v > 0.6 else style.INK)  # fmt: skip
    ax.set_yticks(range(len(rows)), rows, color=style.INK)
    turn = 20 if len(columns) < 8 else 40  # narrow columns: steeper, or their names run into one another
    ax.set_xticks(range(len(columns)), columns, rotation=turn, ha="right", rotation_mode="anchor",
                  color=style.INK)  # fmt: skip
    ax.grid(False)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    fig.colorbar(image, ax=ax, label=label, shrink=0.6, pad=0.01)
    return fig
