"""rendezvous, with bodies that have a neck: be at one place at one time."""

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Int, Key

from socialsim.core import geometry
from socialsim.core.errors import OptionError, integer, number
from socialsim.core.scene import Scene, object_features
from socialsim.core.sight import Eyes
from socialsim.envs.mujoco import placing
from socialsim.envs.mujoco.bodies import MAX_AGENTS, Plan, compiled
from socialsim.envs.mujoco.engine import BodiesState, MujocoWorld

RADIUS = 1.5  # bodies: whose centre is this near to a pad's stands on it
APART = 4.0  # bodies: from where a pad was, and from other pads, to where it goes
EDGE = 1.0  # bodies: pads' centres keep this far from the border
MAX_PADS = 16


class RendezvousState(BodiesState):
    """pads: their centres, bodies."""

    pads: Float[Array, "M 2"]


class Rendezvous(MujocoWorld):
    """Pads that light up only while `needed` agents stand on them at once. See `rendezvous_mujoco`."""

    needed: Int[Array, ""]
    radius: Float[Array, ""]
    num_pads: int = struct.field(pytree_node=False)

    def reset(self, key: Key[Array, ""]) -> RendezvousState:
        body_key, pad_key = jax.random.split(key)
        body = self._begin(body_key)
        state = RendezvousState(**body, pads=jnp.full((self.num_pads, 2), -geometry.FAR, jnp.float32))
        return state.replace(pads=self._moved(pad_key, state, jnp.ones(self.num_pads, bool)))

    def step(self, key: Key[Array, ""], state: RendezvousState, action: Float[Array, "A 3"]):
        state = self._move(state, action)
        there = self._standing(state)
        full = there.sum(0) >= self.needed
        joint = (there & full).any(1)
        return state.replace(joint=joint.astype(jnp.float32), pads=self._moved(key, state, full))

    def scene(self, state: RendezvousState) -> Scene:
        there = self._standing(state)
        present, needed = there.sum(0), self.needed.astype(jnp.float32)
        features = object_features(
            self.num_pads, needed=needed, present=present, progress=jnp.minimum(present / needed, 1.0)
        )
        return self._scene(state, state.pads, state.pads, features, there)

    def markers(self, state: RendezvousState) -> dict[str, Array]:
        pose = jnp.concatenate([state.pads, jnp.zeros((self.num_pads, 1), jnp.float32)], -1)
        return {f"pad_{i}": pose[i] for i in range(self.num_pads)}

    def zones(self, state: RendezvousState) -> Float[Array, "M P 2"]:
        """Outlines of the pads, for pictures."""
        return placing.discs(state.pads, self.radius)

    def _standing(self, state) -> Bool[Array, "A M"]:
        offset = self.positions(state)[:, None] - state.pads[None]
        return geometry.norm(offset) <= self.radius

    def _moved(self, key, state, renew: Bool[Array, " M"]) -> Float[Array, "M 2"]:
        """Pads with those in `renew` elsewhere: far from every pad's last place, clear of walls."""
        return placing.scatter(
            key, state.pads, renew, self.plan.size, self.boxes(state), edge=EDGE, apart=APART
        )


def rendezvous_mujoco(
    *,
    num_agents: int = 4,
    num_pads: int = 2,
    needed: int = 3,
    size: float = 10.0,
    walls: int = 0,
    radius: float = RADIUS,
    reach: float = 8.0,
    cone: float = 120.0,
    full_view: bool = False,
    impl: str = "jax",
) -> Rendezvous:
    """Pads that light up only while enough agents stand on them at once; MuJoCo bodies with a neck.

    Who: `num_agents` bodies.  What: `num_pads` flat pads; an agent stands on one if its centre is within
    `radius` of the pad's.  Joint event: `needed` agents on one pad at once; all on it share it (1.0 each),
    and the pad moves at least 4 bodies away where there is room.  Actions: `[A, 3]` in [-1, 1] (forward,
    turn, neck); see `MujocoWorld`.  Horizon: 128 decisions, never terminates.
    Random teams meet by accident and seldom; a competent team walks to one pad, waits there for the
    others and moves on to the next.

    Parameters
    ----------
    num_agents, num_pads : how many of each; at most 64 and 16.
    needed : agents a pad needs at once; at most `num_agents`, and as many as find room on a pad.
    size : side of the arena, bodies.
    walls : inner walls, 3 bodies long; at most one in each whole block of 5 x 5 bodies.
    radius : of a pad, bodies.
    reach, cone : of sight, in bodies and degrees.  full_view : see everything.
    impl : MJX back end, "jax" or (with warp-lang on an NVIDIA device; experimental) "warp".

    Raises
    ------
    OptionError : an option out of range; the message says what is allowed.
    """
    pads = integer("num_pads", num_pads, low=1, high=MAX_PADS)
    num_agents = integer("num_agents", num_agents, low=1, high=MAX_AGENTS)
    needed = integer("needed", needed, low=1)
    size, walls = placing.side(size), integer("walls", walls, low=0, high=8)
    plan = Plan(num_agents=num_agents, size=size, walls=walls, impl=impl)
    placing.check_room(num_agents, size, 0.0, walls)
    if needed > num_agents:
        raise OptionError(f"needed={needed}; allowed: at most num_agents={num_agents}")
    radius = number("radius", radius, low=0.5, high=size / 2)
    # Bodies are unit discs; this many find places on a pad even where it lies in a corner.
    most = max(1, int(0.4 * (2 * radius + 1) ** 2))
    if needed > most:
        raise OptionError(f"needed={needed}; allowed: at most {most}, as many as find room within {radius:g}")
    compiled(plan)
    return Rendezvous(
        plan=plan,
        eyes=Eyes(reach=reach, cone=cone, full_view=bool(full_view)),
        needed=jnp.int32(needed),
        radius=jnp.float32(radius),
        num_pads=pads,
    )
