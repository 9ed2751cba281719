"""The study in one picture: an inline SVG drawn from the summary."""

import textwrap

from socialsim.analysis.plots import style
from socialsim.analysis.report.markup import Entry, decimal, text

HEIGHT = 372


def _box(x: int, y: int, width: int, height: int, title: str, lines: list[str], tone: str) -> str:
    rows = [row for line in lines for row in textwrap.wrap(line, int((width - 24) / 7.0)) or [""]]
    body = "".join(f'<text x="{x + 14}" y="{y + 46 + 17 * i}">{text(r)}</text>' for i, r in enumerate(rows))
    return (
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="8" class="{tone}"/>'
        f'<text x="{x + 14}" y="{y + 25}" class="head">{text(title)}</text>{body}'
    )


def _arrow(path: str) -> str:
    return f'<path d="{path}" class="arrow" marker-end="url(#flow-tip)"/>'


def _shorten(lines: list[str], most: int) -> list[str]:
    return lines if len(lines) <= most else [*lines[: most - 1], f"and {len(lines) - most + 1} more"]


def flow(summary: Entry, names: dict[str, str]) -> str:
    """World, signals and value heads above; what is done with the heads below.

    names : channel -> colour.
    """
    drives = summary["drives"]
    signals = [f"{c}  ×  {decimal(v)}" if (v := drives[c].value) is not None else c for c in names]
    config = summary["config"]
    world = config["world"].value or config["source"].value or "source world"
    agents = config["num_agents"].value
    zero_shot = _shorten([str(w) for w in summary["zero_shot"].keys()], 4) or ["not measured"]
    arms = [str(a["label"].value or k) for k, a in summary["transfer"]["arms"].items()]
    target = str(summary["transfer"]["target"].value or "not measured")
    probes, edits = len(summary["probes"].keys()), summary["counterfactuals"]
    kinds = len({e["edit"].value for e in edits})
    read = [
        f"{probes} probes against an untrained twin, raw observations and random projections"
        if probes
        else "",
        f"{kinds} edits of scenes: what changes the value?" if kinds else "",
        "agreement between seeds, with shuffled controls" if summary["stability"] else "",
    ]
    parts = [
        _box(
            0,
            10,
            226,
            136,
            "A world",
            [str(world), f"{agents} agents" if agents else "", "no task reward"],
            "c0",
        ),
        _box(292, 10, 262, 136, "Social signals × drives", signals, "c1"),
        _box(
            620,
            10,
            280,
            136,
            "Learners",
            ["one value head per signal:", "“how much of this signal will I receive from here on?”"],
            "c0",
        ),  # fmt: skip
        _box(0, 214, 280, 148, "Read the values", [r for r in read if r] or ["not measured"], "c2"),
        _box(
            310,
            214,
            280,
            148,
            "Look at new worlds",
            ["values read as they are, no learning:", *zero_shot],
            "c2",
        ),
        _box(
            620,
            214,
            280,
            148,
            "Carry them into a new world",
            [target, f"{len(arms)} arms: {', '.join(arms)}" if arms else ""],
            "c2",
        ),  # fmt: skip
        _arrow("M226 78 H284"),
        _arrow("M554 78 H612"),
        _arrow("M760 146 V206"),
        _arrow("M760 180 H450 V206"),
        _arrow("M760 180 H140 V206"),
    ]
    dots = "".join(
        f'<circle cx="{292 + 238}" cy="{51 + 17 * i}" r="5" fill="{colour}"/>'
        for i, colour in enumerate(names.values())
    )
    marker = (
        '<defs><marker id="flow-tip" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="7" markerHeight="7" '
        f'orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="{style.MUTED}"/></marker></defs>'
    )
    label = "A world gives social signals to learners; their value heads are read, tried in new worlds and carried over."
    return (
        f'<svg viewBox="-2 0 904 {HEIGHT}" class="flow" role="img" aria-label="{label}">'
        f"{marker}{''.join(parts)}{dots}</svg>"
    )
