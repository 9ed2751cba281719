"""The worlds of one run on two devices: the same training as on one, up to the order of sums, and worlds stay
where they are. Several runs on each of two devices, as accelerators have them."""

import os
import subprocess
import sys
import textwrap
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


BEGIN = """
import re, sys
import jax, numpy as np
import socialsim
from socialsim.agents.program import Program
from socialsim.agents.training import NothingCarried
sys.path.insert(0, {here!r})
from train_tiny import CONFIG

env = socialsim.make("rendezvous-v0", **{options!r})
drives = np.ones((3, 2, len(env.channels)), np.float32)
keys = jax.random.split(jax.random.key(0), 3)
"""

TRAFFIC = """
program = Program(env, CONFIG.ppo, 1, 1, checked=False)
assert dict(program._mesh.shape) == {"batch": 1, "worlds": 2}
(learner,) = program.init(keys[:1])
update = program._parts.update.__closure__[0].cell_contents
given = learner, program._parts.pool(learner.key, None), drives[:1], NothingCarried(), None, None
compiled = update.lower(*given).compile().as_text()
moved = re.findall(r"[ ](all-[a-z]+|collective-permute|reduce-scatter)\\(", compiled)
assert moved and set(moved) == {"all-reduce"}, moved
print("fine")
"""

SIDE_BY_SIDE = """
jax.default_backend = lambda: "gpu"

def found(runs):
    program = Program(env, CONFIG.ppo, 2, len(runs), checked=False)
    learners = program.init(keys[runs])
    assert len(learners) == 1
    learners, metrics = program.chunk(learners, drives[runs], NothingCarried())
    return [np.asarray(x) for x in jax.tree.leaves((program.whole(learners).team, metrics))]

three, last = found(np.arange(3)), found(np.array([2, 1]))
for a, b in zip(three, last):
    assert len(a) == 3
    np.testing.assert_allclose(a[[2, 1]], b, atol=1e-3, rtol=1e-3)
print("fine")
"""


@pytest.mark.slow
@pytest.mark.parametrize("script", [TRAFFIC, SIDE_BY_SIDE])
def test_two_devices_as_accelerators(script):
    """Sums are all that devices which share worlds tell each other; three runs on two devices are those that
    each device would train alone."""
    flags = "--xla_force_host_platform_device_count=2 --xla_backend_optimization_level=0"
    begin = BEGIN.format(here=str(Path(__file__).parent), options=OPTIONS)
    done = subprocess.run(
        [sys.executable, "-c", begin + textwrap.dedent(script)],
        env=os.environ | {"XLA_FLAGS": flags, "JAX_NUM_CPU_DEVICES": "2"},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.stdout == "fine\n", done.stderr
