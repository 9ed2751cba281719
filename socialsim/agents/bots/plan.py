"""What a competent team wants: one common object, and a place and a facing for each agent.

The plan reads only what objects afford (needed, movable, placed), so it serves every world: pads are
objects that do not move, loads are movable objects that belong somewhere. Lengths in bodies.
"""

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Int, Key

from socialsim.core import geometry
from socialsim.core.scene import OBJECT_FEATURES, Scene

_UNREACHABLE = 1e4
_ROWS = ((-1, 0), (-1, 1), (-1, -1), (0, 1), (0, -1))
"""Places of pushers around a load, as (ahead, left): behind it, behind to either side, beside it."""


class Intent(struct.PyTreeNode):
    """The team's common mind.

    chosen: object, -1 before the first choice.  idle: decisions since something was achieved.
    doubt: `[M]` what each object costs extra after fruitless tries, bodies.
    low, high: corners of the floor as far as anybody's free distances have told.
    """

    chosen: Int[Array, ""]
    idle: Int[Array, ""]
    doubt: Float[Array, " M"]
    low: Float[Array, "2"]
    high: Float[Array, "2"]


class Plan(struct.PyTreeNode):
    """target, facing: where each agent should be and what it should face there (zero: as it likes).

    there: it is where it is wanted.  push: it should drive ahead now, with the others.
    """

    target: Float[Array, "A 2"]
    facing: Float[Array, "A 2"]
    there: Bool[Array, " A"]
    push: Bool[Array, " A"]


def first_intent(scene: Scene) -> Intent:
    return Intent(
        chosen=jnp.int32(-1),
        idle=jnp.int32(0),
        doubt=jnp.zeros(scene.num_objects),
        low=scene.position.min(0),
        high=scene.position.max(0),
    )


def feature(scene: Scene, name: str) -> Float[Array, " M"]:
    return scene.object_features[:, OBJECT_FEATURES.index(name)]


def make_plan(
    key: Key[Array, ""], scene: Scene, intent: Intent, *, axes: bool, patience: int | Int[Array, ""]
) -> tuple[Plan, Intent]:
    """axes: push along x first, then y (grids); else straight to the goal. patience: decisions."""
    intent = _look_around(scene, intent)
    low, high = intent.low, intent.high
    movable = feature(scene, "movable") > 0
    way, open_way = _ways(scene, movable, axes, low, high)  # [M, 2], [M]
    start = scene.object_position - jnp.where(movable[:, None], way, 0.0)
    distance = jnp.abs(start[None] - scene.position[:, None]).sum(-1)  # [A, M]
    # The time until enough have come: the distance of the nearest within whose circle enough are.
    come = ((distance[:, None] >= distance[None]) * scene.strength[None, :, None]).sum(1)
    needed = feature(scene, "needed")
    cost = jnp.where(come >= needed, distance, _UNREACHABLE).min(0) + intent.doubt
    cost += jnp.where(open_way & scene.object_present, 0.0, _UNREACHABLE)
    cost -= jnp.arange(scene.num_objects) == intent.chosen  # better to stay with what was begun
    one = _first(cost == cost.min())
    common = _Common(
        position=one @ scene.object_position,
        way=one @ way,
        needed=one @ needed,
        movable=(one * movable).sum() > 0,
        takes_part=(scene.takes_part * one).sum(-1) > 0,
        others=jnp.where(((one == 0) & movable)[:, None], scene.object_position, 1e6),
    )
    meet = _meeting(scene, common)
    haul = _hauling(scene, common, low, high)
    plan = jax.tree.map(lambda m, h: jnp.where(common.movable, h, m), meet, haul)
    return plan, _remember(key, scene, intent, one, patience)


class _Common(struct.PyTreeNode):
    """The chosen object; `others`: other loads (far away where there are none)."""

    position: Float[Array, "2"]
    way: Float[Array, "2"]
    needed: Float[Array, ""]
    movable: Bool[Array, ""]
    takes_part: Bool[Array, " A"]
    others: Float[Array, "M 2"]


def _meeting(scene: Scene, pad: _Common) -> Plan:
    """All go to the pad; who is there looks for the others."""
    rest = scene.position.sum(0) - scene.position - (scene.num_agents - 1) * scene.position
    return Plan(
        target=jnp.broadcast_to(pad.position, scene.position.shape),
        facing=geometry.unit(rest),
        there=pad.takes_part,
        push=jnp.zeros(scene.num_agents, bool),
    )


def _hauling(scene: Scene, load: _Common, low, high) -> Plan:
    """The nearest take the places behind the load, the rest follow; enough in place push together."""
    left = jnp.stack([-load.way[1], load.way[0]])
    place = jnp.stack([load.position + a * load.way + b * left for a, b in _ROWS])  # [P, 2]
    usable = _inside(place, low, high) & ~_near(place, load.others, 0.5).any(1)
    # One pusher in each row, beside the load only where none fits behind, unless it takes more.
    crowd = load.needed > 3
    usable = usable.at[3].set(usable[3] & (~usable[1] | crowd)).at[4].set(usable[4] & (~usable[2] | crowd))
    follow = load.position - 3.0 * load.way
    target = jnp.broadcast_to(jnp.clip(follow, low, high), scene.position.shape)
    free = jnp.ones(scene.num_agents, bool)
    for p in range(len(_ROWS)):
        away = jnp.abs(scene.position - place[p]).sum(-1)
        away = jnp.where(free & usable[p], away, _UNREACHABLE)
        taker = _first(away == away.min()) * (away < _UNREACHABLE)
        target = jnp.where(taker[:, None] > 0, place[p], target)
        free &= taker == 0
    offset = load.position - scene.position
    in_reach = jnp.abs(offset).max(-1) <= 1.05
    behind = (offset * load.way).sum(-1) >= -0.05
    facing = (scene.heading * load.way).sum(-1) > 0.99
    ready = in_reach & behind & facing
    return Plan(
        target=target,
        facing=jnp.broadcast_to(load.way, scene.position.shape),
        there=jnp.abs(target - scene.position).max(-1) < 0.05,
        push=ready & (ready.sum() >= load.needed),
    )


def _ways(scene: Scene, movable, axes: bool, low, high):
    """Unit direction in which each object should move now, and whether it can."""
    offset = jnp.where(movable[:, None], scene.object_goal - scene.object_position, 0.0)
    if not axes:
        return geometry.unit(offset), jnp.ones(scene.num_objects, bool)
    ways, opens = [], []
    needed = feature(scene, "needed")
    loads = jnp.where(movable[:, None], scene.object_position, 1e6)
    for axis in (0, 1):
        way = jnp.sign(offset) * jnp.eye(2)[axis]
        ahead = scene.object_position + way
        left = jnp.stack([-way[:, 1], way[:, 0]], -1)
        place = jnp.stack([scene.object_position + a * way + b * left for a, b in _ROWS], 1)
        room = (_inside(place, low, high) & ~_near(place, loads, 0.5).any(-1)).sum(1)
        blocked = _near(ahead, loads, 0.5).any(1) | ~_inside(ahead, low, high)
        ways.append(way)
        opens.append((offset[:, axis] != 0) & ~blocked & (room >= needed))
    way = jnp.where(opens[0][:, None], ways[0], ways[1])
    return way, opens[0] | opens[1] | ~movable


def _inside(place, low, high):
    return ((place >= low - 0.01) & (place <= high + 0.01)).all(-1)


def _near(a, b, distance):
    """`[..., N]`: a is within `distance` (Chebyshev) of each of the N of b."""
    return jnp.abs(a[..., None, :] - b).max(-1) < distance


def _first(flags: Bool[Array, " N"]) -> Float[Array, " N"]:
    """One-hot of the first True."""
    return (flags & (jnp.cumsum(flags) == 1)).astype(jnp.float32)


def _look_around(scene: Scene, intent: Intent) -> Intent:
    """Where the middle of a body can be: half a body short of what its rays have met."""
    rays = geometry.fan(scene.heading, scene.clear.shape[-1])
    end = scene.position[:, None] + rays * jnp.maximum(scene.clear - 0.5, 0.0)[..., None]
    # Only rays along an axis tell how far the floor reaches along it.
    along = jnp.where(jnp.abs(rays) > 0.99, end, scene.position[:, None])
    low = jnp.minimum(intent.low, along.min((0, 1)))
    return intent.replace(low=low, high=jnp.maximum(intent.high, along.max((0, 1))))


def _remember(key, scene: Scene, intent: Intent, one, patience) -> Intent:
    """Where nothing is achieved for `patience` decisions, doubt the objects at random and try anew."""
    success = (scene.joint > 0).any()
    idle = jnp.where(success, 0, intent.idle + 1)
    give_up = idle >= patience
    draw = jax.random.uniform(key, intent.doubt.shape, maxval=8.0)
    doubt = jnp.where(give_up, draw, jnp.where(success, 0.0, intent.doubt))
    index = (one * jnp.arange(one.shape[0])).sum().astype(jnp.int32)
    return intent.replace(chosen=index, idle=jnp.where(give_up, 0, idle), doubt=doubt)
