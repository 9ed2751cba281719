"""What a picture of an instant needs, as NumPy arrays: the Scene and what the world tells about its floor.

Worlds may offer any of these methods of `(state)`; each has a fallback, so any World can be drawn:

bounds : lower and upper corner of the floor, `[2]` each, bodies (else a margin around what the scene holds).
boxes (or walls) : walls as boxes `[W, 4]`.
zones : floor areas where taking part counts, polygons `[N, P, 2]`.
solids : bodies that are neither agents nor walls, such as a beam, polygons `[N, P, 2]`; movable objects
    are then points on them.

`world.eyes`, if there, gives the gaze cone. Agents are told apart by `IDENTITY`, a palette that is safe for
the colour-blind (Okabe and Ito 2008), and by their numbers.
"""

import dataclasses
import math
import types
from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np

from socialsim.core.acts import Act
from socialsim.core.scene import OBJECT_FEATURES, Scene
from socialsim.core.sight import Eyes

IDENTITY = ("#0072B2", "#D55E00", "#009E73", "#AA4499", "#E69F00", "#4DA3D9", "#7A5195", "#5C6670")
CHANNEL = ("#7A68C8", "#2C8FBF", "#E5A800", "#5FA55A", "#D9667B", "#8C8C8C")
INK, WALL, FLOOR, LINE, FLASH = "#2B3440", "#4A5462", "#FAFAF8", "#E9EAE6", "#FFC928"
LOAD, RING, RING_ON = "#A88660", "#C9CFD6", "#1F9E89"

BODY_RADIUS = 0.4  # drawn a little smaller than it is, so that neighbours can be told apart

GLYPH = {
    Act.STILL: "",
    Act.ADVANCE: "\u25b2",
    Act.RETREAT: "\u25bc",
    Act.TURN_LEFT: "\u21ba",
    Act.TURN_RIGHT: "\u21bb",
    Act.INTERACT: "\u2731",
    Act.GESTURE_0: "a",
    Act.GESTURE_1: "b",
    Act.GESTURE_2: "c",
    Act.GESTURE_3: "d",
}
"""One sign per act; gestures have letters, for they mean nothing by themselves."""


FIELDS = tuple(f.name for f in dataclasses.fields(Scene))


class Moment(types.SimpleNamespace):
    """The fields of a Scene as NumPy arrays, or of `T` scenes, stacked. (A Scene itself holds JAX arrays.)"""

    def at(self, t: int) -> "Moment":
        """Scene t of stacked ones."""
        return Moment(**{f: rows[t] for f, rows in vars(self).items()})

    @property
    def num_agents(self) -> int:
        return self.position.shape[-2]


class View(NamedTuple):
    """One instant, ready to draw; see the module's docstring. All arrays are NumPy."""

    scene: Moment
    low: np.ndarray
    high: np.ndarray
    walls: np.ndarray
    zones: np.ndarray
    solids: np.ndarray
    eyes: Eyes


def view_scene(scene: Scene | Moment, *, extent=None, walls=None, zones=None, solids=None, eyes=None) -> View:
    """A View of a scene by itself. extent: `(low, high)`, `[2]` each; the rest as in `View`."""
    scene = in_numpy(scene)
    low, high = around(scene) if extent is None else (np.asarray(e, float) for e in extent)
    boxes = np.zeros((0, 4)) if walls is None else np.asarray(walls, float).reshape(-1, 4)
    return View(
        scene=scene,
        low=low,
        high=high,
        walls=boxes[(boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])],
        zones=_polygons(zones),
        solids=_polygons(solids),
        eyes=eyes if eyes is not None else Eyes(),
    )


def _told(world, state) -> dict:
    """The scene, and what the world offers to tell about its floor."""

    def hint(*names):
        methods = [getattr(world, name, None) for name in names]
        return next((method(state) for method in methods if callable(method)), None)

    return {
        "scene": world.scene(state),
        "extent": hint("bounds"),
        "walls": hint("boxes", "walls"),
        "zones": hint("zones"),
        "solids": hint("solids"),
    }


_jit_told = jax.jit(_told)


def inner(env, state):
    """The world and its own state, of a Simulation with its state or of a World with its own."""
    world = getattr(env, "world", env)
    return world, state.world if world is not env and hasattr(state, "world") else state


def view(env, state) -> View:
    """A View of a state. `env` is a Simulation with its state, or a World with its own."""
    world, state = inner(env, state)
    return view_scene(**_jit_told(world, state), eyes=getattr(world, "eyes", None))


def in_numpy(scene: Scene | Moment | Sequence[Scene | Moment]) -> Moment:
    """The fields of a Scene as NumPy arrays; of a sequence of Scenes, stacked."""
    if isinstance(scene, Sequence):
        return Moment(**{f: np.stack([np.asarray(getattr(s, f)) for s in scene]) for f in FIELDS})
    return Moment(**{f: np.asarray(getattr(scene, f)) for f in FIELDS})


def around(scene: Moment) -> tuple[np.ndarray, np.ndarray]:
    """A floor that holds everything in the scene (or stacked scenes), with a margin of about a body."""
    present = np.asarray(scene.object_present)
    places = [np.asarray(scene.position).reshape(-1, 2), np.asarray(scene.object_position)[present]]
    places.append(np.asarray(scene.object_goal)[present & (feature(scene, "placed") > 0)])
    points = np.concatenate(places)
    return np.floor(points.min(0)) - 1.0, np.ceil(points.max(0)) + 1.0


def feature(scene: Moment, name: str) -> np.ndarray:
    """Column `name` of the object features, `[..., M]`."""
    return np.asarray(scene.object_features)[..., OBJECT_FEATURES.index(name)]


def cone(position, gaze, eyes: Eyes, low, high, walls, rays: int = 49) -> np.ndarray:
    """Outline of what one agent can see: its cone, ended by its reach, by walls and by the border.

    position, gaze: `[2]`.  Returns a polygon `[N, 2]`, the first point at the agent.
    """
    half = math.radians(min(eyes.cone, 360.0)) / 2
    angle = math.atan2(gaze[1], gaze[0]) + np.linspace(-half, half, rays)
    ray = np.stack([np.cos(angle), np.sin(angle)], -1)
    safe = np.where(np.abs(ray) < 1e-9, 1e-9, ray)
    length = np.maximum((low - position) / safe, (high - position) / safe).min(-1)
    length = np.minimum(length, eyes.reach)
    if len(walls) and not eyes.full_view:
        a = (walls[None, :, :2] - position) / safe[:, None]  # [rays, W, 2]
        b = (walls[None, :, 2:] - position) / safe[:, None]
        enter, leave = np.minimum(a, b).max(-1), np.maximum(a, b).min(-1)
        hit = (leave > np.maximum(enter, 0.0)) & (leave > 0)
        length = np.minimum(length, np.where(hit, np.maximum(enter, 0.0), np.inf).min(-1))
    return np.concatenate([position[None], position + ray * np.maximum(length, 0.0)[:, None]])


def ghosts(scene: Moment, solids: np.ndarray) -> np.ndarray:
    """Where solids belong: each moved as far as the object nearest to its centre has to go, `[N, P, 2]`."""
    goes = scene.object_present & (feature(scene, "movable") > 0) & (feature(scene, "placed") > 0)
    if not goes.any():
        return solids[:0]
    places, way = scene.object_position[goes], (scene.object_goal - scene.object_position)[goes]
    nearest = np.linalg.norm(solids.mean(1)[:, None] - places, axis=-1).argmin(1)
    return solids + way[nearest][:, None]


def _polygons(given) -> np.ndarray:
    return np.zeros((0, 4, 2)) if given is None else np.asarray(given, float)
