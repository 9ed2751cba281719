"""Empowerment: how many different outcomes an agent can bring about, in bits.

In a deterministic world the capacity of the channel from n acts to what comes of them is the logarithm of the
number of different outcomes (Klyubin et al. 2005). They are counted by stepping the world itself.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from socialsim.agents.rollout import Trajectory
from socialsim.core.acts import Act
from socialsim.core.errors import OptionError, integer
from socialsim.core.scene import Scene
from socialsim.core.senses import Observation
from socialsim.core.simulation import Simulation
from socialsim.core.world import State, World

MOVES = (Act.STILL, Act.ADVANCE, Act.RETREAT, Act.TURN_LEFT, Act.TURN_RIGHT)

Outcome = Callable[[Scene, Int[Array, ""]], Float[Array, " D"]]
"""What counts as an outcome for an agent, from the scene at the end."""


def places(scene: Scene, agent: Int[Array, ""]) -> Float[Array, " D"]:
    """Where the agent is, where it faces, and where all objects are."""
    return jnp.concatenate([scene.position[agent], scene.heading[agent], scene.object_position.ravel()])


def reachable(
    world: World,
    key: Key[Array, ""],
    state: State,
    agent: Int[Array, ""],
    *,
    acts: tuple[int, ...] = MOVES,
    steps: int = 2,
    outcome: Outcome = places,
) -> Int[Array, ""]:
    """Number of different outcomes of all |acts|^steps sequences of acts, while all others stand still.

    `key` is the same for all of them: what chance would do differs from no sequence to another.
    """
    mine = jnp.arange(world.num_agents) == agent
    choices = jnp.where(mine, jnp.asarray(acts)[:, None], int(Act.STILL)).astype(jnp.int32)  # [K, A]
    states = jax.tree.map(lambda x: x[None], state)
    for n in range(steps):
        k = jax.random.fold_in(key, n)
        each = jax.vmap(lambda s, k=k: jax.vmap(lambda a: world.step(k, s, a))(choices))(states)
        states = jax.tree.map(lambda x: x.reshape(x.shape[0] * x.shape[1], *x.shape[2:]), each)
    found = jax.vmap(lambda s: outcome(world.scene(s), agent))(states)
    same = (jnp.abs(found[:, None] - found[None]) < 1e-3).all(-1)
    seen = jnp.tril(same, -1).any(-1)
    return (~seen).sum()


def empowerment(world: World, key: Key[Array, ""], state: State, **options) -> Float[Array, " A"]:
    """log2 of the number of outcomes in reach of each agent, bits; options as in `reachable`."""
    agents = jnp.arange(world.num_agents)
    return jnp.log2(jax.vmap(lambda a: reachable(world, key, state, a, **options))(agents))


@dataclasses.dataclass(frozen=True)
class Empowerment:
    """A `ppo.Intrinsic`: empowerment of the state arrived at, as a share of the most there can be.

    acts, steps: of the sequences.  every: rows from one that is computed to the next; those between have 0,
    as has the last row of an episode. No agent can tell which are computed, so that on average this is the
    reward itself divided by `every`, at a fraction of its cost."""

    acts: tuple[int, ...] = MOVES
    steps: int = 2
    every: int = 4
    channels: tuple[str, ...] = ("empowerment",)
    states: bool = True

    def __post_init__(self):
        integer("steps", self.steps, low=1, high=4)
        integer("every", self.every, low=1)
        if len(self.acts) < 2:
            raise OptionError(f"acts={self.acts}; allowed: two or more")

    def init(self, key: Key[Array, ""], env: Simulation) -> Any:
        return env.world

    def __call__(self, kept: Any, key: Key[Array, ""], path: Trajectory, last: Observation):
        options: dict[str, Any] = dict(acts=self.acts, steps=self.steps)
        some = jax.tree.map(lambda x: x[self.every - 1 :: self.every], path.after)

        def row(states):
            return jax.vmap(lambda s: empowerment(kept, key, s, **options))(states)

        bits = jax.lax.map(row, some)
        most = self.steps * math.log2(len(self.acts))
        bonus = (
            jnp.zeros((*path.done.shape, bits.shape[-1])).at[self.every - 1 :: self.every].set(bits / most)
        )
        bonus = jnp.where(path.done[..., None], 0.0, bonus)
        return kept, bonus[..., None], {"empowerment_bits": bits.mean()}
