"""How well the policy gradient of each reward points along that of the first one, measured while learning."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Key

from socialsim.agents.distributions import Categorical
from socialsim.agents.ppo import Batch
from socialsim.agents.team import Team


@dataclasses.dataclass(frozen=True)
class Alignment:
    """An `Auxiliary` whose loss is zero: it only tells "alignment" `[C]`, cosines in [-1, 1].

    g_c is the gradient of sum(advantage_c log pi) with respect to the actor's last layer. a_c is the cosine
    of g_c on one half of the worlds with g_0 on the other, mean over both ways round. Halves that share
    nothing keep noise from agreeing with itself: a_0 is near 1 only where the first reward's gradient is more
    than noise, and all are near 0 where it is nothing but noise. For worlds with discrete acts, agents that
    share parameters, and networks without memory.
    """

    def __call__(
        self, team: Team, part: Batch, key: Key[Array, ""], given: Any
    ) -> tuple[Array, dict[str, Array]]:
        fixed = jax.lax.stop_gradient(team)
        network = nnx.merge(fixed.graph, fixed.params, fixed.stats)
        out = fixed.forward(part.observation)
        obs = part.observation
        trunk = network.actor_tower(obs, jnp.zeros((*obs.self.shape[:-1], 0)))[0]["trunk"]
        assert isinstance(out.policy, Categorical)
        chosen = jax.nn.one_hot(part.action, out.policy.logits.shape[-1])
        score = chosen - jax.nn.softmax(out.policy.logits)
        told = cosines(part.target - out.value, score, trunk)
        return jnp.zeros(()), {"alignment": jax.lax.stop_gradient(told)}


def cosines(
    advantage: Float[Array, "T E A C"], score: Float[Array, "T E A N"], features: Float[Array, "T E A W"]
) -> Float[Array, " C"]:
    """Cosines of the gradients `sum advantage_c score features'` between the halves of the worlds E."""
    half = max(advantage.shape[1] // 2, 1)

    def gradient(part):
        a, s, f = (x[:, part] for x in (advantage, score, features))
        a = a - a.mean((0, 1, 2))
        g = jnp.einsum("teac,tean,teaw->cnw", a, s, f)
        return g.reshape(len(g), -1)

    def cosine(g, along):
        size = jnp.linalg.norm(g, axis=-1) * jnp.linalg.norm(along)
        return jnp.where(size > 1e-8, g @ along / jnp.maximum(size, 1e-8), 0.0)

    one, other = gradient(slice(0, half)), gradient(slice(half, None))
    return 0.5 * (cosine(one, other[0]) + cosine(other, one[0]))
