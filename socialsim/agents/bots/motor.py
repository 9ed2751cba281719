"""How a plan becomes motor commands, and from where to push a long load."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key

from socialsim.agents.bots.plan import Plan, feature
from socialsim.core import geometry
from socialsim.core.acts import Act
from socialsim.core.scene import Scene

_TURN = jnp.pi / 3  # full drive turns so much in one decision
_SPACE = 1.05  # bodies between neighbours along a load
_THICK = 0.25  # bodies from the axis of a long load to its surface
_STANDOFF = 0.65  # bodies from its surface to the centre of who waits to push
_ROUND = 1.3  # bodies of room given when getting round the end of a load


def steer(key: Key[Array, ""], scene: Scene, plan: Plan, size: int) -> Float[Array, "A n"]:
    """Motor commands `[A, size]`: forward, turn and (if size > 2) neck, in [-1, 1]."""
    offset = plan.target - scene.position
    distance = geometry.norm(offset)
    wish = geometry.unit(offset) + _keep_clear(scene)
    tried = (scene.act == Act.ADVANCE) & (geometry.norm(scene.velocity) < 0.15)
    swerve = jax.random.normal(key, wish.shape) * jnp.where(tried, 1.5, 0.0)[:, None]
    settle = plan.there | plan.push
    wish = jnp.where(settle[:, None], plan.facing, wish + swerve)
    local = geometry.into_frame(scene.heading, wish)
    error = jnp.where(geometry.norm(wish) > 1e-3, jnp.arctan2(local[:, 1], local[:, 0]), 0.0)
    walk = jnp.clip(distance, 0.0, 1.0) * jnp.clip(2 * jnp.cos(error) - 1, 0.0, 1.0)
    forward = jnp.where(plan.push, 1.0, jnp.where(plan.there, 0.0, walk))
    turn = jnp.clip(error / _TURN, -1.0, 1.0)
    turn = jnp.where(plan.there & (jnp.abs(error) < 0.3), 0.0, turn)
    look = geometry.into_frame(scene.heading, scene.gaze)
    neck = jnp.clip(-jnp.arctan2(look[:, 1], look[:, 0]) / _TURN, -1.0, 1.0)
    return jnp.stack([forward, turn, neck, *[jnp.zeros_like(turn)] * (size - 3)], -1)[:, :size]


def _keep_clear(scene: Scene) -> Float[Array, "A 2"]:
    """A push away from fellows nearer than two bodies and from walls nearer than one."""
    apart = scene.position[:, None] - scene.position[None]
    distance = geometry.norm(apart) + 1e3 * jnp.eye(scene.num_agents)
    # Sideways as well as away, so that two who meet head on pass each other on the same hand.
    aside = jnp.stack([-apart[..., 1], apart[..., 0]], -1)
    close = jnp.clip(2.0 - distance, 0.0, 1.0) / jnp.maximum(distance, 0.5)
    away = ((apart + aside) * close[..., None]).sum(1)
    rays = geometry.fan(scene.heading, scene.clear.shape[-1])
    near = jnp.clip(1.0 - scene.clear, 0.0, 1.0)
    return away - 0.7 * (rays * near[..., None]).sum(1)


def long_load(scene: Scene) -> Plan:
    """The plan for a load of one piece: all movable objects are taken for parts of it.

    It is pushed square to one of its long sides, in a row; pushing off its middle turns it towards its
    goal. Who stands elsewhere goes round its nearer end.
    """
    part = (feature(scene, "movable") > 0).astype(jnp.float32)
    count = jnp.maximum(part.sum(), 1.0)
    needed = jnp.max(feature(scene, "needed") * part)
    centre = part @ scene.object_position / count
    way = geometry.unit(part @ (scene.object_goal - scene.object_position) / count)
    spread = (scene.object_position - centre) * part[:, None]
    xx, yy, xy = (spread[:, 0] ** 2).sum(), (spread[:, 1] ** 2).sum(), (spread[:, 0] * spread[:, 1]).sum()
    angle = 0.5 * jnp.arctan2(2 * xy, xx - yy)
    along = jnp.stack([jnp.cos(angle), jnp.sin(angle)])
    square = jnp.stack([-along[1], along[0]])
    length = jnp.abs(spread @ along).max() + _THICK
    offset = scene.position - centre
    # The side to push: away from the goal, or where most already are.
    ways = jnp.stack([square, -square])
    score = ways @ way + 0.4 * (offset @ ways.T < -_THICK).mean(0)
    pick = (score == score.max()).astype(jnp.float32)
    push_way = pick @ ways / pick.sum()
    left = jnp.stack([-push_way[1], push_way[0]])
    at, ahead = offset @ left, offset @ push_way
    # As many as fit in a row, in the order they have, so that nobody crosses over.
    pushers = jnp.minimum(jnp.floor(2 * length / _SPACE) + 1, scene.num_agents)
    rank = (at[:, None] > at[None]).sum(1).astype(jnp.float32)
    chosen = rank < pushers
    row = (pushers - 1) / 2 * _SPACE
    slant = way @ left
    middle = jnp.clip(-slant * length, -1.0, 1.0) * jnp.maximum(length - row + 0.25, 0.0)
    place = jnp.where(chosen, middle + rank * _SPACE - row, middle)
    back = -jnp.where(chosen, _THICK + _STANDOFF, 3.0)
    # Round the end: out along the side, past it, then in behind.
    wrong = ahead > -(_THICK + 0.2)
    beside = jnp.abs(at) < length + 0.8
    corner = jnp.where(at >= 0, 1.0, -1.0) * (length + _ROUND)
    goal_at = jnp.where(wrong, corner, place)
    goal_ahead = jnp.where(wrong, jnp.where(beside, ahead, -(_THICK + 1.0)), back)
    in_row = chosen & (jnp.abs(at - place) < 0.45) & (ahead < -_THICK) & (ahead > -(_THICK + 1.4))
    facing = geometry.unit(push_way + 0.5 * (place - at)[:, None] * left)
    ready: Bool[Array, " A"] = in_row & ((scene.heading @ push_way) > 0.75)
    # A load that lies askew is turned: only those on its trailing half push.
    trailing = ready & (at * slant < 0)
    turning = (jnp.abs(slant) > 0.5) & (trailing.sum() >= needed)
    ready = jnp.where(turning, trailing, ready)
    return Plan(
        target=centre + goal_at[:, None] * left + goal_ahead[:, None] * push_way,
        facing=jnp.where(in_row[:, None], facing, push_way),
        there=in_row | (~wrong & ~chosen & (jnp.abs(ahead - back) < 1.0)),
        push=ready & (ready.sum() >= needed),
    )
