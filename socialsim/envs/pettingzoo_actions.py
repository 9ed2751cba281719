"""Actions at the PettingZoo door: checked once, with one clear line for what is wrong."""

from typing import Any

import numpy as np

from socialsim.core.errors import ActionError
from socialsim.core.world import Actions


def check_action(kind: Actions, agent: str, action: Any) -> np.ndarray:
    """One agent's action as the world takes it: int32 `[]`, or float32 `[kind.size]` in [-1, 1].

    Raises
    ------
    ActionError : wrong shape, type or range, or not finite; says what was given and what is allowed.
    """
    return _vector(kind, agent, action) if kind.continuous else _choice(kind, agent, action)


def _choice(kind: Actions, agent: str, action: Any) -> np.ndarray:
    allowed = f"an integer from 0 to {kind.choices - 1}"
    value = _array(agent, action, allowed)
    if value.shape != ():
        raise ActionError(f"action of {agent} has shape {list(value.shape)}; allowed: {allowed}")
    if value.dtype.kind not in "iu":
        raise ActionError(f"action of {agent} is {action!r} ({value.dtype}); allowed: {allowed}")
    if not 0 <= value < kind.choices:
        raise ActionError(f"action of {agent} is {value}; allowed: {allowed}")
    return value.astype(np.int32)


def _vector(kind: Actions, agent: str, action: Any) -> np.ndarray:
    allowed = f"{kind.size} numbers from -1 to 1"
    value = _array(agent, action, allowed)
    if value.shape != (kind.size,):
        raise ActionError(f"action of {agent} has shape {list(value.shape)}; allowed: {allowed}")
    if value.dtype.kind not in "fiu":
        raise ActionError(f"action of {agent} is of type {value.dtype}; allowed: {allowed}")
    value = value.astype(np.float32)
    if not np.isfinite(value).all():
        raise ActionError(f"action of {agent} holds {value[~np.isfinite(value)][0]}; allowed: {allowed}")
    if (np.abs(value) > 1).any():
        raise ActionError(f"action of {agent} holds {value[np.abs(value) > 1][0]:g}; allowed: {allowed}")
    return value


def _array(agent: str, action: Any, allowed: str) -> np.ndarray:
    if action is None:
        raise ActionError(f"action of {agent} is None; allowed: {allowed}")
    try:
        return np.asarray(action)
    except (TypeError, ValueError):
        raise ActionError(f"action of {agent} is a {type(action).__name__}; allowed: {allowed}") from None
