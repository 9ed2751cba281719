"""Clarifying questions: a gesture that asks, a demonstrator who then points, and a price."""

import dataclasses
from typing import Any, ClassVar

import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Int, Key

from socialsim.agents.bots.grid_base import GridTeam, beside, go, nothing, steps
from socialsim.core import geometry
from socialsim.core.acts import Act
from socialsim.core.scene import OBJECT_FEATURES, Scene
from socialsim.core.signals import Signal, Window
from socialsim.core.world import Around

ASK = Act.GESTURE_0
_POINTED = OBJECT_FEATURES.index("resource")


class Question(struct.PyTreeNode):
    """inner: state of the world.  left: decisions for which the answer can still be seen."""

    inner: Any
    left: Int[Array, ""]


class Asked(Around):
    """`world`, in which GESTURE_0 asks a question.

    For `lasts` decisions a demonstrator then points at the objects where a joint event can happen now: they
    show a full `resource`, a column of the shared feature table that these worlds leave empty. Whoever sees
    the object sees the answer; it keeps up with what happens meanwhile. on: False where nobody answers. The
    price of asking is no matter of the world: see `Asking`.

    world: has a method `pays(state) -> [M]`.
    """

    on: Bool[Array, ""]
    lasts: Int[Array, ""]

    def reset(self, key: Key[Array, ""]) -> Question:
        return Question(self.world.reset(key), jnp.zeros((), jnp.int32))

    def step(self, key: Key[Array, ""], state: Question, action: Int[Array, " A"]) -> Question:
        asked = (action == ASK).any() & self.on
        left = jnp.where(asked, self.lasts, jnp.maximum(state.left - 1, 0))
        return Question(self.world.step(key, state.inner, action), left)

    def scene(self, state: Question) -> Scene:
        return self._told(state, state.left > 0)

    def terminated(self, state: Question) -> Bool[Array, ""]:
        return self.world.terminated(state.inner)

    def bounds(self, state: Question):
        return self.world.bounds(state.inner)

    def boxes(self, state: Question):
        return self.world.boxes(state.inner)

    def _told(self, state: Question, answered: Bool[Array, ""]) -> Scene:
        scene = self.world.scene(state.inner)
        pointed = (self.world.pays(state.inner) & answered).astype(jnp.float32)
        return scene.replace(object_features=scene.object_features.at[:, _POINTED].max(pointed))


def in_the_know(world: Asked, state: Question) -> Scene:
    """The scene as the demonstrator sees it: always with the answer."""
    return world._told(state, jnp.ones((), bool))


@dataclasses.dataclass(frozen=True)
class Asking(Signal):
    """1 for an agent that asks in this decision; a negative drive makes it the price of a question."""

    name: ClassVar[str] = "asking"

    def __call__(self, window: Window) -> Float[Array, " A"]:
        return (window.scene.act == ASK).astype(jnp.float32)


class Knowing(GridTeam):
    """The scripted team of hidden orders: all go to the nearest object that is pointed at, and wait there."""

    def decide(self, scene: Scene, mind: Any):
        pointed = (scene.object_features[:, _POINTED] > 0) & scene.object_present
        away = jnp.where(pointed, steps(scene.position, scene.object_position).sum(0), 1e6)
        target = scene.object_position[away.argmin()]
        target = jnp.broadcast_to(target, scene.position.shape)
        there = beside(scene.position, target[:1])[:, 0]
        return go(target, there, geometry.unit(target - scene.position)), ~there & False, nothing(scene), mind
