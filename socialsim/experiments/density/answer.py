"""From figures to sentences: verdicts, a plain answer, and its caveats."""

import math
from collections.abc import Mapping, Sequence

from socialsim.analysis.wording import decimal, known, span
from socialsim.experiments import contrasts
from socialsim.experiments.contrasts import LEVEL, verdict
from socialsim.experiments.density.measures import SCRATCH, SPLITS
from socialsim.experiments.density.schedules import ARMS

SHUT = 0.25  # of what the best paid scripted society earns by skill


def verdicts(summary: Mapping) -> dict[str, dict]:
    """The declared contrasts, and whether a society where nothing happens earns next to nothing by skill."""
    made = summary["societies"]
    skills = {n: _skill(e) for n, e in made.items()}
    still, best = skills["still"], max(skills.values())
    sure = {n: e["certainty"] for n, e in made.items()}
    closed = verdict(
        still <= SHUT * best and sure["still"] >= sure["random"],
        "Skill does not pay a society in which nothing happens, plain predictability does",
        f"scripted teams that stand still earn {still:+.3f} by skill (mean of three tasks; the most of any "
        f"scripted society: {best:+.3f}) and {sure['still']:.3f} by plain predictability (random teams: "
        f"{sure['random']:.3f})",
    )
    return contrasts.verdicts(summary["contrasts"]) | {"dark_room_is_shut": closed}


def _skill(earned: Mapping[str, float]) -> float:
    skills = [v for k, v in earned.items() if k.startswith("predict_")]
    return sum(skills) / len(skills)


def answer(summary: Mapping) -> list[str]:
    """A few plain sentences that say no more than the verdicts do."""
    m = summary["measures"]
    order = sorted((a for a in ARMS if a != "dark room"), key=lambda a: -_rank(m[a]["transfer"]["estimate"]))
    best, worst = order[0], order[-1]
    lines = [
        f"In held-out tasks the arm '{best}' is worth most on average ({_percent(m[best])} over a team that "
        f"starts from nothing, per sample spent there) and '{worst}' least ({_percent(m[worst])})."
    ]
    lines += contrasts.sentences(summary["contrasts"])
    order_asked = summary["contrasts"]["order"]
    fade = "untested" if order_asked.get("untested") else order_asked["direction"]
    lines.append(
        {
            "more": "Dense before sparse was better here than the reverse. Published work on another task "
            "found the opposite (arXiv 2501.17842).",
            "less": "Sparse before dense was better here, as published work on another task found (arXiv "
            "2501.17842).",
            "none": "Whether dense or sparse comes first made no difference that stands. Published work on "
            "another task found sparse before dense to be better (arXiv 2501.17842); this run neither "
            "confirms nor refutes it.",
            "untested": "Whether dense or sparse comes first was not tested: the seeds are too few.",
        }[fade]
    )
    return [*lines, _charged(summary, order)]


def _charged(summary: Mapping, order: Sequence[str]) -> str:
    """Whether teaching pays within one use, where the run is long enough to say (`TransferMetrics`)."""
    m = summary["measures"]
    if not any(known(m[a]["charged"]["estimate"]) for a in order):
        successes = [m[SCRATCH][k]["estimate"] for k in SPLITS]
        if all(known(x) and x > 0 for x in successes):
            return (
                "Whether the teaching pays for itself within one use cannot be said: the source cost as much "
                "as a whole run in held-out tasks, or more."
            )
        return "What is left of the gains once the source's samples are charged was not measured."
    gain = [a for a in order if known(m[a]["charged"]["low"]) and m[a]["charged"]["low"] > 0]
    if gain:
        named = ", ".join(f"'{a}'" for a in gain)
        return (
            "Charged for the source's samples too (a team that starts from nothing, for that long), these "
            f"arms still gain over learning from nothing: {named}."
        )
    return (
        "Charged for the source's samples too (a team that starts from nothing, for that long), no arm gains "
        "over learning from nothing within what was spent in held-out tasks: such teaching pays where it is "
        "used more than once."
    )


def _percent(row: Mapping) -> str:
    gains = {k: x - 1 if known(x) else None for k, x in row["transfer"].items()}
    return span(gains, "+.0%").replace("-", "\u2212")


def _rank(x: float | None) -> float:
    """What was not measured comes last."""
    return x if x is not None and known(x) else -math.inf


def caveats(summary: Mapping) -> list[str]:
    """What a careful reader should hold against the answer."""
    spent = summary["dense_share"]
    m = summary["measures"]
    most = max((m[a]["source"]["estimate"] for a in ARMS), key=_rank)
    return [
        f"One small world: {summary['world']}. Other worlds, longer training or larger networks may order "
        "the arms otherwise.",
        "What is learned here is little: at the end of the source training the best arm succeeds "
        f"{decimal(most, '.3f')} times per agent-step, teams that never learned "
        f"{decimal(summary['chance'], '.3f')}. Whoever starts from so little may need dense "
        "rewards more, or less.",
        "Dense rewards are those for predicting well. Other dense rewards, such as distance to a goal, are "
        "another question; so is the published contrary evidence (arXiv 2501.17842).",
        "The first four arms spend the same dense reward in all (half). 'dense' spends all of it, 'sparse' "
        f"none, and 'learned' {spent['learned']:.2f} by its own choice, so that arm differs in "
        "amount as well as in kind.",
        "A share is a weight on advantages that are normalised by channel, and the mixture is normalised "
        "again. Halving a share says how much a reward counts beside the others, not how far a step goes.",
        "All arms keep the last of what they learned, forgetting included: what 'reversed' knew half-way it "
        "may have lost at the end. That is part of what order means.",
        "The learned arm looks at the last layer's gradient and one step ahead. What it costs to find that "
        "out (computing, no samples) is not charged.",
        f"'{SCRATCH}' starts in the held-out tasks from nothing, with the seeds' worlds in common with all "
        "arms, and with fresh weights of its own (one head, where the arms began with several). Rule "
        "families that are new are related to the old ones: what transfers is in part how to walk and to "
        "find the other.",
        f"{summary['seeds']} seeds, p below {LEVEL} after correction for {len(summary['contrasts'])} "
        "questions: what is too small for that stays undecided, and is not shown to be absent.",
    ]
