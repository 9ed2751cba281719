"""Sections of the report of coherence."""

from socialsim.analysis.plots.curves import Curves
from socialsim.analysis.report import Part, markup, of_summary
from socialsim.analysis.report.markup import Entry, text
from socialsim.experiments import arms_page
from socialsim.experiments.cohering import pictures
from socialsim.experiments.cohering.scenes import CONTEXTS

SETUP = """What a scene is worth should not depend on what has no bearing on it: from which side one looks,
which of several equal partners is near, what else lies about. Ordinary training leaves a value head free to
give one scene several values. Here a loss penalises that: the squared difference between the values of one
scene in two contexts, over the variance of values. Each agent is held to agree with itself only. Teams learn
to meet at pads from joint success alone, then are measured there and in a changed place (a larger floor with
more walls, badges and decoys never met before) without learning; at last they go on to learn there, all in
the same way. All arms of a seed begin with the same network and are asked about the same scenes. Two controls
learn from the same changed scenes as mere examples: one where a squared difference of values counts as in the
penalty, one where errors count as the critic counts its own."""
CONTEXTS_LEAD = """The contexts: {contexts} Each is a change of the world itself, sensed anew. The penalty may
ask for agreement only where the truth agrees, so that was measured too: teams lived on from every scene in
every context, many times."""
CONTEXTS_CAPTION = """Half the mean squared change that a context makes, over the variance between scenes, for
values (marks by arm, means over seeds) and for what truly follows (green crosses, with 95 % intervals over
scenes). At 0 nothing changes; at 1 the two have nothing to do with each other. A head that has collapsed to a
constant has no meaningful share."""
LEARNING = """Does the penalty cost learning, and are values right where nobody has learned them?"""
LEARNING_CAPTION = """Left: success at home over training; interquartile means over seeds with 95 % bands.
Right: mean value and mean discounted success of tenths of moments, sorted by value, in the changed place;
means over seeds. Perfect calibration is the grey line; a head that has collapsed is a point. Each arm is
measured in its own episodes: untrained teams hardly ever succeed, so that a head that says nearly nothing is
nearly right about them."""
COLLAPSE = """A head that always says the same never contradicts itself. Orders that a head leaves open
therefore count as the toss of a coin, and heads that vary less than 5 % of what returns do are named."""

MEASURES = {
    "contradiction": "contradictions",
    "contradiction_changed": "contradictions,\nchanged place",
    "cycles": "cyclic triads",
    "coherence": "scene's share\nof variance",
    "bits": "bits per scene",
    "success": "success",
    "success_changed": "success,\nchanged place",
    "calibration_changed": "miscalibration,\nchanged place",
    "tuned": "success,\nlearning on",
    "spread": "spread of values",
}


def _contexts(summary: Entry) -> str:
    said = "; ".join(f"<em>{text(c)}</em> ({text(w)})" for c, w in list(CONTEXTS.items())[1:])
    drawn = pictures.contexts(summary["truth"].mapping(), summary["shares"].mapping())
    return arms_page.prose(CONTEXTS_LEAD, contexts=f"{said}.") + arms_page.picture(
        drawn, "contexts", "How much each context changes values and truth", CONTEXTS_CAPTION
    )


def _learning(summary: Entry, curves: Curves, players) -> str:
    drawn = pictures.learning(dict(curves))
    m, gone = summary["measures"], summary["collapsed"]
    arms = [str(a) for a, _ in summary["arms"].items()]
    rows = [[text(a), m[a]["spread"].interval(), gone[a].number()] for a in arms]
    return (
        arms_page.prose(LEARNING)
        + arms_page.picture(drawn, "learning", "Learning at home, calibration elsewhere", LEARNING_CAPTION)
        + arms_page.prose(COLLAPSE)
        + markup.table(["Arm", "Spread of values over that of returns", "Collapsed, share of seeds"], rows)
    )


PARTS = arms_page.page(
    SETUP,
    MEASURES,
    tiles={
        "Contradictions, with": ("with", "contradiction"),
        "Contradictions, without": ("without", "contradiction"),
        "Success in the changed place, with": ("with", "success_changed"),
        "Success in the changed place, without": ("without", "success_changed"),
    },
    middle=(
        of_summary("contexts", "Contexts", "What should not matter, and does it?", _contexts),
        Part("learning", "Learning", "What does it cost, and is it right?", _learning),
    ),
)
