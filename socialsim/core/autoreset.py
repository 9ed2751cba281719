"""Auto-reset for batches of worlds, from a pool of reset states.

A `lax.cond` reset under `vmap` would run the reset of every world at every step. Here the batch is
stepped as a whole: only when some world is done does one branch copy states in from a pool. On an accelerator
worlds that are done take their states from there by a select, at every step.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Key

from socialsim.core.compiling import compiled
from socialsim.core.errors import OptionError, integer
from socialsim.core.fusing import on_cpu, written_out
from socialsim.core.senses import Observation
from socialsim.core.simulation import Simulation, SimulationState, TimeStep


class Pool(struct.PyTreeNode):
    """Reset states to draw from: leading axis P."""

    state: SimulationState
    timestep: TimeStep


class AutoReset(struct.PyTreeNode):
    """A batch of E worlds that restart on their own when done.

    `step` returns the new episode's first observation where an episode ended, with the old one's last in
    `final_observation` (gymnasium calls this same-step autoreset). Methods are pure and compiled at their
    first call.

    num_worlds: E.  pool_size: reset states in a pool.
    stacked: `env` holds E tasks, one for each world: all its leaves are `[E, ...]`, such as those of
    `socialsim.make(jax.vmap(socialsim.sample_world)(keys))`. Each world keeps its own task, and a pool
    holds `pool_size // E` states of each, at least one.

    Raises OptionError for sizes below 1, and for a stack of tasks where none, or another size, is asked for.
    """

    env: Simulation
    num_worlds: int = struct.field(pytree_node=False)
    pool_size: int = struct.field(pytree_node=False, default=256)
    stacked: bool = struct.field(pytree_node=False, default=False)

    def __post_init__(self):
        integer("num_worlds", self.num_worlds, low=1)
        integer("pool_size", self.pool_size, low=1)

    @compiled
    def pool(self, key: Key[Array, ""]) -> Pool:
        """Fresh worlds for `step` to begin episodes from; draw it anew now and then."""
        if self.stacked:
            keys = jax.random.split(key, (self._members, self.num_worlds))
            return Pool(*jax.vmap(self._begin)(keys))
        return Pool(*self._begin(jax.random.split(key, self.pool_size)))

    @compiled
    def reset(self, key: Key[Array, ""]) -> tuple[SimulationState, TimeStep]:
        """Begin an episode in every world: leading axis E on everything."""
        return self._begin(jax.random.split(key, self.num_worlds))

    @compiled
    def step(
        self, key: Key[Array, ""], pool: Pool, state: SimulationState, action: Array
    ) -> tuple[SimulationState, TimeStep]:
        """action: `[E, A]` or `[E, A, n]`. World e steps with key e + 1 of `jax.random.split(key, E + 1)`."""
        keys = jax.random.split(key, self.num_worlds + 1)
        if self.stacked:
            state, timestep = jax.vmap(written_out(_step))(self.env, keys[1:], state, action)
        else:
            state, timestep = jax.vmap(written_out(self.env.step))(keys[1:], state, action)
        done = timestep.done

        def restart(state: SimulationState, observation: Observation) -> tuple[SimulationState, Observation]:
            pick = jax.random.randint(keys[0], (self.num_worlds,), 0, self._members)
            place = (pick, jnp.arange(self.num_worlds)) if self.stacked else pick

            def merge(fresh: Array, old: Array) -> Array:
                mask = done.reshape(-1, *[1] * (old.ndim - 1))
                return jnp.where(mask, fresh[place], old)

            return (
                jax.tree.map(merge, pool.state, state),
                jax.tree.map(merge, pool.timestep.observation, observation),
            )

        def keep(state: SimulationState, observation: Observation) -> tuple[SimulationState, Observation]:
            return state, observation

        if on_cpu():
            state, observation = jax.lax.cond(done.any(), restart, keep, state, timestep.observation)
        else:  # its selects fuse with what they read; a branch would copy everything and wait for the host
            state, observation = restart(state, timestep.observation)
        return state, timestep.replace(observation=observation)

    @property
    def _members(self) -> int:
        """Reset states to choose from, for each world."""
        return max(1, self.pool_size // self.num_worlds) if self.stacked else self.pool_size

    def _begin(self, keys: Key[Array, " N"]) -> tuple[SimulationState, TimeStep]:
        leaves: list[Array] = jax.tree.leaves(self.env)
        sizes = {leaf.shape[:1] for leaf in leaves}
        if self.stacked and sizes != {(self.num_worlds,)}:
            raise OptionError(
                f"stacked=True, num_worlds={self.num_worlds} and leaves of env that begin with axes "
                f"{sorted(sizes)}; allowed: as many tasks as worlds, every leaf [{self.num_worlds}, ...]"
            )
        if self.stacked:
            return jax.vmap(_reset)(self.env, keys)
        if len(sizes) == 1 and sizes != {()}:
            _check_single(self.env, keys[0], *sizes.pop())
        return jax.vmap(self.env.reset)(keys)


def _reset(env: Simulation, key: Key[Array, ""]) -> tuple[SimulationState, TimeStep]:
    return env.reset(key)


def _step(
    env: Simulation, key: Key[Array, ""], state: SimulationState, action: Array
) -> tuple[SimulationState, TimeStep]:
    return env.step(key, state, action)


def _check_single(env: Simulation, key: Key[Array, ""], size: int) -> None:
    """Raises OptionError where the world has parameters of one size because it is a stack of tasks."""
    try:
        timestep = jax.eval_shape(env.reset, key)[1]
        one = timestep.terminated.shape == () and timestep.joint.shape == (env.num_agents,)
    except (TypeError, ValueError):
        one = False
    if not one:
        raise OptionError(
            f"env holds a stack of {size} tasks; allowed: one task, or stacked=True with num_worlds={size}"
        )
