"""The JaxMARL door: its interface, the same episodes as in JAX to the bit, resets as JaxMARL does them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import socialsim
from socialsim.core.errors import OptionError
from socialsim.envs.jaxmarl import JaxMARLEnv
from socialsim.envs.jaxmarl_spaces import Box, Discrete
from socialsim.envs.pettingzoo import SocialParallelEnv
from socialsim.envs.pettingzoo_spaces import Flat

HORIZON = 4
WORLDS = [
    ("rendezvous-v0", {"num_agents": 3, "size": 6, "walls": 1}),
    ("rendezvous-plane-v0", {"num_agents": 2, "needed": 2}),
]


@pytest.fixture(scope="module", params=WORLDS, ids=[id for id, _ in WORLDS])
def env(request):
    id, options = request.param
    return JaxMARLEnv(id, horizon=HORIZON, **options)


def sample(env, key):
    keys = jax.random.split(key, env.num_agents)
    return {a: env.action_space(a).sample(k) for a, k in zip(env.agents, keys, strict=True)}


def same(a, b):
    leaves = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return jax.tree.structure(a) == jax.tree.structure(b) and all(np.array_equal(x, y) for x, y in leaves)


def close(a, b):
    """Equal up to rounding: what is compiled into another program may round otherwise in the last bit."""
    leaves = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return jax.tree.structure(a) == jax.tree.structure(b) and all(agree(x, y) for x, y in leaves)


def agree(x, y):
    return np.allclose(x, y, atol=1e-5) if jnp.issubdtype(x.dtype, jnp.floating) else np.array_equal(x, y)


def test_an_episode_is_the_simulations_and_ends_in_a_reset(env):
    simulation, flat = env.simulation, Flat.rows
    key = jax.random.key(3)
    observations, state = env.reset(key)
    plain, timestep = simulation.reset(key)
    for t in range(1, HORIZON + 1):
        assert np.array_equal(np.stack(list(observations.values())), flat(timestep.observation))
        assert close(env.get_obs(state), observations)
        key = jax.random.fold_in(key, t)
        actions = sample(env, key)
        step_key, reset_key = jax.random.split(key)
        plain, timestep = simulation.step(step_key, plain, jnp.stack(list(actions.values())))
        unreset = env.step_env(step_key, state, actions)
        observations, state, rewards, dones, infos = env.step(key, state, actions)
        signals = np.asarray(timestep.signals)
        assert np.array_equal(np.stack(list(infos["signals"].values()), -1), signals)
        assert np.allclose(list(rewards.values()), (env.drives * signals).sum(-1), atol=1e-6)
        assert np.allclose(infos["team_metric"], np.asarray(timestep.joint).mean())
        assert set(dones) == {*env.agents, "__all__"}
        assert {bool(d) for d in dones.values()} == {t == HORIZON} == {bool(infos["truncated"].all())}
        assert np.array_equal(np.stack(list(unreset[0].values())), flat(timestep.observation))
        assert same(unreset[1].world, plain.world) and same(unreset[2:], (rewards, dones, infos))
        assert same(observations, unreset[0]) == (t < HORIZON)
    fresh, fresh_state = env.reset(reset_key)
    assert same(observations, fresh) and same(state.world, fresh_state.world)
    assert int(state.time) == 0


def test_a_given_state_is_begun_from(env):
    first, begin = env.reset(jax.random.key(9))
    observations, state = env.reset(jax.random.key(1))
    for t in range(HORIZON):
        key = jax.random.key(t)
        observations, state, _, dones, _ = env.step(key, state, sample(env, key), begin)
        assert close(observations, first) == (t == HORIZON - 1) == bool(dones["__all__"])
    assert same(state.world, begin.world)


def test_raw_keys_do_what_typed_ones_do(env):
    raw, typed = jax.random.PRNGKey(5), jax.random.key(5)
    (observations, state), (others, other) = env.reset(raw), env.reset(typed)
    assert same(observations, others)
    actions = sample(env, raw)
    assert same(env.step(raw, state, actions)[0], env.step(typed, other, actions)[0])


def test_batches_are_loops(env):
    """Under vmap over worlds, as learners call it, with actions `[1]` as their unbatching makes them."""
    keys = jax.random.split(jax.random.key(0), 3)
    _, state = jax.vmap(env.reset)(keys)
    actions = jax.vmap(lambda k: sample(env, k))(keys)
    wide = jax.tree.map(lambda x: x.reshape(3, -1), actions)
    batch = jax.jit(jax.vmap(env.step))(keys, state, wide)
    for leaf in jax.tree.leaves(batch[4]):
        assert leaf.shape == (3, env.num_agents)
    for w in range(3):
        one = jax.tree.map(lambda x, w=w: x[w], (state, actions, batch))
        alone = env.step(keys[w], *one[:2])
        assert close((alone[0], alone[1].world), (one[2][0], one[2][1].world))
        assert close(alone[2:], one[2][2:])


def test_spaces(env):
    assert env.agents == [f"agent_{i}" for i in range(env.num_agents)]
    assert env.agent_classes == {"agent": env.agents}
    kind = env.simulation.actions
    for agent in env.agents:
        action, observation = env.action_space(agent), env.observation_space(agent)
        assert action is env.action_spaces[agent] and observation is env.observation_spaces[agent]
        assert action.shape == ((kind.size,) if kind.continuous else ())
        assert kind.continuous or action.n == kind.choices
        drawn = jax.vmap(action.sample)(jax.random.split(jax.random.key(0), 64))
        assert jax.vmap(action.contains)(drawn).all() and len(np.unique(drawn)) > 5
        assert not action.contains(drawn[0] + 100)
    key = jax.random.key(0)
    observations, state = env.reset(key)
    for t in range(HORIZON + 1):
        for agent in env.agents:
            assert observations[agent].shape == env.observation_space(agent).shape
            assert env.observation_space(agent).contains(observations[agent])
        observations, state, *_ = env.step(jax.random.key(t), state, sample(env, jax.random.key(t)))
    available = env.get_avail_actions(state)
    assert {x.shape for x in available.values()} == {(kind.size or kind.choices,)}
    assert all(x.all() for x in available.values())


def test_observations_are_those_of_pettingzoo(env):
    other = SocialParallelEnv(env.simulation)
    key = jax.random.split(jax.random.key(2))[1]  # what the PettingZoo door spends at reset(seed=2)
    assert same(other.reset(seed=2)[0], jax.tree.map(np.asarray, env.reset(key)[0]))
    assert env.name == env.simulation.id


def test_what_is_out_of_range_is_clipped(env):
    _, state = env.reset(jax.random.key(0))
    kind, key = env.simulation.actions, jax.random.key(1)
    tail = (kind.size,) if kind.continuous else ()
    for beyond, edge in (
        (1000, 1 if kind.continuous else kind.choices - 1),
        (-1000, -1 if kind.continuous else 0),
    ):
        far, near = (
            dict.fromkeys(env.agents, jnp.full(tail, v, env.action_space("agent_0").dtype))
            for v in (beyond, edge)
        )
        assert same(env.step(key, state, far)[0], env.step(key, state, near)[0])


def test_mujoco_fits_the_interface():
    """Traced, not compiled: shapes of a batch of three as learners see them."""
    env = JaxMARLEnv("rendezvous-mujoco-v0", num_agents=2, needed=2)
    keys = jax.eval_shape(lambda: jax.random.split(jax.random.PRNGKey(0), 3))
    observations, state = jax.eval_shape(jax.vmap(env.reset), keys)
    actions = jax.eval_shape(jax.vmap(lambda k: sample(env, k)), keys)
    after, stepped, rewards, dones, infos = jax.eval_shape(jax.vmap(env.step), keys, state, actions)
    assert after == observations and jax.tree.all(
        jax.tree.map(lambda a, b: a.shape == b.shape, stepped, state)
    )
    assert {x.shape for x in (*rewards.values(), *dones.values())} == {(3,)}
    assert {x.shape for x in jax.tree.leaves(infos)} == {(3, 2)}


def test_bad_options():
    with pytest.raises(OptionError, match="did you mean 'num_agents'"):
        JaxMARLEnv("rendezvous-v0", nun_agents=2)
    with pytest.raises(OptionError, match="options size"):
        JaxMARLEnv(socialsim.make("rendezvous-v0"), size=5)
    with pytest.raises(OptionError, match="joy"):
        JaxMARLEnv("rendezvous-v0", drives={"joy": 1.0})


def test_own_spaces_hold_their_bounds():
    assert Discrete(3).contains(2) and not Discrete(3).contains(3) and not Discrete(3).contains(-1)
    box = Box(jnp.array([0.0, -1.0]), jnp.array([1.0, 1.0]), (2,))
    assert box.contains(jnp.array([0.5, -1.0])) and not box.contains(jnp.array([-0.5, 0.0]))
    drawn = jax.vmap(box.sample)(jax.random.split(jax.random.key(0), 200))
    assert (drawn.min(0) < jnp.array([0.1, -0.9])).all() and (drawn.max(0) > 0.9).all()
