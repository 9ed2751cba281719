"""Values read zero-shot in new worlds, beside both controls: rows of `summary.json` and sentences."""

from collections.abc import Mapping

from socialsim.analysis.wording import listed
from socialsim.transfer.reading import RIGHT, UNDECIDED, UNMEASURED, WRONG, ZeroShot, direction

ENDS = ("estimate", "low", "high")


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
