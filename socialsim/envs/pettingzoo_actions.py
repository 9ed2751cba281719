"""Actions at the doors: checked once, with one clear line for what is wrong."""

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
    return _checked(kind, f"action of {agent}", action, ())


def check_actions(kind: Actions, actions: Any, count: int) -> np.ndarray:
    """Actions of `count` agents in a row: int32 `[count]`, or float32 `[count, kind.size]` in [-1, 1].

    Raises
    ------
    ActionError : as `check_action`.
    """
    return _checked(kind, "actions", actions, (count,))


def _checked(kind: Actions, subject: str, given: Any, leading: tuple[int, ...]) -> np.ndarray:
    shape = (*leading, kind.size) if kind.continuous else leading
    each = (
        f"{kind.size} numbers from -1 to 1" if kind.continuous else f"an integer from 0 to {kind.choices - 1}"
    )
    allowed = f"{each} for each of {leading[0]} agents, shape {list(shape)}" if leading else each
    if given is None:
        raise ActionError(f"{subject} is None; allowed: {allowed}")
    try:
        value = np.asarray(given)
    except (TypeError, ValueError):
        raise ActionError(f"{subject} is a {type(given).__name__}; allowed: {allowed}") from None
    if value.shape != shape:
        raise ActionError(f"{subject} has shape {list(value.shape)}; allowed: {allowed}")
    verb = "holds" if shape else "is"
    if value.dtype.kind not in ("fiu" if kind.continuous else "iu"):
        raise ActionError(f"{subject} {verb} {value.flat[0]!r} of type {value.dtype}; allowed: {allowed}")
    if kind.continuous:
        value = value.astype(np.float32)
    good = np.abs(value) <= 1 if kind.continuous else (value >= 0) & (value < kind.choices)
    if not good.all():  # NaN compares false, so it is among the bad
        raise ActionError(f"{subject} {verb} {value[~good].flat[0]:g}; allowed: {allowed}")
    return value if kind.continuous else value.astype(np.int32)
