"""Edits of a laboratory's scenes, one by one: agents, objects and walls. Each gives a new Lab."""

import dataclasses
from collections.abc import Mapping
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from socialsim.analysis.laboratory.stage import OWN_AXES, Floor, Stage, Values, assign
from socialsim.core import geometry
from socialsim.core.acts import NUM_ACTS, Act
from socialsim.core.errors import OptionError, choose, integer
from socialsim.core.scene import NUM_OBJECT_FEATURES, OBJECT_FEATURES

_facing = jax.jit(lambda way, directions: geometry.snap(geometry.unit(way), directions), static_argnums=1)

L = TypeVar("L", bound="Setting")


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Setting:
    """What a Lab holds, and how it is edited.

    Places are in bodies in the frame of the floor, angles in degrees, counter-clockwise from the x axis.
    Where an edit takes a number or a place, an array varies it along the last of `axes`.
    """

    stage: Stage
    floor: Floor
    axes: Mapping[str, NDArray] = dataclasses.field(default_factory=dict)

    @property
    def num_agents(self) -> int:
        return self.stage.scene.num_agents

    @property
    def num_objects(self) -> int:
        return self.stage.scene.num_objects

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(len(c) for c in self.axes.values())

    # -- agents ----------------------------------------------------------------------------------------------

    def place(self: L, i: int, at: Values, *, heading: Values | None = None, velocity: Values = (0, 0)) -> L:
        """Agent i stands at `at` (x, y); it is there from now on. velocity: bodies per decision."""
        i = self._agent(i)
        lab = self._scene("position", i, at)._scene("velocity", i, velocity)
        lab = lab._floored(i, True)
        return lab if heading is None else lab.turn(i, heading)

    def turn(self: L, i: int, heading: Values) -> L:
        """Body and gaze of agent i turn to `heading`, degrees."""
        angle = np.radians(np.asarray(heading, float))
        return self._turned(self._agent(i), np.stack([np.cos(angle), np.sin(angle)], -1), body=True)

    def look_at(self: L, i: int, j: int | None = None, *, object: int | None = None) -> L:
        """Agent i looks at agent j, or at an object; without a neck its body turns too."""
        return self._turned(self._agent(i), self.offset(i, j, object=object))

    def look_away(self: L, i: int, j: int | None = None, *, object: int | None = None) -> L:
        """Agent i looks the other way."""
        return self._turned(self._agent(i), -self.offset(i, j, object=object))

    def look_along(self: L, i: int, direction: Values) -> L:
        """Agent i looks in a direction (x, y) of any length."""
        return self._turned(self._agent(i), np.asarray(direction, float))

    def act(self: L, i: int, act: Act | Values) -> L:
        """Agent i does an act of the shared alphabet (an `Act`, or their numbers) in this step."""
        numbers = np.asarray(act)
        if numbers.dtype.kind not in "iu" or not ((numbers >= 0) & (numbers < NUM_ACTS)).all():
            raise OptionError(f"act {act!r}; allowed: {', '.join(f'Act.{a.name}' for a in Act)}")
        return self._scene("act", self._agent(i), numbers)

    def carry(self: L, i: int, load: Values = 1.0) -> L:
        """Agent i carries `load`."""
        return self._scene("load", self._agent(i), load)

    def remove(self: L, k: int) -> L:
        """Agent k is gone: nobody sees it, it sees nothing and takes part in nothing."""
        return self._floored(self._agent(k), False)

    def join(self: L, i: int, m: int = 0) -> L:
        """Agent i stands at object m, its gaze as it was, and so takes part there if the object needs any."""
        return self.place(i, self.stage.scene.object_position[..., self._object(m), :])

    def offset(self, i: int, j: int | None = None, *, object: int | None = None) -> NDArray:
        """From agent i to agent j or to an object, `[..., 2]`."""
        if (j is None) == (object is None):
            raise OptionError(f"agent {j} and object {object}; allowed: one of the two")
        s = self.stage.scene
        to = (
            s.object_position[..., self._object(object), :]
            if j is None
            else s.position[..., self._agent(j), :]
        )  # type: ignore
        return np.asarray(to - s.position[..., self._agent(i), :])

    # -- objects and walls -----------------------------------------------------------------------------------

    def put(
        self: L,
        at: Values,
        *,
        slot: int | None = None,
        goal: Values | None = None,
        radius: float | None = None,
        **features: Values,
    ) -> L:
        """An object at `at`, with columns of `OBJECT_FEATURES`, in `slot` (by default the first empty one).

        present: participants who are none of these agents; whoever of them stands within `radius` bodies
        counts too.  goal: where it belongs.
        """
        empty = np.flatnonzero(~self.stage.scene.object_present.any(tuple(range(len(self.axes)))))
        if slot is None and not len(empty):
            raise OptionError(
                f"all {self.num_objects} object slots are taken; make the lab with more num_objects"
            )
        m = int(empty[0]) if slot is None else self._object(slot)
        lab = self._scene("object_position", m, at)._scene("object_goal", m, at if goal is None else goal)
        lab = lab._scene("object_features", m, np.zeros(NUM_OBJECT_FEATURES))
        lab = lab._scene("object_present", m, True)._leaf("beside", m, 0.0)._leaf("new_object", m, True)
        lab = lab._leaf("tied", m, "needed" in features and not {"progress", "movable"} & set(features))
        lab = lab if radius is None else lab._leaf("radius", m, radius)
        placed = {} if goal is None else {"placed": 1.0}
        return lab.feature(m, **{**placed, **features})

    def pad(
        self: L,
        at: Values,
        *,
        needed: Values = 2,
        present: Values = 0,
        slot: int | None = None,
        radius: float | None = None,
    ) -> L:
        """A pad that needs `needed` participants at once; see `put`."""
        return self.put(at, slot=slot, radius=radius, needed=needed, present=present)

    def feature(self: L, m: int, **columns: Values) -> L:
        """Set features of object m; `present` counts participants who are none of these agents."""
        lab, m = self, self._object(m)
        for name, value in columns.items():
            choose("object feature", name, OBJECT_FEATURES)
            column = (m, OBJECT_FEATURES.index(name))
            lab = (
                lab._leaf("beside", m, value)
                if name == "present"
                else lab._scene("object_features", column, value)
            )
        return lab

    def remove_object(self: L, m: int) -> L:
        """Object m is gone, and nobody takes part there."""
        lab = self._scene("object_present", self._object(m), False)
        return lab._leaf("beside", m, 0.0)._leaf("new_object", m, True)

    def wall(self: L, x0: float, y0: float, x1: float, y1: float) -> L:
        """A wall from corner to corner; all sight and free distances are worked out anew."""
        if not (x0 < x1 and y0 < y1):
            raise OptionError(f"wall {(x0, y0, x1, y1)}; allowed: x0 < x1 and y0 < y1, bodies")
        walls = np.concatenate([self.floor.walls, [[x0, y0, x1, y1]]])
        lab = self._with(new_agent=np.ones_like(self.stage.new_agent))
        return dataclasses.replace(lab, floor=dataclasses.replace(self.floor, walls=walls))

    # -- parts of the above ----------------------------------------------------------------------------------

    def _agent(self, i: int) -> int:
        return integer("agent", i, low=0, high=self.num_agents - 1)

    def _object(self, m: int | None) -> int:
        if not self.num_objects:
            raise OptionError("this lab has no object slots; allowed: a lab with num_objects of 1 or more")
        return integer("object", m, low=0, high=self.num_objects - 1)

    def _with(self: L, **leaves) -> L:
        return dataclasses.replace(self, stage=self.stage.replace(**leaves))

    def _set(self, holder, field: str, own: int, index, value):
        old = getattr(holder, field)
        try:
            return holder.replace(**{field: assign(old, own, index, value)})
        except ValueError as error:
            given, sweeps = np.shape(value), dict(zip(self.axes, self.shape, strict=True))
            raise OptionError(
                f"{field}: a value of shape {given}; allowed: one for all, or along the last axes of {sweeps}"
            ) from error

    def _scene(self: L, field: str, index, value) -> L:
        place = index if isinstance(index, tuple) else (index,)
        return self._with(scene=self._set(self.stage.scene, field, OWN_AXES[field], place, value))

    def _leaf(self: L, field: str, k: int, value) -> L:
        return dataclasses.replace(self, stage=self._set(self.stage, field, 1, (k,), value))

    def _floored(self: L, i: int, there: bool) -> L:
        return self._leaf("there", i, there)._leaf("moved", i, True)._leaf("new_agent", i, True)

    def _turned(self: L, i: int, direction: NDArray, *, body: bool = False) -> L:
        now = self.stage.scene.gaze[..., i, :]
        new = np.asarray(_facing(jnp.asarray(direction, jnp.float32), 4 if self.floor.grid else 0))
        gaze = np.where(np.linalg.norm(direction, axis=-1, keepdims=True) < 1e-6, now, new)
        lab = self._scene("gaze", i, gaze)._leaf("new_agent", i, True)
        return lab._scene("heading", i, gaze) if body or not self.floor.neck else lab
