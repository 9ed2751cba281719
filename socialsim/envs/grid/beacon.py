"""beacon: look where those look who know."""

from socialsim.core.errors import integer, number
from socialsim.envs.grid.build import build_grid, needed_count, objects_count
from socialsim.envs.grid.engine import Grid
from socialsim.envs.grid.watch import watch

FARTHEST = 1024
"""Cells: no floor is as wide as that."""


def beacon(
    *,
    num_agents: int = 4,
    num_beacons: int = 1,
    needed: int = 3,
    window: int = 1,
    num_informed: int = 1,
    size: int | tuple[int, int] = 10,
    walls: int = 2,
    bodies_block: bool = True,
    reach: float = 8.0,
    cone: float = 120.0,
    full_view: bool = False,
) -> Grid:
    """Joint attention: a target lights when enough agents look at it; only some can see it.

    Who: `num_agents` walkers, of whom `num_informed`, drawn anew in each episode, can see the beacons; to
    the rest they are invisible, and the gaze of the informed is all that tells of them (gaze following:
    Scaife & Bruner 1975).  What: `num_beacons` beacons.  Joint event: `needed` agents have looked at one
    within the last `window` + 1 decisions, facing it within 22.5 degrees with nothing in between; those who
    looked share it and the beacon moves elsewhere.  Acts: the ten of the shared alphabet.  Horizon: 128
    decisions, never terminates.  Random teams hit upon it now and then, for a glance costs nothing; a
    competent team turns to it at once, again and again.

    Parameters
    ----------
    num_agents, num_beacons : how many of each.
    needed : agents that must look; at most `num_agents`.
    window : decisions for which a look still counts after the one it was given in.
    num_informed : agents that can see the beacons; 1 to `num_agents`.
    size, walls, bodies_block, reach, cone, full_view : as in `rendezvous`; reach, 1 or more, is also how far
        off a look counts, in whole cells.
    """
    beacons = objects_count("num_beacons", num_beacons)
    agents = integer("num_agents", num_agents, low=1, high=4096)
    reach = number("reach", reach, low=1)
    return build_grid(
        "beacon",
        watch(
            beacons,
            needed=needed_count(needed, agents, most=agents),
            window=integer("window", window, low=0, high=1000),
            reach=min(int(reach), FARTHEST),
            num_informed=integer("num_informed", num_informed, low=1, high=agents),
        ),
        num_agents=agents,
        num_objects=beacons,
        size=size,
        walls=walls,
        bodies_block=bodies_block,
        reach=reach,
        cone=cone,
        full_view=full_view,
        counted="num_beacons",
    )
