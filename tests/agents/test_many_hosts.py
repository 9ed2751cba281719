"""One training over two hosts (processes over gloo), one of them killed, and gone on with on one device."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest

from socialsim.agents.loading import load_run

OPTIONS = {"num_agents": 2, "needed": 2, "size": 6, "walls": 0, "horizon": 16}
CHUNKS = 6


def start(folder: Path, cache: Path, *more: str, devices: int = 1) -> subprocess.Popen:
    settings = {
        "XLA_FLAGS": "--xla_backend_optimization_level=0 --xla_cpu_multi_thread_eigen=false",
        "JAX_NUM_CPU_DEVICES": str(devices),
        "JAX_COMPILATION_CACHE_DIR": str(cache),
    }
    command = [sys.executable, "-m", "socialsim", "train", "rendezvous-v0", f"--out={folder}", "--seeds=2"]
    command += [f"--agent-steps={CHUNKS * 16_384}", f"--chunks={CHUNKS}", *more]
    command += [f"--option={k}={v}" for k, v in OPTIONS.items()]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, env=os.environ | settings, **pipes)


def two_hosts(folder: Path, cache: Path, seeds: int = 2) -> list[subprocess.Popen]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{free.getsockname()[1]}"
    joined = ("--hosts=2", f"--coordinator={place}", f"--seeds={seeds}")
    return [start(folder, cache, *joined, f"--host={i}") for i in range(2)]


def said(child: subprocess.Popen) -> str:
    return child.communicate(timeout=900)[0]


def finished(child: subprocess.Popen) -> str:
    text = said(child)
    assert child.returncode == 0, text
    return text


def compare(folder: Path, other: Path, **tolerance) -> None:
    compare_figures(folder, other, CHUNKS, **tolerance)
    teams = [jax.tree.leaves(load_run(f).teams) for f in (folder, other)]
    for a, b in zip(*teams, strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), **tolerance)


def compare_figures(folder: Path, other: Path, chunks: int, **tolerance) -> None:
    for step in range(1, chunks + 1):
        figures = [np.load(f / f"metrics/{step:08d}.npz", allow_pickle=False) for f in (folder, other)]
        for name in figures[0].files:
            np.testing.assert_allclose(*(f[name] for f in figures), err_msg=name, **tolerance)


@pytest.mark.slow
def test_hosts_change_nothing_and_a_lost_one_costs_a_chunk(tmp_path):
    """Runs share nothing, so two hosts are two devices, to the bit; on one device XLA compiles another
    program, which rounds differently, and learning multiplies that from chunk to chunk."""
    whole, hosts, lost, cache = (tmp_path / n for n in ("whole", "hosts", "lost", "cache"))
    finished(start(whole, cache, devices=2))
    told = [finished(child) for child in two_hosts(hosts, cache)]
    assert "run: " in told[0] and "run: " not in told[1], told
    compare(hosts, whole, atol=0, rtol=0)

    first, second = two_hosts(lost, cache)
    deadline = time.monotonic() + 900
    while not (lost / "checkpoints/00000001").exists():
        assert first.poll() is None and second.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    second.send_signal(signal.SIGKILL)
    text = said(first)
    assert first.returncode != 0 and "lost another host" in text, text
    assert "kept: the checkpoint after chunk" in text and "Traceback" not in text
    second.communicate()
    left = [p.name for p in (lost / "checkpoints").iterdir() if p.name.isdecimal()]
    assert max(left) < f"{CHUNKS:08d}", "it was killed too late to show anything"
    assert "resumed" in finished(start(lost, cache)), "on one device, after two hosts"
    compare_figures(lost, whole, int(max(left)), atol=0, rtol=0)
    compare(lost, whole, atol=1e-2, rtol=1e-2)


@pytest.mark.slow
def test_cpus_of_several_hosts_do_not_share_a_run(tmp_path):
    for child in two_hosts(tmp_path / "run", tmp_path / "cache", seeds=1):
        text = said(child)
        assert child.returncode == 2 and "1 runs on the CPUs of 2 hosts; allowed: a multiple of 2" in text
