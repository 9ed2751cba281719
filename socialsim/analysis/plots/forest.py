"""Dots with intervals: counterfactual effects, probe scores, stability, zero-shot agreement."""

import textwrap
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator, StrMethodFormatter

from socialsim.analysis.plots import style

TICKS = (0, 0.25, 0.5, 0.75, 1, 3, 10, 30, 100, 1000)
"""Of an axis that is linear up to 1 and logarithmic beyond."""


def dot(ax: Axes, y: float | int, value: object, colour: str, marker: str = "o", **kwargs) -> bool:
    """One estimate with its interval at height y; False where nothing was measured."""
    found = style.interval(value)
    if found is None:
        return False
    estimate, low, high = found
    if high > low:
        ax.plot([low, high], [y, y], color=colour, linewidth=kwargs.get("width", 1.8), solid_capstyle="butt")
    face = "white" if kwargs.get("hollow") else colour
    ax.plot([estimate], [y], marker, color=colour, markerfacecolor=face, markersize=kwargs.get("size", 5.5))
    return True


def label_rows(ax: Axes, labels: Sequence[str]) -> None:
    """Row labels from top to bottom, without tick marks."""
    ax.set_yticks(range(len(labels)), labels, color=style.INK)
    ax.set_ylim(len(labels) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.grid(axis="y", visible=False)


def absent(ax: Axes, y: float | int) -> None:
    """A row for which nothing was measured."""
    ax.text(
        0.98,
        y,
        "not measured",
        transform=ax.get_yaxis_transform(),
        ha="right",
        va="center",
        color=style.MUTED,
        style="italic",
        fontsize=7.5,
    )


def draw_forest(
    ax: Axes, rows: Sequence[Mapping], *, reference: float | int = 0.0, colours: Sequence[str] = ()
) -> None:
    """`rows` of {"label", "estimate", "low", "high"} against a vertical reference line. A dot is filled where
    there is an interval and it leaves the reference out."""
    ax.axvline(reference, color=style.MUTED, linewidth=0.9)
    label_rows(ax, [str(row.get("label", "")) for row in rows])
    for y, row in enumerate(rows):
        colour = colours[y] if y < len(colours) else style.BLUE
        found = style.interval(row)
        clear = found is not None and (found[1] > reference or found[2] < reference) and style.bounded(row)
        if not dot(ax, y, row, colour, str(row.get("marker", "o")), hollow=not clear):
            absent(ax, y)


@style.styled
def forest(
    rows: Sequence[Mapping],
    *,
    panel: str | None = None,
    panels: Sequence[str] = (),
    xlabel: str = "",
    reference: float | int = 0.0,
    linear_to: float | None = None,
) -> Figure:
    """Estimates with 95 % intervals, one row each, against a reference line.

    Parameters
    ----------
    rows : mappings with "label", "estimate", "low", "high"; "colour" optional. A dot is filled where its
        interval leaves the reference out; an estimate without interval is hollow. Rows of one label in one
        panel are all drawn, and numbered.
    panel : a key of the rows; one panel per value of it, in the order of `panels`, rows matched by label.
        Panels of channels have their colours and marks.
    linear_to : beyond it, on both sides of 0, the scale is logarithmic: one large row hides no small ones.
    """
    rows = _numbered(rows, panel)
    labels = list(dict.fromkeys(str(row.get("label", "")) for row in rows))
    found = list(dict.fromkeys(str(row.get(panel)) for row in rows)) if panel else [""]
    names = [n for n in panels if n in found] + [n for n in found if n not in panels]
    by_channel = any(name in style.ORDER for name in names)
    fig = style.figure(0.75 + 0.3 * max(len(labels), 1) + (0.2 if panel else 0))
    axes = fig.subplots(1, max(len(names), 1), squeeze=False, sharey=True)[0]
    for order, (ax, name) in enumerate(zip(axes, names, strict=False)):
        mine = {str(r.get("label", "")): r for r in rows if not panel or str(r.get(panel)) == name}
        table = [{**mine.get(label, {}), "label": label} for label in labels]
        colours = [str(row.get("colour", style.BLUE)) for row in table]
        ink = style.channel_colour(name, order, contrast=4.5) if by_channel else style.INK
        if panel:
            ax.set_title(textwrap.fill(name, max(72 // len(names), 10), break_long_words=False), color=ink)
        if by_channel:
            colours = [style.channel_colour(name, order)] * len(table)
            table = [{**row, "marker": style.channel_marker(name)} for row in table]
        draw_forest(ax, table, reference=reference, colours=colours)
        ax.tick_params(axis="y", labelleft=order == 0)
        ax.margins(x=0.08)
        if linear_to is None:
            ax.xaxis.set_major_locator(MaxNLocator(4 if len(names) > 1 else 7))
        else:
            ax.set_xscale("symlog", linthresh=linear_to, linscale=2)
            ax.xaxis.set_major_locator(
                FixedLocator([linear_to * t for t in (*(-t for t in TICKS[1:]), *TICKS)])
            )
            ax.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
            ax.xaxis.set_minor_locator(NullLocator())
    if xlabel:
        fig.supxlabel(xlabel, fontsize=8.5, color=style.MUTED)
    return fig


def _numbered(rows: Sequence[Mapping], panel: str | None) -> list[dict]:
    """The rows, of which no two share a label in one panel: the second "a" is "a (2)"."""
    taken: set[tuple[str, str]] = set()
    out: list[dict] = []
    for row in rows:
        where, label = str(row.get(panel)) if panel else "", str(row.get("label", ""))
        number = 1
        while (where, name := label if number == 1 else f"{label} ({number})") in taken:
            number += 1
        taken.add((where, name))
        out.append({**row, "label": name})
    return out


@style.styled
def probes(rows: Sequence[Mapping]) -> Figure:
    """What can be read from the networks: score, advantage over the best of three baselines, selectivity.

    rows : the `probes` of `summary.json`: "concept", "layer", "score", "selectivity", "baselines" (untrained,
        raw, random_projection), and "advantage" with "low" and "high".
    """
    labels = [" · ".join(str(row[k]) for k in ("concept", "layer") if row.get(k)) for row in rows]
    fig = style.figure(1.35 + 0.27 * max(len(rows), 1))
    left, middle, right = fig.subplots(1, 3, sharey=True, width_ratios=(1.5, 1, 0.8))
    hollow = {"untrained": ("o", "untrained twin"), "raw": ("s", "raw observation"),
              "random_projection": ("^", "random projection")}  # fmt: skip
    for ax in (left, middle, right):
        label_rows(ax, labels)
    for y, row in enumerate(rows):
        baselines = row.get("baselines") or {}
        for name, (marker, _) in hollow.items():
            dot(ax=left, y=y, value=style.number(baselines.get(name)), colour=style.CONTROL, marker=marker,
                hollow=True, size=5)  # fmt: skip
        if not dot(left, y, style.number(row.get("score")), style.BLUE, "D", size=6):
            absent(left, y)
        advantage = {"estimate": row.get("advantage"), "low": row.get("low"), "high": row.get("high")}
        if style.interval(row.get("advantage")) and isinstance(row.get("advantage"), Mapping):
            advantage = row["advantage"]
        found = style.interval(advantage)
        clear = found is not None and found[1] > 0
        if not dot(middle, y, advantage, style.BLUE, "D", hollow=not clear):
            absent(middle, y)
        if not dot(right, y, style.number(row.get("selectivity")), style.BLUE, "D"):
            absent(right, y)
    for ax in (middle, right):
        ax.axvline(0, color=style.MUTED, linewidth=0.9)
        ax.tick_params(axis="y", labelleft=False)
    left.set_title("score on unseen episodes")
    middle.set_title("advantage over best baseline")
    right.set_title("selectivity")
    handles = [left.plot([], [], "D", color=style.BLUE, markersize=6, label="trained value head")[0]]
    handles += [left.plot([], [], m, color=style.CONTROL, markerfacecolor="white", markersize=5, label=t)[0]
                for m, t in hollow.values()]  # fmt: skip
    fig.legend(handles=handles, loc="outside lower center", ncols=4, handletextpad=0.3)
    return fig
