"""How a plan becomes acts on a grid: greedy steps, cells just left are avoided, ties broken at random."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from socialsim.agents.bots.plan import Plan, feature
from socialsim.core import geometry
from socialsim.core.acts import Act
from socialsim.core.scene import Scene

_DIRECTIONS = np.array([(1, 0), (0, 1), (-1, 0), (0, -1)], np.float32)
_BLOCKED = 100.0
TRAIL = 6
"""Cells an agent remembers having left: dead ends are not entered twice, bars of wall are got round."""


def empty_trail(scene: Scene) -> Float[Array, "A K 2"]:
    return jnp.full((scene.num_agents, TRAIL, 2), 1e6)


def walk(
    key: Key[Array, ""],
    scene: Scene,
    plan: Plan,
    trail: Float[Array, "A K 2"],
    solid: Bool[Array, " M"] | None = None,
) -> tuple[Int[Array, " A"], Float[Array, "A K 2"]]:
    """Acts `[A]` that carry out `plan`, and the new trail. solid: objects in the way (default: loads)."""
    solid = feature(scene, "movable") > 0 if solid is None else solid
    here = scene.position
    left_behind = here - jnp.round(scene.velocity)
    moved = (jnp.abs(scene.velocity) > 0.5).any(-1)
    longer = jnp.concatenate([left_behind[:, None], trail[:, :-1]], 1)
    trail = jnp.where(moved[:, None, None], longer, trail)
    toward = _DIRECTIONS @ scene.heading.T  # [4, A] 1 ahead, -1 back, 0 to the sides
    toward = toward.T
    cell = here[:, None] + _DIRECTIONS  # [A, 4, 2]
    away = jnp.abs(plan.target[:, None] - cell).sum(-1)
    visits = _same(cell[:, :, None], trail[:, None]).sum(-1)
    blocked = _obstructed(scene, cell, solid)
    noise_key, yield_key = jax.random.split(key)
    noise = jax.random.uniform(noise_key, away.shape, maxval=0.3)
    cost = away + 0.8 * visits + 0.3 * (1.0 - toward) + _BLOCKED * blocked + noise
    best = cost.min(-1, keepdims=True)
    way = ((cost == best)[..., None] * _DIRECTIONS).sum(1)  # [A, 2]
    # Who is there moves on only to come nearer; who cannot move waits.
    now = jnp.abs(plan.target - here).sum(-1)
    gain = ((cost == best) * (away - now[:, None])).sum(-1) < 0
    go = (best[:, 0] < _BLOCKED) & (~plan.there | (gain & (now > 0.5)))
    # Two who want one cell both stay; whoever just failed to move gives way at random.
    failed = ((scene.act == Act.ADVANCE) | (scene.act == Act.RETREAT)) & ~moved
    go &= ~(failed & jax.random.bernoulli(yield_key, 0.5, failed.shape))
    act = jnp.where(go, _step(scene.heading, way), _face(scene.heading, plan.facing))
    return jnp.where(plan.push, Act.ADVANCE, act).astype(jnp.int32), trail


def _obstructed(scene: Scene, cell, solid):
    rays = geometry.fan(scene.heading, scene.clear.shape[-1])  # [A, R, 2]
    aligned = (rays[:, None] * _DIRECTIONS[None, :, None]).sum(-1) > 0.99  # [A, 4, R]
    clear = jnp.where(aligned, scene.clear[:, None], 0.0).max(-1)
    bodies = _same(cell[:, :, None], scene.position[None, None]).any(-1)
    loads = jnp.where(solid[:, None], scene.object_position, 1e6)
    return (clear < 1.0) | bodies | _same(cell[:, :, None], loads[None, None]).any(-1)


def _same(a, b):
    return (jnp.abs(a - b) < 0.5).all(-1)


def _step(heading, way):
    """The act that moves one cell along `way`, or turns towards it."""
    ahead, left = _frame(heading, way)
    side = jnp.where(left > 0, Act.TURN_LEFT, Act.TURN_RIGHT)
    return jnp.where(ahead > 0.5, Act.ADVANCE, jnp.where(ahead < -0.5, Act.RETREAT, side))


def _face(heading, way):
    """Turn until `way` lies within 45 degrees of straight ahead, then stand still."""
    ahead, left = _frame(heading, way)
    turn = jnp.where(left > 0, Act.TURN_LEFT, Act.TURN_RIGHT)
    content = (ahead >= jnp.abs(left) - 1e-3) | ((jnp.abs(ahead) + jnp.abs(left)) < 0.1)
    return jnp.where(content, Act.STILL, turn)


def _frame(heading, v):
    local = geometry.into_frame(heading, v)
    return local[:, 0], local[:, 1]
