"""Team: a trained (or fresh) set of agents as one pytree, ready to act, to be read and to be moved."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx, struct
from jaxtyping import Array, Float, Key

from socialsim.agents.networks import (
    ActorCritic,
    NetworkConfig,
    Output,
    Stat,
    check_actions,
    init_hidden,
    scan_time,
)
from socialsim.core.errors import CarrierError
from socialsim.core.senses import FEATURE_TABLE_VERSION, Observation
from socialsim.core.world import Actions

Params = nnx.State


class Team(struct.PyTreeNode):
    """Agents with value heads.

    params: trained by gradients.  stats: mean and scale of returns.  With `config.per_agent` both have a
    leading agent axis. `channels` names the value heads; `features` is the version of the feature table
    the heads were trained on. Methods are pure and take observations with any leading axes before `A`.
    """

    params: Params
    stats: Params
    graph: nnx.GraphDef = struct.field(pytree_node=False)
    config: NetworkConfig = struct.field(pytree_node=False)
    actions: Actions = struct.field(pytree_node=False)
    channels: tuple[str, ...] = struct.field(pytree_node=False)
    features: int = struct.field(pytree_node=False, default=FEATURE_TABLE_VERSION)

    @property
    def scale(self) -> Array:
        """Scale of the returns per channel, signal units: `[C]`, with parameters per agent `[A, C]`."""
        variable: Any = self.stats["value_scale"]
        return jnp.asarray(variable[...])

    def forward(self, obs: Observation, hidden: Array | None = None) -> Output:
        """Policy, values and critic activations. obs leaves `[..., A, ...]`."""
        batch = obs.self.shape[:-1]
        hidden = init_hidden(self.config, batch) if hidden is None else hidden
        if not self.config.per_agent:
            return nnx.merge(self.graph, self.params, self.stats)(obs, hidden)
        axis = len(batch) - 1

        def one(params, stats, obs, hidden):
            return nnx.merge(self.graph, params, stats)(obs, hidden)

        return jax.vmap(one, in_axes=(0, 0, axis, axis), out_axes=axis)(self.params, self.stats, obs, hidden)

    def unroll(self, obs: Observation, hidden: Array, start: Array) -> Output:
        """`forward` over a leading time axis; start `[T, ...]` marks first steps of episodes."""
        if not self.config.recurrent:
            return self.forward(obs, jnp.broadcast_to(hidden, (*obs.self.shape[:-1], *hidden.shape[-2:])))
        return scan_time(self.forward, obs, hidden, start)

    def values(self, obs: Observation) -> Float[Array, "... A C"]:
        """Expected discounted future signal per channel, in signal units."""
        return self.forward(obs).value

    def activations(self, obs: Observation) -> dict[str, Array]:
        """Critic activations by layer: `[..., A, H]` each."""
        return self.forward(obs).activations

    def act(self, key: Key[Array, ""], obs: Observation, hidden: Array | None = None):
        """Sample an action for every agent; returns (action, Output)."""
        out = self.forward(obs, hidden)
        return out.policy.sample(key), out

    def check_features(self) -> "Team":
        """Return self, or raise CarrierError if it was trained on another feature table."""
        if self.features != FEATURE_TABLE_VERSION:
            raise CarrierError(
                f"these agents were trained on feature table {self.features}; this socialsim senses table "
                f"{FEATURE_TABLE_VERSION}; train them again or install the version that made them"
            )
        return self


def new_team(
    key: Key[Array, ""],
    config: NetworkConfig,
    actions: Actions,
    channels: tuple[str, ...],
    num_agents: int,
) -> Team:
    """A team with fresh parameters."""
    check_actions(actions)

    def init(key):
        module = ActorCritic(config, actions, len(channels), nnx.Rngs(key))
        return nnx.split(module, nnx.Param, Stat)

    if config.per_agent:
        graph = _graph(config, actions, len(channels))
        params, stats = jax.vmap(lambda k: init(k)[1:])(jax.random.split(key, num_agents))
    else:
        graph, params, stats = init(key)
    return Team(
        params=params, stats=stats, graph=graph, config=config, actions=actions, channels=tuple(channels)
    )


def _graph(config, actions, channels) -> nnx.GraphDef:
    return nnx.split(ActorCritic(config, actions, channels, nnx.Rngs(0)), nnx.Param, Stat)[0]
