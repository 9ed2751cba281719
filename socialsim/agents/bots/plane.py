"""Competent teams for the plane: rendezvous, spread and flock. They plan in motor commands.

Discrete worlds take the same commands quantised to acts.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from socialsim.agents.bots.base import Bot, Memory
from socialsim.agents.bots.competent import Competent
from socialsim.agents.bots.motor import steer
from socialsim.agents.bots.plan import Plan
from socialsim.core import geometry
from socialsim.core.acts import Act
from socialsim.core.scene import Scene
from socialsim.core.world import Actions

_MOTORS = Actions(size=2, names=("forward", "turn"))
_TAKEN = 1e6


def quantise(drive: Float[Array, "A n"]) -> Int[Array, " A"]:
    """Acts that do what motor commands ask for: a turn act turns 60 degrees, so below half of that none."""
    forward, turn = drive[:, 0], drive[:, 1]
    spin = jnp.where(turn > 0, Act.TURN_LEFT, Act.TURN_RIGHT)
    walk = jnp.where(forward > 0, Act.ADVANCE, Act.RETREAT)
    stay = jnp.where(jnp.abs(forward) > 0.3, walk, Act.STILL)
    return jnp.where(jnp.abs(turn) > 0.5, spin, stay).astype(jnp.int32)


class Quantised(Bot):
    """`bot`, whose motor commands become acts."""

    bot: Bot

    def begin(self, scene: Scene) -> Memory:
        return self.bot.begin(scene)

    def __call__(self, key: Key[Array, ""], scene: Scene, memory: Memory) -> tuple[Array, Memory]:
        drive, memory = self.bot(key, scene, memory)
        return quantise(drive), memory


def _for(world: Any, bot: Bot) -> Bot:
    return Quantised(bot) if world.discrete else bot


def rendezvous_team(world: Any) -> Bot:
    """Meet at one common pad, wait for the others, move on to the next."""
    return _for(world, Competent(_MOTORS))


class Cover(Bot):
    """Each agent walks to a landmark of its own; the nearest pairs of agent and landmark are made first.

    close: bodies from a landmark's centre at which an agent stays.
    """

    close: float | Float[Array, ""]

    def __call__(self, key: Key[Array, ""], scene: Scene, memory: Memory) -> tuple[Array, Memory]:
        offset = scene.object_position[None] - scene.position[:, None]
        distance = geometry.norm(offset)
        mine = share_out(distance).astype(jnp.float32)  # [A, M]
        idle = mine.sum(1) == 0
        target = jnp.where(idle[:, None], scene.position, mine @ scene.object_position)
        there = idle | ((mine * distance).sum(1) < self.close)
        rest = scene.position.mean(0) - scene.position
        none = jnp.zeros(scene.num_agents, bool)
        return steer(key, scene, Plan(target, geometry.unit(rest), there, none), 2), memory


def share_out(cost: Float[Array, "A M"]) -> Bool[Array, "A M"]:
    """Who takes what: the cheapest pair first, then the cheapest of those left, until all are taken."""

    def pair(carry, _):
        cost, taken = carry
        row, column = jnp.divmod(jnp.argmin(cost), cost.shape[1])
        agent, thing = jnp.arange(cost.shape[0]) == row, jnp.arange(cost.shape[1]) == column
        cost = jnp.where(agent[:, None] | thing, _TAKEN, cost)
        return (cost, taken | (agent[:, None] & thing)), None

    start = (cost, jnp.zeros(cost.shape, bool))
    return jax.lax.scan(pair, start, None, length=min(cost.shape))[0][1]


def spread_team(world: Any) -> Bot:
    """Share the landmarks out, and walk."""
    return _for(world, Cover(close=0.6 * world.radius))


class Stream(Bot):
    """All walk round the middle of the floor on one circle, in one bunch that waits for its stragglers.

    size: of the floor, bodies.  round: radius of the circle, bodies.
    """

    size: Float[Array, ""]
    round: Float[Array, ""]

    def __call__(self, key: Key[Array, ""], scene: Scene, memory: Memory) -> tuple[Array, Memory]:
        out = scene.position - self.size / 2
        radial = geometry.unit(out)
        around = jnp.stack([-radial[:, 1], radial[:, 0]], -1)
        back = (self.round - geometry.norm(out))[:, None] * radial
        wish = geometry.unit(around + 0.35 * back + _space(scene))
        local = geometry.into_frame(scene.heading, wish)
        error = jnp.arctan2(local[:, 1], local[:, 0])
        # How far each is ahead of the bunch along the circle, bodies: who is ahead slows down.
        bunch = radial.mean(0)
        ahead = -self.round * jnp.arctan2(around @ bunch, radial @ bunch)
        pace = jnp.clip(1.2 - 0.2 * ahead, 0.2, 1.0)
        forward = pace * jnp.clip(2 * jnp.cos(error) - 0.5, 0.0, 1.0)
        turn = jnp.clip(error / (jnp.pi / 3), -1.0, 1.0)
        return jnp.stack([forward, turn], -1), memory


def _space(scene: Scene) -> Float[Array, "A 2"]:
    """A push away from fellows whose rims are nearer than half a body."""
    apart = scene.position[:, None] - scene.position[None]
    distance = geometry.norm(apart) + 1e3 * jnp.eye(scene.num_agents)
    close = jnp.clip(1.5 - distance, 0.0, 0.5) / jnp.maximum(distance, 0.5)
    return (apart * close[..., None]).sum(1)


def flock_team(world: Any) -> Bot:
    """Stream round the floor in one bunch."""
    return _for(world, Stream(size=world.size, round=world.size * 0.36))
