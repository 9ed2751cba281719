"""Mixed play: each seat of a world taken by an agent of another team, all mixtures in one compiled program.

A *pool* holds behaviours of any kinds (trained teams, scripted ones); a *line* is one mixture: which
members play which *roles*, and which role holds which seat in each episode. All lines play the same
episodes: episode e has the same start and the same randomness in every line, so that lines differ only by
who sits where. A line in which every role is played by one team is that team's plain play
(`analysis.recording.play` with the same key).
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from numpy.typing import NDArray

from socialsim import devices
from socialsim.agents.bots import Bot
from socialsim.agents.networks import init_hidden
from socialsim.agents.team import Team
from socialsim.core.errors import OptionError, integer
from socialsim.core.simulation import Simulation

Behaviour = Team | Bot
Setting = Callable[[Simulation, Array], Simulation]


@dataclasses.dataclass(frozen=True, eq=False)
class Pool:
    """names of the members.  kinds: behaviours of one kind stacked, leaves `[rows, ...]`.  where `[N, 2]`:
    each member's kind, and its row there."""

    names: tuple[str, ...]
    kinds: tuple[Behaviour, ...]
    where: NDArray


def named(members: Mapping[str, Behaviour] | Sequence[Behaviour], prefix: str) -> dict[str, Behaviour]:
    """Members by name; those of a sequence are called `prefix 0`, `prefix 1` and so on."""
    if isinstance(members, Mapping):
        return {str(name): member for name, member in members.items()}
    return {f"{prefix} {i}": member for i, member in enumerate(members)}


def pool(env: Simulation, members: Mapping[str, Behaviour]) -> Pool:
    """Behaviours that can play in `env`. Raises OptionError for one that cannot, CarrierError for a team
    that was trained on another feature table."""
    kinds: dict[object, list[tuple[int, Behaviour]]] = {}
    for number, (name, member) in enumerate(members.items()):
        kinds.setdefault(_kind(env, name, member), []).append((number, member))
    where = np.zeros((len(members), 2), np.int32)
    for kind, found in enumerate(kinds.values()):
        for row, (number, _) in enumerate(found):
            where[number] = kind, row
    return Pool(tuple(members), tuple(_stack([m for _, m in found]) for found in kinds.values()), where)


def _kind(env: Simulation, name: str, member: Behaviour):
    """What members must share to be stacked."""
    if not isinstance(member, Team | Bot):
        raise OptionError(f"{name!r} is a {type(member).__name__}; allowed: a Team or a scripted Bot")
    takes = getattr(member, "actions", env.actions)
    if takes != env.actions:
        raise OptionError(f"{name!r} acts by {takes}; this world, {env.id}, takes {env.actions}")
    shapes = tuple((jnp.shape(x), jnp.result_type(x)) for x in jax.tree.leaves(member))
    if isinstance(member, Team):
        member.check_features()
        own = jax.tree.leaves(member.params)[0].shape[0]
        if member.config.per_agent and own != env.num_agents:
            raise OptionError(
                f"{name!r} has parameters for each of {own} agents; this world has {env.num_agents}: give "
                "it a world of that many, or a team that shares its parameters"
            )
        return (Team, member.config, shapes)
    return (jax.tree.structure(member), shapes)


def _stack(members: list[Behaviour]) -> Behaviour:
    first, *rest = members
    # Teams of several trainings may differ in names of their value heads: these do not act.
    leaves = [jax.tree.leaves(m) for m in (first, *rest)]
    stacked = [jnp.stack([jnp.asarray(x) for x in column]) for column in zip(*leaves, strict=True)]
    return jax.tree.unflatten(jax.tree.structure(first), stacked)


def play_lines(
    env: Simulation,
    pool: Pool,
    cast: NDArray,
    seats: NDArray,
    key: Array,
    *,
    steps: int | None = None,
    setting: Setting | None = None,
    values: NDArray | None = None,
) -> Float[np.ndarray, "L E T A"]:
    """Each agent's share in joint successes, in every line, episode and decision.

    cast : `[L, R]`, the member of the pool that plays each role.
    seats : `[L, E, A]`, the role that holds each seat.
    setting, values : `setting(env, values[line])` is the world of a line; by default all play in `env`.

    Roles of one line get the same random numbers, but no two agents do: each agent uses its own.
    """
    steps = env.horizon if steps is None else integer("steps", steps, low=1)
    where = pool.where[cast]
    played = tuple(tuple(sorted({int(k) for k in where[:, r, 0]})) for r in range(cast.shape[1]))
    given = np.zeros(len(cast), np.int32) if values is None else values
    joint = _compiled()(env, pool.kinds, where, seats, given, key, steps, played, setting)
    return np.asarray(joint)


@functools.cache
def _compiled():
    static = ("steps", "played", "setting")
    return jax.jit(_lines, static_argnames=static, compiler_options=devices.in_haste())


def _lines(env, kinds, where, seats, values, key, steps: int, played, setting):
    keys = jax.random.split(key, seats.shape[1])

    def line(where, seats, value):
        world = env if setting is None else setting(env, value)
        players = [
            {k: jax.tree.map(lambda x, row=row: x[row], kinds[k]) for k in mine}
            for row, mine in zip(where[:, 1], played, strict=True)
        ]
        one = functools.partial(_episode, world, players, where[:, 0], steps)
        return jax.vmap(one)(keys, seats)

    return jax.vmap(line)(where, seats, values)


def _episode(env: Simulation, players, kind: Int[Array, " R"], steps: int, key, seat: Int[Array, " A"]):
    """One episode with roles that each have a player of every kind they may be of; shares `[T, A]`."""
    reset_key, run_key = jax.random.split(key)
    state, timestep = env.reset(reset_key)
    scene = env.scene(state)
    memories = [{k: _begin(env, p, scene) for k, p in mine.items()} for mine in players]

    def step(carry, key):
        state, memories, observation, ended = carry
        act_key, step_key = jax.random.split(key)
        scene = env.scene(state)
        after, actions = [], []
        for role, (mine, memory) in enumerate(zip(players, memories, strict=True)):
            done = {k: _act(env, p, act_key, scene, observation, memory[k]) for k, p in mine.items()}
            after.append({k: m for k, (_, m) in done.items()})
            actions.append(_pick([a for a, _ in done.values()], [kind[role] == k for k in done]))
        here = [(seat == role).reshape(-1, *[1] * (a.ndim - 1)) for role, a in enumerate(actions)]
        action = _pick(actions, here)
        state, timestep = env.step(step_key, state, action)
        joint = jnp.where(ended, 0.0, timestep.joint)
        return (state, after, timestep.observation, ended | timestep.terminated), joint

    carry = (state, memories, timestep.observation, jnp.zeros((), bool))
    return jax.lax.scan(step, carry, jax.random.split(run_key, steps))[1]


def _pick(options: list[Array], flags: list[Array]) -> Array:
    """The option whose flag is set, elementwise; the first where none is."""
    found = options[0]
    for option, flag in zip(options[1:], flags[1:], strict=True):
        found = jnp.where(flag, option, found)
    return found


def _begin(env: Simulation, player: Behaviour, scene):
    return init_hidden(player.config, (env.num_agents,)) if isinstance(player, Team) else player.begin(scene)


def _act(env: Simulation, player: Behaviour, key, scene, observation, memory):
    """What all agents would do if they all were this player's, and what it remembers of it."""
    if isinstance(player, Team):
        action, out = player.act(key, observation, memory)
        memory = out.hidden
    else:
        action, memory = player(key, scene, memory)
    size = env.actions.size
    wanted = (env.num_agents, size) if size else (env.num_agents,)
    if action.shape != wanted:
        raise OptionError(
            f"a {type(player).__name__} acts by {action.shape}; this world, {env.id}, takes {wanted}"
        )
    return action, memory
