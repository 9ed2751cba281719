"""The sections of the report of value-atlas."""

import numpy as np
import xarray as xr

from socialsim.analysis import plots
from socialsim.analysis.report import CAVEATS, METHODS, Part, evidence, markup, of_summary, sections
from socialsim.analysis.report.markup import Entry, text
from socialsim.experiments import matrices_page
from socialsim.experiments.assaying import by_cell, shares_table

SETUP = """In each world {seeds} teams learned from scratch. No agent was ever rewarded for a task: it
received signals for being attended to, for being imitated, and for joint success as it happens to those who
took part. Every agent of every world senses through the same senses, so its value heads, one for each
signal, can be read in any other world as they are."""
LEVELS = """Joint events per agent-step, which no agent receives, and how well each value head ranks moments
by the signals that follow (Spearman on fresh episodes). A head near zero knows nothing, and the rest of
this page says nothing about it."""
STABLE = """The same scenes valued again. Agreement (ICC) of 1 is perfect; it counts, in bold, only where it
lies beyond values shuffled within an agent and beyond untrained heads of the same shape."""
STABLE_CAPTION = """Rows: where teams learned. Columns: what differed between the measurements. ICC(2,1)
with its 95 % interval over scenes. People, on one scale of social preference: 0.78 over months."""


def _paragraph(words: str, **parts: str) -> str:
    return f"<p>{' '.join(words.split()).format(**parts)}</p>"


def _figure(picture, name: str, description: str, caption: str) -> str:
    return markup.figure(plots.svg(picture, f"atlas-{name}", description), " ".join(caption.split()))


def _answer(summary: Entry) -> str:
    return evidence.said(summary) + markup.details(
        "Every claim that was tested", sections.verdict_list(summary)
    )


def _setup(summary: Entry) -> str:
    rows = []
    for id, e in summary["worlds"].items():
        known = [e["health"][c]["spearman"].interval() for c in summary["channels"].texts()]
        joint = [e[k].interval() for k in ("random", "trained", "scripted")]
        rows.append([text(id), text(e["physics"].value), e["agent_steps"].number(), *joint, *known])
    head = ["Learned in", "Physics", "Agent-steps a team", "Random", "Trained", "Scripted"]
    head += [f"{c.capitalize()} head" for c in summary["channels"].texts()]
    seeds = summary["seeds"].number()
    return _paragraph(SETUP, seeds=seeds) + _paragraph(LEVELS) + markup.table(head, rows)


def stability_table(summary: Entry) -> xr.Dataset:
    """ICC(2,1) `[source, target (axis), channel]` with intervals; `shown` where beyond both controls."""
    cells = {
        (str(id), r["axis"], r["channel"]): r
        for id, e in summary["worlds"].items()
        for r in e["stability"].value
        if r["statistic"] == "icc(2,1)"
    }
    names = [list(dict.fromkeys(k[i] for k in cells)) for i in range(3)]
    shape = tuple(map(len, names))
    data = {k: np.full(shape, np.nan) for k in ("estimate", "low", "high")} | {"shown": np.zeros(shape, bool)}
    for key, row in cells.items():
        at = tuple(n.index(k) for n, k in zip(names, key, strict=True))
        for k in ("estimate", "low", "high"):
            data[k][at] = np.nan if row[k] is None else row[k]
        data["shown"][at] = row["beyond_controls"]
    dims = ("source", "target", "channel")
    return xr.Dataset({k: (dims, v) for k, v in data.items()}, coords=dict(zip(dims, names, strict=True)))


def _stability(summary: Entry) -> str:
    picture = plots.matrices(
        stability_table(summary),
        panel="channel",
        centre=0.0,
        low=-1.0,
        high=1.0,
        label="ICC(2,1)",
        across="measured again by",
    )
    return _paragraph(STABLE) + _figure(picture, "stability", "Stability of values", STABLE_CAPTION)


def _human(summary: Entry) -> str:
    cells = {str(id).removesuffix("-v0"): by_cell(e["human"].value) for id, e in summary["worlds"].items()}
    share, words, rows, columns = shares_table(cells)
    drawn = plots.shares(share, words, rows, columns, label="share of teams")
    return evidence.picture("human", "battery", drawn)


PARTS: tuple[Part, ...] = (
    of_summary("answer", "Short answer", "The short answer", _answer),
    of_summary("setup", "The worlds", "Where did they learn, and what?", _setup),
    of_summary("stability", "Stability", "Are the values stable?", _stability),
    of_summary("human", "Human-likeness", "Are they human-like?", _human),
    *matrices_page.PARTS,
    CAVEATS,
    METHODS,
)
