"""rendezvous: be at one place at one time."""

from socialsim.core.errors import integer
from socialsim.envs.grid.build import build_grid, needed_count, objects_count, room_at
from socialsim.envs.grid.engine import Grid
from socialsim.envs.grid.gather import gather


def rendezvous(
    *,
    num_agents: int = 4,
    num_pads: int = 2,
    needed: int = 3,
    size: int | tuple[int, int] = 10,
    walls: int = 2,
    radius: int = 1,
    bodies_block: bool = True,
    reach: float = 8.0,
    cone: float = 120.0,
    full_view: bool = False,
) -> Grid:
    """Pads that light up only while enough agents stand on them at once.

    Who: `num_agents` walkers.  What: `num_pads` pads, each covering the cells within `radius` of its
    centre; random bars of wall block the way and the view.  Joint event: `needed` agents on one pad in the
    same decision; all on it share it, and the pad moves at least a third of the floor away.
    Acts: the ten of the shared alphabet.  Horizon: 128 decisions, never terminates.
    Random teams meet by accident and seldom; a competent team walks to one pad in sight, waits there for
    the others and moves on to the next.

    Parameters
    ----------
    num_agents, num_pads : how many of each.
    needed : agents a pad needs at once; at most `num_agents`, and as many as find room on a pad beside a
        wall (with the defaults 6). Where not as many find room in a corner, pads keep off the border.
    size : cells along a side, or (width, height).
    walls : bars of three cells; at most one in each whole block of 5 x 5 cells.
    radius : of a pad, cells (Chebyshev).
    bodies_block : no two agents in one cell.
    reach, cone : of sight, in cells and degrees.  full_view : see everything.
    """
    radius = integer("radius", radius, low=0, high=8)
    pads = objects_count("num_pads", num_pads)
    most = room_at(pads, radius, size, walls) if bodies_block else num_agents
    needed = needed_count(needed, num_agents, most)
    return build_grid(
        "rendezvous",
        gather(pads, needed=needed, radius=radius),
        num_agents=num_agents,
        num_objects=pads,
        size=size,
        walls=walls,
        bodies_block=bodies_block,
        reach=reach,
        cone=cone,
        full_view=full_view,
        counted="num_pads",
    )
