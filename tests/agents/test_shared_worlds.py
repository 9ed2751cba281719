"""The worlds of one run on two devices: the same training as on one, up to the order of sums."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from socialsim.agents.loading import load_run

OPTIONS = {"num_agents": 2, "needed": 2, "size": 6, "walls": 0, "horizon": 16}


def train(folder: Path, cache: Path, devices: int) -> None:
    flags = f"--xla_force_host_platform_device_count={devices} --xla_backend_optimization_level=0"
    settings = {
        "XLA_FLAGS": flags,
        "JAX_NUM_CPU_DEVICES": str(devices),
        "JAX_COMPILATION_CACHE_DIR": str(cache),
    }
    command = [sys.executable, "-m", "socialsim", "train", "rendezvous-v0", f"--out={folder}", "--seeds=1"]
    command += ["--agent-steps=64000", "--chunks=4", *(f"--option={k}={v}" for k, v in OPTIONS.items())]
    done = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_devices_share_the_worlds_of_one_run(tmp_path):
    """Adam makes a full step of any gradient, however small, so rounding grows: figures of the first update
    agree closely, parameters after four to a fraction of one step (4e-3)."""
    one, shared = tmp_path / "one", tmp_path / "shared"
    train(one, tmp_path / "cache", 1)
    train(shared, tmp_path / "cache", 2)
    figures = [dict(np.load(f / "metrics/00000001.npz", allow_pickle=False)) for f in (one, shared)]
    assert figures[0]["joint"].shape == (1, 1), "one update a chunk"
    for name, value in figures[0].items():
        np.testing.assert_allclose(figures[1][name], value, atol=1e-4, rtol=1e-4, err_msg=name)
    teams = [jax.tree.leaves(load_run(f).teams) for f in (one, shared)]
    for a, b in zip(*teams, strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), atol=1e-3)
