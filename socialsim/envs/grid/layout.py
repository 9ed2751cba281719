"""Where things go on a grid: walls that never cut the floor apart, distinct cells, free cells.

Cells are unit squares centred on integer coordinates, x to the east, y to the north.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from socialsim.core.geometry import EMPTY_BOX
from socialsim.envs.grid.cells import same

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


def corner_room(radius, width, height, walls, xp=jnp):
    """Cells within `radius` (Chebyshev) of the worst place there is, a corner, that are free for certain.

    Of integers or arrays of them. A bar of wall takes three cells of its block, none of a corner of 2 x 2.
    """
    side = radius + 1
    taken = 3 * ((side + 3) // BLOCK) ** 2 * ((side > 2) & (walls > 0))
    return xp.minimum(side, width) * xp.minimum(side, height) - taken


def margin_for(heads, radius, width, height, walls):
    """Cells `[M]` that places for so many `heads` within `radius` keep off the border: none where as many
    find room in any corner, else `radius`."""
    return jnp.where(heads <= corner_room(radius, width, height, walls), 0, radius)


def all_cells(shape: tuple[int, int]) -> Int[Array, "C 2"]:
    """Every cell of the largest floor there can be. `shape`: its width and height."""
    cells = jnp.stack(jnp.meshgrid(*map(jnp.arange, shape), indexing="ij"), -1)
    return cells.reshape(-1, 2).astype(jnp.int32)


def usable(
    cells: Int[Array, "C 2"], width: Int[Array, ""], height: Int[Array, ""], boxes: Float[Array, "W 4"]
) -> Bool[Array, " C"]:
    """Cells of the floor outside the walls."""
    return (cells[:, 0] < width) & (cells[:, 1] < height) & ~in_walls(cells, boxes)


def distinct_cells(
    score: Float[Array, " C"],
    count: int,
    cells: Int[Array, "C 2"],
    free: Bool[Array, " C"],
    better: Int[Array, " C"] | int = 0,
) -> Int[Array, "count 2"]:
    """`count` different cells that are `free`: the `better` ones, and of equals those with the highest
    `score` (0 to 1).

    There have to be as many: `build_grid` sees to it.
    """
    ranked = jnp.where(free, score + better, -1.0)
    return cells[jax.lax.top_k(ranked, count)[1]]


TRIES = 8


def tries(
    bits: Array, width: Int[Array, ""], height: Int[Array, ""], margin: Int[Array, " M"]
) -> Int[Array, "M TRIES 2"]:
    """For each of M things `TRIES` cells of a random sequence, `margin` cells off the border.

    bits: uint32 `[M]`.
    """
    across = (width - 2 * margin).astype(jnp.uint32)[:, None]
    area = across * (height - 2 * margin).astype(jnp.uint32)[:, None]
    # Successive tries step by the golden ratio of the area: spread evenly, all from one draw.
    golden = (area.astype(jnp.float32) * 0.618034).astype(jnp.uint32)
    index = (bits[:, None] % area + jnp.arange(TRIES, dtype=jnp.uint32) * golden) % area
    cells = jnp.stack([index % across, index // across], -1).astype(jnp.int32)
    return cells + margin[:, None, None]


def first_free(
    cells: Int[Array, "M TRIES 2"],
    fits: Bool[Array, "M TRIES"] | bool,
    here: Int[Array, "M 2"],
    moving: Bool[Array, " M"],
    taken: Int[Array, "N 2"],
    distance: Int[Array, ""],
    boxes: Float[Array, "W 4"],
) -> tuple[Int[Array, "M 2"], Bool[Array, " M"]]:
    """The first of each thing's cells that `fits`, is free and at least `distance` from `here` (Chebyshev);
    and which things go there.

    Cells in `taken` are not free. Where none of its cells will do, or an earlier one of the things that are
    `moving` goes to that cell, a thing stays where it is (its own cell is free).
    """
    far = jnp.abs(cells - here[:, None]).max(-1) >= distance
    clash = (cells[:, :, None, :] == taken[None, None]).all(-1).any(-1)
    good = far & ~clash & ~in_walls(cells, boxes) & fits
    first = good & (jnp.cumsum(good, axis=1) == 1)
    picked = (cells * first[..., None]).sum(1)
    moves = moving & good.any(1)
    earlier = jnp.tri(len(here), k=-1, dtype=bool)
    moves &= ~(same(picked, picked) & earlier & moves[None]).any(1)
    return jnp.where(moves[:, None], picked, here).astype(jnp.int32), moves
