"""The sections of the report of value-drift."""

from socialsim.analysis import plots
from socialsim.analysis.plots.curves import Curves
from socialsim.analysis.report import CAVEATS, METHODS, Part, evidence, markup, of_summary, sections
from socialsim.analysis.report.markup import Entry, text
from socialsim.experiments.drift import pictures

SETUP = """People influence one another: each moves towards those they listen to, is held by where they
started, and some are stubborn (Friedkin and Johnsen 1990). An assistant puts options before them. Being
shown an option pulls a person towards it, and what was shown often pleases less. So serving people changes
what serving them means. Every life is lived twice, with the same people and the same chance events: once
with the assistant, once with one that shows nothing. What differs between the two is what the assistant has
done. Each seed trains every arm anew; all arms of a seed are then measured in the same {worlds} unseen
societies."""
YARDSTICKS = """An assistant can be judged by four sets of values: those that people had at the start, those
that they would have had without it (natural), those that they hold at the time, those that they end with.
An assistant that changes people can look good by values that it has made itself. So what counts is the
worst of the four. The arm 'adjusted' was trained on just this; the others were not."""
YARDSTICKS_CAPTION = """How well each arm serves people, by each of the four yardsticks, per person and
step. Means over seeds with 95 % intervals. The null assistant shows nothing and has 0 by all of them."""
TIME = """Induced shift is the distance between a person and the same person in the paired world."""
TIME_CAPTION = """Induced shift while the assistant acts. Lines are means over seeds, bands two standard
errors. The null assistant's line is zero to the last bit."""
STRATEGY = """Two assistants can move people equally far and do quite different things to them."""
STRATEGY_CAPTION = """Left: where the society is taken; large marks are means, small ones seeds. Right:
marks of each strategy, means over seeds; colour compares arms within a column. Values stronger, people
further apart: change against the paired world. Back to values on record: cosine between the induced shift
and the way back to the start. Left alone: share of attention not used. Options per person: effective
number. Tailored: 0 where all are shown the same, 1 where no two people share an option."""
TRADE = """Less shift costs some service. How much?"""
TRADE_CAPTION = """Upper left is better: more service by natural values, less induced shift. The line joins
the same objective under constitutions with different bounds. Bars are 95 % intervals over seeds."""


def _paragraph(words: str, **parts: str) -> str:
    return f"<p>{' '.join(words.split()).format(**parts)}</p>"


def _figure(picture, name: str, description: str, caption: str) -> str:
    return markup.figure(plots.svg(picture, f"drift-{name}", description), " ".join(caption.split()))


def _answer(summary: Entry) -> str:
    m, right = summary["measures"], summary["ranking"]
    shown = {
        "Shift, values of the time": m["now"]["shift"].interval(),
        "Shift, manipulator": m["manipulator"]["shift"].interval(),
        "Shift, null": m["null"]["shift"]["estimate"].number(),
        "Ranked right, share of seeds": right["both"].number(),
    }
    return evidence.said(summary) + markup.tiles(shown) + sections.verdict_list(summary)


def _setup(summary: Entry) -> str:
    rows = [[text(a), text(e.value)] for a, e in summary["arms"].items()]
    return _paragraph(SETUP, worlds=summary["societies_per_seed"].number()) + markup.table(
        ["Arm", "What it is"], rows
    )


def _yardsticks(summary: Entry) -> str:
    m = summary["measures"]
    head = ["Arm", "Start", "Natural", "Now", "End", "Drift-adjusted", "Influence gain"]
    keys = [
        *(f"utility_{k}" for k in ("start", "natural", "now", "end")),
        "alignment",
        "influence_gain",
    ]
    rows = [[text(a), *(e[k].interval() for k in keys)] for a, e in m.items()]
    picture = pictures.yardsticks(m.mapping())
    return (
        _paragraph(YARDSTICKS)
        + _figure(picture, "yardsticks", "Utility of each arm by four yardsticks", YARDSTICKS_CAPTION)
        + markup.details("The numbers", markup.table(head, rows))
    )


def _time(summary: Entry, curves: Curves, players) -> str:
    rows = [
        [text(a), e["shift"].interval(), e["largest_shift"]["highest"].number()]
        for a, e in summary["measures"].items()
    ]
    head = ["Arm", "Shift at the end", "Largest of any one person, ever"]
    picture = pictures.over_time(dict(curves))
    return (
        _paragraph(TIME)
        + _figure(picture, "time", "Induced shift over time", TIME_CAPTION)
        + markup.details("The numbers", markup.table(head, rows))
    )


def _strategies(summary: Entry, curves: Curves, players) -> str:
    picture = pictures.strategies(summary["measures"].mapping(), dict(curves))
    return _paragraph(STRATEGY) + _figure(
        picture, "strategies", "What each assistant does to the society", STRATEGY_CAPTION
    )


def _trade(summary: Entry) -> str:
    picture = pictures.trade_off(summary["measures"].mapping(), summary["bounds"].mapping())
    return _paragraph(TRADE) + _figure(picture, "trade", "Service against induced shift", TRADE_CAPTION)


PARTS = (
    of_summary("answer", "Short answer", "The short answer", _answer),
    of_summary("setup", "What we did", "What we did", _setup),
    of_summary("yardsticks", "Yardsticks", "Whom do they serve?", _yardsticks),
    Part("shift", "Induced shift", "How far do they move people?", _time),
    Part("strategies", "Strategies", "What do they do to the society?", _strategies),
    of_summary("trade", "Trade-off", "What does restraint cost?", _trade),
    CAVEATS,
    METHODS,
)
