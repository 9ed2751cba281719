"""rendezvous on the plane: be at one place at one time."""

from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array, Bool, Float, Int, Key

from socialsim.core import geometry
from socialsim.core.scene import Scene
from socialsim.envs import pads
from socialsim.envs.plane.engine import Objects, PlaneState, PlaneWorld, floor


class RendezvousState(PlaneState):
    """pads: their centres, bodies."""

    pads: Float[Array, "M 2"]


class RendezvousPlane(PlaneWorld):
    """Pads that light up only while `needed` agents stand on them at once. See `rendezvous_plane`."""

    task: ClassVar[str] = "rendezvous-plane"

    needed: Int[Array, ""]
    radius: Float[Array, ""]
    num_pads: int = struct.field(pytree_node=False)

    def reset(self, key: Key[Array, ""]) -> RendezvousState:
        body_key, pad_key = jax.random.split(key)
        state = RendezvousState(
            **self._begin(body_key), pads=jnp.full((self.num_pads, 2), -geometry.FAR, jnp.float32)
        )
        return state.replace(pads=self._moved(pad_key, state, jnp.ones(self.num_pads, bool)))

    def step(self, key: Key[Array, ""], state: RendezvousState, action: Array) -> RendezvousState:
        state = self._move(state, action)
        joint, full = pads.meet(self._standing(state), self.needed)
        return state.replace(joint=joint, pads=self._moved(key, state, full))

    def scene(self, state: RendezvousState) -> Scene:
        there = self._standing(state)
        present = jnp.ones(self.num_pads, bool)
        return self._scene(state, Objects(state.pads, pads.features(there, self.needed), present, there))

    def zones(self, state: RendezvousState) -> Float[Array, "M P 2"]:
        """Outlines of the pads."""
        return discs(state.pads, self.radius)

    def _standing(self, state) -> Bool[Array, "A M"]:
        return pads.standing(state.bodies.position, state.pads, self.radius)

    def _moved(self, key, state, renew) -> Float[Array, "M 2"]:
        # Apart by what keeps them from overlapping.
        return self._relocate(key, state, state.pads, renew, away=self.size / 3, apart=2 * self.radius)


def discs(centre: Float[Array, "M 2"], radius: Float[Array, ""], points: int = 32) -> Float[Array, "M P 2"]:
    """Polygons round the centres."""
    angle = 2 * np.pi * np.arange(points) / points
    rim = np.stack([np.cos(angle), np.sin(angle)], -1).astype(np.float32)
    return centre[:, None] + radius * rim


def rendezvous_plane(
    *,
    num_agents: int = 4,
    num_pads: int = 2,
    needed: int = 3,
    size: float = 10.0,
    walls: int = 2,
    radius: float = 1.5,
    discrete: bool = False,
    reach: float = 8.0,
    cone: float = 120.0,
    full_view: bool = False,
) -> RendezvousPlane:
    """Pads that light up only while enough agents stand on them at once; discs on a plane.

    Who: `num_agents` discs.  What: `num_pads` flat pads; an agent stands on one if its centre is within
    `radius` of the pad's.  Joint event: `needed` agents on one pad in the same decision; all on it share
    it (1.0 each), and the pad moves at least a third of the floor away, where there is room.
    Acts: forward and turn, or the ten of the shared alphabet; see `PlaneWorld`.  Horizon: 128 decisions,
    never terminates.
    Random teams meet by accident and seldom; a competent team walks to one pad, waits there for the
    others and moves on to the next.

    Parameters
    ----------
    num_agents, num_pads : how many of each; at most 256 and 16.
    needed : agents a pad needs at once; at most `num_agents`, and as many as find room on a pad.
    size : side of the floor, bodies.
    walls : inner walls, 3 bodies long; at most one in each whole block of 5 x 5 bodies.
    radius : of a pad, bodies.
    discrete : actions are the ten shared acts instead of motor commands.
    reach, cone : of sight, in bodies and degrees.  full_view : see everything.

    Raises
    ------
    OptionError : an option out of range; the message says what is allowed.
    """
    ground = floor(
        num_agents=num_agents,
        size=size,
        walls=walls,
        discrete=discrete,
        reach=reach,
        cone=cone,
        full_view=full_view,
    )
    count, wanted = pads.check(num_agents, num_pads, needed, radius, size)
    return RendezvousPlane(**ground, needed=jnp.int32(wanted), radius=jnp.float32(radius), num_pads=count)
