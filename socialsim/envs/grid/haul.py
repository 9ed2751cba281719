"""haul: move together what nobody can move alone."""

from socialsim.core.errors import OptionError
from socialsim.envs.grid.build import build_grid, floor, needed_count, objects_count
from socialsim.envs.grid.engine import Grid
from socialsim.envs.grid.push import push


def haul(
    *,
    num_agents: int = 4,
    num_loads: int = 2,
    needed: int = 2,
    size: int | tuple[int, int] = 10,
    walls: int = 0,
    bodies_block: bool = True,
    reach: float = 8.0,
    cone: float = 120.0,
    full_view: bool = False,
) -> Grid:
    """Loads that move only when enough agents push the same way; bring them to their depots.

    Who: `num_agents` walkers.  What: `num_loads` loads of one cell that block the way, each with a depot
    cell it belongs to (sensed as the direction and distance to where it belongs).  Joint event: `needed`
    agents beside or behind a load, all facing one way, ADVANCE in the same decision and bring it nearer
    to its depot than it has ever been on this trip; those who pushed share it. A load that arrives starts
    a new trip elsewhere; loads for two or more start, and belong, one cell off the border at least, since
    nobody can push a load out of a corner.  Acts: the ten of the shared alphabet.  Horizon: 128 decisions,
    never terminates.
    Random teams hardly ever move a load; a competent team lines up on the far side of one load and walks.

    Parameters are those of `rendezvous`; `needed` is at most 5 (three places behind a load, two beside);
    3 where there are walls, and 2 on floors of 5 cells across that walls would cut in two for a load.
    """
    loads = objects_count("num_loads", num_loads)
    width, height, bars = floor(size, walls)
    most = (3 if min(width, height) > 5 else 2) if bars else 5
    needed = needed_count(needed, num_agents, most)
    inner = (width - 2) * (height - 2) - 3 * bars
    if needed > 1 and 2 * loads > inner:
        raise OptionError(
            f"num_loads={loads} with needed={needed} want {2 * loads} free cells off the border (a start and "
            f"a depot for each); allowed: at most {inner // 2} loads, a larger size or needed=1"
        )
    return build_grid(
        "haul",
        push(loads, needed=needed),
        num_agents=num_agents,
        num_objects=loads,
        size=size,
        walls=walls,
        bodies_block=bodies_block,
        reach=reach,
        cone=cone,
        full_view=full_view,
        counted="num_loads",
    )
