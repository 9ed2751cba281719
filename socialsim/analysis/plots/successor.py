"""Weights that a value puts on signals, beside the drives it was trained with."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from socialsim.analysis.plots import style
from socialsim.analysis.plots.forest import dot, label_rows


@style.styled
def drives_found(found: xr.Dataset) -> Figure:
    """found : of `SuccessorProbe`. Both vectors are drawn at unit length: the cosine judges direction."""
    names = [str(f) for f in found.feature.values]
    size = max(float(np.linalg.norm(found.weight)), 1e-12)
    true = found.drive.values / max(float(np.linalg.norm(found.drive.fillna(0.0))), 1e-12)
    fig = style.figure(1.2 + 0.32 * len(names), 0.6 * style.WIDTH)
    ax = fig.subplots()
    ax.axvline(0, color=style.MUTED, linewidth=0.9)
    label_rows(ax, names)
    for y, name in enumerate(names):
        row = found.sel(feature=name)
        cell = {"estimate": float(row.weight) / size, "low": float(row.weight_low) / size}
        dot(ax, y, cell | {"high": float(row.weight_high) / size}, style.channel_colour(name, y))
        dot(ax, y + 0.22, float(true[y]), style.INK, "|", size=9)
    cosine = "not measured" if not np.isfinite(found.estimate) else (
        f"cos = {float(found.estimate):.2f}  [{float(found.low):.2f}, {float(found.high):.2f}]"
    )  # fmt: skip
    ax.set_title(cosine)
    ax.set_xlabel("weight on the successor feature (unit length)")
    handles = [
        ax.plot([], [], "o", color=style.BLUE, markersize=5, label="recovered, 95 % interval")[0],
        ax.plot([], [], "|", color=style.INK, markersize=9, label="true drive")[0],
    ]
    fig.legend(handles=handles, loc="outside lower center", ncols=2, handletextpad=0.3)
    return fig
