"""From figures to sentences: verdicts by rules fixed beforehand, a plain answer, and its caveats."""

from collections.abc import Mapping

from socialsim.analysis.wording import decimal, percent, span, value
from socialsim.experiments import contrasts
from socialsim.experiments.cohering.measures import COLLAPSED, collapsed
from socialsim.experiments.contrasts import LEVEL, Found, verdict

LEGITIMATE = 0.1
"""A context is taken as having no bearing where it changes true returns by less than this share of how much
they differ between scenes, with the whole interval."""


def collapse(found: Found) -> dict[str, float]:
    """Share of seeds in which each arm's head is as good as constant, at home."""
    return {a: float(collapsed(s).mean()) for a, s in found["spread"].items()}


def verdicts(summary: Mapping) -> dict[str, dict]:
    """Every claim of the report with True, False or None, and the figures behind it."""
    gone, truth = summary["collapsed"], summary["truth"]
    told = ", ".join(f"{a} {percent(s)}" for a, s in gone.items() if a != "untrained")
    out = {
        "legitimate": verdict(*_legitimate(truth)),
        "not_collapsed": verdict(
            gone["with"] == 0,
            "The penalty does not collapse the value head to a constant",
            f"share of seeds with heads that vary less than {percent(COLLAPSED)} of what returns do: {told}",
        ),
        "mismatch_collapses": verdict(
            gone["mismatched"] >= 0.5,
            "Mismatched pairs collapse the value head to a constant in half of the seeds or more",
            f"collapsed in {percent(gone['mismatched'])} of seeds",
        ),
    }
    return out | contrasts.verdicts(summary["contrasts"])


def _legitimate(truth: Mapping) -> tuple[bool | None, str, str]:
    claim = "The contexts leave what truly follows (nearly) unchanged"
    if any(e["high"] is None for e in truth.values()):
        return None, claim, "not tested: the scenes lived on from are not seen to differ in what follows"
    worst = max(truth, key=lambda c: truth[c]["high"])
    bad = truth[worst]
    reason = (
        f"largest change of true expected returns, in the context '{worst}': {span(bad, '.3f')} "
        "of their variance between scenes; asked for: the interval "
        f"below {LEGITIMATE:g}"
    )
    return bad["high"] < LEGITIMATE, claim, reason


def answer(summary: Mapping) -> list[str]:
    """A few plain sentences that say no more than the verdicts do."""
    m, gone, v = summary["measures"], summary["collapsed"], summary["verdicts"]
    light = "examples" in m  # runs of before 2026-11-28 have no such arm

    def at(arm: str, measure: str) -> float:
        return value(m[arm][measure])

    lines = [
        "Of two scenes, a head contradicts itself when one context makes it prefer the first and another the "
        f"second. That happens in {percent(at('without', 'contradiction'))} of cases after ordinary "
        f"training, in {percent(at('with', 'contradiction'))} with the penalty, in "
        f"{percent(at('augmented', 'contradiction'))} where the same scenes are mere examples"
        + (f" ({percent(at('examples', 'contradiction'))} where these count lightly)" if light else "")
        + f" (untrained: {percent(at('untrained', 'contradiction'))}; chance: 50 %).",
        "In a changed place, without learning there, joint successes per agent-step are "
        f"{decimal(at('with', 'success_changed'), '.4f')} with the penalty, "
        f"{decimal(at('without', 'success_changed'), '.4f')} without, "
        f"{decimal(at('augmented', 'success_changed'), '.4f')} with examples only"
        + (f", {decimal(at('examples', 'success_changed'), '.4f')} with light ones." if light else "."),
    ]
    lines += contrasts.sentences(summary["contrasts"])
    named = [f"'{a}' ({percent(s)} of seeds)" for a, s in gone.items() if s > 0 and a != "untrained"]
    lines.append(
        f"Collapsed to a constant, and so coherent in name only: {', '.join(named)}."
        if named
        else "No trained head collapsed to a constant."
    )
    if v["legitimate"]["supported"] is False:
        lines.append(
            "One of the contexts changes what truly follows by more than was allowed for, or too few scenes "
            "were lived to exclude it: part of the penalty then asks for what is not so."
        )
    return lines


def caveats(summary: Mapping) -> list[str]:
    """What a careful reader should hold against the answer."""
    spread = {a: value(e["spread"]) for a, e in summary["measures"].items() if a != "untrained"}
    shrunk = [repr(a) for a, s in spread.items() if s < 0.8 * spread["without"]]
    lines = [
        "Coherence is cheap for a head that says little. Contradictions are counted by order, which does not "
        "depend on how much values vary, and how much they vary is shown beside them"
        + (f": less than four fifths of 'without' in {', '.join(shrunk)}." if shrunk else "."),
        "A mirror image is worth the same to a team that does not itself prefer one side. Trained teams may; "
        "how much this and the other contexts change true returns was measured by living them.",
        "The loss sees senses only: where it puts decoys, a wall may stand in truth. The measures do not "
        "share this: they change the world itself and sense it anew.",
        "The order of partners, too, has no bearing; networks here are blind to it by construction, so "
        "nothing is gained by asking for it.",
        "The description length depends on the code: a logistic model of features of the scene. It compares "
        "arms; it is no property of a value function by itself. A constant head costs no bits.",
        "'with' and 'augmented' have one weight for a squared difference of values over their variance, and "
        "yet not one strength. Values of one scene lie near each other and come nearer, so that the penalty "
        "fades as it is met; a sampled return lies far from any value, so that errors against it, and their "
        "pull on the encoder that acting shares, never fade. Where 'augmented' succeeds less than "
        "'without', that is a cost of this strength. 'examples' asks for the same, counted as the critic "
        "counts its own errors, and is the weaker of the two: what holds against both does not hang on the "
        "choice. The penalty is taken over pairs of all contexts, the controls over transformed scenes "
        "against their targets, as the scene as it is has its target from the critic.",
        "Miscalibration is measured in each arm's own episodes, by how much returns vary there. Untrained "
        "teams hardly ever succeed, and their heads say nearly 0 always, which is nearly right where "
        "nothing happens: that theirs is small says nothing of knowing. Heads of trained teams expect what "
        "they met at home, where success is more frequent. The measure compares arms that succeed alike.",
        f"One weight of the penalty ({summary['weight']:g}), fixed beforehand; others may help more or harm.",
        "One kind of world, one changed place. Value and policy share an encoder; with separate ones the "
        "penalty could reach what agents do only through their advantages.",
        f"{summary['seeds']} seeds, p below {LEVEL} after correction for {len(summary['contrasts'])} "
        "questions: a small difference can be certain and still not matter. Look at the sizes.",
    ]
    success = {a: value(e["success"]) for a, e in summary["measures"].items()}
    if success["without"] <= 2 * success["untrained"]:
        lines.insert(
            0,
            "Teams have hardly learned the task in this budget (less than twice the successes of untrained "
            "ones): what is said about arms is about the beginning of learning.",
        )
    return lines
