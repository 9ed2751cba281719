"""From figures to sentences: verdicts by rules fixed beforehand, a plain answer, and its caveats."""

from collections import Counter
from collections.abc import Iterator, Mapping

from socialsim.analysis.battery.finding import HUMAN
from socialsim.analysis.wording import span
from socialsim.experiments.assaying import by_cell
from socialsim.experiments.contrasts import verdict
from socialsim.experiments.matrices import CAVEATS, Moved

AGAIN = ("seed", "checkpoint", "noise", "retest")
"""Axes along which a value must agree beyond both controls to be called stable."""


def verdicts(found: Mapping) -> dict[str, dict]:
    """Every claim of the report with True, False or None (not tested), and the figures behind it."""
    out = {}
    for id, row in found["worlds"].items():
        trained, chance = row["trained"], row["random"]
        out[f"learned_{id}"] = verdict(
            trained["low"] > chance["high"],
            f"Teams trained in {id} act together more than chance has it",
            f"joint events per agent-step {span(trained, '.4f')}, random {span(chance, '.4f')}",
        )
    for channel in found["channels"]:
        for id, row in found["worlds"].items():
            axes = dict(_axes(row, channel))
            tested = [a for a in AGAIN if a in axes]
            held = [a for a in tested if axes[a]["beyond_controls"]]
            out[f"stable_{channel}_{id}"] = verdict(
                len(held) == len(tested) if tested else None,
                f"The {channel} value of {id} is stable: over {', '.join(tested)}",
                "ICC(2,1) "
                + "; ".join(
                    f"{a} {span(axes[a])}{'' if a in held else ' (not beyond both controls)'}" for a in tested
                ),
            )
    return out


def _axes(row: Mapping, channel: str) -> Iterator[tuple[str, dict]]:
    for cell in row["stability"]:
        if cell["channel"] == channel and cell["statistic"] == "icc(2,1)":
            yield cell["axis"], cell


def answer(found: Mapping) -> list[str]:
    """A few plain sentences that say no more than the verdicts do."""
    rows, claims = found["worlds"], found["verdicts"]
    learned = [id for id in rows if claims[f"learned_{id}"]["supported"]]
    out = [
        f"Without any task reward, teams came to act together more than chance has it in {len(learned)} of "
        f"{len(rows)} worlds ({', '.join(learned) or 'none'})."
    ]
    for channel in found["channels"]:
        held = [id for id in rows if claims[f"stable_{channel}_{id}"]["supported"]]
        out.append(
            f"Stable? The {channel} value agrees with itself over {', '.join(AGAIN)}, beyond shuffled and "
            f"untrained controls, in {len(held)} of {len(rows)} worlds ({', '.join(held) or 'none'})."
        )
    out += [_human(rows), *(f"Transferable? {s}" for s in Moved.from_dict(found["moved"]).sentences())]
    return out


def _human(rows: Mapping[str, Mapping]) -> str:
    total, like, where = 0, 0, Counter()
    for row in rows.values():
        for (assay, form), counts in by_cell(row["human"]).items():
            total += 1
            if 2 * counts[HUMAN] > counts.total():
                like += 1
                where[f"{assay.replace('_', ' ')} ({form})"] += 1
    named = ", ".join(f"{k} in {n}" for k, n in where.most_common()) or "none"
    return (
        f"Human-like? In {like} of {total} combinations of world, assay and form most teams are: {named}. "
        "Figures near the human one can also come from choosers that have no view at all; those are named "
        "as such and never counted."
    )


def caveats(found: Mapping) -> list[str]:
    """What a careful reader should hold against the answer."""
    return [
        f"{found['seeds']} teams per world: intervals over seeds are wide, and a claim of transfer rests on "
        "few learners; below 10 seeds an arm it is indicative.",
        "Training is short. A value that is missing here may come with more experience; one that is here "
        "may go.",
        "Stability means that a measure gives the same again, not that it measures something that matters; "
        "look at what the heads know of their returns beside it.",
        "People divide money, agents divide neutral tokens that mean nothing to them. A human-like "
        "distribution is a likeness of choices, not of reasons.",
        "Many cells are tested at once and not corrected for their number.",
        *CAVEATS,
    ]
