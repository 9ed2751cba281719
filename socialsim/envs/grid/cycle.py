"""Cycle: places to be visited in a hidden order that a guide shows before it leaves."""

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Int

from socialsim.core.acts import Act
from socialsim.envs.grid import layout
from socialsim.envs.grid.cells import chebyshev, vector
from socialsim.envs.grid.mechanism import Mechanism, Shown, columns, ratio

GONE = -1000
"""Cell coordinate of a guide that has left: out of everybody's sight."""


class Rounds(struct.PyTreeNode):
    """order: turn of each landmark.  turn: whose is next.  shown: the one that the guide goes to next.
    lit: the landmark reached last.  time: decisions since the start.
    aside: the guide's way was blocked, and it goes along x (1) or y (2) first; 0 if it was not."""

    order: Int[Array, " M"]
    turn: Int[Array, ""]
    shown: Int[Array, ""]
    lit: Bool[Array, " M"]
    time: Int[Array, ""]
    aside: Int[Array, ""]


class Cycle(Mechanism):
    """Landmarks have a hidden cyclic order, drawn anew in each episode, and look alike.

    A joint event happens when `needed` agents (the guide does not count) are within `radius` cells of the
    landmark whose turn it is; those there share it and it is the next one's turn. For the first
    `demonstration` decisions agent 0 is a guide that the world moves: it goes round in the right order and
    INTERACTs at each landmark, beside it where somebody stands in its way there; its own actions are not
    carried out. Then it leaves the floor.
    """

    on: Bool[Array, " M"]
    needed: Int[Array, " M"]
    radius: Int[Array, " M"]
    demonstration: Int[Array, ""]

    def margin(self, grid):
        if not grid.bodies_block:
            return 0
        return self.on * layout.margin_for(self.needed, self.radius, grid.width, grid.height, grid.walls)

    def begin(self, key, grid, state):
        draw = jnp.where(self.on, jax.random.uniform(key, self.on.shape), 2.0)
        zero = jnp.zeros((), jnp.int32)
        order = (draw[None] < draw[:, None]).sum(1).astype(jnp.int32)
        return Rounds(order, zero, zero, jnp.zeros(grid.num_objects, bool), zero, zero)

    def command(self, grid, state, memory, act):
        guided = self._guide(grid) & (self.demonstration > 0)
        one = self._is(memory.order, memory.shown)
        target = (state.object_position * one[:, None]).sum(0)
        reach = jnp.maximum((self.radius * one).sum(), 1)
        own = self._walk(grid, state, memory.aside, target, reach)
        own = jnp.where(memory.time < self.demonstration, own, Act.STILL)
        return jnp.where(guided, own, act).astype(jnp.int32)

    def judge(self, key, grid, state, turn, memory):
        guide = self._guide(grid) & (self.demonstration > 0)
        near = (chebyshev(turn.position, turn.objects) <= self.radius) & self.on
        part = near & ~guide[:, None]
        count = jnp.maximum(self.on.sum(), 1)
        due = self._is(memory.order, memory.turn)
        full = due & (part.sum(0) >= self.needed)
        done = full.any()
        told = (guide & (turn.act == Act.INTERACT)).any()  # the guide interacts at landmarks only
        time = memory.time + 1
        leaves = guide & (time >= self.demonstration)
        position = jnp.where(leaves[:, None], GONE, turn.position)
        memory = memory.replace(
            turn=(memory.turn + done) % count,
            shown=(memory.shown + told) % count,
            lit=jnp.where(done, full, memory.lit),
            time=time,
            aside=self._aside(state, turn, memory.aside),
        )
        return turn.replace(position=position, joint=turn.joint + (part & full).sum(-1)), memory

    def show(self, grid, state, memory):
        guide = self._guide(grid) & (self.demonstration > 0)
        near = (chebyshev(state.position, state.object_position) <= self.radius) & self.on
        part = near & ~guide[:, None]
        needed, present = jnp.where(self.on, self.needed, 0), part.sum(0)
        return Shown(
            dict(
                needed=needed, present=present, progress=ratio(present, needed), active=memory.lit & self.on
            ),
            part,
        )

    def _guide(self, grid) -> Bool[Array, " A"]:
        return jnp.arange(grid.num_agents) == 0

    def _is(self, order, turn) -> Bool[Array, " M"]:
        return self.on & (order == turn)

    def _aside(self, state, turn, aside) -> Int[Array, ""]:
        """Blocked along one axis it tries the other, until it has moved."""
        moved = (turn.position[0] != state.position[0]).any()
        failed = (turn.act[0] == Act.ADVANCE) & ~moved
        other = jnp.where(turn.facing[0, 0] == 0, 1, 2)
        return jnp.where(failed, other, jnp.where(moved, 0, aside)).astype(jnp.int32)

    def _walk(self, grid, state, aside, target, reach) -> Int[Array, ""]:
        """The guide's act: along the longer way first, aside where it was blocked; INTERACT when there, or
        blocked within `reach` cells of it."""
        offset, facing = target - state.position[0], vector(state.heading[:1])[0]
        along_x = jnp.where(aside == 0, jnp.abs(offset[0]) >= jnp.abs(offset[1]), aside == 1)
        inward = jnp.where(2 * state.position[0] < jnp.stack([grid.width, grid.height]) - 1, 1, -1)
        x, y = jnp.where(offset != 0, jnp.sign(offset), inward)
        zero = jnp.zeros_like(x)
        way = jnp.where(along_x, jnp.stack([x, zero]), jnp.stack([zero, y]))
        ahead = (way * facing).sum()
        left = way[1] * facing[0] - way[0] * facing[1]
        turn = jnp.where(left >= 0, Act.TURN_LEFT, Act.TURN_RIGHT)
        step = jnp.where(ahead > 0, Act.ADVANCE, turn)
        arrived = (offset == 0).all() | ((aside > 0) & (jnp.abs(offset).max() <= reach))
        return jnp.where(arrived, Act.INTERACT, step)


def cycle(num_objects: int, *, demonstration: int, **given) -> Cycle:
    """A Cycle with one rule for all landmarks, except where arrays `[M]` are given."""
    rule = dict(on=True, needed=2, radius=1) | given
    return Cycle(**columns(num_objects, rule, flags=("on",)), demonstration=jnp.int32(demonstration))
