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

    @property
    def rules(self) -> tuple[Mechanism, ...]:
        """The mechanisms, of objects that are present."""
        return tuple(m.among(self.present) for m in self.mechanisms)

    def reset(self, key: Key[Array, ""]) -> GridState:
        rules, a = self.rules, self.agents
        keys = jax.random.split(key, 4 + 2 * len(rules))
        wall_key, cell_key, turn_key, strength_key = keys[:4]
        walls = self._map(wall_key)
        position, objects, goals = self._starts(cell_key, walls)
        bits = jax.random.bits(strength_key, (a,), jnp.uint32)
        state = GridState(
            position=position,
            heading=jax.random.randint(turn_key, (a,), 0, 4),
            velocity=jnp.zeros((a, 2), jnp.int32),
            act=jnp.zeros(a, jnp.int32),  # Act.STILL
            strength=1 + (bits % self.strongest.astype(jnp.uint32)).astype(jnp.int32),
            joint=jnp.zeros(a, jnp.float32),
            object_position=objects,
            object_goal=goals,
            walls=walls,
            memories=(),
        )
        for mechanism, k in zip(rules, keys[4::2], strict=True):
            state = mechanism.arrange(k, self, state)
        begun = [m.begin(k, self, state) for m, k in zip(rules, keys[5::2], strict=True)]
        return state.replace(memories=tuple(begun))

    def step(self, key: Key[Array, ""], state: GridState, action: Int[Array, " A"]) -> GridState:
        memories, rules = list(state.memories), self.rules
        keys = _keys(key, 1 + 2 * len(rules))
        act = action.astype(jnp.int32)
        for mechanism, memory in zip(rules, memories, strict=True):
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
        for i, mechanism in enumerate(rules):
            turn, memories[i] = mechanism.move(self, state, turn, memories[i], solid)
        turn = turn.replace(position=self._walk(state, turn, solid))
        for i, mechanism in enumerate(rules):
            turn, memories[i] = mechanism.judge(keys[1 + 2 * i], self, state, turn, memories[i])
        after = self._renewed(keys[0], state, turn, memories)
        after = after.replace(
            position=turn.position,
            heading=heading,
            velocity=turn.position - state.position,
            act=act,
            joint=turn.joint.astype(jnp.float32),
        )
        for i, mechanism in enumerate(rules):
            memories[i] = mechanism.settle(keys[2 + 2 * i], self, after, turn.renew, memories[i])
        return after.replace(memories=tuple(memories))

    def terminated(self, state: GridState) -> Bool[Array, ""]:
        return jnp.zeros((), bool)

    def scene(self, state: GridState) -> Scene:
        position = state.position.astype(jnp.float32)
        objects = state.object_position.astype(jnp.float32)
        facing = vector(state.heading).astype(jnp.float32)
        shown = [m.show(self, state, y) for m, y in zip(self.rules, state.memories, strict=True)]
        columns: dict[str, Array] = {}
        for s in shown:  # an object follows one rule; the others leave zeros
            for name, column in s.columns.items():
                columns[name] = columns.get(name, 0) + column
        low, high = self.bounds(state)
        # Who has left the floor sees nothing and is not seen.
        there = self.inside(state.position)
        sees_object = self.eyes.see(position, facing, objects, state.walls) & self.present & there[:, None]
        sees_agent = self.eyes.see_agents(position, facing, state.walls) & there[:, None] & there
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
            sees_agent=sees_agent,
            sees_object=sees_object & ~hidden,
            joint=state.joint,
        )

    def _map(self, key) -> Float[Array, "W 4"]:
        for mechanism in self.mechanisms:
            own = mechanism.walls(key, self)
            if own is not None:
                return own
        return layout.random_walls(key, self.walls, self.wall_slots, self.width, self.height)

    def _starts(self, key, walls):
        """Distinct cells: of agents `[A, 2]`, of objects and of their goals `[M, 2]` each; objects and goals
        off the border by the greatest margin, as far as there are cells enough."""
        cells = layout.all_cells(self.shape)
        free = layout.usable(cells, self.width, self.height, walls)
        margin = jnp.where(self.present, self._margin(), 0).max()
        corner = jnp.stack([self.width, self.height]) - 1
        inner = jnp.minimum(jnp.minimum(cells, corner - cells).min(1), margin)
        score, count = jax.random.uniform(key, (2, len(cells))), 2 * self.num_objects
        placed = layout.distinct_cells(score[0], count, cells, free, inner)
        position = layout.distinct_cells(score[1], self.agents, cells, free & ~same(cells, placed).any(1))
        return position, placed[: self.num_objects], placed[self.num_objects :]

    def _margin(self) -> Int[Array, " M"]:
        """Cells by which each object keeps off the border; no more than there are."""
        margins = [jnp.asarray(m.margin(self)) for m in self.rules]
        most = (jnp.minimum(self.width, self.height) - 1) // 2
        return jnp.broadcast_to(jnp.minimum(sum(margins), most), (self.num_objects,))

    def _solid(self, memories) -> Bool[Array, " M"]:
        kinds = [jnp.asarray(m.solid(y)) for m, y in zip(self.rules, memories, strict=True)]
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
        regions = [m.region(self, turn, y) for m, y in zip(self.rules, memories, strict=True)]
        region = next((r for r in regions if r is not None), None)
        distance = jnp.maximum(self.width, self.height) // 3

        margin = self._margin()

        def elsewhere(bits, here, moving, region=None):
            cells, fits = layout.tries(bits, self.width, self.height, margin), True
            if region is not None:
                low, high = region
                fits = ((cells >= low[:, None]) & (cells <= high[:, None])).all(-1)
            taken = jnp.concatenate([turn.position, here])
            return layout.first_free(cells, fits, here, moving, taken, distance, state.walls)

        where, moved = elsewhere(bits[0], turn.objects, turn.renew & self.present, region)
        # What finds no new place keeps its goal; a load then lies there, and is renewed in the next decision.
        goal, _ = elsewhere(bits[1], where, moved)
        return state.replace(
            object_position=where, object_goal=jnp.where(moved[:, None], goal, state.object_goal)
        )


def _keys(key: Key[Array, ""], count: int) -> Key[Array, " count"]:
    """Keys of a step: hashes of its own, far cheaper than `jax.random.split`."""
    words = draws.bits(key, (count, *jax.random.key_data(key).shape))
    return jax.random.wrap_key_data(words, impl=jax.random.key_impl(key))
