"""What a report is made of: parts in their order, each HTML made from summary, curves and players."""

import dataclasses
from collections.abc import Callable, Sequence

from socialsim.analysis.plots.curves import Curves
from socialsim.analysis.report import findings, methods, sections
from socialsim.analysis.report.markup import Entry

Players = Sequence[tuple[str, str]]


@dataclasses.dataclass(frozen=True)
class Part:
    """A section of a report.

    anchor: of links to it.  short: its name in the contents.  title: its heading.
    body(summary, curves, players) -> HTML.
    """

    anchor: str
    short: str
    title: str
    body: Callable[[Entry, Curves, Players], str]


def of_summary(anchor: str, short: str, title: str, body: Callable[[Entry], str]) -> Part:
    """A part that needs nothing but the summary."""
    return Part(anchor, short, title, lambda summary, curves, players: body(summary))


ANSWER = of_summary("answer", "Short answer", "The short answer", sections.answer)
SETUP = of_summary("setup", "What we did", "What we did", sections.setup)
WATCH = Part("watch", "Watch them", "Watch them", lambda s, c, players: sections.watch(players))
LEARNING = Part(
    "learning",
    "Learning",
    "Do they learn to act together?",
    lambda s, curves, p: sections.learning(s, curves),
)
VALUES = of_summary("values", "The values", "What do the values respond to?", findings.values)
STABILITY = of_summary("stability", "Stability", "Are the values stable?", findings.stability)
ZERO_SHOT = of_summary(
    "zero-shot", "New worlds", "Do the values make sense in new worlds?", findings.zero_shot
)
TRANSFER = Part(
    "transfer",
    "Transfer",
    "What are the values worth in a new world?",
    lambda s, curves, p: findings.worth(s, curves),
)
CAVEATS = of_summary("caveats", "Caveats", "What this does not show", methods.caveats)
METHODS = of_summary("methods", "Methods", "Methods and reproduction", methods.methods)

FOUNDING = (ANSWER, SETUP, WATCH, LEARNING, VALUES, STABILITY, ZERO_SHOT, TRANSFER, CAVEATS, METHODS)
"""The parts of the founding experiment's report."""
