"""The registry of worlds: strict `name-vN` ids, lazy entry points, errors that name the nearest id."""

import dataclasses
import importlib
import inspect
import re
from collections.abc import Callable, Sequence
from typing import Any

from socialsim.core import channels, errors
from socialsim.core.senses import Senses
from socialsim.core.signals import DEFAULT_SIGNALS, Signal
from socialsim.core.simulation import Simulation
from socialsim.core.world import World

_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*-v\d+")


@dataclasses.dataclass(frozen=True)
class Entry:
    """id; `module:function` that makes the World from keyword options; one line about it."""

    id: str
    entry_point: str
    summary: str

    def factory(self) -> Callable[..., World]:
        module, _, name = self.entry_point.partition(":")
        return getattr(importlib.import_module(module), name)

    def options(self) -> dict[str, inspect.Parameter]:
        return dict(inspect.signature(self.factory()).parameters)


_ENTRIES: dict[str, Entry] = {}
_TOLD: list[Callable[[str], None]] = []


def register(id: str, entry_point: str, summary: str) -> None:
    """Register a world. `entry_point` is `module:function`, imported only when the world is made.

    To register the same entry point again is no error (a notebook's cell that is run again).

    Raises OptionError for an id that is not `name-vN` or is taken by another entry point.
    """
    if not _ID.fullmatch(id):
        raise errors.OptionError(f"world id {id!r}; allowed: lower-case words and a version, like 'name-v0'")
    if id in _ENTRIES and _ENTRIES[id].entry_point != entry_point:
        known = _ENTRIES[id].entry_point
        raise errors.OptionError(
            f"world id {id!r} is registered already ({known}); allowed: a new name or version"
        )
    _ENTRIES[id] = Entry(id, entry_point, summary)
    for tell in _TOLD:
        tell(id)


def tell_of_worlds(tell: Callable[[str], None]) -> None:
    """Call `tell(id)` for every world that is registered, now or later: for registries of others."""
    for id in worlds():
        tell(id)
    _TOLD.append(tell)


def worlds() -> tuple[str, ...]:
    """Ids of all registered worlds."""
    return tuple(_ENTRIES)


def entry(id: str) -> Entry:
    """The registry entry of a world. Raises OptionError for an unknown id, naming the nearest."""
    return _ENTRIES[errors.choose("world", id, _ENTRIES)]


def make_world(id: str, **options: Any) -> World:
    """Make a world by id. Raises OptionError for unknown ids or options and for impossible sizes."""
    known = entry(id)
    allowed = known.options()
    for name in options:
        errors.choose(f"option of {id}", name, allowed)
    return known.factory()(**options)


def make(
    id: str | World,
    *,
    signals: Sequence[str | Signal] = DEFAULT_SIGNALS,
    senses: Senses | None = None,
    horizon: int | None = None,
    **options: Any,
) -> Simulation:
    """Make a simulation of a world.

    Parameters
    ----------
    id : a world id, like "rendezvous-v0"; `socialsim.worlds()` lists them. Or a World, such as
        `socialsim.sample_world(key)`; it has its options already.
    signals : names or Signal instances; their order is the order of the channels.
    senses : defaults to `Senses()`.
    horizon : decisions until truncation; defaults to the world's own.
    **options : the world's options, such as `num_agents`.

    Raises
    ------
    OptionError : unknown world, signal or option, or an impossible size; says what is allowed.
    """
    if isinstance(id, World):
        if options:
            names = ", ".join(sorted(options))
            raise errors.OptionError(f"options {names} beside a World; allowed: options of a world id only")
        world, id = id, ""
    else:
        world = make_world(id, **options)
    return Simulation(
        world=world,
        senses=Senses() if senses is None else senses,
        signals=channels.chosen(signals),
        horizon=world.horizon if horizon is None else horizon,
        id=id,
    )
