"""Where things go on a continuous floor: starts apart from one another, walls that shut nothing in, and
places for objects that move. No rejection loops: candidates are scored and the best are taken. Lengths in
bodies.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from socialsim.core import draws, geometry
from socialsim.core.columns import beside
from socialsim.core.fusing import made_once

PITCH = 1.25  # bodies between starting places
JITTER = 0.1  # bodies; two agents start at least PITCH - 2 * JITTER apart
MARGIN = 0.75  # bodies from the border to the outermost starting places

BLOCK = 5.0  # bodies; inner walls are centred in blocks of this side, so that no wall shuts anything in

TRIES = 16
_R2 = (0.7548776662466927, 0.5698402909980532)
"""Steps of the additive recurrence that fills a square most evenly: 1/g and 1/g^2 for the plastic number g
(Roberts 2018, "The unreasonable effectiveness of quasirandom sequences")."""


def lattice_side(size: float) -> int:
    """How many starting places fit along a side."""
    return int((size - 2 * MARGIN) / PITCH + 1e-6) + 1 if size > 2 * MARGIN else 1


def lattice(size: float) -> np.ndarray:
    """Starting places: `[N, 2]`, `PITCH` apart around the middle of the floor."""
    side = lattice_side(size)
    line = size / 2 + (np.arange(side) - (side - 1) / 2) * PITCH
    return np.stack(np.meshgrid(line, line, indexing="ij"), -1).reshape(-1, 2).astype(np.float32)


def choose_places(
    key: Key[Array, ""], places: Float[Array, "N 2"], count: int, clearance: Callable
) -> Float[Array, "count 2"]:
    """`count` of the places at random, jittered, where `clearance` (of places `[N, 2]`) is positive."""
    order_key, jitter_key = jax.random.split(key)
    free = clearance(places) > JITTER * 1.5
    score = jax.random.uniform(order_key, (len(places),), jnp.float32) + free
    chosen = places[jax.lax.top_k(score, count)[1]]
    return chosen + jax.random.uniform(jitter_key, chosen.shape, jnp.float32, -JITTER, JITTER)


def wall_centres(
    key: Key[Array, ""], count: int, blocks: int, size: float | Float[Array, ""]
) -> Float[Array, "count 2"]:
    """Centres of `count` walls, each in a block of its own among `blocks` x `blocks`."""
    line = (np.arange(blocks) + 0.5) / max(blocks, 1)
    centres = jnp.asarray(np.stack(np.meshgrid(line, line), -1).reshape(-1, 2), jnp.float32) * size
    score = jax.random.uniform(key, (len(centres),), jnp.float32)
    return centres[jax.lax.top_k(score, count)[1]]


def from_box(place: Float[Array, "*k 2"], boxes: Float[Array, "W 4"]) -> Float[Array, "*k"]:
    """Distance to the nearest box; `geometry.FAR` if there is none."""
    outside = jnp.maximum(boxes[:, :2] - place[..., None, :], place[..., None, :] - boxes[:, 2:])
    distance = geometry.norm(jnp.maximum(outside, 0.0))
    return jnp.min(distance, axis=-1, initial=geometry.FAR)


def from_points(place: Float[Array, "*k 2"], points: Float[Array, "N 2"]) -> Float[Array, "*k"]:
    """Distance to the nearest of the points."""
    return geometry.norm(place[..., None, :] - points).min(-1)


def relocate(
    key: Key[Array, ""],
    places: Float[Array, "M 2"],
    renew: Bool[Array, " M"],
    low: Float[Array, ""],
    high: Float[Array, ""],
    clearance: Callable,
    *,
    away: Float[Array, ""],
    apart: Float[Array, ""],
) -> Float[Array, "M 2"]:
    """Places with those in `renew` elsewhere in the square `low..high`.

    Each is the first of `TRIES` evenly spread candidates (one random draw an object) that is at least
    `away` from where the object was, `apart` from all other objects and has a `clearance` (of places
    `[M, K, 2]`, not negative) of at least 1; where none is, the best of them. Objects move one
    after the other.
    """
    count = places.shape[0]
    start = draws.uniform(key, (2, count, 1))
    steps = np.arange(TRIES, dtype=np.float32)
    tx, ty = (low + (high - low) * _fraction(s + r * steps) for s, r in zip(start, _R2, strict=True))
    # Squares of what is kept over what is wanted: no roots are needed to compare them.
    own = _square(tx, ty, places[:, :1], places[:, 1:]) / away**2  # [M, TRIES]
    score = jnp.minimum(own, clearance(beside([tx, ty])) ** 2)

    def move_one(places, this):
        tx, ty, score, mine, renew = this
        others = _square(tx[:, None], ty[:, None], places[:, 0], places[:, 1]) / apart**2
        good = jnp.minimum(score, jnp.where(mine, jnp.inf, others).min(-1))
        # Earlier tries win among the good ones, the best wins where none is good.
        rank = made_once(jnp.where(good >= 1, 2 + TRIES - steps, jnp.minimum(good, 1.0)))
        best = steps == jnp.where(rank == rank.max(), steps, TRIES).min()  # argmax, several times faster
        place = jnp.stack([(tx * best).sum(), (ty * best).sum()])
        return jnp.where((mine & renew)[:, None], place, places), None

    each = (tx, ty, score, jnp.eye(count, dtype=bool), renew)
    places = jax.lax.scan(move_one, places, each, unroll=min(count, 4))[0]
    # Without the barrier XLA computes the last places anew for everyone who reads them.
    return made_once(places)


def _square(x, y, to_x, to_y):
    return (x - to_x) ** 2 + (y - to_y) ** 2


def _fraction(x):
    return x - jnp.floor(x)  # XLA's remainder is many times slower
