"""Worlds that agent 0 leaves: the floor for good where the world has one to leave, else all activity."""

from typing import Any

import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Int, Key

from socialsim.core.scene import Scene
from socialsim.core.simulation import Simulation
from socialsim.core.world import Around, State
from socialsim.envs.grid.cycle import GONE, Cycle
from socialsim.envs.grid.engine import Grid

STILL = 0  # of the act alphabet; a motor command of zeros does the same
LEAVES, STAYS, GUIDE = "leaves the floor", "stands still where it is", "is moved by the world, then leaves"


class Stay(struct.PyTreeNode):
    """State of the world inside, and decisions since the start."""

    inside: State
    time: Int[Array, ""]


class Departing(Around):
    """A world in which agent 0 is gone from decision `until` on (0: never there).

    On grids it leaves the floor: nobody sees it, it blocks nothing and takes part in nothing, as the guide
    of goal-cycle; what it carries goes with it. Elsewhere its body stays and does nothing (act STILL, motor
    command 0): it may still be in the way or count as present.
    """

    until: Int[Array, ""]

    def reset(self, key: Key[Array, ""]) -> Stay:
        return self._left(Stay(self.world.reset(key), jnp.zeros((), jnp.int32)))

    def step(self, key: Key[Array, ""], state: Stay, action: Array) -> Stay:
        idle = (jnp.arange(self.num_agents) == 0) & (state.time >= self.until)
        idle = idle.reshape(-1, *[1] * (action.ndim - 1))
        inside = self.world.step(key, state.inside, jnp.where(idle, STILL, action).astype(action.dtype))
        return self._left(Stay(inside, state.time + 1))

    def scene(self, state: Stay) -> Scene:
        return self.world.scene(state.inside)

    def terminated(self, state: Stay) -> Bool[Array, ""]:
        return self.world.terminated(state.inside)

    def _left(self, state: Stay) -> Stay:
        if not isinstance(self.world, Grid):
            return state
        gone = (jnp.arange(self.num_agents) == 0) & (state.time >= self.until)
        position = jnp.where(gone[:, None], GONE, state.inside.position)
        return state.replace(inside=state.inside.replace(position=position))


def guided(env: Simulation) -> bool:
    """Agent 0 is a guide that the world itself moves and takes away (goal-cycle)."""
    rules = env.world.mechanisms if isinstance(env.world, Grid) else ()
    return any(isinstance(m, Cycle) and bool((m.demonstration > 0).any()) for m in rules)


def departing(env: Simulation) -> tuple[Simulation, str]:
    """The same simulation with a departure that `until` sets, and what departing means there."""
    if guided(env):
        return env, GUIDE
    how = LEAVES if isinstance(env.world, Grid) else STAYS
    return env.replace(world=Departing(env.world, jnp.int32(0))), how


def until(env: Simulation, decision: Array) -> Simulation:
    """`departing(env)` with agent 0 there for so many decisions."""
    return env.replace(world=env.world.replace(until=decision))


def guide_until(env: Simulation, decision: Array) -> Simulation:
    """goal-cycle with a demonstration of so many decisions (0: no guide, agent 0 is one of all)."""
    world: Any = env.world  # a Grid: see `guided`
    rules = tuple(m.replace(demonstration=decision) if isinstance(m, Cycle) else m for m in world.mechanisms)
    return env.replace(world=world.replace(mechanisms=rules))
