"""The report of an experiment that compares arms over seeds: answer, set-up, measures, caveats, methods.

`page(...)` makes the sections from what a summary holds: "answer", "arms", "measures" (arm -> measure ->
estimate with interval, see `contrasts.estimates`), "contrasts", "verdicts", "caveats".
"""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from socialsim.analysis import plots
from socialsim.analysis.report import CAVEATS, METHODS, Part, evidence, markup, of_summary, sections
from socialsim.analysis.report.markup import Entry, text

MEASURED = "Marks are means over seeds with 95 % intervals, one panel per measure, each on its own scale."
MORE = "More measures of the same arms, shown the same way."
PANELS = 5  # side by side in one figure; more would not be legible
QUESTIONS = """Differences asked about before the run: the arm minus what it is held against, paired by seed,
as shares of the latter's mean where that is not zero. A mark is filled where its interval leaves 0 out; a
claim needs more: a test that is corrected for the number of questions, seeds enough for such a test to reach
its level, and ranks that point the same way as the mean."""
FAR, BEYOND = 3.0, "Beyond 1 the scale is logarithmic."


def prose(words: str, **parts: str) -> str:
    """A paragraph of HTML; `parts` are HTML, put in where `words` names them in braces."""
    return f"<p>{' '.join(words.split()).format(**parts)}</p>"


def picture(drawn: Figure, name: str, description: str, caption: str) -> str:
    """A figure with its caption. name: unique within the page."""
    return markup.figure(plots.svg(drawn, name, description), " ".join(caption.split()))


def page(
    setup: str,
    measures: Mapping[str, str],
    *,
    tiles: Mapping[str, tuple[str, str]],
    middle: Sequence[Part] = (),
) -> tuple[Part, ...]:
    """The parts of such a report.

    setup : a paragraph of what was done.  measures : measure -> its label, units included.
    tiles : up to four figures at a glance, label -> (arm, measure).  middle : the experiment's own sections.
    """

    def answer(summary: Entry) -> str:
        m = summary["measures"]
        shown = {label: m[arm][measure].interval() for label, (arm, measure) in tiles.items()}
        return evidence.said(summary) + markup.tiles(shown) + sections.verdict_list(summary)

    def what(summary: Entry) -> str:
        rows = [[text(a), text(e.value)] for a, e in summary["arms"].items()]
        return prose(setup) + markup.table(["Arm", "What it is"], rows)

    def measured(summary: Entry) -> str:
        m = summary["measures"]
        shown, names = "", list(measures)
        for first in range(0, len(names), PANELS):
            some = {name: measures[name] for name in names[first : first + PANELS]}
            rows = [
                {"label": str(arm), "panel": label, **e[name].mapping()}
                for arm, e in m.items()
                for name, label in some.items()
            ]
            drawn = plots.forest(rows, panel="panel", panels=list(some.values()))
            figure, caption = (f"arms-{first}", MORE) if first else ("arms", MEASURED)
            shown += picture(drawn, figure, "Every arm by every measure", caption)
        table = [[text(a), *(e[name].interval() for name in measures)] for a, e in m.items()]
        return shown + markup.details("The numbers", markup.table(["Arm", *measures.values()], table))

    def asked(summary: Entry) -> str:
        rows = []
        for e in summary["contrasts"]:
            label = f"{e['arm'].value} less {e['against'].value}: {str(e['measure'].value).replace('_', ' ')}"
            rows.append({"label": label, **_relative(e)})
        far = any(abs(row.get(k, 0.0)) > FAR for row in rows for k in ("estimate", "low", "high"))
        label = "difference, as a share of what the arm is held against"
        drawn = plots.forest(rows, xlabel=label, linear_to=1.0 if far else None)
        caption = f"{QUESTIONS} {BEYOND}" if far else QUESTIONS
        return picture(drawn, "contrasts", "Differences asked about beforehand", caption)

    return (
        of_summary("answer", "Short answer", "The short answer", answer),
        of_summary("setup", "What we did", "What we did", what),
        of_summary("measures", "Measures", "What was measured?", measured),
        *middle,
        of_summary("questions", "Questions", "The questions asked beforehand", asked),
        CAVEATS,
        METHODS,
    )


def _relative(contrast: Entry) -> dict[str, float]:
    """Difference and interval over the size of the arm held against; as they are where that is zero."""
    relative, estimate = contrast["relative"].value, contrast["estimate"].value
    size = estimate / relative if relative and estimate else 1.0
    return {k: v / size for k in ("estimate", "low", "high") if (v := contrast[k].value) is not None}
