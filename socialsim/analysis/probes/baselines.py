"""What a probe must beat: the untrained twin, the raw observation, a random projection of it."""

import numpy as np
from numpy.typing import NDArray

BASELINES = ("untrained", "observation", "projection")


def random_projection(observation: NDArray, width: int, rng: np.random.Generator) -> NDArray:
    """Rectified random features `[N, width]` of `observation [N, F]`: as wide as the layer, nothing learned.

    Inputs are standardised; weights are normal with variance 1/F.
    """
    x = observation - observation.mean(0)
    x = x / np.maximum(x.std(0), 1e-6)
    weights = rng.normal(size=(x.shape[1], width)) / np.sqrt(x.shape[1])
    return np.maximum(x @ weights, 0.0)
