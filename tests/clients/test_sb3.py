"""Stable-Baselines3 through our VecEnv and through SuperSuit."""

import numpy as np
import pytest
import sb3_ppo
import supersuit_sb3
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecMonitor

from socialsim.core.errors import OptionError
from socialsim.envs.sb3 import SocialVecEnv
from socialsim.envs.vector import SocialVectorEnv

GRID = {"num_agents": 3, "size": 6, "walls": 1, "horizon": 6}
PLANE = {"num_agents": 2, "needed": 2, "horizon": 6}
WORLDS = [("rendezvous-v0", GRID), ("rendezvous-plane-v0", PLANE)]


def weights(model):
    return [p.detach().clone() for p in model.policy.parameters()]


@pytest.mark.parametrize("world, options", WORLDS)
def test_the_vec_env_is_the_vector_in_sb3s_terms(world, options):
    envs, vector = SocialVecEnv(world, 2, **options), SocialVectorEnv(world, 2, **options)
    assert envs.seed(4) == [4 + i for i in range(envs.num_envs)]
    assert np.array_equal(envs.reset(), vector.reset(seed=4)[0])
    rng = np.random.default_rng(0)
    for t in range(1, 8):
        if vector.simulation.actions.continuous:
            actions = rng.uniform(-1, 1, vector.action_space.shape).astype(np.float32)
        else:
            actions = rng.integers(0, 10, vector.num_envs)
        observations, rewards, dones, infos = envs.step(actions)
        seen, same_rewards, terminated, truncated, told = vector.step(actions)
        assert np.array_equal(observations, seen) and np.array_equal(rewards, same_rewards)
        assert np.array_equal(dones, terminated | truncated) and dones.all() == (t == 6)
        for i, info in enumerate(infos):
            assert info["signals"] == {c: s[i] for c, s in told["signals"].items()}
            assert info["TimeLimit.truncated"] == truncated[i]
            assert ("terminal_observation" in info) == dones[i]
            if dones[i]:
                assert np.array_equal(info["terminal_observation"], told["final_obs"][i])


def test_attributes_and_methods_are_those_of_the_one_vector():
    envs = SocialVecEnv("rendezvous-v0", 2, **GRID)
    assert envs.get_attr("num_worlds") == [2] * 6 and envs.get_attr("num_worlds", [0, 3]) == [2, 2]
    envs.set_attr("drives", {"attention": 1.0})
    assert (envs.vector.drives == [[1.0, 0.0, 0.0]] * 3).all()
    with pytest.raises(OptionError, match="1 of 6"):
        envs.set_attr("drives", None, 0)
    observations = envs.env_method("reset", seed=3)
    assert len(observations) == 6 and observations[0] is observations[5]
    assert envs.env_is_wrapped(VecMonitor) == [False] * 6
    with pytest.raises(OptionError, match="as_torch"):
        SocialVecEnv("rendezvous-v0", 2, as_torch=True)
    envs.close()
    assert envs.vector.closed


@pytest.mark.parametrize("world", ["rendezvous-v0", "rendezvous-mujoco-v0"])
def test_ppo_through_our_vec_env(world):
    model = sb3_ppo.train(world, num_worlds=2, updates=2, steps=8)
    assert model.num_timesteps == 2 * 8 * 2 * 4
    assert all(torch.isfinite(w).all() for w in weights(model))
    start = PPO("MlpPolicy", model.get_env(), seed=0, device="cpu")
    assert any(not torch.equal(a, b) for a, b in zip(weights(model), weights(start), strict=True))
    assert 0.0 <= sb3_ppo.joint_events(model, decisions=4) <= 1.0


def test_ppo_on_sets_with_a_monitor():
    """Dict observations, episode statistics as SB3's monitor counts them, the same run from the same seed."""

    def run():
        envs = VecMonitor(SocialVecEnv("rendezvous-v0", 2, observation="sets", seed=1, **GRID))
        return PPO("MultiInputPolicy", envs, n_steps=12, batch_size=36, seed=1, device="cpu").learn(144)

    first, second = run(), run()
    assert len(first.ep_info_buffer) == 12 * 2  # two updates of two episodes of six agents
    assert {info["l"] for info in first.ep_info_buffer} == {6}
    assert all(torch.equal(a, b) for a, b in zip(weights(first), weights(second), strict=True))


@pytest.mark.parametrize("world", ["rendezvous-v0", "rendezvous-mujoco-v0"])
def test_ppo_through_supersuit(world):
    model = supersuit_sb3.train(world, num_worlds=2, updates=2, steps=16)
    assert model.num_timesteps == 2 * 16 * 2 * 4
    assert all(torch.isfinite(w).all() for w in weights(model))


def test_supersuits_worlds_are_different_worlds():
    envs = supersuit_sb3.vector("rendezvous-v0", num_worlds=2, num_agents=3)
    first = envs.reset()
    assert first.shape[0] == 6 and not np.array_equal(first[:3], first[3:])
