"""The competent team of relay: a chain of hands around the parcel, the last one brings it home."""

import jax.numpy as jnp

from socialsim.agents.bots.grid_base import GridTeam, ahead, go, nothing, pick, steps, toward
from socialsim.agents.bots.plan import feature
from socialsim.core.scene import Scene


class Couriers(GridTeam):
    """One common parcel: the nearest picks it up, those who have not had it come to take it in turn, and
    once enough have had it the one that holds it carries it home. All others keep out of the way."""

    def decide(self, scene: Scene, mind):
        held, carried = feature(scene, "active") > 0, scene.load > 0
        distance = steps(scene.position, scene.object_position)
        count, needed = feature(scene, "present"), feature(scene, "needed")
        # The parcel that is on its way, else the nearest.
        cost = distance.min(0) - 100.0 * count - 10.0 * held
        common = pick(cost, scene.object_present)
        parcel = common.astype(jnp.float32) @ scene.object_position
        home = common.astype(jnp.float32) @ scene.object_goal
        in_hand = (common & held).any()
        holder = carried & (jnp.abs(scene.position - parcel).max(-1) < 0.5) & in_hand
        enough = (common * (count >= needed)).any()
        had = (scene.takes_part & common).any(-1)
        away = jnp.abs(scene.position - parcel).sum(-1)
        free = ~carried & ~had
        taker = pick(away[None], free[None])[0]  # the next hands
        stay = scene.position
        # Picking up: the next hands go to the parcel; passing on: they go to the holder, who faces them.
        to_parcel = jnp.where(taker[:, None], parcel, stay)
        receiver = taker.astype(jnp.float32) @ scene.position
        near = (taker & (away < 1.5)).any()
        passing = jnp.where(holder[:, None], receiver, to_parcel)
        homeward = jnp.where(holder[:, None], home, stay)
        target = jnp.where(in_hand & enough, homeward, jnp.where(in_hand, passing, to_parcel))
        facing = toward(scene, jnp.where(holder[:, None], receiver, parcel))
        beside = jnp.where(holder, near, away < 1.5)
        there = jnp.where(in_hand & enough, ~holder, beside | ~(taker | holder))
        takes = taker & ~in_hand & (ahead(scene, jnp.broadcast_to(parcel, stay.shape)) | (away < 0.5))
        gives = holder & ~enough & ahead(scene, jnp.broadcast_to(receiver, stay.shape)) & taker.any()
        # The way home is kept clear: bystanders within two cells of the holder give way.
        spot = holder.astype(jnp.float32) @ scene.position
        crowd = in_hand & enough & ~holder & (jnp.abs(scene.position - spot).sum(-1) < 2.5)
        target = jnp.where(crowd[:, None], stay + jnp.sign(stay - spot), target)
        return go(target, there & ~crowd, facing), takes | gives, nothing(scene), mind


def couriers(world) -> Couriers:
    return Couriers()
