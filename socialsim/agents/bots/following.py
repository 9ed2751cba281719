"""The competent team of goal-cycle: follow the guide, remember its order, go on when it has left."""

import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float, Int

from socialsim.agents.bots.grid_base import GridTeam, go, nothing, steps
from socialsim.core import geometry
from socialsim.core.acts import Act
from socialsim.core.scene import Scene

_GONE = -100.0


class Memo(struct.PyTreeNode):
    """order: turn of each landmark as seen, -1 not yet.  shown: landmarks shown so far.  turn: how many
    the team has reached.  tried: decisions spent at each unknown landmark."""

    order: Int[Array, " M"]
    shown: Int[Array, ""]
    turn: Int[Array, ""]
    tried: Float[Array, " M"]


class Followers(GridTeam):
    """Learners go to the landmark whose turn it is as far as they have seen the order; else they keep to
    the guide, or, once it has left, try those landmarks whose turn they do not know."""

    def start(self, scene: Scene) -> Memo:
        m = scene.num_objects
        zero = jnp.zeros((), jnp.int32)
        return Memo(jnp.full(m, -1), zero, zero, jnp.zeros(m))

    def decide(self, scene: Scene, mind: Memo):
        count = scene.object_present.sum()
        here = scene.position[0] > _GONE
        # Where it stands, or what it faces where somebody is in its way.
        away = steps(scene.position[:1] + 0.4 * scene.heading[:1], scene.object_position)[0]
        away = jnp.where(scene.object_present, away, 1e6)
        at = (away == away.min()) & here.all()
        told = at & (scene.act[0] == Act.INTERACT) & (mind.order < 0)
        order = jnp.where(told, mind.shown, mind.order)
        shown = mind.shown + told.any()
        turn = mind.turn + (scene.joint > 0).any()
        # All but one known: so is the last.
        missing = (order < 0) & scene.object_present
        order = jnp.where(missing & (missing.sum() == 1), count - 1, order)
        due = order == turn % count
        met = (scene.takes_part.sum(0) > 0) & missing
        tried = jnp.where((scene.joint > 0).any(), 0.0, mind.tried + met)
        guess = jnp.where(missing, steps(scene.position, scene.object_position).sum(0) + 20.0 * tried, 1e6)
        guess = (guess == guess.min()) & missing
        unknown = jnp.where(here.all(), scene.position[0], guess.astype(jnp.float32) @ scene.object_position)
        known = due.astype(jnp.float32) @ scene.object_position
        target = jnp.where(due.any(), known, unknown)
        target = jnp.broadcast_to(target, scene.position.shape)
        there = jnp.abs(target - scene.position).max(-1) <= 1.05
        plan = go(target, there, geometry.unit(target - scene.position))
        return plan, jnp.zeros_like(there), nothing(scene), Memo(order, shown, turn, tried)


def followers(world) -> Followers:
    return Followers()
