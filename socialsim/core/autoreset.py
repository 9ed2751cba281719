"""Auto-reset for batches of worlds, from a pool of reset states.

A `lax.cond` reset under `vmap` would run the reset of every world at every step. Here the batch is
stepped as a whole: only when some world is done does one branch copy states in from a pool.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Key

from socialsim.core.compiling import compiled
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
    """

    env: Simulation
    num_worlds: int = struct.field(pytree_node=False)
    pool_size: int = struct.field(pytree_node=False, default=256)

    @compiled
    def pool(self, key: Key[Array, ""]) -> Pool:
        """Fresh worlds for `step` to begin episodes from; draw it anew now and then."""
        return Pool(*jax.vmap(self.env.reset)(jax.random.split(key, self.pool_size)))

    @compiled
    def reset(self, key: Key[Array, ""]) -> tuple[SimulationState, TimeStep]:
        """Begin an episode in every world: leading axis E on everything."""
        return jax.vmap(self.env.reset)(jax.random.split(key, self.num_worlds))

    @compiled
    def step(
        self, key: Key[Array, ""], pool: Pool, state: SimulationState, action: Array
    ) -> tuple[SimulationState, TimeStep]:
        """action: `[E, A]` or `[E, A, n]`. World e steps with key e + 1 of `jax.random.split(key, E + 1)`."""
        keys = jax.random.split(key, self.num_worlds + 1)
        state, timestep = jax.vmap(self.env.step)(keys[1:], state, action)
        done = timestep.done

        def restart(state: SimulationState, observation: Observation) -> tuple[SimulationState, Observation]:
            pick = jax.random.randint(keys[0], (self.num_worlds,), 0, self.pool_size)

            def merge(fresh: Array, old: Array) -> Array:
                mask = done.reshape(-1, *[1] * (old.ndim - 1))
                return jnp.where(mask, fresh[pick], old)

            return (
                jax.tree.map(merge, pool.state, state),
                jax.tree.map(merge, pool.timestep.observation, observation),
            )

        def keep(state: SimulationState, observation: Observation) -> tuple[SimulationState, Observation]:
            return state, observation

        state, observation = jax.lax.cond(done.any(), restart, keep, state, timestep.observation)
        return state, timestep.replace(observation=observation)
