"""The sections of the report of `discovery`."""

from socialsim.analysis.plots.curves import Curves
from socialsim.analysis.report import Part, markup, of_summary
from socialsim.analysis.report.markup import Entry, text
from socialsim.experiments.arms_page import page, picture, prose
from socialsim.experiments.discovering import pictures
from socialsim.experiments.discovering.tasks import DISTANCES

SETUP = """Three agents walk among landmarks that look alike. Two of them must be at the right landmark at
once; which one is right follows an order that is drawn for each task and never shown; the landmark reached
last is lit. Agents have no memory. Some learners are shown first: a scripted team that knows the order acts
in their place, they learn to do what their bodies were seen to do, and go on by themselves. Others must find
out: joint success is all that counts, beside a bonus of their own making that fades while they learn. One
of these may ask: a gesture, at a price, makes a demonstrator point for a few decisions at the landmark
whose turn it is. The arms of a seed start from the same weights, but for the passive learner and the
untrained networks, which are others by design; they spend the same environment steps and the same
gradient steps. Then all are tried without learning on the same tasks, on new ones, and under other rules,
and learn there for a little while on joint success alone."""

MEASURES = {
    "zero_same": "zero-shot, same tasks: joint events per agent-step",
    "zero_new": "zero-shot, new tasks",
    "zero_near": "zero-shot, nearby rules",
    "zero_far": "zero-shot, far rules",
    "few_new": "few-shot, new tasks",
    "few_near": "few-shot, nearby rules",
    "few_far": "few-shot, far rules",
}
TILES = {
    "Demonstrations, new tasks": ("demonstrations", "zero_new"),
    "Discovery, new tasks": ("any bonus", "zero_new"),
    "Asking, new tasks": ("asking", "zero_new"),
    "Untrained, new tasks": ("random", "zero_new"),
}
DISTANCE = """Tasks are graded by how far they are from those learned on. Rates differ between them by
themselves, so each is set against a scripted team that knows what to do there."""
DISTANCE_CAPTION = """Joint events as a share of what a scripted team reaches at the same distance; means
over seeds with 95 % intervals. Left: without learning there. Right: mean over a short learning there. 'any
bonus' is the mean of the five arms with a bonus."""
LEARNING_CAPTION = """Joint events while learning: interquartile means over seeds with 95 % bands. In the
grey part the scripted team acts in the arms 'demonstrations' and 'both', so that their lines show what it
does. The arm 'yoked' never acts and has no line."""
ASKED_CAPTION = """The arm 'asking'. Left: share of an agent's decisions that ask, while learning (at a drive
of -{price} each, where joint success has 1). Middle: the same on new tasks afterwards, by decision of the
episode. Right: how often it asks where no answer is in sight and where one is, on new tasks; and under other
rules, where answers tell little."""


def _distances(summary: Entry) -> str:
    drawn = pictures.distances(summary["measures"].mapping(), summary["yardsticks"].mapping())
    rows = [[text(d), text(what)] for d, what in DISTANCES.items()]
    yard = summary["yardsticks"]
    head = ["Yardstick", *DISTANCES]
    figures = [[text(a), *(e[d].number() for d in DISTANCES)] for a, e in yard.items()]
    return (
        prose(DISTANCE)
        + markup.table(["Distance", "Tasks"], rows)
        + picture(drawn, "distances", "Every arm at every distance", DISTANCE_CAPTION)
        + markup.details("The yardsticks, joint events per agent-step", markup.table(head, figures))
    )


def _learning(summary: Entry, curves: Curves, players) -> str:
    config = summary["config"]
    share = config["shown"].value / config["train"]["chunks"].value
    drawn = pictures.learning(curves, share * summary["agent_steps"].value)
    return picture(drawn, "learning", "Joint events while learning", LEARNING_CAPTION)


def _asked(summary: Entry, curves: Curves, players) -> str:
    drawn = pictures.asked(curves, summary["asked"].mapping())
    caption = ASKED_CAPTION.format(price=summary["price"].number())
    return picture(drawn, "asked", "What was asked and when", caption)


PARTS = page(
    SETUP,
    MEASURES,
    tiles=TILES,
    middle=(
        of_summary("distances", "Distance", "How far does it carry?", _distances),
        Part("learning", "Learning", "How was it learned?", _learning),
        Part("asked", "Asking", "What was asked, and when?", _asked),
    ),
)
