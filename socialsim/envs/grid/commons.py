"""commons: live on what regrows, and keep it growing together."""

import jax.numpy as jnp

from socialsim.core.errors import integer, number
from socialsim.envs.grid.build import build_grid, needed_count, objects_count, room_at
from socialsim.envs.grid.engine import Grid
from socialsim.envs.grid.grow import Grow


def commons(
    *,
    num_agents: int = 7,
    num_bushes: int = 8,
    num_springs: int = 2,
    needed: int = 2,
    growth: float = 0.08,
    silting: float = 0.02,
    spread: int = 6,
    steward_share: float = 0.5,
    size: int | tuple[int, int] = 14,
    walls: int = 0,
    bodies_block: bool = True,
    reach: float = 8.0,
    cone: float = 120.0,
    full_view: bool = False,
) -> Grid:
    """A shared stock that regrows by its density; what feeds it must be restored by joint work.

    Clean Up and Harvest in one (Hughes et al. 2018; Perolat et al. 2017). Who: `num_agents` walkers.
    What: `num_bushes` bushes whose level grows with that of the bushes near them, so that what is stripped
    bare hardly recovers; and `num_springs` springs that feed them all but silt up.  Acts: the ten of the
    shared alphabet; INTERACT next to a ripe bush (level 0.5 or more) harvests half of it, one agent each
    (who of several is first is drawn anew each time, the others take the next in reach); `needed` agents
    next to a spring who INTERACT in the same decision clear it.  Joint event: a harvest counts as far as
    others' clearing has made it possible: the harvester's share is the service of the others of late, at
    most 1, and they gain `steward_share` of it among them. A team that never clears a spring has no joint
    success, however much it harvests, and its bushes cease to grow.  Horizon: 128 decisions, never
    terminates.  Random teams clear a spring by accident and live on the first stock; in a competent team
    some keep the springs clear while the others harvest.

    Parameters
    ----------
    num_agents, num_bushes, num_springs : how many of each.
    needed : agents that must work at a spring at once.
    growth : of a bush among full ones, per decision.  silting : of a spring, per decision (1 is full).
    spread : cells within which bushes foster one another.
    steward_share : what those who cleared gain of others' harvest, 0 to 1.
    size, walls, bodies_block, reach, cone, full_view : as in `rendezvous`.
    """
    bushes, springs = objects_count("num_bushes", num_bushes), objects_count("num_springs", num_springs)
    most = room_at(bushes + springs, 1, size, walls) if bodies_block else num_agents
    needed = needed_count(needed, num_agents, most)
    rates = {"growth": growth, "silting": silting, "steward_share": steward_share}
    rates = {name: jnp.float32(number(name, value, low=0, high=1)) for name, value in rates.items()}
    bush = jnp.arange(bushes + springs) < bushes
    return build_grid(
        "commons",
        Grow(
            bush=bush,
            spring=~bush,
            needed=jnp.full(bushes + springs, needed, jnp.int32),
            spread=jnp.int32(integer("spread", spread, low=0, high=1000)),
            ripe=jnp.float32(0.5),
            bite=jnp.float32(0.5),
            memory=jnp.float32(20.0),
            **rates,
        ),
        num_agents=num_agents,
        num_objects=bushes + springs,
        size=size,
        walls=walls,
        bodies_block=bodies_block,
        reach=reach,
        cone=cone,
        full_view=full_view,
        counted="num_bushes + num_springs",
    )
