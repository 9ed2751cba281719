"""The MuJoCo engine: what every world of walking bodies shares; tasks add objects and joint events."""

from typing import ClassVar, TypeVar

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Int, Key

from socialsim.core import geometry
from socialsim.core.acts import Act, act_from_motion
from socialsim.core.scene import NUM_RAYS, Scene
from socialsim.core.sight import Eyes
from socialsim.core.world import Actions, World
from socialsim.envs.mujoco import placing
from socialsim.envs.mujoco.bodies import (
    BEAM_MASS,
    BODY,
    DECISION,
    LOAD_BODY,
    LOAD_DROP,
    MASS,
    NECK,
    SPIN,
    SUBSTEPS,
    TIMESTEP,
    WALK,
    Plan,
    compiled,
)
from socialsim.envs.mujoco.quiet import mjx


class BodiesState(struct.PyTreeNode):
    """`A` agents, `W` walls. qpos, qvel: metres, radians and seconds, in the order of the model's joints.

    walls: centres of the inner walls, bodies.  joint: each agent's share in this step's joint successes.
    """

    qpos: Float[Array, " Q"]
    qvel: Float[Array, " Q"]
    act: Int[Array, " A"]
    joint: Float[Array, " A"]
    walls: Float[Array, "W 2"]


S = TypeVar("S", bound=BodiesState)


class MujocoWorld(World):
    """Bodies with a neck that walk, turn and look about in a square arena under MuJoCo physics.

    Action `[A, 3]` in [-1, 1]: drive along the heading, turn, neck; counter-clockwise is positive. Full
    drive walks one body per decision and turns or nods 60 degrees; values beyond are clipped, NaN is 0.
    Where heads also nod, the action is `[A, 4]`: the last entry is how far up (positive) or down the head is
    held against a spring; full drive looks 60 degrees up within about two decisions, none looks level.
    """

    waits: ClassVar[bool] = True  # MJX factorises mass matrices

    plan: Plan = struct.field(pytree_node=False)
    eyes: Eyes = struct.field(pytree_node=False)

    @property
    def num_agents(self) -> int:
        return self.plan.num_agents

    @property
    def actions(self) -> Actions:
        names = ("forward", "turn", "neck", *["nod"] * self.plan.nod)
        return Actions(size=len(names), names=names)

    @property
    def model(self):
        """The `mujoco.MjModel` that is stepped, for use with MuJoCo's own tools."""
        return compiled(self.plan).model

    def terminated(self, state: BodiesState) -> Bool[Array, ""]:
        return jnp.zeros((), bool)

    def bounds(self, state: BodiesState):
        """Lower left and upper right corner of the floor, in bodies: `[2]` each."""
        return jnp.zeros(2, jnp.float32), jnp.array([self.plan.size, self.plan.width], jnp.float32)

    def boxes(self, state: BodiesState) -> Float[Array, "W 4"]:
        """Inner walls as boxes, in bodies."""
        half = jnp.asarray(self.plan.wall_half, jnp.float32)
        return jnp.concatenate([state.walls - half, state.walls + half], -1)

    def positions(self, state: BodiesState) -> Float[Array, "A 2"]:
        """Places of the agents, in bodies."""
        return self._joints(state.qpos)[:, :2] / BODY

    def render_3d(self, state: BodiesState, width: int = 640, height: int = 480):
        """A picture of the world from above its south side: uint8 `[height, width, 3]`.

        Not for use under jit. Raises SocialsimError where no OpenGL is to be had.
        """
        from socialsim.envs.mujoco import pictures

        return pictures.render(self, state, width, height)

    def markers(self, state: BodiesState) -> dict[str, Array]:
        """Places of what is only looked at, by name: pose `[3]` (bodies, bodies, radians)."""
        return {}

    def _begin(self, key: Key[Array, ""], beam: Float[Array, "3"] | None = None) -> dict[str, Array]:
        """Fields of `BodiesState` at the start: agents apart, turned at random. beam: its pose, bodies."""
        wall_key, place_key, turn_key = jax.random.split(key, 3)
        walls = placing.start_walls(wall_key, self.plan.wall_half, self.plan.size)
        half = jnp.asarray(self.plan.wall_half, jnp.float32)
        boxes = jnp.concatenate([walls - half, walls + half], -1)

        def clearance(place):
            free = placing.from_box(place, boxes) - 0.5
            if beam is None:
                return free
            nearest = placing.nearest_on_segment(place, *self._segment(beam))
            return jnp.minimum(free, geometry.norm(place - nearest) - self.contact_distance)

        a = self.num_agents
        position = placing.start_places(place_key, a, self.plan.size, clearance, self.plan.width)
        yaw = jax.random.uniform(turn_key, (a, 1), jnp.float32, -jnp.pi, jnp.pi)
        head = jnp.zeros((a, self.plan.dofs - 3), jnp.float32)
        qpos = jnp.concatenate([position * BODY, yaw, head], -1).reshape(-1)
        if self.plan.plank:
            qpos = jnp.concatenate([jnp.zeros(1, jnp.float32), qpos])
        if beam is not None:
            qpos = jnp.concatenate([qpos, beam[:2] * BODY, beam[2:]])
        return dict(
            qpos=qpos,
            qvel=jnp.zeros_like(qpos),
            act=jnp.full(a, int(Act.STILL), jnp.int32),
            joint=jnp.zeros(a, jnp.float32),
            walls=walls,
        )

    contact_distance = 0.75
    """Between the beam's axis and an agent that touches it, bodies."""

    def _segment(self, pose: Float[Array, "3"]):
        """Ends of the beam's axis (its tips are a quarter of a body further out), in bodies: `[2]` each."""
        along = (self.plan.beam / 2 - 0.25) * jnp.stack([jnp.cos(pose[2]), jnp.sin(pose[2])])
        return pose[:2] - along, pose[:2] + along

    @property
    def _first(self) -> int:
        """The first joint of the agents; before it comes the plank's."""
        return 1 if self.plan.plank else 0

    def _joints(self, q: Float[Array, " Q"]) -> Float[Array, "A J"]:
        n = self.plan.dofs * self.num_agents
        return q[self._first : self._first + n].reshape(-1, self.plan.dofs)

    def _move(
        self,
        state: S,
        action: Float[Array, "A n"],
        friction: Array | float = 0.0,
        load: Float[Array, "2"] | None = None,
    ) -> S:
        """One decision of physics.

        friction: the beam's dry friction, newtons.  load: on the plank, its distance from the middle,
        bodies, and its weight, in agents.
        """
        drive = jnp.clip(jnp.where(jnp.isnan(action), 0.0, action), -1.0, 1.0).astype(jnp.float32)
        _, model, data = compiled(self.plan)
        if self.plan.walls:
            height = jnp.full((self.plan.walls, 1), BODY / 2, jnp.float32)
            centre = jnp.concatenate([state.walls * BODY, height], -1)
            rest = model.geom_pos[self.plan.walls :]
            model = model.replace(geom_pos=jnp.concatenate([centre, rest]))
        if load is not None:
            model = _loaded(model, self.plan, load)

        def substep(_, carry):
            qpos, qvel = carry
            force = self._drive_force(qpos, drive)
            moved = mjx.step(model, data.replace(qpos=qpos, qvel=qvel, qfrc_applied=force))
            return self._constrain(qpos, moved.qvel.astype(jnp.float32), friction)

        qpos, qvel = jax.lax.fori_loop(0, SUBSTEPS, substep, (state.qpos, state.qvel))
        # Angles stay small, so that float32 keeps resolving them in long episodes.
        turns = jnp.round(qpos / (2 * jnp.pi)) * 2 * jnp.pi
        return state.replace(
            qpos=jnp.where(jnp.asarray(self._is_yaw), qpos - turns, qpos),
            qvel=qvel,
            act=act_from_motion(drive[:, 0], drive[:, 1]),
        )

    @property
    def _is_yaw(self):
        agent = [False, False, True] + [False] * (self.plan.dofs - 3)
        return jnp.array([False] * self._first + agent * self.num_agents + [False, False, True] * self._beams)

    @property
    def _beams(self) -> int:
        return 1 if self.plan.beam else 0

    def _drive_force(self, qpos, drive) -> Float[Array, " Q"]:
        """Generalised forces of the agents' drives: along each heading, about yaw and about the neck."""
        yaw = self._joints(qpos)[:, 2]
        push = WALK * drive[:, 0]
        heads = [NECK * drive[:, i] for i in range(2, self.plan.dofs - 1)]
        force = jnp.stack([push * jnp.cos(yaw), push * jnp.sin(yaw), SPIN * drive[:, 1], *heads], -1)
        return jnp.concatenate(
            [jnp.zeros(self._first, jnp.float32), force.reshape(-1), jnp.zeros(3 * self._beams, jnp.float32)]
        )

    def _constrain(self, qpos, qvel, friction):
        """Dry friction of the beam and joint limits, by projection at the end of a substep.

        The floor's friction takes as much momentum as it can and no more: the same in all directions,
        which MuJoCo's loss per joint is not, and without the creep of a soft constraint.
        """
        if self.plan.beam:
            n = self.plan.dofs * self.num_agents
            beam = qvel[n:]
            length = self.plan.beam * BODY
            speed, spin = geometry.norm(beam[:2]), jnp.abs(beam[2])
            slow = friction * TIMESTEP / BEAM_MASS
            # The torque that turns it is `needed` agents' at one end, so one agent cannot pivot it either.
            slow_spin = friction * length / 2 * TIMESTEP / (BEAM_MASS * length**2 / 12)
            slide = beam[:2] * jnp.maximum(1 - slow / jnp.maximum(speed, 1e-9), 0.0)
            turn = beam[2:] * jnp.maximum(1 - slow_spin / jnp.maximum(spin, 1e-9), 0.0)
            qvel = jnp.concatenate([qvel[:n], slide, turn])
        low, high = self.plan.limits
        free = qpos + TIMESTEP * qvel
        qpos = jnp.clip(free, low, high)
        return qpos, jnp.where(free == qpos, qvel, 0.0)

    def _scene(
        self,
        state: BodiesState,
        object_position: Float[Array, "M 2"],
        object_goal: Float[Array, "M 2"],
        object_features: Float[Array, "M F"],
        takes_part: Bool[Array, "A M"],
    ) -> Scene:
        joints = self._joints(state.qpos)
        position = joints[:, :2] / BODY
        velocity = self._joints(state.qvel)[:, :2] * (DECISION / BODY)
        look = joints[:, 2] + joints[:, 3]
        heading = jnp.stack([jnp.cos(joints[:, 2]), jnp.sin(joints[:, 2])], -1)
        gaze = jnp.stack([jnp.cos(look), jnp.sin(look)], -1)
        low, high = self.bounds(state)
        boxes = self.boxes(state)
        return Scene(
            position=position,
            velocity=velocity,
            heading=heading,
            gaze=gaze,
            act=state.act,
            load=jnp.zeros(self.num_agents, jnp.float32),
            strength=jnp.ones(self.num_agents, jnp.float32),
            clear=geometry.free_distance(position, geometry.fan(heading, NUM_RAYS), boxes, low, high),
            object_position=object_position,
            object_goal=object_goal,
            object_features=object_features,
            object_present=jnp.ones(object_position.shape[0], bool),
            takes_part=takes_part,
            sees_agent=self.eyes.see_agents(position, gaze, boxes),
            sees_object=self.eyes.see(position, gaze, object_position, boxes),
            joint=state.joint,
        )


def _loaded(model: mjx.Model, plan: Plan, load: Float[Array, "2"]) -> mjx.Model:
    """The model with the load at its place below the near edge of the plank, at its weight."""
    place = jnp.stack([load[0] * BODY, jnp.float32(-plan.width * BODY / 2), jnp.float32(-LOAD_DROP)])

    def put(rows, row):
        return jnp.concatenate([rows[:LOAD_BODY], row[None], rows[LOAD_BODY + 1 :]])

    return model.replace(body_pos=put(model.body_pos, place), body_mass=put(model.body_mass, load[1] * MASS))
