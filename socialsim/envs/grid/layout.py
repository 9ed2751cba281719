"""Where things go on a grid: walls that never cut the floor apart, distinct cells, free cells.

Cells are unit squares centred on integer coordinates, x to the east, y to the north.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from socialsim.core.geometry import EMPTY_BOX

BLOCK = 5
"""Walls are bars of three cells, each centred in its own block of 5 x 5 cells: they touch neither one
another nor the border, so every map is connected."""


def max_walls(width, height):
    """Bars that find a block of their own; of integers, also traced ones."""
    return (width // BLOCK) * (height // BLOCK)


def random_walls(
    key: Key[Array, ""],
    walls: Int[Array, ""],
    slots: int,
    width: Int[Array, ""],
    height: Int[Array, ""],
) -> Float[Array, "W 4"]:
    """`slots` boxes of which the first `walls` are bars of three cells in blocks drawn at random."""
    order_key, turn_key = jax.random.split(key)
    columns, rows = width // BLOCK, height // BLOCK
    # Distinct blocks: a walk through all of them with a random start and stride.
    total = jnp.maximum(columns * rows, 1)
    start, stride = jax.random.randint(order_key, (2,), 0, 1 << 30)
    stride = _coprime(stride, total)
    block = (start % total + jnp.arange(slots) * stride) % total
    centre = jnp.stack([block % columns, block // columns], -1) * BLOCK + BLOCK // 2
    upright = jax.random.bernoulli(turn_key, 0.5, (slots,))[:, None]
    half = jnp.where(upright, jnp.array([0.5, 1.5]), jnp.array([1.5, 0.5]))
    boxes = jnp.concatenate([centre - half, centre + half], -1)
    return jnp.where((jnp.arange(slots) < walls)[:, None], boxes, jnp.array(EMPTY_BOX))


def _coprime(stride, total):
    """A stride that visits every block once: the first of a few candidates coprime to `total`."""
    candidates = jnp.stack([(stride + i) % total for i in range(8)] + [jnp.ones_like(total)])
    good = jnp.gcd(candidates, total) == 1
    return candidates[jnp.argmax(good)]


def in_walls(cell: Int[Array, "... 2"], boxes: Float[Array, "W 4"]) -> Bool[Array, "..."]:
    """True where a cell's centre lies in a wall."""
    x, y = cell[..., None, 0], cell[..., None, 1]
    inside = (x > boxes[:, 0]) & (x < boxes[:, 2]) & (y > boxes[:, 1]) & (y < boxes[:, 3])
    return inside.any(-1)


def distinct_cells(
    key: Key[Array, ""],
    count: int,
    shape: tuple[int, int],
    width: Int[Array, ""],
    height: Int[Array, ""],
    boxes: Float[Array, "W 4"],
) -> Int[Array, "count 2"]:
    """`count` different cells outside the walls, uniformly. `shape`: largest width and height (static)."""
    cells = jnp.stack(jnp.meshgrid(*map(jnp.arange, shape), indexing="ij"), -1).reshape(-1, 2)
    usable = (cells[:, 0] < width) & (cells[:, 1] < height) & ~in_walls(cells, boxes)
    score = jnp.where(usable, jax.random.uniform(key, (len(cells),)), -1.0)
    return cells[jax.lax.top_k(score, count)[1]].astype(jnp.int32)


TRIES = 8


def nearby_free_cell(
    bits: Array,
    away_from: Int[Array, "M 2"],
    taken: Int[Array, "N 2"],
    distance: Int[Array, ""],
    width: Int[Array, ""],
    height: Int[Array, ""],
    boxes: Float[Array, "W 4"],
    region: tuple[Int[Array, "M 2"], Int[Array, "M 2"]] | None = None,
) -> Int[Array, "M 2"]:
    """For each of M things a random free cell at least `distance` from where it is (Chebyshev).

    bits: uint32 `[M]`. Tries `TRIES` cells of a random sequence; a thing whose tries all fail stays put
    (its own cell is free). Cells in `taken` and cells two things ask for at once are not free.
    region: lowest and highest cells allowed.
    """
    area = (width * height).astype(jnp.uint32)
    # Successive tries step by the golden ratio of the area: spread evenly, all from one draw.
    golden = (area.astype(jnp.float32) * 0.618034).astype(jnp.uint32)
    index = (bits[:, None] % area + jnp.arange(TRIES, dtype=jnp.uint32) * golden) % area
    index = index.astype(jnp.int32)
    tries = jnp.stack([index % width, index // width], -1)  # [M, TRIES, 2]
    far = jnp.abs(tries - away_from[:, None]).max(-1) >= distance
    clash = (tries[:, :, None, :] == taken[None, None]).all(-1).any(-1)
    good = far & ~clash & ~in_walls(tries, boxes)
    if region is not None:
        low, high = region
        good &= ((tries >= low[:, None]) & (tries <= high[:, None])).all(-1)
    first = good & (jnp.cumsum(good, axis=1) == 1)
    picked = (tries * first[..., None]).sum(1)
    return jnp.where(good.any(1)[:, None], picked, away_from).astype(jnp.int32)
