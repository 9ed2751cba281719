"""The grid engine: bodies that turn and walk on cells, among objects whose joint-event rules are data.

Every rule is a leaf of a `Mechanism`, so one compiled step serves a batch of different tasks. The step is
arithmetic on small arrays: no gathers or scatters, no loops over agents.
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Int, Key

from socialsim.core import draws, geometry
from socialsim.core.acts import NUM_ACTS, Act
from socialsim.core.scene import NUM_RAYS, Scene, object_features
from socialsim.core.sight import Eyes
from socialsim.core.world import Actions, World
from socialsim.envs.grid import layout
from socialsim.envs.grid.cells import same, vector
from socialsim.envs.grid.mechanism import Mechanism, Turn


class GridState(struct.PyTreeNode):
    """`A` agents, `M` objects, `W` wall slots; cells.

    heading: quarter turns counter-clockwise from east.  velocity: cells moved in this step.
    memories: what each mechanism remembers, in the order of `Grid.mechanisms`.
    """

    position: Int[Array, "A 2"]
    heading: Int[Array, " A"]
    velocity: Int[Array, "A 2"]
    act: Int[Array, " A"]
    strength: Int[Array, " A"]
    joint: Float[Array, " A"]
    object_position: Int[Array, "M 2"]
    object_goal: Int[Array, "M 2"]
    walls: Float[Array, "W 4"]
    memories: tuple[Any, ...]


class Grid(World):
    """A grid of `width` x `height` cells with bodies, walls and objects under the rules of `mechanisms`.

    Acts are actions: ADVANCE and RETREAT move one cell along the heading unless it is taken by a wall, a
    body or a solid object; two bodies that want one cell both stay. TURN_LEFT and TURN_RIGHT turn a
    quarter. INTERACT and the gestures are visible and move nothing by themselves.
    """

    width: Int[Array, ""]
    height: Int[Array, ""]
    walls: Int[Array, ""]  # how many bars of wall a map has
    strongest: Int[Array, ""]  # strengths are drawn from 1 to this at each reset
    present: Bool[Array, " M"]  # False: the object's slot is empty
    mechanisms: tuple[Mechanism, ...]
    shape: tuple[int, int] = struct.field(pytree_node=False)  # largest width, height
    wall_slots: int = struct.field(pytree_node=False)
    agents: int = struct.field(pytree_node=False)
    eyes: Eyes = struct.field(pytree_node=False)
    bodies_block: bool = struct.field(pytree_node=False)
    task: str = struct.field(pytree_node=False)

    @property
    def num_agents(self) -> int:
        return self.agents

    @property
    def num_objects(self) -> int:
        return self.present.shape[-1]

    @property
    def actions(self) -> Actions:
        return Actions(choices=NUM_ACTS, names=tuple(a.name.lower() for a in Act))

    def bounds(self, state: GridState):
        """Lower left and upper right corner of the floor, in bodies: `[2]` each."""
        return jnp.full(2, -0.5), jnp.stack([self.width, self.height]) - 0.5

    def boxes(self, state: GridState) -> Float[Array, "W 4"]:
        return state.walls

    def inside(self, cell: Int[Array, "*n 2"]) -> Bool[Array, "*n"]:
        return (cell >= 0).all(-1) & (cell[..., 0] < self.width) & (cell[..., 1] < self.height)

    def reset(self, key: Key[Array, ""]) -> GridState:
        wall_key, cell_key, turn_key = jax.random.split(key, 3)
        a, m = self.agents, self.num_objects
        walls = self._map(wall_key)
        cells = layout.distinct_cells(cell_key, a + 2 * m, self.shape, self.width, self.height, walls)
        bits = jax.random.bits(jax.random.fold_in(key, 1), (a,), jnp.uint32)
        state = GridState(
            position=cells[:a],
            heading=jax.random.randint(turn_key, (a,), 0, 4),
            velocity=jnp.zeros((a, 2), jnp.int32),
            act=jnp.zeros(a, jnp.int32),  # Act.STILL
            strength=1 + (bits % self.strongest.astype(jnp.uint32)).astype(jnp.int32),
            joint=jnp.zeros(a),
            object_position=cells[a : a + m],
            object_goal=cells[a + m :],
            walls=walls,
            memories=(),
        )
        keys = [jax.random.fold_in(key, 2 + i) for i in range(2 * len(self.mechanisms))]
        for mechanism, k in zip(self.mechanisms, keys[::2], strict=True):
            state = mechanism.arrange(k, self, state)
        begun = [m.begin(k, self, state) for m, k in zip(self.mechanisms, keys[1::2], strict=True)]
        return state.replace(memories=tuple(begun))

    def step(self, key: Key[Array, ""], state: GridState, action: Int[Array, " A"]) -> GridState:
        memories = list(state.memories)
        act = action.astype(jnp.int32)
        for mechanism, memory in zip(self.mechanisms, memories, strict=True):
            act = mechanism.command(self, state, memory, act)
        spin = (act == Act.TURN_LEFT).astype(jnp.int32) - (act == Act.TURN_RIGHT).astype(jnp.int32)
        heading = (state.heading + spin) % 4
        turn = Turn(
            act=act,
            facing=vector(heading),
            position=state.position,
            objects=state.object_position,
            displaced=jnp.zeros((self.agents, self.num_objects), bool),
            joint=jnp.zeros(self.agents),
            renew=jnp.zeros(self.num_objects, bool),
        )
        solid = self._solid(memories)
        for i, mechanism in enumerate(self.mechanisms):
            turn, memories[i] = mechanism.move(self, state, turn, memories[i], solid)
        turn = turn.replace(position=self._walk(state, turn, solid))
        for i, mechanism in enumerate(self.mechanisms):
            judge_key = jax.random.fold_in(key, 1 + i)
            turn, memories[i] = mechanism.judge(judge_key, self, state, turn, memories[i])
        after = self._renewed(key, state, turn, memories)
        after = after.replace(
            position=turn.position,
            heading=heading,
            velocity=turn.position - state.position,
            act=act,
            joint=turn.joint.astype(jnp.float32),
        )
        for i, mechanism in enumerate(self.mechanisms):
            settle_key = jax.random.fold_in(key, 101 + i)
            memories[i] = mechanism.settle(settle_key, self, after, turn.renew, memories[i])
        return after.replace(memories=tuple(memories))

    def terminated(self, state: GridState) -> Bool[Array, ""]:
        return jnp.zeros((), bool)

    def scene(self, state: GridState) -> Scene:
        position = state.position.astype(jnp.float32)
        objects = state.object_position.astype(jnp.float32)
        facing = vector(state.heading).astype(jnp.float32)
        shown = [m.show(self, state, y) for m, y in zip(self.mechanisms, state.memories, strict=True)]
        columns: dict[str, Array] = {}
        for s in shown:  # an object follows one rule; the others leave zeros
            for name, column in s.columns.items():
                columns[name] = columns.get(name, 0) + column
        low, high = self.bounds(state)
        sees_object = self.eyes.see(position, facing, objects, state.walls) & self.present
        hidden = sum((jnp.asarray(s.hidden) for s in shown), jnp.zeros((), bool)) > 0
        load: Any = sum((s.load for s in shown), jnp.zeros(self.agents))
        part = jnp.stack([s.part for s in shown]).any(0) & self.present
        return Scene(
            position=position,
            velocity=state.velocity.astype(jnp.float32),
            heading=facing,
            gaze=facing,
            act=state.act,
            load=load,
            strength=state.strength.astype(jnp.float32),
            clear=geometry.free_distance(position, geometry.fan(facing, NUM_RAYS), state.walls, low, high),
            object_position=objects,
            object_goal=state.object_goal.astype(jnp.float32),
            object_features=object_features(self.num_objects, **columns) * self.present[:, None],
            object_present=self.present,
            takes_part=part,
            sees_agent=self.eyes.see_agents(position, facing, state.walls),
            sees_object=sees_object & ~hidden,
            joint=state.joint,
        )

    def _map(self, key) -> Float[Array, "W 4"]:
        for mechanism in self.mechanisms:
            own = mechanism.walls(key, self)
            if own is not None:
                return own
        return layout.random_walls(key, self.walls, self.wall_slots, self.width, self.height)

    def _solid(self, memories) -> Bool[Array, " M"]:
        kinds = [jnp.asarray(m.solid(y)) for m, y in zip(self.mechanisms, memories, strict=True)]
        return jnp.broadcast_to(sum(kinds) > 0, (self.num_objects,)) & self.present

    def _walk(self, state, turn, solid):
        stride = (turn.act == Act.ADVANCE).astype(jnp.int32) - (turn.act == Act.RETREAT).astype(jnp.int32)
        target = state.position + stride[:, None] * turn.facing
        blocked = layout.in_walls(target, state.walls) | ~self.inside(target)
        blocked |= (same(target, turn.objects) & solid).any(1)
        if self.bodies_block:
            others = ~jnp.eye(self.agents, dtype=bool)
            wanted = same(target, target) & (stride != 0)[None]
            blocked |= ((same(target, state.position) | wanted) & others).any(1)
        return jnp.where(blocked[:, None], state.position, target)

    def _renewed(self, key, state, turn, memories) -> GridState:
        """Objects that are renewed take a new place, and a new goal."""
        # One random word an object and purpose: a new place, a new goal.
        bits = draws.bits(key, (2, self.num_objects))
        regions = [m.region(self, turn, y) for m, y in zip(self.mechanisms, memories, strict=True)]
        region = next((r for r in regions if r is not None), None)

        def elsewhere(bits, away_from, objects, region=None):
            taken = jnp.concatenate([turn.position, objects])
            distance = jnp.maximum(self.width, self.height) // 3
            floor = (self.width, self.height, state.walls)
            return layout.nearby_free_cell(bits, away_from, taken, distance, *floor, region=region)

        where = elsewhere(bits[0], turn.objects, turn.objects, region)
        goal = elsewhere(bits[1], where, where)
        renew = (turn.renew & self.present)[:, None]
        return state.replace(
            object_position=jnp.where(renew, where, turn.objects),
            object_goal=jnp.where(renew, goal, state.object_goal),
        )
