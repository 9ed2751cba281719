"""The MuJoCo model: bodies with a neck in an arena, optionally with walls and a beam, or on a plank.

A `Plan` says how many of what; it is hashable, compares by value and pickles, so that worlds can carry
it as a static field while the compiled models live in a cache. The model that is stepped is lean: one
collision geom per thing, all contacts in one plane, nothing that is only looked at (`pictures` adds that).

Coordinates: metres, the arena spans 0..size*BODY in x and y. Joints: the plank's tilt, if there is one;
x, y, yaw, neck (and nod) of each agent in turn; x, y, yaw of the beam, if there is one.
"""

# pyright: reportAttributeAccessIssue=false
# (mujoco takes its names from compiled modules that ship no stubs.)

import dataclasses
import functools
import importlib.util
from typing import NamedTuple

import jax
import mujoco
import numpy as np

from socialsim.core import errors
from socialsim.core.errors import OptionError
from socialsim.envs.mujoco.quiet import mjx

BODY = 0.5  # metres: diameter of an agent
RADIUS = BODY / 2
BEAM_RADIUS = 0.25 * BODY
NECK_HEIGHT = BODY + 0.12  # metres above the floor; where the head turns and nods, and looks from

SUBSTEPS = 4
TIMESTEP = 0.0625  # seconds
DECISION = SUBSTEPS * TIMESTEP

# Full drive walks one body and turns or nods 60 degrees per decision, after a short spin-up.
RESPONSE = 0.1  # seconds: time constant of walking and turning
MASS = 40.0  # kg
WALK = MASS / RESPONSE * BODY / DECISION  # newtons at full drive
SPIN_INERTIA = 25.0  # kg m2; large, as if the feet grip: contact does not roll a body along a beam
SPIN = SPIN_INERTIA / RESPONSE * np.radians(60) / DECISION  # newton metres
NECK_INERTIA = 0.05  # kg m2; small, so that a nod does not turn the body
NECK = NECK_INERTIA / RESPONSE * np.radians(60) / DECISION
NECK_LIMIT = float(np.radians(80))

# A nod is held against a spring: full drive looks up or down as far as the neck goes, none looks level.
NOD_LIMIT = float(np.radians(60))
NOD_SPRING = NECK / NOD_LIMIT  # newton metres per radian

BEAM_MASS = 200.0  # kg

# The plank, per agent on it, so that many tilt it as much as few: one body off balance, on average,
# tilts it by TILT.
GRAVITY = 9.81
TILT = float(np.radians(8))
TILT_LIMIT = float(np.radians(15))
PLANK_MASS = 25.0  # kg
PLANK_SPRING = MASS * GRAVITY * BODY / TILT  # newton metres per radian
PLANK_DAMPING = 0.7  # of critical, with the agents spread along it
PLANK_THICK = 0.1  # metres
LOAD_DROP = 0.35  # metres the load hangs below the plank
LOAD_BODY = 2  # its number in the model: after the world and the plank

WALL_LENGTH, WALL_WIDTH = 3.0, 0.5  # bodies

MAX_AGENTS = 64


@dataclasses.dataclass(frozen=True)
class Plan:
    """What the arena holds. Lengths in bodies.

    size: side of the arena.  beam: length of the beam, 0 for none.  walls: inner walls; even ones lie
    along x, odd ones along y.  impl: MJX back end, "jax" or "warp".  nod: heads also look up and down.
    plank: width of a plank, `size` long, that the agents stand on instead of the floor; 0 for none.
    """

    num_agents: int
    size: float
    beam: float = 0.0
    walls: int = 0
    impl: str = "jax"
    nod: bool = False
    plank: float = 0.0

    def __post_init__(self):
        errors.integer("num_agents", self.num_agents, low=1, high=MAX_AGENTS)
        errors.integer("walls", self.walls, low=0, high=8)
        errors.choose("impl", self.impl, ("jax", "warp"))
        if self.impl == "warp" and importlib.util.find_spec("warp") is None:
            raise OptionError("impl='warp' needs the package warp-lang, not installed here; allowed: 'jax'")

    @property
    def dofs(self) -> int:
        """Joints of an agent."""
        return 5 if self.nod else 4

    @property
    def width(self) -> float:
        """Of what the agents walk on, bodies."""
        return self.plank or self.size

    @property
    def wall_half(self) -> np.ndarray:
        """Half extents of the walls, bodies: `[W, 2]`."""
        along = np.array([WALL_LENGTH, WALL_WIDTH]) / 2
        return np.array([along if i % 2 == 0 else along[::-1] for i in range(self.walls)]).reshape(-1, 2)

    @property
    def beam_low(self) -> float:
        """Least distance of the beam's centre from the border, bodies: agents always get round its ends."""
        return self.beam / 2 + 1.1

    @property
    def limits(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest `qpos`, metres and radians: `[nq]` each."""
        nod = [NOD_LIMIT] * self.nod
        high = [self.size * BODY - RADIUS, self.width * BODY - RADIUS, np.inf, NECK_LIMIT, *nod]
        low = [RADIUS] * 2 + [-np.inf, -NECK_LIMIT] + [-n for n in nod]
        high, low = high * self.num_agents, low * self.num_agents
        if self.plank:
            high, low = [np.inf, *high], [-np.inf, *low]
        if self.beam:
            high += [(self.size - self.beam_low) * BODY] * 2 + [np.inf]
            low += [self.beam_low * BODY] * 2 + [-np.inf]
        return np.array(low, np.float32), np.array(high, np.float32)


def agent_xml(
    name: str, looks: str = "", head_looks: str = "", *, nod: bool = False, corner: str = "0 0"
) -> str:
    """One agent: x, y and yaw slide and turn the body, the neck turns the head upon it (and nods it).

    corner: where x and y are 0, in the frame of what the agent stands on, metres.
    """
    damp = f'damping="{MASS / RESPONSE}"'
    spin = f'damping="{SPIN_INERTIA / RESPONSE}"'
    neck = f'damping="{NECK_INERTIA / RESPONSE}"'
    limit = f"{-np.degrees(NECK_LIMIT)} {np.degrees(NECK_LIMIT)}"
    up = np.degrees(NOD_LIMIT)
    spring = f'range="{-up} {up}" stiffness="{NOD_SPRING}" {neck}'
    nods = f'<joint name="{name}_nod" type="hinge" axis="0 -1 0" {spring}/>' if nod else ""
    # The head's weight is within MASS; the arithmetic keeps the yaw inertia as documented.
    return f"""
    <body name="{name}" pos="{corner} {RADIUS}">
      <inertial pos="0 0 0" mass="{MASS - 1}" diaginertia="20 20 {SPIN_INERTIA}"/>
      <joint name="{name}_x" type="slide" axis="1 0 0" {damp}/>
      <joint name="{name}_y" type="slide" axis="0 1 0" {damp}/>
      <joint name="{name}_yaw" type="hinge" axis="0 0 1" {spin}/>
      <geom name="{name}" type="sphere" size="{RADIUS}" contype="1" conaffinity="1" condim="1" group="3"/>
      {looks}
      <body name="{name}_head" pos="0 0 {NECK_HEIGHT - RADIUS}">
        <inertial pos="0 0 0" mass="1" diaginertia="{NECK_INERTIA} {NECK_INERTIA} {NECK_INERTIA}"/>
        <joint name="{name}_neck" type="hinge" axis="0 0 1" range="{limit}" {neck}/>
        {nods}
        {head_looks}
      </body>
    </body>"""


def beam_xml(length: float, looks: str = "") -> str:
    """The beam: a capsule that slides and turns; its dry friction is applied by the engine."""
    half = length * BODY / 2 - BEAM_RADIUS
    turning = BEAM_MASS * (length * BODY) ** 2 / 12
    return f"""
    <body name="beam" pos="0 0 {RADIUS}">
      <inertial pos="0 0 0" mass="{BEAM_MASS}" diaginertia="{turning} {turning} {turning}"/>
      <joint name="beam_x" type="slide" axis="1 0 0"/>
      <joint name="beam_y" type="slide" axis="0 1 0"/>
      <joint name="beam_yaw" type="hinge" axis="0 0 1"/>
      <geom name="beam" type="capsule" fromto="{-half} 0 0 {half} 0 0" size="{BEAM_RADIUS}"
            contype="0" conaffinity="1" condim="3" friction="1 0.005 0.0001" group="3"/>
      {looks}
    </body>"""


def plank_xml(plan: Plan, agents: str, looks: str = "", load_looks: str = "") -> str:
    """The plank: it tilts about its middle against a spring; the load below it and the agents go with it.

    Where the load hangs and what it weighs is set by the engine. Its stop is MuJoCo's own joint limit, for
    the force of the stop acts on those who stand on the plank too.
    """
    n, length = plan.num_agents, plan.size * BODY
    own = n * PLANK_MASS * length**2 / 12
    spread = n * MASS * (length / 4) ** 2
    damping = 2 * PLANK_DAMPING * np.sqrt(n * PLANK_SPRING * (own + spread))
    spring = f'stiffness="{n * PLANK_SPRING}" damping="{damping}"'
    far = np.degrees(TILT_LIMIT)
    stop = f'limited="true" range="{-far} {far}" solreflimit="{2 * TIMESTEP} 1" solimplimit="0.95 0.99 0.02"'
    return f"""
    <body name="plank" pos="{length / 2} {plan.width * BODY / 2} 0">
      <inertial pos="0 0 0" mass="{n * PLANK_MASS}" diaginertia="{own} {own} {own}"/>
      <joint name="plank" type="hinge" axis="0 1 0" {spring} {stop}/>
      {looks}
      <body name="load" pos="0 0 {-LOAD_DROP}">
        <inertial pos="0 0 0" mass="1" diaginertia="0.1 0.1 0.1"/>
        {load_looks}
      </body>
      {agents}
    </body>"""


def plank_corner(plan: Plan) -> str:
    """Where the agents' x and y are 0, in the frame of the plank or of the floor, metres."""
    return f"{-plan.size * BODY / 2} {-plan.width * BODY / 2}" if plan.plank else "0 0"


def lean_xml(plan: Plan, *, iterations: int = 2, ls_iterations: int = 4) -> str:
    """MJCF of what is stepped. Two Newton iterations put bodies where thirty put them, to about 1e-3 bodies.

    Contacts are soft, however many iterations there are: bodies that push against one another overlap. Where
    a crowd walks to one point centres are 0.84 to 0.97 bodies apart (1 is touching).

    Limits are declared but disabled, save for the plank's: the engine keeps joints within `Plan.limits`
    exactly, at no cost.
    """
    corner = plank_corner(plan)
    agents = "".join(agent_xml(f"agent_{i}", nod=plan.nod, corner=corner) for i in range(plan.num_agents))
    agents = plank_xml(plan, agents) if plan.plank else agents
    gravity = GRAVITY if plan.plank else 0
    limit = "" if plan.plank else 'limit="disable"'
    unlimited = '<joint limited="false"/>' if plan.plank else ""
    walls = "".join(
        f'<geom name="wall_{i}" type="box" size="{x * BODY} {y * BODY} {RADIUS}" pos="0 0 {RADIUS}" '
        f'contype="0" conaffinity="1" condim="1"/>'
        for i, (x, y) in enumerate(plan.wall_half)
    )
    beam = beam_xml(plan.beam) if plan.beam else ""
    return f"""<mujoco>
  <option timestep="{TIMESTEP}" gravity="0 0 {-gravity}" integrator="Euler" solver="Newton" jacobian="sparse"
          iterations="{iterations}" ls_iterations="{ls_iterations}">
    <flag eulerdamp="disable" {limit} warmstart="disable"/>
  </option>
  <default><geom solref="{2 * TIMESTEP} 1" solimp="0.95 0.99 0.02"/>{unlimited}</default>
  <worldbody>{walls}{agents}{beam}</worldbody></mujoco>"""


class Lean(NamedTuple):
    """The compiled model, for C, for MJX, and MJX data to start from."""

    model: mujoco.MjModel
    mjx_model: mjx.Model
    data: mjx.Data


@functools.lru_cache(maxsize=64)
def compiled(plan: Plan) -> Lean:
    """Compile a plan, once a process. Raises OptionError where its back end cannot run here."""
    model = mujoco.MjModel.from_xml_string(lean_xml(plan))
    # The first use may be inside a trace (after unpickling): build arrays, not tracers.
    # and in single precision always, for what is compiled here serves all that follows.
    with jax.ensure_compile_time_eval(), jax.enable_x64(False):
        try:
            return Lean(model, mjx.put_model(model, impl=plan.impl), mjx.make_data(model, impl=plan.impl))
        except (RuntimeError, NotImplementedError, ImportError, ValueError) as error:
            if plan.impl == "jax":
                raise
            raise OptionError(f"impl={plan.impl!r} cannot run here ({error}); allowed: 'jax'") from error
