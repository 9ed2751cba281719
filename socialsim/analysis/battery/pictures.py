"""The battery as figures: one assay's distribution beside people's, and all verdicts in one table."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

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
    words.UNDECIDED: style.MUTED,
    words.NOT_APPLICABLE: style.MUTED,
}


def _cell(f: Finding) -> dict[str, float]:
    return {"estimate": f.figure.estimate, "low": f.figure.low, "high": f.figure.high}


@style.styled
def finding(f: Finding) -> Figure:
    """Shares of options beside people's where there are any, else the figure beside the human one."""
    title = f"{f.assay.replace('_', ' ')}, {f.form}: {f.verdict}"
    if f.table is not None and "people" in f.table:
        fig = style.figure(2.6, 0.7 * style.WIDTH)
        ax = fig.subplots()
        k = f.table.option.values
        coarse = f.table.isel(option=np.arange(len(k)))
        wide = float(np.diff(k).min()) * 0.4
        ax.bar(k - wide / 2, coarse.share.values, wide, color=style.BLUE, label="agents")
        ax.bar(k + wide / 2, coarse.people.values, wide, color=style.ORANGE, label="people" + f.mark)
        ax.axhline(1 / len(k), color=style.CONTROL, linewidth=1, linestyle=(0, (4, 2)), label="uniform")
        ax.set_xlabel(f.table.attrs.get("label", "option"))
        ax.set_ylabel("share")
        ax.set_title(title)
        fig.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=3)
        return fig
    fig = style.figure(1.4, 0.7 * style.WIDTH)
    ax = fig.subplots()
    label_rows(ax, [""])
    if not dot(ax, 0, _cell(f), COLOURS[f.verdict], "D"):
        absent(ax, 0)
    dot(ax, 0.25, {"estimate": f.figure.null, "low": f.figure.null_low, "high": f.figure.null_high},
        style.CONTROL, "|")  # fmt: skip
    dot(ax, -0.25, f.human, style.ORANGE, "o")
    ax.set_xlabel(f"{f.unit}; orange: people{f.mark}, grey: null")
    ax.set_title(title)
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
        if "score" in d:
            dot(
                score,
                y,
                {"estimate": d["score"], "low": d["score_low"], "high": d["score_high"]},
                colour,
                "D",
            )
        elif np.isfinite(f.human) and f.human:
            dot(ratio, y, {k: v / f.human for k, v in _cell(f).items()}, colour, "D")
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
