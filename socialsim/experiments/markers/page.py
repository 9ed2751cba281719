"""The sections of the report of somatic-markers."""

from socialsim.analysis.plots.curves import Curves
from socialsim.analysis.report import Part, markup, of_summary
from socialsim.analysis.report.markup import Entry, text
from socialsim.experiments.arms_page import page, picture, prose
from socialsim.experiments.markers import pictures
from socialsim.experiments.markers.answer import AGREED, SAVED
from socialsim.experiments.markers.outcomes import MEASURES, NO_HABIT

SETUP = """Two agents can succeed together in two ways: at a lit object by interacting beside it at the
same time, at a dark one by gesturing. Drives say which of the two is worth anything. A network learned
to choose under these drives. From then on it is not changed; what is tested is whether it has to be
asked. A cache of bounded size keeps, under a hash of what is sensed, how the network chose there, how
often that turned out to differ, and what return each act had (the somatic marker). Where the cache is
sure of itself it answers. Where it does not know the scene, has seen it too seldom, doubts itself or
has not checked for long, the network is asked again, for a limited share of decisions at a time. In the
last part of each life drives reverse: what was worth something no longer is, and the full network of
the time is one that learned under the new drives. All arms of a seed meet the same worlds and the same
noise."""
LIFE = """What a cache has learned is a habit: quick, and blind to a change of what is worth having
until it looks again."""
LIFE_CAPTION = """Means over seeds, bands are 95 % intervals. Agreement is with the full network of the
time, which is told of the reversal. The arm 'off' is that network and agrees with itself. 'stale'
learns until the dotted line. 'zeroed' and 'shuffled' are shown to say what an empty or a wrong memory
does at the same cost; they agree too little from the start for a time of adapting to mean anything (n/a)."""
FRONTIER = """The share of decisions that may be computed in full is a choice. What does less of it
cost?"""
FRONTIER_CAPTION = """The intact cache under different budgets of full computation (labels), {seeds}
seeds, in the stationary world. The filled mark is the budget declared for the arms. Dotted: the goal
that was set beforehand. Where uncertain scenes are fewer than the budget allows, more of it changes
nothing."""
COST = """FLOPs are counted by XLA in the compiled programs that are run: keys, look-up, sorting, the
network on the rows that need it, writing back, and crediting returns. The noise of the choice and the
world are in no count. Without the cache a decision takes {full} FLOPs, with it {cached}."""
COST_CAPTION = """What the same use of the cache would save with networks of other widths. Time was
measured on the machine that made this report, {rows} decisions at once; it is not the same in a rerun."""


def _life(summary: Entry, curves: Curves, players) -> str:
    drawn = pictures.over_life(dict(curves), summary["reversal"].value, summary["frozen"].value)
    m = summary["measures"]
    names = ("success_after", "agreement_after", "adaptation", "wasted")
    rows = [
        [
            text(a),
            *("n/a" if n == "adaptation" and str(a) in NO_HABIT else e[n].interval() for n in names),
        ]
        for a, e in m.items()
    ]
    head = ["Arm", *(MEASURES[n].capitalize() for n in names)]
    return (
        prose(LIFE)
        + picture(drawn, "markers-life", "Agreement, success and computation over a life", LIFE_CAPTION)
        + markup.details("The numbers after the reversal", markup.table(head, rows))
    )


def _frontier(summary: Entry) -> str:
    points = [e.mapping() for e in summary["frontier"]]
    drawn = pictures.frontier(points, (SAVED, AGREED))
    head = ["Budget", "FLOPs saved", "Agreement", "Success kept"]
    rows = [
        [e["budget"].number(), *(e[k].interval() for k in ("saved", "agreement", "kept"))]
        for e in summary["frontier"]
    ]
    caption = " ".join(FRONTIER_CAPTION.split()).format(seeds=summary["frontier_seeds"].number())
    return (
        prose(FRONTIER)
        + picture(drawn, "markers-frontier", "Agreement against FLOPs saved", caption)
        + markup.details("The numbers", markup.table(head, rows))
    )


def _cost(summary: Entry) -> str:
    rows = [e.mapping() for e in summary["widths"]]
    speed = [e.mapping() for e in summary["speed"]]
    drawn = pictures.widths(rows, speed, int(summary["width"].value))
    head = ["Width", "FLOPs, full", "FLOPs, cache", "Saved", "Time, full (µs)", "Time, cache (µs)"]
    times = {e["width"].value: e for e in summary["speed"]}
    body = []
    for e in summary["widths"]:
        timed = times.get(e["width"].value, Entry(None))
        body.append(
            [text(e["width"].value), *(e[k].number() for k in ("full", "cached", "saved"))]
            + [timed[k].number() for k in ("microseconds_full", "microseconds_cached")]
        )
    caption = " ".join(COST_CAPTION.split()).format(rows=summary["rows"].number())
    return (
        prose(COST, full=summary["flops"]["full"].number(), cached=summary["flops"]["cached"].number())
        + picture(drawn, "markers-widths", "What is saved by width of the network", caption)
        + markup.details("The numbers", markup.table(head, body))
    )


SHOWN = {
    "success": "success per decision",
    "agreement": "agreement",
    "saved": "FLOPs saved",
    "success_after": "success after reversal",
}

PARTS = page(
    SETUP,
    SHOWN,
    tiles={
        "FLOPs saved": ("on", "saved"),
        "Agreement": ("on", "agreement"),
        "Success, cache on": ("on", "success"),
        "Success, cache off": ("off", "success"),
    },
    middle=(
        Part("life", "Reversal", "What happens when worth reverses?", _life),
        of_summary("frontier", "Trade-off", "How much can be saved, at what price?", _frontier),
        of_summary("cost", "Cost", "What does a decision cost?", _cost),
    ),
)
