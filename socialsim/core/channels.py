"""Signals as the channels of a simulation: which ones, what they remember, and what they may give."""

# pyright: reportUnknownMemberType=false

import dataclasses
from collections.abc import Sequence
from typing import Any, cast

import jax.numpy as jnp
from jaxtyping import Array, Float

from socialsim.core import errors
from socialsim.core.scene import Scene
from socialsim.core.signals import Signal, Window, make_signal

_FIELDS = tuple(f.name for f in dataclasses.fields(Scene))


def chosen(signals: Any) -> tuple[Signal, ...]:
    """The signals of a simulation: a sequence of Signals and names, which are made.

    Raises OptionError for no sequence or an empty one, for an unknown name, for a name that is there twice,
    and for signals that remember what no Scene has.
    """
    if isinstance(signals, str) or not isinstance(signals, Sequence):
        raise errors.OptionError(
            f"signals={signals!r}; allowed: a tuple of names or Signals, like ('attention', 'imitation')"
        )
    made = tuple(make_signal(s) for s in cast(Sequence[Any], signals))
    names = [s.name for s in made]
    if not made or len(set(names)) < len(names):
        raise errors.OptionError(f"signals={names}; allowed: one or more, each name once")
    remembered(made)
    return made


def remembered(signals: Sequence[Signal]) -> dict[str, tuple[int, int]]:
    """Scene field -> (steps to keep, value before the start), the union over all signals.

    Raises OptionError for a field that no Scene has, or for less than one step of it.
    """
    wanted: dict[str, tuple[int, int]] = {}
    for signal in signals:
        for field, length in signal.remembers.items():
            errors.choose(f"scene field in {signal.name}.remembers", field, _FIELDS)
            steps = errors.integer(f"{signal.name}.remembers[{field!r}]", length, low=1)
            wanted[field] = (max(steps, wanted.get(field, (0, 0))[0]), -1 if field == "act" else 0)
    return wanted


def received(signal: Signal, window: Window) -> Float[Array, " A"]:
    """What a signal gives, in single precision.

    Raises OptionError where that is not one floating-point number per agent.
    """
    given = jnp.asarray(signal(window))
    agents = window.scene.num_agents
    if given.shape != (agents,) or not jnp.issubdtype(given.dtype, jnp.floating):
        raise errors.OptionError(
            f"signal {signal.name!r} gives {given.dtype} of shape {list(given.shape)}; allowed: one "
            f"floating-point number per agent, float32 of shape [{agents}]"
        )
    return given.astype(jnp.float32)
