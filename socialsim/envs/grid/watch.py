"""Watch: enough agents look at one thing, which only some of them can make out."""

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Int

from socialsim.core import geometry
from socialsim.envs.grid.mechanism import Mechanism, Shown, columns, ratio

HALF_CONE = 0.4142  # tangent of 22.5 degrees: looking at a thing is narrower than seeing it
_LONG_AGO = 1 << 20


class Watching(struct.PyTreeNode):
    """since: decisions since agent a last looked at object m.  informed: who can make the objects out."""

    since: Int[Array, "A M"]
    informed: Bool[Array, " A"]


class Watch(Mechanism):
    """A joint event happens when `needed` agents have looked at it within the last `window` decisions.

    To look is to face it within 22.5 degrees, no farther than `reach` cells, no wall between. It then
    moves elsewhere; all who looked share it. In each episode `num_informed` agents, drawn at random, can
    make it out; the others find it only by where those look.
    """

    on: Bool[Array, " M"]
    needed: Int[Array, " M"]
    window: Int[Array, " M"]
    reach: Int[Array, " M"]
    num_informed: Int[Array, ""]

    def begin(self, key, grid, state):
        order = jnp.argsort(jax.random.uniform(key, (grid.num_agents,)))
        never = jnp.full((grid.num_agents, grid.num_objects), _LONG_AGO)
        return Watching(never, order < self.num_informed)

    def judge(self, key, grid, state, turn, memory):
        looks = self._looks(turn.position, turn.facing, turn.objects, state.walls)
        since = jnp.where(looks, 0, memory.since + 1)
        part = self._part(since)
        full = self.on & (part.sum(0) >= self.needed)
        turn = turn.replace(joint=turn.joint + (part & full).sum(-1), renew=turn.renew | full)
        return turn, memory.replace(since=since)

    def settle(self, key, grid, state, renew, memory):
        return memory.replace(since=jnp.where(renew, _LONG_AGO, memory.since))

    def show(self, grid, state, memory):
        part = self._part(memory.since)
        needed, present = jnp.where(self.on, self.needed, 0), part.sum(0)
        return Shown(
            dict(needed=needed, present=present, progress=ratio(present, needed)),
            part,
            hidden=self.on & ~memory.informed[:, None],
        )

    def _part(self, since) -> Bool[Array, "A M"]:
        return self.on & (since <= self.window)

    def _looks(self, position, facing, objects, walls) -> Bool[Array, "A M"]:
        start: Float[Array, "A 2"] = position.astype(jnp.float32)
        end: Float[Array, "M 2"] = objects.astype(jnp.float32)
        local = geometry.into_frame(facing.astype(jnp.float32)[:, None], end[None] - start[:, None])
        ahead, left = local[..., 0], local[..., 1]
        in_cone = (ahead > 0) & (jnp.abs(left) <= HALF_CONE * ahead)
        near = geometry.norm(local) <= self.reach
        return self.on & in_cone & near & ~geometry.blocked(start[:, None], end[None], walls)


def watch(num_objects: int, *, num_informed: int | Int[Array, ""], **given) -> Watch:
    """A Watch with one rule for all objects, except where arrays `[M]` are given."""
    rule = dict(on=True, needed=2, window=0, reach=8) | given
    return Watch(**columns(num_objects, rule, flags=("on",)), num_informed=jnp.int32(num_informed))
