"""What development lets us say: verdicts by rules fixed beforehand, sentences, and caveats."""

from collections.abc import Mapping
from statistics import median

from socialsim.analysis.wording import decimal, known, listed, span
from socialsim.experiments.answer import TRACKS
from socialsim.experiments.contrasts import above, verdict
from socialsim.experiments.developing.extinction import PERSISTS
from socialsim.experiments.developing.societies import SOCIETIES

NAMED = 0.95
"""Share of batches of scripted societies that the rule must name right before its map says anything."""


def verdicts(found: Mapping) -> dict[str, dict]:
    """Claims about growth, extinction and the map of societies. `found`: "growth", "extinction", "drives"."""
    return {
        **_grown(found["growth"]),
        **_outlasting(found["extinction"], learned(found["growth"])),
        **_mapped(found["drives"]),
    }


def _grown(growth: Mapping) -> dict[str, dict]:
    out = {}
    for channel, row in growth["channels"].items():
        ages = row["age"]
        reached = [a for a in ages if a is not None]
        end = row["returns"][-1]
        by = f", from agent-steps {', '.join(f'{a:,.0f}' for a in reached)}" if reached else ""
        out[f"grown_{channel}"] = verdict(
            above(end, TRACKS),
            f"The {channel} head came to rank moments by what follows them while it learned: Spearman with "
            f"returns above {TRACKS} when training ended, the whole interval over teams",
            f"Spearman {span(end)}; at the mark from some checkpoint to the last in {len(reached)} of "
            f"{len(ages)} teams{by}",
        )
    return out


def learned(growth: Mapping) -> dict[str, bool]:
    """Channel -> whether its head ranked moments by what follows them when training ended, mean over teams.

    A head that does not holds no values that could outlast anything, however well it keeps its order.
    """
    ends = {c: row["returns"][-1]["estimate"] for c, row in growth["channels"].items()}
    return {c: known(e) and bool(e >= TRACKS) for c, e in ends.items()}  # NaN: returns did not vary


def _outlasting(extinction: Mapping, known: Mapping[str, bool]) -> dict[str, dict]:
    out = {}
    for condition, words in (
        ("withdrawn", "the signals have stopped"),
        ("unmoved", "the drives are at zero"),
    ):
        for channel, row in extinction["values"][condition].items():
            rest = extinction["values"]["untrained"][channel]["order"]
            out[f"outlasts_{condition}_{channel}"] = verdict(
                row["persists"] if known[channel] else None,
                f"What {channel} made worth more stays worth more after {words}: rank agreement with before "
                f"above {PERSISTS} and above an untrained head's",
                ("" if known[channel] else "not tested, the head did not rank moments rightly before; ")
                + f"order {span(row['order'])}, spread {span(row['strength'])} of before; "
                f"untrained order {span(rest)}; {extinction['teams']} teams",
            )
    return out


def _mapped(drives: Mapping) -> dict[str, dict]:
    rows = drives["scripted"]
    right = {n: r["right"] for n, r in rows.items()}
    worst = min(right, key=lambda n: right[n])
    return {
        "societies_named": verdict(
            right[worst] >= NAMED,
            f"The rule that names societies names every scripted one right in {NAMED:.0%} of fresh batches",
            f"worst: {worst}, {right[worst]:.0%}; {len(right)} scripted societies",
        )
    }


def answer(found: Mapping) -> list[str]:
    """Three sentences that say no more than the verdicts."""
    return [
        _age_sentence(found["growth"]),
        _persistence_sentence(found["extinction"], learned(found["growth"])),
        _map_sentence(found["drives"], found["verdicts"]["societies_named"]["supported"]),
    ]


def _age_sentence(growth: Mapping) -> str:
    told = []
    for channel, row in growth["channels"].items():
        ages = sorted(a for a in row["age"] if a is not None)
        if not ages:
            told.append(f"the {channel} head never did")
        else:
            every = "" if len(ages) == len(row["age"]) else f" ({len(ages)} of {len(row['age'])} teams)"
            told.append(f"the {channel} head by {median(ages) / 1e3:,.0f} thousand agent-steps{every}")
    steps = growth["agent_steps"]
    return (
        "While they learned, heads came to rank moments by what follows them, and did so from then on: "
        + "; ".join(told)
        + f" (medians over teams that did; they were looked at every {(steps[-1] - steps[-2]) / 1e3:,.0f} "
        "thousand)."
    )


def _persistence_sentence(extinction: Mapping, known: Mapping[str, bool]) -> str:
    ends = extinction["values"]["withdrawn"]
    rows = {c: r for c, r in ends.items() if known[c]}
    empty = [c for c in ends if not known[c]]
    kept = [c for c, r in rows.items() if r["persists"]]
    lost = [c for c, r in rows.items() if r["persists"] is False]
    open_ = [c for c in rows if c not in kept and c not in lost]
    weak = [c for c in kept if rows[c]["strong"] is False]
    parts = []
    if kept:
        faint = f" (the order for {listed(weak)} much fainter)" if weak else ""
        parts.append(f"the values for {listed(kept)} kept their order{faint}")
    if lost:
        parts.append(f"the values for {listed(lost)} lost their order")
    if open_:
        parts.append(f"whether the values for {listed(open_)} kept their order is undecided")
    if empty:
        parts.append(f"the head for {listed(empty)} knew nothing before, so that nothing could outlast")
    j = extinction["joint_at_end"]
    doing = (
        f" Joint success ended at {decimal(j['withdrawn'], '.3f')} per agent-step, against "
        f"{decimal(j['kept'], '.3f')} where everything went on."
    )
    return "When the signals stopped, " + "; ".join(parts) + "." + doing


def _map_sentence(drives: Mapping, sound: bool | None) -> str:
    counts = [(n, k) for n, k in drives["counts"].items() if k]
    told = ", ".join(f"{k} {name}" for name, k in sorted(counts, key=lambda x: -x[1]))
    total = sum(k for _, k in counts)
    line = f"Of {total} teams over {drives['mixtures']} mixtures of drives there are: {told}."
    return line if sound else line + " The rule did not name all scripted societies right: read with care."


def caveats(found: Mapping) -> list[str]:
    drives, gone = found["drives"], found["extinction"]
    return [
        f"Values after the signals stop were read for {gone['teams']} teams over "
        f"{gone['agent_steps']:,.0f} agent-steps each: what is left then may fade later. Optimisers start "
        "anew when training goes on, in all conditions alike.",
        "The untrained control begins with heads near zero. What is left of its spread, as a share, is a "
        "share of next to nothing and may be noise of the optimiser; spreads in signal units stand beside "
        "it.",
        f"The map of societies was drawn with networks of width {drives['network_width']}, "
        f"{drives['agent_steps']:,.0f} agent-steps per team and {drives['replicates']} per mixture, on a "
        "smaller floor than the rest: neighbouring cells are its replicates, and a team that would have "
        "learned to cooperate later is named by what it does now.",
        "Societies are named by a rule with sharp edges; cells in pale colour had batches that disagreed. "
        "The names are " + ", ".join(f"{n} ({what})" for n, what in SOCIETIES.items()) + ".",
    ]
