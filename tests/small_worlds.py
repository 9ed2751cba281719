"""Every registered world in a size that compiles and plays fast."""

import socialsim
from socialsim.core.simulation import Simulation

HORIZON = 12

OPTIONS = {
    "rendezvous-v0": {"num_agents": 3, "size": 6, "walls": 1},
    "haul-v0": {"num_agents": 3, "size": 6, "walls": 1},
    "forage-v0": {"num_agents": 3, "num_items": 2, "size": 6, "walls": 1},
    "commons-v0": {"num_agents": 3, "num_bushes": 3, "num_springs": 1, "size": 7},
    "beacon-v0": {"num_agents": 3, "size": 6, "walls": 1},
    "relay-v0": {"num_agents": 3, "size": 6},
    "gates-v0": {"num_agents": 3, "size": 6},
    "goal-cycle-v0": {"num_agents": 3, "num_landmarks": 3, "size": 7, "demonstration": 8},
    "procedural-v0": {"num_agents": 3, "max_objects": 2, "max_size": 7, "max_walls": 1},
}
"""Options of the grids; other worlds keep their defaults."""

WORLDS = socialsim.worlds()


def physics(id: str) -> str:
    """The family of a world: grid, plane, mujoco or games."""
    from socialsim.core.registry import entry

    return entry(id).entry_point.split(".")[2]


def small(id: str, **options) -> Simulation:
    return socialsim.make(id, **({"horizon": HORIZON} | OPTIONS.get(id, {}) | options))
