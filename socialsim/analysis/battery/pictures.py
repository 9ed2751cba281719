"""The battery as figures: one finding, one battery, and what many teams were found to be."""

import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from socialsim.analysis.battery import finding as words
from socialsim.analysis.battery.finding import Finding
from socialsim.analysis.plots import style
from socialsim.analysis.plots.forest import absent, dot, label_rows

COLOURS = {
    words.HUMAN: style.BLUE,
    words.NEARER: style.GREEN,
    words.UNLIKE: style.VERMILLION,
    words.CONSTANT: style.CONTROL,
    words.RANDOM: style.CONTROL,
    words.UNINTERPRETABLE: style.CONTROL,
    words.UNDECIDED: style.FAINT,
    words.NOT_APPLICABLE: style.FAINT,
}
SHORT = {
    words.HUMAN: "human-like",
    words.NEARER: "nearer",
    words.UNLIKE: "unlike",
    words.CONSTANT: "constant",
    words.RANDOM: "random",
    words.UNINTERPRETABLE: "no order",
    words.UNDECIDED: "undecided",
}
LEGEND = {
    "human-like": style.BLUE,
    "nearer to people than chance": style.GREEN,
    "unlike people": style.VERMILLION,
    "no view: random, constant, or without order": style.CONTROL,
    "undecided": style.FAINT,
}
Row = Mapping[str, Any]
"""What `Finding.to_dict` gives, with its team."""


@style.styled
def finding(f: Finding) -> Figure:
    """Shares of options beside people's where there are any, else the figure beside the human one."""
    fig = style.figure(2.6 if f.table is not None and "people" in f.table else 1.6, 0.7 * style.WIDTH)
    row = f.to_dict()
    ax = fig.subplots()
    if "people" in row:
        _shares(ax, [row])
    else:
        _figures(ax, [f.form], [[row]])
    label = f.table.attrs.get("label", f.unit) if f.table is not None else f.unit
    ax.set_xlabel(f"{label}; orange: people{f.mark}, dashed: chance")
    ax.set_title(f"{f.assay.replace('_', ' ')}, {f.form}: {f.verdict}")
    return fig


@style.styled
def battery(items: Sequence[Finding]) -> Figure:
    """One row per assay and form: the score of distributions, other figures beside people's, the verdict.

    Left: (W1 - floor) / (W1 of uniform - floor), 0 like people, 1 like a random chooser. Right of it: other
    figures over the human one, which is the line at 1. Grey ticks are nulls.
    """
    fig = style.figure(1.2 + 0.3 * max(len(items), 1), style.WIDTH * 1.1)
    score, ratio, verdict = fig.subplots(1, 3, sharey=True, width_ratios=(1.2, 1.2, 1.3))
    labels = [f"{f.assay.replace('_', ' ')} · {f.form}" for f in items]
    for order, ax in enumerate((score, ratio, verdict)):
        label_rows(ax, labels)
        ax.tick_params(axis="y", labelleft=order == 0)
    for y, f in enumerate(items):
        colour, d = COLOURS[f.verdict], f.detail
        seen = {"estimate": f.figure.estimate, "low": f.figure.low, "high": f.figure.high}
        if "score" in d:
            dot(score, y, {k: d[n] for k, n in SCORE.items()}, colour, "D")
        elif np.isfinite(f.human) and f.human:
            dot(ratio, y, {k: v / f.human for k, v in seen.items()}, colour, "D")
            dot(ratio, y + 0.22, f.figure.null / f.human, style.CONTROL, "|", size=7)
        if not np.isfinite(f.figure.estimate):
            absent(ratio, y)
        verdict.text(0.0, y, f.verdict + f.mark, transform=verdict.get_yaxis_transform(), va="center",
                     color=style.legible(colour, 4.5), fontweight="bold", fontsize=8)  # fmt: skip
    score.axvline(0, color=style.ORANGE, linewidth=1)
    score.axvline(1, color=style.CONTROL, linewidth=1, linestyle=(0, (4, 2)))
    ratio.axvline(1, color=style.ORANGE, linewidth=1)
    score.set_title("distance to people")
    score.set_xlabel("0 as people, 1 as uniform choices")
    ratio.set_title("figure / human figure")
    ratio.set_xlabel("1: as people")
    verdict.set_title("verdict")
    verdict.set_xticks([])
    verdict.grid(False)
    verdict.spines[:].set_visible(False)
    return fig


SCORE = {"estimate": "score", "low": "score_low", "high": "score_high"}


@style.styled
def overview(rows: Sequence[Row], titles: Mapping[str, str]) -> Figure:
    """Verdicts over teams, one bar for each assay (row) and form (column): how many teams got which.

    titles: of the assays that are shown, in their order. Empty: the assay has no such form.
    """
    forms = list(dict.fromkeys(r["form"] for r in rows if r["verdict"] != words.NOT_APPLICABLE))
    cells: dict[tuple[str, str], Counter] = {}
    for r in rows:
        cells.setdefault((r["assay"], r["form"]), Counter())[r["verdict"]] += 1
    fig = style.figure(1.0 + 0.32 * len(titles))
    ax = fig.subplots()
    label_rows(ax, list(titles.values()))
    ax.set_xlim(-0.02, max(len(forms), 1))
    for y, name in enumerate(titles):
        for x, form in enumerate(forms):
            _bar(ax, x, y, cells.get((name, form), Counter()), room=96 / len(forms))
    ax.set_xticks([i + 0.46 for i in range(len(forms))], [f.replace(" of ", " of\n") for f in forms])
    ax.xaxis.tick_top()
    ax.tick_params(axis="x", length=0, labelcolor=style.INK)
    ax.grid(False)
    ax.spines[:].set_visible(False)
    handles = [Patch(color=c, label=n) for n, c in LEGEND.items()]
    fig.legend(handles=handles, loc="outside lower center", ncols=5, handlelength=1, columnspacing=1.2)
    return fig


def _bar(ax: Axes, x: int, y: int, counts: Counter, *, room: float) -> None:
    """room: letters that fit into a column."""
    total = counts.total() - counts[words.NOT_APPLICABLE]
    left = float(x)
    for verdict in words.VERDICTS:
        if verdict not in SHORT or not counts[verdict]:
            continue
        width = 0.92 * counts[verdict] / total
        colour = COLOURS[verdict]
        ax.barh(y, width, left=left, height=0.72, color=colour, edgecolor="white", linewidth=0.8)
        said = f"{counts[verdict]} {SHORT[verdict]}"
        if width * room > len(said):
            dark = colour in (style.FAINT, style.CONTROL)
            ax.text(left + width / 2, y, said, ha="center", va="center", fontsize=6.5,
                    color=style.INK if dark else "white")  # fmt: skip
        left += width


@style.styled
def assay(rows: Sequence[Row], axis: str, cuts: Mapping[str, tuple[float, float]] | None = None) -> Figure:
    """One assay of all teams: shares of options beside people's, one panel a form, where people's are known;
    else figures with their intervals, one row a form, beside the human figure and its range.

    cuts: names of stretches of the axis, such as categories of angles.
    """
    cuts = cuts or {}
    forms = list(dict.fromkeys(r["form"] for r in rows))
    mine = [[r for r in rows if r["form"] == f] for f in forms]
    if any("people" in r for r in rows):
        fig = style.figure(2.4)
        axes = fig.subplots(1, len(forms), sharey=True, squeeze=False)[0]
        for ax, form, each in zip(axes, forms, mine, strict=True):
            _shares(ax, [r for r in each if "people" in r])
            ax.set_title("\n".join(textwrap.wrap(form, 22)))
        axes[0].set_ylabel("share of choices")
        fig.supxlabel(axis, fontsize=8.5, color=style.MUTED)
        return fig
    fig = style.figure(0.9 + 0.42 * len(forms) + 0.2 * bool(cuts))
    ax = fig.subplots()
    _figures(ax, forms, mine)
    ax.set_xlabel(axis)
    _cuts(ax, cuts)
    return fig


def _cuts(ax: Axes, cuts: Mapping[str, tuple[float, float]]) -> None:
    """Names of stretches of the axis, above it."""
    low, high = ax.get_xlim()
    for name, (start, end) in cuts.items():
        a, b = max(start, low), min(end, high)
        if b - a < 0.05 * (high - low):
            continue
        if a > low:
            ax.axvline(a, color=style.MUTED, linewidth=0.8)
        ax.text((a + b) / 2, 1.01, name, transform=ax.get_xaxis_transform(), ha="center", va="bottom",
                color=style.MUTED, fontsize=7.5)  # fmt: skip


def _shares(ax: Axes, rows: Sequence[Row]) -> None:
    """Bars: people. One line per team. Dashed: a random chooser."""
    if not rows:
        ax.text(
            0.5, 0.5, "no choices", transform=ax.transAxes, ha="center", color=style.MUTED, style="italic"
        )
        ax.set_xticks([])
        return
    k = np.array(rows[0]["options"], float)
    wide = float(np.diff(k).min())
    ax.bar(k, rows[0]["people"], 0.85 * wide, color=style.ORANGE, alpha=0.55, label="people")
    for r in rows:
        ax.plot(k, r["shares"], "o-", color=style.BLUE, linewidth=1.2, markersize=2.6, alpha=0.8)
    ax.axhline(1 / len(k), color=style.CONTROL, linewidth=1, linestyle=(0, (4, 2)))
    apart = ", ".join(f"{r['score']:.1f}" for r in rows[:8]) + (", \u2026" if len(rows) > 8 else "")
    ax.text(0.5, 0.98, f"distance {apart}", transform=ax.transAxes, ha="center", va="top",
            color=style.MUTED, fontsize=7)  # fmt: skip
    ax.margins(y=0.12)
    ax.set_xticks([k[0], k[len(k) // 2], k[-1]])
    ax.margins(x=0.02)


def _figures(ax: Axes, forms: Sequence[str], rows: Sequence[Sequence[Row]]) -> None:
    """In each row the teams, one below the other. Orange: the human figure and its range. Dashed: chance."""
    label_rows(ax, list(forms))
    for y, each in enumerate(rows):
        offset = np.linspace(-0.26, 0.26, len(each)) if len(each) > 1 else [0.0]
        drawn = 0
        for shift, r in zip(offset, each, strict=True):
            drawn += dot(ax, y + shift, {k: r[k] for k in SCORE}, style.legible(COLOURS[r["verdict"]]), "D",
                         size=4)  # fmt: skip
        _held_against(ax, y, each)
        if not drawn:
            ax.text(0.01, y, "no figure", transform=ax.get_yaxis_transform(), va="center",
                    color=style.MUTED, style="italic", fontsize=7.5)  # fmt: skip
    flat = [r for each in rows for r in each]
    if people := [r["human"] for r in flat if r["human"] is not None]:
        ax.axvline(people[0], color=style.ORANGE, linewidth=2.2, zorder=0)
    _clip(ax, flat)


def _held_against(ax: Axes, y: float, rows: Sequence[Row]) -> None:
    """The widest range of people, and chance, behind one row."""
    if known := [(r["human_low"], r["human_high"]) for r in rows if r["human_low"] is not None]:
        low, high = min(k[0] for k in known), max(k[1] for k in known)
        band = {"color": style.ORANGE, "alpha": 0.22, "linewidth": 0, "zorder": 0}
        ax.fill_betweenx([y - 0.42, y + 0.42], low, high, **band)
    if chance := [r["chance"] for r in rows if r["chance"] is not None and r["estimate"] is not None]:
        dashed = {"color": style.INK, "linewidth": 1, "linestyle": (0, (2, 2))}
        ax.plot([np.mean(chance)] * 2, [y - 0.42, y + 0.42], **dashed)


def _clip(ax: Axes, rows: Sequence[Row]) -> None:
    """What is undecided may have intervals that would press all others together: they run off the picture."""
    kept = [r[k] for r in rows for k in ("estimate", "human", "human_low", "human_high", "chance")]
    kept += [r[k] for r in rows for k in ("low", "high") if r["verdict"] != words.UNDECIDED]
    seen = [v for v in kept if v is not None]
    if seen and max(seen) > min(seen):
        room = 0.06 * (max(seen) - min(seen))
        ax.set_xlim(min(seen) - room, max(seen) + room)
