"""Heat maps: concepts by checkpoint and layer, and similarity of layers."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from socialsim.analysis.plots import style

COLOURS = ["#ffffff", "#9ecae9", style.BLUE, "#08306b"]
SEQUENTIAL = LinearSegmentedColormap.from_list("socialsim", COLOURS).with_extremes(bad="#f1f1f1")


def heat(ax: Axes, values: np.ndarray, *, low: float, high: float, digits: int | None = 2):
    """Cells `[rows, columns]` with their figures; what was not measured is grey."""
    image = ax.imshow(np.ma.masked_invalid(values), cmap=SEQUENTIAL, vmin=low, vmax=high, aspect="auto")
    ax.grid(False)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    if digits is not None:
        for (i, j), v in np.ndenumerate(values):
            if np.isfinite(v):
                dark = (v - low) / max(high - low, 1e-9) > 0.55
                ax.text(j, i, f"{v:.{digits}f}".replace("-0.00", "0.00"), ha="center", va="center",
                        fontsize=7, color="white" if dark else style.INK)  # fmt: skip
    return image


@style.styled
def what_when_where(found: xr.Dataset, *, variable: str = "score", concepts: Sequence[str] = ()) -> Figure:
    """One panel per layer: concepts by checkpoint, the score's share of what lies above chance.

    found : `[concept, layer, checkpoint]`, of `probes.WhatWhenWhere`. R^2 as it is; balanced accuracy as
        2 (accuracy - 1/2), so that both run from 0 to 1. Below 0 is drawn as 0.
    """
    names = list(concepts) or [str(c) for c in found.concept.values]
    binary = (found["kind"] == "binary").values
    above = (
        found[variable].where(~binary, 2 * found[variable] - 1) if variable == "score" else found[variable]
    )
    layers = [str(x) for x in found.layer.values]
    fig = style.figure(1.1 + 0.24 * len(names))
    axes = fig.subplots(1, len(layers), squeeze=False, sharey=True)[0]
    image = None
    for ax, layer in zip(axes, layers, strict=True):
        cells = above.sel(layer=layer, concept=names).transpose("concept", "checkpoint").values
        image = heat(ax, cells, low=0.0, high=1.0, digits=2 if cells.shape[1] <= 8 else None)
        ax.set_title(layer)
        ax.set_yticks(range(len(names)), [n.replace("_", " ") for n in names], color=style.INK)
        steps = found.checkpoint.values
        every = max(1, len(steps) // 6)
        ax.set_xticks(range(0, len(steps), every), [_steps(s) for s in steps[::every]])
        ax.set_xlabel("checkpoint")
    if image is not None:
        fig.colorbar(image, ax=list(axes), label="score above chance", shrink=0.9, pad=0.01)
    return fig


def _steps(value: float) -> str:
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:g}"


@style.styled
def similarity(found: xr.Dataset, *, title: str = "") -> Figure:
    """Similarity of layers `[layer, other]`; in brackets what shuffled rows reach (97.5 %)."""
    rows, columns = ([str(v) for v in found[d].values] for d in ("layer", "other"))
    fig = style.figure(0.9 + 0.42 * len(rows), min(style.WIDTH, 2.4 + 1.0 * len(columns)))
    ax = fig.subplots()
    values = found.estimate.transpose("layer", "other").values
    null = found.null_high.transpose("layer", "other").values
    image = heat(ax, values, low=0.0, high=1.0, digits=None)
    for (i, j), v in np.ndenumerate(values):
        label = "not measured" if not np.isfinite(v) else f"{v:.2f}"
        label += f" ({null[i, j]:.2f})" if np.isfinite(null[i, j]) else ""
        ax.text(j, i, label.replace("-0.00", "0.00"), ha="center", va="center", fontsize=7.5,
                color="white" if v > 0.55 else style.INK)  # fmt: skip
    ax.set_xticks(range(len(columns)), columns, color=style.INK)
    ax.set_yticks(range(len(rows)), rows, color=style.INK)
    ax.set_title(title or str(found.attrs.get("method", "")))
    fig.colorbar(image, ax=ax, shrink=0.9, pad=0.02)
    return fig
