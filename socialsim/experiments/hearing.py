"""Values read zero-shot in new worlds, beside both controls: rows, sentences and a section of a report."""

from collections.abc import Mapping

from socialsim.analysis import plots
from socialsim.analysis.plots import style
from socialsim.analysis.plots.forest import dot
from socialsim.analysis.report import Part, markup, of_summary
from socialsim.analysis.report.markup import Entry, text
from socialsim.analysis.report.sections import channel, channels_of
from socialsim.analysis.wording import decimal, known, listed
from socialsim.transfer.reading import RIGHT, UNDECIDED, UNMEASURED, WRONG, ZeroShot, direction

ENDS = ("estimate", "low", "high")
WORDS = """The value heads are taken into worlds they have never seen, some with another physics, and read
there without any learning: the mean of the teams' standardised values. Do scenes that they value more turn
out better? Two controls say what chance gives. Values of other episodes hold what all episodes share;
ensembles of untrained networks of the same shape, read on the same episodes, show what a network agrees with
before it has learned anything. Values are called right only where the whole interval lies above the first and
the estimate above the second, and the wrong way round where both lie below."""
CAPTION = """Rank correlation between the value of a scene and what then follows. Bars of the marks are 95 %
intervals over episodes; grey ticks are values of other episodes, grey triangles untrained networks, each with
its middle 95 %."""


def row(e: ZeroShot) -> dict:
    """A figure with its controls as a cell of `summary.json`."""
    flat = e.row()
    return {
        "spearman": {k: flat[k] for k in (*ENDS, "n")} | ({"reason": e.reason} if e.reason else {}),
        "shuffled": {"estimate": e.null, "low": e.null_low, "high": e.null_high},
        "untrained": {
            "estimate": e.untrained,
            "low": e.untrained_low,
            "high": e.untrained_high,
            "n": e.ensembles,
        },
        "per_team": list(e.per_team),
        "direction": e.direction,
        "n": e.n,
    }


def heard(cell: Mapping) -> str:
    """RIGHT, WRONG, UNDECIDED or UNMEASURED, from the figures of a cell."""
    flat = {k: cell["spearman"].get(k) for k in ENDS}
    for of, key in (("null", "shuffled"), ("untrained", "untrained")):
        flat |= {f"{of}_{end}": cell.get(key, {}).get(end) for end in ("low", "high")}
    return direction(flat)


def sentence(worlds: Mapping[str, Mapping], head: str) -> str:
    """Where the values of one head were right, the wrong way round, or undecided, without any learning."""
    found = {w: heard(row[head]) for w, row in worlds.items() if head in row}
    parts = []
    for kind in (RIGHT, WRONG, UNDECIDED, UNMEASURED):
        names = [w for w, k in found.items() if k == kind]
        if kind != UNMEASURED or names:
            parts.append(f"{kind} in {len(names)}" + (f" ({listed(names)})" if names else ""))
    return (
        f"Read as they are in {len(found)} new worlds, beside values of other episodes and untrained "
        f"networks, the values of the {head} head were {listed(parts)}."
    )


def figure(data: Mapping, channels: list[str]):
    """`plots.zero_shot` with the second control in it."""
    fig = plots.zero_shot(data, channels=channels)
    names = list(dict.fromkeys([*channels, *(c for v in data.values() for c in (v or {}))]))
    for ax, entries in zip(fig.axes, data.values(), strict=False):
        for y, name in enumerate(names):
            dot(ax, y + 0.34, ((entries or {}).get(name) or {}).get("untrained"), style.CONTROL, "^", size=4)
    return fig


def section(summary: Entry) -> str:
    """Of a report: the figure and its numbers."""
    data = summary["zero_shot"]
    if not data:
        return f"<p>{markup.MISSING}</p>"
    picture = plots.svg(
        figure(data.mapping(), channels_of(summary)),
        "zero-shot",
        "Rank agreement of values with returns in new worlds",
    )
    rows = []
    for world, entries in data.items():
        for i, (c, e) in enumerate(entries.items()):
            each = ", ".join(decimal(x) for x in e["per_team"].value or [] if known(x)) or markup.MISSING
            rows.append(
                [
                    text(world),
                    channel(str(c), i),
                    *(e[k].interval() for k in ("spearman", "shuffled", "untrained")),
                    each,
                    text(heard(e.mapping())),
                    e["n"].number(),
                    text(e["behaviour"].value or ""),
                ]
            )
    head = ["World", "Value head", "Spearman", "Other episodes", "Untrained", "Each team", "Values are"]
    return (
        f"<p>{' '.join(WORDS.split())}</p>"
        + markup.figure(picture, " ".join(CAPTION.split()))
        + markup.details("The numbers", markup.table([*head, "Episodes", "Behaviour watched"], rows))
    )


PART: Part = of_summary("zero-shot", "New worlds", "Do the values make sense in new worlds?", section)
"""In place of the report's own section of that name, which knows one control."""
