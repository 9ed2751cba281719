"""What is measured of lives: one figure per seed and measure."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from socialsim.experiments.markers.cost import paid
from socialsim.experiments.markers.life import LifeConfig, Record

RECOVERED = 0.9  # of its own agreement before the reversal: then an arm counts as adapted

MEASURES = {
    "success": "success together at what counts, per decision, before the reversal",
    "agreement": "share of decisions that are the full network's, before the reversal",
    "saved": "share of the full network's FLOPs per decision that is not spent, before the reversal",
    "success_after": "success together at what counts by then, per decision, after the reversal",
    "agreement_after": "share of decisions that are the full network's of the time, after the reversal",
    "adaptation": "decisions after the reversal until agreement is back at 90 % of what it was",
    "wasted": "success at what no longer counts, per decision, in the first episode after the reversal",
    "greedy": "share of decisions with the full network's favourite act, before the reversal",
    "computed": "share of decisions computed in full, before the reversal",
    "uncertain": "share of decisions where the cache was unsure, before the reversal",
}


NO_HABIT = ("zeroed", "shuffled")
"""Lesions after which agreement is low from the start: being back at 90 % of that is no adapting."""


def without_habit(measures: Mapping[str, Mapping]) -> dict[str, dict]:
    """arm -> measure -> estimate, without the time of adapting of arms that had no habit to lose."""
    gone = {"estimate": None, "low": None, "high": None, "reason": "n/a: a lesion with no habit to lose"}
    return {
        a: {m: gone if m == "adaptation" and a in NO_HABIT else e for m, e in row.items()}
        for a, row in measures.items()
    }


def outcomes(
    record: Record, config: LifeConfig, horizon: int, prices: Mapping[str, Any], *, cached: bool
) -> dict[str, float]:
    """Of one life; record: leaves `[decisions]`.  cached: False for the arm that has no cache to pay for."""
    warm, end = config.warm * horizon, (config.warm + config.steady) * horizon
    before, after = slice(warm, end), slice(end, None)
    agree = np.asarray(record.agree, float)
    spent = paid(record.level[before], dict(prices)).mean() if cached else prices["full"]
    return {
        "success": float(np.mean(record.success[before])),
        "agreement": float(agree[before].mean()),
        "saved": float(1 - spent / prices["full"]),
        "success_after": float(np.mean(record.success[after])),
        "agreement_after": float(agree[after].mean()),
        "adaptation": float(adapted(agree[before], agree[after], horizon)),
        "wasted": float(np.mean(record.wasted[end : end + horizon])),
        "greedy": float(np.mean(record.greedy[before])),
        "computed": float(np.mean(record.computed[before])),
        "uncertain": float(np.mean(record.wanted[before])),
    }


def adapted(before: Float[np.ndarray, " T"], after: Float[np.ndarray, " U"], span: int) -> int:
    """Decisions until a running mean of `after` over `span` reaches `RECOVERED` of the mean of `before`;
    all there are, if it never does. The count ends where that span begins."""
    span = min(span, len(after))
    total = np.concatenate([[0.0], np.cumsum(np.asarray(after, float))])
    running = (total[span:] - total[:-span]) / span
    back = np.flatnonzero(running >= RECOVERED * np.mean(before))
    return int(back[0]) if len(back) else len(after)


def binned(x: Float[np.ndarray, " T"], size: int) -> Float[np.ndarray, " B"]:
    """Means of so many decisions each."""
    x = np.asarray(x, float)
    return x[: len(x) // size * size].reshape(-1, size).mean(1)
