"""How near a simulation comes to what memory allows: bytes that must move, and how fast memory is."""

import statistics
import time

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from socialsim import devices
from socialsim.agents.bots.base import random_action
from socialsim.core.simulation import Simulation

SIZE = 2**28
"""Bytes a device, of the array that is copied: more than any cache holds."""


def bytes_per_agent_step(env: Simulation) -> int:
    """What a step must move at least, an agent: the state read and written, the action read, and what a step
    gives written, each once."""
    key = jax.random.key(0)
    state, timestep = jax.eval_shape(env.reset, key)
    action = jax.eval_shape(lambda k: random_action(k, env.actions, env.num_agents), key)
    moved = 2 * _size(state) + _size(action) + _size(timestep) - _size(timestep.final_observation)
    return moved // env.num_agents


def _size(tree) -> int:
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def bandwidth(mesh: Mesh, repeats: int = 5) -> float:
    """Bytes a second that all devices of `mesh` together read and write, by an addition to a large array."""
    spread = NamedSharding(mesh, PartitionSpec(devices.AXIS))
    x = jax.device_put(np.zeros(mesh.size * SIZE // 4, np.float32), spread)
    # In place: new pages would cost more than the addition.
    add = jax.jit(lambda x: x + jnp.float32(1), out_shardings=spread, donate_argnums=0)
    x = jax.block_until_ready(add(x))
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        x = jax.block_until_ready(add(x))
        times.append(time.perf_counter() - begin)
    return 2 * x.nbytes / statistics.median(times)
