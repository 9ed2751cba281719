"""Several hosts that train one run together, through `jax.distributed`; with one host nothing happens here.

The first host writes the run's folder, which all must see; every host computes its share.
"""

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import NamedSharding, PartitionSpec

from socialsim.core.errors import OptionError, RunError, integer

T = TypeVar("T")

SILENCE = 20
"""Seconds without a sign of life after which a host is given up. Its threads say so whatever it computes."""


def connect(hosts: int = 0, *, coordinator: str = "", host: int | None = None) -> None:
    """Join the other hosts. First thing in a process: JAX then sees the devices of all.

    Parameters
    ----------
    hosts : how many there are; 0: as the cluster says (Slurm, TPU pods, Open MPI, Kubernetes).
    coordinator : "ADDRESS:PORT" of the first host; empty: `JAX_COORDINATOR_ADDRESS`, or as the cluster says.
    host : number of this one, from 0; None: as the cluster says.

    Raises
    ------
    OptionError : JAX is in use already, or neither the arguments nor a cluster say what is needed.
    """
    if host is not None and hosts:
        integer("host", host, low=0, high=integer("hosts", hosts, low=1) - 1)
    # Programs that overlap would talk to their counterparts in an order of their own on each host.
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    try:
        jax.distributed.initialize(
            coordinator or None, hosts or None, host, heartbeat_timeout_seconds=SILENCE
        )
    except (RuntimeError, ValueError) as error:
        raise OptionError(
            f"hosts={hosts}, coordinator={coordinator!r}, host={host}: {str(error).splitlines()[0]}; "
            "allowed: all three ('ADDRESS:PORT' of the first host, a number from 0), or none where a cluster "
            "tells"
        ) from None


def several() -> bool:
    """Whether there is more than one host."""
    return jax.process_count() > 1


def first() -> bool:
    """Whether this is the host that writes."""
    return jax.process_index() == 0


def local(tree: Any) -> Any:
    """A tree that is spread over the devices of all hosts, whole, on a device of this one."""
    if not several():
        return tree
    whole = jax.tree.map(lambda x: NamedSharding(x.sharding.mesh, PartitionSpec()), tree)
    return jax.tree.map(lambda x: x.addressable_data(0), jax.jit(_itself, out_shardings=whole)(tree))


def _itself(tree: Any) -> Any:
    """Of the module, so that JAX finds the program it compiled for the chunk before."""
    return tree


def first_then_others(what: str, function: Callable[[], T]) -> T:
    """`function()` on the first host, then on the others; on none of them if it fails on the first.

    Raises what it raises; RunError on hosts that were not asked.
    """
    if not several():
        return function()
    found: T | None = None
    error: Exception | None = None
    if first():
        try:
            found = function()
        except Exception as raised:
            error = raised
    failed = bool(multihost_utils.broadcast_one_to_all(np.full(64, error is not None, np.int32))[0])
    if error is not None:
        raise error
    if failed:
        raise RunError(f"{what}: failed on the first host, which says why")
    return found if first() else function()  # type: ignore[return-value]


@contextlib.contextmanager
def watched(kept: Callable[[], str]) -> Iterator[None]:
    """What XLA raises where another host is gone, as a RunError; `kept()` says what is kept."""
    try:
        yield
    except (jax.errors.JaxRuntimeError, ValueError) as error:
        # What a collective fails with inside jit's fast path comes as a ValueError, headed by its status.
        if not several() or not re.match(r"[A-Z_]+: ", str(error)):
            raise
        raise RunError(
            f"host {jax.process_index()} of {jax.process_count()} lost another host "
            f"({str(error).splitlines()[0][:200]}); kept: {kept()}; start all hosts again with the same "
            "command, on as many devices as there are: the run goes on"
        ) from None
