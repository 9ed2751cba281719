"""Cycle: places to be visited in a hidden order that a guide shows before it leaves."""

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Int

from socialsim.core.acts import Act
from socialsim.envs.grid.cells import chebyshev, vector
from socialsim.envs.grid.mechanism import Mechanism, Shown, columns, ratio

GONE = -1000
"""Cell coordinate of a guide that has left: out of everybody's sight."""


class Rounds(struct.PyTreeNode):
    """order: turn of each landmark.  turn: whose is next.  shown: the one that the guide goes to next.
    lit: the landmark reached last.  time: decisions since the start."""

    order: Int[Array, " M"]
    turn: Int[Array, ""]
    shown: Int[Array, ""]
    lit: Bool[Array, " M"]
    time: Int[Array, ""]


class Cycle(Mechanism):
    """Landmarks have a hidden cyclic order, drawn anew in each episode, and look alike.

    A joint event happens when `needed` agents (the guide does not count) are within `radius` cells of the
    landmark whose turn it is; those there share it and it is the next one's turn. For the first
    `demonstration` decisions agent 0 is a guide that the world moves: it goes round in the right order and
    INTERACTs at each landmark; its own actions are not carried out. Then it leaves the floor.
    """

    on: Bool[Array, " M"]
    needed: Int[Array, " M"]
    radius: Int[Array, " M"]
    demonstration: Int[Array, ""]

    def begin(self, key, grid, state):
        draw = jnp.where(self.on, jax.random.uniform(key, self.on.shape), 2.0)
        zero = jnp.zeros((), jnp.int32)
        order = (draw[None] < draw[:, None]).sum(1).astype(jnp.int32)
        return Rounds(order, zero, zero, jnp.zeros(grid.num_objects, bool), zero)

    def command(self, grid, state, memory, act):
        guided = self._guide(grid) & (self.demonstration > 0)
        target = (state.object_position * self._is(memory.order, memory.shown)[:, None]).sum(0)
        own = jnp.where(memory.time < self.demonstration, self._walk(state, target), Act.STILL)
        return jnp.where(guided, own, act).astype(jnp.int32)

    def judge(self, key, grid, state, turn, memory):
        guide = self._guide(grid) & (self.demonstration > 0)
        near = (chebyshev(turn.position, turn.objects) <= self.radius) & self.on & grid.present
        part = near & ~guide[:, None]
        count = jnp.maximum((self.on & grid.present).sum(), 1)
        due = self._is(memory.order, memory.turn)
        full = due & (part.sum(0) >= self.needed)
        done = full.any()
        # The guide has shown a landmark once it interacts there.
        told = ((turn.act == Act.INTERACT)[:, None] & near & guide[:, None]).any(0)
        told = (told & self._is(memory.order, memory.shown)).any()
        time = memory.time + 1
        leaves = guide & (time >= self.demonstration)
        position = jnp.where(leaves[:, None], GONE, turn.position)
        memory = memory.replace(
            turn=(memory.turn + done) % count,
            shown=(memory.shown + told) % count,
            lit=jnp.where(done, full, memory.lit),
            time=time,
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

    def _walk(self, state, target) -> Int[Array, ""]:
        """The guide's act: along the longer way first, aside where it was blocked, INTERACT when there."""
        offset, facing = target - state.position[0], vector(state.heading[:1])[0]
        failed = (state.act[0] == Act.ADVANCE) & (state.velocity[0] == 0).all()
        along_x = (jnp.abs(offset[0]) >= jnp.abs(offset[1])) ^ (failed & (offset != 0).all())
        x, y = jnp.sign(offset[0]), jnp.sign(offset[1])
        way = jnp.where(along_x, jnp.stack([x, jnp.int32(0)]), jnp.stack([jnp.int32(0), y]))
        ahead = (way * facing).sum()
        left = way[1] * facing[0] - way[0] * facing[1]
        turn = jnp.where(left >= 0, Act.TURN_LEFT, Act.TURN_RIGHT)
        step = jnp.where(ahead > 0, Act.ADVANCE, turn)
        return jnp.where((offset == 0).all(), Act.INTERACT, step)


def cycle(num_objects: int, *, demonstration: int, **given) -> Cycle:
    """A Cycle with one rule for all landmarks, except where arrays `[M]` are given."""
    rule = dict(on=True, needed=2, radius=1) | given
    return Cycle(**columns(num_objects, rule, flags=("on",)), demonstration=jnp.int32(demonstration))
