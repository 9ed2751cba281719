"""What a probe must beat: untrained twins, the raw observation, random projections of it."""

import zlib

import numpy as np
import scipy.stats
from numpy.typing import NDArray

BASELINES = ("untrained", "observation", "projection")
TWINS = 5
"""Untrained twins drawn where nobody says how many: their spread tells luck from learning."""


def random_projection(observation: NDArray, width: int, rng: np.random.Generator) -> NDArray:
    """Rectified random features `[N, width]` of `observation [N, F]`: as wide as the layer, nothing learned.

    Inputs are standardised; weights are normal with variance 1/F.
    """
    x = observation - observation.mean(0)
    x = x / np.maximum(x.std(0), 1e-6)
    weights = rng.normal(size=(x.shape[1], width)) / np.sqrt(x.shape[1])
    return np.maximum(x @ weights, 0.0)


def random_projections(observation: NDArray, width: int, number: int, seed: int) -> list[NDArray]:
    """`random_projection` drawn `number` times; the draws depend on the seed and the width alone."""
    keys = [[seed, zlib.crc32(b"projection"), width, i] for i in range(number)]
    return [random_projection(observation, width, np.random.default_rng(k)) for k in keys]


def luck(scores: NDArray, confidence: float) -> float:
    """How far above the mean of `scores [m]`, draws of one family, a new draw may lie by chance.

    The one-sided t prediction bound, t_{m-1} s sqrt(1 + 1/m) (Hahn & Meeker 1991 [M]). 0 for a single draw,
    which cannot tell.
    """
    m = len(scores)
    if m < 2:
        return 0.0
    t = scipy.stats.t.ppf(confidence, m - 1)
    return float(t * np.std(scores, ddof=1) * np.sqrt(1 + 1 / m))
