"""What scripted teams on grids share: a plan of places, walked, with acts done on arrival."""

import abc
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Int, Key

from socialsim.agents.bots.base import Bot
from socialsim.agents.bots.plan import Plan
from socialsim.agents.bots.walk import empty_trail, walk
from socialsim.core import geometry
from socialsim.core.acts import Act
from socialsim.core.scene import Scene

FAR = 1e6


class GridMemory(struct.PyTreeNode):
    """trail: cells each agent has left.  mind: the team's own."""

    trail: Float[Array, "A K 2"]
    mind: Any


class GridTeam(Bot):
    """Scripted teams that differ in their plans only; see `decide`."""

    def start(self, scene: Scene) -> Any:
        """The team's own memory before the first decision."""
        return ()

    @abc.abstractmethod
    def decide(self, scene: Scene, mind: Any) -> tuple[Plan, Bool[Array, " A"], Bool[Array, " M"], Any]:
        """The plan, who INTERACTs now, which objects are in the way, and the new mind."""

    def begin(self, scene: Scene) -> GridMemory:
        return GridMemory(empty_trail(scene), self.start(scene))

    def __call__(
        self, key: Key[Array, ""], scene: Scene, memory: GridMemory
    ) -> tuple[Int[Array, " A"], GridMemory]:
        plan, interact, solid, mind = self.decide(scene, memory.mind)
        act, trail = walk(key, scene, plan, memory.trail, solid)
        return jnp.where(interact, Act.INTERACT, act).astype(jnp.int32), GridMemory(trail, mind)


def go(
    target: Float[Array, "A 2"], there: Bool[Array, " A"], facing: Float[Array, "A 2"] | None = None
) -> Plan:
    """Everyone to its target; who is there stays and faces as told (or as it likes)."""
    facing = jnp.zeros_like(target) if facing is None else facing
    return Plan(target=target, facing=facing, there=there, push=jnp.zeros_like(there))


def nothing(scene: Scene) -> Bool[Array, " M"]:
    return jnp.zeros(scene.num_objects, bool)


def steps(a: Float[Array, "N 2"], b: Float[Array, "K 2"]) -> Float[Array, "N K"]:
    """Walking distance (Manhattan) on a floor without walls."""
    return jnp.abs(a[:, None] - b[None]).sum(-1)


def beside(a: Float[Array, "N 2"], b: Float[Array, "K 2"]) -> Bool[Array, "N K"]:
    """Within one cell, also diagonally."""
    return jnp.abs(a[:, None] - b[None]).max(-1) <= 1.05


def pick(cost: Float[Array, "*n K"], allowed: Bool[Array, "*n K"]) -> Bool[Array, "*n K"]:
    """One-hot of the allowed one that costs least (the first of equals); all False if none is allowed."""
    best = jax.nn.one_hot(jnp.where(allowed, cost, FAR).argmin(-1), cost.shape[-1], dtype=bool)
    return best & allowed


def where(choice: Bool[Array, "N K"], place: Float[Array, "K 2"], otherwise: Float[Array, "N 2"]):
    """The place of what each has chosen, `[N, 2]`."""
    return jnp.where(choice.any(-1, keepdims=True), choice.astype(jnp.float32) @ place, otherwise)


def toward(scene: Scene, target: Float[Array, "A 2"]) -> Float[Array, "A 2"]:
    return geometry.unit(target - scene.position)


def ahead(scene: Scene, target: Float[Array, "A 2"]) -> Bool[Array, " A"]:
    """The target lies in the cell straight ahead."""
    return (jnp.abs(scene.position + scene.heading - target) < 0.5).all(-1)
