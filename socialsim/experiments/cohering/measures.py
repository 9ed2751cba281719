"""How coherent are values `[K, N]` of N scenes in K contexts? Plain numbers, one head at a time.

A head that says nothing cannot contradict itself. So that a constant head gains nothing by this, orders it
leaves open count as the toss of a coin, and collapse is measured and named beside them.
"""

import numpy as np
from numpy.typing import NDArray

from socialsim.analysis.comparison.thurstone import cyclic_triads
from socialsim.analysis.probes.mdl import OnlineCode
from socialsim.analysis.probes.probe import Target

COLLAPSED = 0.05
"""A head whose values vary by less than this share of what returns do is called collapsed."""


def contradictions(value: NDArray) -> float:
    """Share of pairs of scenes whose order one context turns round that another gave, mean over pairs of
    contexts: 0 where all agree, 1/2 by chance.

    Ties in both contexts are left out, a tie in one of them counts 1/2; where nothing but ties is left, 1/2.
    """
    order = np.sign(value[:, :, None] - value[:, None, :]).astype(np.int8)
    upper = np.triu(np.ones(order.shape[1:], bool), 1)
    rates = []
    for k in range(len(order)):
        for m in range(k):
            a, b = order[k][upper], order[m][upper]
            decided = (a != 0) | (b != 0)
            rates.append(((1 - a * b)[decided] / 2).mean() if decided.any() else 0.5)
    return float(np.mean(rates))


def coherence(value: NDArray) -> float:
    """1 - variance within scenes (between contexts) / total variance; 0 for a head without any variance."""
    total = value.var()
    if total <= 1e-12 * max(1.0, float((value**2).mean())):
        return 0.0
    within = value.var(0, ddof=1).mean()
    # Unbiased shares of the two: the spread of scene means holds 1/K of the spread within.
    between = value.mean(0).var(ddof=1) - within / len(value)
    return float(max(between, 0.0) / (max(between, 0.0) + within)) if within > 0 else 1.0


def within_share(value: NDArray) -> NDArray:
    """For each context after the first: half the mean squared change it makes, over the variance between
    scenes: `[K - 1]`. 0 where nothing changes; 1 where the two have nothing to do with each other."""
    spread = max(float(value[0].var(ddof=1)), 1e-12)
    return 0.5 * ((value[1:] - value[0]) ** 2).mean(1) / spread


def cycles(value: NDArray, *, scenes: int, draws: int, seed: int) -> float:
    """Share of cyclic triads (A over B over C over A) where every two scenes are compared in a context drawn
    at random: 0 for a coherent head, `chance_of_cycles` where contexts have no order in common. So much, too,
    for a head that decides no triad at all."""
    rng = np.random.default_rng(seed)
    cyclic = possible = 0
    for _ in range(draws):
        some = value[:, rng.choice(value.shape[1], min(scenes, value.shape[1]), replace=False)]
        n = some.shape[1]
        context = np.triu(rng.integers(len(some), size=(n, n)), 1)
        context = context + context.T
        rows = np.arange(n)
        first, second = some[context, rows[:, None]], some[context, rows[None]]
        wins = (first > second) + 0.5 * (first == second)
        np.fill_diagonal(wins, 0.0)
        found = cyclic_triads(wins)
        cyclic, possible = cyclic + found[0], possible + found[1]
    return cyclic / possible if possible else chance_of_cycles(len(value))


def chance_of_cycles(contexts: int) -> float:
    """Cyclic triads expected of unrelated values: 1/4 where all three comparisons are made in different
    contexts, 1/6 where two share one, 0 where all do. 1/5 for five contexts."""
    two, three = 3 * (contexts - 1), (contexts - 1) * (contexts - 2)
    return (two / 6 + three / 4) / contexts**2


def description_length(value: NDArray, features: NDArray, *, cap: int, seed: int) -> float:
    """Bits per scene to tell the quarter of the head's values that a scene falls in, to one who sees the
    scene as it is in that context and learns on the way (online code); 2 where seeing it does not help.

    value: `[K, N]`.  features: `[K, N, D]`. A constant head has no quarters and costs 0 bits: it is named.
    """
    contexts, scenes = value.shape
    groups = np.broadcast_to(np.arange(scenes), (contexts, scenes))
    code = OnlineCode(cap=cap, seed=seed, resamples=100)
    found = code.one(features.reshape(contexts * scenes, -1), Target(value.ravel()), groups=groups.ravel())
    if str(found.reason.values):
        return 0.0
    return float(found.codelength) / int(found.n)


def calibration(value: NDArray, returns: NDArray, *, bins: int = 10) -> tuple[float, NDArray]:
    """Error: root of the mean squared gap between mean value and mean return over equal bins of value, in
    standard deviations of the returns; and the curve `[2, bins]`, mean value and mean return."""
    order = np.array_split(np.argsort(value, kind="stable"), bins)
    curve = np.array([[value[i].mean() for i in order], [returns[i].mean() for i in order]])
    spread = max(float(returns.std()), 1e-6)
    return float(np.sqrt(((curve[0] - curve[1]) ** 2).mean()) / spread), curve


def spread(value: NDArray, returns: NDArray) -> float:
    """How much the head's values vary, as a share of how much returns do."""
    return float(value.std() / max(float(returns.std()), 1e-6))


def collapsed(spreads: NDArray) -> NDArray:
    """Which heads are as good as constant."""
    return np.asarray(spreads) < COLLAPSED
