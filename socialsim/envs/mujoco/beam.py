"""beam: push together what nobody can push alone."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from socialsim.core import geometry
from socialsim.core.acts import Act
from socialsim.core.errors import OptionError, integer, number
from socialsim.core.scene import Scene, object_features
from socialsim.core.sight import Eyes
from socialsim.envs.mujoco import placing
from socialsim.envs.mujoco.bodies import BEAM_RADIUS, BODY, MAX_AGENTS, WALK, Plan, compiled
from socialsim.envs.mujoco.engine import BodiesState, MujocoWorld

NOTCH = 0.25  # bodies: progress is counted in these
ARRIVED = 1.0  # bodies from its goal, the beam has arrived
TRIP = 3.0  # bodies: a new goal is at least this far, where there is room
TOUCH = 0.15  # bodies of air between an agent and the beam that still count as contact
SHORTFALL = 0.6  # friction is this much of one agent's drive less than what `needed` agents muster
SLOTS = 3  # the beam is perceived as two ends and a middle


class BeamState(BodiesState):
    """goal: where the beam's centre belongs, bodies.

    trip, nearest: distance to the goal when the trip began, and the least so far, bodies.
    """

    goal: Float[Array, "2"]
    trip: Float[Array, ""]
    nearest: Float[Array, ""]


class Beam(MujocoWorld):
    """A beam that slides only when `needed` agents push it at once. See `beam`."""

    needed: Int[Array, ""]

    def reset(self, key: Key[Array, ""]) -> BeamState:
        place_key, turn_key, body_key, goal_key = jax.random.split(key, 4)
        low = self.plan.beam_low
        centre = jax.random.uniform(place_key, (2,), jnp.float32, low, self.plan.size - low)
        turn = jax.random.uniform(turn_key, (1,), jnp.float32, -jnp.pi, jnp.pi)
        goal = self._new_goal(goal_key, centre)
        trip = geometry.norm(goal - centre)
        pose = jnp.concatenate([centre, turn])
        return BeamState(**self._begin(body_key, pose), goal=goal, trip=trip, nearest=trip)

    def step(self, key: Key[Array, ""], state: BeamState, action: Float[Array, "A 3"]) -> BeamState:
        state = self._move(state, action, friction=(self.needed - SHORTFALL) * WALK)
        pushing = self._touching(state, facing=True) & (state.act == Act.ADVANCE)
        centre = self.beam_pose(state)[:2]
        distance = geometry.norm(state.goal - centre)
        nearest = jnp.minimum(distance, state.nearest)
        # Each notch on the way to the goal counts once a trip, so shoving to and fro earns nothing.
        closer = jnp.floor(nearest / NOTCH) < jnp.floor(state.nearest / NOTCH)
        together = pushing.sum() >= self.needed
        arrived = distance < ARRIVED
        goal = jnp.where(arrived, self._new_goal(key, centre), state.goal)
        trip = jnp.where(arrived, geometry.norm(goal - centre), state.trip)
        return state.replace(
            joint=(pushing & closer & together).astype(jnp.float32),
            goal=goal,
            trip=trip,
            nearest=jnp.where(arrived, trip, nearest),
        )

    def scene(self, state: BeamState) -> Scene:
        pose = self.beam_pose(state)
        start, end = self._segment(pose)
        slots = jnp.stack([start, pose[:2], end])
        touching = self._touching(state)
        features = object_features(
            SLOTS,
            needed=self.needed,
            present=touching.sum(),
            progress=1.0 - state.nearest / jnp.maximum(state.trip, 1e-6),
            movable=1.0,
            heavy=self.needed - 1,
            placed=1.0,
        )
        part = jnp.broadcast_to(touching[:, None], (self.num_agents, SLOTS))
        return self._scene(state, slots, slots + (state.goal - pose[:2]), features, part)

    def markers(self, state: BeamState) -> dict[str, Array]:
        return {"goal": jnp.concatenate([state.goal, self.beam_pose(state)[2:]])}

    def solids(self, state: BeamState) -> Float[Array, "1 4 2"]:
        """Outline of the beam, for pictures."""
        pose = self.beam_pose(state)
        along = jnp.stack([jnp.cos(pose[2]), jnp.sin(pose[2])])
        across = jnp.stack([-along[1], along[0]]) * (BEAM_RADIUS / BODY)
        half = along * self.plan.beam / 2
        corners = [half + across, across - half, -half - across, half - across]
        return (pose[:2] + jnp.stack(corners))[None]

    def beam_pose(self, state: BeamState) -> Float[Array, "3"]:
        """Centre, bodies, and yaw, radians."""
        q = state.qpos[-3:]
        return jnp.concatenate([q[:2] / BODY, q[2:]])

    def _touching(self, state, facing: bool = False) -> Bool[Array, " A"]:
        """Who is in contact with the beam (and turned towards it, within 60 degrees)."""
        position = self.positions(state)
        offset = placing.nearest_on_segment(position, *self._segment(self.beam_pose(state))) - position
        distance = geometry.norm(offset)
        touches = distance <= self.contact_distance + TOUCH
        if not facing:
            return touches
        yaw = self._joints(state.qpos)[:, 2]
        ahead = offset[:, 0] * jnp.cos(yaw) + offset[:, 1] * jnp.sin(yaw)
        return touches & (ahead > 0.5 * distance)

    def _new_goal(self, key, centre) -> Float[Array, "2"]:
        low = self.plan.beam_low
        return placing.draw(
            key, low, self.plan.size - low, lambda place: geometry.norm(place - centre) / TRIP
        )


def beam(
    *,
    num_agents: int = 4,
    size: float = 10.0,
    length: float = 4.0,
    needed: int = 2,
    reach: float = 8.0,
    cone: float = 120.0,
    full_view: bool = False,
    impl: str = "jax",
) -> Beam:
    """A long beam that moves only when enough agents push it at once; MuJoCo bodies with a neck.

    Who: `num_agents` bodies.  What: a beam `length` bodies long, perceived as three objects (its ends and
    its middle), each sensed with where it belongs. Its dry friction withstands `needed` - 1 agents and
    gives way to `needed`; more push it faster.  Joint event: `needed` agents touch it, face it and ADVANCE
    at once, and its centre passes a notch (a quarter of a body) on the way to its goal for the first time
    on this trip; those who push share it (1.0 each). Within one body of the goal it has arrived and a new
    goal is drawn.  Actions: `[A, 3]` in [-1, 1] (forward, turn, neck); see `MujocoWorld`.
    Horizon: 128 decisions, never terminates.
    Random teams hardly ever move it; a competent team lines up on its far side and walks.

    Parameters
    ----------
    num_agents : at most 64.
    size : side of the arena, bodies; at least `length` + 4.2.
    length : of the beam, tip to tip, bodies.
    needed : agents it takes to move the beam; at most `num_agents`, and as many as find room along it.
    reach, cone : of sight, in bodies and degrees.  full_view : see everything.
    impl : MJX back end, "jax" or (with warp-lang on an NVIDIA device; experimental) "warp".

    Raises
    ------
    OptionError : an option out of range; the message says what is allowed.
    """
    num_agents = integer("num_agents", num_agents, low=1, high=MAX_AGENTS)
    needed = integer("needed", needed, low=1)
    size, length = placing.side(size), number("length", length, low=1, high=100)
    plan = Plan(num_agents=num_agents, size=size, beam=length, impl=impl)
    placing.check_room(num_agents, size, length, 0)
    if size < length + 4.2:
        raise OptionError(f"size={size:g}; allowed: at least length + 4.2 = {length + 4.2:g} bodies")
    if needed > num_agents:
        raise OptionError(f"needed={needed}; allowed: at most num_agents={num_agents}")
    most = int(length) + 1
    if needed > most:
        raise OptionError(f"needed={needed}; allowed: at most {most}, as many as find room along {length:g}")
    compiled(plan)
    return Beam(
        plan=plan,
        eyes=Eyes(reach=reach, cone=cone, full_view=bool(full_view)),
        needed=jnp.int32(needed),
    )
