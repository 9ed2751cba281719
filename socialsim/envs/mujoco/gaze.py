"""gaze: find by the gaze of others what they look at, and look at it with them."""

import math
from typing import ClassVar

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Int, Key

from socialsim.core import geometry
from socialsim.core.errors import integer, number
from socialsim.core.scene import Scene, object_features
from socialsim.core.sight import Eyes
from socialsim.envs.mujoco import looking, placing
from socialsim.envs.mujoco.bodies import MAX_AGENTS, Plan, compiled
from socialsim.envs.mujoco.engine import BodiesState, MujocoWorld

LOWEST = 0.3  # bodies above the floor
APART = 3.0  # bodies between lights, seen from above, where there is room
EDGE = 1.0  # bodies: lights keep this far from the border
MAX_LIGHTS = 16
_LONG_AGO = 1 << 20


class GazeState(BodiesState):
    """lights: places, the third coordinate is the height, bodies.  target: one-hot of the light to look at.

    since: decisions since each agent last looked at each light.  informed: who sees which is the target.
    """

    lights: Float[Array, "M 3"]
    target: Bool[Array, " M"]
    since: Int[Array, "A M"]
    informed: Bool[Array, " A"]


class Gaze(MujocoWorld):
    """Lights at many heights, one of which is to be looked at together. See `gaze`.

    tolerance: radians.  height: of the highest lights, bodies.
    """

    task: ClassVar[str] = "gaze"

    needed: Int[Array, ""]
    window: Int[Array, ""]
    num_informed: Int[Array, ""]
    tolerance: Float[Array, ""]
    height: Float[Array, ""]
    num_lights: int = struct.field(pytree_node=False)

    def reset(self, key: Key[Array, ""]) -> GazeState:
        body_key, place_key, height_key, target_key, know_key = jax.random.split(key, 5)
        m = self.num_lights
        body = self._begin(body_key)
        state = GazeState(
            **body,
            lights=jnp.zeros((m, 3), jnp.float32),
            target=self._another(target_key, jnp.zeros(m, bool)),
            since=jnp.full((self.num_agents, m), _LONG_AGO, jnp.int32),
            informed=_first(jax.random.uniform(know_key, (self.num_agents,), jnp.float32), self.num_informed),
        )
        nowhere = jnp.full((m, 2), -geometry.FAR, jnp.float32)
        place = placing.scatter(
            place_key,
            nowhere,
            jnp.ones(m, bool),
            self.plan.size,
            self.boxes(state),
            edge=EDGE,
            apart=APART,
        )
        height = LOWEST + (self.height - LOWEST) * jax.random.uniform(height_key, (m, 1), jnp.float32)
        return state.replace(lights=jnp.concatenate([place, height], -1))

    def step(self, key: Key[Array, ""], state: GazeState, action: Float[Array, "A 4"]) -> GazeState:
        state = self._move(state, action)
        since = jnp.where(self.looking(state), 0, jnp.minimum(state.since + 1, _LONG_AGO))
        part = (since <= self.window) & state.target
        done = part.sum() >= self.needed
        return state.replace(
            joint=(part.any(1) & done).astype(jnp.float32),
            since=jnp.where(done, _LONG_AGO, since),
            target=jnp.where(done, self._another(key, state.target), state.target),
        )

    def scene(self, state: GazeState) -> Scene:
        """Objects: the lights, and the glow at the target, which only the informed see."""
        m = self.num_lights
        lights = jnp.concatenate([state.lights, state.target.astype(jnp.float32)[None] @ state.lights])
        part = state.since <= self.window
        on_target = (part & state.target).any(1)
        part = jnp.concatenate([part, on_target[:, None]], 1)
        glow = jnp.arange(m + 1) == m
        present = part.sum(0)
        features = object_features(
            m + 1,
            needed=self.needed,
            present=present,
            progress=glow * jnp.minimum(present / self.needed, 1.0),
            active=glow,
        )
        scene = self._scene(state, lights[:, :2], lights[:, :2], features, part)
        eye, ray = self._eyes(state)
        boxes = self.boxes(state)
        sees_agent = looking.see(self.eyes, eye, ray, eye, boxes) & ~jnp.eye(self.num_agents, dtype=bool)
        sees_object = looking.see(self.eyes, eye, ray, lights, boxes) & (state.informed[:, None] | ~glow)
        return scene.replace(sees_agent=sees_agent, sees_object=sees_object)

    def looking(self, state: GazeState) -> Bool[Array, "A M"]:
        """Whose gaze rests on which light now."""
        eye, ray = self._eyes(state)
        free = looking.in_reach(self.eyes, eye, state.lights, self.boxes(state))
        return free & looking.within(eye, ray, state.lights, self.tolerance)

    def pitch(self, state: GazeState) -> Float[Array, " A"]:
        """How far up each agent looks, radians."""
        return self._joints(state.qpos)[:, 4]

    def zones(self, state: GazeState) -> Float[Array, "1 P 2"]:
        """A disc round the target, for pictures."""
        return placing.discs(state.target.astype(jnp.float32)[None] @ state.lights[:, :2], 0.95)

    def markers(self, state: GazeState) -> dict[str, Array]:
        pose = jnp.insert(state.lights, 2, 0.0, axis=-1)
        glow = state.target.astype(jnp.float32) @ pose
        return {f"light_{i}": pose[i] for i in range(self.num_lights)} | {"glow": glow}

    def _eyes(self, state):
        """Where agents look from and whereto: `[A, 3]` each."""
        joints = self._joints(state.qpos)
        look = joints[:, 2] + joints[:, 3]
        gaze = jnp.stack([jnp.cos(look), jnp.sin(look)], -1)
        return looking.eyes_at(self.positions(state)), looking.rays(gaze, joints[:, 4])

    def _another(self, key, target: Bool[Array, " M"]) -> Bool[Array, " M"]:
        """One-hot of a light that is not the target."""
        return _first(jnp.where(target, 2.0, jax.random.uniform(key, target.shape, jnp.float32)), 1)


def _first(score: Float[Array, " N"], count: Int[Array, ""] | int) -> Bool[Array, " N"]:
    """True for the `count` lowest scores; of equal ones the first come first."""
    index = jnp.arange(score.shape[0])
    before = (score[:, None] > score) | ((score[:, None] == score) & (index[:, None] > index))
    return before.sum(1) < count


def gaze(
    *,
    num_agents: int = 4,
    num_lights: int = 4,
    needed: int = 3,
    num_informed: int = 1,
    window: int = 3,
    tolerance: float = 10.0,
    height: float = 4.0,
    size: float = 8.0,
    walls: int = 0,
    reach: float = 8.0,
    cone: float = 120.0,
    full_view: bool = False,
    impl: str = "jax",
) -> Gaze:
    """Joint attention in three dimensions: look where those look who know; MuJoCo heads that pan and nod.

    Who: `num_agents` bodies, of whom `num_informed`, drawn anew in each episode, see a glow at the target.
    What: `num_lights` lights that hover over the floor, 0.3 to `height` bodies high (eyes are 1.24 high);
    nobody bumps into them. One of them is the target: an object of its own, active, in the same place,
    that only the informed ever see.  Joint event: `needed` agents have looked at the target within the
    last `window` + 1 decisions: it lay within `tolerance` degrees of their gaze, in three dimensions,
    within `reach`, no wall between (walls reach up to the ceiling). Those who looked share it (1.0 each),
    and another light is the target.  Actions: `[A, 4]` in [-1, 1] (forward, turn, neck, nod); see
    `MujocoWorld`.  Horizon: 128 decisions, never terminates.
    Where to turn, the gaze of the informed tells (gaze following: Scaife & Bruner 1975): `Scene.gaze` is
    its horizontal direction. No feature tells how high a light is; the pitch is found by nodding: things
    are in sight only within a cone about the gaze, above and below too, and an agent senses that it
    `takes_part` at a light when its gaze rests on it, even one that is not the target. What to hold the
    head at is then known, for full drive looks 60 degrees up and no drive level, whatever was before.
    Random teams seldom succeed, for the tolerance is narrow; a competent team faces the target and nods
    until all have it.

    Parameters
    ----------
    num_agents, num_lights : how many of each; at most 64, and 2 to 16.
    needed : agents that must look; at most `num_agents`.
    num_informed : agents that see which light is the target; 1 to `num_agents`.
    window : decisions for which a look still counts after the one it was given in.
    tolerance : degrees; smaller is harder.
    height : of the highest lights, bodies; 0.5 to 6.
    size : side of the arena, bodies.
    walls : inner walls, 3 bodies long; at most one in each whole block of 5 x 5 bodies.
    reach, cone : of sight, in bodies and degrees.  full_view : see everything, but the glow only if informed.
    impl : MJX back end, "jax" or (with warp-lang on an NVIDIA device; experimental) "warp".

    Raises
    ------
    OptionError : an option out of range; the message says what is allowed.
    """
    agents = integer("num_agents", num_agents, low=1, high=MAX_AGENTS)
    lights = integer("num_lights", num_lights, low=2, high=MAX_LIGHTS)
    size, walls = placing.side(size), integer("walls", walls, low=0, high=8)
    plan = Plan(num_agents=agents, size=size, walls=walls, impl=impl, nod=True)
    placing.check_room(agents, size, 0.0, walls)
    compiled(plan)
    return Gaze(
        plan=plan,
        eyes=Eyes(reach=reach, cone=cone, full_view=bool(full_view)),
        needed=jnp.int32(integer("needed", needed, low=1, high=agents)),
        window=jnp.int32(integer("window", window, low=0, high=1000)),
        num_informed=jnp.int32(integer("num_informed", num_informed, low=1, high=agents)),
        tolerance=jnp.float32(math.radians(number("tolerance", tolerance, low=1, high=60))),
        height=jnp.float32(number("height", height, low=0.5, high=6)),
        num_lights=lights,
    )
