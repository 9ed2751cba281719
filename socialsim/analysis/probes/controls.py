"""Control tasks: what could the probe memorise on its own? (Hewitt & Liang 2019)"""

import numpy as np
from numpy.typing import NDArray

from socialsim.core.errors import OptionError

TRIES = 2000


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


def control_targets(
    target: NDArray,
    types: NDArray,
    repeats: int,
    rng: np.random.Generator,
    groups: NDArray | None = None,
    *,
    fewest: int = 1,
) -> NDArray:
    """`[N, repeats]`: for each type one label drawn at random from the target's own distribution.

    The label is a fixed function of the scene's type and of nothing else, so a readout can only score by
    having the capacity to memorise types. A draw with one label only is no task: it is made again, up to
    `TRIES` times (by chance a rare class is then less rare than in the target). Given `groups [N]`, the same
    goes for a draw in which a class (one of two labels) occurs in fewer than `fewest` of them. What is
    still no task at the end comes back as NaN.
    """
    names, index = np.unique(types, return_inverse=True)
    index = index.ravel()
    binary = len(np.unique(target)) == 2
    where = np.ones((len(names), 1), bool)  # [types, groups]: which types occur in which groups
    if groups is not None:
        _, group = np.unique(groups, return_inverse=True)
        where = np.zeros((len(names), group.max() + 1), bool)
        where[index, group] = True

    def task(labels: NDArray) -> bool:
        found = np.unique(labels)
        if len(found) < 2 or not binary:
            return len(found) > 1
        return all(where[labels == v].any(0).sum() >= fewest for v in found)

    drawn = target[rng.integers(len(target), size=(len(names), repeats))].astype(float)
    for k in range(repeats):
        tries = 0
        while not task(drawn[:, k]):
            tries += 1
            if len(names) < 2 or tries > TRIES:
                drawn[:, k] = np.nan
                break
            drawn[:, k] = target[rng.integers(len(target), size=len(names))]
    return drawn[index]
