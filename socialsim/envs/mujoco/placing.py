"""Where things start: agents apart from one another, goals and pads apart from what they must avoid."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from socialsim.core import geometry
from socialsim.core.errors import OptionError, number

PITCH = 1.25  # bodies between starting places
JITTER = 0.1  # bodies; two agents start at least PITCH - 2 * JITTER apart
MARGIN = 0.75  # bodies from the border to the outermost starting places

BLOCK = 5.0  # bodies; inner walls are centred in blocks of this side, so that no wall shuts anything in

TRIES = 32


def lattice(size: float, width: float | None = None) -> np.ndarray:
    """Starting places on a floor `size` along x and `width` (default: as long) along y: `[N, 2]`, bodies."""

    def line(length):
        count = int((length - 2 * MARGIN) / PITCH + 1e-6) + 1 if length > 2 * MARGIN else 1
        return length / 2 + (np.arange(count) - (count - 1) / 2) * PITCH

    places = np.meshgrid(line(size), line(size if width is None else width), indexing="ij")
    return np.stack(places, -1).reshape(-1, 2).astype(np.float32)


def side(size: object) -> float:
    """The checked side of a square arena, bodies."""
    return number("size", size, low=3, high=200)


def check_room(num_agents: int, size: float, beam: float, walls: int) -> None:
    """Raises OptionError if the arena has too few starting places, or too few blocks for its walls."""
    blocks = int(size / BLOCK) ** 2
    if walls > blocks:
        raise OptionError(f"walls={walls}; allowed: at most {blocks} for size={size:g}")
    covered = 8 * walls + (math.ceil((beam + 2.5) * 2.5 / PITCH**2) + 2 if beam else 0)
    places = len(lattice(size)) - covered
    if num_agents > places:
        raise OptionError(
            f"num_agents={num_agents} do not fit; allowed: at most {max(places, 0)} for size={size:g}, "
            "or a larger size"
        )


def start_places(
    key: Key[Array, ""], count: int, size: float, clearance, width: float | None = None
) -> Float[Array, "count 2"]:
    """`count` places at random, where `clearance` (of places `[N, 2]`, bodies) is positive."""
    order_key, jitter_key = jax.random.split(key)
    places = jnp.asarray(lattice(size, width))
    free = clearance(places) > JITTER * 1.5
    score = jax.random.uniform(order_key, (len(places),), jnp.float32) + free
    chosen = places[jax.lax.top_k(score, count)[1]]
    return chosen + jax.random.uniform(jitter_key, chosen.shape, jnp.float32, -JITTER, JITTER)


def start_walls(key: Key[Array, ""], half: np.ndarray, size: float) -> Float[Array, "W 2"]:
    """Centres of walls with half extents `half` `[W, 2]`, each in a block of its own."""
    blocks = int(size / BLOCK)
    line = (np.arange(blocks) + 0.5) * (size / max(blocks, 1))
    centres = jnp.asarray(np.stack(np.meshgrid(line, line), -1).reshape(-1, 2), jnp.float32)
    score = jax.random.uniform(key, (len(centres),), jnp.float32)
    return centres[jax.lax.top_k(score, len(half))[1]]


def draw(key: Key[Array, ""], low: float, high: float, clearance) -> Float[Array, "2"]:
    """A random place in the square `low..high` where `clearance` is at least 1; else the best of the tries.

    clearance: of places `[K, 2]` to `[K]`, in units of what is wanted.
    """
    tries = jax.random.uniform(key, (TRIES, 2), jnp.float32, low, high)
    good = clearance(tries)
    score = jnp.where(good >= 1, 2.0 + jnp.arange(TRIES), good)
    best = score == score.max()
    first = best & (jnp.cumsum(best) == 1)
    return (tries * first[:, None]).sum(0)


def scatter(
    key: Key[Array, ""],
    points: Float[Array, "M 2"],
    renew: Bool[Array, " M"],
    size: float,
    boxes: Float[Array, "W 4"],
    *,
    edge: float,
    apart: float,
) -> Float[Array, "M 2"]:
    """`points` with those in `renew` elsewhere: one after the other, each far from where all are by then.

    Where there is room: `apart` bodies from every point (its own last place too), one from boxes, and
    always `edge` from the border.
    """
    for i, own_key in enumerate(jax.random.split(key, len(points))):

        def clearance(place, points=points):
            return jnp.minimum(from_points(place, points) / apart, from_box(place, boxes))

        place = draw(own_key, edge, size - edge, clearance)
        mine = (jnp.arange(len(points)) == i) & renew
        points = jnp.where(mine[:, None], place, points)
    return points


def from_box(place: Float[Array, "K 2"], boxes: Float[Array, "W 4"]) -> Float[Array, " K"]:
    """Distance to the nearest box; `geometry.FAR` if there is none."""
    outside = jnp.maximum(boxes[:, :2] - place[:, None], place[:, None] - boxes[:, 2:])
    distance = geometry.norm(jnp.maximum(outside, 0.0))
    return jnp.min(distance, axis=1, initial=geometry.FAR)


def from_points(place: Float[Array, "K 2"], points: Float[Array, "N 2"]) -> Float[Array, " K"]:
    """Distance to the nearest of the points."""
    return geometry.norm(place[:, None] - points).min(1)


def nearest_on_segment(
    place: Float[Array, "K 2"], start: Float[Array, "2"], end: Float[Array, "2"]
) -> Float[Array, "K 2"]:
    """The point of a segment nearest to each place."""
    along = end - start
    s = ((place - start) @ along) / jnp.maximum(along @ along, 1e-6)
    return start + jnp.clip(s, 0.0, 1.0)[:, None] * along


def discs(
    centre: Float[Array, "N 2"], radius: Float[Array, ""] | float, points: int = 32
) -> Float[Array, "N P 2"]:
    """Polygons round the centres, for pictures."""
    return centre[:, None] + radius * geometry.fan(jnp.array([[1.0, 0.0]]), points)
