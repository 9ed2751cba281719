"""The competent team of forage: meet at one item, load it together."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, Key

from socialsim.agents.bots.base import Bot
from socialsim.agents.bots.competent import CompetentMemory
from socialsim.agents.bots.plan import feature, first_intent, make_plan
from socialsim.agents.bots.walk import empty_trail, walk
from socialsim.core.acts import Act
from socialsim.core.scene import Scene


class Foragers(Bot):
    """Meets as `Competent` does, goes round items, and INTERACTs once those there are strong enough."""

    patience: int | Int[Array, ""] = 24

    def begin(self, scene: Scene) -> CompetentMemory:
        return CompetentMemory(first_intent(scene), empty_trail(scene))

    def __call__(
        self, key: Key[Array, ""], scene: Scene, memory: CompetentMemory
    ) -> tuple[Int[Array, " A"], CompetentMemory]:
        plan_key, walk_key = jax.random.split(key)
        plan, intent = make_plan(plan_key, scene, memory.intent, axes=True, patience=self.patience)
        enough = feature(scene, "present") >= feature(scene, "needed")
        ready = (scene.takes_part & enough).any(-1)
        act, trail = walk(walk_key, scene, plan, memory.trail, scene.object_present)
        return jnp.where(ready, Act.INTERACT, act).astype(jnp.int32), CompetentMemory(intent, trail)


def foragers(world) -> Foragers:
    return Foragers()
