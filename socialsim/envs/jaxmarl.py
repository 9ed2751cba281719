"""The JaxMARL door: any world with the interface of JaxMARL's multi-agent environments.

    from socialsim.envs.jaxmarl import JaxMARLEnv
    env = JaxMARLEnv("rendezvous-v0", num_agents=4)
    observations, state = env.reset(key)
    observations, state, rewards, dones, infos = env.step(key, state, actions)

JaxMARL is no dependency: the interface is a set of methods, and its wrappers and learners ask for no more.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from socialsim.core.drives import Drives, drive_matrix
from socialsim.core.senses import Observation
from socialsim.core.simulation import Simulation, SimulationState, TimeStep
from socialsim.core.world import World
from socialsim.envs.jaxmarl_spaces import space_classes
from socialsim.envs.pettingzoo_spaces import Flat
from socialsim.envs.vector import simulation_of


class JaxMARLEnv:
    """Any simulation as a JaxMARL environment: pure functions over dicts with one entry per agent.

    Agents are `agent_0` .. `agent_{A-1}`; keys may be typed (`jax.random.key`) or raw (`PRNGKey`).

    - observations : agent -> `[D]` float32, the flat form of `socialsim.envs.pettingzoo_spaces`.
    - state : `SimulationState` of one world.
    - rewards : agent -> `sum_c drives[i, c] * signals[i, c]`. No world has a reward of its own.
    - dones : agent -> done, and `"__all__"`. JaxMARL does not tell running out of time from the end of the
      task; `infos["truncated"]` does.
    - infos : every leaf is `[A]`, as JaxMARL's learners need: `infos["signals"][channel]` before drives;
      `infos["team_metric"]`, the mean share in joint successes of this step, which is the experimenter's
      and must not be learned from; `infos["truncated"]`.
    - actions : agent -> an integer `[]` or `[1]`, or `[n]` motor commands. Inside jit nothing can be refused,
      so what lies out of range is clipped to it.

    Parameters
    ----------
    world : a world id, a simulation made by `socialsim.make`, or a World.
    drives : channel -> weight, an array `[A, C]`, or None for `socialsim.core.drives.DEFAULT_DRIVES`.
    **options : as for `socialsim.make`, if `world` is no simulation yet.
    """

    def __init__(self, world: str | Simulation | World, *, drives: Drives = None, **options):
        self.simulation = simulation_of(world, options)
        self.num_agents = self.simulation.num_agents
        self.agents = [f"agent_{i}" for i in range(self.num_agents)]
        self.drives = drive_matrix(drives, self.simulation.channels, self.num_agents)
        discrete, box = space_classes()
        kind, flat = self.simulation.actions, Flat(self.simulation).space()
        action = box(-1.0, 1.0, (kind.size,)) if kind.continuous else discrete(kind.choices)
        observation = box(jnp.asarray(flat.low), jnp.asarray(flat.high), flat.shape)
        self.action_spaces = dict.fromkeys(self.agents, action)
        self.observation_spaces = dict.fromkeys(self.agents, observation)

    @property
    def name(self) -> str:
        return self.simulation.id

    @property
    def agent_classes(self) -> dict[str, list[str]]:
        """One class: all agents have the same spaces."""
        return {"agent": list(self.agents)}

    def observation_space(self, agent: str) -> Any:
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> Any:
        return self.action_spaces[agent]

    def reset(self, key: jax.Array) -> tuple[dict[str, jax.Array], SimulationState]:
        state, timestep = self.simulation.reset(_typed(key))
        return self._by_agent(_rows(timestep.observation)), state

    def step(
        self,
        key: jax.Array,
        state: SimulationState,
        actions: Mapping[str, jax.Array],
        reset_state: SimulationState | None = None,
    ):
        """One decision; where the episode ends, state and observations begin the next.

        That is JaxMARL's contract: one world alone, so under `vmap` every step also computes a reset. Where
        speed matters, use `socialsim.AutoReset`, or give `reset_state`, the state to begin from.
        """
        key, reset_key = jax.random.split(_typed(key))
        observations, ended, rewards, dones, infos = self.step_env(key, state, actions)
        if reset_state is None:
            fresh_observations, fresh = self.reset(reset_key)
        else:
            fresh_observations, fresh = self.get_obs(reset_state), reset_state
        done = dones["__all__"]
        state, observations = jax.tree.map(
            lambda new, old: jnp.where(done, new, old),
            (fresh, fresh_observations),
            (ended, observations),
        )
        return observations, state, rewards, dones, infos

    def step_env(self, key: jax.Array, state: SimulationState, actions: Mapping[str, jax.Array]):
        """One decision without a reset: observations, state, rewards, dones, infos."""
        kind = self.simulation.actions
        tail = (kind.size,) if kind.continuous else ()
        action = jnp.stack([jnp.asarray(actions[a]).reshape(tail) for a in self.agents])
        action = jnp.clip(action, -1.0, 1.0) if kind.continuous else jnp.clip(action, 0, kind.choices - 1)
        state, timestep = self.simulation.step(_typed(key), state, action)
        rewards = self._by_agent((jnp.asarray(self.drives) * timestep.signals).sum(-1))
        dones = {**dict.fromkeys(self.agents, timestep.done), "__all__": timestep.done}
        return self._by_agent(_rows(timestep.observation)), state, rewards, dones, self._infos(timestep)

    def get_obs(self, state: SimulationState) -> dict[str, jax.Array]:
        return self._by_agent(_rows(self.simulation.senses(self.simulation.scene(state))))

    def get_avail_actions(self, state: SimulationState) -> dict[str, jax.Array]:
        """Every action is allowed at all times: agent -> True for each."""
        kind = self.simulation.actions
        return dict.fromkeys(self.agents, jnp.ones(kind.size if kind.continuous else kind.choices, bool))

    def _infos(self, timestep: TimeStep) -> dict[str, Any]:
        signals = {c: timestep.signals[:, i] for i, c in enumerate(self.simulation.channels)}
        everyone = (self.num_agents,)
        return {
            "signals": signals,
            "team_metric": jnp.broadcast_to(timestep.joint.mean(), everyone),
            "truncated": jnp.broadcast_to(timestep.truncated, everyone),
        }

    def _by_agent(self, rows: jax.Array) -> dict[str, jax.Array]:
        return {a: rows[i] for i, a in enumerate(self.agents)}


def _rows(observation: Observation) -> jax.Array:
    return Flat.rows(observation, jnp)


def _typed(key: jax.Array) -> jax.Array:
    """Raw keys (uint32 `[2]`), which JaxMARL uses, as typed ones."""
    typed = jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    return key if typed else jax.random.wrap_key_data(key)
