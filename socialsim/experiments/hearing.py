"""Values read zero-shot in new worlds, beside both controls: rows of `summary.json` and sentences."""

from collections.abc import Mapping, Sequence

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


def sentence(worlds: Mapping[str, Mapping], heads: Sequence[str]) -> str:
    """Where the values of each head were right, the wrong way round, or undecided, without any learning."""
    said = []
    for head in heads:
        found = {w: heard(row[head]) for w, row in worlds.items() if head in row}
        kinds = []
        for kind in (RIGHT, WRONG, UNDECIDED, UNMEASURED):
            if names := [w for w, k in found.items() if k == kind]:
                where = "all" if len(names) == len(found) > 1 else f"{len(names)} ({listed(names)})"
                kinds.append(f"{kind} in {where}")
        if kinds:
            said.append(f"those of the {head} head were {listed(kinds)}")
    return (
        f"Values read as they are in {len(worlds)} new worlds, beside those of other episodes and of "
        f"untrained networks: {'; '.join(said) or 'none was measured'}."
    )
