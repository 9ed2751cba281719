"""World: the physics and joint events of one environment, and nothing else."""

import abc
import dataclasses
from typing import Any, ClassVar

from flax import struct
from jaxtyping import Array, Bool, Key

from socialsim.core.scene import Scene

State = Any  # a pytree of the world's own


@dataclasses.dataclass(frozen=True)
class Actions:
    """What a world takes as an action.

    size == 0: one of `choices` integers per agent, action `[A]`.
    size > 0: a vector in [-1, 1] per agent, action `[A, size]`.
    """

    choices: int = 0
    size: int = 0
    names: tuple[str, ...] = ()

    @property
    def continuous(self) -> bool:
        return self.size > 0


class World(struct.PyTreeNode, abc.ABC):
    """Physics and joint events; knows nothing of observations, signals, rewards or learning.

    A pytree: numeric parameters are leaves (so a batch may mix tasks), shapes are static. All methods
    are pure and safe under jit and vmap; `key` is consumed.
    """

    task: ClassVar[str] = ""  # what the scripted competent team is looked up by; no agent ever senses it
    horizon: ClassVar[int] = 128  # decisions after which an episode is truncated, unless asked otherwise
    waits: ClassVar[bool] = False  # its step makes batched LAPACK calls: see `socialsim.devices.divide`

    @property
    @abc.abstractmethod
    def num_agents(self) -> int: ...

    @property
    @abc.abstractmethod
    def actions(self) -> Actions: ...

    @abc.abstractmethod
    def reset(self, key: Key[Array, ""]) -> State: ...

    @abc.abstractmethod
    def step(self, key: Key[Array, ""], state: State, action: Array) -> State:
        """One decision. Never resets, never rewards."""

    @abc.abstractmethod
    def scene(self, state: State) -> Scene: ...

    @abc.abstractmethod
    def terminated(self, state: State) -> Bool[Array, ""]:
        """True when the task itself is over (running out of time is truncation, not this)."""


class Around(World):
    """A world that changes something about another one: who acts and how is the inner world's."""

    world: Any

    @property
    def num_agents(self) -> int:
        return self.world.num_agents

    @property
    def actions(self) -> Actions:
        return self.world.actions
