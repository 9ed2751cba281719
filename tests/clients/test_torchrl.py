"""TorchRL through its PettingZooWrapper."""

import numpy as np
import pytest
import torch
import torchrl_ppo
from torchrl.envs.utils import check_env_specs

WORLDS = ["rendezvous-v0", "rendezvous-mujoco-v0"]


@pytest.mark.parametrize("world", WORLDS)
def test_specs_hold_and_signals_arrive(world):
    env = torchrl_ppo.environment(world)
    check_env_specs(env, seed=0)
    path = env.rollout(4)
    info = path["next", "agents", "info"]
    assert set(info.keys()) == {
        "signals_attention",
        "signals_imitation",
        "signals_coordination",
        "team_metric",
    }
    assert path["next", "agents", "reward"].shape == (4, 4, 1)
    env.close()


@pytest.mark.parametrize("world", WORLDS)
def test_ppo(world):
    policy, losses = torchrl_ppo.train(world, updates=2, steps=32)
    assert len(losses) == 2 and np.isfinite(losses).all()
    start, _ = torchrl_ppo.train(world, updates=0, steps=32)
    after, before = (list(p.parameters()) for p in (policy, start))
    assert all(torch.isfinite(w).all() for w in after)
    assert any(not torch.equal(a, b) for a, b in zip(after, before, strict=True))
