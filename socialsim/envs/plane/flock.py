"""flock: walk as one."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from socialsim.core import geometry
from socialsim.core.errors import OptionError, integer, number
from socialsim.core.scene import Scene
from socialsim.envs.plane.engine import PlaneState, PlaneWorld, floor


class FlockState(PlaneState):
    """motion: each agent's running mean velocity, bodies per decision."""

    motion: Float[Array, "A 2"]


class Flock(PlaneWorld):
    """Agents that succeed by walking the same way side by side. See `flock`."""

    task: ClassVar[str] = "flock"

    needed: Int[Array, ""]
    radius: Float[Array, ""]
    memory: Float[Array, ""]  # decisions over which motion is averaged

    def reset(self, key: Key[Array, ""]) -> FlockState:
        return FlockState(**self._begin(key), motion=jnp.zeros((self.agents, 2), jnp.float32))

    def step(self, key: Key[Array, ""], state: FlockState, action: Array) -> FlockState:
        before = state.bodies.position
        state = self._move(state, action)
        travelled = state.bodies.position - before
        motion = state.motion + (travelled - state.motion) / self.memory
        near = neighbours(state.bodies.position, self.radius)
        return state.replace(motion=motion, joint=alignment(motion, near, self.needed))

    def scene(self, state: FlockState) -> Scene:
        return self._scene(state)


def neighbours(position: Float[Array, "A 2"], radius: Float[Array, ""]) -> Bool[Array, "A A"]:
    """Who is within `radius` of whom, centre to centre; nobody is their own neighbour."""
    distance = geometry.norm(position[:, None] - position[None])
    return (distance <= radius) & ~jnp.eye(position.shape[0], dtype=bool)


def alignment(
    motion: Float[Array, "A 2"], near: Bool[Array, "A A"], needed: Int[Array, ""]
) -> Float[Array, " A"]:
    """Share of each agent in the polarisation of its neighbourhood, 0 to 1; see `flock`."""
    count = near.sum(1)
    others = (near[..., None] * motion[None]).sum(1) / jnp.maximum(count, 1)[:, None]
    together = jnp.clip((motion * others).sum(-1), 0.0, 1.0)
    return jnp.where(count >= needed - 1, together, 0.0)


def flock(
    *,
    num_agents: int = 6,
    needed: int = 3,
    size: float = 16.0,
    walls: int = 0,
    radius: float = 3.0,
    memory: float = 4.0,
    discrete: bool = False,
    reach: float = 8.0,
    cone: float = 120.0,
    full_view: bool = False,
) -> Flock:
    """Walk the same way, near one another; discs on a plane.

    Who: `num_agents` discs; there are no objects.  Joint event, graded 0 to 1: with v_i the running mean
    velocity of agent i (over `memory` decisions, full speed 1) and N_i the others within `radius` of it,
    `joint_i = max(0, mean over j in N_i of v_i . v_j)`, or 0 with fewer than `needed - 1` neighbours.
    It is what agent i has in the square of the polarisation `phi = |1/N sum_j e_j|` (Vicsek et al. 1995,
    Phys. Rev. Lett. 75, 1226; there e_j is a unit heading), `phi^2 = 1/N^2 sum_ij e_i . e_j`, without the
    terms i = j: they are the order that N independent walkers show by chance. With velocities in place of
    headings, and averaged over time, a crowd that stands, spins on the spot or paces to and fro earns
    nothing, however well it is aligned.
    Acts: forward and turn, or the ten of the shared alphabet; see `PlaneWorld`.  Horizon: 128 decisions,
    never terminates.
    Random teams hardly move on average and earn next to nothing; a competent team streams round the floor
    in one bunch.

    Parameters
    ----------
    num_agents : how many; at most 256.
    needed : agents it takes within `radius`, oneself counted; 2 to `num_agents`.
    size : side of the floor, bodies.
    walls : inner walls, 3 bodies long; at most one in each whole block of 5 x 5 bodies.
    radius : of a neighbourhood, bodies.
    memory : decisions over which motion is averaged, at least 1.
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
    wanted = together_count(needed, num_agents)
    return Flock(
        **ground,
        needed=jnp.int32(wanted),
        radius=jnp.float32(number("radius", radius, low=1, high=200, above=True)),
        memory=jnp.float32(number("memory", memory, low=1, high=1000)),
    )


def together_count(needed: object, num_agents: int) -> int:
    """How many it takes together, oneself counted; checked."""
    if num_agents < 2:
        raise OptionError(f"num_agents={num_agents}; allowed: at least 2, for nobody is together alone")
    return integer("needed", needed, low=2, high=num_agents)
