"""What to watch for while learning: signs of a collapsed society, per seed and never pooled."""

import jax.numpy as jnp
from jaxtyping import Array

from socialsim.core.acts import NUM_ACTS
from socialsim.core.senses import OTHER_FEATURES, SELF_FEATURES

_ACT = SELF_FEATURES.index("act_still")
_NEAREST = OTHER_FEATURES.index("near_4")
_LOOKS = OTHER_FEATURES.index("looks_at_me")


def watch(path) -> dict[str, Array]:
    """Collapse indicators of a Trajectory: one number each.

    top_act: share of the most common act.  match: share of pairs in sight that do one act at once.
    mutual_gaze: share of seen partners who look back.  movement: bodies per decision.
    closeness: mean exp(-d/4) of seen partners.
    """
    obs = path.observation
    mine = obs.self[..., _ACT : _ACT + NUM_ACTS].astype(jnp.float32)
    theirs = obs.others[..., -NUM_ACTS:].astype(jnp.float32)
    seen = obs.others_mask.astype(jnp.float32)
    pairs = jnp.maximum(seen.sum(), 1.0)
    same = (theirs * mine[..., None, :]).sum(-1)
    speed = jnp.sqrt((obs.self[..., 0:2].astype(jnp.float32) ** 2).sum(-1))
    return {
        "top_act": mine.mean((0, 1, 2)).max(),
        "match": (same * seen).sum() / pairs,
        "mutual_gaze": (obs.others[..., _LOOKS] * seen).sum() / pairs,
        "movement": speed.mean(),
        "closeness": (obs.others[..., _NEAREST] * seen).sum() / pairs,
    }
