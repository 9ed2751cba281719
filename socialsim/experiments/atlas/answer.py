"""From figures to sentences: verdicts by rules fixed beforehand, a plain answer, and its caveats."""

from collections import Counter
from collections.abc import Iterator, Mapping

from socialsim.analysis.battery.finding import HUMAN
from socialsim.analysis.wording import known, span
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
        measured = known(trained["low"]) and known(chance["high"])
        figures = f"joint events per agent-step {span(trained, '.4f')}, random {span(chance, '.4f')}"
        why = trained.get("reason") or chance.get("reason") or "no interval"
        out[f"learned_{id}"] = verdict(
            trained["low"] > chance["high"] if measured else None,
            f"Teams trained in {id} act together more than chance has it",
            figures if measured else f"not tested ({why}): {figures}",
        )
    for channel in found["channels"]:
        for id, row in found["worlds"].items():
            axes, tested = dict(_axes(row, channel)), _tested(row, channel)
            held = [a for a in tested if axes[a]["beyond_controls"]]
            out[f"stable_{channel}_{id}"] = verdict(
                len(held) == len(tested) if tested else None,
                f"The {channel} value of {id} is stable: over {', '.join(tested or AGAIN)}",
                "ICC(2,1) "
                + "; ".join(
                    f"{a} {span(axes[a])}{'' if a in held else ' (not beyond both controls)'}" for a in tested
                )
                if tested
                else "not tested: no agreement over any of these axes was measured",
            )
    return out


def _axes(row: Mapping, channel: str) -> Iterator[tuple[str, dict]]:
    for cell in row["stability"]:
        if cell["channel"] == channel and cell["statistic"] == "icc(2,1)":
            yield cell["axis"], cell


def _tested(row: Mapping, channel: str) -> list[str]:
    """The axes of AGAIN along which a value was measured again."""
    axes = dict(_axes(row, channel))
    return [a for a in AGAIN if a in axes]


def _of(rows: Mapping, claims: Mapping, name: str) -> tuple[list[str], list[str]]:
    """Worlds in which a claim was tested, and those of them in which it is supported."""
    found = {id: claims[name.format(id)]["supported"] for id in rows}
    return [id for id, v in found.items() if v is not None], [id for id, v in found.items() if v]


def answer(found: Mapping) -> list[str]:
    """A few plain sentences that say no more than the verdicts do."""
    rows, claims = found["worlds"], found["verdicts"]
    tested, learned = _of(rows, claims, "learned_{}")
    untested = len(rows) - len(tested)
    out = [
        f"Without any task reward, teams came to act together more than chance has it in {len(learned)} of "
        f"{len(tested)} worlds ({', '.join(learned) or 'none'})"
        + (f"; in {untested} this was not tested." if untested else ".")
    ]
    for channel in found["channels"]:
        tested, held = _of(rows, claims, f"stable_{channel}_{{}}")
        axes = dict.fromkeys(a for id in tested for a in _tested(rows[id], channel))
        out.append(
            f"Stable? The {channel} value agrees with itself over {', '.join(axes)}, beyond shuffled and "
            f"untrained controls, in {len(held)} of {len(tested)} worlds ({', '.join(held) or 'none'})."
            if tested
            else f"Stable? Whether the {channel} value is was not tested."
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
