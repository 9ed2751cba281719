"""The outer loop: a killed run ends bit for bit like one that was not; what diverges is named."""

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import socialsim
from socialsim.agents.training import train
from socialsim.core.errors import DivergenceError
from socialsim.core.signals import Signal

sys.path.insert(0, str(Path(__file__).parent))
import train_tiny


def run_tiny(folder, cache, kill_after=None):
    """Run the tiny training in a process of its own; kill -9 once a checkpoint is there."""
    environment = os.environ | {"JAX_COMPILATION_CACHE_DIR": str(cache)}
    environment["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.5"
    command = [sys.executable, train_tiny.__file__, str(folder)]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    if kill_after is None:
        _, said = process.communicate(timeout=500)
        assert process.returncode == 0, said
        return said
    deadline = time.monotonic() + 500
    while not (folder / "checkpoints" / f"{kill_after:08d}").exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return None


@pytest.mark.slow
def test_a_run_killed_in_the_middle_ends_like_one_that_was_not(tmp_path):
    run_tiny(tmp_path / "killed", tmp_path / "cache", kill_after=2)
    left = sorted(p.name for p in (tmp_path / "killed/checkpoints").iterdir() if p.name.isdecimal())
    assert left[-1] < f"{train_tiny.CONFIG.chunks:08d}", "it was killed too late to show anything"
    run_tiny(tmp_path / "killed", tmp_path / "cache")
    run_tiny(tmp_path / "whole", tmp_path / "cache")
    killed, whole = (train_tiny.main(str(tmp_path / n)) for n in ("killed", "whole"))
    for a, b in zip(jax.tree.leaves(killed.teams), jax.tree.leaves(whole.teams), strict=True):
        np.testing.assert_array_equal(a, b)
    for name in whole.metrics:
        np.testing.assert_array_equal(killed.metrics[name], whole.metrics[name])
    assert not np.array_equal(*jax.tree.leaves(whole.teams)[0][:2]), "seeds must differ"


@dataclasses.dataclass(frozen=True)
class Broken(Signal):
    name: ClassVar[str] = "broken"

    def __call__(self, window):
        return jnp.where(window.scene.position[:, 0] >= 0, jnp.nan, 0.0)


def test_a_channel_that_diverges_is_named():
    env = socialsim.make(
        "rendezvous-v0",
        signals=["coordination", Broken()],
        num_agents=2,
        needed=2,
        size=6,
        walls=0,
        horizon=16,
    )
    drives = np.ones((1, 2, 2), np.float32)
    with pytest.raises(DivergenceError, match="channel 'broken', run 0, update 1"):
        train(env, train_tiny.CONFIG, jax.random.split(jax.random.key(0), 1), drives, quiet=True)


class Steady:
    """A reward of its own, 1 at every step, that counts the batches it saw."""

    channels = ("steady",)

    def init(self, key, env):
        return jnp.zeros(())

    def __call__(self, kept, key, path, last):
        return kept + 1, jnp.ones((*path.value.shape[:-1], 1)), {"batches": kept + 1}


def pull(team, part, key, given):
    """Values drawn towards a number of the run's, with a weight of the run's."""
    weight, wanted = given
    return weight * ((team.values(part.observation) - wanted) ** 2).mean(), {"pulled": weight}


def small_world():
    return socialsim.make("rendezvous-v0", num_agents=2, needed=2, size=6, walls=0, horizon=16)


@pytest.mark.slow
def test_what_is_added_to_the_learner_is_felt_and_changes_nothing_else():
    """A reward of its own gets a value head; a loss of weight zero and drives given again are none."""
    env, keys = small_world(), jax.random.split(jax.random.key(0), 2)
    drives = np.ones((2, 2, 3), np.float32)
    seen = []

    def again(chunk, drives, before):
        seen.append((chunk, {name: x.shape[1] for name, x in before.items()}.get("joint", 0)))
        return drives

    plain = train(env, train_tiny.CONFIG, keys, drives, quiet=True)
    bare = train(env, train_tiny.CONFIG, keys, drives, checked=False, quiet=True)
    assert not [name for name in bare.metrics if name.startswith("health")]
    for a, b in zip(jax.tree.leaves(plain.teams), jax.tree.leaves(bare.teams), strict=True):
        np.testing.assert_array_equal(a, b)
    given = (jnp.array([0.0, 100.0]), jnp.array([0.0, 50.0]))
    both = train(
        env, train_tiny.CONFIG, keys, drives, auxiliary=pull, given=given, schedule=again, quiet=True
    )
    assert seen == [(i, i) for i in range(train_tiny.CONFIG.chunks)]
    for a, b in zip(jax.tree.leaves(plain.teams), jax.tree.leaves(both.teams), strict=True):
        np.testing.assert_allclose(a[0], b[0], rtol=1e-4, atol=1e-6)
    assert (both.metrics["target_mean"][1, -1] > plain.metrics["target_mean"][1, -1]).all(), "drawn to 50"
    wide = np.concatenate([drives, np.zeros((2, 2, 1), np.float32)], -1)
    own = train(env, train_tiny.CONFIG, keys, wide, intrinsic=Steady(), quiet=True)
    assert own.channels == (*env.channels, "steady") and own.team(0).channels == own.channels
    np.testing.assert_array_equal(own.metrics["signal"][..., -1], 1.0)
    np.testing.assert_array_equal(own.metrics["batches"][0], np.arange(1, 7))
    target = own.metrics["target_mean"][..., -1]
    assert (target[:, -1] > target[:, 0]).all() and own.metrics["signal"].shape[-1] == 4
