"""A world where two things can be done together, and drives say which of them is worth anything."""

import dataclasses
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from socialsim.core.acts import Act
from socialsim.core.errors import integer
from socialsim.core.senses import Senses
from socialsim.core.signals import Signal, Window
from socialsim.core.simulation import Simulation
from socialsim.envs.grid.build import build_grid
from socialsim.envs.grid.gather import Gather
from socialsim.envs.grid.mechanism import columns

WAYS = {"lit": Act.INTERACT, "dark": Act.GESTURE_0}
"""Kind of object -> the act that brings success there."""


class Lit(Gather):
    """`Gather` whose objects can be told apart: those that are lit show it.

    lit: shown as the feature "active".
    """

    lit: Bool[Array, " M"]

    def show(self, grid, state, memory):
        shown = super().show(grid, state, memory)
        return shown.replace(columns=shown.columns | {"active": self.lit.astype(jnp.float32)})


@dataclasses.dataclass(frozen=True)
class SuccessAtLit(Signal):
    """Success together at a lit object: the share in it of those who INTERACT."""

    name: ClassVar[str] = "success_lit"

    def __call__(self, window: Window) -> Float[Array, " A"]:
        return jnp.where(window.scene.act == WAYS["lit"], window.scene.joint, 0.0)


@dataclasses.dataclass(frozen=True)
class SuccessAtDark(Signal):
    """Success together at a dark object: the share in it of those who GESTURE."""

    name: ClassVar[str] = "success_dark"

    def __call__(self, window: Window) -> Float[Array, " A"]:
        return jnp.where(window.scene.act == WAYS["dark"], window.scene.joint, 0.0)


@dataclasses.dataclass(frozen=True)
class WorldConfig:
    """agents, size: walkers, cells along a side.  each: lit objects, and as many dark ones.
    needed: agents it takes.  horizon: decisions of an episode."""

    agents: int = 2
    size: int = 6
    each: int = 1
    needed: int = 2
    horizon: int = 64

    def __post_init__(self):
        for name, low in (("agents", 2), ("size", 4), ("each", 1), ("needed", 1), ("horizon", 1)):
            integer(name, getattr(self, name), low=low)


def two_ways(config: WorldConfig) -> Simulation:
    """Lit objects yield to `needed` agents beside them that INTERACT in the same decision, dark ones to
    agents that GESTURE; what has yielded moves elsewhere.

    Two channels, success at lit and at dark objects, and physics that never changes: what is worth doing is
    a matter of drives alone. So contingencies between acts and what they are worth reverse when drives do
    (revaluation of outcomes: Adams & Dickinson 1981).
    """
    kinds = np.arange(2 * config.each) < config.each
    act = np.where(kinds, int(WAYS["lit"]), int(WAYS["dark"]))
    rule = dict(on=True, needed=config.needed, radius=1, act=act, weighs=False, together=0, blocks=False)
    leaves = columns(len(kinds), rule | {"lit": kinds}, flags=("on", "weighs", "blocks", "lit"))
    world = build_grid(
        "two-ways",
        Lit(**leaves, drawn=False),
        num_agents=config.agents,
        num_objects=len(kinds),
        size=config.size,
    )
    return Simulation(
        world=world, senses=Senses(), signals=(SuccessAtLit(), SuccessAtDark()), horizon=config.horizon
    )


def settings(config: WorldConfig) -> Float[np.ndarray, "2 A C"]:
    """The drives before the reversal and after it: one channel is worth 1, the other nothing."""
    return np.broadcast_to(np.eye(2, dtype=np.float32)[:, None], (2, config.agents, 2)).copy()
