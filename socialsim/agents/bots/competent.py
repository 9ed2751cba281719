"""The competent team: one plan for all worlds, carried out by acts or by motor commands."""

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float, Int, Key

from socialsim.agents.bots.base import Bot, Explore
from socialsim.agents.bots.motor import long_load, steer
from socialsim.agents.bots.plan import Intent, feature, first_intent, make_plan
from socialsim.agents.bots.teams import team_for
from socialsim.agents.bots.walk import empty_trail, walk
from socialsim.core.errors import number
from socialsim.core.scene import Scene
from socialsim.core.world import Actions


class CompetentMemory(struct.PyTreeNode):
    """intent: of the team.  trail: cells each agent has left."""

    intent: Intent
    trail: Float[Array, "A K 2"]


class Competent(Bot):
    """Meets at one common pad and moves on; lines up behind one common load and pushes together.

    An expert: it reads the whole Scene, also what its agents cannot see. Which object is common follows
    from all agents' distances, so the team is equivariant under permutations of the agents except where
    two are equally near to a place behind a load (the lower index takes it) and in its random tie-breaks.

    patience: decisions without a success after which the team doubts its choice.
    """

    actions: Actions = struct.field(pytree_node=False)
    patience: int | Int[Array, ""] = 24

    def begin(self, scene: Scene) -> CompetentMemory:
        return CompetentMemory(first_intent(scene), empty_trail(scene))

    def __call__(
        self, key: Key[Array, ""], scene: Scene, memory: CompetentMemory
    ) -> tuple[Array, CompetentMemory]:
        plan_key, walk_key = jax.random.split(key)
        plan, intent = make_plan(
            plan_key, scene, memory.intent, axes=not self.actions.continuous, patience=self.patience
        )
        if self.actions.continuous:
            movable = jnp.any(feature(scene, "movable") > 0)
            plan = jax.tree.map(lambda a, b: jnp.where(movable, a, b), long_load(scene), plan)
            return steer(walk_key, scene, plan, self.actions.size), CompetentMemory(intent, memory.trail)
        action, trail = walk(walk_key, scene, plan, memory.trail)
        return action, CompetentMemory(intent, trail)


def scripted_team(env, *, epsilon: float = 0.0, patience: int = 24) -> Bot:
    """The competent team for a Simulation or World: the one made for its task, else `Competent`.

    epsilon: chance that an agent takes a random action instead, in each decision (0 to 1).
    """
    number("epsilon", epsilon, low=0, high=1)
    world = getattr(env, "world", env)
    made = team_for(world)
    bot = Competent(env.actions, patience) if made is None else made
    return Explore(bot, env.actions, epsilon) if epsilon else bot
