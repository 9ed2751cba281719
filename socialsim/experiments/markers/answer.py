"""From figures to sentences: verdicts by rules fixed beforehand, a plain answer, and its caveats."""

from collections.abc import Mapping

from socialsim.analysis.wording import decimal, percent, span, value
from socialsim.experiments import contrasts
from socialsim.experiments.contrasts import LEVEL, Contrast, verdict

SAVED, AGREED = 0.5, 0.95
"""The goal that was set beforehand: FLOPs saved per decision, and decisions that are the full network's."""

CONTRASTS = (
    Contrast(
        "cache",
        "on",
        "off",
        "success",
        "In a stationary world the cache raises success",
        "In a stationary world the cache costs success",
    ),
    Contrast(
        "association",
        "on",
        "shuffled",
        "success",
        "What the cache has associated with what matters: the intact one does better than a shuffled one",
        "A shuffled cache does better than the intact one",
    ),
    Contrast(
        "content",
        "on",
        "zeroed",
        "success",
        "The intact cache does better than an emptied one",
        "An emptied cache does better than the intact one",
    ),
    Contrast(
        "emptied",
        "zeroed",
        "off",
        "success",
        "An emptied cache raises success",
        "An emptied cache costs success",
    ),
    Contrast(
        "learning",
        "on",
        "stale",
        "success",
        "In a stationary world a cache that goes on learning does better than a frozen one",
        "In a stationary world a frozen cache does better than one that goes on learning",
    ),
    Contrast(
        "choice",
        "on",
        "unbiased",
        "success",
        "Markers of return improve choice",
        "Markers of return make choice worse",
    ),
    Contrast(
        "attention",
        "on",
        "inattentive",
        "success",
        "Computing first where more is at stake improves success",
        "Computing first where more is at stake costs success",
    ),
    Contrast(
        "habit",
        "on",
        "off",
        "success_after",
        "After a reversal the cache raises success",
        "After a reversal habits cost success",
    ),
    Contrast(
        "frozen_habit",
        "stale",
        "on",
        "success_after",
        "After a reversal a frozen cache does better than one that goes on learning",
        "After a reversal a frozen cache does worse than one that goes on learning",
    ),
    Contrast(
        "markers_after",
        "on",
        "unbiased",
        "adaptation",
        "Markers of return make adapting to a reversal slower",
        "Markers of return make adapting to a reversal faster",
    ),
)


def goal(measures: Mapping) -> dict:
    """The goal as a verdict; both intervals must lie on the right side."""
    saved, agreed = measures["on"]["saved"], measures["on"]["agreement"]
    said = [f"saved {span(saved, '.1%')}, agreement {span(agreed, '.1%')}"]
    for name, found, wanted in (("FLOPs saved", saved, SAVED), ("agreement", agreed, AGREED)):
        miss = wanted - value(found)
        if miss > 0:
            said.append(f"{name}: misses {percent(wanted)} by {100 * miss:.1f} percentage points")
        elif found["low"] < wanted:
            said.append(f"{name}: reaches {percent(wanted)} on average, but not with certainty")
    return verdict(
        saved["low"] >= SAVED and agreed["low"] >= AGREED,
        f"In a stationary world the cache saves {percent(SAVED)} of the FLOPs of a decision at "
        f"{percent(AGREED)} agreement with the full network",
        "; ".join(said),
    )


def verdicts(summary: Mapping) -> dict[str, dict]:
    """Every claim of the report with True or False, and the figures behind it."""
    return {"goal": goal(summary["measures"])} | contrasts.verdicts(summary["contrasts"])


def answer(summary: Mapping) -> list[str]:
    """A few plain sentences that say no more than the verdicts do."""
    m = summary["measures"]
    on, off, stale = m["on"], m["off"], m["stale"]
    reached = "reached" if summary["verdicts"]["goal"]["supported"] else "missed"
    kept = value(on["success"]) / value(off["success"]) if value(off["success"]) else None
    lines = [
        f"With the cache a decision takes {percent(1 - value(on['saved']))} of the FLOPs of the full "
        f"network of width {summary['width']}, and is the same decision in "
        f"{percent(value(on['agreement']))} of cases. The goal, {percent(SAVED)} saved at "
        f"{percent(AGREED)} agreement, is {reached}: {summary['verdicts']['goal']['reason']}.",
    ]
    if kept is not None:
        lines.append(
            f"It keeps {percent(kept)} of the success of computing everything: "
            f"{decimal(on['success'], '.3f')} against "
            f"{decimal(off['success'], '.3f')} per decision."
        )
    left = summary["decisions_after"]
    lines.append(
        "Then what was worth something no longer is. The full network is told and changes at once. The cache "
        f"needs {decimal(on['adaptation'], '.0f')} decisions on average to be back at 90 % of its agreement "
        f"({left} were watched, which is what an arm gets that never comes back; the frozen cache: "
        f"{decimal(stale['adaptation'], '.0f')})."
    )
    return lines + contrasts.sentences(summary["contrasts"])


def caveats(summary: Mapping) -> list[str]:
    """What a careful reader should hold against the answer."""
    widths = summary["widths"]
    small, large = widths[0], widths[-1]
    return [
        "The full network is told of the reversal: for each setting of drives there is one that was trained "
        "under it, and the one that fits is used. This is the ideal against which a habit is measured, not a "
        "network that has to find out.",
        "All copies of a team share one cache, as they share one network: many worlds fill it together. One "
        "agent alone would take longer to fill it by as many times as there are rows.",
        "How much is saved depends on the network: what the cache itself costs does not shrink with it. "
        f"With the same use of the cache {percent(small['saved'])} would be saved at width {small['width']}, "
        f"{percent(large['saved'])} at width {large['width']}. Other widths were priced, not trained.",
        "The numbers of the cache (when it doubts, when it looks again, how much it may compute, how large "
        "it is) were chosen by pilots on other seeds, for the two figures of the goal: what is saved and "
        "how far it agrees. That the goal is met here says that such a choice exists and holds on new "
        "seeds, not that one made without looking would meet it.",
        "FLOPs are not time. Looking up, sorting and scattering are few FLOPs and much memory traffic; the "
        "report shows both.",
        "A small world is met again and again; that is what a cache lives on. In larger worlds, and with "
        "more agents, scenes repeat less and less can be saved.",
        "Agreement is counted under shared noise, and whoever has no preferences is easy to agree with. What "
        "it means is told by the emptied and the shuffled cache, which agree by chance and by habit alone.",
        "Disagreement is not spread evenly. Success here takes several right decisions of two agents in a "
        "row, so a few per cent of wrong ones cost more than a few per cent of success.",
        "'Somatic' is a name for the mechanism. Nothing here was measured on bodies or on people.",
        f"{summary['seeds']} seeds, p below {LEVEL} after correction for {len(summary['contrasts'])} "
        "questions: a small difference can be certain and still not matter. Look at the sizes.",
    ]
