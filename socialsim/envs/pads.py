"""The rule of pads on a continuous floor, the same in every physics: enough agents on one pad at once."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from socialsim.core import geometry
from socialsim.core.errors import OptionError, integer, number
from socialsim.core.scene import object_features


def standing(
    position: Float[Array, "A 2"], pads: Float[Array, "M 2"], radius: Float[Array, ""]
) -> Bool[Array, "A M"]:
    """Whose centre is within `radius` of a pad's stands on it."""
    return geometry.norm(position[:, None] - pads[None]) <= radius


def meet(there: Bool[Array, "A M"], needed: Int[Array, ""]) -> tuple[Float[Array, " A"], Bool[Array, " M"]]:
    """Each agent's share in joint events, and which pads are full and have to move."""
    full = there.sum(0) >= needed
    return (there & full).any(1).astype(jnp.float32), full


def features(there: Bool[Array, "A M"], needed: Int[Array, ""]) -> Float[Array, "M F"]:
    """What pads afford."""
    present, wanted = there.sum(0), needed.astype(jnp.float32)
    progress = jnp.minimum(present / wanted, 1.0)
    return object_features(there.shape[1], needed=wanted, present=present, progress=progress)


def check(num_agents: int, num_pads: object, needed: object, radius: object, size: float) -> tuple[int, int]:
    """The checked number of pads and of agents a pad needs.

    Raises OptionError, naming the option, where they cannot be: no room for so many on a pad.
    """
    pads, wanted = integer("num_pads", num_pads, low=1, high=16), integer("needed", needed, low=1)
    if wanted > num_agents:
        raise OptionError(f"needed={wanted}; allowed: at most num_agents={num_agents}")
    within = number("radius", radius, low=0.5, high=size / 2)
    # Bodies are unit discs; this many find places on a pad even where it lies in a corner.
    most = max(1, int(0.4 * (2 * within + 1) ** 2))
    if wanted > most:
        raise OptionError(f"needed={wanted}; allowed: at most {most}, as many as find room within {within:g}")
    return pads, wanted
