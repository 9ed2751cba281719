"""Arms compared over seeds: two-sided, paired, corrected for the number of questions; how that is said."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import scipy.stats

from socialsim.analysis.statistics import bootstrap
from socialsim.analysis.wording import known, span

LEVEL = 0.05
TEST = (
    "two-sided Wilcoxon signed-rank tests over seeds, paired, Holm-corrected over all declared contrasts, "
    f"level {LEVEL}; a direction is claimed where ranks and mean agree on it"
)

Found = Mapping[str, Mapping[str, np.ndarray]]
"""measure -> arm -> one figure per seed `[S]`, seeds in the same order in all arms."""


@dataclasses.dataclass(frozen=True)
class Contrast:
    """A question asked before the run: does `measure` differ between two arms?

    more, less: the claim where the difference is positive, and where it is negative. Where neither is shown,
    the claim is that there is a difference at all, without a direction (see `contrasted`).
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


def ranks(difference: np.ndarray) -> float:
    """The statistic that `paired` tests, from -1 (all ranks negative) to 1; its sign is the way they fall."""
    difference = np.asarray(difference, float)
    order = scipy.stats.rankdata(np.abs(difference))
    return float((np.sign(difference) * order).sum() / order.sum())


def needed(contrasts: int) -> int:
    """The fewest seeds with which any of so many contrasts can stand: the least two-sided p of signed ranks,
    2^(1 - seeds), times their number lies below the level."""
    seeds = 2
    while 2.0 ** (1 - seeds) * contrasts >= LEVEL:
        seeds += 1
    return seeds


def holm(p: Sequence[float]) -> list[float]:
    """Adjusted p-values (Holm 1979): the chance of any false claim stays below the level."""
    order, out, highest = np.argsort(p), [1.0] * len(p), 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (len(p) - rank) * p[i]))
        out[i] = highest
    return out


def contrasted(
    contrasts: Sequence[Contrast], found: Found, *, seed: int, words: Mapping[str, str] | None = None
) -> dict[str, dict]:
    """Every contrast: mean paired difference with its 95 % interval, p after Holm, and which way it fell.

    words: measure -> what it is, in a few words.  direction: "more" or "less" where the test stands and ranks
    and mean have one sign, else "none".  untested: why the seeds are too few for any claim, or empty.  split:
    the test stands, but ranks and mean point opposite ways.
    """
    words, fewest = words or {}, needed(len(contrasts))
    ps = holm([paired(found[c.measure][c.arm], found[c.measure][c.against]) for c in contrasts])
    out = {}
    for c, p in zip(contrasts, ps, strict=True):
        arms = found[c.measure]
        difference = np.asarray(arms[c.arm], float) - np.asarray(arms[c.against], float)
        e = bootstrap(difference, np.mean, seed=seed)
        base = float(np.mean(arms[c.against]))
        way, seeds = ranks(difference), len(difference)
        tested = seeds >= fewest
        stands = tested and p < LEVEL
        agree = way * float(np.mean(difference)) > 0
        direction = "none" if not (stands and agree) else "more" if way > 0 else "less"
        about = words.get(c.measure, c.measure.replace("_", " "))
        out[c.name] = {
            "arm": c.arm,
            "against": c.against,
            "measure": c.measure,
            "estimate": e.estimate,
            "low": e.low,
            "high": e.high,
            "p": p,
            "ranks": way,
            "seeds": seeds,
            "relative": e.estimate / abs(base) if base else None,
            "direction": direction,
            "untested": "" if tested else _too_few(seeds, len(contrasts), fewest),
            "split": stands and not agree,
            "statement": {
                "more": c.more,
                "less": c.less,
                "none": f"There is a difference between '{c.arm}' and '{c.against}': {about}",
            }[direction],
        }
    return out


def _too_few(seeds: int, contrasts: int, fewest: int) -> str:
    return (
        f"{seeds} {'seed' if seeds == 1 else 'seeds'} cannot reach p < {LEVEL} among {contrasts} "
        f"{'contrast' if contrasts == 1 else 'contrasts'}; {fewest} seeds needed"
    )


def estimates(found: Found, *, seed: int) -> dict[str, dict[str, dict]]:
    """arm -> measure -> mean over seeds with its 95 % interval."""
    out: dict[str, dict] = {}
    for measure, arms in found.items():
        for arm, values in arms.items():
            e = bootstrap(np.asarray(values, float), np.mean, seed=seed)
            out.setdefault(arm, {})[measure] = {"estimate": e.estimate, "low": e.low, "high": e.high}
    return out


def above(e: Mapping[str, Any], level: float) -> bool | None:
    """Whether the whole interval lies above the level (True), below it (False) or on both sides (None)."""
    if not (known(e["low"]) and known(e["high"])):
        return None
    return True if e["low"] > level else False if e["high"] < level else None


def verdict(supported: bool | None, statement: str, reason: str) -> dict:
    """A claim of the report. supported: None where it was not tested or is undecided; `reason` says which."""
    return {"supported": supported, "statement": statement, "reason": reason}


def verdicts(compared: Mapping[str, Mapping]) -> dict[str, dict]:
    """One verdict per contrast of `contrasted`, with the figures behind it; None where it was not tested."""
    out = {}
    for name, c in compared.items():
        times = f", {100 * c['relative']:+.0f} %" if c["relative"] is not None else ""
        figures = (
            f"{c['measure'].replace('_', ' ')}, {c['arm']} minus {c['against']}: {span(c, '+.4f')}{times}"
        )
        if c["untested"]:
            out[name] = verdict(None, c["statement"], f"not tested: {c['untested']}; found {figures}")
            continue
        reason = f"{figures}; p = {c['p']:.2g} after Holm, {c['seeds']} seeds"
        if c["split"]:
            reason += f"; no direction is claimed, as ranks ({c['ranks']:+.2f}) and mean point opposite ways"
        out[name] = verdict(c["direction"] != "none", c["statement"], reason)
    return out


def sentences(compared: Mapping[str, Mapping]) -> list[str]:
    """What has an answer, what has none, and what was not tested, in a plain sentence each."""

    def pairs(some: Sequence[Mapping]) -> str:
        return ", ".join(
            f"'{c['arm']}' and '{c['against']}' ({c['measure'].replace('_', ' ')})" for c in some
        )

    firm = [c["statement"] for c in compared.values() if c["direction"] != "none"]
    rest = [c for c in compared.values() if c["direction"] == "none"]
    untested = [c for c in rest if c.get("untested")]
    split = [c for c in rest if c.get("split")]
    undecided = [c for c in rest if not c.get("untested") and not c.get("split")]
    lines = []
    if firm:
        lines.append("Of the questions asked beforehand these have an answer: " + "; ".join(firm) + ".")
    if undecided:
        lines.append(f"No difference that stands was found between {pairs(undecided)}.")
    if split:
        lines.append(
            f"Ranks and means point opposite ways, so that no direction is claimed, between {pairs(split)}."
        )
    for why in dict.fromkeys(c["untested"] for c in untested):
        mine = [c for c in untested if c["untested"] == why]
        lines.append(f"Not tested, as {why}: the differences between {pairs(mine)}.")
    return lines
