"""What a scripted team is, and the simplest of them."""

import abc
import functools
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float, Key

from socialsim.core import draws
from socialsim.core.scene import Scene
from socialsim.core.world import Actions

Memory = Any  # a pytree of the bot's own


class Bot(struct.PyTreeNode, abc.ABC):
    """A scripted team. Its fields are its options; numeric ones are leaves, so teams can be stacked.

    `bot(key, scene, memory) -> (action, memory)` is pure and written for one world (vmap it). Actions are
    `[A]` acts or `[A, n]` motor commands in [-1, 1], as `Actions` asks. `key` is consumed.
    """

    def begin(self, scene: Scene) -> Memory:
        """The memory before the first decision of an episode."""
        return ()

    @abc.abstractmethod
    def __call__(self, key: Key[Array, ""], scene: Scene, memory: Memory) -> tuple[Array, Memory]: ...


def random_action(key: Key[Array, ""], actions: Actions, num_agents: int) -> Array:
    """A uniformly random action for each agent."""
    if actions.continuous:
        uniform = functools.partial(jax.random.uniform, minval=-1.0, maxval=1.0)
        return draws.flat(uniform, key, (num_agents, actions.size))
    return jax.random.randint(key, (num_agents,), 0, actions.choices)


class Random(Bot):
    """Every agent takes a uniformly random action, independently of all else."""

    actions: Actions = struct.field(pytree_node=False)

    def __call__(self, key: Key[Array, ""], scene: Scene, memory: Memory) -> tuple[Array, Memory]:
        return random_action(key, self.actions, scene.num_agents), memory


class Explore(Bot):
    """`bot`, but each agent takes a random action with probability `epsilon` in each decision."""

    bot: Bot
    actions: Actions = struct.field(pytree_node=False)
    epsilon: float | Float[Array, ""]

    def begin(self, scene: Scene) -> Memory:
        return self.bot.begin(scene)

    def __call__(self, key: Key[Array, ""], scene: Scene, memory: Memory) -> tuple[Array, Memory]:
        bot_key, slip_key, act_key = jax.random.split(key, 3)
        action, memory = self.bot(bot_key, scene, memory)
        slip = jax.random.bernoulli(slip_key, self.epsilon, (scene.num_agents,))
        other = random_action(act_key, self.actions, scene.num_agents)
        return jnp.where(slip.reshape(-1, *[1] * (action.ndim - 1)), other, action), memory


def random_team(env) -> Random:
    """A random team for a Simulation or World."""
    return Random(env.actions)
