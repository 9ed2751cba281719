"""The competent team of beacon: line up with the target and look at it."""

import jax.numpy as jnp

from socialsim.agents.bots.grid_base import GridTeam, go, nothing, pick, steps
from socialsim.core import geometry
from socialsim.core.scene import Scene

_CONE = 0.4  # tangent of a little less than the 22.5 degrees within which a look counts


class Lookers(GridTeam):
    """Everybody steps aside until it can face the common target squarely; who faces it in vain comes closer.

    The mind counts for how many decisions each agent has looked in vain (a wall is in between).
    """

    def start(self, scene: Scene):
        return jnp.zeros(scene.num_agents)

    def decide(self, scene: Scene, mind):
        common = pick(steps(scene.position, scene.object_position).sum(0), scene.object_present)
        target = common.astype(jnp.float32) @ scene.object_position
        offset = target - scene.position
        long = jnp.abs(offset).max(-1)
        short = jnp.abs(offset).min(-1)
        square = (short <= _CONE * long) & (long > 0.5)
        local = geometry.into_frame(scene.heading, offset)
        facing = square & (local[:, 0] > 0) & (jnp.abs(local[:, 1]) <= _CONE * local[:, 0])
        in_vain = facing & ~(scene.takes_part & common).any(-1)
        mind = jnp.where(in_vain | (mind >= 3), mind + 1, 0.0)
        mind = jnp.where((mind > 6) | ((scene.takes_part & common).any(-1)), 0.0, mind)
        # Aside along the shorter way, or straight to the target where something hides it.
        aside = scene.position + jnp.where(jnp.abs(offset) == short[:, None], offset, 0.0)
        place = jnp.where((mind >= 3)[:, None] | (short == long)[:, None], target, aside)
        return (
            go(place, square & (mind < 3), geometry.unit(offset)),
            jnp.zeros_like(square),
            nothing(scene),
            mind,
        )


def lookers(world) -> Lookers:
    return Lookers()
