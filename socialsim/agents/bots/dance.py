"""The competent team of the dance: a ring that looks inwards and keeps one beat."""

from typing import Any

import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float, Key

from socialsim.agents.bots.base import Bot
from socialsim.agents.bots.motor import steer
from socialsim.agents.bots.plan import Plan
from socialsim.agents.bots.plane import quantise, share_out
from socialsim.core import geometry
from socialsim.core.acts import Act
from socialsim.core.scene import Scene

_LOOP, _LEARN = 0.35, 0.05  # gains of the phase-locked loop: proportional, integral
_STANDS = 0.4  # bodies from its place at which an agent stays


class Beat(struct.PyTreeNode):
    """phase: of the beat that all follow, radians.  tempo: each agent's command that has kept it so far."""

    phase: Float[Array, ""]
    tempo: Float[Array, " A"]


class Ring(Bot):
    """All stand in a ring round the middle, look inwards and lock the quarter they show to one beat.

    Natural tempi are not visible: each agent's is learnt by a phase-locked loop from the acts it shows.

    size: of the floor, bodies.  tempo: of the beat, radians per decision.  discrete: of the world.
    """

    size: Float[Array, ""]
    tempo: Float[Array, ""]
    discrete: bool = struct.field(pytree_node=False)

    def begin(self, scene: Scene) -> Beat:
        return Beat(jnp.zeros(()), jnp.zeros(scene.num_agents))

    def __call__(self, key: Key[Array, ""], scene: Scene, memory: Beat) -> tuple[Array, Beat]:
        middle = self.size / 2
        radius = jnp.maximum(1.3, scene.num_agents * 0.3)  # room for all, bodies
        angle = jnp.arange(scene.num_agents) * (2 * jnp.pi / scene.num_agents)
        places = middle + radius * jnp.stack([jnp.cos(angle), jnp.sin(angle)], -1)
        mine = share_out(geometry.norm(scene.position[:, None] - places[None])).astype(jnp.float32)
        place = mine @ places
        there = geometry.norm(place - scene.position) < _STANDS
        none = jnp.zeros(scene.num_agents, bool)
        inward = geometry.unit(middle - scene.position)
        drive = steer(key, scene, Plan(place, inward, there, none), 2)
        shown = scene.act - Act.GESTURE_0
        gestured = shown >= 0
        # The middle of the quarter that is shown, against the beat.
        late = jnp.where(gestured, _wrapped(memory.phase - (shown + 0.5) * (jnp.pi / 2)), 0.0)
        tempo = jnp.clip(memory.tempo + _LEARN * late, -0.5, 1.0)
        command = jnp.clip(tempo + _LOOP * late, -0.9, 1.0)
        beat = Beat(_wrapped(memory.phase + self.tempo), tempo)
        return self._action(drive, command), beat

    def _action(self, drive, command) -> Array:
        if not self.discrete:
            return jnp.concatenate([drive, command[:, None]], -1)
        act = quantise(drive)
        level = jnp.clip(jnp.round(2 * (1 + command)) - 1, 0, 3).astype(jnp.int32)
        return jnp.where(act == Act.STILL, Act.GESTURE_0 + level, act).astype(jnp.int32)


def _wrapped(angle):
    return angle - jnp.round(angle / (2 * jnp.pi)) * (2 * jnp.pi)


def dance_team(world: Any) -> Bot:
    """Stand in a ring, look inwards and keep one beat, of the mean natural tempo."""
    return Ring(size=world.size, tempo=world.tempo, discrete=world.discrete)
