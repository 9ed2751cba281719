"""The figures of value-drift."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from socialsim.analysis.plots import style
from socialsim.analysis.plots.forest import label_rows
from socialsim.experiments.drift.measures import STRATEGY, YARDSTICKS

TRAINED = ("start", "natural", "now", "end", "adjusted", "limited", "debate")
SHOWN = (*TRAINED, "myopic", "servant", "manipulator", "null")
COLOURS = {
    "start": style.BLUE,
    "natural": style.GREEN,
    "now": style.VERMILLION,
    "end": style.PURPLE,
    "adjusted": style.SKY,
    "limited": style.ORANGE,
    "debate": "#7A5C2E",
    "myopic": style.CONTROL,
    "servant": style.CONTROL,
    "manipulator": style.CONTROL,
    "null": style.CONTROL,
}
CONTROLS = {"myopic": "v", "servant": "s", "manipulator": "X", "null": "P"}
YARDSTICK = {"start": ("o", style.BLUE), "natural": ("D", style.GREEN), "now": ("s", style.VERMILLION)}
YARDSTICK["end"] = ("^", style.PURPLE)
MEANING = {
    "strength": "values\nstronger",
    "spread": "people\nfurther apart",
    "record": "back to values\non record",
    "silence": "left\nalone",
    "variety": "options per\nperson",
    "tailoring": "tailored to\nthe person",
}


def _marker(arm: str) -> str:
    return CONTROLS.get(arm, "o")


def _value(cell: Mapping | None) -> tuple[float, float, float]:
    return style.interval(cell) or (np.nan, np.nan, np.nan)


@style.styled
def yardsticks(measures: Mapping) -> Figure:
    """Utility of every arm by each of the four yardsticks; the bar joins the worst and the best of them."""
    arms = [a for a in SHOWN if a in measures]
    fig = style.figure(0.34 * len(arms) + 1.1)
    ax = fig.add_subplot()
    ax.axvline(0, color=style.MUTED, linewidth=0.9)
    label_rows(ax, arms)
    for y, arm in enumerate(arms):
        cells = [_value(measures[arm][f"utility_{k}"]) for k in YARDSTICKS]
        middle = [c[0] for c in cells]
        ax.plot([min(middle), max(middle)], [y, y], color=style.FAINT, linewidth=5, solid_capstyle="round")
        for k, (estimate, low, high) in zip(YARDSTICKS, cells, strict=True):
            marker, colour = YARDSTICK[k]
            ax.plot([low, high], [y, y], color=colour, linewidth=1.2)
            ax.plot([estimate], [y], marker, color=colour, markersize=5, label=k if y == 0 else None)
    ax.set_xlabel("utility per person and step")
    ax.legend(title="judged by values", ncols=4, loc="lower left", bbox_to_anchor=(0, 1))
    return fig


@style.styled
def over_time(curves: Mapping[str, np.ndarray]) -> Figure:
    """Induced shift after every step, mean over seeds with a band of its 95 % interval; two scales."""
    fig = style.figure(3.2)
    left, right = fig.subplots(1, 2)
    for ax, arms in ((left, ("null", "servant", "manipulator", "now")), (right, (*TRAINED, "myopic"))):
        ends = []
        for arm in arms:
            found = curves.get(f"shift/{arm}")
            if found is None:
                continue
            found = np.asarray(found, float)
            mean, wide = found.mean(0), 2 * found.std(0) / np.sqrt(len(found))
            steps, colour = np.arange(1, len(mean) + 1), style.legible(COLOURS[arm])
            ax.plot(steps, mean, color=colour, linestyle=":" if arm == "myopic" else "-")
            ax.fill_between(steps, mean - wide, mean + wide, color=colour, alpha=0.15, linewidth=0)
            ends.append((float(mean[-1]), arm, colour, steps[-1]))
        _label_ends(ax, ends)
        ax.set_xlabel("steps")
        ax.set_ylim(bottom=0)
    left.set_title("scripted, and 'now' to compare")
    right.set_title("trained (another scale)")
    left.set_ylabel("induced shift D, mean over people")
    return fig


def _label_ends(ax: Axes, ends: Sequence[tuple]) -> None:
    """Names at the ends of lines, moved apart so that none hides another."""
    if not ends:
        return
    ends = sorted(ends)
    gap = 0.062 * max(e[0] for e in ends)
    places = [e[0] for e in ends]
    for i in range(1, len(places)):
        places[i] = max(places[i], places[i - 1] + gap)
    for (y, arm, colour, x), place in zip(ends, places, strict=True):
        ax.annotate(
            arm,
            (x, y),
            (1.03, place),
            xycoords="data",
            textcoords=ax.get_yaxis_transform(),
            color=colour,
            fontsize=8,
            va="center",
            annotation_clip=False,
        )


@style.styled
def strategies(measures: Mapping, curves: Mapping[str, np.ndarray]) -> Figure:
    """Left: where each arm takes people; right: by which means, in numbers."""
    fig = style.figure(4.0)
    ax, table = fig.subplots(1, 2, width_ratios=(1, 1.25))
    arms = [a for a in SHOWN if a in measures]
    ax.axhline(0, color=style.MUTED, linewidth=0.9)
    ax.axvline(0, color=style.MUTED, linewidth=0.9)
    for arm in (a for a in arms if a != "null"):
        x, y = (np.asarray(curves.get(f"{m}/{arm}", []), float) for m in ("record", "spread"))
        colour = style.legible(COLOURS[arm])
        ax.plot(x, y, _marker(arm), color=colour, markersize=3, alpha=0.25, markeredgewidth=0)
        middle = [measures[arm][m]["estimate"] for m in ("record", "spread")]
        ax.plot(*middle, _marker(arm), color=colour, markersize=7, markeredgecolor="white", label=arm)
    ax.set_xlabel("away from   \u2190   values on record   \u2192   back to")
    ax.set_ylabel("together   \u2190   people   \u2192   further apart")
    ax.legend(ncols=4, loc="lower left", bbox_to_anchor=(-0.1, 1), handletextpad=0.2, columnspacing=0.9)
    grid = np.array([[_value(measures[a][m])[0] for m in STRATEGY] for a in arms])
    scale = np.nanmax(np.abs(grid - np.nanmedian(grid, 0)), 0)
    shade = (grid - np.nanmedian(grid, 0)) / np.where(scale > 0, scale, 1)
    table.imshow(shade, cmap="PuOr", vmin=-1.6, vmax=1.6, aspect="auto")
    for i in range(len(arms)):
        for j in range(len(STRATEGY)):
            table.text(j, i, _short(grid[i, j]), ha="center", va="center", fontsize=7.5, color=style.INK)
    table.set_yticks(range(len(arms)), arms, color=style.INK)
    table.set_xticks(range(len(STRATEGY)), [MEANING[m] for m in STRATEGY], fontsize=6.8)
    table.xaxis.tick_top()
    table.tick_params(length=0)
    table.grid(False)
    table.spines[:].set_visible(False)
    return fig


def _short(value: float) -> str:
    shown = f"{value:.2f}" if abs(value) >= 0.095 or value == 0 else f"{value:.3f}"
    return shown.replace("-", "\u2212") if any(d in shown for d in "123456789") else "0"


@style.styled
def trade_off(measures: Mapping, bounds: Mapping[str, float]) -> Figure:
    """Service by natural values against induced shift; the constitution at several bounds is joined."""
    fig = style.figure(3.9)
    ax = fig.add_subplot()
    path = sorted(bounds, key=lambda a: bounds[a])
    spots = [[measures[a][m]["estimate"] for a in path] for m in ("shift", "utility_natural")]
    ax.plot(*spots, color=style.ORANGE, linewidth=1.2, zorder=1)
    inside = [a for a in (*SHOWN, *path) if a in measures and a != "manipulator"]
    for arm in dict.fromkeys(inside):
        (x, *wide), (y, *tall) = (_value(measures[arm][m]) for m in ("shift", "utility_natural"))
        colour = style.legible(COLOURS.get(arm, style.ORANGE))
        ax.plot(wide, [y, y], color=colour, linewidth=1.2)
        ax.plot([x, x], tall, color=colour, linewidth=1.2)
        ax.plot([x], [y], _marker(arm), color=colour, markersize=6 if arm in SHOWN else 4)
        name = f"bound {bounds[arm]:g}" if arm in bounds else arm
        place = PLACES.get(arm, (7, -9) if arm in bounds else (7, 4))
        ax.annotate(name, (x, y), place, textcoords="offset points", color=colour, fontsize=8)
    if "manipulator" in measures:
        x, y = (measures["manipulator"][m]["estimate"] for m in ("shift", "utility_natural"))
        said = f"outside the picture: manipulator, shift {x:.2f}, service {y:.2f}".replace("-", "\u2212")
        ax.text(0.99, 0.03, said, transform=ax.transAxes, ha="right", color=style.MUTED, fontsize=8)
    ax.margins(0.1)
    ax.set_xlabel("induced shift at the end, mean over people")
    ax.set_ylabel("service: utility by natural values")
    return fig


PLACES = {"now": (8, -3), "natural": (-12, 9), "adjusted": (-52, 2), "myopic": (-4, -15), "debate": (7, -9)}
