"""Who can see what: range, cone and line of sight, the same eyes in every world."""

# pyright: reportUnknownMemberType=false

import dataclasses
import math

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from socialsim.core import geometry
from socialsim.core.errors import number


@dataclasses.dataclass(frozen=True)
class Eyes:
    """Field of view.

    reach: bodies.  cone: full opening angle, degrees.  full_view: everything in the world is seen,
    walls or not (an option for ablations; the suite is partially observed by default).
    """

    reach: float = 8.0
    cone: float = 120.0
    full_view: bool = False

    def __post_init__(self):
        number("reach", self.reach, low=0, above=True)
        number("cone", self.cone, low=0, high=360, above=True)

    def see(
        self,
        position: Float[Array, "A 2"],
        gaze: Float[Array, "A 2"],
        target: Float[Array, "N 2"],
        boxes: Float[Array, "W 4"],
    ) -> Bool[Array, "A N"]:
        """True where agent a sees target n. What lies at an agent's own place is always seen."""
        if self.full_view:
            return jnp.ones((position.shape[0], target.shape[0]), bool)
        offset = target[None, :, :] - position[:, None, :]
        distance = geometry.norm(offset)
        ahead = offset[..., 0] * gaze[:, None, 0] + offset[..., 1] * gaze[:, None, 1]
        in_cone = ahead >= math.cos(math.radians(self.cone / 2)) * distance - 1e-4
        hidden = geometry.blocked(position[:, None, :], target[None, :, :], boxes)
        return in_cone & (distance <= self.reach) & ~hidden

    def see_agents(
        self, position: Float[Array, "A 2"], gaze: Float[Array, "A 2"], boxes: Float[Array, "W 4"]
    ) -> Bool[Array, "A A"]:
        """`see` among the agents themselves; nobody sees themself."""
        return self.see(position, gaze, position, boxes) & ~jnp.eye(position.shape[0], dtype=bool)
