"""Learning from one batch: who is in which minibatch, parts of it, and options that are refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_worlds import small

from socialsim.agents import learning
from socialsim.agents.learning import _apart, _parts, _taken
from socialsim.agents.ppo import PPOConfig, make_update
from socialsim.agents.rollout import anywhere
from socialsim.core.errors import OptionError


def test_minibatches_are_all_worlds_once():
    worlds = jnp.arange(24).reshape(2, 12)
    apart = _apart((worlds, jnp.zeros((1, 12, 0))), 3)
    parts = np.stack([_taken(apart, i)[0] for i in range(3)])
    assert sorted(parts[:, 0].ravel()) == list(range(12))
    np.testing.assert_array_equal(parts[1, 1], [13, 16, 19, 22])
    assert _taken(apart, 0)[1].shape == (1, 4, 0)  # the memory of a network without one


def test_every_minibatch_has_every_phase_of_an_episode():
    env = small("rendezvous-v0")
    config = PPOConfig(worlds=16, steps=env.horizon // 2, minibatches=4)
    time = np.asarray(make_update(env, config).init(jax.random.key(0)).actors.state.time)
    assert {frozenset(time[i::4]) for i in range(4)} == {frozenset([0, env.horizon // 2])}


def test_rows_at_once_are_bounded(monkeypatch):
    """Worlds on more and more devices and on a CPU; parts divide what a device has."""
    assert [_parts(64, 128), _parts(64, 4096), _parts(1, 8)] == [8, 64, 1]
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert [_parts(64, 128), _parts(2**14, 128), _parts(3 * 2**13, 128), _parts(2, 2**21)] == [1, 2, 3, 2]
    monkeypatch.setattr(learning.devices, "sharers", lambda: 4)
    assert [_parts(2**14, 128), _parts(2**16, 128)] == [1, 2]


def test_a_minibatch_in_parts_teaches_the_same(monkeypatch):
    env = small("rendezvous-v0")
    config = PPOConfig(worlds=8, steps=4, minibatches=2, epochs=1)
    ppo = make_update(env, config)
    learner = jax.jit(ppo.init)(jax.random.key(0))
    drives, taught = jnp.ones((env.num_agents, len(ppo.channels))), []
    for parts in (1, 4):
        monkeypatch.setattr(learning, "_parts", lambda *_, parts=parts: parts)
        taught.append(jax.jit(lambda x: make_update(env, config).update(x, drives))(learner))
    (one, told), (four, told_four) = taught
    for a, b in zip(jax.tree.leaves(one.team), jax.tree.leaves(four.team), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-4)
    np.testing.assert_allclose(told["entropy"], told_four["entropy"], rtol=1e-5)


def test_a_branch_stays_one_where_runs_are_mapped_over():
    def step(done):
        return jax.lax.cond(anywhere(done), jnp.ones_like, jnp.zeros_like, done.astype(float))

    some = jnp.array([[False, False], [True, False]])
    np.testing.assert_array_equal(jax.vmap(step)(some), np.ones((2, 2)))
    np.testing.assert_array_equal(jax.vmap(step)(some[:1]), np.zeros((1, 2)))
    assert " cond[" in str(jax.make_jaxpr(jax.vmap(step))(some))


def test_fresh_worlds_grow_with_the_batch():
    sizes = [PPOConfig(worlds=n).fresh for n in (8, 256, 1024, 8192)]
    assert sizes == [8, 256, 256, 1024]
    assert PPOConfig(pool=512).fresh == 512


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("entropy_coef", float("nan")),
        ("entropy_coef", -5),
        ("learning_rate", float("inf")),
        ("max_grad_norm", True),
        ("clip_range", "a"),
        ("clip_range", 0),
        ("discount", 1.5),
        ("scale_rate", 2.0),
        ("pool", 0),
        ("worlds", 2.0),
    ],
)
def test_options_that_make_no_sense_are_refused(option, value):
    with pytest.raises(OptionError, match=f"{option}={value!r}; allowed: "):
        PPOConfig(**{option: value})
