"""The PettingZoo door: every world as a ParallelEnv and as an AEC environment, through one class.

    from socialsim.envs import rendezvous_v0
    env = rendezvous_v0.parallel_env(num_agents=3, drives={"attention": 0.1, "coordination": 1.0})

Importing this module (every door module does) also registers all worlds with PettingZoo's own registry, your
own too, whenever they come: `pettingzoo.make("parallel", "socialsim/rendezvous-v0")`. PettingZoo has no
plug-in mechanism that could do so without an import.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pettingzoo
from pettingzoo.utils.conversions import parallel_to_aec_wrapper
from pettingzoo.utils.wrappers import OrderEnforcingWrapper

from socialsim.core import errors
from socialsim.core.drives import Drives, drive_matrix
from socialsim.core.registry import make, tell_of_worlds
from socialsim.core.simulation import MOST_STEPS, Simulation, TimeStep
from socialsim.envs.pettingzoo_actions import check_action
from socialsim.envs.pettingzoo_spaces import OBSERVATIONS, action_space

NAMESPACE = "socialsim"
RENDER_MODES = ("human", "rgb_array")
MAX_SEED = 2**32 - 1

_split = jax.jit(jax.random.split)


class SocialParallelEnv(pettingzoo.ParallelEnv):
    """Any simulation as a PettingZoo ParallelEnv.

    Agents are `agent_0` .. `agent_{A-1}`; all of them act until the episode ends for all at once.

    rewards : `sum_c drives[i, c] * signals[i, c]`. No world has a reward of its own.
    infos : `infos[agent]["signals"]`, channel -> float, before drives; `infos[agent]["team_metric"]`, the
        mean over agents of their shares in joint successes of this step (joint events per agent-step). It
        is the experimenter's measure, the same for all agents, and must not be learned from.
    observations : see `socialsim.envs.pettingzoo_spaces`.
    state() : the flat observations of all agents in a row, `[A * D]`.

    Keys: `reset(seed=s)` begins with `key = jax.random.key(s)`; every reset and every step then does
    `key, sub = jax.random.split(key)` and spends `sub`. A reset without a seed goes on from the current
    key. So `env.simulation.reset(sub)` and `env.simulation.step(sub, state, action)` replay an episode in
    JAX to the bit.

    Parameters
    ----------
    simulation : made by `socialsim.make`.
    render_mode : None, "human", "rgb_array"; also "rgb_array_3d" in worlds that have a three-dimensional
        view (MuJoCo's renderer, which needs OpenGL).
    drives : channel -> weight, an array `[A, C]`, or None for `socialsim.core.drives.DEFAULT_DRIVES`.
    observation : "flat" (Box) or "sets" (Dict).
    render_size : height of the picture in pixels.
    """

    def __init__(
        self,
        simulation: Simulation,
        *,
        render_mode: str | None = None,
        drives: Drives = None,
        observation: str = "flat",
        render_size: int = 480,
    ):
        has_3d = hasattr(simulation.world, "render_3d")
        modes = [*RENDER_MODES, "rgb_array_3d"] if has_3d else list(RENDER_MODES)
        self.metadata = {
            "name": simulation.id.replace("-", "_"),
            "render_modes": modes,
            "render_fps": 8,
            "is_parallelizable": True,
        }
        self.render_mode = None if render_mode is None else errors.choose("render_mode", render_mode, modes)
        self.render_size = errors.integer("render_size", render_size, low=64, high=4096)
        self.simulation = simulation
        self.drives = drive_matrix(drives, simulation.channels, simulation.num_agents)
        self.possible_agents = [f"agent_{i}" for i in range(simulation.num_agents)]
        self.agents: list[str] = []
        self._reader = OBSERVATIONS[errors.choose("observation", observation, OBSERVATIONS)](simulation)
        self._flat = OBSERVATIONS["flat"](simulation)
        self._action_space = {a: action_space(simulation) for a in self.possible_agents}
        self._observation_space = {a: self._reader.space() for a in self.possible_agents}
        self.state_space = self._flat.space(simulation.num_agents)
        self._key: jax.Array | None = None
        self._state: Any = None  # a SimulationState from the first reset on
        self._timestep: TimeStep | None = None
        self._screen: Any = None

    @property
    def max_cycles(self) -> int:
        """Decisions until truncation. May be set; nothing is compiled anew."""
        return self.simulation.horizon

    @max_cycles.setter
    def max_cycles(self, value: int) -> None:
        steps = errors.integer("max_cycles", value, low=1, high=MOST_STEPS)
        self.simulation = self.simulation.replace(horizon=steps)

    def observation_space(self, agent: str) -> gymnasium.spaces.Space:
        return self._observation_space[agent]

    def action_space(self, agent: str) -> gymnasium.spaces.Space:
        return self._action_space[agent]

    def reset(self, seed: int | None = None, options: dict | None = None):
        """Start an episode. seed: 0 to 2**32 - 1. options: none are used.

        Returns observations and infos, by agent.
        """
        if seed is not None:
            self._key = jax.random.key(errors.integer("seed", seed, low=0, high=MAX_SEED))
        elif self._key is None:
            self._key = jax.random.key(int(np.random.SeedSequence().generate_state(1)[0]))
        self._state, self._timestep = self._compiled.reset(self._next_key())
        self.agents = list(self.possible_agents)
        return self._observations(), self._infos()

    def step(self, actions: Any):
        """One decision of all agents. actions: agent -> action.

        Returns observations, rewards, terminations, truncations and infos, by agent.

        Raises
        ------
        ActionError : an action is missing, or of wrong shape, type or range; or the episode is over.
        """
        if not self.agents:
            if actions:
                raise errors.ActionError("the episode is over or has not begun: call reset() before step()")
            return {}, {}, {}, {}, {}
        action: Any = self._joint_action(actions)
        state, timestep = self._compiled.step(self._next_key(), self._state, action)
        self._state, self._timestep = state, timestep
        terminated = bool(timestep.terminated)
        truncated = not terminated and int(state.time) >= self.max_cycles
        rewards = (self.drives * np.asarray(timestep.signals)).sum(-1)
        result = (
            self._observations(),
            {a: float(r) for a, r in zip(self.agents, rewards, strict=True)},
            dict.fromkeys(self.agents, terminated),
            dict.fromkeys(self.agents, truncated),
            self._infos(),
        )
        if terminated or truncated:
            self.agents = []
        return result

    def state(self) -> np.ndarray:
        return np.concatenate(self._flat(self._last().observation))

    def render(self):
        """The current state as `[H, W, 3]` uint8; in mode "human" a window, and None is returned.

        Without a display, "human" draws off screen and warns once.
        """
        if self.render_mode is None:
            gymnasium.logger.warn("render() without a render_mode: give one when the environment is made")
            return None
        timestep = self._last()
        from socialsim.envs import render  # matplotlib is loaded by those who look, not by those who train

        if self._screen is None:
            self._screen = render.Screen(self.simulation, mode=self.render_mode, size=self.render_size)
        return self._screen.show(self._state, timestep.signals)

    def close(self) -> None:
        if self._screen is not None:
            self._screen.close()
            self._screen = None

    @property
    def _compiled(self) -> Simulation:
        # Horizon and id are static and change no arithmetic; without them, one compilation serves all
        # horizons and all worlds of one engine. The horizon is applied in `step`.
        return self.simulation.replace(horizon=MOST_STEPS, id="")

    def _next_key(self):
        self._key, sub = _split(self._key)
        return sub

    def _last(self) -> TimeStep:
        if self._timestep is None:
            raise errors.ActionError("the episode has not begun: call reset() first")
        return self._timestep

    def _joint_action(self, actions: Any) -> np.ndarray:
        if not isinstance(actions, Mapping):
            given = type(actions).__name__
            raise errors.ActionError(f"actions is a {given}; allowed: a dict with one action per agent")
        missing = [a for a in self.agents if a not in actions]
        if missing:
            raise errors.ActionError(
                f"no action for {', '.join(missing)}; every agent needs one at each step"
            )
        unknown = [str(a) for a in actions if a not in self.agents]
        if unknown:
            known = f"{self.agents[0]} to {self.agents[-1]}"
            raise errors.ActionError(f"action for unknown agent {', '.join(unknown)}; the agents are {known}")
        kind = self.simulation.actions
        return np.stack([check_action(kind, a, actions[a]) for a in self.agents])

    def _observations(self) -> dict[str, Any]:
        return dict(zip(self.agents, self._reader(self._last().observation), strict=True))

    def _infos(self) -> dict[str, dict[str, Any]]:
        timestep = self._last()
        channels = self.simulation.channels
        team = float(np.mean(timestep.joint))
        return {
            agent: {"signals": dict(zip(channels, row, strict=True)), "team_metric": team}
            for agent, row in zip(self.agents, np.asarray(timestep.signals).tolist(), strict=True)
        }

    def __getstate__(self) -> dict[str, Any]:
        kept = {**self.__dict__, "_screen": None}  # windows stay where they are
        return {**kept, **{f: _pack(kept[f]) for f in ("_key", "_state")}}

    def __setstate__(self, kept: dict[str, Any]) -> None:
        self.__dict__.update({**kept, **{f: _unpack(kept[f]) for f in ("_key", "_state")}})


class _PackedKey(NamedTuple):
    data: np.ndarray
    impl: str


def _pack(tree):
    """A copy without typed keys, which do not pickle."""

    def pack(leaf):
        if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            return _PackedKey(np.asarray(jax.random.key_data(leaf)), str(jax.random.key_impl(leaf)))
        return leaf

    return jax.tree.map(pack, tree)


def _unpack(tree):
    def unpack(leaf):
        return (
            jax.random.wrap_key_data(jnp.asarray(leaf.data), impl=leaf.impl)
            if isinstance(leaf, _PackedKey)
            else leaf
        )

    return jax.tree.map(unpack, tree, is_leaf=lambda leaf: isinstance(leaf, _PackedKey))


class SocialTurns(parallel_to_aec_wrapper):
    """The AEC view: agents are asked in turn, the world moves when the last has answered.

    A bad action raises ActionError at the agent that gave it, not at the end of the cycle.
    """

    env: SocialParallelEnv

    def step(self, action) -> None:
        agent = self.agent_selection
        if not (self.terminations[agent] or self.truncations[agent]):
            check_action(self.env.simulation.actions, agent, action)
        super().step(action)


class Door(NamedTuple):
    """The three constructors that a PettingZoo module exports."""

    parallel_env: Callable[..., SocialParallelEnv]
    env: Callable[..., OrderEnforcingWrapper]
    raw_env: Callable[..., SocialTurns]


def door(id: str) -> Door:
    """Constructors of world `id`; all take the same keyword options.

    render_mode, drives, observation, render_size : see `SocialParallelEnv`.
    max_cycles (or horizon) : decisions until truncation; defaults to the world's own.
    signals, senses, **options : as for `socialsim.make`.
    """

    def parallel_env(
        render_mode: str | None = None,
        *,
        drives: Drives = None,
        observation: str = "flat",
        max_cycles: int | None = None,
        horizon: int | None = None,
        render_size: int = 480,
        **options,
    ) -> SocialParallelEnv:
        if max_cycles is not None and horizon is not None and max_cycles != horizon:
            raise errors.OptionError(f"max_cycles={max_cycles} and horizon={horizon}: two names of one thing")
        simulation = make(id, horizon=horizon if max_cycles is None else max_cycles, **options)
        view = {"render_mode": render_mode, "observation": observation, "render_size": render_size}
        return SocialParallelEnv(simulation, drives=drives, **view)

    def raw_env(render_mode: str | None = None, **options) -> SocialTurns:
        return SocialTurns(parallel_env(render_mode, **options))

    def env(render_mode: str | None = None, **options) -> OrderEnforcingWrapper:
        return OrderEnforcingWrapper(raw_env(render_mode, **options))

    parallel_env.__doc__ = f"{id} as a PettingZoo ParallelEnv. Options: see `socialsim.envs.pettingzoo.door`."
    env.__doc__ = f"{id} as a PettingZoo AEC environment that enforces the order of calls."
    raw_env.__doc__ = f"{id} as a PettingZoo AEC environment without wrappers."
    return Door(parallel_env, env, raw_env)


def register_world(id: str) -> None:
    """Put a world into PettingZoo's registries, as `socialsim/<id>`; safe to call again."""
    name, constructors = f"{NAMESPACE}/{id}", door(id)
    if name not in pettingzoo.parallel_registry:
        pettingzoo.register("parallel", name, constructors.parallel_env)
    if name not in pettingzoo.aec_registry:
        pettingzoo.register("aec", name, constructors.env)


tell_of_worlds(register_world)
