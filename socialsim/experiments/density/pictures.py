"""The figures of reward-density."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from socialsim.agents.prediction import CERTAINTY, TASKS
from socialsim.analysis.plots import style
from socialsim.analysis.plots.curves import draw_arm
from socialsim.analysis.plots.forest import dot, label_rows
from socialsim.experiments.density.schedules import CHANNELS, SPARSE

COLOURS = {
    "linear": style.BLUE,
    "abrupt": style.ORANGE,
    "reversed": style.VERMILLION,
    "random order": style.PURPLE,
    "dense": style.SKY,
    "sparse": style.INK,
    "learned": style.GREEN,
}
CHANNEL_COLOURS = dict(
    zip(CHANNELS, (style.VERMILLION, style.BLUE, style.GREEN, style.SKY, style.CONTROL), strict=True)
)
NAMES = {
    SPARSE: "joint success (sparse)",
    "predict_others": "predicting others",
    "predict_self": "predicting oneself",
    "predict_objects": "predicting objects",
    CERTAINTY: "plain predictability",
}
COLUMNS = 4


def _colour(arm: str) -> str:
    return COLOURS.get(arm, style.CONTROL)


def _grid(count: int):
    rows = -(-count // COLUMNS)
    fig = style.figure(0.8 + 1.55 * rows)
    grid = fig.subplots(rows, COLUMNS, squeeze=False, sharex=True, sharey=True)
    for ax in grid.flat[count:]:
        ax.set_visible(False)
    return fig, grid.flat


@style.styled
def shares(history: Mapping[str, NDArray]) -> Figure:
    """How each arm divides its drives over training. history: arm -> `[K, C]`, channels as `CHANNELS`."""
    fig, axes = _grid(len(history))
    for ax, (arm, share) in zip(axes, history.items(), strict=False):
        edges = np.linspace(0, 1, len(share) + 1)
        low = np.zeros(len(share))
        for c, channel in enumerate(CHANNELS):
            high = low + share[:, c]
            colour = CHANNEL_COLOURS[channel]
            ax.stairs(high, edges, baseline=low, fill=True, color=colour, alpha=0.85, linewidth=0)
            low = high
        ax.set_title(arm, color=style.legible(_colour(arm), 4.5))
        ax.set_xlim(0, 1)
        ax.set_ylim(0, 1)
        ax.grid(False)
    fig.supxlabel("share of source training", fontsize=8.5, color=style.MUTED)
    fig.supylabel("share of the drives", fontsize=8.5, color=style.MUTED)
    marks = [Patch(color=CHANNEL_COLOURS[c], alpha=0.85, label=NAMES[c]) for c in CHANNELS]
    fig.legend(handles=marks, loc="outside upper center", ncols=5, handlelength=1.2, columnspacing=1.2)
    return fig


@style.styled
def curves(arms: Mapping[str, NDArray], steps: NDArray, *, baseline: str, smooth: int = 1) -> Figure:
    """One panel per arm against the same baseline: joint events per agent-step `[S, U]` over agent-steps.

    smooth : updates that are averaged.
    """
    shown = [a for a in arms if a != baseline]
    fig, axes = _grid(len(shown))
    x = _smoothed(np.asarray(steps, float)[None], smooth)[0]
    reference = _smoothed(arms[baseline], smooth)
    dashed = {"linewidth": 1.1, "linestyle": (0, (4, 2))}
    for ax, arm in zip(axes, shown, strict=False):
        draw_arm(ax, x, reference, style.INK, **dashed)
        draw_arm(ax, x, _smoothed(arms[arm], smooth), _colour(arm), linewidth=2)
        ax.set_title(arm, color=style.legible(_colour(arm), 4.5))
        ax.set_xlim(x[0], x[-1])
        style.steps_axis(ax)
        ax.set_xlabel("")
    axes[0].set_ylim(bottom=0)  # shared: the top is that of all arms
    thousands = x[-1] < 1e6
    label = ("thousands" if thousands else "millions") + " of agent-steps"
    fig.supxlabel(label if x[-1] >= 5e3 else "agent-steps", fontsize=8.5, color=style.MUTED)
    fig.supylabel("joint events per agent-step", fontsize=8.5, color=style.MUTED)
    lines = [Line2D([], [], color=style.MUTED, linewidth=2, label="this arm"),
             Line2D([], [], color=style.INK, label=baseline, **dashed)]  # fmt: skip
    fig.legend(handles=lines, loc="outside upper right", ncols=2, handlelength=2.4)
    return fig


def _smoothed(values: NDArray, width: int) -> NDArray:
    """Means of `width` columns each."""
    count = max(values.shape[-1] // width, 1)
    return np.asarray(values, float)[..., : count * width].reshape(*values.shape[:-1], count, -1).mean(-1)


@style.styled
def alignment(found: Mapping[str, NDArray], chunks: int) -> Figure:
    """How far each reward's policy gradient points along the sparse one's. found: arm -> `[S, U, C]`."""
    fig = style.figure(2.9)
    axes = fig.subplots(1, max(len(found), 1), squeeze=False, sharey=True)[0]
    for ax, (arm, values) in zip(axes, found.items(), strict=True):
        by_chunk = _smoothed(np.moveaxis(values, 1, -1), values.shape[1] // chunks)  # [S, C, K]
        x = (np.arange(by_chunk.shape[-1]) + 0.5) / by_chunk.shape[-1]
        ax.axhline(0, color=style.MUTED, linewidth=0.9)
        for c, channel in enumerate((SPARSE, *TASKS)):
            draw_arm(ax, x, by_chunk[:, c], style.legible(CHANNEL_COLOURS[channel]), label=NAMES[channel])
        ax.set_title(arm, color=style.legible(_colour(arm), 4.5))
        ax.set_xlim(0, 1)
    axes[0].set_ylabel("cosine with the sparse gradient")
    fig.supxlabel("share of source training", fontsize=8.5, color=style.MUTED)
    handles, labels = axes[0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside upper center", ncols=4)
    return fig


@style.styled
def dark_room(societies: Mapping[str, Mapping[str, float]], arms: Mapping[str, Mapping]) -> Figure:
    """Left: what scripted societies earn by each kind of reward. Right, where given: how much teams move."""
    fig = style.figure(0.9 + 0.3 * max(len(societies), len(arms)))
    left, *right = fig.subplots(1, 2 if arms else 1, squeeze=False)[0]
    label_rows(left, list(societies))
    left.axvline(0, color=style.MUTED, linewidth=0.9)
    markers: Sequence[str] = ("o", "s", "D", "X")
    for y, earned in enumerate(societies.values()):
        for marker, channel in zip(markers, (*TASKS, CERTAINTY), strict=True):
            colour = style.legible(CHANNEL_COLOURS[channel])
            left.plot([earned[channel]], [y], marker, color=colour, label=NAMES[channel] if not y else None)
    left.set_xlabel("reward per agent-step")
    left.set_title("scripted societies")
    for ax in right:
        label_rows(ax, list(arms))
        for y, (arm, row) in enumerate(arms.items()):
            dot(ax, y, row, _colour(arm))
        ax.set_xlim(left=0)
        ax.set_xlabel("bodies per decision")
        ax.set_title("how much trained teams move, end of the source")
    handles, labels = left.get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside upper center", ncols=4)
    return fig
