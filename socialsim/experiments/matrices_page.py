"""Sections of a report about values moved from worlds into others (see `matrices.Moved`)."""

from collections.abc import Callable, Mapping

from socialsim.analysis import plots
from socialsim.analysis.report import evidence, markup, of_summary
from socialsim.analysis.report.markup import Entry, text
from socialsim.analysis.report.prose import paragraph, say
from socialsim.analysis.wording import MISSING, decimal, span
from socialsim.experiments.learners import SCRATCH
from socialsim.experiments.matrices import CLAIMS, Moved
from socialsim.transfer.arms import label
from socialsim.transfer.reading import direction

WAYS = {"alone": "With nothing but the values", "arms": "Beside the signals of the new world"}
FEW = 4  # pairs that are drawn each by itself; a matrix of so few cells says little


def heard(moved: Moved) -> str:
    """The zero-shot matrix, and its figures with both controls."""
    drawn = plots.matrices(
        moved.zero_shot(),
        panel="channel",
        centre=0.0,
        low=-0.5,
        high=0.5,
        label="Spearman",
    )
    picture = plots.svg(drawn, "zero-shot", "Values read in other worlds")
    shown = markup.figure(picture, say("zero_shot_matrix_caption"))
    rows = [
        [text(_pair(pair)), text(c), *map(text, _with_controls(cell)), text(direction(cell))]
        for pair, cells in moved.read.items()
        for c, cell in cells.items()
    ]
    head = ["Pair", "Value head", "Spearman", "Other episodes", "Untrained", "Each team", "Values are"]
    table = markup.details("The numbers, with both controls", markup.table(head, rows))
    return paragraph("zero_shot_matrix") + shown + table


def worth(moved: Moved) -> str:
    """What learners came to, in both ways, and what was claimed of them."""
    parts = []
    for way, title in WAYS.items():
        alone = way == "alone"
        found = moved.benefit(alone=alone)
        if found is None:
            continue
        name = "alone" if alone else "benefit"
        parts.append(f"<h3>{title}</h3>")
        if len(moved.gained) > FEW:
            over = "no reward" if alone else "from scratch"
            options = {"panel": "arm", "centre": 0.5, "low": 0.0, "high": 1.0}
            drawn = plots.matrices(found, label=f"P(better than {over})", **options)
            parts.append(evidence.picture(name, f"{name}_matrix", drawn))
        else:
            parts += [paragraph(f"{name}_matrix"), *_pairs(moved, way, name)]
        parts.append(markup.details("The numbers", _numbers(moved, way)))
    if not parts:
        return evidence.missing("Nobody learned in the new worlds: it was not asked for.")
    return "".join(parts) + _verdicts(moved)


def _pairs(moved: Moved, way: str, name: str) -> list[str]:
    """Every arm of each pair."""
    figures = []
    for number, (pair, cell) in enumerate(moved.gained.items()):
        rows = {
            arm: {
                "label": label(arm, alone=way == "alone"),
                **{k: e.get(k if k == "iqm" else f"iqm_{k}") for k in ("iqm", "low", "high")},
                "improvement_over_scratch": None if arm == SCRATCH else e,
            }
            for arm, e in _ordered(moved, cell, way)
        }
        drawn = plots.arms(rows, unit="joint events per agent-step")
        picture = plots.svg(drawn, f"{name}-{number}", _pair(pair))
        caption = say("arms_caption", baseline=text(label(SCRATCH, alone=way == "alone")))
        figures.append(markup.figure(picture, f"{text(_pair(pair))}. {caption}"))
    return figures


def _ordered(moved: Moved, cell: Mapping, way: str) -> list[tuple[str, dict]]:
    """Arms as they were declared, the baseline first."""
    names = moved.alone if way == "alone" else moved.arms
    return [(arm, cell[way][arm]) for arm in names if arm in cell[way]]


def _numbers(moved: Moved, way: str) -> str:
    rows = [
        [
            text(_pair(pair)),
            text(label(arm, alone=way == "alone")),
            text(decimal(e["iqm"], ".5f")),
            text(span(e) if arm != SCRATCH else ""),
        ]
        for pair, cell in moved.gained.items()
        for arm, e in _ordered(moved, cell, way)
    ]
    return markup.table(["Pair", "Arm", "Joint events per agent-step, over learning", "P(better)"], rows)


def _verdicts(moved: Moved) -> str:
    rows = []
    for pair, cell in moved.gained.items():
        for claim, words in CLAIMS.items():
            verdict = cell["verdicts"][claim]
            held = {True: "supported", False: "not supported", None: "not tested"}[verdict["supported"]]
            rows.append([text(_pair(pair)), text(words), text(held), text(verdict["reason"])])
    return "<h3>What was claimed</h3>" + markup.table(["Pair", "Claim", "Verdict", "Why"], rows)


def _pair(pair: tuple[str, str]) -> str:
    return f"{pair[0]} in {pair[1]}"


def _with_controls(cell: Mapping) -> tuple[str, str, str, str]:
    """Words: the figure, values of other episodes, untrained networks, and each team by itself."""
    bands = [
        {"estimate": cell.get(of), "low": cell.get(f"{of}_low"), "high": cell.get(f"{of}_high")}
        for of in ("null", "untrained")
    ]
    each = ", ".join(decimal(x) for x in cell.get("per_team", ()))
    return span(cell), span(bands[0]), span(bands[1]), each or MISSING


def _of(section: Callable[[Moved], str]) -> Callable[[Entry], str]:
    return lambda summary: section(Moved.from_dict(summary["moved"].mapping()))


PARTS = (
    of_summary("zero-shot", "New worlds", "Are the values right about worlds they never saw?", _of(heard)),
    of_summary("benefit", "Learning", "What are they worth to new learners there?", _of(worth)),
)
"""Sections of a report whose summary holds `Moved.to_dict()` as "moved"."""
