"""Scripted teams: they do what they are for, in every world, and know agents by their places."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import socialsim
from socialsim.agents import bots
from socialsim.agents.bots.difficulty import difficulty
from socialsim.core.acts import Act
from socialsim.core.errors import OptionError
from socialsim.envs.grid.procedural import sample_world


@pytest.fixture(scope="module", params=["rendezvous-v0", "haul-v0"])
def grid(request):
    return socialsim.make(request.param)


def rate(env, bot, worlds=32, steps=None):
    return float(bots.play(env, bot, jax.random.key(2), worlds, steps).joint.mean())


def test_a_competent_team_beats_a_random_one_by_far(grid):
    competent, random = rate(grid, bots.scripted_team(grid)), rate(grid, bots.random_team(grid))
    assert competent > 0.05 and competent > 50 * random


def test_a_team_that_slips_now_and_then_still_succeeds(grid):
    assert rate(grid, bots.scripted_team(grid, epsilon=0.3)) > 0.03


@pytest.mark.parametrize("world", ["gates-v0", "commons-v0", "forage-v0"])
def test_worlds_that_ask_for_a_plan_have_a_team_that_has_one(world):
    env = socialsim.make(world)
    competent, random = rate(env, bots.scripted_team(env)), rate(env, bots.random_team(env))
    assert competent > 0.02 and competent > 50 * random


def test_difficulty_is_measured_by_the_scripted_team():
    """Of each of many stacked tasks by itself."""
    tasks = jax.vmap(sample_world)(jax.random.split(jax.random.key(0), 6))
    found = difficulty(tasks, jax.random.key(1), episodes=2, steps=64)
    assert found.scripted.shape == found.random.shape == (6,)
    assert found.scripted.mean() > 5 * found.random.mean()
    np.testing.assert_allclose(found.level, 1 - np.clip(found.scripted, 0, 1))
    assert ((found.level >= 0) & (found.level <= 1)).all() and len(set(np.asarray(found.level))) > 1


@pytest.mark.slow
@pytest.mark.parametrize(("world", "least"), [("rendezvous-mujoco-v0", 0.02), ("beam-v0", 0.005)])
def test_bodies_are_steered_well_enough_to_succeed(world, least):
    env = socialsim.make(world)
    assert rate(env, bots.scripted_team(env), worlds=4) > least
    assert rate(env, bots.random_team(env), worlds=4, steps=64) < least / 5


def test_agents_are_known_by_their_places_alone(grid):
    """Two worlds that differ in the order of agents only: the team's choice of object is the same."""
    bot = bots.scripted_team(grid)

    @jax.jit
    def decide(key, state):
        scene = grid.world.scene(state)
        return bot(key, scene, bot.begin(scene))[1].intent

    reset = jax.jit(grid.world.reset)
    for seed in range(5):
        state = reset(jax.random.key(seed))
        order = jax.random.permutation(jax.random.key(seed + 50), grid.num_agents)
        mixed = state.replace(position=state.position[order], heading=state.heading[order])
        a, b = decide(jax.random.key(9), state), decide(jax.random.key(9), mixed)
        assert a.chosen == b.chosen
        np.testing.assert_allclose(a.low, b.low, atol=1e-5)
        np.testing.assert_allclose(a.high, b.high, atol=1e-5)


def scripted_acts(bot, env, steps=12):
    state = env.world.reset(jax.random.key(0))
    scene = env.world.scene(state)
    memory, acts = bot.begin(scene), []
    for t in range(steps):
        act, memory = bot(jax.random.key(t), scene, memory)
        scene = scene.replace(act=act)
        acts.append(np.asarray(act))
    return np.stack(acts)


@pytest.fixture(scope="module")
def env():
    return socialsim.make("rendezvous-v0", walls=0)


def test_oscillators_hold_and_lag_as_told(env):
    fast = scripted_acts(bots.fast_oscillators(env), env)
    assert (fast == fast[:, :1]).all() and (fast[0::2] == Act.TURN_LEFT).all() and (fast[1::2] == 4).all()
    slow = scripted_acts(bots.slow_oscillators(env, hold=4, stagger=1), env)
    for agent in range(1, 4):
        np.testing.assert_array_equal(slow[1:, agent], slow[:-1, agent - 1])
    assert [len(set(slow[k : k + 4, 0])) for k in (0, 4, 8)] == [1, 1, 1]
    assert (scripted_acts(bots.noop_chorus(env), env) == Act.STILL).all()


def test_mirrors_copy_later_or_at_once(env):
    later = scripted_acts(bots.mirror_pair(env), env)
    np.testing.assert_array_equal(later[1:, 1::2], later[:-1, 0::2])
    at_once = scripted_acts(bots.mirror_pair(env, delay=0), env)
    np.testing.assert_array_equal(at_once[:, 1::2], at_once[:, 0::2])
    assert not set(later.ravel()) & {Act.ADVANCE, Act.RETREAT, Act.TURN_LEFT, Act.TURN_RIGHT}
    swapping = scripted_acts(bots.mirror_pair(env, takeover=6), env)
    np.testing.assert_array_equal(swapping[1:6, 1], swapping[:5, 0])
    np.testing.assert_array_equal(swapping[7:, 0], swapping[6:-1, 1])


def test_a_staring_ring_comes_to_rest_with_each_looking_at_the_next(env):
    state, ring = env.world.reset(jax.random.key(3)), bots.staring_ring(env)
    square = jnp.array([(4, 4), (5, 4), (5, 5), (4, 5)], jnp.int32)
    state = state.replace(position=square, heading=jnp.array([2, 3, 0, 1], jnp.int32))
    for t in range(4):
        act, _ = ring(jax.random.key(t), env.world.scene(state), ())
        state = env.world.step(jax.random.key(t), state, act)
    assert (state.act == Act.STILL).all()
    sees = np.asarray(env.world.scene(state).sees_agent)
    assert all(sees[i, (i + 1) % 4] for i in range(4))


@pytest.mark.parametrize(
    "make",
    [
        lambda env: bots.scripted_team(env, epsilon=1.5),
        lambda env: bots.slow_oscillators(env, hold=0),
        lambda env: bots.slow_oscillators(env, (Act.STILL,) * 3),
        lambda env: bots.mirror_pair(env, delay=2),
    ],
)
def test_bad_options_raise_one_line(env, make):
    with pytest.raises(OptionError) as caught:
        make(env)
    assert "allowed" in str(caught.value) and "\n" not in str(caught.value)
