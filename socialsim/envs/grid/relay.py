"""relay: from hand to hand to where it belongs."""

from socialsim.envs.grid.build import build_grid, needed_count, objects_count
from socialsim.envs.grid.carry import carry
from socialsim.envs.grid.engine import Grid


def relay(
    *,
    num_agents: int = 4,
    num_parcels: int = 1,
    hands: int = 3,
    size: int | tuple[int, int] = 10,
    walls: int = 1,
    bodies_block: bool = True,
    reach: float = 8.0,
    cone: float = 120.0,
    full_view: bool = False,
) -> Grid:
    """Parcels that must pass through several hands, in turn, on the way to their depots.

    Who: `num_agents` walkers.  What: `num_parcels` parcels, each with a depot cell it belongs to.  Who
    INTERACTs with a parcel ahead (or underfoot) carries it; who INTERACTs while carrying hands it to the
    agent ahead, if that one's hands are empty and idle.  Joint event: each hand-over to somebody who has
    not yet carried it on this trip, up to `hands` carriers (giver and receiver share it), and the delivery
    within one cell of its depot after that many (all who carried it share it); the parcel then sets out
    anew elsewhere. Handing it to and fro earns nothing.  Acts: the ten of the shared alphabet.  Horizon:
    128 decisions, never terminates.  Random teams hand over now and then and never deliver; a competent
    team forms a chain around the parcel and the last one brings it home.

    Parameters
    ----------
    num_agents, num_parcels : how many of each.
    hands : different carriers a parcel needs; at most `num_agents`.
    size, walls, bodies_block, reach, cone, full_view : as in `rendezvous`.
    """
    parcels = objects_count("num_parcels", num_parcels)
    return build_grid(
        "relay",
        carry(parcels, hands=needed_count(hands, num_agents, most=num_agents, name="hands")),
        num_agents=num_agents,
        num_objects=parcels,
        size=size,
        walls=walls,
        bodies_block=bodies_block,
        reach=reach,
        cone=cone,
        full_view=full_view,
        counted="num_parcels",
    )
