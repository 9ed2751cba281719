"""The one act alphabet that every world shares.

Discrete worlds take acts as actions; continuous worlds quantise their motor commands to acts with
`act_from_motion`, so that imitation is measured on the same alphabet everywhere.
"""

import enum

import jax.numpy as jnp
from jaxtyping import Array, Float, Int


class Act(enum.IntEnum):
    """What an agent visibly does in one decision."""

    STILL = 0
    ADVANCE = 1
    RETREAT = 2
    TURN_LEFT = 3
    TURN_RIGHT = 4
    INTERACT = 5
    GESTURE_0 = 6
    GESTURE_1 = 7
    GESTURE_2 = 8
    GESTURE_3 = 9


NUM_ACTS = len(Act)


def act_from_motion(
    forward: Float[Array, " A"], turn: Float[Array, " A"], *, threshold: float = 0.3
) -> Int[Array, " A"]:
    """Quantise motor commands in [-1, 1] to locomotive acts; the stronger command wins.

    forward: drive along the heading, positive ahead.  turn: positive is left (counter-clockwise).
    Below `threshold` in both, the act is STILL.
    """
    walk = jnp.where(forward > 0, Act.ADVANCE, Act.RETREAT)
    spin = jnp.where(turn > 0, Act.TURN_LEFT, Act.TURN_RIGHT)
    moving = jnp.where(jnp.abs(forward) >= jnp.abs(turn), walk, spin)
    strength = jnp.maximum(jnp.abs(forward), jnp.abs(turn))
    return jnp.where(strength < threshold, Act.STILL, moving).astype(jnp.int32)
