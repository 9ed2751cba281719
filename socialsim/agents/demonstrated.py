"""A world in which a scripted team can be made to act in place of the agents: curated demonstrations."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Key

from socialsim.agents.bots.base import Bot
from socialsim.core.scene import Scene
from socialsim.core.world import Around, State, World


def as_it_is(world: World, state: State) -> Scene:
    return world.scene(state)


class Shown(struct.PyTreeNode):
    """inner: state of the world.  memory: of the scripted team."""

    inner: State
    memory: Any


class Demonstrated(Around):
    """`world`, where `bot` acts instead of the agents while `on`, whatever actions they are given.

    Agents sense their own last act, so they can tell afterwards what was done in their place (see `Cloning`).
    on is data: runs with and without demonstrations are one program.  view: what the team is shown, `(world,
    state) -> Scene`; scripted teams are experts and may be shown more than there is to see.
    """

    bot: Bot
    on: Bool[Array, ""]
    view: Callable[[Any, State], Scene] = struct.field(pytree_node=False, default=as_it_is)

    def reset(self, key: Key[Array, ""]) -> Shown:
        inner = self.world.reset(key)
        return Shown(inner, self.bot.begin(self.view(self.world, inner)))

    def step(self, key: Key[Array, ""], state: Shown, action: Array) -> Shown:
        def scripted(action):
            scene = self.view(self.world, state.inner)
            done, memory = self.bot(jax.random.fold_in(key, 0), scene, state.memory)
            return done.astype(action.dtype), memory

        action, memory = jax.lax.cond(self.on, scripted, lambda action: (action, state.memory), action)
        return Shown(self.world.step(key, state.inner, action), memory)

    def scene(self, state: Shown) -> Scene:
        return self.world.scene(state.inner)

    def terminated(self, state: Shown) -> Bool[Array, ""]:
        return jnp.asarray(self.world.terminated(state.inner))
