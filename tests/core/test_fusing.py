"""On an accelerator a step is written otherwise: same states, same signals, fewer kernels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend import core

import socialsim
from socialsim.agents.bots.base import random_action
from socialsim.core import fusing
from socialsim.core.autoreset import AutoReset
from socialsim.core.fusing import SMALL, written_out

REDUCTIONS = tuple(fusing.REDUCTIONS)


@pytest.fixture
def accelerator(monkeypatch):
    """What is traced from here on is written as for a GPU; it runs on this CPU."""
    jax.clear_caches()
    monkeypatch.setattr(fusing, "on_cpu", lambda: False)
    for user in ("autoreset", "columns"):
        monkeypatch.setattr(f"socialsim.core.{user}.on_cpu", lambda: False)
    yield
    monkeypatch.undo()
    jax.clear_caches()


def primitives(jaxpr):
    for e in jaxpr.eqns:
        yield e
        for inner in core.jaxprs_in_params(e.params):
            yield from primitives(inner)


def small(e):
    count = np.prod([e.invars[0].aval.shape[a] for a in e.params["axes"]])
    return 0 < count <= SMALL


def test_small_reductions_are_written_out_and_mean_the_same(accelerator):
    def f(x, flags):
        whole = jnp.ones(SMALL + 1).sum()
        return {
            "sum": (2 * x).sum(-1),
            "both": x.max((0, 1)),
            "least": jax.jit(lambda y: y.min(0))(x),
            "any": flags.any(0),
            "all": flags.all(),
            "empty": jnp.zeros((3, 0)).sum(1) + whole,
        }

    x = jax.random.normal(jax.random.key(0), (3, 4))
    plain, out = f(x, x > 0), written_out(f)(x, x > 0)
    jax.tree.map(np.testing.assert_allclose, plain, out)
    assert all(plain[k].dtype == out[k].dtype for k in plain)
    traced = jax.make_jaxpr(written_out(f))(x, x > 0)
    left = [e for e in primitives(traced.jaxpr) if e.primitive.name in REDUCTIONS]
    assert left and not any(small(e) for e in left)
    assert jax.vmap(written_out(lambda y: y.sum()))(x).shape == (3,)


def test_what_has_a_derivative_of_its_own_keeps_it(accelerator):
    """As worlds and signals written by others may: `relu`, `softmax`, a branch, a loop, what is made anew."""

    @jax.custom_vjp
    def steep(x):
        return jnp.sign(x)

    steep.defvjp(lambda x: (steep(x), x), lambda x, above: (3.0 * above,))

    def f(x):
        parts = jax.nn.relu(x).sum(-1), jax.nn.softmax(x).max(-1), steep(x).sum(-1)
        return parts, jax.lax.cond(x.sum() > 0, jnp.sum, jnp.max, x), jax.checkpoint(jnp.tanh)(x).min()

    x = jnp.linspace(-1.0, 1.2, 12).reshape(3, 4)
    for g in (lambda h: h, jax.grad):
        plain, out = (
            g(lambda y, h=h: jax.tree.reduce(jnp.add, jax.tree.map(jnp.sum, h(y))))
            for h in (f, written_out(f))
        )
        np.testing.assert_allclose(plain(x), out(x), rtol=1e-6)
        np.testing.assert_allclose(jax.vmap(plain)(x[None]), jax.vmap(out)(x[None]), rtol=1e-6)


def test_on_a_cpu_nothing_is_rewritten():
    def f(x):
        return x.sum()

    traced = jax.make_jaxpr(written_out(f))(jnp.ones(3))
    assert [e.primitive.name for e in traced.jaxpr.eqns] == ["reduce_sum"]


@pytest.mark.parametrize("id", ["rendezvous-v0", "dictator-v0"])
def test_worlds_go_the_same_way_on_an_accelerator(id, request):
    """Episodes of five steps end and restart on the way."""
    env = socialsim.make(id, horizon=5)
    batch = AutoReset(env, 6, pool_size=4)
    keys = jax.random.split(jax.random.key(0), 9)
    rng = np.random.default_rng(0)
    acts = [jnp.asarray(rng.integers(0, env.actions.choices, (6, env.num_agents))) for _ in keys[2:]]

    def played():
        pool, (state, timestep) = batch.pool(keys[0]), batch.reset(keys[1])
        steps = [timestep]
        for key, act in zip(keys[2:], acts, strict=True):
            state, timestep = batch.step(key, pool, state, act)
            steps.append(timestep)
        return jax.tree.map(np.asarray, (state, steps))

    plain = played()
    request.getfixturevalue("accelerator")
    other = played()
    for a, b in zip(jax.tree.leaves(plain), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    assert any((t.terminated | t.truncated).any() for t in other[1])


def test_products_of_a_world_are_of_full_precision():
    """TF32 and bfloat16, which accelerators would take, move what is far from the origin."""
    env = socialsim.make("dance-v0")
    key = jax.random.key(0)
    state = jax.eval_shape(env.reset, key)[0]
    traced = jax.make_jaxpr(env.step)(key, state, random_action(key, env.actions, env.num_agents))
    products = [e for e in primitives(traced.jaxpr) if e.primitive.name == "dot_general"]
    highest = jax.lax.Precision.HIGHEST
    assert products and all(e.params["precision"] == (highest, highest) for e in products)
