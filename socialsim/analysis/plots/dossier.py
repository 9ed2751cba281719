"""The stability dossier as one figure: agreement along every axis, its controls, and the spread below it."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from socialsim.analysis.plots import style
from socialsim.analysis.plots.forest import absent, dot, label_rows

PANELS = {"icc(2,1)": "ICC(2,1), absolute agreement", "kendall_w": "Kendall's W, agreement of rankings"}


def _cell(cell: xr.Dataset, *names: str) -> dict:
    keys = ("estimate", "low", "high")
    return {k: float(cell[n]) for k, n in zip(keys, names, strict=True)}


@style.styled
def dossier(table: xr.Dataset, anchor: float, anchor_label: str) -> Figure:
    """`table`: that of a `Dossier` `[axis, statistic, channel]`.  anchor: drawn in the panel of the ICC."""
    rows = [(str(a), str(c)) for a in table.axis.values for c in table.channel.values]
    fig = style.figure(1.25 + 0.27 * len(rows))
    axes = fig.subplots(1, 3, sharey=True, width_ratios=(2, 2, 1))
    labels = [f"{axis}, {channel}" for axis, channel in rows]
    for ax, (name, title) in zip(axes, PANELS.items(), strict=False):
        label_rows(ax, labels)
        ax.axvline(0, color=style.MUTED, linewidth=0.9)
        for y, (axis, channel) in enumerate(rows):
            cell = table.sel(axis=axis, channel=channel, statistic=name)
            null = _cell(cell, "null", "null_low", "null_high")
            plain = _cell(cell, "untrained", "untrained_low", "untrained_high")
            dot(ax, y + 0.22, null, style.CONTROL, "|", size=6, width=1.2)
            dot(ax, y - 0.22, plain, style.CONTROL, "o", hollow=True, size=4, width=1.2)
            order = list(map(str, table.channel.values)).index(channel)
            colour = style.channel_colour(channel, order)
            found = dot(ax, y, _cell(cell, "estimate", "low", "high"), colour, style.channel_marker(channel))
            if not found:
                absent(ax, y)
        ax.set_title(title)
        ax.set_xlim(min(-0.1, ax.get_xlim()[0]), 1.04)
    axes[0].axvline(anchor, color=style.INK, linewidth=1, linestyle=(0, (3, 2)))
    axes[0].annotate(
        anchor_label,
        (anchor, 1),
        xycoords=("data", "axes fraction"),
        xytext=(-4, -3),
        textcoords="offset points",
        ha="right",
        va="top",
        color=style.INK,
        fontsize=7.5,
    )
    label_rows(axes[2], labels)
    for y, (axis, channel) in enumerate(rows):
        value = float(table.msr.sel(axis=axis, channel=channel))
        if np.isfinite(value) and value > 0:
            axes[2].plot(value, y, "D", color=style.INK, markersize=4)
    axes[2].set_xscale("log")
    axes[2].set_title("MSR, squared units")
    for ax in axes[1:]:
        ax.tick_params(axis="y", labelleft=False)
    count = table.sizes["channel"]
    for ax in axes:
        for k in range(1, table.sizes["axis"]):
            ax.axhline(k * count - 0.5, color=style.FAINT, linewidth=0.8)
    marks = {"value head, 95 % interval": "D", "shuffled within agents": "|", "untrained": "o"}
    handles = [
        Line2D([], [], linestyle="", marker=m, color=style.INK if m == "D" else style.CONTROL,
               markerfacecolor="white" if m == "o" else None, markersize=7 if m == "|" else 5, label=t)
        for t, m in marks.items()
    ]  # fmt: skip
    fig.legend(handles=handles, loc="outside lower center", ncols=3, handletextpad=0.3)
    return fig
