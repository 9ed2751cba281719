"""PopArt: value heads predict normalised returns while their outputs stay put (van Hasselt et al. 2016).

A critic that chases a growing return learns a constant; normalised targets cure it. The scale has a
floor, so that a channel on which nothing happens is not amplified into noise.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from socialsim.agents.networks import ActorCritic


def update_scale(network: ActorCritic, returns: Float[Array, "... C"], *, rate: float, floor: float) -> None:
    """Move mean and scale towards these returns and correct the value head so that no value changes.

    Mutates `network`. rate: weight of the new batch in the running moments. floor: least scale.
    """
    rows = tuple(range(returns.ndim - 1))
    # The running moments start empty; dividing by `weight` removes the bias of the start.
    kept = (1 - rate) * network.value_weight[...]
    weight = kept + rate
    mean = (kept * network.value_mean[...] + rate * returns.mean(rows)) / weight
    square = (kept * network.value_square[...] + rate * (returns**2).mean(rows)) / weight
    scale = jnp.maximum(jnp.sqrt(jnp.maximum(square - mean**2, 0.0)), floor)
    old_mean, old_scale = network.value_mean[...], network.value_scale[...]
    head = network.value_head
    assert head.bias is not None  # made with one
    head.kernel[...] = head.kernel[...] * (old_scale / scale)
    head.bias[...] = (head.bias[...] * old_scale + old_mean - mean) / scale
    network.value_mean[...], network.value_scale[...] = mean, scale
    network.value_square[...], network.value_weight[...] = square, weight
