"""The plane engine: what every world of discs shares; tasks add objects and joint events."""

from typing import Any, ClassVar, TypeVar

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Int, Key

from socialsim.core import geometry
from socialsim.core.acts import NUM_ACTS, Act, act_from_motion
from socialsim.core.errors import OptionError, integer, number
from socialsim.core.scene import NUM_RAYS, Scene, object_features
from socialsim.core.sight import Eyes
from socialsim.core.world import Actions, World
from socialsim.envs import placing
from socialsim.envs.plane import physics

WALL_LENGTH, WALL_WIDTH = 3.0, 0.5  # bodies
EDGE = 1.0  # bodies: objects keep this far from the border and from walls
MAX_AGENTS = 256


class PlaneState(struct.PyTreeNode):
    """`A` agents, `W` walls (boxes). joint: each agent's share in this step's joint successes."""

    bodies: physics.Bodies
    act: Int[Array, " A"]
    joint: Float[Array, " A"]
    walls: Float[Array, "W 4"]


class Objects(struct.PyTreeNode):
    """What a scene shows of `M` objects; none of them belongs anywhere else than where it is."""

    position: Float[Array, "M 2"]
    features: Float[Array, "M F"]
    present: Bool[Array, " M"]
    takes_part: Bool[Array, "A M"]


def no_objects(num_agents: int) -> Objects:
    """One empty slot: every world has at least one."""
    return Objects(
        position=jnp.zeros((1, 2), jnp.float32),
        features=object_features(1),
        present=jnp.zeros(1, bool),
        takes_part=jnp.zeros((num_agents, 1), bool),
    )


S = TypeVar("S", bound=PlaneState)


class PlaneWorld(World):
    """Discs of one body's width that walk and turn on a square floor and bump into one another and walls.

    Action `[A, 2]` in [-1, 1]: drive along the heading, turn; counter-clockwise is positive. Full drive
    walks one body per decision and turns 60 degrees, after a short spin-up; values beyond are clipped,
    NaN is 0. With `discrete`, action `[A]`: the ten shared acts, of which the locomotive ones drive at
    full. The gaze is the heading: a neck would be a third motor that no task here asks for.

    size: side of the floor, bodies; a leaf, which may be replaced by a larger one.
    """

    motors: ClassVar[tuple[str, ...]] = ("forward", "turn")

    size: Float[Array, ""]
    agents: int = struct.field(pytree_node=False)
    bars: int = struct.field(pytree_node=False)  # inner walls
    side: int = struct.field(pytree_node=False)  # starting places along a side
    blocks: int = struct.field(pytree_node=False)  # blocks for walls along a side
    eyes: Eyes = struct.field(pytree_node=False)
    discrete: bool = struct.field(pytree_node=False)

    @property
    def num_agents(self) -> int:
        return self.agents

    @property
    def actions(self) -> Actions:
        if self.discrete:
            return Actions(choices=NUM_ACTS, names=tuple(a.name.lower() for a in Act))
        return Actions(size=len(self.motors), names=self.motors)

    def terminated(self, state: PlaneState) -> Bool[Array, ""]:
        return jnp.zeros((), bool)

    def bounds(self, state: PlaneState):
        """Lower left and upper right corner of the floor, in bodies: `[2]` each."""
        return jnp.zeros(2, jnp.float32), jnp.stack([self.size, self.size])

    def boxes(self, state: PlaneState) -> Float[Array, "W 4"]:
        return state.walls

    def _heading(self, state: PlaneState) -> Float[Array, "A 2"]:
        return physics.direction(state.bodies.yaw)

    def _begin(self, key: Key[Array, ""]) -> dict[str, Any]:
        """Fields of `PlaneState` at the start: agents at rest, apart, turned at random."""
        wall_key, upright_key, place_key, turn_key = jax.random.split(key, 4)
        walls = self._walls(wall_key, upright_key)
        a = self.agents
        even = jnp.linspace(0.0, 1.0, self.side, dtype=jnp.float32)
        line = placing.MARGIN + even * (self.size - 2 * placing.MARGIN)
        places = jnp.stack(jnp.meshgrid(line, line, indexing="ij"), -1).reshape(-1, 2)
        position = placing.choose_places(
            place_key, places, a, lambda place: placing.from_box(place, walls) - physics.RADIUS
        )
        bodies = physics.Bodies(
            position=position,
            velocity=jnp.zeros((a, 2), jnp.float32),
            yaw=jax.random.uniform(turn_key, (a,), jnp.float32, -jnp.pi, jnp.pi),
            spin=jnp.zeros(a, jnp.float32),
        )
        still = jnp.full(a, int(Act.STILL), jnp.int32)
        joint = jnp.zeros(a, jnp.float32)
        return dict(bodies=bodies, act=still, joint=joint, walls=walls)

    def _walls(self, key, upright_key) -> Float[Array, "W 4"]:
        if self.bars == 0:
            return jnp.zeros((0, 4), jnp.float32)
        centre = placing.wall_centres(key, self.bars, self.blocks, self.size)
        along = jnp.array([WALL_LENGTH, WALL_WIDTH], jnp.float32) / 2
        upright = jax.random.bernoulli(upright_key, 0.5, (self.bars, 1))
        half = jnp.where(upright, along[::-1], along)
        return jnp.concatenate([centre - half, centre + half], -1)

    def _command(self, action: Array) -> tuple[Float[Array, "A n"], Int[Array, " A"]]:
        """Motor commands in [-1, 1], and the act that is seen."""
        if self.discrete:
            act = action.astype(jnp.int32)
            return self._motors(act), act
        drive = jnp.clip(jnp.where(jnp.isnan(action), 0.0, action), -1.0, 1.0).astype(jnp.float32)
        return drive, act_from_motion(drive[:, 0], drive[:, 1])

    def _motors(self, act: Int[Array, " A"]) -> Float[Array, "A n"]:
        """Motor commands of acts."""

        def sign(plus, minus):
            return (act == plus).astype(jnp.float32) - (act == minus).astype(jnp.float32)

        return jnp.stack([sign(Act.ADVANCE, Act.RETREAT), sign(Act.TURN_LEFT, Act.TURN_RIGHT)], -1)

    def _move(self, state: S, action: Array) -> S:
        """One decision of physics."""
        drive, act = self._command(action)
        floor = physics.Floor(self.size, state.walls)
        return state.replace(bodies=physics.decide(state.bodies, floor, drive[:, :2]), act=act)

    def _relocate(self, key, state, places, renew, *, away, apart) -> Float[Array, "M 2"]:
        """Places with those in `renew` elsewhere, clear of border and walls; see `placing.relocate`."""
        return placing.relocate(
            key,
            places,
            renew,
            jnp.float32(EDGE),
            self.size - EDGE,
            lambda place: placing.from_box(place, state.walls) / EDGE,
            away=away,
            apart=apart,
        )

    def _scene(self, state: PlaneState, objects: Objects | None = None) -> Scene:
        shown = no_objects(self.agents) if objects is None else objects
        position, heading = state.bodies.position, self._heading(state)
        low, high = self.bounds(state)
        rays = geometry.fan(heading, NUM_RAYS)
        return Scene(
            position=position,
            velocity=state.bodies.velocity,
            heading=heading,
            gaze=heading,
            act=state.act,
            load=jnp.zeros(self.agents, jnp.float32),
            strength=jnp.ones(self.agents, jnp.float32),
            clear=geometry.free_distance(position, rays, state.walls, low, high),
            object_position=shown.position,
            object_goal=shown.position,
            object_features=shown.features,
            object_present=shown.present,
            takes_part=shown.takes_part,
            sees_agent=self.eyes.see_agents(position, heading, state.walls),
            sees_object=self.eyes.see(position, heading, shown.position, state.walls) & shown.present,
            joint=state.joint,
        )


def floor(
    *, num_agents: object, size: object, walls: object, discrete: object, reach, cone, full_view
) -> dict[str, Any]:
    """Checked options that all plane worlds share, as fields of `PlaneWorld`.

    Raises OptionError, naming the option, for what cannot be: more agents than starting places.
    """
    agents, bars = integer("num_agents", num_agents, low=1, high=MAX_AGENTS), integer("walls", walls, low=0)
    size = number("size", size, low=3, high=200)
    blocks, side = int(size / placing.BLOCK), placing.lattice_side(size)
    if bars > blocks**2:
        raise OptionError(f"walls={bars}; allowed: at most {blocks**2} for size={size:g}")
    most = side**2 - 8 * bars  # starting places that no wall covers
    if agents > most:
        raise OptionError(
            f"num_agents={agents} do not fit; allowed: at most {max(most, 0)} for size={size:g}, "
            "or a larger size"
        )
    return dict(
        size=jnp.float32(size),
        agents=agents,
        bars=bars,
        side=side,
        blocks=blocks,
        eyes=Eyes(reach=reach, cone=cone, full_view=bool(full_view)),
        discrete=bool(discrete),
    )
