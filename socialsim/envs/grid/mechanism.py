"""Mechanism: one kind of joint-event rule, as data over the `M` objects of a grid.

A Grid holds a tuple of mechanisms. The kinds in it are static, their leaves are data: worlds with the same
kinds run as one batch, however different their rules. A new kind of rule is a new Mechanism and nothing else.
"""

import abc
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Int, Key

if TYPE_CHECKING:
    from socialsim.envs.grid.engine import Grid, GridState

Memory = Any  # a pytree of the mechanism's own


class Turn(struct.PyTreeNode):
    """One decision as it unfolds; mechanisms hand it on from one to the next.

    act, facing: of this decision, after turning.  position, objects: where all are by now.
    displaced: who moved which object.  joint: shares in joint successes so far.
    renew: objects that move elsewhere at the end.
    """

    act: Int[Array, " A"]
    facing: Int[Array, "A 2"]
    position: Int[Array, "A 2"]
    objects: Int[Array, "M 2"]
    displaced: Bool[Array, "A M"]
    joint: Float[Array, " A"]
    renew: Bool[Array, " M"]


class Shown(struct.PyTreeNode):
    """What a mechanism adds to the Scene.

    columns: object features by name, `[M]` each, zero for objects it does not hold for.
    part: who takes part where.  load: what agents carry.  hidden: who cannot see what.
    """

    columns: dict[str, Array]
    part: Bool[Array, "A M"]
    load: Float[Array, " A"] | float = 0.0
    hidden: Bool[Array, "A M"] | bool = False


class Mechanism(struct.PyTreeNode, abc.ABC):
    """One kind of rule. Subclasses override what they need; all methods are pure and for one world."""

    def among(self, present: Bool[Array, " M"]) -> "Mechanism":
        """The same rule for objects that are there: an empty slot follows none."""
        on = getattr(self, "on", None)
        return self if on is None else self.replace(on=on & present)

    def walls(self, key: Key[Array, ""], grid: "Grid") -> Float[Array, "W 4"] | None:
        """A map of its own (boxes), or None: the grid draws bars at random."""
        return None

    def arrange(self, key: Key[Array, ""], grid: "Grid", state: "GridState") -> "GridState":
        """The start as this mechanism needs it: objects in their places."""
        return state

    @abc.abstractmethod
    def begin(self, key: Key[Array, ""], grid: "Grid", state: "GridState") -> Memory:
        """What it remembers from the start of an episode."""

    def command(self, grid: "Grid", state: "GridState", memory: Memory, act: Int[Array, " A"]):
        """Acts `[A]` as they are carried out: those asked for, unless the mechanism moves somebody."""
        return act

    def solid(self, memory: Memory) -> Bool[Array, " M"] | bool:
        """Objects that block bodies and loads now."""
        return False

    def move(
        self, grid: "Grid", state: "GridState", turn: Turn, memory: Memory, solid: Bool[Array, " M"]
    ) -> tuple[Turn, Memory]:
        """What happens before agents walk."""
        return turn, memory

    def judge(
        self, key: Key[Array, ""], grid: "Grid", state: "GridState", turn: Turn, memory: Memory
    ) -> tuple[Turn, Memory]:
        """What happens once agents have walked; `state` is the one before this decision."""
        return turn, memory

    def margin(self, grid: "Grid") -> Int[Array, " M"] | int:
        """Cells by which places and goals of each object keep off the border, so that all who are needed
        find room there."""
        return 0

    def region(self, grid: "Grid", turn: Turn, memory: Memory):
        """Lowest and highest cells `[M, 2]` where objects that are renewed may come to lie, or None."""
        return None

    def settle(
        self,
        key: Key[Array, ""],
        grid: "Grid",
        state: "GridState",
        renew: Bool[Array, " M"],
        memory: Memory,
    ) -> Memory:
        """Once objects that are renewed lie in their new places; `state` is the new one."""
        return memory

    @abc.abstractmethod
    def show(self, grid: "Grid", state: "GridState", memory: Memory) -> Shown: ...


def ratio(part: Array, whole: Array) -> Array:
    """part / whole in [0, 1]; 0 where the whole is 0."""
    return jnp.where(whole > 0, jnp.clip(part / jnp.maximum(whole, 1), 0.0, 1.0), 0.0)


def columns(num_objects: int, rule: dict[str, Any], *, flags: tuple[str, ...]) -> dict[str, Array]:
    """The leaves `[M]` of a mechanism from numbers or arrays: booleans for `flags`, else integers."""

    def leaf(name, value):
        return jnp.broadcast_to(jnp.asarray(value, bool if name in flags else jnp.int32), (num_objects,))

    return {name: leaf(name, value) for name, value in rule.items()}
