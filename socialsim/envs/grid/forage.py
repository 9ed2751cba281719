"""forage: gather what is too strong for one."""

from socialsim.core.acts import Act
from socialsim.core.errors import OptionError, integer
from socialsim.envs.grid.build import build_grid, objects_count, room_at
from socialsim.envs.grid.engine import Grid
from socialsim.envs.grid.gather import gather


def forage(
    *,
    num_agents: int = 4,
    num_items: int = 3,
    max_strength: int = 3,
    together: int = 3,
    force_coop: bool = True,
    size: int | tuple[int, int] = 10,
    walls: int = 0,
    bodies_block: bool = True,
    reach: float = 8.0,
    cone: float = 120.0,
    full_view: bool = False,
) -> Grid:
    """Items that yield only to agents whose levels add up to the item's own.

    Level-based foraging (Albrecht & Ramamoorthy 2013; Papoudakis et al. 2021). Who: `num_agents` walkers,
    each with a level (its strength) drawn at every reset from 1 to `max_strength`.  What: `num_items`
    items that block the way, each with a level of its own.  Joint event: agents next to an item (also
    diagonally) INTERACT in the same decision and their levels sum to its level or more; all of them share
    it and the item grows elsewhere with a new level.  Acts: the ten of the shared alphabet.  Horizon: 128
    decisions, never terminates.  Random teams forage seldom; a competent team meets at one item and loads
    it together.

    Parameters
    ----------
    num_agents, num_items : how many of each.
    max_strength : levels of agents are drawn from 1 to this (at most 8).
    together : levels of items are at most the sum of that many of the strongest agents.
    force_coop : levels of items exceed `max_strength` (or are the sum of the `together` strongest of this
        episode, if that is less), so that none yields to one agent alone.
    size, walls, bodies_block, reach, cone, full_view : as in `rendezvous`.
    """
    items = objects_count("num_items", num_items)
    together = integer("together", together, low=1, high=8)
    strongest = integer("max_strength", max_strength, low=1, high=8)
    agents = integer("num_agents", num_agents, low=1, high=4096)
    if force_coop and (together < 2 or agents < 2):
        raise OptionError(
            f"force_coop with together={together}, num_agents={agents}; allowed: at least 2 of each"
        )
    most = room_at(items, 1, size, walls, blocks=True) if bodies_block else together
    if min(together, agents) > most:
        raise OptionError(
            f"together={together}; allowed: at most {most}, as many as find a place beside an item wherever "
            f"it may lie"
        )
    return build_grid(
        "forage",
        gather(
            items,
            needed=strongest + 1 if force_coop else 1,
            radius=1,
            act=int(Act.INTERACT),
            weighs=True,
            together=together,
            blocks=True,
            drawn=True,
        ),
        num_agents=agents,
        num_objects=items,
        size=size,
        walls=walls,
        strongest=strongest,
        bodies_block=bodies_block,
        reach=reach,
        cone=cone,
        full_view=full_view,
        counted="num_items",
    )
