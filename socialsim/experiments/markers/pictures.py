"""The figures of somatic-markers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from socialsim.analysis.plots import style
from socialsim.analysis.plots.curves import draw_arm

LOOK: dict[str, tuple[str, Any]] = {
    "off": (style.INK, "-"),
    "on": (style.BLUE, "-"),
    "stale": (style.VERMILLION, "-"),
    "shuffled": (style.PURPLE, (0, (4, 2))),
    "zeroed": (style.CONTROL, (0, (1, 1.5))),
}
PLACES = ((6, 5), (6, 5), (7, -11), (-30, -12), (-32, 6))
"""Of the labels of the trade-off, smallest budget first: large ones crowd where the cache wants no more."""


@style.styled
def over_life(curves: Mapping[str, np.ndarray], reversal: float, frozen: float) -> Figure:
    """Agreement, success and full computations over a life; lines where the stale arm freezes and where
    worth reverses. curves: "<measure>/<arm>" `[seed, bin]` and "decisions" `[bin]`."""
    fig = style.figure(6.4)
    rows = fig.subplots(3, 1, sharex=True, height_ratios=(1.3, 1.3, 0.8))
    labels = (
        ("agree", "decisions that are the\nfull network's"),
        ("success", "success per decision\nat what counts"),
        ("computed", "computed\nin full"),
    )
    x = np.asarray(curves["decisions"], float)
    for ax, (name, label) in zip(rows, labels, strict=True):
        for arm, (colour, line) in LOOK.items():
            values = np.asarray(curves[f"{name}/{arm}"], float)
            draw_arm(ax, x, values, style.legible(colour), linestyle=line, linewidth=1.6, label=arm)
        ax.axvline(reversal, color=style.MUTED, linewidth=1)
        ax.axvline(frozen, color=style.MUTED, linewidth=0.8, linestyle=":")
        ax.set_ylabel(label)
        ax.set_ylim(bottom=0)
        ax.set_xlim(0, x[-1])
        if name != "success":
            ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    top = rows[0].get_ylim()[1]
    for at, said in ((frozen, "'stale' freezes"), (reversal, "worth reverses")):
        rows[0].annotate(said, (at, top), (3, 3), textcoords="offset points", fontsize=8, color=style.MUTED)
    rows[-1].set_xlabel("decisions of each agent")
    handles, names = rows[0].get_legend_handles_labels()
    fig.legend(handles, names, loc="outside upper left", ncols=len(names), handlelength=2.6)
    return fig


@style.styled
def frontier(points: Sequence[Mapping], goal: tuple[float, float]) -> Figure:
    """Left: agreement against FLOPs saved, one point per budget of full computation; right: success kept."""
    fig = style.figure(3.5)
    left, right = fig.subplots(1, 2)
    points = sorted(points, key=lambda p: p["budget"])
    for ax, name, label in (
        (left, "agreement", "decisions that are the full network's"),
        (right, "kept", "success, as a share of computing everything"),
    ):
        spots = [[style.interval(p[k]) or (np.nan,) * 3 for p in points] for k in ("saved", name)]
        ax.plot(*[[v[0] for v in s] for s in spots], color=style.BLUE, linewidth=1.2, zorder=1)
        for i, (p, (x, *wide), (y, *tall)) in enumerate(zip(points, *spots, strict=True)):
            ax.plot(wide, [y, y], color=style.BLUE, linewidth=1.2)
            ax.plot([x, x], tall, color=style.BLUE, linewidth=1.2)
            ax.plot([x], [y], "o", color=style.BLUE, markersize=7 if p["declared"] else 4.5,
                    markerfacecolor=style.BLUE if p["declared"] else "white")  # fmt: skip
            ax.annotate(
                f"{100 * p['budget']:g} %", (x, y), PLACES[i % 5], textcoords="offset points", fontsize=8
            )
        ax.set_xlabel("FLOPs saved per decision")
        ax.set_ylabel(label)
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_formatter(PercentFormatter(1, decimals=0))
        ax.margins(0.12)
    left.axvline(goal[0], color=style.MUTED, linewidth=0.9, linestyle=":")
    left.axhline(goal[1], color=style.MUTED, linewidth=0.9, linestyle=":")
    left.annotate("goal", goal, (4, 4), textcoords="offset points", fontsize=8, color=style.MUTED)
    return fig


@style.styled
def widths(rows: Sequence[Mapping], speed: Sequence[Mapping], trained: int) -> Figure:
    """Share saved by width of the network: of FLOPs, and of time as measured on one machine."""
    fig = style.figure(3.2)
    ax = fig.add_subplot()
    x = [r["width"] for r in rows]
    ax.plot(x, [r["saved"] for r in rows], "o-", color=style.BLUE, label="FLOPs, counted by XLA")
    timed = {s["width"]: 1 - s["microseconds_cached"] / s["microseconds_full"] for s in speed}
    if timed:
        colour = style.legible(style.ORANGE)
        ax.plot(list(timed), list(timed.values()), "s--", color=colour, label="time, on this machine")
    ax.axhline(0, color=style.MUTED, linewidth=0.9)
    ax.axhline(0.5, color=style.MUTED, linewidth=0.9, linestyle=":")
    ax.axvline(trained, color=style.FAINT, linewidth=5, zorder=0)
    ax.set_xscale("log", base=2)
    ax.set_xticks(x, [str(v) for v in x])
    ax.minorticks_off()
    ax.set_xlabel("width of the network (grey: the one that was trained)")
    ax.set_ylabel("saved per decision")
    low = min([r["saved"] for r in rows] + list(timed.values()))
    ax.set_ylim(max(-1.5, min(-0.1, low - 0.1)), 1)
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.legend(loc="lower right")
    return fig
