"""procedural: a new task in every episode, drawn from a distribution over maps, objects and rules."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Int, Integer, Key

from socialsim.core import errors
from socialsim.core.acts import NUM_ACTS, Act
from socialsim.core.scene import Scene
from socialsim.core.sight import Eyes
from socialsim.core.world import Actions, World
from socialsim.envs.grid import layout
from socialsim.envs.grid.build import build_grid, objects_count, room_at
from socialsim.envs.grid.carry import carry
from socialsim.envs.grid.engine import Grid, GridState
from socialsim.envs.grid.gather import ANY_ACT, gather
from socialsim.envs.grid.push import push
from socialsim.envs.grid.watch import watch

FAMILIES = ("meet", "work", "push", "carry", "weigh", "look")
"""Rules an object may follow: be there together; INTERACT there together; push it; pass it on; INTERACT with
strengths that add up; look at it together."""

SPLITS = {"all": FAMILIES, "train": FAMILIES[:4], "held-out": FAMILIES[4:]}
"""Rule families by split: what is learned on the first four can be tried on rules never seen."""

_SEEDS = {"train": 0, "test": 1 << 31}
_DISTRIBUTION = 20240607  # which tasks the numbers of a split stand for


def sample_world(
    key: Key[Array, ""],
    *,
    num_agents: int = 4,
    max_objects: int = 4,
    max_size: int = 12,
    min_size: int = 7,
    max_walls: int = 2,
    families: str | Sequence[str] = "all",
    reach: float = 8.0,
    cone: float = 120.0,
    full_view: bool = False,
) -> Grid:
    """Draw one task: a map, objects, and the joint-event rules they follow.

    Width and height are uniform on `min_size`..`max_size`, walls on 0..`max_walls`, objects on
    1..`max_objects`. A task draws two of `families` (maybe one twice) and each of its objects follows one
    of them, with its own `needed` (2 to `num_agents`, no more than find places there) and radius. Strengths
    are drawn up to 2, so that items of the family "weigh" tell agents apart.

    All tasks of one call signature have the same structure and differ in leaves only: stack them (or vmap
    this function over keys) and step thousands of different tasks in one compiled step.

    Parameters
    ----------
    key : consumed. The same key draws the same task.
    families : names from `FAMILIES`, or a split of them: "all", "train", "held-out".

    Raises
    ------
    OptionError : an unknown family, an impossible size, a team too large for the smallest floor.
    """
    numbers = _families(families)
    agents = errors.integer("num_agents", num_agents, low=2, high=64)
    m = objects_count("max_objects", max_objects)
    high = errors.integer("max_size", max_size, low=5, high=512)
    low = errors.integer("min_size", min_size, low=5, high=high)
    slots = errors.integer("max_walls", max_walls, low=0, high=layout.max_walls(high, high))
    fewest = low * low - 3 * min(slots, layout.max_walls(low, low))
    if agents + 2 * m > fewest:
        raise errors.OptionError(
            f"num_agents={agents} and max_objects={m} want {agents + 2 * m} free cells (a start for each "
            f"agent, a place and a goal for each object); allowed: at most {fewest}, what the smallest floor "
            f"leaves beside its walls: raise min_size={low}"
        )
    world = build_grid(
        "procedural",
        *_rules(jax.random.fold_in(key, 1), agents, m, numbers, low, slots),
        num_agents=agents,
        num_objects=m,
        size=high,
        walls=slots,
        strongest=2,
        reach=reach,
        cone=cone,
        full_view=full_view,
        counted="max_objects",
    )
    size_key, wall_key, count_key = jax.random.split(jax.random.fold_in(key, 2), 3)
    size = jax.random.randint(size_key, (2,), low, high + 1)
    bars = jax.random.randint(wall_key, (), 0, slots + 1)
    return world.replace(
        width=size[0],
        height=size[1],
        walls=jnp.minimum(bars, layout.max_walls(size[0], size[1])),
        present=jnp.arange(m) < jax.random.randint(count_key, (), 1, m + 1),
    )


def _families(chosen: str | Sequence[str]) -> tuple[int, ...]:
    """Their numbers in `FAMILIES`."""
    if isinstance(chosen, str):
        chosen = SPLITS[errors.choose("families", chosen, SPLITS)]
    if not chosen:
        raise errors.OptionError(f"families is empty; allowed: one or more of {list(FAMILIES)}")
    return tuple(FAMILIES.index(errors.choose("family", f, FAMILIES)) for f in chosen)


def _rules(key, agents: int, m: int, families: tuple[int, ...], low: int, slots: int):
    """One mechanism of each kind, on for the objects that follow it.

    low, slots: sides of the smallest floor, most bars of wall; on every floor there is room for `needed`.
    """
    two_key, which_key, needed_key, radius_key, window_key, told_key = jax.random.split(key, 6)
    two = jnp.array(families)[jax.random.randint(two_key, (2,), 0, len(families))]
    family = jnp.where(jax.random.bernoulli(which_key, 0.5, (m,)), two[0], two[1])
    needed = jax.random.randint(needed_key, (m,), 2, agents + 1)
    radius = jax.random.randint(radius_key, (m,), 1, 3)
    is_ = {name: family == number for number, name in enumerate(FAMILIES)}
    interacts = is_["work"] | is_["weigh"]
    bars = min(slots, layout.max_walls(low, low))
    # On larger floors more walls may be about a place of radius 2: as many as on one of 10 x 10.
    beside, near, far = (
        min(room_at(m, r, low, bars, blocks=b), room_at(m, r, 10, min(slots, 4), blocks=b))
        for r, b in ((1, True), (1, False), (2, False))
    )
    room = jnp.where(interacts, beside, jnp.where(radius == 1, near, far))
    # A wall cuts floors of 5 cells across in two for a load that takes three.
    heaviest = 2 if slots and low == 5 else 3
    return (
        push(m, on=is_["push"], needed=jnp.minimum(needed, heaviest)),
        gather(
            m,
            drawn=True,
            on=is_["meet"] | interacts,
            needed=jnp.where(is_["weigh"], 3, jnp.minimum(needed, room)),
            radius=jnp.where(interacts, 1, radius),
            act=jnp.where(interacts, int(Act.INTERACT), ANY_ACT),
            weighs=is_["weigh"],
            together=jnp.where(is_["weigh"], 3, 0),
            blocks=interacts,
        ),
        watch(
            m,
            on=is_["look"],
            needed=needed,
            window=jax.random.randint(window_key, (m,), 0, 3),
            num_informed=jax.random.randint(told_key, (), 1, agents + 1),
        ),
        carry(m, on=is_["carry"], hands=jnp.minimum(needed, 3)),
    )


class ProceduralState(struct.PyTreeNode):
    """task: the grid drawn for this episode.  inner: its state."""

    task: Grid
    inner: GridState


class Procedural(World):
    """Draws a task at each reset and plays it; see `procedural`."""

    example: Grid
    options: tuple[tuple[str, Any], ...] = struct.field(pytree_node=False)
    split: str = struct.field(pytree_node=False)
    num_tasks: int = struct.field(pytree_node=False)

    task = "procedural"

    @property
    def num_agents(self) -> int:
        return self.example.num_agents

    @property
    def actions(self) -> Actions:
        return Actions(choices=NUM_ACTS, names=tuple(a.name.lower() for a in Act))

    @property
    def eyes(self) -> Eyes:
        return self.example.eyes

    def draw(self, key: Key[Array, ""]) -> Grid:
        """A task of the split."""
        number = jax.random.bits(key, (), jnp.uint32) % jnp.uint32(self.num_tasks)
        return self.numbered(number)

    def numbered(self, number: int | Integer[Array, ""]) -> Grid:
        """Task `number` of the split, 0 to `num_tasks` - 1: always the same one."""
        seed = jnp.asarray(number, jnp.uint32) + jnp.uint32(_SEEDS[self.split])
        return sample_world(jax.random.fold_in(jax.random.key(_DISTRIBUTION), seed), **dict(self.options))

    def reset(self, key: Key[Array, ""]) -> ProceduralState:
        task_key, reset_key = jax.random.split(key)
        task = self.draw(task_key)
        return ProceduralState(task, task.reset(reset_key))

    def step(self, key: Key[Array, ""], state: ProceduralState, action: Int[Array, " A"]) -> ProceduralState:
        return state.replace(inner=state.task.step(key, state.inner, action))

    def scene(self, state: ProceduralState) -> Scene:
        return state.task.scene(state.inner)

    def terminated(self, state: ProceduralState) -> Bool[Array, ""]:
        return state.task.terminated(state.inner)

    def bounds(self, state: ProceduralState):
        return state.task.bounds(state.inner)

    def boxes(self, state: ProceduralState):
        return state.task.boxes(state.inner)


def procedural(
    *,
    num_agents: int = 4,
    max_objects: int = 4,
    max_size: int = 12,
    min_size: int = 7,
    max_walls: int = 2,
    families: str | Sequence[str] = "all",
    split: str = "train",
    num_tasks: int = 1 << 20,
    reach: float = 8.0,
    cone: float = 120.0,
    full_view: bool = False,
) -> Procedural:
    """A new task in every episode: other maps, other objects, other joint-event rules.

    Who: `num_agents` walkers of strength 1 or 2.  What: up to `max_objects` objects that follow one or two
    families of rules: be there together, INTERACT there together (with strengths that add up, or by heads),
    push it together, pass it from hand to hand, look at it together. What an object asks for is not told:
    its affordances are those of the shared table, the rest is to be found out.  Joint event: as in the
    world each family comes from (`rendezvous`, `forage`, `haul`, `relay`, `beacon`).  Acts: the ten of the
    shared alphabet.  Horizon: 128 decisions, never terminates.  Random teams succeed seldom; the
    scripted team tries the ways it knows on each object until one works.

    Parameters
    ----------
    num_agents, max_objects, max_size, min_size, max_walls : bounds of what is drawn, see `sample_world`.
    families : rules to draw from: names, or "all", "train" or "held-out" (a split by rule family).
    split : "train" or "test": tasks are numbered, and no number belongs to both (a split by seed).
    num_tasks : tasks in the split; small numbers give a fixed set of training tasks.
    reach, cone, full_view : as in `rendezvous`.
    """
    options: dict[str, Any] = dict(
        num_agents=num_agents,
        max_objects=max_objects,
        max_size=max_size,
        min_size=min_size,
        max_walls=max_walls,
        families=families if isinstance(families, str) else tuple(families),
        reach=reach,
        cone=cone,
        full_view=full_view,
    )
    return Procedural(
        example=sample_world(jax.random.key(0), **options),
        options=tuple(options.items()),
        split=errors.choose("split", split, _SEEDS),
        num_tasks=errors.integer("num_tasks", num_tasks, low=1, high=1 << 31),
    )
