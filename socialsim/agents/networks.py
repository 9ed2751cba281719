"""The entity actor-critic: permutation-invariant over others and objects, one value head per signal."""

import dataclasses
import math

import jax
import jax.numpy as jnp
from flax import nnx, struct
from jaxtyping import Array, Float

from socialsim.agents.distributions import Categorical, Gaussian, Policy
from socialsim.agents.product import in_rows, product
from socialsim.core.errors import OptionError, integer
from socialsim.core.senses import OBJECT_SENSE_FEATURES, OTHER_FEATURES, SELF_FEATURES, Observation
from socialsim.core.world import Actions


@dataclasses.dataclass(frozen=True)
class NetworkConfig:
    """width: of every layer.  shared_encoder: one tower for actor and critic instead of one each.
    recurrent: a GRU on top of each tower.  per_agent: one set of parameters per agent."""

    width: int = 64
    shared_encoder: bool = False
    recurrent: bool = False
    per_agent: bool = False

    def __post_init__(self):
        integer("width", self.width, low=1, high=4096)


class Stat(nnx.Variable):
    """State that is learned by averaging, not by gradients (return mean and scale)."""


class Output(struct.PyTreeNode):
    """policy; value: `[..., C]` in signal units; activations: layer name -> `[..., H]` of the critic."""

    policy: Policy
    value: Float[Array, "... C"]
    activations: dict[str, Array]
    hidden: Array


def _linear(fan_in, fan_out, scale, rngs):
    init = nnx.initializers.variance_scaling(scale**2, "fan_in", "normal")
    return nnx.Linear(fan_in, fan_out, kernel_init=init, dot_general=product, rngs=rngs)


class EntityEncoder(nnx.Module):
    """Self, others and objects, each embedded; sets pooled by masked mean and maximum (deep sets:
    Zaheer et al. 2017), so that any number of agents and objects fits."""

    def __init__(self, width: int, rngs: nnx.Rngs):
        gain = 2**0.5
        self.me = _linear(len(SELF_FEATURES), width, gain, rngs)
        part = max(width // 2, 1)  # each set is pooled twice, so it enters the merger as wide as the self
        self.others = _linear(len(OTHER_FEATURES), part, gain, rngs)
        self.objects = _linear(len(OBJECT_SENSE_FEATURES), part, gain, rngs)
        self.merge = _linear(width + 4 * part, width, gain, rngs)

    def __call__(self, obs: Observation) -> tuple[Array, Array]:
        """Pooled entity features `[..., 3W]` and their merger `[..., W]`."""
        parts = [nnx.relu(self.me(obs.self))]
        for layer, entities, mask in (
            (self.others, obs.others, obs.others_mask),
            (self.objects, obs.objects, obs.objects_mask),
        ):
            seen = mask[..., None].astype(entities.dtype)
            embedded = nnx.relu(layer(entities)) * seen
            count = jnp.maximum(seen.sum(-2), 1.0)
            # Embeddings are not negative, so an empty set pools to zero under both.
            parts += [embedded.sum(-2) / count, embedded.max(-2, initial=0.0)]
        pooled = jnp.concatenate(parts, -1)
        return pooled, nnx.relu(self.merge(pooled))


class Tower(nnx.Module):
    """Encoder, optional GRU, one hidden layer."""

    def __init__(self, config: NetworkConfig, rngs: nnx.Rngs):
        self.encoder = EntityEncoder(config.width, rngs)
        self.memory = nnx.GRUCell(config.width, config.width, rngs=rngs) if config.recurrent else None
        self.trunk = _linear(config.width, config.width, 2**0.5, rngs)

    def __call__(self, obs: Observation, hidden: Array):
        _, encoded = self.encoder(obs)
        if self.memory is not None:
            hidden, encoded = self.memory(hidden, encoded)
        return {"encoder": encoded, "trunk": nnx.relu(self.trunk(encoded))}, hidden


class ActorCritic(nnx.Module):
    """Actor tower and head, critic tower and one value head per channel.

    Heads start near zero: a value head that starts at scale one turns its noise into advantages. The
    value head predicts normalised returns; `value_mean` and `value_scale` (PopArt) bring them to signal
    units.
    """

    def __init__(self, config: NetworkConfig, actions: Actions, channels: int, rngs: nnx.Rngs):
        self.actor_tower = Tower(config, rngs)
        self.critic_tower = self.actor_tower if config.shared_encoder else Tower(config, rngs)
        self.shared = config.shared_encoder
        self.actor_head = _linear(config.width, actions.size or actions.choices, 0.01, rngs)
        self.log_std = nnx.Param(jnp.full(actions.size, -0.5)) if actions.continuous else None
        self.value_head = _linear(config.width, channels, 0.01, rngs)
        self.value_mean = Stat(jnp.zeros(channels))
        self.value_square = Stat(jnp.zeros(channels))
        self.value_weight = Stat(jnp.zeros(()))
        self.value_scale = Stat(jnp.ones(channels))

    def __call__(self, obs: Observation, hidden: Array) -> Output:
        """obs leaves `[..., A, ...]`; hidden `[..., A, 2, W]` (actor's and critic's), or zero-sized."""
        if not in_rows():
            return self._read(obs, hidden)
        lead = obs.self.shape[:-1]
        axes, rows = len(lead), math.prod(lead)
        out = self._read(*jax.tree.map(lambda x: x.reshape(rows, *x.shape[axes:]), (obs, hidden)))
        return jax.tree.map(lambda x: x.reshape(*lead, *x.shape[1:]), out)

    def _read(self, obs: Observation, hidden: Array) -> Output:
        memory = (hidden[..., 0, :], hidden[..., 1, :]) if hidden.size else (hidden, hidden)
        critic, critic_memory = self.critic_tower(obs, memory[1])
        actor, actor_memory = (critic, critic_memory) if self.shared else self.actor_tower(obs, memory[0])
        raw = self.actor_head(actor["trunk"])
        policy = (
            Categorical(raw)
            if self.log_std is None
            else Gaussian(raw, jnp.broadcast_to(self.log_std[...], raw.shape))
        )
        value = self.value_head(critic["trunk"]) * self.value_scale[...] + self.value_mean[...]
        hidden = jnp.stack([actor_memory, critic_memory], -2) if hidden.size else hidden
        return Output(policy=policy, value=value, activations=critic, hidden=hidden)


def init_hidden(config: NetworkConfig, batch: tuple[int, ...]) -> Array:
    """Memory at the start of an episode; zero-sized without a GRU. batch: `(..., A)`."""
    return jnp.zeros((*batch, 2, config.width if config.recurrent else 0))


def check_actions(actions: Actions) -> None:
    if not (actions.size or actions.choices):
        raise OptionError("a world must take discrete choices or a motor vector; its Actions allow neither")


def reset_hidden(hidden: Array, start: Array) -> Array:
    """Forget where an episode starts. start: `[...]` without the agent axis."""
    return jnp.where(start.reshape(*start.shape, *[1] * (hidden.ndim - start.ndim)), 0.0, hidden)


def scan_time(apply, obs: Observation, hidden: Array, start: Array) -> Output:
    """Apply a recurrent network along a leading time axis, forgetting where `start` is True."""

    def one(hidden, xs):
        obs, start = xs
        out = apply(obs, reset_hidden(hidden, start))
        return out.hidden, out

    return jax.lax.scan(one, hidden, (obs, start))[1]
