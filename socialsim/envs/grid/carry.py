"""Carry: things that pass from hand to hand."""

import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Int

from socialsim.core.acts import Act
from socialsim.envs.grid.cells import first, same
from socialsim.envs.grid.mechanism import Mechanism, Shown, columns, ratio


class Hands(struct.PyTreeNode):
    """holds: who holds which now.  held: who has held it since it set out."""

    holds: Bool[Array, "A M"]
    held: Bool[Array, "A M"]


class Carry(Mechanism):
    """A parcel must pass through `hands` different pairs of hands before its depot takes it.

    Who has empty hands and INTERACTs with a parcel underfoot or in the cell ahead picks it up, unless
    somebody else does so too; who holds one and INTERACTs facing an agent with empty hands who is not
    interacting hands it over. Joint events: a hand-over to one who has not had it on this trip (giver and
    receiver share it), while it still needs hands; and delivery, when it comes within one cell of its
    depot after `hands` hands (all who have held it share it). It then sets out elsewhere.
    """

    on: Bool[Array, " M"]
    hands: Int[Array, " M"]

    def begin(self, key, grid, state):
        nobody = jnp.zeros((grid.num_agents, grid.num_objects), bool)
        return Hands(nobody, nobody)

    def judge(self, key, grid, state, turn, memory):
        holds, held = memory.holds, memory.held
        ahead = turn.position + turn.facing
        busy = turn.act == Act.INTERACT
        loaded = holds.any(1)
        # Hand over: [giver, receiver].
        others = ~jnp.eye(grid.num_agents, dtype=bool)
        gives = same(ahead, turn.position) & others & (busy & loaded)[:, None] & ~(busy | loaded)[None]
        gives = first(gives) & (gives.sum(0) == 1)
        given = holds & gives.any(1, keepdims=True)  # [giver, M]
        received = (gives.T.astype(jnp.int32) @ given.astype(jnp.int32)) > 0  # [receiver, M]
        fresh = received & ~held & (held.sum(0) < self.hands)
        givers = given & fresh.any(0)
        # Pick up: one parcel each, one taker each.
        within = same(turn.position, turn.objects) | same(ahead, turn.objects)
        takes = first(within & self.on & ~holds.any(0) & (busy & ~loaded)[:, None])
        takes = takes & (takes.sum(0) == 1)
        holds = (holds & ~given) | received | takes
        held = held | holds
        carried = holds.any(0)
        place = (holds[..., None] * turn.position[:, None]).sum(0)
        objects = jnp.where(carried[:, None], place, turn.objects)
        home = jnp.abs(state.object_goal - objects).max(-1) <= 1
        delivered = self.on & carried & home & (held.sum(0) >= self.hands)
        joint = fresh.sum(-1) + givers.sum(-1) + (held & delivered).sum(-1)
        turn = turn.replace(objects=objects, joint=turn.joint + joint, renew=turn.renew | delivered)
        return turn, Hands(holds & ~delivered, held & ~delivered)

    def show(self, grid, state, memory):
        on = self.on.astype(jnp.float32)
        count = memory.held.sum(0)
        load = memory.holds.any(1).astype(jnp.float32)
        return Shown(
            dict(
                needed=on * self.hands,
                present=on * count,
                progress=on * ratio(count, self.hands),
                movable=on,
                active=on * memory.holds.any(0),
                placed=on,
            ),
            memory.held & self.on,
            load=load,
        )


def carry(num_objects: int, **given) -> Carry:
    """A Carry with one rule for all objects, except where arrays `[M]` are given."""
    return Carry(**columns(num_objects, dict(on=True, hands=2) | given, flags=("on",)))
