"""Where coherence is asked for: a rendezvous in which some of what is sensed has no bearing on anything.

Partners differ by their strength, which counts for nothing here: it is a badge that tells who is who. Decoys
are objects that afford nothing: they look like places to meet that need nobody, never block and never light.
"""

import dataclasses

import jax.numpy as jnp

from socialsim.core.errors import OptionError, integer
from socialsim.core.senses import Senses
from socialsim.core.signals import make_signal
from socialsim.core.simulation import Simulation
from socialsim.envs.grid.build import build_grid
from socialsim.envs.grid.engine import Grid
from socialsim.envs.grid.gather import gather


@dataclasses.dataclass(frozen=True)
class PlaceConfig:
    """One place to meet.

    agents: of a team.  needed: on one pad at once.  pads, decoys: objects that matter, and that do not.
    badges: strengths are drawn from 1 to this, and count for nothing.  size, walls: of the floor.
    """

    agents: int = 3
    needed: int = 2
    pads: int = 2
    decoys: int = 2
    badges: int = 2
    size: int = 8
    walls: int = 1
    horizon: int = 128

    def __post_init__(self):
        for name in ("agents", "needed", "pads", "badges", "size", "horizon"):
            integer(name, getattr(self, name), low=1)
        for name in ("decoys", "walls"):
            integer(name, getattr(self, name), low=0)
        if self.needed > self.agents:
            raise OptionError(f"needed={self.needed}; allowed: at most agents={self.agents}")


def grid(env: Simulation) -> Grid:
    """The world of a place."""
    if not isinstance(env.world, Grid):
        raise OptionError(f"world={type(env.world).__name__}; allowed: a grid, as `place` makes it")
    return env.world


def place(config: PlaceConfig) -> Simulation:
    """The place as a simulation; pads first, decoys last among its objects. Its one signal is coordination:
    the others depend on where everybody looks, also at decoys, and so have no contexts without bearing."""
    objects = config.pads + config.decoys
    world = build_grid(
        "rendezvous",
        gather(objects, on=[i < config.pads for i in range(objects)], needed=config.needed, radius=1),
        num_agents=config.agents,
        num_objects=objects,
        size=config.size,
        walls=config.walls,
        strongest=config.badges,
        present=jnp.ones(objects, bool),
    )
    signals = (make_signal("coordination"),)
    return Simulation(world=world, senses=Senses(), signals=signals, horizon=config.horizon, id="coherence")
