"""Torch tensors from the vector door, without a copy."""

import numpy as np
import torch

from socialsim.envs import torch_arrays
from socialsim.envs.vector import SocialVectorEnv

GRID = {"num_agents": 3, "size": 6, "walls": 1, "horizon": 6}


def test_tensors_are_the_arrays_and_share_their_memory(monkeypatch):
    given = []

    def noted(array):
        tensor = torch_arrays.require_torch().from_dlpack(array)
        given.append((array, tensor))
        return tensor

    monkeypatch.setattr("socialsim.envs.vector.to_torch", noted)
    tensors, arrays = (SocialVectorEnv("rendezvous-v0", 2, as_torch=t, **GRID) for t in (True, False))
    told, expected = tensors.reset(seed=0), arrays.reset(seed=0)
    rng = np.random.default_rng(0)
    for _ in range(8):
        assert isinstance(told[0], torch.Tensor) and torch.equal(told[0], torch.from_numpy(expected[0]))
        actions = rng.integers(0, 10, 6)
        told, expected = tensors.step(torch.from_numpy(actions)), arrays.step(actions)
        for x, y in zip(told[1:4], expected[1:4], strict=True):
            assert x.dtype == torch.from_numpy(y).dtype
            assert np.allclose(x.numpy(), y, atol=1e-6)
        for channel, signal in expected[4]["signals"].items():
            assert np.array_equal(told[4]["signals"][channel], signal)
        assert ("final_obs" in told[4]) == ("final_obs" in expected[4])
        if "final_obs" in expected[4]:
            assert np.array_equal(told[4]["final_obs"][4], expected[4]["final_obs"][4])
    assert all(array.unsafe_buffer_pointer() == tensor.data_ptr() for array, tensor in given)


def test_what_was_given_out_stays_as_it_was():
    """The state's memory is used again from step to step; that of observations is not."""
    env = SocialVectorEnv("rendezvous-v0", 2, as_torch=True, **GRID)
    first, _ = env.reset(seed=0)
    kept = first.clone()
    for _ in range(8):
        env.step(torch.ones(6, dtype=torch.int64))
    assert torch.equal(first, kept)
    first.zero_()
    assert torch.equal(env.reset(seed=0)[0], kept)


def test_actions_with_gradients_are_taken_by_value():
    env = SocialVectorEnv("rendezvous-plane-v0", 2, num_agents=2, needed=2)
    env.reset(seed=0)
    actions = torch.zeros(env.action_space.shape, requires_grad=True)
    assert np.isfinite(env.step(actions)[1]).all()
