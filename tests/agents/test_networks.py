"""Networks: order within a set carries no meaning, value heads start silent, PopArt leaves values alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import socialsim
from socialsim.agents.networks import NetworkConfig
from socialsim.agents.popart import update_scale
from socialsim.agents.team import new_team


@pytest.fixture(scope="module")
def observation():
    env = socialsim.make("rendezvous-v0", full_view=True)
    reset = jax.jit(jax.vmap(env.reset))
    return env, reset(jax.random.split(jax.random.key(0), 3))[1].observation


def team_for(env, **options):
    return new_team(jax.random.key(1), NetworkConfig(width=8, **options), env.actions, env.channels, 4)


@pytest.mark.parametrize("option", [{}, {"shared_encoder": True}, {"per_agent": True}, {"recurrent": True}])
def test_order_within_sets_carries_no_meaning(observation, option):
    env, obs = observation
    team = team_for(env, **option)
    mixed = obs.replace(
        others=obs.others[..., ::-1, :],
        others_mask=obs.others_mask[..., ::-1],
        objects=obs.objects[..., ::-1, :],
        objects_mask=obs.objects_mask[..., ::-1],
    )
    a, b = team.forward(obs), team.forward(mixed)
    np.testing.assert_allclose(a.value, b.value, atol=1e-5)
    np.testing.assert_allclose(a.policy.logits, b.policy.logits, atol=1e-5)


def test_what_is_masked_is_not_read(observation):
    env, obs = observation
    blind = obs.replace(others_mask=jnp.zeros_like(obs.others_mask))
    noisy = blind.replace(others=obs.others + 1.0)
    team = team_for(env)
    np.testing.assert_array_equal(team.values(blind), team.values(noisy))


def test_value_heads_start_near_zero_but_differ_between_states(observation):
    env, obs = observation
    values = team_for(env).values(obs)
    assert values.shape == (3, 4, 3)
    assert 0 < float(values.std()) < 0.05


def test_agents_with_parameters_of_their_own_value_one_view_differently(observation):
    env, obs = observation
    same = jax.tree.map(lambda x: jnp.broadcast_to(x[:, :1], x.shape), obs)
    shared, own = team_for(env), team_for(env, per_agent=True)
    assert float(shared.values(same).std(1).max()) < 1e-6
    assert float(own.values(same).std(1).max()) > 1e-6


def test_unrolling_memory_equals_stepping_and_forgets_at_starts(observation):
    env, obs = observation
    team = team_for(env, recurrent=True)
    film = jax.tree.map(lambda x: jnp.stack([x, x * 0.5, x]), obs)
    film = film.replace(others_mask=film.others_mask > 0, objects_mask=film.objects_mask > 0)
    start = jnp.zeros((3, 3), bool).at[2].set(True)
    hidden = jnp.zeros((3, 4, 2, 8))
    whole = team.unroll(film, hidden, start).value
    first = team.forward(jax.tree.map(lambda x: x[0], film), hidden)
    second = team.forward(jax.tree.map(lambda x: x[1], film), first.hidden)
    np.testing.assert_allclose(whole[1], second.value, atol=1e-6)
    np.testing.assert_allclose(whole[2], first.value, atol=1e-6)  # forgotten: as at the beginning


def test_popart_changes_the_scale_and_no_value(observation):
    env, obs = observation
    team = team_for(env)
    network = nnx.merge(team.graph, team.params, team.stats)
    hidden = jnp.zeros((3, 4, 2, 0))
    before = network(obs, hidden).value
    returns = 5.0 + 3.0 * jax.random.normal(jax.random.key(2), (400, 3)).at[:, 2].set(0.0)
    update_scale(network, returns, rate=0.1, floor=0.05)
    np.testing.assert_allclose(network(obs, hidden).value, before, atol=1e-4)
    np.testing.assert_allclose(network.value_mean[...][:2], returns.mean(0)[:2], rtol=1e-3)
    np.testing.assert_allclose(network.value_scale[...][:2], returns.std(0)[:2], rtol=1e-3)
    assert float(network.value_scale[...][2]) == pytest.approx(0.05)  # the floor, where nothing varies
