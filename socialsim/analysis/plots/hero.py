"""One composed picture for the README: learning, what the values answer to, their worth elsewhere."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from socialsim.analysis.plots import style
from socialsim.analysis.plots.curves import Curves, curve, draw_arm, draw_joint
from socialsim.analysis.plots.forest import draw_forest

SHOWN = {
    "alone": ("scratch", "permuted", "distilled", "direct"),
    "transfer": ("scratch", "shaping", "shuffled"),
}
TITLES = {
    "alone": "Their worth as the only reward in another physics",
    "transfer": "Their worth in a new world",
}


@style.styled
def hero(
    curves: Curves, summary: Mapping, *, channel: str = "coordination", arms: Sequence[str] | None = None
) -> Figure:
    """Learning curve, counterfactual forest of one channel, and transfer curves, side by side.

    Parameters
    ----------
    curves, summary : as `report.write` takes them.
    channel : whose counterfactuals are shown.
    arms : at most a few. Where nothing is said: learners whose only reward are the values, if there are any,
        beside no reward and the world's own signals; else shaping, scratch and shuffled.
    """
    fig = style.figure(3.6, width=13)
    left, middle, right = fig.subplots(1, 3, width_ratios=(1.1, 0.95, 1))
    team = summary.get("team_metric") or {}
    draw_joint(left, curves, {k: team.get(k) for k in ("random", "scripted")})
    left.set_title("They learn to act together")
    rows = [
        {**row, "label": row.get("summary") or row.get("edit")}
        for row in summary.get("counterfactuals") or []
        if row.get("channel") == channel
    ]
    if rows:
        draw_forest(middle, rows, colours=[style.channel_colour(channel)] * len(rows))
        middle.set_xlabel(f"change of the {channel} value")
    else:
        style.unmeasured(middle)
    middle.set_title("What moves their values")
    name = "alone" if (summary.get("alone") or {}).get("arms") else "transfer"
    _transfer(right, curves, name, (summary.get(name) or {}).get("arms") or {}, arms or SHOWN[name])
    right.set_title(TITLES[name])
    return fig


def _transfer(ax, curves: Curves, name: str, labels: Mapping, arms: Sequence[str]) -> None:
    found = {a: v for a in arms if (v := curve(curves, f"{name}/{a}", 2)) is not None}
    if not found:
        style.unmeasured(ax)
        return
    ends = {}
    for arm, values in found.items():
        x = curve(curves, f"{name}/agent_steps", 1)
        x = np.arange(values.shape[1]) if x is None else x
        ends[arm] = draw_arm(ax, x, values, style.arm_colour(arm))
        ax.set_xlim(x[0], x[-1])
    ax.set_ylim(0, 1.08 * ax.get_ylim()[1])
    style.end_labels(
        ax,
        [
            (
                end,
                (labels.get(arm) or {}).get("label") or arm,
                style.arm_colour(arm) if arm in style.ARMS else style.MUTED,
            )
            for arm, end in ends.items()
        ],
    )
    ax.set_ylabel("joint events per agent-step")
    style.steps_axis(ax)
