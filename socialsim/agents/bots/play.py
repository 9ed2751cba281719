"""Play whole episodes with a scripted team, in many worlds at once."""

from collections.abc import Callable

import jax
from flax import struct
from jaxtyping import Array, Float, Int, Key

from socialsim.agents.bots.base import Bot
from socialsim.core.simulation import Simulation


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

    prepare: `(key, SimulationState) -> SimulationState` rearranges each world before it starts.
    """

    def episode(key):
        reset_key, prepare_key, run_key = jax.random.split(key, 3)
        state, _ = env.reset(reset_key)
        state = state if prepare is None else prepare(prepare_key, state)

        def step(carry, key):
            state, memory = carry
            bot_key, step_key = jax.random.split(key)
            action, memory = bot(bot_key, env.scene(state), memory)
            state, timestep = env.step(step_key, state, action)
            return (state, memory), Play(timestep.signals, timestep.joint, env.scene(state).act)

        keys = jax.random.split(run_key, env.horizon if steps is None else steps)
        return jax.lax.scan(step, (state, bot.begin(env.scene(state))), keys)[1]

    return jax.jit(jax.vmap(episode, out_axes=1))(jax.random.split(key, num_worlds))
