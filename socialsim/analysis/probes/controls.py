"""Control tasks: what could the probe memorise on its own? (Hewitt & Liang 2019)"""

import numpy as np
from numpy.typing import NDArray

from socialsim.core.errors import OptionError


def scene_types(*columns: NDArray, limit: int = 512) -> NDArray:
    """Discrete type of each row `[N]`: rows alike in all `columns [N]` are of one type.

    Columns of floats are rounded to whole numbers, NaN is a value of its own. The `limit - 1` most frequent
    types are kept; the rest share one.
    """
    if not columns:
        raise OptionError("scene_types: no columns; allowed: one or more, each [N]")
    table = np.stack([np.nan_to_num(np.round(np.asarray(c, float)), nan=-1e6) for c in columns], axis=-1)
    _, index, count = np.unique(table, axis=0, return_inverse=True, return_counts=True)
    rank = np.empty(len(count), int)
    rank[np.argsort(-count, kind="stable")] = np.arange(len(count))
    return np.minimum(rank[index.ravel()], limit - 1)


def control_targets(target: NDArray, types: NDArray, repeats: int, rng: np.random.Generator) -> NDArray:
    """`[N, repeats]`: for each type one label drawn at random from the target's own distribution.

    The label is a fixed function of the scene's type and of nothing else, so a readout can only score by
    having the capacity to memorise types.
    """
    names, index = np.unique(types, return_inverse=True)
    return target[rng.integers(len(target), size=(len(names), repeats))][index.ravel()]
