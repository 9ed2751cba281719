"""Grow: a stock that regrows by its density as long as its springs are kept clear together."""

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Int, Key

from socialsim.core import draws
from socialsim.core.acts import Act
from socialsim.envs.grid import layout
from socialsim.envs.grid.cells import chebyshev
from socialsim.envs.grid.mechanism import Mechanism, Shown

SURE = 0.02
"""Regrowth of a bush that stands alone, as a share of one among full ones: a bare orchard recovers slowly."""


ROUNDS = 2
"""Bushes an agent tries in one decision: where another is first, it takes its next one."""


class Stock(struct.PyTreeNode):
    """level: of bushes, 0 to 1.  silt: in springs, 0 to 1.  service: how much of late each agent has
    cleared, in springs.  food: what it has lately harvested, 0 to 1."""

    level: Float[Array, " M"]
    silt: Float[Array, " M"]
    service: Float[Array, " A"]
    food: Float[Array, " A"]


class Grow(Mechanism):
    """Bushes to be harvested, each by whoever wants; springs that feed them all and silt up.

    A bush grows by `growth` (1 - level) (density) (1 - mean silt) a decision, where density is the mean
    level of the bushes within `spread` cells, its own included (Harvest: Perolat et al. 2017). Springs
    silt up by `silting` a decision, and `needed` agents within one cell who INTERACT at once clear one
    (Clean Up: Hughes et al. 2018). INTERACT next to a bush of level `ripe` or more takes `bite` of it; where
    more want one than there are, chance decides who goes without (`harvest`).

    A harvest is a joint success as far as others have made it possible: the share of harvester h is
    w = min(1, sum over others j of service_j), and the others gain `steward_share` w in proportion to
    their service. Service is silt cleared, divided among those who cleared it; it fades with `memory`.
    Bounds: joint <= (1 + steward_share (A - 1)) a decision.
    """

    bush: Bool[Array, " M"]
    spring: Bool[Array, " M"]
    needed: Int[Array, " M"]
    growth: Float[Array, ""]
    silting: Float[Array, ""]
    spread: Int[Array, ""]
    ripe: Float[Array, ""]
    bite: Float[Array, ""]
    memory: Float[Array, ""]
    steward_share: Float[Array, ""]

    def margin(self, grid):
        if not grid.bodies_block:
            return 0
        return self.spring * layout.margin_for(self.needed, 1, grid.width, grid.height, grid.walls)

    def begin(self, key, grid, state):
        nothing = jnp.zeros(grid.num_agents)
        return Stock(0.75 * self.bush, 0.5 * self.spring, nothing, nothing)

    def judge(self, key, grid, state, turn, memory):
        busy = (turn.act == Act.INTERACT)[:, None]
        near = chebyshev(turn.position, turn.objects) <= 1
        # Clear springs.
        workers = near & busy & self.spring
        cleared = self.spring & (workers.sum(0) >= self.needed)
        removed = jnp.where(cleared, memory.silt, 0.0)
        served = (workers * removed / jnp.maximum(workers.sum(0), 1)).sum(1)
        service = memory.service * (1 - 1 / self.memory)
        takes = harvest(key, near & busy & self.bush & (memory.level >= self.ripe))
        harvested = takes.any(1)
        others = service.sum() - service
        worth = harvested * jnp.minimum(others, 1.0)
        # What each harvester owes its helpers, per unit of their service.
        portion = jnp.where(others > 0, worth / jnp.maximum(others, 1e-6), 0.0)
        owed = service * (portion.sum() - portion)
        joint = worth + self.steward_share * owed
        level = memory.level - self.bite * takes.any(0)
        close = chebyshev(turn.objects, turn.objects) <= self.spread
        bushes = close & self.bush
        density = (bushes * level).sum(1) / jnp.maximum(bushes.sum(1), 1)
        silt = jnp.where(cleared, 0.0, memory.silt)
        springs = jnp.maximum(self.spring.sum(), 1)
        flow = 1 - silt.sum() / springs
        level = level + self.growth * (1 - level) * (density + SURE) * flow
        stock = Stock(
            level=jnp.where(self.bush, jnp.clip(level, 0.0, 1.0), 0.0),
            silt=jnp.where(self.spring, jnp.minimum(silt + self.silting, 1.0), 0.0),
            service=service + served,
            food=memory.food * (1 - 1 / self.memory) + 0.2 * harvested,
        )
        return turn.replace(joint=turn.joint + joint), stock

    def show(self, grid, state, memory):
        near = chebyshev(state.position, state.object_position) <= 1
        spring = 1.0 * self.spring
        present = (near & self.spring).sum(0)
        ripe = self.bush & (memory.level >= self.ripe)
        return Shown(
            dict(
                needed=spring * self.needed,
                present=1.0 * present,
                progress=spring * (1 - memory.silt),
                active=jnp.where(self.bush, ripe, self.spring & (memory.silt < 0.5)),
                resource=memory.level,
            ),
            near & (self.bush | self.spring),
            load=jnp.clip(memory.food, 0.0, 1.0),
        )


def harvest(key: Key[Array, ""], reach: Bool[Array, "A M"]) -> Bool[Array, "A M"]:
    """Who takes which bush of those in `reach`: each agent one, each bush one agent.

    In each of `ROUNDS` rounds all who have none yet want the first bush in reach that is not taken; of those
    who want the same one it goes to the one with the highest of random priorities, drawn anew each time.
    """
    agents, bushes = reach.shape
    # The index in the lowest bits: no two priorities are equal.
    priority = (draws.bits(key, (agents,)) | jnp.uint32(4095)) - jnp.arange(agents, dtype=jnp.uint32)
    # Barriers: without them XLA computes the rounds anew for each of their readers, at twice the time.
    priority, left = jax.lax.optimization_barrier((priority, reach))
    order = jnp.arange(bushes, 0, -1)
    takes = jnp.zeros_like(reach)
    for _ in range(ROUNDS):
        rank = jnp.where(left, order, 0)
        wants = jax.lax.optimization_barrier(left & (rank == rank.max(1, keepdims=True)))
        bid = jnp.where(wants, priority[:, None], 0)
        wins = wants & (bid == bid.max(0))
        takes |= wins
        left = left & ~wins.any(1, keepdims=True) & ~wants.any(0)
    return jax.lax.optimization_barrier(takes)
