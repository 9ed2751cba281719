"""Simulation: a world, its senses and its signals, behind `reset` and `step`.

The whole flow is in `Simulation.step`: state -> Scene -> (Observation, signals). No reward exists
here: what learners receive is a function of signals alone, and the world never sees it.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Int, Key

from socialsim.core.compiling import compiled
from socialsim.core.scene import Scene
from socialsim.core.senses import Observation, Senses
from socialsim.core.signals import Signal, Trace, Window
from socialsim.core.world import Actions, State, World


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
    """

    world: World
    senses: Senses = struct.field(pytree_node=False)
    signals: tuple[Signal, ...] = struct.field(pytree_node=False)
    horizon: int = struct.field(pytree_node=False)
    id: str = struct.field(pytree_node=False, default="")

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
            for field, (length, fill) in self._remembered().items()
        }
        state = SimulationState(
            world=world,
            past=_push(past, scene),
            traces=tuple(s.begin(scene) for s in self.signals),
            time=jnp.zeros((), jnp.int32),
        )
        nothing = jnp.zeros((self.num_agents, len(self.signals)))
        return state, self._timestep(state, scene, nothing)

    @compiled
    def step(
        self, key: Key[Array, ""], state: SimulationState, action: Array
    ) -> tuple[SimulationState, TimeStep]:
        """One decision; never resets (see `AutoReset`). action: `[A]` or `[A, n]`."""
        # Without the barrier XLA's CPU back end computes parts of the step anew for each of their readers.
        world = jax.lax.optimization_barrier(self.world.step(key, state.world, action))
        scene = self.world.scene(world)
        windows = [Window(scene, state.past, trace) for trace in state.traces]
        received = jnp.stack([s(w) for s, w in zip(self.signals, windows, strict=True)], axis=-1)
        state = SimulationState(
            world=world,
            past=_push(state.past, scene),
            traces=tuple(s.update(w) for s, w in zip(self.signals, windows, strict=True)),
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
            joint=scene.joint,
            terminated=terminated,
            truncated=(state.time >= self.horizon) & ~terminated,
        )

    def _remembered(self) -> dict[str, tuple[int, int]]:
        """Field -> (steps to keep, value before the start), the union over all signals."""
        wanted: dict[str, tuple[int, int]] = {}
        for signal in self.signals:
            for field, length in signal.remembers.items():
                before = -1 if field == "act" else 0
                wanted[field] = (max(length, wanted.get(field, (0, 0))[0]), before)
        return wanted


def _push(past: dict[str, Array], scene: Scene) -> dict[str, Array]:
    return {f: jnp.concatenate([getattr(scene, f)[None], p[:-1]]) for f, p in past.items()}


def batch_reset(env: Simulation, key: Key[Array, ""], num_worlds: int) -> tuple[SimulationState, TimeStep]:
    """Reset `num_worlds` worlds from one key: leading axis E on everything."""
    return jax.vmap(env.reset)(jax.random.split(key, num_worlds))
