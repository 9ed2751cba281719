"""Advantages and returns against plain loops."""

import jax
import jax.numpy as jnp
import numpy as np

from socialsim.agents.returns import explained_variance, gae, monte_carlo


def slow_gae(signals, values, following, done, discount, gae_lambda):
    out, last = np.zeros_like(signals), np.zeros_like(signals[0])
    for t in reversed(range(len(signals))):
        delta = signals[t] + discount * following[t] - values[t]
        last = delta + discount * gae_lambda * (1 - done[t][:, None, None]) * last
        out[t] = last
    return out


def test_gae_equals_the_loop():
    rng = np.random.default_rng(0)
    shape = (20, 5, 3, 2)
    signals, values, following = rng.normal(size=(3, *shape)).astype(np.float32)
    done = rng.random((20, 5)) < 0.2
    fast = gae(*map(jnp.asarray, (signals, values, following, done)), discount=0.9, gae_lambda=0.8)
    np.testing.assert_allclose(fast, slow_gae(signals, values, following, done, 0.9, 0.8), atol=1e-5)


def test_gae_lambda_one_with_true_values_has_no_advantage():
    # A constant signal 1 for ever is worth 1 / (1 - gamma); with that value nothing is ever a surprise.
    ones, worth = jnp.ones((30, 2, 1, 1)), jnp.full((30, 2, 1, 1), 10.0)
    advantage = gae(ones, worth, worth, jnp.zeros((30, 2), bool), discount=0.9, gae_lambda=1.0)
    np.testing.assert_allclose(advantage, 0.0, atol=1e-5)


def test_monte_carlo_is_a_geometric_sum_that_stops_at_the_end_of_an_episode():
    signals = jnp.ones((6, 1, 1, 1))
    done = jnp.zeros((6, 1), bool).at[2].set(True)
    returns = monte_carlo(signals, done, discount=0.5)[:, 0, 0, 0]
    np.testing.assert_allclose(returns, [1.75, 1.5, 1.0, 1.75, 1.5, 1.0])


def test_explained_variance_is_one_where_all_is_told_and_undefined_where_nothing_varies():
    target = jax.random.normal(jax.random.key(0), (5, 4, 3)).at[..., 2].set(0.5)
    value = target.at[..., 1].set(0.0)
    np.testing.assert_allclose(explained_variance(value, target), [1.0, 0.0, np.nan], atol=1e-6)
