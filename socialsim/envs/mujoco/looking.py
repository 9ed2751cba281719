"""Looking in three dimensions: heads that pan and nod, and what lies in a cone around their gaze.

Lengths in bodies; heights from the floor. Walls reach from the floor to the ceiling.
"""

import math

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from socialsim.core import geometry
from socialsim.core.sight import Eyes
from socialsim.envs.mujoco.bodies import BODY, NECK_HEIGHT

EYE_HEIGHT = NECK_HEIGHT / BODY


def eyes_at(position: Float[Array, "A 2"]) -> Float[Array, "A 3"]:
    """Where bodies at `position` look from; nodding and turning the head does not move it."""
    return jnp.concatenate([position, jnp.full((position.shape[0], 1), EYE_HEIGHT)], -1)


def rays(gaze: Float[Array, "A 2"], pitch: Float[Array, " A"]) -> Float[Array, "A 3"]:
    """Unit vectors of gazes: `gaze` is the horizontal direction, `pitch` radians above it."""
    return jnp.concatenate([gaze * jnp.cos(pitch)[:, None], jnp.sin(pitch)[:, None]], -1)


def within(
    eye: Float[Array, "A 3"],
    ray: Float[Array, "A 3"],
    target: Float[Array, "N 3"],
    angle: Float[Array, ""] | float,
) -> Bool[Array, "A N"]:
    """True where the line from eye a to target n is at most `angle` (radians) off ray a."""
    offset = target[None] - eye[:, None]
    along = (offset * ray[:, None]).sum(-1)
    return along >= jnp.cos(angle) * jnp.sqrt((offset**2).sum(-1)) - 1e-6


def in_reach(
    eyes: Eyes, eye: Float[Array, "A 3"], target: Float[Array, "N 3"], boxes: Float[Array, "W 4"]
) -> Bool[Array, "A N"]:
    """True where target n is near enough to eye a and no wall stands between them."""
    offset = target[None] - eye[:, None]
    near = (offset**2).sum(-1) <= eyes.reach**2
    return near & ~geometry.blocked(eye[:, None, :2], target[None, :, :2], boxes)


def see(
    eyes: Eyes,
    eye: Float[Array, "A 3"],
    ray: Float[Array, "A 3"],
    target: Float[Array, "N 3"],
    boxes: Float[Array, "W 4"],
) -> Bool[Array, "A N"]:
    """True where agent a sees target n: within a cone around its gaze, above and below too."""
    if eyes.full_view:
        return jnp.ones((eye.shape[0], target.shape[0]), bool)
    cone = within(eye, ray, target, math.radians(eyes.cone / 2))
    return cone & in_reach(eyes, eye, target, boxes)
