"""The one rollout: a team acts in a batch of worlds and everything a learner needs is kept."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Key

from socialsim.agents.networks import init_hidden, reset_hidden
from socialsim.agents.team import Team
from socialsim.core.autoreset import AutoReset, Pool
from socialsim.core.senses import Observation
from socialsim.core.simulation import Simulation, SimulationState


class Actors(struct.PyTreeNode):
    """Where a batch of worlds stands between two rollouts."""

    state: SimulationState
    observation: Observation
    hidden: Array
    start: Bool[Array, " E"]  # the next step is an episode's first


class Trajectory(struct.PyTreeNode):
    """`T` steps of `E` worlds of `A` agents. Row t: what was sensed, done, and received for it.

    at_end: what `at_end(final_observation)` gave where an episode ended, zero elsewhere.
    after: the state of the world that a row led to, where asked for; where done, of the next episode.
    """

    observation: Observation  # leaves [T, E, A, ...]
    start: Bool[Array, "T E"]
    action: Array  # [T, E, A] or [T, E, A, n]
    log_prob: Float[Array, "T E A"]
    value: Float[Array, "T E A C"]
    signals: Float[Array, "T E A C"]
    joint: Float[Array, "T E A"]
    terminated: Bool[Array, "T E"]
    done: Bool[Array, "T E"]
    at_end: Any
    after: Any = None


@jax.custom_batching.custom_vmap
def anywhere(done: Bool[Array, "..."]) -> Bool[Array, ""]:
    """Whether any is true, in all runs that are mapped over: `lax.cond` on it stays a branch under `vmap`,
    where one for each run would become a select, and both branches be taken."""
    return done.any()


@anywhere.def_vmap
def _(axis_size: int, batched: list[bool], done: Array) -> tuple[Array, bool]:
    return anywhere(done), False


def start(team: Team, worlds: AutoReset, fresh: Pool, steps: int, alike: int = 1) -> Actors:
    """Begin in fresh worlds, one for each, their clocks spread over the horizon in strides of `steps`.

    Each rollout of `steps` then sees every phase of an episode, while episodes end only between rollouts.
    alike: so many worlds in a row have one phase; then every `alike`-th world sees every phase as well.
    """
    phases = max(worlds.env.horizon // steps, 1)
    phase = jnp.arange(worlds.num_worlds, dtype=jnp.int32) // alike % phases
    state = fresh.state.replace(time=steps * phase)
    return _begin(team, worlds, state, fresh.timestep.observation)


def _begin(team: Team, worlds: AutoReset, state: SimulationState, observation: Observation) -> Actors:
    batch = (worlds.num_worlds, worlds.env.num_agents)
    first = jnp.ones(worlds.num_worlds, bool)
    return Actors(state, observation, init_hidden(team.config, batch), first)


def episodes(
    team: Team, env: Simulation, key: Key[Array, ""], worlds: int, fresh: Pool | None = None
) -> Trajectory:
    """A horizon of steps in each of `worlds` fresh worlds, nothing learned. One that ends early begins as
    another of them began. fresh: the worlds, where they were made already."""
    batch = AutoReset(env, worlds, pool_size=worlds)
    start_key, run_key = jax.random.split(key)
    pool = batch.pool(start_key) if fresh is None else fresh
    actors = _begin(team, batch, pool.state, pool.timestep.observation)
    return rollout(team, batch, pool, actors, run_key, env.horizon, lambda obs, hidden: ())[1]


def rollout(
    team: Team,
    worlds: AutoReset,
    pool: Pool,
    actors: Actors,
    key: Key[Array, ""],
    steps: int,
    at_end: Callable[[Observation, Array], Any],
    *,
    states: bool = False,
) -> tuple[Actors, Trajectory]:
    """Act for `steps` decisions. `at_end(observation, hidden)` is evaluated only when some episode ends.

    states: keep the states of the worlds (`Trajectory.after`)."""

    def step(actors: Actors, keys):
        act_key, step_key = keys
        hidden = reset_hidden(actors.hidden, actors.start)
        action, out = team.act(act_key, actors.observation, hidden)
        state, timestep = worlds.step(step_key, pool, actors.state, action)
        done = timestep.done
        shape = jax.eval_shape(at_end, timestep.final_observation, out.hidden)
        last = jax.lax.cond(
            anywhere(done),
            at_end,
            lambda *_: jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shape),
            timestep.final_observation,
            out.hidden,
        )
        kept = Trajectory(
            observation=actors.observation,
            start=actors.start,
            action=action,
            log_prob=out.policy.log_prob(action),
            value=out.value,
            signals=timestep.signals,
            joint=timestep.joint,
            terminated=timestep.terminated,
            done=done,
            at_end=last,
            after=state.world if states else None,
        )
        return Actors(state, timestep.observation, out.hidden, done), kept

    return jax.lax.scan(step, actors, jax.random.split(key, (steps, 2)))
