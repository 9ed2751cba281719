"""Checked construction of grid worlds: one place for the options that all of them share."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool

from socialsim.core.errors import OptionError, integer, number
from socialsim.core.sight import Eyes
from socialsim.envs.grid import layout
from socialsim.envs.grid.engine import Grid
from socialsim.envs.grid.mechanism import Mechanism


def build_grid(
    task: str,
    *mechanisms: Mechanism,
    num_agents: int,
    num_objects: int,
    size: int | tuple[int, int],
    walls: int = 0,
    wall_slots: int | None = None,
    wall_cells: int | None = None,
    strongest: int = 1,
    present: Bool[Array, " M"] | None = None,
    bodies_block: bool = True,
    reach: float = 8.0,
    cone: float = 120.0,
    full_view: bool = False,
    counted: str = "num_objects",
) -> Grid:
    """A Grid under the rules of `mechanisms`, all over `num_objects` objects.

    wall_slots, wall_cells: boxes of wall a state holds and cells they take, where that is not one and three
    for each of `walls` bars.
    counted: the option that numbers the objects, for messages.

    Raises OptionError, naming the option, for sizes that cannot be: no agents, more objects than cells.
    """
    agents = integer("num_agents", num_agents, low=1, high=4096)
    width, height, bars = floor(size, walls)
    wanted = agents + 2 * num_objects
    cells = width * height - (3 * bars if wall_cells is None else wall_cells)
    if wanted > cells:
        raise OptionError(
            f"num_agents={agents} and {counted}={num_objects} want {wanted} free cells (a start for each "
            f"agent, a place and a goal for each object); allowed: at most {cells}, what "
            f"size={width}x{height} leaves beside its walls"
        )
    return Grid(
        width=jnp.int32(width),
        height=jnp.int32(height),
        walls=jnp.int32(bars),
        strongest=jnp.int32(integer("max_strength", strongest, low=1, high=8)),
        present=jnp.ones(num_objects, bool) if present is None else present,
        mechanisms=mechanisms,
        shape=(width, height),
        wall_slots=bars if wall_slots is None else wall_slots,
        agents=agents,
        eyes=Eyes(reach=number("reach", reach, low=0, above=True), cone=cone, full_view=bool(full_view)),
        bodies_block=bool(bodies_block),
        task=task,
    )


def objects_count(name: str, value, *, low: int = 1) -> int:
    """How many objects, checked."""
    return integer(name, value, low=low, high=4096)


def needed_count(needed, num_agents, most: int, name: str = "needed") -> int:
    """How many participants, checked: no more than there are agents, or places for them."""
    needed, agents = integer(name, needed, low=1), integer("num_agents", num_agents, low=1, high=4096)
    if needed > agents:
        raise OptionError(f"{name}={needed}; allowed: at most num_agents={agents}")
    if needed > most:
        raise OptionError(
            f"{name}={needed}; allowed: at most {most}, as many as find a place wherever it may lie"
        )
    return needed


def floor(size, walls=0, low: int = 3) -> tuple[int, int, int]:
    """Width, height (`low` or more) and bars of wall, checked. size: one integer, or (width, height)."""
    pair = size if isinstance(size, (tuple, list)) else (size, size)
    if len(pair) != 2:
        raise OptionError(f"size={size!r}; allowed: one integer or (width, height)")
    width, height = (integer("size", side, low=low, high=512) for side in pair)
    return width, height, integer("walls", walls, low=0, high=layout.max_walls(width, height))


def room_at(objects: int, radius: int, size, walls=0, *, blocks: bool = False) -> int:
    """How many agents find places within `radius` of each of so many objects at once, wherever these lie.

    blocks: nobody can stand on the object itself.
    """
    width, height, bars = floor(size, walls)
    corner = int(layout.corner_room(radius, width, height, bars, np))
    margin = min(radius, (min(width, height) - 1) // 2)
    inner = min(width, margin + radius + 1) * min(height, margin + radius + 1)
    inner -= 3 * min(bars, ((2 * radius + 7) // 5) ** 2)
    off_border = (width - 2 * margin) * (height - 2 * margin) - 3 * bars
    return max(corner, inner if off_border >= objects else 0) - blocks
