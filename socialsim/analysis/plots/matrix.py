"""Source by target: how far something that was learned in one world holds in another."""

import math

import numpy as np
import xarray as xr
from matplotlib.colors import LinearSegmentedColormap, TwoSlopeNorm
from matplotlib.figure import Figure

from socialsim.analysis.plots import style

DIVERGING = LinearSegmentedColormap.from_list(
    "socialsim-diverging", [style.VERMILLION, "#ffffff", style.BLUE]
).with_extremes(bad="#f1f1f1")


@style.styled
def matrices(
    found: xr.Dataset,
    *,
    panel: str,
    centre: float,
    low: float,
    high: float,
    label: str,
    across: str = "read or used in",
) -> Figure:
    """Heat maps of `estimate [source, target, panel]`, one for each coordinate of `panel`.

    A cell says the estimate and, below it, `[low, high]`; it is bold where `shown` is true. White is
    `centre`, which says nothing; grey was not measured. across: what the columns are.
    """
    names = [str(p) for p in found[panel].values]
    rows, columns = ([str(v) for v in found[d].values] for d in ("source", "target"))
    abreast = max(1, min(len(names), 6 // len(columns)))  # few targets: panels stand side by side
    deep = math.ceil(len(names) / abreast)
    fig = style.figure(
        0.9 + (0.55 * len(rows) + 0.75) * deep, max(style.WIDTH, 2 + 1.15 * len(columns) * abreast)
    )
    grid = fig.subplots(deep, abreast, squeeze=False, sharex=True, sharey=True)
    axes = grid.ravel()[: len(names)]
    for ax in grid.ravel()[len(names) :]:
        ax.set_visible(False)
    norm, image = TwoSlopeNorm(centre, low, high), None
    for ax, name in zip(axes, names, strict=True):
        cell = found.sel({panel: name})
        values = cell.estimate.transpose("source", "target").values
        image = ax.imshow(np.ma.masked_invalid(values), cmap=DIVERGING, norm=norm, aspect="auto")
        for (i, j), v in np.ndenumerate(values):
            one = cell.isel(source=i, target=j)
            if np.isfinite(v):
                dark = abs(norm(v) - 0.5) > 0.33
                ax.text(j, i, f"{_said(v)}\n[{_said(one.low)}, {_said(one.high)}]", ha="center",
                        va="center", fontsize=7, color="white" if dark else style.INK,
                        fontweight="bold" if bool(one.shown) else "normal")  # fmt: skip
        ax.set_title(name.replace("_", " "))
        ax.set_yticks(range(len(rows)), rows, color=style.INK)
        ax.set_xticks(range(len(columns)), columns, rotation=20, ha="right", color=style.INK)
        ax.grid(False)
        ax.spines[:].set_visible(False)
        ax.tick_params(length=0)
        ax.label_outer()
    for ax in grid[:, 0]:
        ax.set_ylabel("learned in")
    for ax in axes[-abreast:]:
        ax.tick_params(labelbottom=True)  # also above a place that is left empty
        ax.set_xlabel(across)
    if image is not None:
        fig.colorbar(image, ax=list(axes), label=label, shrink=0.9, aspect=30 if deep > 1 else 15, pad=0.01)
    return fig


def _said(value) -> str:
    """Two decimals, with a true minus, and none before a zero."""
    shown = f"{float(value):.2f}"
    return (shown.lstrip("-") if float(shown) == 0 else shown).replace("-", "\u2212")
