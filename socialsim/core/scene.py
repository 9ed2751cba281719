"""What there is to perceive in one instant, in every world alike."""

# pyright: reportUnknownMemberType=false

import jax.numpy as jnp
from flax import struct
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int

OBJECT_FEATURES = (
    "needed",  # participants a joint event at this object needs
    "present",  # participants it has now
    "progress",  # of the joint event, 0 to 1
    "movable",  # 1 if agents can displace it
    "heavy",  # agents it takes to displace it, beyond the first
    "load",  # what it carries
    "active",  # lit, open or switched on
    "resource",  # level of what it offers, 0 to 1
    "placed",  # 1 if it belongs somewhere (then `object_goal` says where)
)
"""Columns of `Scene.object_features`: what objects afford, never what they are called."""

NUM_OBJECT_FEATURES = len(OBJECT_FEATURES)

NUM_RAYS = 8
"""Body-fixed rays of `Scene.clear`: ray r points at heading + r * 45 degrees, counter-clockwise."""


class Scene(struct.PyTreeNode):
    """One instant of a world. `A` agents, `M` objects, `R` rays; lengths in bodies, time in decisions.

    The frame is the world's own; senses turn it into egocentric terms. Directions are unit vectors.
    `joint` is for signals and for the experimenter's team metric; senses never show it.
    """

    position: Float[Array, "A 2"]
    velocity: Float[Array, "A 2"]  # bodies per decision
    heading: Float[Array, "A 2"]  # body direction
    gaze: Float[Array, "A 2"]  # look direction
    act: Int[Array, " A"]  # this step's act, shared alphabet
    load: Float[Array, " A"]  # what an agent carries or holds, 0 none
    strength: Float[Array, " A"]  # for how many an agent counts at a joint event, 1 in most worlds
    clear: Float[Array, "A R"]  # free distance along body-fixed rays
    object_position: Float[Array, "M 2"]
    object_goal: Float[Array, "M 2"]  # where it belongs; meaningful where feature `placed` is 1
    object_features: Float[Array, "M F"]  # columns: OBJECT_FEATURES
    object_present: Bool[Array, " M"]  # False: the slot is empty
    takes_part: Bool[Array, "A M"]  # agent is one of the participants at the object
    sees_agent: Bool[Array, "A A"]  # [i, j]: i sees j; False on the diagonal
    sees_object: Bool[Array, "A M"]
    joint: Float[Array, " A"]  # this agent's share in joint successes of this step

    @property
    def num_agents(self) -> int:
        return self.position.shape[-2]

    @property
    def num_objects(self) -> int:
        return self.object_position.shape[-2]


def object_features(num_objects: int, **columns: ArrayLike) -> Float[Array, "M F"]:
    """Assemble `Scene.object_features` from named columns; columns not given are zero.

    Raises ValueError for a column that is not in `OBJECT_FEATURES`.
    """
    unknown = sorted(set(columns) - set(OBJECT_FEATURES))
    if unknown:
        raise ValueError(f"unknown object feature {unknown}; the table holds {list(OBJECT_FEATURES)}")
    zero = jnp.zeros(num_objects, jnp.float32)
    stacked = [
        jnp.broadcast_to(jnp.asarray(columns.get(name, zero), jnp.float32), (num_objects,))
        for name in OBJECT_FEATURES
    ]
    return jnp.stack(stacked, axis=-1)
