"""The grid engine: bodies that turn and walk on cells, and objects whose joint-event rules are data.

Every rule is a leaf, so one compiled step serves a batch of different tasks. The step is arithmetic on
small arrays: no gathers or scatters, no loops over agents.
"""

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array, Bool, Float, Int, Key

from socialsim.core import geometry
from socialsim.core.acts import NUM_ACTS, Act
from socialsim.core.scene import NUM_RAYS, Scene, object_features
from socialsim.core.sight import Eyes
from socialsim.core.world import Actions, World
from socialsim.envs.grid import layout


class Rules(struct.PyTreeNode):
    """What the `M` objects ask of agents, as data.

    stand: a joint event happens while `needed` agents are within `radius` cells (Chebyshev) of it at
        once; it then moves elsewhere. Agents may stand on it.
    push: it blocks the way, and moves one cell when `needed` agents next to it and not ahead of it
        advance in one direction at once. A joint event happens when that brings it nearer to its goal than
        it has ever been on this trip (so shoving to and fro earns nothing); at its goal it starts a new trip.
    """

    needed: Int[Array, " M"]
    radius: Int[Array, " M"]
    stand: Bool[Array, " M"]
    push: Bool[Array, " M"]


class GridState(struct.PyTreeNode):
    """`A` agents, `M` objects, `W` wall slots; cells.

    heading: quarter turns counter-clockwise from east.  velocity: cells moved in this step.
    trip, nearest: distance (Manhattan) from object to goal at the trip's start, and the least so far.
    """

    position: Int[Array, "A 2"]
    heading: Int[Array, " A"]
    velocity: Int[Array, "A 2"]
    act: Int[Array, " A"]
    joint: Float[Array, " A"]
    object_position: Int[Array, "M 2"]
    object_goal: Int[Array, "M 2"]
    trip: Int[Array, " M"]
    nearest: Int[Array, " M"]
    walls: Float[Array, "W 4"]


class Grid(World):
    """A grid of `width` x `height` cells with bodies, walls and objects under `Rules`.

    Acts are actions: ADVANCE and RETREAT move one cell along the heading unless it is taken by a wall, a
    body or a pushable object; two bodies that want one cell both stay. TURN_LEFT and TURN_RIGHT turn a
    quarter. INTERACT and the gestures are visible and move nothing.
    """

    width: Int[Array, ""]
    height: Int[Array, ""]
    walls: Int[Array, ""]  # how many bars of wall a map has
    rules: Rules
    shape: tuple[int, int] = struct.field(pytree_node=False)  # largest width, height
    wall_slots: int = struct.field(pytree_node=False)
    agents: int = struct.field(pytree_node=False)
    eyes: Eyes = struct.field(pytree_node=False)
    bodies_block: bool = struct.field(pytree_node=False)

    @property
    def num_agents(self) -> int:
        return self.agents

    @property
    def num_objects(self) -> int:
        return self.rules.needed.shape[-1]

    @property
    def actions(self) -> Actions:
        return Actions(choices=NUM_ACTS, names=tuple(a.name.lower() for a in Act))

    def bounds(self, state: GridState):
        """Lower left and upper right corner of the floor, in bodies: `[2]` each."""
        return jnp.full(2, -0.5), jnp.stack([self.width, self.height]) - 0.5

    def boxes(self, state: GridState) -> Float[Array, "W 4"]:
        return state.walls

    def reset(self, key: Key[Array, ""]) -> GridState:
        wall_key, cell_key, turn_key = jax.random.split(key, 3)
        a, m = self.agents, self.num_objects
        walls = layout.random_walls(wall_key, self.walls, self.wall_slots, self.width, self.height)
        cells = layout.distinct_cells(cell_key, a + 2 * m, self.shape, self.width, self.height, walls)
        position, objects, goals = cells[:a], cells[a : a + m], cells[a + m :]
        trip = jnp.abs(goals - objects).sum(-1)
        return GridState(
            position=position,
            heading=jax.random.randint(turn_key, (a,), 0, 4),
            velocity=jnp.zeros((a, 2), jnp.int32),
            act=jnp.zeros(a, jnp.int32),  # Act.STILL
            joint=jnp.zeros(a),
            object_position=objects,
            object_goal=goals,
            trip=trip,
            nearest=trip,
            walls=walls,
        )

    def step(self, key: Key[Array, ""], state: GridState, action: Int[Array, " A"]) -> GridState:
        act = action.astype(jnp.int32)
        turn = (act == Act.TURN_LEFT).astype(jnp.int32) - (act == Act.TURN_RIGHT).astype(jnp.int32)
        heading = (state.heading + turn) % 4
        facing = _vector(heading)
        objects, pushers = self._push(state, act, facing)
        position = self._walk(state, act, facing, objects)
        closer, arrived, nearest = self._progress(state, objects)
        met = self._standing(position, objects)  # [A, M]
        full = met.sum(0) >= self.rules.needed
        joint = (met & full).sum(-1) + (pushers & closer).sum(-1)
        # One random word an object and purpose: a new place, a new goal.
        bits = jax.random.bits(key, (2, self.num_objects), jnp.uint32)
        where = self._elsewhere(bits[0], objects, state, position, objects)
        goal = self._elsewhere(bits[1], where, state, position, where)
        renew = (full | arrived)[:, None]
        objects = jnp.where(renew, where, objects)
        goals = jnp.where(renew, goal, state.object_goal)
        trip = jnp.where(renew[:, 0], jnp.abs(goals - objects).sum(-1), state.trip)
        return state.replace(
            position=position,
            heading=heading,
            velocity=position - state.position,
            act=act,
            joint=joint.astype(jnp.float32),
            object_position=objects,
            object_goal=goals,
            trip=trip,
            nearest=jnp.where(renew[:, 0], trip, nearest),
        )

    def terminated(self, state: GridState) -> Bool[Array, ""]:
        return jnp.zeros((), bool)

    def scene(self, state: GridState) -> Scene:
        rules = self.rules
        position = state.position.astype(jnp.float32)
        objects = state.object_position.astype(jnp.float32)
        facing = _vector(state.heading).astype(jnp.float32)
        part = self._standing(state.position, state.object_position) | (
            rules.push & (_chebyshev(state.position, state.object_position) <= 1)
        )
        present = part.sum(0)
        needed = rules.needed.astype(jnp.float32)
        travelled = 1.0 - state.nearest / jnp.maximum(state.trip, 1)
        push = rules.push.astype(jnp.float32)
        low, high = self.bounds(state)
        rays = geometry.fan(facing, NUM_RAYS)
        return Scene(
            position=position,
            velocity=state.velocity.astype(jnp.float32),
            heading=facing,
            gaze=facing,
            act=state.act,
            load=jnp.zeros(self.agents),
            strength=jnp.ones(self.agents),
            clear=geometry.free_distance(position, rays, state.walls, low, high),
            object_position=objects,
            object_goal=state.object_goal.astype(jnp.float32),
            object_features=object_features(
                self.num_objects,
                needed=needed,
                present=present,
                progress=jnp.where(rules.push, travelled, jnp.minimum(present / needed, 1.0)),
                movable=push,
                heavy=push * (needed - 1),
                placed=push,
            ),
            object_present=jnp.ones(self.num_objects, bool),
            takes_part=part,
            sees_agent=self.eyes.see_agents(position, facing, state.walls),
            sees_object=self.eyes.see(position, facing, objects, state.walls),
            joint=state.joint,
        )

    def _standing(self, position, objects) -> Bool[Array, "A M"]:
        return self.rules.stand & (_chebyshev(position, objects) <= self.rules.radius)

    def _inside(self, cell):
        return (cell >= 0).all(-1) & (cell[..., 0] < self.width) & (cell[..., 1] < self.height)

    def _push(self, state, act, facing):
        """New object positions, and who pushed what moved `[A, M]`."""
        offset = state.object_position[None] - state.position[:, None]  # [A, M, 2]
        near = jnp.abs(offset).max(-1) <= 1
        behind = (offset * facing[:, None]).sum(-1) >= 0
        pushing = near & behind & self.rules.push & (act == Act.ADVANCE)[:, None]
        # Votes per axis direction, then the one direction that has enough of them and no rival.
        votes = [(pushing & (facing == d).all(-1)[:, None]).sum(0) for d in _DIRECTIONS]
        enough = [v >= self.rules.needed for v in votes]
        single = jnp.stack(enough).sum(0) == 1
        step = jnp.stack([e[:, None] * d for e, d in zip(enough, _DIRECTIONS, strict=True)]).sum(0)
        step = step * single[:, None]
        target = state.object_position + step
        by_body = _same(target, state.position).any(1)
        rivals = _same(target, state.object_position) & self.rules.push[None]
        rivals |= _same(target, target)
        by_object = (rivals & ~jnp.eye(self.num_objects, dtype=bool)).any(1)
        free = self._inside(target) & ~layout.in_walls(target, state.walls) & ~by_body & ~by_object
        moved = free & (step != 0).any(-1)
        objects = jnp.where(moved[:, None], target, state.object_position)
        with_it = (facing[:, None] == step[None]).all(-1)
        return objects, pushing & with_it & moved

    def _walk(self, state, act, facing, objects):
        stride = (act == Act.ADVANCE).astype(jnp.int32) - (act == Act.RETREAT).astype(jnp.int32)
        target = state.position + stride[:, None] * facing
        blocked = layout.in_walls(target, state.walls) | ~self._inside(target)
        blocked |= (_same(target, objects) & self.rules.push).any(1)
        if self.bodies_block:
            others = ~jnp.eye(self.agents, dtype=bool)
            wanted = _same(target, target) & (stride != 0)[None]
            blocked |= ((_same(target, state.position) | wanted) & others).any(1)
        return jnp.where(blocked[:, None], state.position, target)

    def _progress(self, state, objects):
        """Which loads came nearer than ever, which arrived, and the new least distance: `[M]` each."""
        distance = jnp.abs(state.object_goal - objects).sum(-1)
        closer = self.rules.push & (distance < state.nearest)
        return closer, self.rules.push & (distance == 0), jnp.minimum(distance, state.nearest)

    def _elsewhere(self, bits, away_from, state, position, objects):
        taken = jnp.concatenate([position, objects])
        distance = jnp.maximum(self.width, self.height) // 3
        return layout.nearby_free_cell(bits, away_from, taken, distance, self.width, self.height, state.walls)


_DIRECTIONS = tuple(np.array(d, np.int32) for d in ((1, 0), (0, 1), (-1, 0), (0, -1)))


def _vector(heading: Int[Array, " A"]) -> Int[Array, "A 2"]:
    """Unit step of quarter turns from east, without a table look-up."""
    x = (heading == 0).astype(jnp.int32) - (heading == 2).astype(jnp.int32)
    y = (heading == 1).astype(jnp.int32) - (heading == 3).astype(jnp.int32)
    return jnp.stack([x, y], -1)


def _chebyshev(a: Int[Array, "A 2"], b: Int[Array, "M 2"]) -> Int[Array, "A M"]:
    return jnp.abs(a[:, None] - b[None]).max(-1)


def _same(a: Int[Array, "N 2"], b: Int[Array, "K 2"]) -> Bool[Array, "N K"]:
    return (a[:, None] == b[None]).all(-1)
