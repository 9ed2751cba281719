"""gates: one holds the door for others."""

import jax.numpy as jnp

from socialsim.core.errors import integer, number
from socialsim.envs.grid.build import build_grid, floor, objects_count
from socialsim.envs.grid.engine import Grid
from socialsim.envs.grid.gate import GATE, NORTH_PLATE, PRIZE, SOUTH_PLATE, Gate


def gates(
    *,
    num_agents: int = 3,
    num_prizes: int = 1,
    holder_share: float = 0.25,
    size: int | tuple[int, int] = 9,
    bodies_block: bool = True,
    reach: float = 8.0,
    cone: float = 120.0,
    full_view: bool = False,
) -> Grid:
    """A gate that one holds open for others, who gain more by it than the one who holds.

    Who: `num_agents` walkers.  What: a wall cuts the floor in two; its one gate is open while somebody
    stands on a plate (there is one on either side) or in the gateway; one sees through it, open or shut.
    `num_prizes` prizes lie about.  Joint event: an agent stands on a prize after others let it through the
    gate since its last one. Its share is 1; each who held the gate for it has `holder_share`. The prize
    then moves to the other side, so each must be passed for anew. At 0 the holder gains nothing by holding:
    altruism in the strict sense.  Acts: the ten of the shared alphabet.  Horizon: 128 decisions, never
    terminates.  Random teams hardly ever get through; a competent team leaves one on a plate while the
    others pass to and fro.

    Parameters
    ----------
    num_agents : at least 2.  num_prizes : how many prizes.
    holder_share : share of a holder in a success it made possible, 0 to 1.
    size : cells along a side, or (width, height); at least 5.
    bodies_block, reach, cone, full_view : as in `rendezvous`.
    """
    share = number("holder_share", holder_share, low=0, high=1)
    prizes = objects_count("num_prizes", num_prizes)
    width, height, _ = floor(size, low=5)
    agents = integer("num_agents", num_agents, low=2, high=4096)
    return build_grid(
        "gates",
        Gate(
            kind=jnp.array([GATE, SOUTH_PLATE, NORTH_PLATE] + [PRIZE] * prizes, jnp.int32),
            holder_share=jnp.float32(share),
        ),
        num_agents=agents,
        num_objects=3 + prizes,
        size=(width, height),
        wall_slots=2,
        wall_cells=width,
        bodies_block=bodies_block,
        reach=reach,
        cone=cone,
        full_view=full_view,
        counted="num_prizes + 3",
    )
