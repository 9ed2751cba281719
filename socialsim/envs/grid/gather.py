"""Gather: enough agents at one place at once."""

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Int

from socialsim.envs.grid import layout
from socialsim.envs.grid.cells import chebyshev
from socialsim.envs.grid.mechanism import Mechanism, Shown, columns, ratio

ANY_ACT = -1


class Gather(Mechanism):
    """A joint event happens while `needed` agents are within `radius` cells (Chebyshev) at once.

    The object then moves elsewhere, to where so many find a place; all who took part share it.

    needed: heads, or the sum of their strengths where `weighs`.  together: where above 0 (and `drawn`), the
    number is drawn anew for each object, between `needed` and the sum of the `together` greatest strengths
    (it is that sum where it is less than `needed`).
    act: the act that takes part, `ANY_ACT` if being there is enough.  blocks: it blocks the way.
    """

    on: Bool[Array, " M"]
    needed: Int[Array, " M"]
    radius: Int[Array, " M"]
    act: Int[Array, " M"]
    weighs: Bool[Array, " M"]
    together: Int[Array, " M"]
    blocks: Bool[Array, " M"]
    drawn: bool = struct.field(pytree_node=False)

    def begin(self, key, grid, state):
        return self._draw(key, state.strength) if self.drawn else ()

    def solid(self, memory):
        return self.blocks & self.on

    def margin(self, grid):
        if not grid.bodies_block:
            return 0
        heads = jnp.where(self.weighs & (self.together > 0), self.together, self.needed)
        heads = jnp.minimum(heads, grid.num_agents) + self.blocks  # it takes the cell in the middle itself
        return self.on * layout.margin_for(heads, self.radius, grid.width, grid.height, grid.walls)

    def judge(self, key, grid, state, turn, memory):
        doing = (self.act == ANY_ACT) | (turn.act[:, None] == self.act)
        met = self._near(turn.position, turn.objects) & doing
        full = self.on & (self._count(met, state.strength) >= self._needed(memory))
        return turn.replace(joint=turn.joint + (met & full).sum(-1), renew=turn.renew | full), memory

    def settle(self, key, grid, state, renew, memory):
        return jnp.where(renew, self._draw(key, state.strength), memory) if self.drawn else ()

    def show(self, grid, state, memory):
        part = self._near(state.position, state.object_position)
        present, needed = self._count(part, state.strength), jnp.where(self.on, self._needed(memory), 0)
        return Shown(dict(needed=needed, present=present, progress=ratio(present, needed)), part)

    def _needed(self, memory) -> Int[Array, " M"]:
        return memory if self.drawn else self.needed

    def _near(self, position, objects) -> Bool[Array, "A M"]:
        return self.on & (chebyshev(position, objects) <= self.radius)

    def _count(self, part, strength) -> Int[Array, " M"]:
        return (part * jnp.where(self.weighs, strength[:, None], 1)).sum(0)

    def _draw(self, key, strength) -> Int[Array, " M"]:
        a = strength.shape[0]
        earlier = jnp.arange(a)[:, None] > jnp.arange(a)[None]
        other, own = strength[None], strength[:, None]
        rank = ((other > own) | ((other == own) & earlier)).sum(1)
        most = (strength[:, None] * (rank[:, None] < self.together)).sum(0)
        bits = jax.random.bits(key, self.needed.shape, jnp.uint32)
        least = jnp.where(self.together > 0, jnp.minimum(self.needed, most), self.needed)
        span = jnp.maximum(most - least + 1, 1).astype(jnp.uint32)
        return least + (bits % span).astype(jnp.int32)


def gather(num_objects: int, *, drawn: bool = False, **given) -> Gather:
    """A Gather with one rule for all objects, except where arrays `[M]` are given."""
    rule = dict(on=True, needed=1, radius=0, act=ANY_ACT, weighs=False, together=0, blocks=False) | given
    return Gather(**columns(num_objects, rule, flags=("on", "weighs", "blocks")), drawn=drawn)
