"""Pictures of the report of coherence."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from socialsim.analysis.plots import style
from socialsim.analysis.plots.curves import band
from socialsim.analysis.plots.forest import dot, label_rows

COLOURS = {
    "without": style.INK,
    "with": style.BLUE,
    "augmented": style.VERMILLION,
    "examples": style.PURPLE,
    "mismatched": style.CONTROL,
    "untrained": style.CONTROL,
}
MARKERS = {
    "without": "o",
    "with": "D",
    "augmented": "s",
    "examples": "P",
    "mismatched": "^",
    "untrained": "v",
}


@style.styled
def contexts(truth: Mapping[str, Mapping], shares: Mapping[str, Mapping[str, float]]) -> Figure:
    """How much each context changes values, by arm, beside how much it changes what truly follows."""
    fig = style.figure(0.9 + 0.75 * len(truth))
    ax = fig.subplots()
    label_rows(ax, list(truth))
    for y, (context, real) in enumerate(truth.items()):
        dot(ax, y - 0.3, real, style.GREEN, "X", size=7)
        for i, (arm, each) in enumerate(shares.items()):
            hollow = arm == "untrained"
            dot(ax, y - 0.15 + 0.13 * i, each[context], COLOURS[arm], MARKERS[arm], hollow=hollow)
    ax.axvline(0, color=style.MUTED, linewidth=0.9)
    ax.set_xlabel("change of values, as a share of their variance between scenes (1: unrelated)")
    handles = [ax.plot([], [], "X", color=style.GREEN, markersize=7, label="what truly follows")[0]]
    for arm in shares:
        face = "white" if arm == "untrained" else COLOURS[arm]
        options = {"color": COLOURS[arm], "markerfacecolor": face, "markersize": 5.5, "label": arm}
        handles += ax.plot([], [], MARKERS[arm], **options)
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles), handletextpad=0.3)
    return fig


@style.styled
def learning(curves: Mapping[str, np.ndarray]) -> Figure:
    """Success at home while learning, and what follows against what was said in the changed place."""
    fig = style.figure(3.2)
    left, right = fig.subplots(1, 2)
    steps = np.asarray(curves["agent_steps"], float)
    arms = [n.partition("/")[2] for n in curves if n.startswith("learning/")]
    for arm in arms:
        middle, low, high = band(np.asarray(curves[f"learning/{arm}"], float))
        left.plot(
            steps, middle, color=COLOURS[arm], label=arm, linestyle="--" if arm == "mismatched" else "-"
        )
        left.fill_between(steps, low, high, color=COLOURS[arm], alpha=0.15, linewidth=0)
        said, came = np.asarray(curves[f"calibration/{arm}"], float).mean(0)
        right.plot(said, came, MARKERS[arm] + "-", color=COLOURS[arm], markersize=4, linewidth=1)
    left.set_ylabel("joint successes per agent-step")
    left.set_title("learning, at home")
    style.steps_axis(left)
    ends = [f(np.asarray(curves[f"calibration/{a}"]).mean(0)) for a in arms for f in (np.min, np.max)]
    right.plot([min(ends), max(ends)], [min(ends), max(ends)], color=style.MUTED, linewidth=0.9, zorder=0)
    right.set_xlabel("what the head says (tenths of moments, by value)")
    right.set_ylabel("what follows")
    right.set_title("values in the changed place")
    fig.legend(loc="outside lower center", ncols=len(arms))
    return fig
