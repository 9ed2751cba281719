"""Probe certificates as a table of evidence: read from left to right, it ends in the verdict."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from socialsim.analysis.plots import style
from socialsim.analysis.plots.forest import absent, dot, label_rows
from socialsim.analysis.statistics import Estimate

COLOURS = {
    "represented and used": style.BLUE,
    "represented, not used": style.VERMILLION,
    "not represented": style.CONTROL,
    "undecided": style.MUTED,
}
BASELINES = {
    "untrained": ("o", "untrained twin"),
    "observation": ("s", "raw observation"),
    "projection": ("^", "random projection"),
}


def _cell(e: Estimate | None) -> dict[str, float] | None:
    return None if e is None else {"estimate": e.estimate, "low": e.low, "high": e.high}


@style.styled
def certificates(items: Sequence[Any]) -> Figure:
    """items : `Certificate`s; one row each.

    Score with its baselines; bits saved; effect of edit and erasure as multiples of random changes, whose
    2.5 to 97.5 % range is the grey bar; effect of changing the scene; verdict.
    """
    labels = [f"{c.concept.replace('_', ' ')} · {c.layer} · {c.channel}" for c in items]
    fig = style.figure(1.35 + 0.3 * max(len(items), 1), style.WIDTH * 1.25)
    axes = fig.subplots(1, 5, sharey=True, width_ratios=(1.2, 0.8, 1.5, 0.8, 1.0))
    score, gain, ratio, scene, verdict = axes
    for order, ax in enumerate(axes):
        label_rows(ax, labels)
        ax.tick_params(axis="y", labelleft=order == 0)
    for y, c in enumerate(items):
        colour = COLOURS[c.verdict]
        for name, (marker, _) in BASELINES.items():
            dot(score, y, style.number(c.baselines.get(name)), style.CONTROL, marker, hollow=True, size=4.5)
        for ax, e in ((score, c.score), (gain, c.gain), (scene, c.scene)):
            if not dot(ax, y, _cell(e), colour, "D"):
                absent(ax, y)
        for shift, e, marker in ((-0.16, c.edit, "D"), (0.16, c.erasure, "o")):
            if e.null_high == e.null_high:
                ratio.plot([e.null_low, e.null_high], [y + shift] * 2, color=style.FAINT, linewidth=5,
                           solid_capstyle="butt", zorder=0)  # fmt: skip
            if not dot(ratio, y + shift, _cell(e), colour, marker, size=4.5) and shift < 0:
                absent(ratio, y)
        verdict.text(0.0, y, c.verdict, transform=verdict.get_yaxis_transform(), va="center",
                     color=style.legible(colour, 4.5), fontweight="bold", fontsize=8)  # fmt: skip
    for ax in (gain, scene):
        ax.axvline(0, color=style.MUTED, linewidth=0.9)
    ratio.axvline(1, color=style.MUTED, linewidth=0.9)
    ratio.set_xlim(left=0)
    verdict.set_xticks([])
    verdict.grid(False)
    verdict.spines[:].set_visible(False)
    titles = ("score", "bits saved", "edit, erasure / random", "scene edit", "verdict")
    units = ("R² or accuracy", "per label", "multiple of random changes", "spreads of V", "")
    for ax, title, unit in zip(axes, titles, units, strict=True):
        ax.set_title(title)
        ax.set_xlabel(unit)
    handles = [score.plot([], [], m, color=style.CONTROL, markerfacecolor="white", markersize=4.5, label=t)[0]
               for m, t in BASELINES.values()]  # fmt: skip
    handles += [ratio.plot([], [], m, color=style.INK, markersize=4.5, label=t)[0]
                for m, t in (("D", "edit"), ("o", "erasure (LEACE)"))]  # fmt: skip
    fig.legend(handles=handles, loc="outside lower center", ncols=5, handletextpad=0.3)
    return fig
