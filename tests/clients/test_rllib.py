"""RLlib through its ParallelPettingZooEnv."""

import numpy as np
import pytest
import ray
import rllib_ppo


@pytest.fixture(scope="module")
def cluster():
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.mark.parametrize("world", ["rendezvous-v0", "rendezvous-mujoco-v0"])
def test_ppo(cluster, world):
    after, told = rllib_ppo.train(world, updates=2, steps=64)
    before, _ = rllib_ppo.train(world, updates=0, steps=64)
    assert all(np.isfinite(w).all() for w in after.values())
    assert any((after[name] != w).any() for name, w in before.items())
    assert [t["steps"] for t in told] == [64, 128]
    for t in told:
        assert np.isfinite([t["total_loss"], t["policy_loss"], t["entropy"]]).all()
