"""The study in one picture: an inline SVG drawn from the summary."""

import textwrap
from collections.abc import Sequence

from socialsim.analysis.plots import style
from socialsim.analysis.report.markup import Entry, decimal, text

LINE = 18
LETTER = 7.0  # width of a letter at most, in the widest of the fonts that a reader may have


def _wrap(lines: Sequence[str], width: int) -> list[str]:
    return [row for line in lines if line for row in textwrap.wrap(line, int((width - 26) / LETTER))]


def _box(x: int, y: int, width: int, height: int, title: str, rows: Sequence[str], tone: str) -> str:
    body = "".join(f'<text x="{x + 14}" y="{y + 47 + LINE * i}">{text(r)}</text>' for i, r in enumerate(rows))
    return (
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="8" class="{tone}"/>'
        f'<text x="{x + 14}" y="{y + 25}" class="head">{text(title)}</text>{body}'
    )


def _row(boxes: Sequence[tuple], y: int, tone: str) -> tuple[str, int]:
    """Boxes (x, width, title, lines) of one height, and that height."""
    wrapped = [(x, width, title, _wrap(lines, width)) for x, width, title, lines in boxes]
    height = 44 + LINE * max(len(rows) for *_, rows in wrapped)
    return "".join(_box(x, y, w, height, title, rows, tone) for x, w, title, rows in wrapped), height


def _arrow(path: str) -> str:
    return f'<path d="{path}" class="arrow" marker-end="url(#flow-tip)"/>'


def _few(names: Sequence[str], most: int) -> list[str]:
    return list(names) if len(names) <= most else [*names[: most - 1], f"and {len(names) - most + 1} more"]


def _questions(summary: Entry) -> list[str]:
    probes, kinds = len(summary["probes"].keys()), len({e["edit"].value for e in summary["counterfactuals"]})
    found = [
        f"{kinds} edits of scenes: what moves them?" if kinds else "",
        f"{probes} linear probes, 3 baselines each" if probes else "",
        "agreement between seeds" if summary["stability"]["seeds"] else "",
        "agreement between checkpoints" if summary["stability"]["checkpoints"] else "",
    ]
    return [q for q in found if q] or ["not measured"]


def flow(summary: Entry, names: dict[str, str]) -> str:
    """World, signals and value heads above; what is done with the heads below.

    names : channel -> colour.
    """
    drives, config = summary["drives"], summary["config"]
    signals = [f"{c} \u00d7 {decimal(v)}" if (v := drives[c].value) is not None else c for c in names]
    world = str(config["world"].value or config["source"].value or "the source world")
    agents = config["num_agents"].value
    carried = [summary[n] for n in ("transfer", "alone") if summary[n]["arms"]]
    arms = dict.fromkeys(str(a["label"].value or k) for part in carried for k, a in part["arms"].items())
    targets = [str(part["target"].value) for part in carried if part["target"].value]
    upper, high = _row(
        [
            (
                0,
                226,
                "A world without rewards",
                [world, f"{agents} agents" if agents else "", "no task reward"],
            ),
            (292, 262, "Social signals \u00d7 drives", signals),
            (620, 280, "Learners", ["one value head per signal: how much of it is to come?"]),
        ],
        2,
        "c0",
    )
    low = high + 62
    lower, deep = _row(
        [
            (0, 280, "Read the values", _questions(summary)),
            (
                310,
                280,
                "Try them in new worlds",
                _few(list(summary["zero_shot"].keys()), 4) or ["not measured"],
            ),
            (
                620,
                280,
                "Carry them over",
                [*(targets or ["not measured"]), f"{len(arms)} arms" if arms else ""],
            ),
        ],
        low,
        "c2",
    )
    across, down = high // 2 + 2, high + 30
    arrows = [f"M226 {across} H284", f"M554 {across} H612", f"M760 {high + 2} V{low - 8}"]
    arrows += [f"M760 {down} H450 V{low - 8}", f"M760 {down} H140 V{low - 8}"]
    dots = "".join(
        f'<circle cx="532" cy="{45 + LINE * i}" r="5" fill="{c}"/>' for i, c in enumerate(names.values())
    )
    tip = (
        '<defs><marker id="flow-tip" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="7" markerHeight="7" '
        f'orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="{style.MUTED}"/></marker></defs>'
    )
    label = (
        "A world gives social signals to learners; their values are read, tried elsewhere and carried over."
    )
    return (
        f'<svg viewBox="-2 0 904 {low + deep + 2}" class="flow" role="img" aria-label="{label}">'
        f"{tip}{upper}{lower}{''.join(map(_arrow, arrows))}{dots}</svg>"
    )
