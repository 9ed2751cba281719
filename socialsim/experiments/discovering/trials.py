"""Trials: whole episodes of trained teams, without learning; and teams made ready to learn on elsewhere."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx, struct
from jax.sharding import PartitionSpec
from jaxtyping import Array, Float, Key

from socialsim import devices
from socialsim.agents.rollout import episodes
from socialsim.agents.team import Team, new_team
from socialsim.core.fusing import on_cpu
from socialsim.core.senses import OBJECT_SENSE_FEATURES
from socialsim.core.simulation import Simulation
from socialsim.experiments.discovering.asking import ASK

_POINTED = OBJECT_SENSE_FEATURES.index("resource")


class Trial(struct.PyTreeNode):
    """joint: joint events per agent-step.  progress: the same by decision.  asked: share of decisions that
    ask, by decision.  asked_again, asked_unseen: that share where an answer is in sight, and where none
    is."""

    joint: Float[Array, ""]
    progress: Float[Array, " T"]
    asked: Float[Array, " T"]
    asked_again: Float[Array, ""]
    asked_unseen: Float[Array, ""]


def trial(team: Team, env: Simulation, key: Key[Array, ""], worlds: int) -> Trial:
    """One episode in each of `worlds` worlds."""
    path = episodes(team, env, key, worlds)
    asks = (path.action == ASK).astype(jnp.float32)
    seen = (path.observation.objects_mask & (path.observation.objects[..., _POINTED] > 0)).any(-1)

    def share(where):
        return (asks * where).sum() / jnp.maximum(where.sum(), 1)

    by_time = (1, 2)
    return Trial(path.joint.mean(), path.joint.mean(by_time), asks.mean(by_time), share(seen), share(~seen))


def trials(teams: Team, envs: Simulation, keys: Key[Array, " N"], worlds: int) -> Trial:
    """`trial` of N teams in N environments (leading axes N), spread over the devices: NumPy leaves `[N,
    ...]`."""
    mesh = devices.mesh(devices.divide(len(keys)))
    spec = PartitionSpec(devices.AXIS)

    def local(*args):
        one = lambda team, env, key: trial(team, env, key, worlds)  # noqa: E731
        if on_cpu():
            return jax.lax.map(lambda xs: one(*xs), args)
        return jax.vmap(one)(*args)

    run = jax.jit(jax.shard_map(local, mesh=mesh, in_specs=spec, out_specs=spec, check_vma=False))
    return jax.tree.map(np.asarray, run(*(devices.shard_leading(x, mesh) for x in (teams, envs, keys))))


def only(teams: Team, channels: tuple[str, ...]) -> Team:
    """Teams `[N, ...]` with the value heads of their first channels alone, which must be `channels`."""
    count = len(channels)
    if teams.channels[:count] != channels:
        raise ValueError(f"the teams' first channels are {teams.channels[:count]}, not {channels}")
    if teams.channels == channels:
        return teams
    plain: Any = new_team(jax.random.key(0), teams.config, teams.actions, channels, 1)

    def cut(path, x):
        names = {str(getattr(k, "key", k)) for k in path}
        own = names & {"value_head", "value_mean", "value_square", "value_scale"}
        return x[..., :count] if own else x

    def moved(state, template):
        pure = jax.tree_util.tree_map_with_path(cut, nnx.to_pure_dict(state))
        new = jax.tree.map(lambda x: x, template)
        nnx.replace_by_pure_dict(new, pure)
        return new

    return plain.replace(params=moved(teams.params, plain.params), stats=moved(teams.stats, plain.stats))
