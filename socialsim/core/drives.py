"""Drives: how much each agent is moved by each signal. The only place where signals become one scalar.

    reward[i] = sum over channels c of drives[i, c] * signals[i, c]

Drives are data, not structure: a population with many settings is swept by `vmap` over `[A, C]` arrays.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from socialsim.core import errors

DEFAULT_DRIVES = {"attention": 0.05, "imitation": 0.05, "coordination": 1.0}
"""Weights used where none are given. The dense channels weigh little beside the rare one, so that they
cannot drown it before joint success is discovered."""

Drives = Mapping[str, ArrayLike] | ArrayLike | None
"""Channel -> weight (one for all agents, or `[A]`); or an array `[A, C]`; or None for `DEFAULT_DRIVES`."""


def drive_matrix(drives: Drives, channels: Sequence[str], num_agents: int) -> Float[np.ndarray, "A C"]:
    """Weights `[A, C]`, float32, checked.

    Parameters
    ----------
    drives : a mapping channel -> weight, the same for all agents or `[A]`; channels it does not name weigh
        0. Or an array `[A, C]`. Or None: `DEFAULT_DRIVES`, with 1 for registered channels it does not name.
    channels : names of the signals, in the order of `Simulation.channels`.
    num_agents : A.

    Raises
    ------
    OptionError : an unknown channel (the message names the nearest), a wrong shape, or a weight that is
        negative or not finite.
    """
    channels = tuple(channels)
    if drives is None:
        drives = {c: DEFAULT_DRIVES.get(c, 1.0) for c in channels}
    if not isinstance(drives, Mapping):
        return _checked("drives", drives, (num_agents, len(channels)), exact=True)
    matrix = np.zeros((num_agents, len(channels)), np.float32)
    for name, weight in drives.items():
        column = channels.index(errors.choose("drive", name, channels))
        matrix[:, column] = _checked(f"drives[{name!r}]", weight, (num_agents,))
    return matrix


def _checked(name: str, given: ArrayLike, shape: tuple[int, ...], *, exact: bool = False) -> np.ndarray:
    scalar = "" if exact else "a number or "
    allowed = f"{scalar}an array of shape {list(shape)}, finite and 0 or more"
    try:
        weights = np.asarray(given, np.float32)
    except (TypeError, ValueError):
        raise errors.OptionError(f"{name}={given!r}; allowed: {allowed}") from None
    if weights.shape != shape and (exact or weights.shape != ()):
        raise errors.OptionError(f"{name} has shape {list(weights.shape)}; allowed: {allowed}")
    if not np.isfinite(weights).all() or (weights < 0).any():
        bad = weights[~np.isfinite(weights) | (weights < 0)].flat[0]
        raise errors.OptionError(f"{name} holds {bad:g}; allowed: {allowed}")
    return weights
