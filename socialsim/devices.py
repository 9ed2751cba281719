"""Devices: a mesh over all of them, of one host or of several, and arrays that are spread over it."""

import contextlib
import ctypes
import functools
import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from socialsim.core.errors import OptionError, integer
from socialsim.core.fusing import on_cpu

AXIS = "batch"
"""Name of the mesh axis over which worlds, seeds or arms are spread."""

WORLDS = "worlds"
"""Name of the mesh axis over which the worlds of one run are spread."""


def mesh(num_devices: int | None = None) -> Mesh:
    """A one-axis mesh over the first `num_devices` devices, or all; in multi-host runs, of all hosts.

    Raises OptionError if there are not so many.
    """
    devices = jax.devices()
    count = integer("num_devices", len(devices) if num_devices is None else num_devices, low=1)
    if count > len(devices):
        raise OptionError(f"num_devices={count}; allowed: 1 to {len(devices)}, the devices there are")
    # jax.make_mesh's axes are Explicit by default; Auto leaves placement to the compiler.
    return Mesh(np.array(devices[:count]), (AXIS,), axis_types=(AxisType.Auto,))


def divide(number: int, *, waits: bool = False, among: int | None = None) -> int:
    """On how many devices `number` runs or worlds are spread: the most, of the first `among` or of all, that
    take equal shares.

    waits : the program waits, in one of XLA's threads, for parts of its work, as batched LAPACK calls do (see
    `World.waits`). CPU devices share one thread per core, so as many such programs at once as there are
    threads wait for ever; they get one CPU device. (More threads would cure that as well, and cost all other
    programs a third of their speed: measured 1.5 against 2.2 M agent-steps/s.)
    """
    if waits and on_cpu():
        return 1
    return max(n for n in range(1, mesh(among).size + 1) if number % n == 0)


def layout(runs: int, worlds: int, *, waits: bool = False, among: int | None = None) -> Mesh:
    """A mesh of two axes for R runs of W worlds each: runs are spread first, for they share nothing; what
    devices are left share the worlds of a run, as far as these can be divided. among: as in `divide`.

    The first axis need not divide R: there is room for more runs then. Accelerators all take part, so that
    each host has one that does; CPUs no more than there are runs.

    waits : see `divide`.  Raises OptionError where a run would have to be shared by CPUs of several hosts:
    sums over them abort in XLA.
    """
    cpu, hosts = on_cpu(), jax.process_count()
    room = divide(mesh(among).size, waits=waits, among=among)
    inner = max(n for n in range(1, max(room // runs, 1) + 1) if worlds % n == 0)
    outer = min(runs, room) if cpu else room // inner
    if outer % hosts and cpu:
        raise OptionError(f"{runs} runs on the CPUs of {hosts} hosts; allowed: a multiple of {hosts}")
    found = np.array(jax.devices()[: outer * inner]).reshape(outer, inner)
    return Mesh(found, (AXIS, WORLDS), axis_types=(AxisType.Auto,) * 2)


def sharers() -> int:
    """Inside a program: how many devices share the worlds of a run (see `layout`); 1 elsewhere."""
    return jax.sharding.get_abstract_mesh().shape.get(WORLDS, 1)


def spread_worlds(tree: Any, axis: int) -> Any:
    """Inside a program: say that `axis` of every leaf is the worlds of a run, where devices share them. XLA
    then adds up over the devices what belongs to all worlds, such as gradients."""
    if sharers() == 1:
        return tree
    return jax.lax.with_sharding_constraint(tree, PartitionSpec(*[None] * axis, WORLDS))


def shard_leading(tree: Any, mesh: Mesh) -> Any:
    """Place every leaf with its leading axis spread over `mesh`; leaves are arrays or typed keys `[B, ...]`.

    Raises OptionError if B is not a multiple of the number of devices.
    """
    sharding = NamedSharding(mesh, PartitionSpec(AXIS))
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        if np.ndim(leaf) == 0 or leaf.shape[0] % mesh.shape[AXIS]:
            raise OptionError(
                f"leaf {jax.tree_util.keystr(path) or 'value'} has shape {list(np.shape(leaf))}; allowed: a "
                f"leading axis that is a multiple of the {mesh.shape[AXIS]} devices"
            )
    return jax.tree.map(lambda x: put(x, sharding), tree)


def put(leaf: Any, sharding: NamedSharding) -> jax.Array:
    """Place an array or a typed key; in multi-host runs, one that every host has whole."""
    if jax.process_count() == 1:
        return jax.device_put(leaf, sharding)
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        data = put(jax.random.key_data(leaf), sharding)
        return jax.random.wrap_key_data(data, impl=jax.random.key_impl(leaf))
    host = np.asarray(leaf)
    return jax.make_array_from_callback(host.shape, sharding, lambda index: host[index])


def replicate(tree: Any, mesh: Mesh) -> Any:
    """Place a copy of every leaf on each device of `mesh`."""
    return jax.tree.map(lambda x: put(x, NamedSharding(mesh, PartitionSpec())), tree)


def setup_cpu_devices(count: int) -> None:
    """Split the CPU into `count` devices. Only before JAX is first used; raises OptionError afterwards."""
    count = integer("count", count, low=1)
    try:
        jax.config.update("jax_num_cpu_devices", count)
    except RuntimeError:
        raise OptionError(
            f"CPU devices: {count}; allowed only before JAX is first used in a process; call it first thing"
        ) from None


def use_all_cores() -> None:
    """Make each CPU core a device of its own, as the command line does. No effect once JAX is in use.

    XLA splits a small matrix product over cores at a loss; independent seeds and worlds, one single-threaded
    device each, fill the cores without it (measured: 85,000 against 39,000 agent-steps/s of training on two
    cores). `XLA_FLAGS` and `JAX_NUM_CPU_DEVICES` set by the user are respected.
    """
    avoid_faults()
    flags = os.environ.get("XLA_FLAGS", "")
    if "JAX_NUM_CPU_DEVICES" in os.environ or "xla_cpu_multi_thread_eigen" in flags:
        return
    os.environ["XLA_FLAGS"] = f"{flags} --xla_cpu_multi_thread_eigen=false".strip()
    affinity = getattr(os, "sched_getaffinity", None)  # not on every platform
    with contextlib.suppress(OptionError):
        setup_cpu_devices(len(affinity(0)) if affinity else os.cpu_count() or 1)


def avoid_faults() -> None:
    """Switch off what is known to crash in the installed XLA. No effect once JAX is in use.

    jaxlib 0.10.2 hands some sums on CPUs to YNNPACK, which ends the process with a segmentation fault in
    a few of them (seen in `value-drift`, on AMD EPYC); products may stay with it. Later versions may not
    know the option, and an unknown one is fatal, so it is set for that version only.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    if metadata.version("jaxlib") == "0.10.2" and "xla_cpu_experimental_ynn_fusion_type" not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} --xla_cpu_experimental_ynn_fusion_type=dot".strip()


def in_haste() -> dict[str, Any] | None:
    """Options of `jax.jit` for what runs once or twice: on CPUs compiling it takes far longer.

    LLVM at level 0 halves that (measured: 35 to 19 s for episodes in MJX worlds, 19 to 11 s in grids), and so
    does, once more, the simpler of XLA's two ways to write a fusion's code.
    """
    if not on_cpu():
        return None
    wanted = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}
    return {name: value for name, value in wanted.items() if _known(name, value)}


@functools.cache
def _known(option: str, value: int | bool) -> bool:
    """Whether the installed XLA has this option: its versions come and go."""
    try:
        jax.jit(lambda: 0, compiler_options={option: value}).lower().compile()
    except jax.errors.JaxRuntimeError:
        return False
    return True


def trim_memory() -> None:
    """Give memory that is free back to the system, where the C library can (glibc).

    Compiling leaves half a gigabyte free that glibc keeps, and what it keeps grows with the hours.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL(None).malloc_trim(0)


def release_programs(share: float = 0.5) -> bool:
    """Give compiled programs back once they fill more than `share` of the memory maps that Linux allows.

    Each takes some of a process's 65,530 maps and XLA aborts where none is left; what is needed again is
    compiled again. Returns whether it did; never where the system does not tell.
    """
    try:
        allowed = int(Path("/proc/sys/vm/max_map_count").read_text())
        with open("/proc/self/maps", "rb") as maps:
            used = sum(1 for _ in maps)
    except (OSError, ValueError):
        return False
    if used <= share * allowed:
        return False
    jax.clear_caches()
    return True


def describe() -> dict[str, Any]:
    """What computes here: backend, kind and number of devices, hosts, and the versions of JAX and Python."""
    devices = jax.devices()
    return {
        "backend": jax.default_backend(),
        "kind": devices[0].device_kind,
        "devices": len(devices),
        "hosts": jax.process_count(),
        "machine": platform.machine(),
        "jax": jax.__version__,
        "python": platform.python_version(),
    }
