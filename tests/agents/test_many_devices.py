"""The same training on eight devices, on two after the eight were killed, and on one."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

SCRIPT = """
import sys
import jax, numpy as np
import socialsim
from socialsim.agents.training import train
from socialsim.core.drives import drive_matrix
from socialsim.runs import Run
sys.path.insert(0, {here!r})
from train_tiny import CONFIG

folder, devices, runs = sys.argv[1], *map(int, sys.argv[2:])
assert len(jax.devices()) == devices, jax.devices()
env = socialsim.make("rendezvous-v0", num_agents=2, needed=2, size=6, walls=0, horizon=16)
drives = np.stack([drive_matrix(None, env.channels, 2)] * 8)
with Run.open_or_create(folder, {{"tiny": True}}) as run:
    keys = jax.random.split(jax.random.key(0), 8)[:runs]
    found = train(env, CONFIG, keys, drives[:runs], run=run, title="tiny")
leaves = [np.asarray(x) for x in jax.tree.leaves(found.teams)]
np.savez(folder + "/found.npz", *leaves, **found.metrics)
"""


def start(folder: Path, devices: int, cache: Path, runs: int = 8) -> subprocess.Popen:
    flags = f"--xla_force_host_platform_device_count={devices} --xla_backend_optimization_level=0"
    environment = os.environ | {"XLA_FLAGS": flags, "JAX_COMPILATION_CACHE_DIR": str(cache)}
    script = SCRIPT.format(here=str(Path(__file__).parent))
    command = [sys.executable, "-c", script, str(folder), str(devices), str(runs)]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def found(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "found.npz", allow_pickle=False) as stored:
        return dict(stored)


def compare(killed, whole, one) -> None:
    """On several devices equal to the bit, however many: runs share nothing. On one, XLA compiles another
    program (nothing is partitioned), which rounds differently: seen, 7e-6 at most after six updates."""
    assert killed.keys() == whole.keys() == one.keys()
    for name in whole:
        np.testing.assert_array_equal(killed[name], whole[name], err_msg=name)
        np.testing.assert_allclose(one[name], whole[name], atol=1e-4, rtol=1e-4, err_msg=name)


@pytest.mark.slow
def test_devices_change_nothing_but_rounding(tmp_path):
    killed = start(tmp_path / "killed", 8, tmp_path / "cache")
    deadline = time.monotonic() + 900
    while not (tmp_path / "killed/checkpoints/00000002").exists():
        assert killed.poll() is None and time.monotonic() < deadline, killed.stderr.read()
        time.sleep(0.005)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    left = sorted(p.name for p in (tmp_path / "killed/checkpoints").iterdir() if p.name.isdecimal())
    assert left[-1] < "00000006", "it was killed too late to show anything"
    for folder, devices in (("killed", 2), ("whole", 8), ("one", 1)):
        child = start(tmp_path / folder, devices, tmp_path / "cache")
        _, said = child.communicate(timeout=900)
        assert child.returncode == 0, said
        assert ("resumed" in said) == (folder == "killed")
    compare(*(found(tmp_path / name) for name in ("killed", "whole", "one")))
    # Three runs on two devices take turns, the last of them beside nobody.
    _, said = start(tmp_path / "odd", 2, tmp_path / "cache", runs=3).communicate(timeout=900)
    odd, whole = found(tmp_path / "odd"), found(tmp_path / "whole")
    for name, value in odd.items():
        np.testing.assert_array_equal(value, whole[name][:3], err_msg=f"{name}; {said}")
