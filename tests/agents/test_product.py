"""Product: the values and gradients of the plain one, under vmap and twice over."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from socialsim.agents.distributions import Categorical, Gaussian
from socialsim.agents.product import product

ONE, TWO = jax.random.split(jax.random.key(0))


def plain(x, kernel):
    return jnp.einsum("...n,nm->...m", x, kernel)


@pytest.mark.parametrize("lead", [(5,), (4, 3), (2, 3, 4), ()])
def test_values_and_gradients_are_those_of_the_plain_product(lead):
    x, kernel = jax.random.normal(ONE, (*lead, 7)), jax.random.normal(TWO, (7, 2))

    def loss(of):
        return lambda x, kernel: jnp.sin(of(x, kernel)).sum()

    np.testing.assert_allclose(product(x, kernel), plain(x, kernel), rtol=1e-5, atol=1e-5)
    ours, theirs = (jax.grad(loss(of), (0, 1))(x, kernel) for of in (product, plain))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), ours, theirs)


def test_a_kernel_for_each_agent():
    x, kernel = jax.random.normal(ONE, (3, 5, 7)), jax.random.normal(TWO, (3, 7, 2))

    def gradient(of):
        return jax.vmap(jax.grad(lambda k, x: (of(x, k) ** 2).sum()))(kernel, x)

    np.testing.assert_allclose(gradient(product), gradient(plain), rtol=1e-4, atol=1e-4)


def test_gradients_of_gradients():
    x, kernel = jax.random.normal(ONE, (5, 7)), jax.random.normal(TWO, (7, 2))

    def steepness(of):
        return lambda k: (jax.grad(lambda x: (of(x, k) ** 3).sum())(x) ** 2).sum()

    ours, theirs = (jax.grad(steepness(of))(kernel) for of in (product, plain))
    np.testing.assert_allclose(ours, theirs, rtol=1e-3)


def test_actions_are_sampled_as_jax_samples():
    """Drawing along one axis is quicker and gives the same bits."""
    x = jax.random.normal(ONE, (4, 3, 5))
    np.testing.assert_array_equal(Categorical(x).sample(TWO), jax.random.categorical(TWO, x))
    noise = (Gaussian(x, x).sample(TWO) - x) / jnp.exp(x)
    np.testing.assert_allclose(noise, jax.random.normal(TWO, x.shape), rtol=1e-4, atol=1e-5)
