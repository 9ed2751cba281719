"""Competent teams of the plane: far better than random ones, by motor commands and by acts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import socialsim
from socialsim.agents import bots
from socialsim.agents.bots.plane import quantise, share_out
from socialsim.core.acts import Act


def rate(env, bot):
    return float(bots.play(env, bot, jax.random.key(5), 8, 96).joint.mean())


@pytest.mark.parametrize(
    ("world", "discrete", "least"),
    [
        ("rendezvous-plane-v0", False, 0.015),
        ("spread-v0", False, 0.06),
        ("spread-v0", True, 0.04),
        ("flock-v0", False, 0.2),
        ("dance-v0", False, 0.4),
        ("dance-v0", True, 0.15),
    ],
)
def test_a_competent_team_beats_a_random_one_by_far(world, discrete, least):
    env = socialsim.make(world, discrete=discrete, signals=("coordination",))
    competent, random = rate(env, bots.scripted_team(env)), rate(env, bots.random_team(env))
    assert competent > least and competent > 20 * random


def test_the_nearest_pair_comes_first_and_everyone_has_one_thing():
    cost = jnp.array([[1.0, 5.0, 9.0], [0.5, 2.0, 9.0], [4.0, 3.0, 8.0], [7.0, 6.0, 7.0]])
    taken = np.asarray(share_out(cost))
    np.testing.assert_array_equal(taken, [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    np.testing.assert_array_equal(share_out(cost[:2]).sum(1), 1)
    assert (np.asarray(share_out(jnp.zeros((3, 3)))).sum(0) == 1).all()  # ties are broken


def test_commands_become_the_acts_that_do_most_of_them():
    drive = jnp.array([[1, 0], [-1, 0.4], [0.2, 0.4], [1, 0.6], [0, -0.9]], jnp.float32)
    acts = [Act.ADVANCE, Act.RETREAT, Act.STILL, Act.TURN_LEFT, Act.TURN_RIGHT]
    np.testing.assert_array_equal(quantise(drive), acts)


def test_dancers_learn_tempi_they_are_not_told():
    """The loop's command ends near what makes every natural tempo that of the beat."""
    env = socialsim.make("dance-v0")
    team = bots.scripted_team(env)

    @jax.jit
    def run(key):
        state = env.world.reset(key)

        def step(carry, t):
            state, memory = carry
            action, memory = team(key, env.world.scene(state), memory)
            return (env.world.step(key, state, action), memory), None

        start = (state, team.begin(env.world.scene(state)))
        return jax.lax.scan(step, start, jnp.arange(120))[0]

    state, memory = run(jax.random.key(0))
    natural = np.asarray(state.natural / env.world.tempo)
    assert natural.max() - natural.min() > 0.1
    np.testing.assert_allclose((1 + memory.tempo) * natural, 1.0, atol=0.05)
