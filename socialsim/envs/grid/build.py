"""Checked construction of grid worlds: one place for the options that all of them share."""

import jax.numpy as jnp

from socialsim.core.errors import OptionError, integer
from socialsim.core.sight import Eyes
from socialsim.envs.grid import layout
from socialsim.envs.grid.engine import Grid, Rules


def build_grid(
    *,
    num_agents: int,
    num_objects: int,
    size: int | tuple[int, int],
    walls: int,
    needed: int,
    most_needed: int,
    radius: int,
    stand: bool,
    bodies_block: bool,
    reach: float,
    cone: float,
    full_view: bool,
    object_name: str,
) -> Grid:
    """A Grid whose objects all follow one rule.

    Raises OptionError, naming the option, for sizes that cannot be: no agents, more objects than cells,
    more participants needed than there are agents or places for them.
    """
    agents = integer("num_agents", num_agents, low=1, high=4096)
    objects = integer(f"num_{object_name}", num_objects, low=1, high=4096)
    width, height = (size, size) if not isinstance(size, (tuple, list)) else _pair(size)
    width, height = integer("size", width, low=3, high=512), integer("size", height, low=3, high=512)
    bars = integer("walls", walls, low=0, high=layout.max_walls(width, height))
    needed = integer("needed", needed, low=1)
    if needed > agents:
        raise OptionError(f"needed={needed}; allowed: at most num_agents={agents}")
    if needed > most_needed:
        raise OptionError(f"needed={needed}; allowed: at most {most_needed}, as many as find a place there")
    wanted, cells = agents + 2 * objects, width * height - 3 * bars
    if wanted > cells:
        raise OptionError(
            f"num_agents={agents} and num_{object_name}={objects} want {wanted} free cells (a start for each "
            f"agent, a place and a goal for each object); allowed: at most {cells}, what "
            f"size={width}x{height} with walls={bars} leaves"
        )
    per_object = jnp.ones(objects, jnp.int32)
    return Grid(
        width=jnp.int32(width),
        height=jnp.int32(height),
        walls=jnp.int32(bars),
        rules=Rules(
            needed=per_object * needed,
            radius=per_object * radius,
            stand=per_object.astype(bool) & stand,
            push=per_object.astype(bool) & (not stand),
        ),
        shape=(width, height),
        wall_slots=bars,
        agents=agents,
        eyes=Eyes(reach=reach, cone=cone, full_view=bool(full_view)),
        bodies_block=bool(bodies_block),
    )


def _pair(size):
    if len(size) != 2:
        raise OptionError(f"size={size!r}; allowed: one integer or (width, height)")
    return size
