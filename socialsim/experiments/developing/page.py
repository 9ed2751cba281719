"""The sections about development in the report of emergent-values."""

from socialsim.analysis import plots
from socialsim.analysis.report import FOUNDING, markup, of_summary
from socialsim.analysis.report.markup import MISSING, Entry, text
from socialsim.analysis.report.sections import channel, channels_of
from socialsim.experiments.arms_page import picture, prose
from socialsim.experiments.developing.societies import SOCIETIES, TRAITS

ABSENT = f"<p>{MISSING}</p>"
GROWTH = """Agents are born with drives, not with values: drives say how much a signal moves them, a value
is what they have learned to expect. All checkpoints of the training are shown the same {scenes} scenes, the
first of them before anything was learned."""
GROWTH_CAPTION = """Above: does the head rank moments by what then follows, in fresh episodes of that time?
Middle: do its values of the same scenes have the order that they will have in the end? Below: how much do
they tell scenes apart? Marks are means over teams, bands 95 % intervals. The last point of the lower rows
is the final head itself."""
RESPONSES_CAPTION = """What a head answers to, as it grows: change of the value when a scene is edited, in
units of the final value's spread, mean over teams. Blue raises the value, red lowers it."""
GONE = """After training, {teams} teams go on learning under other conditions, for {steps} agent-steps each.
If values are internalised, they outlast what they were learned from. Each head is held against itself
before."""
GONE_CAPTION = """Left: how often agents still succeed together. Right, above: rank agreement of the values
of the same scenes with those before (1 is unchanged). Right, below: how much of their spread is left. Thin
lines are teams. An untrained head that is trained on nothing shows how much order a network keeps by
inertia; it begins near zero, so that what is left of its spread is a share of next to nothing (in signal
units below)."""
MAP = """Which drives make which society? {teams} teams, one for each of {mixtures} mixtures of drives
{replicates}, learn at once as one population. What they became is named by a rule, fixed beforehand, whose
thresholds lie half-way between random teams and scripted societies of each kind in the same world."""
MAP_CAPTION = """Each cell is a mixture of drives: a corner is one drive alone, the opposite side is none of
it. Colour and letter name the society; pale where batches of its episodes, or replicates, disagree. The
ring marks the drives of the founding experiment. Right: what the rule goes by."""


def _growth(summary: Entry) -> str:
    data, channels = summary["growth"], channels_of(summary)
    if not data:
        return ABSENT
    found = data.mapping()
    curves = plots.growth(found, channels)
    answers = plots.responses(found["responses"], channels, found["agent_steps"])
    rows = [
        [
            channel(str(c), i),
            e["returns"][-1 + len(e["returns"].value)].interval(),
            e["order"][0].interval(),
            text(_ages(e["age"].value)),
        ]
        for i, (c, e) in enumerate(data["channels"].items())
    ]
    head = [
        "Value head",
        "With returns, at the end",
        "Final order, before training",
        "At the mark from then on, by team",
    ]
    return (
        prose(GROWTH, scenes=data["scenes"].number())
        + picture(curves, "growth", "Values over training time", GROWTH_CAPTION)
        + picture(answers, "responses", "What each head responds to over training", RESPONSES_CAPTION)
        + markup.details("The numbers", markup.table(head, rows))
    )


def _ages(ages: list) -> str:
    return ", ".join("never" if a is None else f"{a / 1e3:,.0f} k" for a in ages)


def _extinction(summary: Entry) -> str:
    data, channels = summary["extinction"], channels_of(summary)
    if not data:
        return ABSENT
    drawn = plots.extinction(data.mapping(), channels)
    what = [[text(n), text(e.value)] for n, e in data["conditions"].items()]
    rows = [
        [
            text(n),
            channel(str(c), i),
            e["order"].interval(),
            e["strength"].interval(),
            e["spread_before"].interval(),
            e["spread_after"].interval(),
            *_dossier(data, str(n), str(c)),
        ]
        for n, by in data["values"].items()
        for i, (c, e) in enumerate(by.items())
    ]
    head = [
        "Condition",
        "Value head",
        "Order kept",
        "Spread left",
        "Spread before, signal units",
        "Spread after",
        "ICC over stages",
        "The same, untrained",
    ]
    return (
        prose(GONE, teams=data["teams"].number(), steps=data["agent_steps"].number())
        + markup.table(["Condition", "What it is"], what)
        + picture(drawn, "extinction", "Behaviour and values after the signals stop", GONE_CAPTION)
        + markup.details("The numbers", markup.table(head, rows))
    )


def _dossier(data: Entry, condition: str, name: str) -> list[str]:
    """Absolute agreement over all stages, where it was measured."""
    found = data["agreement"][condition][name]["icc"]
    return [found.interval(), found["untrained"].interval()] if found else ["", ""]


def _societies(summary: Entry) -> str:
    data = summary["drives_map"]
    if not data:
        return ABSENT
    found = data.mapping()
    sides = list(found["teams"][0]["drives"])
    weights = {s: float(summary["drives"][s].value or 0) for s in sides}
    total = sum(weights.values())
    default = {s: w / total for s, w in weights.items()} if total else None
    drawn = plots.societies(found["teams"], sides, found["parts"], default=default)
    several = f"({found['replicates']} for each)" if found["replicates"] > 1 else "(neighbours replicate)"
    named = [
        [text(n), text(e["expected"].value), e["right"].number(), *(e[t].number() for t in TRAITS)]
        for n, e in data["scripted"].items()
    ]
    rule = [[text(t), text(TRAITS[str(t)]), e.number()] for t, e in data["thresholds"].items()]
    kinds = [[text(n), text(what), data["counts"][n].number()] for n, what in SOCIETIES.items()]
    head = ["Scripted society", "Its name", "Named so, share", *(TRAITS.values())]
    return (
        prose(
            MAP,
            teams=text(len(found["teams"])),
            mixtures=data["mixtures"].number(),
            replicates=text(several),
        )
        + picture(drawn, "societies", "Map of societies by drives", MAP_CAPTION)
        + markup.table(["Society", "What its agents do", "Teams"], kinds)
        + markup.details(
            "The rule, and how it names scripted societies",
            markup.table(["Trait", "What it is", "Threshold"], rule) + markup.table(head, named),
        )
    )


GROWN = of_summary("growth", "Growing up", "How do the values grow?", _growth)
OUTLASTING = of_summary("extinction", "Extinction", "Do they outlast the signals?", _extinction)
SOCIETY_MAP = of_summary("societies", "Societies", "Which drives make which society?", _societies)

PARTS = (*FOUNDING[:-2], GROWN, OUTLASTING, SOCIETY_MAP, *FOUNDING[-2:])
"""The founding report with the three sections on development before its caveats."""
