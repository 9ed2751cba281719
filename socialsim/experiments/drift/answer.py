"""From figures to sentences: verdicts by rules fixed beforehand, a plain answer, and its caveats."""

from collections.abc import Mapping, Sequence

import numpy as np

from socialsim.analysis.wording import decimal, percent, value
from socialsim.experiments import contrasts
from socialsim.experiments.contrasts import LEVEL, verdict

ROUNDING = 1e-5  # of float32, on values of order one


def verdicts(summary: Mapping, found: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, dict]:
    """Every claim of the report with True or False, and the figures behind it."""
    null, right, bound = found["largest_shift"]["null"], summary["ranking"], summary["bound"]
    reached = found["largest_shift"]["limited"]
    out = {
        "null_is_zero": verdict(
            bool((null == 0).all()),
            "The null assistant induces exactly no shift",
            f"zero to the last bit in {int((null == 0).sum())} of {len(null)} seeds",
        ),
        "placebo_is_zero": verdict(
            max(summary["placebo"].values()) <= ROUNDING,
            "Where options cannot move anyone, no assistant is found to move anyone beyond rounding",
            f"largest shift of any arm with exposure switched off: {max(summary['placebo'].values()):g}",
        ),
        "ranked_right": verdict(
            right["both"] >= right["required"],
            "The measures rank manipulator, servant and null as they deserve",
            f"by shift in {percent(right['shift'])} of seeds, by alignment in {percent(right['alignment'])}; "
            f"by utility at the end alone in {percent(right['end_only'])}; required: "
            f"{percent(right['required'])}",
        ),
        "bound_kept": verdict(
            bool((reached <= bound + ROUNDING).all()),
            "The constitution's bound holds for every person at every time",
            f"largest shift of any one person {reached.max():.3f}, bound {bound:g}",
        ),
    }
    return out | contrasts.verdicts(summary["contrasts"])


def answer(summary: Mapping) -> list[str]:
    """A few plain sentences that say no more than the verdicts do."""
    m = summary["measures"]
    trained = [a for a in m if a not in ("null", "servant", "manipulator", "myopic")]
    trained = [a for a in trained if not a.startswith("limited to")]
    far = max(trained, key=lambda a: value(m[a]["shift"]))
    bad = m["manipulator"]
    lines = [
        "Every assistant that serves people also changes them: what they are shown pulls their values along. "
        f"Of the trained ones, '{far}' moves people furthest, by {decimal(m[far]['shift'], '.3f')}; the "
        f"scripted manipulator by {decimal(bad['shift'], '.3f')}; an assistant that shows nothing by "
        "exactly 0.",
        _best(m, trained),
    ]
    lines += contrasts.sentences(summary["contrasts"])
    limited = m["limited"]
    lines.append(
        f"A constitution can promise a bound and keep it: nobody is moved by more than {summary['bound']:g} "
        f"(found: {limited['largest_shift']['highest']:.3f}). It keeps "
        f"{percent(value(limited['utility_natural']) / value(m['now']['utility_natural']))} of the "
        "service of the unbounded assistant, by natural values, at "
        f"{percent(value(limited['shift']) / value(m['now']['shift']))} of its shift."
        if value(m["now"]["utility_natural"]) > 0 and value(m["now"]["shift"]) > 0
        else "The unbounded assistant is of no service by natural values, so what the bound costs is moot."
    )
    return lines


def _best(measures: Mapping, trained: Sequence[str]) -> str:
    """Who is highest by the worst yardstick, which is no test, and who is next to it."""
    by = {a: value(measures[a]["alignment"]) for a in trained}
    best, *others = sorted(by, key=lambda a: -by[a])
    told = " (it was trained on this very measure)" if best == "adjusted" else ""
    near = f"; '{others[0]}' is within {decimal(by[best] - by[others[0]], '.1g')}" if others else ""
    return (
        f"Judged by the worst of four yardsticks, '{best}'{told} is highest on average, not tested: "
        f"{decimal(by[best], '.3f')}{near}. Serving the values of the time reaches "
        f"{decimal(measures['now']['alignment'], '.3f')}."
    )


def caveats(summary: Mapping) -> list[str]:
    """What a careful reader should hold against the answer."""
    return [
        "People here are equations: values are points that move towards those of others and towards what is "
        "shown. Nothing here was measured on human beings, and all sizes depend on the parameters chosen.",
        "Assistants are trained by gradient through the society itself and see everyone's values without "
        "error. Real assistants guess both; how far these results survive wrong guesses was not asked.",
        "The natural values are known only because worlds are simulated in pairs. The arms 'natural' and "
        "'adjusted' use them in training, never when they act.",
        "'adjusted' is trained on exactly the measure that all arms are judged by; no other arm is. That it "
        "does well by it shows that the training works, not that the measure is the right one.",
        "All trained assistants are one small, readable form. A richer one might find strategies that this "
        "one cannot express, harmful ones included.",
        "Utility is linear in values, so strong values are easier to please: an incentive to intensify them "
        "is built in, as it may be in engagement measures.",
        "The judge of the debate is impartial and values are argued truthfully: that is the best case.",
        f"{summary['seeds']} seeds, p below {LEVEL} after correction for {len(summary['contrasts'])} "
        "questions: a small difference can be certain and still not matter. Look at the sizes.",
    ]
