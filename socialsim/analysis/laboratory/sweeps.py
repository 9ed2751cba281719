"""Sweeps: each adds one named axis to a Lab and varies one thing along it. Crossed, they make a grid.

lab.sweep(Distance(1, np.linspace(1, 8, 50)), Watchers(range(4)))

Any function from a Lab to a Lab is a sweep (`Lab.spread` adds the axis). Each of these leaves the others'
subject alone, so their order changes the order of axes and nothing else.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from socialsim.analysis.laboratory.lab import Lab
from socialsim.analysis.laboratory.stage import Values
from socialsim.core.acts import Act
from socialsim.core.errors import OptionError, integer


def _angle(vector: NDArray) -> NDArray:
    return np.arctan2(vector[..., 1], vector[..., 0])


def _ray(angle: Values) -> NDArray:
    return np.stack([np.cos(angle), np.sin(angle)], -1)


def _move(lab: Lab, who: int, of: int, away: NDArray, angle: NDArray) -> Lab:
    """`who` stands `away` bodies from `of` in direction `angle`, radians, at the speed it had."""
    offset = np.asarray(away)[..., None] * _ray(angle)
    velocity = lab.stage.scene.velocity[..., who, :]
    return lab.place(who, lab.stage.scene.position[..., of, :] + offset, velocity=velocity)


@dataclasses.dataclass(frozen=True, eq=False)
class Distance:
    """Agent `who` at each of `values` bodies from agent `of`, in the direction where it stands."""

    who: int
    values: Values
    of: int = 0
    name: str = "distance"

    def __call__(self, lab: Lab) -> Lab:
        lab = lab.spread(self.name, self.values)
        return _move(
            lab, self.who, self.of, np.asarray(self.values, float), _angle(lab.offset(self.of, self.who))
        )


@dataclasses.dataclass(frozen=True, eq=False)
class Bearing:
    """Agent `who` at each of `values` degrees to the left of where agent `of` faces, as far away as it is."""

    who: int
    values: Values
    of: int = 0
    name: str = "bearing"

    def __call__(self, lab: Lab) -> Lab:
        lab = lab.spread(self.name, self.values)
        away = np.linalg.norm(lab.offset(self.of, self.who), axis=-1)
        ahead = _angle(np.asarray(lab.stage.scene.heading[..., self.of, :]))
        return _move(lab, self.who, self.of, away, ahead + np.radians(np.asarray(self.values, float)))


@dataclasses.dataclass(frozen=True, eq=False)
class Watchers:
    """The first n of `who` (by default all others, in order) look at agent `of`, the rest of them away.

    Whether they see it follows from the eyes: only those within reach, with no wall between, watch it.
    """

    values: Sequence[int] | range
    of: int = 0
    who: Sequence[int] | None = None
    name: str = "watchers"

    def __call__(self, lab: Lab) -> Lab:
        who = [i for i in range(lab.num_agents) if i != self.of] if self.who is None else list(self.who)
        count = np.array([integer("watchers", n, low=0, high=len(who)) for n in self.values])
        lab = lab.spread(self.name, count)
        for order, i in enumerate(who):
            side = np.where(order < count, 1.0, -1.0)
            lab = lab.look_along(i, side[:, None] * lab.offset(i, self.of))
        return lab


@dataclasses.dataclass(frozen=True, eq=False)
class Feature:
    """Column `column` of object `slot` (one of `OBJECT_FEATURES`) at each of `values`."""

    column: str
    values: Values
    slot: int = 0
    name: str = ""

    def __call__(self, lab: Lab) -> Lab:
        lab = lab.spread(self.name or self.column, self.values)
        return lab.feature(self.slot, **{self.column: np.asarray(self.values, float)})


def Needed(values: Values, slot: int = 0) -> Feature:
    """Participants that object `slot` needs."""
    return Feature("needed", values, slot)


def Present(values: Values, slot: int = 0) -> Feature:
    """Participants at object `slot` who are none of the lab's agents."""
    return Feature("present", values, slot)


@dataclasses.dataclass(frozen=True, eq=False)
class Heading:
    """Agent `who` faces each of `values`, degrees."""

    who: int
    values: Values
    name: str = "heading"

    def __call__(self, lab: Lab) -> Lab:
        return lab.spread(self.name, self.values).turn(self.who, self.values)


@dataclasses.dataclass(frozen=True, eq=False)
class Acts:
    """Agent `who` does each of the acts (all ten by default)."""

    who: int
    values: Sequence[Act] = tuple(Act)
    name: str = "act"

    def __call__(self, lab: Lab) -> Lab:
        if not all(isinstance(a, Act) for a in self.values):
            raise OptionError(f"acts {self.values}; allowed: members of socialsim.core.acts.Act")
        lab = lab.spread(self.name, [a.name.lower() for a in self.values])
        return lab.act(self.who, np.array([int(a) for a in self.values]))


@dataclasses.dataclass(frozen=True, eq=False)
class Places:
    """Agent `who` stands on every point of the grid `x`, `y` (two axes, y first)."""

    who: int
    x: Values
    y: Values

    def __call__(self, lab: Lab) -> Lab:
        x, y = np.asarray(self.x, float), np.asarray(self.y, float)
        lab = lab.spread("y", y).spread("x", x)
        return lab.place(self.who, np.stack(np.broadcast_arrays(x[None], y[:, None]), -1))
