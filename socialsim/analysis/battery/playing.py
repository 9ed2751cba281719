"""Playing games for the battery: one round in each of many worlds, some players held to a script."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Key
from numpy.typing import NDArray

from socialsim.agents.bots import Bot
from socialsim.agents.networks import init_hidden
from socialsim.agents.team import Team
from socialsim.core.acts import Act
from socialsim.core.senses import Senses
from socialsim.envs.games.record import Outcome
from socialsim.envs.games.rules import TableState
from socialsim.envs.games.table import Table

FREE = -1  # a player who is not held to a script


@functools.partial(jax.jit, static_argnames=("senses", "steps"))
def _run(world: Table, team: Team | None, bot: Bot | None, state, script, key, *, senses: Senses, steps: int):
    def begin(state):
        if team is None:
            return bot.begin(world.scene(state))  # type: ignore[union-attr]
        return init_hidden(team.config, (world.num_agents,))

    def game(state, memory, script, key):
        act_key, step_key = jax.random.split(key)
        scene = world.scene(state)
        if team is None:
            action, memory = bot(act_key, scene, memory)  # type: ignore[misc]
        else:
            action, out = team.act(act_key, senses(scene), memory)
            memory = out.hidden
        push = jnp.where(state.forward < script, int(Act.ADVANCE), int(Act.RETREAT))
        held = jnp.where(state.forward == script, int(Act.INTERACT), push)
        action = jnp.where(script == FREE, action, held)
        return world.step(step_key, state, action), memory

    def on(carry):
        t, state, _ = carry
        return (t < steps) & ~jax.vmap(world.terminated)(state).all()

    def step(carry):
        t, state, memory = carry
        keys = jax.random.split(jax.random.fold_in(key, t), len(script))
        return (t + 1, *jax.vmap(game)(state, memory, script, keys))

    return jax.lax.while_loop(on, step, (0, state, jax.vmap(begin)(state)))[1]


@functools.partial(jax.jit, static_argnames=("worlds",))
def begin(world: Table, key: Key[Array, ""], *, worlds: int) -> TableState:
    """The first decision of `worlds` games."""
    return jax.vmap(world.reset)(jax.random.split(key, worlds))


def finish(
    world: Table,
    player: Team | Bot,
    state: TableState,
    key: Key[Array, ""],
    *,
    script: Int[Array, "E A"] | None = None,
    senses: Senses | None = None,
) -> TableState:
    """States `[E]` at the end of games that are in states `[E]` now.

    script: units that players are held to put forward before they confirm; `FREE` for those who are free.
    """
    team, bot = (player, None) if isinstance(player, Team) else (None, player)
    shape = state.forward.shape
    held = jnp.full(shape, FREE) if script is None else jnp.broadcast_to(jnp.asarray(script), shape)
    return _run(world, team, bot, state, held, key, senses=senses or Senses(), steps=world.horizon)


@jax.jit
def _outcome(world: Table, state: TableState) -> Outcome:
    return jax.vmap(world.outcome)(state)


def outcome(world: Table, state: TableState) -> dict[str, NDArray]:
    """What was chosen in games `[E]`, by name, first axis E, then rounds."""
    return {k: np.asarray(v) for k, v in vars(_outcome(world, state)).items()}


def first_mover(state: TableState) -> Int[Array, " E"]:
    """Who has role 0 in the round that is on."""
    players = state.forward.shape[-1]
    return (state.first + state.round) % players
