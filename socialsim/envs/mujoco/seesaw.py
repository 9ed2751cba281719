"""seesaw: keep a plank level together."""

import math
from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from socialsim.core.errors import OptionError, integer, number
from socialsim.core.scene import Scene, object_features
from socialsim.core.sight import Eyes
from socialsim.envs.mujoco import placing
from socialsim.envs.mujoco.bodies import MAX_AGENTS, TILT, TILT_LIMIT, Plan, compiled
from socialsim.envs.mujoco.engine import BodiesState, MujocoWorld

ASIDE = 0.5  # bodies from the middle, on the side that lacks weight: from here on an agent balances
NEAR = 0.4  # the load hangs at least this far out, as a share of how far out it can
SHIFT = 3.0  # each new place of the load unbalances the plank by at least so many tolerances
SLOTS = 2  # the spirit level's bubble and the load


class SeesawState(BodiesState):
    """load_place: of the load along the plank, from its middle, bodies.  held: decisions level so far."""

    load_place: Float[Array, ""]
    held: Int[Array, ""]


class Seesaw(MujocoWorld):
    """A plank that tilts under those who stand on it. See `seesaw`.

    tolerance: radians.  load: the load's weight as a share of all agents' together.
    """

    task: ClassVar[str] = "seesaw"

    tolerance: Float[Array, ""]
    load: Float[Array, ""]
    hold: Int[Array, ""]
    needed: Int[Array, ""]

    def reset(self, key: Key[Array, ""]) -> SeesawState:
        body_key, load_key = jax.random.split(key)
        body = self._begin(body_key)
        state = SeesawState(**body, load_place=jnp.float32(0), held=jnp.int32(0))
        state = state.replace(load_place=self._new_place(load_key, state))
        # It begins at rest, tilted as its weights tilt it.
        tilt = jnp.clip(TILT * self._imbalance(state, state.load_place), -TILT_LIMIT, TILT_LIMIT)
        return state.replace(qpos=jnp.concatenate([tilt[None], state.qpos[1:]]))

    def step(self, key: Key[Array, ""], state: SeesawState, action: Float[Array, "A 3"]) -> SeesawState:
        state = self._move(state, action, load=jnp.stack([state.load_place, self.load * self.num_agents]))
        balancing = self._balancing(state)
        level = (jnp.abs(self.tilt(state)) <= self.tolerance) & (balancing.sum() >= self.needed)
        held = jnp.where(level, state.held + 1, 0)
        done = held >= self.hold
        return state.replace(
            joint=(balancing & done).astype(jnp.float32),
            load_place=jnp.where(done, self._new_place(key, state), state.load_place),
            held=jnp.where(done, 0, held),
        )

    def scene(self, state: SeesawState) -> Scene:
        half, across = self.plan.size / 2, self.plan.width / 2
        x = half + jnp.stack([self._bubble(state), state.load_place])
        balancing = self._balancing(state)
        bubble = jnp.array([1.0, 0.0])  # its column; the other is the load's
        features = object_features(
            SLOTS,
            needed=bubble * self.needed,
            present=bubble * balancing.sum(),
            progress=bubble * state.held / self.hold,
            movable=bubble,
            load=(1 - bubble) * self.load,
            placed=bubble,
        )
        part = balancing[:, None] & (bubble > 0)
        places = jnp.stack([x, jnp.array([across, 0.0])], -1)
        goals = jnp.where(bubble[:, None] > 0, jnp.array([half, across]), places)
        return self._scene(state, places, goals, features, part)

    def tilt(self, state: SeesawState) -> Float[Array, ""]:
        """Of the plank, radians; positive where its far end (large x) is down."""
        return state.qpos[0]

    def zones(self, state: SeesawState) -> Float[Array, "1 4 2"]:
        """The part of the plank whose weights balance the load, for pictures."""
        half, width = self.plan.size / 2, self.plan.width
        side = -jnp.sign(state.load_place)
        corners = [(ASIDE, 0.0), (half, 0.0), (half, width), (ASIDE, width)]
        return jnp.stack([jnp.stack([half + side * x, jnp.float32(y)]) for x, y in corners])[None]

    def markers(self, state: SeesawState) -> dict[str, Array]:
        """Poses from the middle of the plank."""
        half = jnp.float32(self.plan.width / 2)
        zero = jnp.float32(0)
        return {
            "load": jnp.stack([state.load_place, -half, zero]),
            "bubble": jnp.stack([self._bubble(state), zero, zero]),
        }

    def _bubble(self, state) -> Float[Array, ""]:
        """Where the bubble rests: towards the end that is up, at its end when the plank is at its stop."""
        return -self._farthest * jnp.clip(self.tilt(state) / TILT_LIMIT, -1.0, 1.0)

    @property
    def _farthest(self) -> float:
        """From the middle that anything can be, bodies."""
        return self.plan.size / 2 - 0.5

    def _places(self, state) -> Float[Array, " A"]:
        """Of the agents along the plank, from its middle, bodies."""
        return self.positions(state)[:, 0] - self.plan.size / 2

    def _balancing(self, state) -> Bool[Array, " A"]:
        return -jnp.sign(state.load_place) * self._places(state) >= ASIDE

    def _imbalance(self, state, place: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """How far all agents, as one, would be off balance with the load at `place`, bodies."""
        return self._places(state).mean() + self.load * place

    def _new_place(self, key, state) -> Float[Array, ""]:
        far = self._farthest

        def clearance(tries):
            out = jnp.abs(tries[:, 0]) / (NEAR * far)
            off = TILT * jnp.abs(self._imbalance(state, tries[:, 0])) / (SHIFT * self.tolerance)
            return jnp.minimum(out, off)

        return placing.draw(key, -far, far, clearance)[0]


def seesaw(
    *,
    num_agents: int = 4,
    length: float = 8.0,
    width: float = 3.0,
    needed: int = 2,
    tolerance: float = 1.5,
    hold: int = 4,
    load: float = 0.5,
    reach: float = 8.0,
    cone: float = 120.0,
    full_view: bool = False,
    impl: str = "jax",
) -> Seesaw:
    """A plank on a hinge, to be kept level by where its agents stand; MuJoCo bodies with a neck.

    Who: `num_agents` bodies on a plank `length` x `width` bodies, which tilts about its middle, against a
    spring, as their weights and the load's tilt it: 8 degrees where all agents together are one body off
    balance, 15 at most. Who stands on a slope slides down it a little.  What: a load that hangs below the
    plank's edge and weighs `load` times as much as all agents together; and the bubble of a spirit level,
    which lies towards the end that is up, sensed with where it belongs: the middle.  Joint event: the
    plank has been within `tolerance` of level for `hold` decisions in a row, with `needed` agents at
    least half a body from the middle on the side opposite to the load all the while. Those on that side
    share it (1.0 each), and the load hangs elsewhere: so that the plank does not stay level by itself.
    Actions: `[A, 3]` in [-1, 1] (forward, turn, neck); see `MujocoWorld`. Places are measured along the
    plank.  Horizon: 128 decisions, never terminates.
    Teams that stand still never succeed, random ones hardly ever; a competent team moves as one until the
    bubble is where it belongs.

    Parameters
    ----------
    num_agents : 2 to 64, and at most as many as find room on half of the plank.
    length, width : of the plank, bodies.
    needed : agents that must balance the load; at most `num_agents`.
    tolerance : degrees of tilt that count as level; smaller is harder.
    hold : decisions; 3 or more, so that nothing swings through unheld.
    load : weight of the load as a share of all agents' together, 0.2 to 0.5.
    reach, cone : of sight, in bodies and degrees.  full_view : see everything.
    impl : MJX back end, "jax" or (with warp-lang on an NVIDIA device; experimental) "warp".

    Raises
    ------
    OptionError : an option out of range; the message says what is allowed.
    """
    num_agents = integer("num_agents", num_agents, low=2, high=MAX_AGENTS)
    length = number("length", length, low=6, high=20)
    width = number("width", width, low=2, high=length)
    load = number("load", load, low=0.2, high=0.5)
    room = len(placing.lattice(length, width)) // 2
    if num_agents > room:
        raise OptionError(
            f"num_agents={num_agents} do not fit; allowed: at most {room} for length={length:g} and "
            f"width={width:g}, or a larger width"
        )
    # Wherever the load hangs, it must be able to go where the same stance no longer balances it.
    most = math.degrees(TILT) * load * 2 * NEAR * (length / 2 - 0.5) / SHIFT
    tolerance = number("tolerance", tolerance, low=0.2, high=math.floor(10 * most) / 10)
    plan = Plan(num_agents=num_agents, size=length, plank=width, impl=impl)
    compiled(plan)
    return Seesaw(
        plan=plan,
        eyes=Eyes(reach=reach, cone=cone, full_view=bool(full_view)),
        tolerance=jnp.float32(math.radians(tolerance)),
        load=jnp.float32(load),
        hold=jnp.int32(integer("hold", hold, low=3, high=100)),
        needed=jnp.int32(integer("needed", needed, low=1, high=num_agents)),
    )
