"""Push: loads that move when enough agents push one way."""

import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Int

from socialsim.core.acts import Act
from socialsim.envs.grid import layout
from socialsim.envs.grid.cells import DIRECTIONS, chebyshev, same
from socialsim.envs.grid.mechanism import Mechanism, Shown, columns, ratio


class Trip(struct.PyTreeNode):
    """length, nearest: distance (Manhattan) from object to goal at the trip's start, and the least so far."""

    length: Int[Array, " M"]
    nearest: Int[Array, " M"]


class Push(Mechanism):
    """A load blocks the way, and moves one cell when `needed` agents next to it and not ahead of it advance
    in one direction at once. A joint event happens when that brings it nearer to its goal than it has ever
    been on this trip (so shoving to and fro earns nothing); at its goal it starts a new trip.

    Where it takes two or more, trips start and end off the border: those who push find no places behind a
    load that lies there.
    """

    on: Bool[Array, " M"]
    needed: Int[Array, " M"]

    def margin(self, grid):
        return (self.on & (self.needed > 1)).astype(jnp.int32)

    def begin(self, key, grid, state):
        length = jnp.abs(state.object_goal - state.object_position).sum(-1)
        return Trip(length, length)

    def solid(self, memory):
        return self.on

    def move(self, grid, state, turn, memory, solid):
        """New object positions, and who pushed what moved."""
        offset = state.object_position[None] - state.position[:, None]  # [A, M, 2]
        near = jnp.abs(offset).max(-1) <= 1
        behind = (offset * turn.facing[:, None]).sum(-1) >= 0
        pushing = near & behind & self.on & (turn.act == Act.ADVANCE)[:, None]
        # Votes per axis direction, then the one direction that has enough of them and no rival.
        votes = [(pushing & (turn.facing == d).all(-1)[:, None]).sum(0) for d in DIRECTIONS]
        enough = [v >= self.needed for v in votes]
        single = jnp.stack(enough).sum(0) == 1
        step = jnp.stack([e[:, None] * d for e, d in zip(enough, DIRECTIONS, strict=True)]).sum(0)
        step = step * (single & self.on)[:, None]
        target = state.object_position + step
        by_body = same(target, state.position).any(1)
        # Of loads that want one cell the first goes.
        earlier = jnp.tri(grid.num_objects, k=-1, dtype=bool) & (step != 0).any(-1)
        lying = solid & ~jnp.eye(grid.num_objects, dtype=bool)
        by_object = ((same(target, state.object_position) & lying) | (same(target, target) & earlier)).any(1)
        free = grid.inside(target) & ~layout.in_walls(target, state.walls) & ~by_body & ~by_object
        moved = free & (step != 0).any(-1)
        objects = jnp.where(moved[:, None], target, turn.objects)
        with_it = (turn.facing[:, None] == step[None]).all(-1)
        return turn.replace(objects=objects, displaced=pushing & with_it & moved), memory

    def judge(self, key, grid, state, turn, memory):
        distance = jnp.abs(state.object_goal - turn.objects).sum(-1)
        closer = self.on & (distance < memory.nearest)
        return (
            turn.replace(
                joint=turn.joint + (turn.displaced & closer).sum(-1),
                renew=turn.renew | (self.on & (distance == 0)),
            ),
            memory.replace(nearest=jnp.minimum(distance, memory.nearest)),
        )

    def settle(self, key, grid, state, renew, memory):
        fresh = jnp.abs(state.object_goal - state.object_position).sum(-1)
        return memory.replace(
            length=jnp.where(renew, fresh, memory.length), nearest=jnp.where(renew, fresh, memory.nearest)
        )

    def show(self, grid, state, memory):
        part = self.on & (chebyshev(state.position, state.object_position) <= 1)
        push = self.on.astype(jnp.float32)
        return Shown(
            dict(
                needed=push * self.needed,
                present=part.sum(0),
                progress=push * (1.0 - ratio(memory.nearest, memory.length)),
                movable=push,
                heavy=push * (self.needed - 1),
                placed=push,
            ),
            part,
        )


def push(num_objects: int, **given) -> Push:
    """A Push with one rule for all objects, except where arrays `[M]` are given."""
    return Push(**columns(num_objects, dict(on=True, needed=1) | given, flags=("on",)))
