"""Gate: a door that stays open only while somebody else holds it."""

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Int

from socialsim.envs.grid import layout
from socialsim.envs.grid.cells import same
from socialsim.envs.grid.mechanism import Mechanism, Shown

OTHER, GATE, SOUTH_PLATE, NORTH_PLATE, PRIZE = range(5)
"""What an object is to a Gate."""


class Passage(struct.PyTreeNode):
    """open: the gate is.  side: of the wall on which each agent was last, -1 south, 1 north.
    via: [a, h] h held the gate when a entered it.  helped: [a, h] h let a through to the other side, and a
    has reached no prize since."""

    open: Bool[Array, ""]
    side: Int[Array, " A"]
    via: Bool[Array, "A A"]
    helped: Bool[Array, "A A"]


class Gate(Mechanism):
    """A wall with one gate cuts the floor in two; it is open while an agent stands on one of two plates.

    An agent in the gateway keeps it open. A joint event happens when an agent that others let through
    stands on a prize: it has a share of 1, and each who held the gate for it has `holder_share`. The prize
    then moves to the other side of the wall, so that every prize has to be passed for.

    kind: `GATE`, `SOUTH_PLATE`, `NORTH_PLATE`, `PRIZE` or `OTHER`.
    """

    kind: Int[Array, " M"]
    holder_share: Float[Array, ""]

    def walls(self, key, grid):
        row = grid.height // 2
        gap = jax.random.randint(key, (), 0, grid.width)
        low, high = row - 0.5, row + 0.5
        left = jnp.stack([-0.5, low, gap - 0.5, high])
        right = jnp.stack([gap + 0.5, low, grid.width - 0.5, high])
        boxes = jnp.stack([left, right]).astype(jnp.float32)
        return jnp.where((boxes[:, 2] > boxes[:, 0])[:, None], boxes, jnp.array(layout.EMPTY_BOX))

    def arrange(self, key, grid, state):
        row, a = grid.height // 2, grid.num_agents
        cells = layout.all_cells(grid.shape)
        floor = layout.usable(cells, grid.width, grid.height, state.walls)
        score = jax.random.uniform(key, (3, len(cells)))
        south = layout.distinct_cells(score[0], 1, cells, floor & (cells[:, 1] < row))
        north = layout.distinct_cells(score[1], 1, cells, floor & (cells[:, 1] > row))
        plates = same(cells, jnp.concatenate([south, north])).any(1)
        free = floor & (cells[:, 1] != row) & ~plates
        free = layout.distinct_cells(score[2], a + grid.num_objects, cells, free)
        gate = jnp.stack([self._gap(grid, state.walls), row])
        here = {GATE: gate, SOUTH_PLATE: south[0], NORTH_PLATE: north[0]}
        objects = free[a:]
        for kind, cell in here.items():
            objects = jnp.where((self.kind == kind)[:, None], cell, objects)
        return state.replace(position=free[:a], object_position=objects, object_goal=objects)

    def begin(self, key, grid, state):
        nobody = jnp.zeros((grid.num_agents, grid.num_agents), bool)
        return Passage(jnp.zeros((), bool), _side(grid, state.position), nobody, nobody)

    def solid(self, memory):
        return (self.kind == GATE) & ~memory.open

    def judge(self, key, grid, state, turn, memory):
        at = same(turn.position, turn.objects)  # [A, M]
        holders = (at & self._plate).any(1)
        inside = (at & (self.kind == GATE)).any(1)
        side = _side(grid, turn.position)
        entered = inside & (_side(grid, state.position) != 0)
        others = ~jnp.eye(grid.num_agents, dtype=bool)
        via = jnp.where(entered[:, None], holders[None] & others, memory.via)
        passed = (side != 0) & (side != memory.side) & (memory.side != 0)
        helped = jnp.where(passed[:, None], via, memory.helped)
        prize = at & (self.kind == PRIZE) & grid.present
        won = prize & helped.any(1, keepdims=True)
        winner = won.any(1)
        joint = winner + self.holder_share * (helped & winner[:, None]).sum(0)
        turn = turn.replace(joint=turn.joint + joint, renew=turn.renew | won.any(0))
        side = jnp.where(side == 0, memory.side, side)
        return turn, Passage(holders.any() | inside.any(), side, via, helped & ~winner[:, None])

    def region(self, grid, turn, memory):
        """The other side of the wall."""
        row = grid.height // 2
        south = (turn.objects[:, 1] < row)[:, None]
        corner, zero = jnp.stack([grid.width, grid.height]) - 1, jnp.zeros((), jnp.int32)
        low = jnp.where(south, jnp.stack([zero, row + 1]), zero)
        return low, jnp.where(south, corner, jnp.stack([grid.width - 1, row - 1]))

    def show(self, grid, state, memory):
        at = same(state.position, state.object_position)
        plate, prize = self._plate, self.kind == PRIZE
        pressed = plate & at.any(0)
        return Shown(
            dict(
                needed=1.0 * plate,
                present=1.0 * pressed,
                progress=1.0 * pressed,
                active=jnp.where(self.kind == GATE, memory.open, pressed),
                resource=1.0 * prize,
            ),
            at & (plate | prize),
        )

    @property
    def _plate(self) -> Bool[Array, " M"]:
        return (self.kind == SOUTH_PLATE) | (self.kind == NORTH_PLATE)

    def _gap(self, grid, walls: Float[Array, "W 4"]) -> Int[Array, ""]:
        """Column of the gate: where no wall of the row is."""
        column = jnp.arange(grid.shape[0])[:, None]
        return jnp.argmin(((column > walls[:, 0]) & (column < walls[:, 2])).any(1)).astype(jnp.int32)


def _side(grid, position: Int[Array, "A 2"]) -> Int[Array, " A"]:
    return jnp.sign(position[:, 1] - grid.height // 2)
