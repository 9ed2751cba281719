"""Tasks whose rule is hidden, at graded distances from those that are learned on, as data of one world."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Int, Key, UInt

from socialsim.core.acts import NUM_ACTS, Act
from socialsim.core.errors import OptionError, choose, integer
from socialsim.core.scene import Scene
from socialsim.core.world import Actions, World
from socialsim.envs.grid.build import build_grid
from socialsim.envs.grid.carry import Carry, carry
from socialsim.envs.grid.cycle import Cycle, cycle
from socialsim.envs.grid.engine import Grid, GridState
from socialsim.envs.grid.gather import ANY_ACT, Gather, gather
from socialsim.envs.grid.push import Push, push

FAMILIES = ("order", "meet", "work", "push", "carry")
"""Rules, each hidden in what objects do: be together at landmarks in an order drawn for the task (as in
`goal-cycle`); be together at any object (`rendezvous`); INTERACT together (`forage`); push together
(`haul`); pass from hand to hand (`relay`)."""

DISTANCES: Mapping[str, str] = {
    "same": "the very tasks that were learned on",
    "new": "new tasks of the family learned on: other maps, starts and orders",
    "near": "nearby rules: be together at any object, or INTERACT there together",
    "far": "far rules: push together, or pass from hand to hand",
}
_WITHIN = {"same": ("order",), "new": ("order",), "near": ("meet", "work"), "far": ("push", "carry")}
_UNSEEN = 1 << 31  # tasks from this number on are never learned on
_DISTRIBUTION = 20240613  # which tasks the numbers stand for


class Task(struct.PyTreeNode):
    """task: the grid drawn for this episode.  inner: its state."""

    task: Grid
    inner: GridState


class Tasks(World):
    """In each episode one of `number` numbered tasks, from `first` on; a number is always the same task.

    A task is a family, 3 to all of the objects, and the whole start: places, headings, and the order that the
    landmarks have. chance: of each of FAMILIES. All of these are data, so tasks of every distance, learned on
    and tried, run as one program.
    """

    grid: Grid
    chance: Float[Array, " F"]
    first: UInt[Array, ""]
    number: UInt[Array, ""]

    task = "discovery"

    @property
    def num_agents(self) -> int:
        return self.grid.num_agents

    @property
    def actions(self) -> Actions:
        return Actions(choices=NUM_ACTS, names=tuple(a.name.lower() for a in Act))

    def draw(self, number: UInt[Array, ""]) -> Grid:
        """The rules of a task."""
        family_key, count_key, _ = self._keys(number)
        family = jax.random.categorical(family_key, jnp.log(jnp.maximum(self.chance, 1e-9)))
        m = self.grid.num_objects
        present = jnp.arange(m) < jax.random.randint(count_key, (), min(3, m), m + 1)
        is_ = {name: jnp.full(m, family == i) for i, name in enumerate(FAMILIES)}
        order, gathered, pushed, carried = _kinds(self.grid)
        return self.grid.replace(
            present=present,
            mechanisms=(
                order.replace(on=is_["order"] & present),
                gathered.replace(
                    on=is_["meet"] | is_["work"],
                    act=jnp.where(is_["work"], int(Act.INTERACT), ANY_ACT),
                    blocks=is_["work"],
                ),
                pushed.replace(on=is_["push"]),
                carried.replace(on=is_["carry"]),
            ),
        )

    def reset(self, key: Key[Array, ""]) -> Task:
        number = self.first + jax.random.bits(key, (), jnp.uint32) % self.number
        task = self.draw(number)
        return Task(task, task.reset(self._keys(number)[2]))

    def step(self, key: Key[Array, ""], state: Task, action: Int[Array, " A"]) -> Task:
        return state.replace(inner=state.task.step(key, state.inner, action))

    def scene(self, state: Task) -> Scene:
        return state.task.scene(state.inner)

    def terminated(self, state: Task) -> Bool[Array, ""]:
        return state.task.terminated(state.inner)

    def bounds(self, state: Task):
        return state.task.bounds(state.inner)

    def boxes(self, state: Task):
        return state.task.boxes(state.inner)

    def pays(self, state: Task) -> Bool[Array, " M"]:
        """Objects at which a joint event can happen now: of landmarks the one whose turn it is, else all."""
        order, present = _kinds(state.task)[0], state.task.present
        rounds = state.inner.memories[0]
        due = order.on & (rounds.order == rounds.turn)
        return jnp.where(order.on.any(), due, present) & present

    def at(self, distance: str, number: int) -> "Tasks":
        """The tasks at one of the DISTANCES; `number` of them are learned on."""
        families = _WITHIN[choose("distance", distance, DISTANCES)]
        chance = jnp.array([float(f in families) for f in FAMILIES]) / len(families)
        learned = distance == "same"
        return self.replace(
            chance=chance,
            first=jnp.uint32(0 if learned else _UNSEEN),
            number=jnp.uint32(integer("number", number, low=1) if learned else _UNSEEN),
        )

    def _keys(self, number: UInt[Array, ""]) -> Key[Array, " 3"]:
        return jax.random.split(jax.random.fold_in(jax.random.key(_DISTRIBUTION), number), 3)


def _kinds(grid: Grid) -> tuple[Cycle, Gather, Push, Carry]:
    order, gathered, pushed, carried = grid.mechanisms
    assert isinstance(order, Cycle) and isinstance(gathered, Gather)
    assert isinstance(pushed, Push) and isinstance(carried, Carry)
    return order, gathered, pushed, carried


def tasks(
    *, num_agents: int = 3, num_objects: int = 4, size: int = 8, number: int = 256, needed: int = 2
) -> Tasks:
    """The tasks that are learned on: landmarks to be visited together in a hidden order.

    num_agents walkers, of whom `needed` must be at the right landmark at once (within one cell); 3 to
    `num_objects` landmarks that look alike, the one reached last is lit; a floor without walls.
    """
    if not 2 <= needed <= num_agents:
        raise OptionError(f"needed={needed}; allowed: 2 to num_agents={num_agents}")
    m = num_objects
    grid = build_grid(
        "discovery",
        cycle(m, needed=needed, radius=1, demonstration=0),
        gather(m, needed=needed, radius=1, drawn=True),
        push(m, needed=needed),
        carry(m, hands=2),
        num_agents=num_agents,
        num_objects=m,
        size=size,
    )
    nothing = Tasks(grid, jnp.zeros(len(FAMILIES)), jnp.uint32(0), jnp.uint32(1))
    return nothing.at("same", number)
