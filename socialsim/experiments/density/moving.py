"""What goes on to held-out tasks: the whole team with its head for the sparse reward, the other heads cut."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Key

from socialsim.agents.networks import NetworkConfig
from socialsim.agents.team import Team, new_team
from socialsim.core.simulation import Simulation
from socialsim.experiments.density.schedules import SPARSE


def newcomers(keys: Key[Array, " S"], network: NetworkConfig, env: Simulation) -> Team:
    """Fresh teams with one head, for the sparse reward: leading axis S."""

    def fresh(key):
        return new_team(key, network, env.actions, (SPARSE,), env.num_agents)

    return jax.vmap(fresh)(keys)


def narrowed(teams: Team, fresh: Team) -> Team:
    """Teams (leading axis R) with the head for the sparse reward alone. fresh: one like them, of one head."""
    column = teams.channels.index(SPARSE)

    def moved(state, like):
        old, new = nnx.to_pure_dict(state), nnx.to_pure_dict(like)

        def one(path, a, b):
            # Heads and their scales have a last axis of channels, of which one is kept.
            return a if a.shape[1:] == b.shape[1:] else a[..., column : column + 1]

        pure: Any = jax.tree_util.tree_map_with_path(one, old, new)
        state = jax.tree.map(lambda x: x, like)
        nnx.replace_by_pure_dict(state, pure)
        return state

    return fresh.replace(params=moved(teams.params, fresh.params), stats=moved(teams.stats, fresh.stats))


def stacked(*teams: Team) -> Team:
    """Teams of one kind, one after another along their leading axis."""
    return jax.tree.map(lambda *x: jnp.concatenate(x), *teams)
