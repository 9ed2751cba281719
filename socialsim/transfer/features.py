"""Shared features phi of an observation: what a distilled reward is linear in, the same in every world."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from socialsim.core.senses import OBJECT_SENSE_FEATURES, OTHER_FEATURES, SELF_FEATURES, Observation

NUM_FEATURES = 1 + len(SELF_FEATURES) + 2 * len(OTHER_FEATURES) + 1 + 2 * len(OBJECT_SENSE_FEATURES) + 1

_NEAR = "near_1.5"


def shared_features(obs: Observation) -> Float[Array, "... A P"]:
    """Constant, self, and of each set its mean, its sum weighted by nearness, and its size in quarters.

    Weighting by nearness exp(-d/1.5) says what is *here* apart from what is in sight.
    """
    parts = [jnp.ones((*obs.self.shape[:-1], 1)), obs.self]
    for entities, mask, names in (
        (obs.others, obs.others_mask, OTHER_FEATURES),
        (obs.objects, obs.objects_mask, OBJECT_SENSE_FEATURES),
    ):
        near = entities[..., names.index(_NEAR), None]  # zero where masked
        count = mask.sum(-1, keepdims=True)
        parts += [entities.sum(-2) / jnp.maximum(count, 1), (entities * near).sum(-2), count / 4.0]
    return jnp.concatenate([p.astype(jnp.float32) for p in parts], -1)
