"""Recordings: whole episodes as labelled arrays, with what each team's value heads say of them.

`play` runs episodes (any behaviour, any world); `read` asks a team for its values and activations on what
was observed, which needs no acting and therefore works across worlds; `recording` puts both together.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from flax import struct
from jaxtyping import Array, Bool, Float, Key
from numpy.typing import NDArray

from socialsim import devices
from socialsim.agents.bots import Bot
from socialsim.agents.health import tail
from socialsim.agents.networks import init_hidden
from socialsim.agents.returns import monte_carlo
from socialsim.agents.team import Team
from socialsim.core.errors import CarrierError, OptionError, integer
from socialsim.core.scene import Scene
from socialsim.core.senses import Observation
from socialsim.core.simulation import Simulation, SimulationState

Tree = TypeVar("Tree")


class Episodes(struct.PyTreeNode):
    """One episode in each of `E` worlds, `T` decisions long; row t holds what was there before decision t.

    signals, joint: what followed decision t.  ended: the episode was over before decision t.
    state: of the simulation before decision t, where it was asked for (replays), else None.
    """

    observation: Observation  # leaves [T, E, A, ...]
    scene: Scene  # leaves [T, E, ...]
    action: Array
    signals: Float[Array, "T E A C"]
    joint: Float[Array, "T E A"]
    ended: Bool[Array, "T E"]
    state: SimulationState | None = None

    @property
    def live(self) -> Bool[Array, "T E"]:
        """Moments that are part of the episode, its last decision included: the rest is padding, and no
        figure may count it."""
        return ~self.ended


class TeamPlayer(struct.PyTreeNode):
    """A Team as a behaviour: it acts from its senses, remembering what its networks remember."""

    team: Team

    def begin(self, env: Simulation) -> Array:
        return init_hidden(self.team.config, (env.num_agents,))

    def __call__(self, key, observation: Observation, memory):
        action, out = self.team.act(key, observation, memory)
        return action, out.hidden


def _play(
    env: Simulation, team: Team | None, bot: Bot | None, key, worlds: int, steps: int, states: bool
) -> Episodes:
    def episode(key):
        reset_key, run_key = jax.random.split(key)
        state, timestep = env.reset(reset_key)
        player = None if team is None else TeamPlayer(team)
        scripted: Any = bot  # one of the two is given
        memory = scripted.begin(env.scene(state)) if player is None else player.begin(env)

        def step(carry, key):
            state, memory, observation, ended = carry
            act_key, step_key = jax.random.split(key)
            scene, before = env.scene(state), state
            if player is None:
                action, memory = scripted(act_key, scene, memory)
            else:
                action, memory = player(act_key, observation, memory)
            state, timestep = env.step(step_key, state, action)
            live = ~ended
            kept = Episodes(
                observation=observation,
                scene=scene,
                action=action,
                signals=jnp.where(live, timestep.signals, 0.0),
                joint=jnp.where(live, timestep.joint, 0.0),
                ended=ended,
                state=before if states else None,
            )
            return (state, memory, timestep.observation, ended | timestep.terminated), kept

        carry = (state, memory, timestep.observation, jnp.zeros((), bool))
        return jax.lax.scan(step, carry, jax.random.split(run_key, steps))[1]

    return jax.vmap(episode, out_axes=1)(jax.random.split(key, worlds))


@functools.cache
def _compiled():
    return jax.jit(_play, static_argnames=("worlds", "steps", "states"), compiler_options=devices.in_haste())


def play(
    env: Simulation,
    behaviour: Team | Bot,
    key: Key[Array, ""],
    *,
    worlds: int,
    steps: int | None = None,
    states: bool = False,
) -> Episodes:
    """Play one episode in each of `worlds` worlds, `steps` decisions long (default: the horizon).

    behaviour: a Team or a scripted Bot.  states: keep the simulation's states too.
    """
    steps = env.horizon if steps is None else steps
    team, bot = (behaviour, None) if isinstance(behaviour, Team) else (None, behaviour)
    return _compiled()(env, team, bot, key, worlds, steps, states)


class Reading(struct.PyTreeNode):
    """What a team's critic says of observations: value `[..., A, C]`, activations layer -> `[..., A, H]`."""

    value: Float[Array, "... A C"]
    activations: dict[str, Array]


@jax.jit
def read(team: Team, observation: Observation) -> Reading:
    """Values and activations of `team` on observations with any leading axes.

    A recurrent team is read as it was in play, which takes whole episodes from their start, leaves
    `[T, E, A, ...]`: raises OptionError for single moments, whose past is not known.
    """
    if not team.config.recurrent:
        out = team.forward(observation)
        return Reading(out.value, out.activations)
    lead = observation.self.shape[:-1]
    if len(lead) < 3:
        raise OptionError(
            f"a recurrent team, and observations with leading axes {lead}: its memory is no part of a "
            "moment; allowed: whole episodes [T, E, A, ...], or recurrent=False"
        )
    out = team.unroll(observation, init_hidden(team.config, lead[1:]), jnp.zeros(lead[:-1], bool))
    return Reading(out.value, out.activations)


def read_at(team: Team, observation: Observation, take: Callable[[Array], Array]) -> Reading:
    """`read` of the moments that `take` picks from leaves `[T, E, A, ...]` of whole episodes, which a
    recurrent team reads from their start."""
    if team.config.recurrent:
        return jax.tree.map(take, read(team, observation))
    return read(team, jax.tree.map(take, observation))


def moments(tree: Tree, chosen: NDArray) -> Tree:
    """Leaves `[T, E, ...]` -> `[M, ...]`. chosen: `[M]`, places in the flattened `[T, E]`."""
    return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:])[chosen], tree)


@dataclasses.dataclass(frozen=True)
class Returns:
    """Monte Carlo returns `[T, E, A, C]` of episodes, and where they are known `[T, E]`.

    A return counts as known where at most 5 % of a constant signal's worth lies beyond the record (or in
    the first half of it, should it be too short for that).
    """

    discount: float

    def __call__(self, episodes: Episodes) -> tuple[Array, Array]:
        returns = monte_carlo(episodes.signals, episodes.ended, discount=self.discount)
        steps = len(episodes.ended)
        known = max(steps - tail(self.discount), steps // 2, 1)
        return returns, (jnp.arange(steps) < known)[:, None] & episodes.live


def flat(observation: Observation) -> Array:
    """An Observation as one vector per agent: `[..., A, D]`; sets in their order, masks last."""
    lead = observation.self.shape[:-1]
    parts = (
        observation.self,
        observation.others,
        observation.objects,
        observation.others_mask,
        observation.objects_mask,
    )
    return jnp.concatenate([p.reshape(*lead, -1).astype(jnp.float32) for p in parts], -1)


def recording(
    env: Simulation, episodes: Episodes, team: Team, *, discount: float, every: int = 1
) -> xr.Dataset:
    """A labelled recording of episodes as `team` values them.

    Dims: step, world, agent, channel, feature, unit_<layer>, and those of the scene. `every` keeps each
    n-th step. Where `ended`, the episode was over before the step: no figure should count it.
    Raises CarrierError if the team's value heads are not those of the simulation's signals.
    """
    heads = team.channels[: len(env.channels)]
    if heads != env.channels:
        raise CarrierError(
            f"the team has value heads {team.channels}; this simulation's signals are {env.channels}"
        )
    returns, known = Returns(discount)(episodes)
    kept = jax.tree.map(lambda x: x[::every], episodes)
    reading = read_at(team, episodes.observation, lambda x: x[::every])
    agents = ("step", "world", "agent")
    data = {
        "value": ((*agents, "channel"), reading.value[..., : len(heads)]),
        "signal": ((*agents, "channel"), kept.signals),
        "returns": ((*agents, "channel"), returns[::every]),
        "returns_valid": (("step", "world"), known[::every]),
        "ended": (("step", "world"), kept.ended),
        "observation": ((*agents, "feature"), flat(kept.observation)),
        "act": (agents, kept.scene.act),
        "joint": (agents, kept.joint),
        "action": ((*agents, "motor") if kept.action.ndim == 4 else agents, kept.action),
    }
    for layer, unit in reading.activations.items():
        data[f"activation_{layer}"] = ((*agents, f"unit_{layer}"), unit)
    for name, dims in SCENE_DIMS.items():
        data[f"scene_{name}"] = (("step", "world", *dims), getattr(kept.scene, name))
    steps, worlds = kept.ended.shape
    episode = np.broadcast_to(np.arange(worlds), (steps, worlds))
    arrays = {k: (dims, np.asarray(v)) for k, (dims, v) in data.items()}
    return xr.Dataset(
        {**arrays, "episode": (("step", "world"), episode)},
        coords={"channel": list(heads), "step": np.arange(steps) * every},
        attrs={"world_id": env.id, "discount": discount},
    )


def record(
    env: Simulation,
    team: Team,
    key: Key[Array, ""],
    *,
    worlds: int,
    discount: float,
    steps: int | None = None,
    every: int = 1,
    at_once: int = 64,
) -> Iterator[xr.Dataset]:
    """Recordings of `worlds` episodes, `at_once` at a time: pieces along dim "world" for `stream_recording`.

    Memory is that of one piece, however many there are. Piece i plays from `jax.random.fold_in(key, i)`.
    """
    whole, rest = divmod(integer("worlds", worlds, low=1), integer("at_once", at_once, low=1))
    begin = 0
    for i, size in enumerate([at_once] * whole + [rest] * (rest > 0)):
        episodes = play(env, team, jax.random.fold_in(key, i), worlds=size, steps=steps)
        piece = recording(env, episodes, team, discount=discount, every=every)
        yield piece.assign(episode=piece.episode + begin)
        begin += size


SCENE_DIMS = {
    "position": ("agent", "xy"),
    "velocity": ("agent", "xy"),
    "heading": ("agent", "xy"),
    "gaze": ("agent", "xy"),
    "act": ("agent",),
    "load": ("agent",),
    "strength": ("agent",),
    "clear": ("agent", "ray"),
    "object_position": ("object", "xy"),
    "object_goal": ("object", "xy"),
    "object_features": ("object", "object_feature"),
    "object_present": ("object",),
    "takes_part": ("agent", "object"),
    "sees_agent": ("agent", "seen_agent"),
    "sees_object": ("agent", "object"),
    "joint": ("agent",),
}
"""Dims of each Scene field in a recording, after step and world."""
