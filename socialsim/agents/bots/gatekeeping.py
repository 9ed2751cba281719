"""The competent team of gates: one holds the gate, one goes to and fro for the prizes."""

import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float

from socialsim.agents.bots.grid_base import GridTeam, go, pick, steps
from socialsim.agents.bots.plan import feature
from socialsim.core.scene import OBJECT_FEATURES, Scene

_NEEDED, _RESOURCE = OBJECT_FEATURES.index("needed"), OBJECT_FEATURES.index("resource")


class Roles(struct.PyTreeNode):
    """holder, runner: who they are.  side: of the wall on which the runner was last.  passed: it has gone
    through the gate since its last prize."""

    holder: Bool[Array, " A"]
    runner: Bool[Array, " A"]
    side: Float[Array, ""]
    passed: Bool[Array, ""]


class Keepers(GridTeam):
    """Whoever is nearest to a plate holds the gate; the nearest to the gate of the rest runs."""

    def start(self, scene: Scene) -> Roles:
        plate, gate, _ = self._kinds(scene)
        to_plate = jnp.where(plate, steps(scene.position, scene.object_position), 1e6).min(-1)
        everyone = jnp.ones(scene.num_agents, bool)
        holder = pick(to_plate[None], everyone[None])[0]
        middle = gate.astype(jnp.float32) @ scene.object_position
        runner = pick(jnp.abs(scene.position - middle).sum(-1)[None], ~holder[None])[0]
        return Roles(holder, runner, self._side(runner, scene, middle), jnp.zeros((), bool))

    def decide(self, scene: Scene, mind: Roles):
        plate, gate, prize = self._kinds(scene)
        place = scene.object_position
        middle = gate.astype(jnp.float32) @ place
        own = mind.holder.astype(jnp.float32) @ scene.position
        # A plate on the holder's own side: it need not pass.
        mine = plate & (jnp.sign(place[:, 1] - middle[1]) == jnp.sign(own[1] - middle[1]))
        plates = jnp.where(mine.any(), mine, plate)
        post = pick(steps(own[None], place), plates[None])[0].astype(jnp.float32) @ place
        side = self._side(mind.runner, scene, middle)
        at = mind.runner.astype(jnp.float32) @ scene.position
        won = (mind.runner & (scene.joint >= 1)).any()
        passed = (mind.passed | ((side != 0) & (side != mind.side))) & ~won
        last = jnp.where(side == 0, mind.side, side)
        same_side = jnp.sign(place[:, 1] - middle[1]) == last
        goal = pick(steps(at[None], place), (prize & same_side)[None])[0]
        fetch = passed & goal.any() & (side != 0)
        here, beyond = jnp.stack([jnp.zeros(()), last]), jnp.stack([jnp.zeros(()), -last])
        before, after = middle + here, middle + beyond
        in_column = jnp.abs(at[0] - middle[0]) < 0.5
        close = in_column & (jnp.abs(at[1] - middle[1]) < 1.5)
        way = jnp.where(close, after, before)
        errand = jnp.where(fetch, goal.astype(jnp.float32) @ place, way)
        idle = ~(mind.holder | mind.runner)
        # Bystanders keep away from the gate, the plates and the prizes.
        crowd = idle & ((jnp.abs(scene.position - middle).sum(-1) < 2.5) | scene.takes_part.any(-1))
        aside = scene.position + jnp.sign(scene.position - middle + 0.1)
        target = jnp.where(mind.holder[:, None], post, scene.position)
        target = jnp.where(mind.runner[:, None], errand, target)
        target = jnp.where(crowd[:, None], aside, target)
        there = (jnp.abs(target - scene.position).max(-1) < 0.5) | (idle & ~crowd)
        shut = gate & (feature(scene, "active") == 0)
        return go(target, there), jnp.zeros_like(there), shut, mind.replace(side=last, passed=passed)

    def _kinds(self, scene: Scene):
        needed, resource = scene.object_features[:, _NEEDED] > 0, scene.object_features[:, _RESOURCE] > 0
        return needed, ~needed & ~resource, resource

    def _side(self, runner, scene: Scene, middle) -> Float[Array, ""]:
        return jnp.sign((runner.astype(jnp.float32) @ scene.position)[1] - middle[1])


def keepers(world) -> Keepers:
    return Keepers()
