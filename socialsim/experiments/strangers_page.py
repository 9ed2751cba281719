"""What `socialsim strangers` says: its answer in sentences, and the sections of its page."""

from collections.abc import Mapping, Sequence
from typing import Any

from socialsim.analysis.report import CAVEATS as LIMITS
from socialsim.analysis.report import METHODS, evidence, markup, of_summary
from socialsim.analysis.report.markup import Entry, decimal, places_for, text
from socialsim.experiments.arms_page import picture, prose
from socialsim.transfer.strangers import CrossPlay, Dropout, FocalPlay

SHOWN = 4  # teams whose course is drawn; the tables have all
CAVEATS = (
    "A gap says that teams fit themselves better than one another. It needs no clash of conventions: where "
    "success takes several able agents, teams of unlike skill show one too.",
    "Teams that hardly ever succeed have no room for a gap or an advantage: look first how far their own "
    "play lies above chance.",
    "An expert is also a hand: what it does itself counts while it is there. Only what learners do after it "
    "has left can be due to having seen it.",
    "Intervals over fewer than five teams are wide or missing; seeds of one run are no sample of trainings.",
)
CROSSED = """Every team with every other, in the same episodes: in each, {seats} of the seats, drawn at
random, for the team of the row, and the rest for that of the column. On the diagonal a team plays with
itself."""
CROSSED_CAPTION = """Left: joint successes per agent-step, 95 % over episodes. Right: teams with themselves,
with others, and the difference (gap), 95 % over teams. Grey: all act at random; for the gap, what teams
paired by chance would show. A mark is filled where its interval lies above 0 and beyond the grey one."""
CAME = """One, two and more agents of a newcomer's team take the seats of residents, drawn at random; all
others are residents, frozen. A newcomer's advantage is what it takes part in less what residents do in the
same seats of the same episodes. Residents: {background}{but}."""
CAME_CAPTION = """Left: joint successes per step of a newcomer, beside residents in its seat (dashed) and
agents that act at random there (grey). Right: the same less the residents'. Bars: 95 % over episodes."""
LEFT = """Agent 0's seat is held by a scripted expert who stays, leaves at decision {leave}, or was never
there; all other agents are learners of one team. Leaving means: {departure}."""
LEFT_CAPTION = """Joint successes per learner-step in spans of the episode. Right: <em>transmission</em> is
near 0 where the expert is of no use, near 3/4 where it is used while there and nothing stays, near 1 where
all of it stays; <em>retained</em> is the share of the expert's worth that stays after it left, and is given
only where its presence is worth something."""


def cell(row: Mapping[str, Any], key: str = "") -> str:
    """`estimate [low, high]` in words; of the null with key="null"."""
    mean, low, high = (
        (row["null"], row["null_low"], row["null_high"])
        if key == "null"
        else (row["estimate"], row["low"], row["high"])
    )
    if mean is None:
        return "not measured"
    if low is None or high is None:
        return f"{decimal(mean)} (no interval)"
    places = places_for(low, high)
    return f"{decimal(mean, places)} [{decimal(low, places)}, {decimal(high, places)}]"


def answer(found: Mapping[str, Any]) -> list[str]:
    """Sentences, from the figures alone."""
    return _crossed_said(found["cross_play"]) + _came_said(found["newcomers"]) + _left_said(found["dropout"])


def _crossed_said(kept: Mapping[str, Any] | None) -> list[str]:
    if not kept:
        return ["Cross-play: one team alone has no strangers."]
    rows = {r["statistic"]: r for r in kept["summary"]}
    own, cross, gap = (rows[k] for k in ("self", "cross", "gap"))
    if own["low"] is None:
        said = "With so few teams there is no interval, so no gap can be claimed"
    elif CrossPlay.from_dict(kept).gap_found:
        said = "They do better with their own: a gap is found"
    else:
        said = "That they do better with their own is not shown"
    return [
        f"{own['n']} teams in {kept['world']}: with their own they have {cell(own)} joint successes per "
        f"agent-step, with strangers {cell(cross)}, all acting at random {cell(own, 'null')}.",
        f"{said}: {cell(gap)}, against {cell(gap, 'null')} for teams paired by chance.",
    ]


def _came_said(kept: Mapping[str, Any] | None) -> list[str]:
    if not kept:
        return ["Newcomers: there was nobody to come to."]
    least = min(r["focal_agents"] for r in kept["population"])
    rows = [r for r in kept["table"] if r["focal_agents"] == least and r["measure"] == "advantage"]
    worse = sum(r["high"] is not None and r["high"] < 0 for r in rows)
    better = sum(r["low"] is not None and r["low"] > 0 for r in rows)
    mean = next(r for r in kept["population"] if r["focal_agents"] == least and r["measure"] == "advantage")
    return [
        f"A newcomer by itself does worse than a resident would in its seat in {worse} of {len(rows)} teams, "
        f"better in {better}, and is not told apart in {len(rows) - worse - better} (95 % over episodes); on "
        f"average the difference is {cell(mean)}."
    ]


def _left_said(kept: Mapping[str, Any]) -> list[str]:
    rows = [r for r in kept["indices"] if r["index"] == "kept"]
    stays = sum(r["low"] is not None and r["low"] > 0 for r in rows)
    mean = next(r for r in kept["population"] if r["index"] == "kept")
    return [
        f"After an expert has left, something of its presence stays in {stays} of {len(rows)} teams (95 % "
        f"over episodes); on average {cell(mean)} joint successes per learner-step."
    ]


def _crossed(summary: Entry) -> str:
    if not (kept := summary["cross_play"]):
        return evidence.missing("One team alone has no strangers: give more runs, or a run of more seeds.")
    found = CrossPlay.from_dict(kept.mapping())
    drawn = picture(found.plot(), "crossed", "Every team with every other", CROSSED_CAPTION)
    rows = [[text(e["statistic"].value), e.interval(), _null(e), e["n"].number()] for e in kept["summary"]]
    table = markup.table(["Over teams", "Estimate", "By chance", "Teams"], rows)
    pairs = [[text(e["team"].value), text(e["partner"].value), e.interval()] for e in kept["matrix"]]
    every = markup.table(["Team", "Partner", "Joint successes per agent-step"], pairs)
    seats = kept["seats"].number()
    return prose(CROSSED, seats=seats) + drawn + table + markup.details("Every pair", every)


def _came(summary: Entry) -> str:
    if not (kept := summary["newcomers"]):
        return evidence.missing("There was nobody to come to: give more runs, or a run of more seeds.")
    found = FocalPlay.from_dict(kept.mapping())
    drawn = picture(found.plot(), "came", "Newcomers among residents", CAME_CAPTION)
    rows = [
        [text(e["team"].value), text(e["measure"].value), e["focal_agents"].number(), e.interval(), _null(e)]
        for e in kept["table"]
    ]
    table = markup.table(["Newcomer", "Measure", "Newcomers", "Estimate", "Acting at random"], rows)
    but = "" if summary["config"]["newcomers"] else ", for each newcomer without itself"
    background = text(", ".join(str(b.value) for b in kept["background"]))
    return prose(CAME, background=background, but=but) + drawn + markup.details("The numbers", table)


def _left(summary: Entry) -> str:
    kept = summary["dropout"]
    found = Dropout.from_dict(kept.mapping())
    few = {k: getattr(found, k).isel(team=slice(0, SHOWN)) for k in ("course", "indices")}
    shown = Dropout(found.rates, few["course"], few["indices"], found.population)
    drawn = picture(shown.plot(), "left", "Learners and an expert who leaves", LEFT_CAPTION)
    rows = [
        [text(e["team"].value), text(e["index"].value), e.interval(), _null(e), text(e["reason"].value or "")]
        for e in kept["indices"]
    ]
    rates = [
        [text(e["team"].value), text(e["condition"].value), text(e["phase"].value), e.interval()]
        for e in kept["rates"]
    ]
    words = prose(LEFT, leave=kept["leave"].number(), departure=text(kept["departure"].value))
    return (
        words
        + drawn
        + markup.table(["Learners", "Index", "Estimate", "Acting at random", ""], rows)
        + markup.details(
            "Joint successes per learner-step", markup.table(["Learners", "Expert", "Phase", "Rate"], rates)
        )
    )


def _null(entry: Entry) -> str:
    low, high = entry["null_low"], entry["null_high"]
    if low.value is None or high.value is None:
        return entry["null"].number()
    places = places_for(low.value, high.value)
    return f"{entry['null'].number(places)} [{low.number(places)}, {high.number(places)}]"


PARTS: Sequence = (
    of_summary("answer", "Short answer", "The short answer", evidence.said),
    of_summary("cross-play", "Cross-play", "Do teams get on with strangers?", _crossed),
    of_summary("newcomers", "Newcomers", "How does a newcomer fare among residents?", _came),
    of_summary("dropout", "An expert leaves", "What stays when an expert leaves?", _left),
    LIMITS,
    METHODS,
)
"""Sections of the page."""
