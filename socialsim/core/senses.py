"""The one pure function Scene -> Observation that all worlds share.

Everything is egocentric: directions in the body frame, distances as exp(-d/r) at a few radii. Nothing
absolute (no coordinates, indices or clocks) is ever sensed, so a head trained in one world can be read in
another. The feature table is versioned; a carrier remembers the version it was trained on.
"""

# pyright: reportUnknownMemberType=false

import dataclasses
from collections.abc import Iterable

import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Int

from socialsim.core import geometry
from socialsim.core.acts import NUM_ACTS, Act
from socialsim.core.columns import beside
from socialsim.core.errors import OptionError
from socialsim.core.scene import NUM_RAYS, OBJECT_FEATURES, Scene

FEATURE_TABLE_VERSION = 2

RADII = (1.5, 4.0, 12.0)
"""Distances d are sensed as exp(-d/r) for these r, in bodies."""

_NEAR = tuple(f"near_{r:g}" for r in RADII)
_ACTS = tuple(f"act_{a.name.lower()}" for a in Act)

SELF_FEATURES = (
    *("speed_ahead", "speed_left", "gaze_ahead", "gaze_left", "load", "strength"),
    *(f"clear_{360 * r // NUM_RAYS}" for r in range(NUM_RAYS)),
    *_ACTS,
)
OTHER_FEATURES = (
    *("ahead", "left", *_NEAR, "heading_ahead", "heading_left", "gaze_ahead", "gaze_left"),
    *("speed_ahead", "speed_left", "load", "strength", "looks_at_me"),
    *_ACTS,
)
OBJECT_SENSE_FEATURES = (
    *("ahead", "left", *_NEAR, "takes_part"),
    *OBJECT_FEATURES,
    *("goal_ahead", "goal_left", *(f"goal_{n}" for n in _NEAR)),
)


class Observation(struct.PyTreeNode):
    """What each of `A` agents senses: itself and two masked sets. `M` object slots.

    Columns are `SELF_FEATURES`, `OTHER_FEATURES` and `OBJECT_SENSE_FEATURES`; all values lie in [-2, 2].
    Slots that are not in sight are zero and their mask is False. The order within a set carries no meaning.
    """

    self: Float[Array, "A S"]
    others: Float[Array, "A A-1 P"]
    others_mask: Bool[Array, "A A-1"]
    objects: Float[Array, "A M Q"]
    objects_mask: Bool[Array, "A M"]


def _near(distance: Float[Array, "..."]) -> list[Float[Array, "..."]]:
    return [jnp.exp(-distance / r) for r in RADII]


def _done(act: Int[Array, "..."]) -> list[Float[Array, "..."]]:
    return [(act == a).astype(jnp.float32) for a in range(NUM_ACTS)]


def _relative(
    heading: Float[Array, "... 2"], vector: Float[Array, "... 2"]
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    ahead = vector[..., 0] * heading[..., 0] + vector[..., 1] * heading[..., 1]
    left = vector[..., 1] * heading[..., 0] - vector[..., 0] * heading[..., 1]
    return ahead, left


def _bearing(
    heading: Float[Array, "... 2"], offset: Float[Array, "... 2"]
) -> tuple[Float[Array, "..."], Float[Array, "..."], Float[Array, "..."]]:
    """Egocentric unit direction and distance of `offset`."""
    distance = geometry.norm(offset)
    ahead, left = _relative(heading, offset)
    scale = 1.0 / jnp.maximum(distance, 1e-6)
    return ahead * scale, left * scale, distance


def _without_self(x: Array) -> Array:
    """Drop the diagonal of the first two axes: `[A, A, ...]` -> `[A, A-1, ...]` (no gather)."""
    a, rest = x.shape[0], x.shape[2:]
    flat = x.reshape(a * a, *rest)[1:]
    return flat.reshape(a - 1, a + 1, *rest)[:, :-1].reshape(a, a - 1, *rest)


@dataclasses.dataclass(frozen=True)
class Senses:
    """Scene -> Observation. `dtype`: of the features, "float32" or "bfloat16"."""

    dtype: str = "float32"

    def __post_init__(self):
        if self.dtype not in ("float32", "bfloat16"):
            raise OptionError(f"senses: dtype={self.dtype!r}; allowed: 'float32', 'bfloat16'")

    def __call__(self, scene: Scene) -> Observation:
        others_mask = _without_self(scene.sees_agent)
        others = _without_self(self._others(scene))
        objects_mask = scene.sees_object & scene.object_present
        objects = self._objects(scene)
        dtype = jnp.dtype(self.dtype)
        return Observation(
            self=self._self(scene).astype(dtype),
            others=jnp.where(others_mask[..., None], others, 0).astype(dtype),
            others_mask=others_mask,
            objects=jnp.where(objects_mask[..., None], objects, 0).astype(dtype),
            objects_mask=objects_mask,
        )

    def _self(self, s: Scene) -> Float[Array, "A S"]:
        speed = _relative(s.heading, s.velocity)
        gaze = _relative(s.heading, s.gaze)
        clear = [jnp.exp(-s.clear[:, r] / RADII[1]) for r in range(NUM_RAYS)]
        own = [jnp.clip(s.load, 0, 2), _strength(s)]
        return beside([*_bounded(speed), *gaze, *own, *clear, *_done(s.act)])

    def _others(self, s: Scene) -> Float[Array, "A A P"]:
        """[i, j]: what i senses of j."""
        me = s.heading[:, None, :]
        ahead, left, distance = _bearing(me, s.position[None] - s.position[:, None])
        columns = [
            *(ahead, left, *_near(distance)),
            *_relative(me, s.heading[None]),
            *_relative(me, s.gaze[None]),
            *_bounded(_relative(me, s.velocity[None] - s.velocity[:, None])),
            jnp.clip(s.load, 0, 2)[None],
            _strength(s)[None],
            s.sees_agent.T.astype(jnp.float32),
        ]
        return beside([*columns, *_done(s.act[None])])

    def _objects(self, s: Scene) -> Float[Array, "A M Q"]:
        me = s.heading[:, None, :]
        ahead, left, distance = _bearing(me, s.object_position[None] - s.position[:, None])
        home_ahead, home_left, home_distance = _bearing(me, (s.object_goal - s.object_position)[None])
        placed = s.object_features[:, OBJECT_FEATURES.index("placed")]
        features = s.object_features * jnp.asarray(_FEATURE_SCALE)
        columns = [
            *(ahead, left, *_near(distance)),
            s.takes_part.astype(jnp.float32),
            *(jnp.clip(features[:, f], -2, 2)[None] for f in range(features.shape[-1])),
            *(c * placed for c in (home_ahead, home_left, *_near(home_distance))),
        ]
        return beside(columns)


_FEATURE_SCALE = tuple(0.25 if f in ("needed", "present", "heavy") else 1.0 for f in OBJECT_FEATURES)
"""Head counts are sensed in quarters, so that teams of up to eight stay within [-2, 2]."""


def _strength(scene: Scene) -> Float[Array, " A"]:
    """Strength beyond that of one, in quarters like all head counts."""
    return jnp.clip(0.25 * (scene.strength - 1), -2, 2)


def _bounded(pair: Iterable[Float[Array, "..."]]) -> list[Float[Array, "..."]]:
    return [jnp.clip(v, -2, 2) for v in pair]


def feature_names() -> dict[str, tuple[str, ...]]:
    """Column names of each part of an Observation."""
    return {"self": SELF_FEATURES, "others": OTHER_FEATURES, "objects": OBJECT_SENSE_FEATURES}
