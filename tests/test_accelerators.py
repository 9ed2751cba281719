"""What a GPU or a TPU would be given: programs are lowered for them, on the branches they take."""

import jax
import jax.numpy as jnp
import pytest
from small_worlds import small

import socialsim
from socialsim.agents import health
from socialsim.agents.ppo import PPOConfig, make_update, no_score

pytestmark = pytest.mark.slow

CONFIG = PPOConfig(worlds=4, steps=4, minibatches=2)


@pytest.fixture(autouse=True)
def accelerated(monkeypatch):
    """The code asks JAX what it runs on; what was traced for CPUs must not be taken for it, nor the other
    way round."""
    jax.clear_caches()
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    yield
    jax.clear_caches()


@pytest.mark.parametrize("id", ["rendezvous-v0", "spread-v0", "beam-v0", "trust-v0"])
def test_living_and_learning_lower_for_accelerators(id):
    env = small(id)
    ppo = make_update(env, CONFIG, carried=True)
    worlds = socialsim.AutoReset(env, CONFIG.worlds, 2)

    def everything(key, drives):
        learner = ppo.init(key, None, ppo.pool(key))
        learner, metrics = ppo.update(learner, drives, no_score, None, ppo.pool(learner.key))
        state, timestep = worlds.reset(key)
        action, _ = learner.team.act(key, timestep.observation)
        _, timestep = worlds.step(key, worlds.pool(key), state, action)
        told = health.held_out(learner.team, env, key, discount=CONFIG.discount)
        return metrics, timestep.signals, told

    keys = jax.eval_shape(lambda: jax.random.split(jax.random.key(0), 2))
    drives = jax.ShapeDtypeStruct((2, env.num_agents, len(ppo.channels)), jnp.float32)
    traced = jax.jit(jax.vmap(everything)).trace(keys, drives)  # runs side by side, as accelerators have them
    for platform in ("cuda", "rocm", "tpu"):
        text = traced.lower(lowering_platforms=(platform,)).as_text()
        assert "lapack" not in text and "callback" not in text, platform
    assert ("lapack" in traced.lower(lowering_platforms=("cpu",)).as_text()) == env.world.waits
