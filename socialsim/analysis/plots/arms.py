"""All transfer arms side by side: area under the curve, and the probability of improvement."""

from collections.abc import Mapping

from matplotlib.figure import Figure

from socialsim.analysis.plots import style
from socialsim.analysis.plots.forest import absent, dot, label_rows


@style.styled
def arms(data: Mapping[str, Mapping], *, baseline: str = "scratch", unit: str = "") -> Figure:
    """What each arm is worth, and how surely it beats the baseline.

    data : the arms of `summary.json`: arm -> "label", "iqm", "low", "high", "improvement_over_<baseline>".
    """
    fig = style.figure(0.95 + 0.3 * max(len(data), 1))
    left, right = fig.subplots(1, 2, sharey=True)
    for ax in (left, right):
        label_rows(ax, [str(entry.get("label") or arm) for arm, entry in data.items()])
    right.axvline(0.5, color=style.MUTED, linewidth=0.9)
    for y, (arm, entry) in enumerate(data.items()):
        colour = style.arm_colour(arm)
        area = {"estimate": entry.get("iqm"), "low": entry.get("low"), "high": entry.get("high")}
        if not dot(left, y, area, colour):
            absent(left, y)
        chance = entry.get(f"improvement_over_{baseline}")
        found = style.interval(chance)
        clear = found is not None and (found[1] > 0.5 or found[2] < 0.5)
        if not dot(right, y, chance, colour, hollow=not clear) and arm != baseline:
            absent(right, y)
    base = style.interval((data.get(baseline) or {}).get("iqm"))
    if base:
        left.axvline(base[0], color=style.INK, linewidth=0.9, linestyle=(0, (4, 2)))
    left.set_title("area under the learning curve")
    left.set_xlabel(unit)
    left.set_xlim(left=min(0.0, left.get_xlim()[0]))
    right.set_title(f"P(better than {(data.get(baseline) or {}).get('label') or baseline})")
    right.set_xlim(-0.02, 1.02)
    right.tick_params(axis="y", labelleft=False)
    return fig
