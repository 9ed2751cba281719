"""The competent teams of seesaw and gaze: shift weight as one; face the target and nod until all have it."""

import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Key

from socialsim.agents.bots.base import Bot, Memory
from socialsim.agents.bots.motor import steer
from socialsim.agents.bots.plan import Plan, feature
from socialsim.core import geometry
from socialsim.core.scene import Scene

_TURN = jnp.pi / 3  # full drive turns, and holds a nod at, so much
_AROUND = 10  # decisions for which who nods in vain walks round the target
_COAST = 0.4  # decisions for which who stops driving goes on, in effect


class Balancers(Bot):
    """All walk along the plank by the same distance: the one that balances the load.

    Who has reached an end of the plank leaves the rest to the others.
    """

    far: Float[Array, ""]  # from the middle to where the plank's ends stop an agent, bodies

    def __call__(self, key: Key[Array, ""], scene: Scene, memory: Memory) -> tuple[Array, Memory]:
        weight = feature(scene, "load")
        middle = feature(scene, "placed") @ scene.object_goal
        load = weight @ (scene.object_position[:, 0] - middle[0])
        place = scene.position[:, 0] + _COAST * scene.velocity[:, 0] - middle[0]
        lack = -(place.mean() + load)
        able = place * jnp.sign(lack) < self.far - 0.1
        wish = jnp.where(able, lack * scene.num_agents / jnp.maximum(able.sum(), 1), 0.0)
        # Along the plank, facing whichever end is nearer to being faced.
        side = jnp.where(scene.heading[:, 0] >= 0, 1.0, -1.0)
        error = _angle(scene.heading, jnp.stack([side, jnp.zeros_like(side)], -1))
        forward = side * wish * jnp.clip(2 * jnp.cos(error) - 1, 0.0, 1.0)
        look = -_angle(scene.heading, scene.gaze)
        return jnp.clip(jnp.stack([forward, error / _TURN, look / _TURN], -1), -1.0, 1.0), memory


class NodMemory(struct.PyTreeNode):
    """nod: of each agent, as last commanded.  way: whereto it seeks, 1 up, -1 down.

    known: nod with which each agent found each light, where `found`.  light: the target, one-hot.
    vain: decisions for which each has sought the target.
    """

    nod: Float[Array, " A"]
    way: Float[Array, " A"]
    known: Float[Array, "A M"]
    found: Bool[Array, "A M"]
    light: Bool[Array, " M"]
    vain: Float[Array, " A"]


class JointLookers(Bot):
    """All turn to the target and nod until their gaze rests on it; where a light was found is remembered.

    Who stands too near to look up to it steps back, who is out of reach comes; who has sought it at every
    pitch walks round it, for a wall hides it.
    """

    reach: Float[Array, ""]  # bodies
    step: Float[Array, ""]  # of the nod in search, in drive

    def begin(self, scene: Scene) -> NodMemory:
        a, m = scene.takes_part.shape
        level = jnp.zeros(a)
        return NodMemory(
            nod=level,
            way=level + 1,
            known=jnp.zeros((a, m)),
            found=jnp.zeros((a, m), bool),
            light=jnp.zeros(m, bool),
            vain=level,
        )

    def __call__(self, key: Key[Array, ""], scene: Scene, memory: NodMemory) -> tuple[Array, NodMemory]:
        glow = feature(scene, "active") > 0
        target = glow.astype(jnp.float32) @ scene.object_position
        away = geometry.norm(scene.object_position - target)
        light = ~glow & (away == jnp.where(glow, jnp.inf, away).min())
        on = (scene.takes_part & glow).any(1)
        offset = target - scene.position
        distance = geometry.norm(offset)
        room = jnp.clip(distance, 2.5, 0.8 * self.reach)
        around = memory.vain > 3 / self.step  # it takes as long to go up, down and back
        place = jnp.where(around[:, None], _turned(geometry.unit(offset)), geometry.unit(offset))
        plan = Plan(
            target=target - place * room[:, None],
            facing=geometry.unit(offset),
            there=on | (~around & (jnp.abs(room - distance) < 0.3)),
            push=jnp.zeros_like(on),
        )
        error = _angle(scene.gaze, offset)
        neck = jnp.clip(0.7 * error / _TURN, -1.0, 1.0)
        drive = steer(key, scene, plan, 3).at[:, 2].set(neck)
        memory = self._seek(memory, light, on, aligned=(jnp.abs(error) < 0.1) & ~around)
        return jnp.concatenate([drive, memory.nod[:, None]], -1), memory

    def _seek(self, old: NodMemory, light, on, aligned) -> NodMemory:
        """The nod to command next: who has it holds it, who knows it takes it, the others go up and down."""
        has = light & on[:, None]
        known = jnp.where(has, old.nod[:, None], old.known)
        found = old.found | has
        new = (light != old.light).any()
        recalled = (found & light).any(1)
        recall = new & recalled & ~on
        search = ~on & ~recall & aligned
        nod = jnp.where(recall, (known * light).sum(1), old.nod + jnp.where(search, old.way * self.step, 0.0))
        way = jnp.where(jnp.abs(nod) >= 1.0, -jnp.sign(nod), old.way)
        vain = jnp.where(search | (old.vain > 3 / self.step), old.vain + 1, old.vain)
        vain = jnp.where(on | new | (vain > 3 / self.step + _AROUND), 0.0, vain)
        nod = jnp.clip(nod, -1.0, 1.0)
        return NodMemory(nod=nod, way=way, known=known, found=found, light=light, vain=vain)


def _turned(v: Float[Array, "A 2"]) -> Float[Array, "A 2"]:
    """v turned by 60 degrees."""
    cos, sin = jnp.cos(_TURN), jnp.sin(_TURN)
    return jnp.stack([cos * v[:, 0] - sin * v[:, 1], sin * v[:, 0] + cos * v[:, 1]], -1)


def _angle(start: Float[Array, "A 2"], end: Float[Array, "A 2"]) -> Float[Array, " A"]:
    """From one direction to another, radians, counter-clockwise is positive; 0 where `end` is zero."""
    local = geometry.into_frame(start, end)
    return jnp.where(geometry.norm(end) > 1e-6, jnp.arctan2(local[:, 1], local[:, 0]), 0.0)


def balancers(world) -> Balancers:
    return Balancers(jnp.float32(world.plan.size / 2 - 0.5))


def joint_lookers(world) -> JointLookers:
    return JointLookers(jnp.float32(world.eyes.reach), 1.2 * world.tolerance / _TURN)
