"""How near a simulation comes to what memory allows: bytes that must move, and how fast memory is."""

import statistics
import time

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from socialsim import devices
from socialsim.agents.bots.base import random_action
from socialsim.core.fusing import on_cpu
from socialsim.core.simulation import Simulation

SIZE = 2**28
"""Bytes a device, of the array that is added to: more than any cache holds."""
QUEUED = 50
"""Additions given to an accelerator at once: one alone takes no longer than starting and awaiting it."""


def bytes_per_agent_step(env: Simulation) -> int:
    """What a step must move at least, an agent: the state read and written, the action read, and what a step
    gives written, each once."""
    key = jax.random.key(0)
    state, timestep = jax.eval_shape(env.reset, key)
    action = jax.eval_shape(lambda k: random_action(k, env.actions, env.num_agents), key)
    moved = 2 * _size(state) + _size(action) + _size(timestep) - _size(timestep.final_observation)
    return moved // env.num_agents


def bytes_read_back(env: Simulation) -> int:
    """What `socialsim bench` reads of what a step gave, an agent: the observations and the signals."""
    _, timestep = jax.eval_shape(env.reset, jax.random.key(0))
    return (_size(timestep.observation) + _size(timestep.signals)) // env.num_agents


def _size(tree) -> int:
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def bandwidth(mesh: Mesh, repeats: int = 5) -> float:
    """Bytes a second that all devices of `mesh` together read and write, by additions to a large array."""
    queued = 1 if on_cpu() else QUEUED
    spread = NamedSharding(mesh, PartitionSpec(devices.AXIS))
    x = jax.device_put(np.zeros(mesh.size * SIZE // 4, np.float32), spread)
    # In place: new pages would cost more than the addition.
    add = jax.jit(lambda x: x + jnp.float32(1), out_shardings=spread, donate_argnums=0)
    x = jax.block_until_ready(add(x))
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        for _ in range(queued):
            x = add(x)
        jax.block_until_ready(x)
        times.append(time.perf_counter() - begin)
    return 2 * queued * x.nbytes / statistics.median(times)
