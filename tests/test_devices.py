"""The mesh and what is placed on it; two virtual CPU devices need a process of their own."""

import subprocess
import sys
import textwrap
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from socialsim import devices
from socialsim.core.errors import OptionError

TWO = """
import jax, jax.numpy as jnp, numpy as np
from socialsim import devices
devices.setup_cpu_devices(2)
assert devices.describe()["devices"] == 2
mesh = devices.mesh()
tree = {"x": np.arange(8.0).reshape(4, 2), "key": jax.random.split(jax.random.key(0), 4)}
placed = devices.shard_leading(tree, mesh)
assert all(len(x.sharding.device_set) == 2 for x in jax.tree.leaves(placed))
assert placed["x"].addressable_shards[0].data.shape == (2, 2)
draw = lambda t: t["x"] + jax.vmap(jax.random.normal)(t["key"])[:, None]
alone = jax.jit(draw)(tree)
spread = jax.jit(draw)(placed)
assert len(spread.sharding.device_set) == 2
assert (np.asarray(alone) == np.asarray(spread)).all()
assert devices.replicate(jnp.ones(3), mesh).sharding.is_fully_replicated
assert devices.mesh(1).size == 1
# Runs are spread first, then the worlds of a run; more runs than devices take turns.
shapes = [tuple(devices.layout(r, w).shape.values()) for r, w in ((2, 8), (4, 3), (1, 8), (3, 8), (1, 3))]
assert shapes == [(2, 1), (2, 1), (1, 2), (2, 1), (1, 1)], shapes
assert devices.layout(2, 8, waits=True).size == 1
assert devices.sharers() == 1
try:
    devices.shard_leading({"y": jnp.ones((3, 2))}, mesh)
except ValueError as error:
    assert "['y'] has shape [3, 2]" in str(error) and "2 devices" in str(error)
else:
    raise SystemExit("not refused")
print("fine")
"""

EIGHT = """
import jax
from socialsim import devices
devices.setup_cpu_devices(8)
shape = lambda runs, worlds=64: tuple(devices.layout(runs, worlds).shape.values())
assert [shape(r) for r in (1, 2, 3, 5, 8, 9)] == [(1, 8), (2, 4), (3, 2), (5, 1), (8, 1), (8, 1)]
jax.default_backend = lambda: "gpu"
# All take part; the last run is copied where there is room for more.
assert [shape(r) for r in (1, 2, 3, 5, 8, 9, 13)] == [(1, 8), (2, 4), (4, 2), *[(8, 1)] * 4]
assert shape(2, 3) == (2, 3), "worlds that four devices cannot share"
print("fine")
"""


@pytest.mark.parametrize("script", [TWO, EIGHT])
def test_several_devices(script):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script)], capture_output=True, text=True
    )
    assert done.stdout == "fine\n", done.stderr


def test_describe():
    assert devices.describe()["jax"] == jax.__version__


def test_refusals():
    with pytest.raises(OptionError, match="num_devices=99; allowed: 1 to"):
        devices.mesh(99)
    jnp.zeros(1).block_until_ready()
    with pytest.raises(OptionError, match="before JAX is first used"):
        devices.setup_cpu_devices(3)
    with pytest.raises(OptionError, match=r"leaf value has shape \[\]"):
        devices.shard_leading(jnp.ones(()), devices.mesh())


def test_programs_are_given_back_only_where_maps_run_out(monkeypatch):
    cleared = []
    monkeypatch.setattr(jax, "clear_caches", lambda: cleared.append(True))
    if not Path("/proc/self/maps").exists():
        assert not devices.release_programs(0.0) and not cleared
        return
    assert not devices.release_programs(1.0) and not cleared
    assert devices.release_programs(0.0) and cleared
