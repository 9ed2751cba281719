"""Action distributions: a categorical over acts, a diagonal Gaussian over motor commands."""

import math

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float, Int, Key

from socialsim.core import draws


class Categorical(struct.PyTreeNode):
    """logits: `[..., N]`; need not be normalised."""

    logits: Float[Array, "... N"]

    def sample(self, key: Key[Array, ""]) -> Int[Array, "..."]:
        # As `jax.random.categorical` does, to the bit.
        noise = draws.flat(jax.random.gumbel, key, self.logits.shape)
        return jnp.argmax(self.logits + noise, -1).astype(jnp.int32)

    def log_prob(self, action: Int[Array, "..."]) -> Float[Array, "..."]:
        logp = jax.nn.log_softmax(self.logits)
        chosen = action[..., None] == jnp.arange(logp.shape[-1])
        return jnp.where(chosen, logp, 0.0).sum(-1)

    def entropy(self) -> Float[Array, "..."]:
        logp = jax.nn.log_softmax(self.logits)
        return -(jnp.exp(logp) * logp).sum(-1)

    def kl(self, other: "Categorical") -> Float[Array, "..."]:
        """KL(self || other), nats."""
        p, q = jax.nn.log_softmax(self.logits), jax.nn.log_softmax(other.logits)
        return (jnp.exp(p) * (p - q)).sum(-1)


class Gaussian(struct.PyTreeNode):
    """Diagonal Gaussian; worlds clip its samples to [-1, 1]."""

    mean: Float[Array, "... n"]
    log_std: Float[Array, "... n"]

    def sample(self, key: Key[Array, ""]) -> Float[Array, "... n"]:
        return self.mean + jnp.exp(self.log_std) * draws.flat(jax.random.normal, key, self.mean.shape)

    def log_prob(self, action: Float[Array, "... n"]) -> Float[Array, "..."]:
        z = (action - self.mean) * jnp.exp(-self.log_std)
        return (-0.5 * z**2 - self.log_std - 0.5 * math.log(2 * math.pi)).sum(-1)

    def entropy(self) -> Float[Array, "..."]:
        return (self.log_std + 0.5 * math.log(2 * math.pi * math.e)).sum(-1)

    def kl(self, other: "Gaussian") -> Float[Array, "..."]:
        """KL(self || other), nats."""
        ratio = jnp.exp(2 * (self.log_std - other.log_std))
        shift = ((self.mean - other.mean) * jnp.exp(-other.log_std)) ** 2
        return (0.5 * (ratio + shift - 1) - self.log_std + other.log_std).sum(-1)


Policy = Categorical | Gaussian
