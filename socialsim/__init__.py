"""socialsim: do agents that are given only social signals develop stable values that travel?"""

from socialsim import envs as envs  # registers the built-in worlds
from socialsim.core.autoreset import AutoReset
from socialsim.core.registry import make, register, worlds
from socialsim.core.scene import Scene
from socialsim.core.senses import Observation, Senses
from socialsim.core.signals import Signal, register_signal, signals
from socialsim.core.simulation import Simulation, TimeStep
from socialsim.core.world import World
from socialsim.envs.grid.procedural import sample_world


def load_pretrained(id: str, seed: int = 0):
    """The team that ships for a world: see `socialsim.agents.pretrained.load_pretrained`."""
    from socialsim.agents import pretrained

    return pretrained.load_pretrained(id, seed)


__version__ = "0.1.0"

__all__ = [
    "AutoReset",
    "Observation",
    "Scene",
    "Senses",
    "Signal",
    "Simulation",
    "TimeStep",
    "World",
    "load_pretrained",
    "make",
    "register",
    "register_signal",
    "sample_world",
    "signals",
    "worlds",
]
