"""How hard tasks are, measured by the scripted team."""

import functools

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float, Key

from socialsim.agents.bots.base import Bot, random_team
from socialsim.agents.bots.competent import scripted_team
from socialsim.core.world import World


class Difficulty(struct.PyTreeNode):
    """Joint events per agent-step of the scripted and of a random team in each of `N` tasks."""

    scripted: Float[Array, " N"]
    random: Float[Array, " N"]

    @property
    def level(self) -> Float[Array, " N"]:
        """0 (the scripted team succeeds in every decision) to 1 (it never does)."""
        return 1.0 - jnp.clip(self.scripted, 0.0, 1.0)


def difficulty(tasks: World, key: Key[Array, ""], *, episodes: int = 4, steps: int = 128) -> Difficulty:
    """Play `episodes` episodes of `steps` decisions of each of N stacked tasks with either team.

    tasks : worlds of one structure, stacked: leaves `[N, ...]`, as `jax.vmap(sample_world)` gives them.
    """
    one = jax.tree.map(lambda x: x[0], tasks)
    teams = (scripted_team(one), random_team(one))
    return Difficulty(*(_rates(tasks, team, key, episodes, steps) for team in teams))


@functools.partial(jax.jit, static_argnames=("episodes", "steps"))
def _rates(tasks: World, bot: Bot, key, episodes: int, steps: int) -> Float[Array, " N"]:
    def episode(world, key):
        reset_key, run_key = jax.random.split(key)
        state = world.reset(reset_key)

        def decide(carry, key):
            state, memory = carry
            bot_key, step_key = jax.random.split(key)
            action, memory = bot(bot_key, world.scene(state), memory)
            state = world.step(step_key, state, action)
            return (state, memory), world.scene(state).joint.mean()

        begun = (state, bot.begin(world.scene(state)))
        return jax.lax.scan(decide, begun, jax.random.split(run_key, steps))[1].mean()

    def task(world, key):
        return jax.vmap(lambda k: episode(world, k))(jax.random.split(key, episodes)).mean()

    count = jax.tree.leaves(tasks)[0].shape[0]
    return jax.vmap(task)(tasks, jax.random.split(key, count))
