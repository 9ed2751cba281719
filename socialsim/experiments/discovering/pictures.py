"""The figures of `discovery`."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from socialsim.analysis.plots import style
from socialsim.analysis.plots.curves import Curves, band
from socialsim.experiments.discovering.tasks import DISTANCES

LINES = {
    "demonstrations": (style.BLUE, "o"),
    "any bonus": (style.VERMILLION, "s"),
    "both": (style.PURPLE, "D"),
    "asking": (style.GREEN, "^"),
    "sparse": (style.INK, "v"),
    "yoked": (style.ORANGE, "P"),
    "random": (style.CONTROL, "X"),
}
BONUS_LINES = {
    "counts": (style.VERMILLION, "-"),
    "elliptical": (style.ORANGE, "--"),
    "distillation": (style.PURPLE, "-."),
    "disagreement": (style.SKY, ":"),
    "empowerment": (style.GREEN, (0, (3, 1, 1, 1, 1, 1))),
    "sparse": (style.INK, "-"),
}
MAIN_LINES = {
    "demonstrations": (style.BLUE, "-"),
    "both": (style.PURPLE, "--"),
    "asking": (style.GREEN, "-."),
    "counts": (style.VERMILLION, "-"),
    "sparse": (style.INK, "-"),
}


@style.styled
def distances(measures: Mapping, yardsticks: Mapping) -> Figure:
    """How far each way of learning carries, as a share of what a scripted team reaches at that distance."""
    fig = style.figure(3.6)
    axes = fig.subplots(1, 2, sharey=True)
    for ax, kind, title in zip(
        axes, ("zero", "few"), ("without learning there", "learning there, a little"), strict=True
    ):
        places = [d for d in DISTANCES if f"{kind}_{d}" in measures["random"]]
        for n, (arm, (colour, marker)) in enumerate(LINES.items()):
            x = np.arange(len(places)) + 0.06 * (n - len(LINES) / 2)
            rows = [style.interval(measures[arm][f"{kind}_{d}"]) or (np.nan,) * 3 for d in places]
            top = np.array([max(yardsticks["scripted"][d], 1e-9) for d in places])
            middle, low, high = np.array(rows).T / top
            colour = style.legible(colour)
            ax.plot(x, middle, marker=marker, color=colour, markersize=5, linewidth=1.1, label=arm)
            ax.vlines(x, low, high, color=colour, linewidth=1.1)
        ax.set_xticks(range(len(places)), places)
        ax.set_title(title)
        ax.set_xlabel("distance from the tasks learned on")
    axes[0].set_ylabel("share of a scripted team's joint events")
    axes[0].set_ylim(bottom=0)
    axes[1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return fig


def _lines(ax: Axes, curves: Curves, lines: Mapping, steps: np.ndarray, shown: float | None) -> None:
    for arm, (colour, dashes) in lines.items():
        middle, low, high = band(np.asarray(curves[f"learning/{arm}"], float))
        colour = style.legible(colour)
        ax.plot(steps, middle, color=colour, linestyle=dashes, label=arm)
        ax.fill_between(steps, low, high, color=colour, alpha=0.13, linewidth=0)
    if shown is not None:
        ax.axvspan(0, shown, color=style.FAINT, alpha=0.4, linewidth=0)
    ax.legend(loc="upper left" if shown is None else "upper right")
    style.steps_axis(ax)


@style.styled
def learning(curves: Curves, shown: float) -> Figure:
    """Joint events while learning, by arm; grey: while demonstrations last, in arms that have them."""
    fig = style.figure(3.2)
    left, right = fig.subplots(1, 2)
    steps = np.asarray(curves["learning/agent_steps"], float)
    _lines(left, curves, MAIN_LINES, steps, shown)
    _lines(right, curves, BONUS_LINES, steps, None)
    left.set_title("shown, found, asked")
    right.set_title("the bonuses (another scale)")
    left.set_ylabel("joint events per agent-step")
    for ax in (left, right):
        ax.set_ylim(bottom=0)
    return fig


@style.styled
def asked(curves: Curves, found: Mapping) -> Figure:
    """What was asked and when: over training, within an episode, and whether an answer was in sight
    already."""
    fig = style.figure(2.9)
    axes: Sequence[Axes] = fig.subplots(1, 3)
    colour = style.legible(style.GREEN)
    steps = np.asarray(curves["learning/agent_steps"], float)
    for ax, name, x in ((axes[0], "asked/training", steps), (axes[1], "asked/episode", None)):
        values = np.asarray(curves[name], float)
        middle, low, high = band(values)
        at = np.arange(values.shape[1]) if x is None else x
        ax.plot(at, 100 * middle, color=colour)
        ax.fill_between(at, 100 * low, 100 * high, color=colour, alpha=0.15, linewidth=0)
        ax.set_ylim(bottom=0)
    style.steps_axis(axes[0])
    axes[0].set_ylabel("decisions that ask, %")
    axes[0].set_title("while learning")
    axes[1].set_xlabel("decision of the episode")
    axes[1].set_title("on new tasks, afterwards")
    names = {
        "no answer\nin sight": "no_answer_in_sight",
        "answer\nin sight": "answer_in_sight",
        "nearby\nrules": "near",
        "far\nrules": "far",
    }
    for i, key in enumerate(names.values()):
        estimate, low, high = style.interval(found[key]) or (np.nan,) * 3
        axes[2].bar(i, 100 * estimate, color=colour if i < 2 else style.CONTROL, width=0.6)
        axes[2].vlines(i, 100 * low, 100 * high, color=style.INK, linewidth=1.2)
    axes[2].set_xticks(range(len(names)), names, fontsize=7)
    axes[2].set_title("when")
    return fig
