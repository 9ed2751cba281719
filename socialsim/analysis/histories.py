"""Concepts that take a past: pure functions of an episode's Scenes, `Scene [T, ...] -> [T, A]`.

What happened up to and including each step, never after. Measured on recordings, as probe targets beside the
concepts of single Scenes.
"""

from collections.abc import Callable, Iterable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from socialsim.analysis.concepts import Concept
from socialsim.core import errors
from socialsim.core.scene import Scene

LATELY = 8
"""Steps that count as lately."""
LAGS = (1, 2, 3)
"""Steps after which the same act counts as copied."""

HISTORIES: dict[str, Concept] = {}


def register_history(name: str, kind: str, summary: str) -> Callable:
    """Decorator: add a function `Scene [T, ...] -> [T, A]`. Raises OptionError for a name that is taken."""

    def add(function):
        if name in HISTORIES:
            raise errors.OptionError(f"history {name!r} is registered already ({HISTORIES[name].summary})")
        HISTORIES[name] = Concept(name, kind, function, summary)
        return function

    return add


def _before(x: Array, steps: int, fill) -> Array:
    """x `steps` earlier; `fill` before the start."""
    start = jnp.full((min(steps, len(x)), *x.shape[1:]), fill, x.dtype)
    return jnp.concatenate([start, x[: max(len(x) - steps, 0)]])


def _lately(x: Array) -> Array:
    """Sum over this and the `LATELY - 1` steps before, along axis 0."""
    return sum((_before(x, k, 0) for k in range(1, LATELY)), x)


def copies(scenes: Scene) -> Array:
    """`[T, A, A]`: at this step j changed to an act that i did 1 to 3 steps ago, when j saw i; [t, j, i].

    An act taken up counts, one kept up does not. Chance is not taken off (signals do that): this says what
    could be seen to happen, and its control in a probe is any other concept's.
    """
    act, sees = scenes.act, scenes.sees_agent
    onset = (act != _before(act, 1, -1)) & (_before(act, 1, -1) >= 0)
    found = jnp.zeros(sees.shape, bool)
    for lag in LAGS:
        found |= (act[:, :, None] == _before(act, lag, -1)[:, None]) & _before(sees, lag, False)
    return found & onset[:, :, None]


@register_history("copied_lately", "binary", "a partner lately took up what it had just seen me do")
def copied_lately(scenes: Scene):
    return (_lately(copies(scenes).any(1).astype(float)) > 0).astype(float)


@register_history("copying_lately", "binary", "I lately took up what I had just seen a partner do")
def copying_lately(scenes: Scene):
    return (_lately(copies(scenes).any(2).astype(float)) > 0).astype(float)


@register_history("watched_lately", "regression", "share of the latest steps at which someone saw me")
def watched_lately(scenes: Scene):
    known = _lately(jnp.ones(len(scenes.act)))
    return _lately(scenes.sees_agent.any(1).astype(float)) / known[:, None]


@register_history("joint_lately", "binary", "I lately had a share in a joint success")
def joint_lately(scenes: Scene):
    return (_lately((scenes.joint > 0).astype(float)) > 0).astype(float)


def measure_histories(scenes: Scene, names: Iterable[str] | None = None) -> dict[str, np.ndarray]:
    """Histories of episodes `[T, E, ...]`, by name: `[T, E, A]`. scenes: every step of each, in order."""
    if scenes.act.ndim != 3:
        raise errors.OptionError(f"acts {scenes.act.shape}; allowed: [T, E, A], every step of E episodes")
    chosen = [HISTORIES[errors.choose("history", n, HISTORIES)] for n in (names or HISTORIES)]
    measure = jax.jit(jax.vmap(lambda s: {c.name: c.function(s) for c in chosen}, in_axes=1, out_axes=1))
    return {k: np.asarray(v, float) for k, v in measure(scenes).items()}
