"""Scripted teams with planted properties, for the evaluations among strangers."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from socialsim.agents.bots import Bot
from socialsim.agents.bots.following import Followers
from socialsim.agents.bots.grid_base import go, pick
from socialsim.agents.bots.walk import empty_trail, walk
from socialsim.core.scene import Scene


class Convention(Bot):
    """All go to the pad that lies farthest along `way`: teams of other ways meet elsewhere. Without a way
    (zeros) all stay where they are."""

    way: Float[Array, "2"]

    def begin(self, scene: Scene):
        return empty_trail(scene)

    def __call__(self, key, scene, memory):
        chosen = pick(-scene.object_position @ self.way, scene.object_present).astype(jnp.float32)
        target = jnp.where((self.way != 0).any(), chosen @ scene.object_position, scene.position)
        return walk(key, scene, go(target, (scene.takes_part * chosen).sum(-1) > 0), memory)


def conventions(*ways: tuple[float, float]) -> dict[str, Convention]:
    return {f"{i}: {way}": Convention(jnp.array(way)) for i, way in enumerate(ways)}


class Learner(Followers):
    """Follows the guide of goal-cycle and remembers its order. Without it: goes on where it knows the order
    (or, if it `forgets`, stands still), and never guesses."""

    forgets: Bool[Array, ""]

    def decide(self, scene: Scene, mind):
        plan, interact, solid, mind = super().decide(scene, mind)
        due = mind.order == mind.turn % scene.object_present.sum()
        alone = scene.position[0, 0] < -100
        idle = alone & (self.forgets | ~due.any())
        plan = plan.replace(target=jnp.where(idle, scene.position, plan.target), there=plan.there | idle)
        return plan, interact, solid, mind
