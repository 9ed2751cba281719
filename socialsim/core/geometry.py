"""Plane geometry that every physics shares: egocentric frames, free distance along rays, line of sight.

Walls are axis-aligned boxes `[x0, y0, x1, y1]`; a box with x1 < x0 is empty. All of it is arithmetic on
small arrays (no gathers, no maps), so that it vectorises over worlds.
"""

# pyright: reportUnknownMemberType=false

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from socialsim.core.columns import beside

FAR = 1e6
_TINY = 1e-9

EMPTY_BOX = (FAR, FAR, -FAR, -FAR)
"""A wall that is not there: it fills a slot and blocks nothing."""


def norm(v: Float[Array, "... 2"]) -> Float[Array, "..."]:
    return jnp.sqrt(v[..., 0] ** 2 + v[..., 1] ** 2)


def unit(v: Float[Array, "... 2"]) -> Float[Array, "... 2"]:
    """Direction of v; zero where v is zero."""
    return v / jnp.maximum(norm(v), 1e-6)[..., None]


def snap(direction: Float[Array, "... 2"], directions: int) -> Float[Array, "... 2"]:
    """The nearest of `directions` equally spaced directions, the first along x; any, where 0."""
    if not directions:
        return direction
    turn = 2 * np.pi / directions
    angle = jnp.round(jnp.arctan2(direction[..., 1], direction[..., 0]) / turn) * turn
    exact = jnp.stack([jnp.cos(angle), jnp.sin(angle)], -1)
    return jnp.where(jnp.abs(exact) < 1e-6, 0.0, exact)


def into_frame(heading: Float[Array, "... 2"], v: Float[Array, "... 2"]) -> Float[Array, "... 2"]:
    """v in the body frame of `heading`: first component ahead, second to the left."""
    ahead = v[..., 0] * heading[..., 0] + v[..., 1] * heading[..., 1]
    left = v[..., 1] * heading[..., 0] - v[..., 0] * heading[..., 1]
    return beside([ahead, left])


def fan(heading: Float[Array, "A 2"], rays: int) -> Float[Array, "A R 2"]:
    """Unit directions of `rays` body-fixed rays, counter-clockwise from straight ahead."""
    angle = 2 * np.pi * np.arange(rays) / rays
    cos, sin = np.cos(angle), np.sin(angle)
    x, y = heading[:, None, 0], heading[:, None, 1]
    return beside([x * cos - y * sin, x * sin + y * cos])


def _slabs(
    origin: Float[Array, "... 2"], ray: Float[Array, "... 2"], boxes: Float[Array, "W 4"]
) -> tuple[Float[Array, "... W"], Float[Array, "... W"]]:
    """Entry and exit parameters of `origin + s * ray` through each box: `[..., W]` each."""
    safe = jnp.where(jnp.abs(ray) < _TINY, _TINY, ray)
    inverse = 1.0 / safe
    ox, oy = origin[..., None, 0], origin[..., None, 1]
    ix, iy = inverse[..., None, 0], inverse[..., None, 1]
    ax, bx = (boxes[:, 0] - ox) * ix, (boxes[:, 2] - ox) * ix
    ay, by = (boxes[:, 1] - oy) * iy, (boxes[:, 3] - oy) * iy
    enter = jnp.maximum(jnp.minimum(ax, bx), jnp.minimum(ay, by))
    leave = jnp.minimum(jnp.maximum(ax, bx), jnp.maximum(ay, by))
    return enter, leave


def blocked(
    start: Float[Array, "... 2"], end: Float[Array, "... 2"], boxes: Float[Array, "W 4"]
) -> Bool[Array, "..."]:
    """True where the segment from start to end passes through the inside of any box."""
    if boxes.shape[0] == 0:
        return jnp.zeros(jnp.broadcast_shapes(start.shape, end.shape)[:-1], bool)
    enter, leave = _slabs(start, end - start, boxes)
    solid = boxes[:, 2] >= boxes[:, 0]
    # A grazing touch (enter == leave) does not block; the segment must run inside for a stretch.
    hit = solid & (jnp.minimum(leave, 1.0) - jnp.maximum(enter, 0.0) > 1e-6)
    return hit.any(-1)


def free_distance(
    position: Float[Array, "A 2"],
    direction: Float[Array, "A R 2"],
    boxes: Float[Array, "W 4"],
    low: Float[Array, "2"],
    high: Float[Array, "2"],
) -> Float[Array, "A R"]:
    """Distance along each ray to the first box or to the border `low..high`, whichever is nearer."""
    safe = jnp.where(jnp.abs(direction) < _TINY, _TINY, direction)
    origin = position[:, None, :]
    border = jnp.maximum((low - origin) / safe, (high - origin) / safe).min(-1)
    if boxes.shape[0] == 0:
        return jnp.maximum(border, 0.0)
    enter, leave = _slabs(origin, direction, boxes)
    solid = boxes[:, 2] >= boxes[:, 0]
    hit = solid & (leave - jnp.maximum(enter, 0.0) > 1e-6)
    nearest = jnp.where(hit, jnp.maximum(enter, 0.0), FAR).min(-1)
    return jnp.maximum(jnp.minimum(border, nearest), 0.0)
