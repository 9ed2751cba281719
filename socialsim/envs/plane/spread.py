"""spread: cover all landmarks at once, each agent its own."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Key

from socialsim.core import geometry
from socialsim.core.errors import OptionError, integer, number
from socialsim.core.scene import Scene, object_features
from socialsim.envs.plane.engine import EDGE, Objects, PlaneState, PlaneWorld, floor
from socialsim.envs.plane.rendezvous import discs

APART = 2.0  # bodies between landmarks, where there is room


class SpreadState(PlaneState):
    """landmarks: their centres, bodies."""

    landmarks: Float[Array, "M 2"]


class Spread(PlaneWorld):
    """Landmarks that count only while all of them are covered at once. See `spread`."""

    task: ClassVar[str] = "spread"

    radius: Float[Array, ""]
    num_landmarks: int = struct.field(pytree_node=False)

    def reset(self, key: Key[Array, ""]) -> SpreadState:
        body_key, mark_key = jax.random.split(key)
        nowhere = jnp.full((self.num_landmarks, 2), -geometry.FAR, jnp.float32)
        state = SpreadState(**self._begin(body_key), landmarks=nowhere)
        return state.replace(landmarks=self._moved(mark_key, state, jnp.ones((), bool)))

    def step(self, key: Key[Array, ""], state: SpreadState, action: Array) -> SpreadState:
        state = self._move(state, action)
        covers = self._covers(state)
        done = covers.any(0).all()
        joint = (covers.any(1) & done).astype(jnp.float32)
        return state.replace(joint=joint, landmarks=self._moved(key, state, done))

    def scene(self, state: SpreadState) -> Scene:
        covers = self._covers(state)
        covered = covers.any(0)
        features = object_features(
            self.num_landmarks,
            needed=1.0,
            present=covers.sum(0),
            progress=covered.mean(),
            active=covered,
        )
        present = jnp.ones(self.num_landmarks, bool)
        return self._scene(state, Objects(state.landmarks, features, present, covers))

    def zones(self, state: SpreadState) -> Float[Array, "M P 2"]:
        """Outlines of what counts as on a landmark."""
        return discs(state.landmarks, self.radius)

    def _covers(self, state) -> Bool[Array, "A M"]:
        """Whose centre is within `radius` of a landmark covers it, and only the nearest counts."""
        distance = geometry.norm(state.bodies.position[:, None] - state.landmarks[None])
        near = distance <= distance.min(1, keepdims=True)
        return near & (jnp.cumsum(near, axis=1) == 1) & (distance <= self.radius)

    def _moved(self, key, state, done: Bool[Array, ""]) -> Float[Array, "M 2"]:
        renew = jnp.broadcast_to(done, (self.num_landmarks,))
        apart = jnp.float32(APART)
        return self._relocate(key, state, state.landmarks, renew, away=apart, apart=apart)


def spread(
    *,
    num_agents: int = 3,
    num_landmarks: int | None = None,
    size: float = 8.0,
    walls: int = 0,
    radius: float = 0.75,
    discrete: bool = False,
    reach: float = 8.0,
    cone: float = 120.0,
    full_view: bool = False,
) -> Spread:
    """Cover all landmarks at once, each agent its own; discs on a plane.

    After `simple_spread` of the Multi-Agent Particle Environment (Lowe et al. 2017, arXiv:1706.02275),
    which rewards the distance of landmarks to agents; here nothing is rewarded.
    Who: `num_agents` discs.  What: `num_landmarks` landmarks (default: as many as agents); an agent covers
    the landmark nearest to it if its centre is within `radius` of the landmark's.  Joint event: every
    landmark is covered in the same decision, hence by different agents; all that cover one share it (1.0
    each), and all landmarks move elsewhere, at least 2 bodies from where they were where there is room.
    Acts: forward and turn, or the ten of the shared alphabet; see `PlaneWorld`.  Horizon: 128 decisions,
    never terminates.
    Random teams hardly ever cover all; a competent team shares the landmarks out, each takes the one that
    is nearest to it, and walks.

    Parameters
    ----------
    num_agents, num_landmarks : how many of each; at most 256, and no more landmarks than agents.
    size : side of the floor, bodies.
    walls : inner walls, 3 bodies long; at most one in each whole block of 5 x 5 bodies.
    radius : within which a landmark is covered, bodies.
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
    marks = integer("num_landmarks", num_agents if num_landmarks is None else num_landmarks, low=1)
    # A quarter of the densest lattice: they are placed at random, and away from where they were.
    most = min(num_agents, max(1, (int((size - 2 * EDGE) / APART) + 1) ** 2 // 4))
    if marks > most:
        raise OptionError(
            f"num_landmarks={marks}; allowed: at most {most}, with num_agents={num_agents} and size={size:g}"
        )
    within = number("radius", radius, low=0.25, high=APART / 2)
    return Spread(**ground, radius=jnp.float32(within), num_landmarks=marks)
