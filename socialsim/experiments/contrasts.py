"""Arms compared over seeds: two-sided, paired, corrected for the number of questions; how that is said."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import scipy.stats

from socialsim.analysis.statistics import bootstrap
from socialsim.analysis.wording import span

LEVEL = 0.05
TEST = (
    "two-sided Wilcoxon signed-rank tests over seeds, paired, Holm-corrected over all declared contrasts, "
    f"level {LEVEL}"
)

Found = Mapping[str, Mapping[str, np.ndarray]]
"""measure -> arm -> one figure per seed `[S]`, seeds in the same order in all arms."""


@dataclasses.dataclass(frozen=True)
class Contrast:
    """A question asked before the run: does `measure` differ between two arms?

    more, less: the claim where the difference is positive, and where it is negative.
    """

    name: str
    arm: str
    against: str
    measure: str
    more: str
    less: str


def paired(x: np.ndarray, y: np.ndarray) -> float:
    """Two-sided p of Wilcoxon's signed ranks over seeds; 1 where there is no difference at all."""
    difference = np.asarray(x, float) - np.asarray(y, float)
    if len(difference) < 2 or not difference.any():
        return 1.0
    return float(scipy.stats.wilcoxon(difference, zero_method="zsplit")[1])  # type: ignore[arg-type]


def holm(p: Sequence[float]) -> list[float]:
    """Adjusted p-values (Holm 1979): the chance of any false claim stays below the level."""
    order, out, highest = np.argsort(p), [1.0] * len(p), 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (len(p) - rank) * p[i]))
        out[i] = highest
    return out


def contrasted(contrasts: Sequence[Contrast], found: Found, *, seed: int) -> dict[str, dict]:
    """Every contrast: mean paired difference with its 95 % interval, p after Holm, and which way it fell."""
    ps = holm([paired(found[c.measure][c.arm], found[c.measure][c.against]) for c in contrasts])
    out = {}
    for c, p in zip(contrasts, ps, strict=True):
        difference = np.asarray(found[c.measure][c.arm]) - np.asarray(found[c.measure][c.against])
        e = bootstrap(difference, np.mean, seed=seed)
        base = float(np.mean(found[c.measure][c.against]))
        direction = "none" if p >= LEVEL else "more" if e.estimate > 0 else "less"
        out[c.name] = {
            "arm": c.arm,
            "against": c.against,
            "measure": c.measure,
            "estimate": e.estimate,
            "low": e.low,
            "high": e.high,
            "p": p,
            "seeds": len(difference),
            "relative": e.estimate / abs(base) if base else None,
            "direction": direction,
            "statement": c.less if direction == "less" else c.more,
        }
    return out


def estimates(found: Found, *, seed: int) -> dict[str, dict[str, dict]]:
    """arm -> measure -> mean over seeds with its 95 % interval."""
    out: dict[str, dict] = {}
    for measure, arms in found.items():
        for arm, values in arms.items():
            e = bootstrap(np.asarray(values, float), np.mean, seed=seed)
            out.setdefault(arm, {})[measure] = {"estimate": e.estimate, "low": e.low, "high": e.high}
    return out


def verdict(supported: bool | None, statement: str, reason: str) -> dict:
    """A claim of the report. supported: None where it was not tested or is undecided; `reason` says which."""
    return {"supported": supported, "statement": statement, "reason": reason}


def verdicts(compared: Mapping[str, Mapping]) -> dict[str, dict]:
    """One verdict per contrast of `contrasted`, with the figures behind it."""
    out = {}
    for name, c in compared.items():
        times = f", {100 * c['relative']:+.0f} %" if c["relative"] is not None else ""
        out[name] = verdict(
            c["direction"] != "none",
            c["statement"],
            f"{c['measure'].replace('_', ' ')}, {c['arm']} minus {c['against']}: "
            f"{span(c, '+.4f')}{times}; p = {c['p']:.2g} after Holm, {c['seeds']} seeds",
        )
    return out


def sentences(compared: Mapping[str, Mapping]) -> list[str]:
    """What has an answer, and what has none, in two plain sentences."""
    firm = [c["statement"] for c in compared.values() if c["direction"] != "none"]
    undecided = [c for c in compared.values() if c["direction"] == "none"]
    lines = []
    if firm:
        lines.append("Of the questions asked beforehand these have an answer: " + "; ".join(firm) + ".")
    if undecided:
        pairs = ", ".join(
            f"'{c['arm']}' and '{c['against']}' ({c['measure'].replace('_', ' ')})" for c in undecided
        )
        lines.append(f"No difference that stands was found between {pairs}.")
    return lines
