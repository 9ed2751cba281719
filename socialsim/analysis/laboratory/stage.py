"""What a laboratory sets and what follows from it: sight, free distances and head counts, as in worlds."""

import dataclasses
import functools
from collections.abc import Iterator, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array, Bool, Float
from numpy.typing import NDArray

from socialsim.core import geometry
from socialsim.core.scene import NUM_RAYS, OBJECT_FEATURES, Scene
from socialsim.core.sight import Eyes

NEEDED, PRESENT, PROGRESS = (OBJECT_FEATURES.index(name) for name in ("needed", "present", "progress"))

Values = float | int | Sequence | NDArray | Array
"""A number, a place, or several of them: whatever NumPy makes an array of."""


class Stage(struct.PyTreeNode):
    """A scene as placed, and what `derive` needs to know to work out the rest.

    What is new or has moved is worked out anew, the rest stays as it was: a scene that nobody touched comes
    back to the last bit. In a
    laboratory the leaves are NumPy's and have lead axes, each as long as its sweep, or 1 where it does not
    matter to that leaf.
    """

    scene: Scene
    there: Bool[Array, " A"]  # False: the agent is not on the floor
    new_agent: Bool[Array, " A"]  # placed, removed or turned: its sight and being seen
    moved: Bool[Array, " A"]  # placed or removed: where it takes part
    new_object: Bool[Array, " M"]  # put or removed: both
    beside: Float[Array, " M"]  # participants at an object who are none of these agents
    weighs: Bool[Array, " M"]  # its count of participants adds up strengths, not heads
    radius: Float[Array, " M"]  # bodies; who stands within it of an object takes part there
    tied: Bool[Array, " M"]  # its progress is present / needed, as that of pads


@dataclasses.dataclass(frozen=True)
class Floor:
    """Where scenes stand, and the build of the bodies.

    walls: boxes `[W, 4]`.  low, high: corners `[2]`.  eyes: as the worlds'.  grid: headings are quarter turns
    and pads are squares (Chebyshev distance), as in grid worlds.  neck: gaze may leave the body's heading, as
    in MuJoCo worlds; else turning one turns both.
    """

    walls: NDArray
    low: NDArray
    high: NDArray
    eyes: Eyes
    grid: bool = False
    neck: bool = False

    @property
    def arrays(self) -> tuple[Array, Array, Array]:
        """walls (filled up to a multiple of four), low and high, for `derive`."""
        filled = np.concatenate([self.walls, np.tile(geometry.EMPTY_BOX, (-len(self.walls) % 4, 1))])
        walls, low, high = (jnp.asarray(x, jnp.float32) for x in (filled, self.low, self.high))
        return walls, low, high


_AXES = {
    1: "act load strength joint object_present",
    2: "position velocity heading gaze clear object_position object_goal object_features takes_part"
    " sees_agent sees_object",
}
OWN_AXES = {field: number for number, fields in _AXES.items() for field in fields.split()}
"""How many axes each Scene field has in a single scene; those before them are lead axes."""


def own_axes(stage: Stage) -> Stage:
    """How many axes each leaf has in a single scene."""
    ones = {f.name: 1 for f in dataclasses.fields(stage) if f.name != "scene"}
    return Stage(scene=Scene(**OWN_AXES), **ones)  # type: ignore[arg-type]


def assign(x: NDArray, own: int, index: tuple[int, ...], value) -> NDArray:
    """`x` with `x[..., *index]` set to `value`, whose lead axes are the last of x's; x itself stays."""
    value = np.asarray(value, x.dtype)
    inner, ahead = own - len(index), x.ndim - own
    outer = value.shape[: value.ndim - inner]
    shape = np.broadcast_shapes(x.shape[:ahead], (1,) * (ahead - len(outer)) + outer)
    out = np.broadcast_to(x, shape + x.shape[ahead:]).copy()
    out[(..., *index, *[slice(None)] * inner)] = value
    return out


def derive(stage: Stage, walls: Array, low: Array, high: Array, *, eyes: Eyes, grid: bool) -> Scene:
    """The Scene of a single stage; pure, safe under jit and vmap."""
    s, there, a, o = stage.scene, stage.there, stage.new_agent, stage.new_object
    agents = eyes.see_agents(s.position, s.gaze, walls) & there[:, None] & there[None]
    objects = eyes.see(s.position, s.gaze, s.object_position, walls) & there[:, None] & s.object_present
    clear = geometry.free_distance(s.position, geometry.fan(s.heading, NUM_RAYS), walls, low, high)
    offset = s.position[:, None] - s.object_position[None]
    away = jnp.abs(offset).max(-1) if grid else geometry.norm(offset)
    needed = s.object_features[:, NEEDED]
    stands = (away <= stage.radius + 1e-4) & (needed > 0) & there[:, None] & s.object_present
    part = jnp.where(stage.moved[:, None] | o[None], stands, s.takes_part)
    counted = jnp.where(stage.weighs[None], part * s.strength[:, None], part)
    present = stage.beside + counted.sum(0)
    ratio = jnp.minimum(present / jnp.maximum(needed, 1.0), 1.0)
    progress = jnp.where(stage.tied, ratio, s.object_features[:, PROGRESS])
    return s.replace(
        clear=jnp.where(a[:, None], clear, s.clear),
        object_features=s.object_features.at[:, PRESENT].set(present).at[:, PROGRESS].set(progress),
        takes_part=part,
        sees_agent=jnp.where(a[:, None] | a[None], agents, s.sees_agent),
        sees_object=jnp.where(a[:, None] | o[None], objects, s.sees_object),
    )


class Rows(struct.PyTreeNode):
    """Stages in a row, to be mapped over. Leaves in `mapped` have a row axis; all rows share the rest."""

    stages: Stage
    mapped: tuple[bool, ...] = struct.field(pytree_node=False)

    def map(self, function):
        """`function(stage)` for each row; safe under jit."""
        structure = jax.tree.structure(self.stages)
        axes = jax.tree.unflatten(structure, [0 if m else None for m in self.mapped])
        return jax.vmap(function, in_axes=(axes,))(self.stages)


def rows(stage: Stage, shape: tuple[int, ...], index: NDArray, *, share: bool = True) -> Rows:
    """The stages at flat positions `index [N]` of the lead axes `shape`.

    share: leaves that no sweep changes are left without a row axis instead of being repeated.
    """
    places = np.unravel_index(index, shape) if shape else ()
    leaves, structure = jax.tree.flatten(stage)
    picked, mapped = [], []
    for x, own in zip(leaves, jax.tree.leaves(own_axes(stage)), strict=True):
        sizes = x.shape[: x.ndim - own]
        # Positions always have a row axis: one leaf must.
        mapped.append(not share or x is stage.scene.position or any(n > 1 for n in sizes))
        at = tuple(p if n > 1 else np.zeros_like(p) for p, n in zip(places, sizes, strict=True))
        if not mapped[-1]:
            picked.append(x[(0,) * len(sizes)])
        else:
            picked.append(x[at] if shape else np.broadcast_to(x, (len(index), *x.shape)))
    return Rows(jax.tree.unflatten(structure, picked), tuple(mapped))


FEW = 4096
"""Up to so many, scenes are filled up to a power of two and share nothing: one compilation serves all."""


def chunks(stage: Stage, shape: tuple[int, ...], batch: int) -> Iterator[tuple[int, int, Rows]]:
    """All stages in chunks of one size: where each starts, how many of its rows count, and its rows."""
    total = int(np.prod(shape))
    small = total <= FEW
    batch = min(batch, 1 << (total - 1).bit_length()) if small else min(batch, total)
    for start in range(0, total, batch):
        index = np.minimum(np.arange(start, start + batch), total - 1)
        yield start, min(batch, total - start), rows(stage, shape, index, share=not small)


@functools.partial(jax.jit, static_argnames=("eyes", "grid"))
def _scenes(found: Rows, walls, low, high, *, eyes: Eyes, grid: bool) -> Scene:
    return found.map(lambda s: derive(s, walls, low, high, eyes=eyes, grid=grid))


def scenes(stage: Stage, shape: tuple[int, ...], floor: Floor) -> Scene:
    """All scenes of a stage, with the lead axes `shape`."""
    parts: list[Scene] = []
    for _, kept, found in chunks(stage, shape, 65_536):
        part = _scenes(found, *floor.arrays, eyes=floor.eyes, grid=floor.grid)
        parts.append(jax.tree.map(lambda x, kept=kept: np.asarray(x)[:kept], part))
    flat = parts[0] if len(parts) == 1 else jax.tree.map(lambda *xs: np.concatenate(xs), *parts)
    return jax.tree.map(lambda x: jnp.asarray(x.reshape(*shape, *x.shape[1:])), flat)
