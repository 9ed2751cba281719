"""The competent team of commons: some keep the springs clear, the others harvest what is ripe."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from socialsim.agents.bots.grid_base import GridTeam, beside, go, pick, steps, where
from socialsim.agents.bots.plan import feature
from socialsim.core.scene import Scene


class Stewards(GridTeam):
    """As many as a spring needs, those nearest at the start, work together at the siltiest spring; every
    other agent goes to a ripe bush that no fellow is nearer to.

    worth_it: silt from which a spring is worth the walk.
    """

    worth_it: float | Float[Array, ""] = 0.2

    def start(self, scene: Scene):
        spring = feature(scene, "needed") > 0
        distance = jnp.where(spring, steps(scene.position, scene.object_position), 1e6).min(-1)
        ahead = (distance[None] < distance[:, None]).sum(1)
        earlier = jnp.arange(scene.num_agents)
        tie = ((distance[None] == distance[:, None]) & (earlier[None] < earlier[:, None])).sum(1)
        return (ahead + tie) < feature(scene, "needed").max()

    def decide(self, scene: Scene, mind):
        cleaner = mind
        place, present = scene.object_position, scene.object_present
        spring = (feature(scene, "needed") > 0) & present
        silt = jnp.where(spring, 1 - feature(scene, "progress"), 0.0)
        distance = steps(scene.position, place)
        near = beside(scene.position, place)
        # Cleaners: the siltiest spring, weighed against the walk.
        crew = jnp.where(cleaner[:, None], distance, 0.0).sum(0) / jnp.maximum(cleaner.sum(), 1)
        common = pick(0.02 * crew - silt, spring)
        work = common & (silt.max() >= self.worth_it)
        at_work = cleaner & (near & common).any(-1)
        enough = at_work.sum() >= (common * feature(scene, "needed")).sum()
        clears = at_work & enough & work.any()
        # Harvesters: ripe bushes, each for the one that is nearest.
        ripe = (feature(scene, "active") > 0) & ~spring & present
        bid = jnp.where(cleaner[:, None], 1e6, distance)
        nearest = bid <= bid.min(0)
        own = pick(distance, ripe & nearest & ~cleaner[:, None])
        bush = jnp.where(own.any(-1, keepdims=True), own, pick(distance, jnp.broadcast_to(ripe, own.shape)))
        takes = ~cleaner & (near & ripe).any(-1)
        harvest = where(bush, place, scene.position)
        spot = jnp.broadcast_to(common.astype(jnp.float32) @ place, scene.position.shape)
        target = jnp.where(cleaner[:, None], spot, harvest)
        there = jnp.where(cleaner, at_work, (near & bush).any(-1) | ~bush.any(-1))
        return go(target, there), clears | takes, jnp.zeros_like(spring), mind


def stewards(world) -> Stewards:
    return Stewards()
