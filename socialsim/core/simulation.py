"""Simulation: a world, its senses and its signals, behind `reset` and `step`.

The whole flow is in `Simulation.step`: state -> Scene -> (Observation, signals). No reward exists
here: what learners receive is a function of signals alone, and the world never sees it.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Int, Key

from socialsim.core import channels, errors
from socialsim.core.compiling import compiled
from socialsim.core.fusing import made_once
from socialsim.core.scene import Scene
from socialsim.core.senses import Observation, Senses
from socialsim.core.signals import Signal, Trace, Window
from socialsim.core.world import Actions, State, World

T = TypeVar("T")

MOST_STEPS = 2**31 - 1  # what an int32 counts


class SimulationState(struct.PyTreeNode):
    """World state, what signals remember, and decisions since reset."""

    world: State
    past: dict[str, Array]
    traces: tuple[Trace, ...]
    time: Int[Array, ""]


class TimeStep(struct.PyTreeNode):
    """What one step gives. `A` agents, `C` signals in the order of `Simulation.channels`.

    `observation` is what to act on next. Under `AutoReset` it belongs to the new episode where one began,
    and `final_observation` is the last of the old one; elsewhere the two are the same.
    """

    observation: Observation
    final_observation: Observation
    signals: Float[Array, "A C"]
    joint: Float[Array, " A"]  # for the experimenter's team metric; never given to a learner
    terminated: Bool[Array, ""]
    truncated: Bool[Array, ""]

    @property
    def done(self) -> Bool[Array, "..."]:  # a batch's TimeStep has leading axes
        return self.terminated | self.truncated


class Simulation(struct.PyTreeNode):
    """A world seen through senses and judged by signals; made by `socialsim.make`.

    `reset`, `step` and `scene` are pure and compiled at their first call; they can be jitted and vmapped. The
    world's numeric parameters are leaves, so `jax.vmap` over a stacked Simulation runs many different tasks
    in one compiled step.

    Made by hand it takes names for signals too. Raises OptionError for signals, senses or a horizon that
    cannot be; a signal that gives no number per agent raises it at the first step.
    """

    world: World
    senses: Senses = struct.field(pytree_node=False)
    signals: tuple[Signal, ...] = struct.field(pytree_node=False)
    horizon: int = struct.field(pytree_node=False)
    id: str = struct.field(pytree_node=False, default="")

    def __post_init__(self):
        senses: Any = self.senses
        if not isinstance(senses, Senses):
            allowed = "Senses(), Senses('float32') or Senses('bfloat16')"
            raise errors.OptionError(f"senses={senses!r}; allowed: {allowed}")
        object.__setattr__(self, "signals", channels.chosen(self.signals))
        object.__setattr__(self, "horizon", errors.integer("horizon", self.horizon, low=1, high=MOST_STEPS))

    @property
    def num_agents(self) -> int:
        return self.world.num_agents

    @property
    def actions(self) -> Actions:
        return self.world.actions

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the signals, in the order of the last axis of `TimeStep.signals`."""
        return tuple(s.name for s in self.signals)

    @compiled
    def reset(self, key: Key[Array, ""]) -> tuple[SimulationState, TimeStep]:
        """Begin an episode: its state, and a TimeStep to act on whose signals are all zero."""
        world = self.world.reset(key)
        scene = self.world.scene(world)
        past = {
            field: jnp.full((length, *getattr(scene, field).shape), fill, getattr(scene, field).dtype)
            for field, (length, fill) in channels.remembered(self.signals).items()
        }
        state = SimulationState(
            world=world,
            past=_push(past, scene),
            traces=tuple(s.begin(scene) for s in self.signals),
            time=jnp.zeros((), jnp.int32),
        )
        nothing = jnp.zeros((self.num_agents, len(self.signals)), jnp.float32)
        return state, self._timestep(state, scene, nothing)

    @compiled
    def step(
        self, key: Key[Array, ""], state: SimulationState, action: Array
    ) -> tuple[SimulationState, TimeStep]:
        """One decision; never resets (see `AutoReset`). action: `[A]` or `[A, n]`."""
        world = made_once(_like(state.world, self.world.step(key, state.world, action)))
        scene = self.world.scene(world)
        windows = [Window(scene, state.past, trace) for trace in state.traces]
        judged = list(zip(self.signals, windows, strict=True))
        received = jnp.stack([channels.received(s, w) for s, w in judged], axis=-1)
        state = SimulationState(
            world=world,
            past=_push(state.past, scene),
            traces=_like(state.traces, tuple(s.update(w) for s, w in judged)),
            time=state.time + 1,
        )
        return state, self._timestep(state, scene, received)

    @compiled
    def scene(self, state: SimulationState) -> Scene:
        """What is there and who sees what, before any senses."""
        return self.world.scene(state.world)

    def _timestep(self, state: SimulationState, scene: Scene, received: Float[Array, "A C"]) -> TimeStep:
        observation = self.senses(scene)
        terminated = self.world.terminated(state.world)
        return TimeStep(
            observation=observation,
            final_observation=observation,
            signals=received,
            joint=scene.joint.astype(jnp.float32),
            terminated=terminated,
            truncated=(state.time >= self.horizon) & ~terminated,
        )


def _push(past: dict[str, Array], scene: Scene) -> dict[str, Array]:
    return {f: jnp.concatenate([getattr(scene, f)[None].astype(p.dtype), p[:-1]]) for f, p in past.items()}


def _like(old: T, new: T) -> T:
    """`new` in the dtypes of `old`: with JAX_ENABLE_X64 arithmetic may widen what a reset began."""
    if jax.tree.structure(old) != jax.tree.structure(new):
        return new

    def cast(old: Array, new: Array) -> Array:
        return new if getattr(new, "dtype", old.dtype) == old.dtype else new.astype(old.dtype)

    return jax.tree.map(cast, old, new)
