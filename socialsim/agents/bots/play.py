"""Play whole episodes with a scripted team, in many worlds at once."""

import functools
from collections.abc import Callable

import jax
from flax import struct
from jaxtyping import Array, Bool, Float, Int, Key

from socialsim.agents.bots.base import Bot
from socialsim.core.scene import Scene
from socialsim.core.simulation import Simulation
from socialsim.core.world import Around, State


class Play(struct.PyTreeNode):
    """`T` decisions of `E` worlds of `A` agents. joint: shares in joint successes, the team metric."""

    signals: Float[Array, "T E A C"]
    joint: Float[Array, "T E A"]
    act: Int[Array, "T E A"]


def play(
    env: Simulation,
    bot: Bot,
    key: Key[Array, ""],
    num_worlds: int,
    steps: int | None = None,
    prepare: Callable | None = None,
) -> Play:
    """One episode in each of `num_worlds` worlds, `steps` decisions long (default: the horizon).

    prepare: `(key, world state) -> world state` rearranges each fresh world before its episode begins.
    """

    reset_key, run_key = jax.random.split(key)
    state = _start(env, prepare, jax.random.split(reset_key, num_worlds))
    return _episodes(env, bot, state, run_key, env.horizon if steps is None else steps)


class _Arranged(Around):
    """A world whose fresh states are rearranged."""

    prepare: Callable = struct.field(pytree_node=False)

    def reset(self, key: Key[Array, ""]) -> State:
        reset_key, prepare_key = jax.random.split(key)
        return self.prepare(prepare_key, self.world.reset(reset_key))

    def step(self, key: Key[Array, ""], state: State, action: Array) -> State:
        return self.world.step(key, state, action)

    def scene(self, state: State) -> Scene:
        return self.world.scene(state)

    def terminated(self, state: State) -> Bool[Array, ""]:
        return self.world.terminated(state)


@functools.partial(jax.jit, static_argnames="prepare")
def _start(env, prepare, keys):
    if prepare is not None:
        env = env.replace(world=_Arranged(env.world, prepare))
    return jax.vmap(lambda key: env.reset(key)[0])(keys)


@functools.partial(jax.jit, static_argnames="steps")
def _episodes(env, bot, state, key, steps) -> Play:
    """One compilation serves all teams of one kind: their options are data."""
    count = jax.tree.leaves(state)[0].shape[0]

    def decide(key, state, memory):
        bot_key, step_key = jax.random.split(key)
        action, memory = bot(bot_key, env.scene(state), memory)
        state, timestep = env.step(step_key, state, action)
        return (state, memory), Play(timestep.signals, timestep.joint, env.scene(state).act)

    def step(carry, key):
        return jax.vmap(decide)(jax.random.split(key, count), *carry)

    memory = jax.vmap(lambda s: bot.begin(env.scene(s)))(state)
    return jax.lax.scan(step, (state, memory), jax.random.split(key, steps))[1]
