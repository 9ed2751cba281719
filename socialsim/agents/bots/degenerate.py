"""Societies that look social and achieve nothing: what signals must not pay for.

Each is at its most rewarding when its agents stand close together, facing one another.
"""

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Int, Key

from socialsim.agents.bots.base import Bot, Memory
from socialsim.core import geometry
from socialsim.core.acts import Act
from socialsim.core.errors import OptionError, integer
from socialsim.core.scene import Scene
from socialsim.core.world import Actions

IDLE_ACTS = (Act.STILL, Act.INTERACT, Act.GESTURE_0, Act.GESTURE_1, Act.GESTURE_2, Act.GESTURE_3)
"""Acts that are seen and move nothing."""


def perform(act: Int[Array, " A"], actions: Actions) -> Array:
    """An act as an action: itself, or the motor command (forward, turn, rest 0) that shows as it.

    Acts that have no motor command (INTERACT, gestures) show as STILL.
    """
    if not actions.continuous:
        return act.astype(jnp.int32)
    forward = (act == Act.ADVANCE).astype(jnp.float32) - (act == Act.RETREAT)
    turn = (act == Act.TURN_LEFT).astype(jnp.float32) - (act == Act.TURN_RIGHT)
    rest = [jnp.zeros_like(forward)] * (actions.size - 2)
    return jnp.stack([forward, turn, *rest], -1)


class StaringRing(Bot):
    """Each agent turns until it sees the next one straight ahead, then stands still for ever."""

    actions: Actions = struct.field(pytree_node=False)

    def __call__(self, key: Key[Array, ""], scene: Scene, memory: Memory) -> tuple[Array, Memory]:
        offset = jnp.roll(scene.position, -1, 0) - scene.position
        local = geometry.into_frame(scene.gaze, geometry.unit(offset))
        turn = jnp.where(local[:, 1] > 0, Act.TURN_LEFT, Act.TURN_RIGHT)
        return perform(jnp.where(local[:, 0] > 0.7, Act.STILL, turn), self.actions), memory


class Oscillators(Bot):
    """Everybody holds the first of `acts` for `hold` decisions, then the next, and so on for ever.

    stagger: decisions by which each agent lags the one before it (0: in unison).
    """

    actions: Actions = struct.field(pytree_node=False)
    acts: Int[Array, " N"]
    hold: Int[Array, ""]
    stagger: Int[Array, ""]

    def begin(self, scene: Scene) -> Memory:
        return jnp.int32(0)

    def __call__(self, key: Key[Array, ""], scene: Scene, memory: Memory) -> tuple[Array, Memory]:
        late = self.stagger * jnp.arange(scene.num_agents)
        phase = ((memory - late) // self.hold) % len(self.acts)
        now = phase[:, None] == jnp.arange(len(self.acts))
        return perform((now * self.acts).sum(-1), self.actions), memory + 1


class MirrorPairs(Bot):
    """Agents 0 and 1, 2 and 3, ... : the first of each pair does random acts that move nothing.

    delay: 1 and the second does the same one decision later; 0 and it does the same at once.
    takeover: decisions after which leader and copier change roles (0: never).
    """

    actions: Actions = struct.field(pytree_node=False)
    delay: Int[Array, ""]
    takeover: Int[Array, ""]
    acts: tuple[Act, ...] = struct.field(pytree_node=False, default=IDLE_ACTS)

    def begin(self, scene: Scene) -> Memory:
        return jnp.int32(0)

    def __call__(self, key: Key[Array, ""], scene: Scene, memory: Memory) -> tuple[Array, Memory]:
        a = scene.num_agents
        drawn = jax.random.randint(key, (a,), 0, len(self.acts))
        idea = jnp.asarray(sum((drawn == n) * int(act) for n, act in enumerate(self.acts)))
        second = jnp.arange(a) % 2 == 1
        swapped = (self.takeover > 0) & ((memory // jnp.maximum(self.takeover, 1)) % 2 == 1)
        partner = jnp.where(second, jnp.arange(a) - 1, jnp.minimum(jnp.arange(a) + 1, a - 1))
        shown = jnp.where(self.delay > 0, scene.act, idea)[partner]
        return perform(jnp.where(second ^ swapped, shown, idea), self.actions), memory + 1


def staring_ring(env) -> StaringRing:
    """Agents in a ring, each turning until it sees the next and then still for ever."""
    return StaringRing(env.actions)


def noop_chorus(env, act: Act = Act.STILL) -> Oscillators:
    """Everybody does the same act that moves nothing, for ever."""
    return _oscillators(env, (act,), 1, 0)


def fast_oscillators(env, acts: tuple[Act, ...] = (Act.TURN_LEFT, Act.TURN_RIGHT)) -> Oscillators:
    """Everybody alternates acts in each decision, in unison."""
    return _oscillators(env, acts, 1, 0)


def slow_oscillators(
    env, acts: tuple[Act, ...] = (Act.TURN_LEFT, Act.TURN_RIGHT), hold: int = 6, stagger: int = 0
) -> Oscillators:
    """Everybody holds each act for several decisions; in unison, or each `stagger` after the one before."""
    return _oscillators(env, acts, hold, stagger)


def mirror_pair(env, delay: int = 1, takeover: int = 0) -> MirrorPairs:
    """Pairs: one does random acts that move nothing, the other copies them, later or at once."""
    delay = integer("delay", delay, low=0, high=1)
    takeover = integer("takeover", takeover, low=0)
    return MirrorPairs(env.actions, jnp.int32(delay), jnp.int32(takeover))


def _oscillators(env, acts, hold, stagger) -> Oscillators:
    if len(acts) not in (1, 2, 4):
        raise OptionError(f"oscillators: {len(acts)} acts; allowed: 1, 2 or 4")
    cycle = jnp.array([*acts] * (4 // len(acts)), jnp.int32)
    hold, stagger = integer("hold", hold, low=1), integer("stagger", stagger, low=0)
    return Oscillators(env.actions, cycle, jnp.int32(hold), jnp.int32(stagger))
