"""The scripted team of procedural tasks: it tries the ways it knows until one works."""

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Int, Key

from socialsim.agents.bots.base import Bot
from socialsim.agents.bots.gazing import Lookers
from socialsim.agents.bots.plan import Intent, feature, first_intent, make_plan
from socialsim.agents.bots.relaying import Couriers
from socialsim.agents.bots.walk import empty_trail, walk
from socialsim.core.acts import Act
from socialsim.core.scene import Scene

MEET, LOOK = 0, 1


class Attempts(struct.PyTreeNode):
    """intent: see `make_plan`.  trail: cells left.  vain: of `Lookers`.  way: `MEET` or `LOOK`, what is tried
    on each object.  idle: decisions since it was last taken up or worked."""

    intent: Intent
    trail: Float[Array, "A K 2"]
    vain: Float[Array, " A"]
    way: Int[Array, " M"]
    idle: Int[Array, ""]


class Explorers(Bot):
    """One common object at a time. What can be pushed is pushed, what can be carried is passed on; at all
    else the team meets and INTERACTs, and where that is fruitless for `patience` decisions it looks at it
    together, and so on in turn. What worked is remembered for each object."""

    patience: int | Int[Array, ""] = 20

    def begin(self, scene: Scene) -> Attempts:
        m, a = scene.num_objects, scene.num_agents
        zero = jnp.zeros((), jnp.int32)
        return Attempts(first_intent(scene), empty_trail(scene), jnp.zeros(a), jnp.zeros(m, jnp.int32), zero)

    def __call__(
        self, key: Key[Array, ""], scene: Scene, memory: Attempts
    ) -> tuple[Int[Array, " A"], Attempts]:
        plan_key, walk_key = jax.random.split(key)
        plan, intent = make_plan(plan_key, scene, memory.intent, axes=True, patience=2 * self.patience)
        chosen = jnp.arange(scene.num_objects) == intent.chosen
        alone = scene.replace(object_present=chosen)
        movable, heavy = feature(scene, "movable") > 0, feature(scene, "heavy") > 0
        carried = (chosen & movable & ~heavy).any()
        looking = (chosen & ~movable & (memory.way == LOOK)).any()
        look, _, _, vain = Lookers().decide(alone, memory.vain)
        hand, hands, _, _ = Couriers().decide(alone, ())
        plan = jax.tree.map(lambda p, q: jnp.where(looking, q, p), plan, look)
        plan = jax.tree.map(lambda p, q: jnp.where(carried, q, p), plan, hand)
        enough = chosen & ~movable & (feature(scene, "present") >= feature(scene, "needed"))
        ready = (scene.takes_part & enough).any(-1) & ~looking
        interact = jnp.where(carried, hands, ready)
        solid = scene.object_present & (heavy | ~movable)
        act, trail = walk(walk_key, scene, plan, memory.trail, solid)
        act = jnp.where(interact, Act.INTERACT, act).astype(jnp.int32)
        return act, self._learn(scene, memory, intent, trail, vain, chosen)

    def _learn(self, scene, memory, intent, trail, vain, chosen: Bool[Array, " M"]) -> Attempts:
        same = (intent.chosen == memory.intent.chosen) & ~(scene.joint > 0).any()
        idle = jnp.where(same, memory.idle + 1, 0)
        give_up = idle > self.patience
        way = jnp.where(chosen & give_up, 1 - memory.way, memory.way)
        return Attempts(intent, trail, vain, way, jnp.where(give_up, 0, idle).astype(jnp.int32))


def explorers(world) -> Explorers:
    return Explorers()
