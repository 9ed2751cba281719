"""JaxMARL's own wrappers, and independent PPO through them."""

import jax
import jax.numpy as jnp
import jaxmarl_ippo
import numpy as np
from jaxmarl.environments import spaces
from jaxmarl.wrappers.baselines import CTRolloutManager, LogWrapper

from socialsim.envs.jaxmarl import JaxMARLEnv

GRID = {"num_agents": 3, "size": 6, "walls": 1, "horizon": 6}


def test_spaces_are_jaxmarls_own_where_it_is_installed():
    env = JaxMARLEnv("rendezvous-v0", **GRID)
    assert isinstance(env.action_space("agent_0"), spaces.Discrete)
    assert isinstance(env.observation_space("agent_0"), spaces.Box)
    drawn = env.observation_space("agent_0").sample(jax.random.PRNGKey(0))
    assert env.observation_space("agent_0").contains(drawn)
    plane = JaxMARLEnv("rendezvous-plane-v0", num_agents=2, needed=2)
    assert isinstance(plane.action_space("agent_0"), spaces.Box)


def test_log_wrapper_counts_episodes():
    env = LogWrapper(JaxMARLEnv("rendezvous-v0", drives={"attention": 1.0}, **GRID))
    key = jax.random.PRNGKey(0)
    _, state = env.reset(key)
    total = np.zeros(3)
    for t in range(6):
        key = jax.random.fold_in(key, t)
        actions = {
            a: env.action_space(a).sample(jax.random.fold_in(key, i)) for i, a in enumerate(env.agents)
        }
        _, state, rewards, dones, info = env.step(key, state, actions)
        total += [rewards[a] for a in env.agents]
        assert bool(info["returned_episode"].all()) == bool(dones["__all__"]) == (t == 5)
    assert info["returned_episode_lengths"].tolist() == [6] * 3
    np.testing.assert_allclose(info["returned_episode_returns"], total, rtol=1e-5)


def test_rollout_manager_of_the_q_learners():
    env = CTRolloutManager(JaxMARLEnv("rendezvous-v0", **GRID), batch_size=2)
    observations, state = env.batch_reset(jax.random.PRNGKey(0))
    width = env.observation_space("agent_0").shape[0]
    assert observations["agent_1"].shape == (2, width + 3) and observations["__all__"].shape == (2, 3 * width)
    actions = {a: env.batch_sample(jax.random.PRNGKey(i), a) for i, a in enumerate(env.agents)}
    _, _, rewards, _, infos = env.batch_step(jax.random.PRNGKey(1), state, actions)
    assert jnp.allclose(rewards["__all__"], sum(rewards[a] for a in env.agents))
    assert {leaf.shape for leaf in jax.tree.leaves(infos)} == {(2, 3)}
    assert env.get_valid_actions(state)["agent_0"].shape == (2, 10)


def test_ippo():
    params, told = jaxmarl_ippo.train("rendezvous-v0", num_worlds=4, updates=3, steps=12, **GRID)
    start, _ = jaxmarl_ippo.train("rendezvous-v0", num_worlds=4, updates=0, steps=12, **GRID)
    assert all(jnp.isfinite(p).all() for p in jax.tree.leaves(params))
    moved = jax.tree.map(lambda a, b: bool((a != b).any()), params, start)
    assert any(jax.tree.leaves(moved))
    assert told["returned_episode_lengths"][-1] == 6 and jnp.isfinite(told["returned_episode_returns"]).all()
