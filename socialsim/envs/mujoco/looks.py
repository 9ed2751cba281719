"""What the MuJoCo worlds look like: a decorated twin of the stepped model.

The twin has the same joints in the same order, so a state is shown by copying `qpos`. What is only looked
at and changes place is a mocap body, or a child of the plank that it goes with.
"""

import colorsys
from typing import NamedTuple

import numpy as np

from socialsim.envs.mujoco import bodies
from socialsim.envs.mujoco.bodies import BEAM_RADIUS, BODY, LOAD_DROP, PLANK_THICK, RADIUS, TILT_LIMIT, Plan


class Extras(NamedTuple):
    """What there is to be seen beside the plan.

    pads, radius: how many pads, and theirs in bodies.  lights: how many.
    """

    pads: int = 0
    radius: float = 1.0
    lights: int = 0


_BORDER = 0.06  # half the thickness of the border, metres
_HIDDEN = -100.0


def colour(index: int) -> tuple[float, float, float]:
    """The colour of an agent: neighbours in number are far apart in hue."""
    return colorsys.hsv_to_rgb((0.58 + 0.381966 * index) % 1.0, 0.62, 0.95 if index % 2 == 0 else 0.85)


def _rgba(rgb, alpha=1.0) -> str:
    return " ".join(f"{c:.3f}" for c in (*rgb, alpha))


def _geom(kind: str, size: str, pos: str = "0 0 0", rgba: str = "1 1 1 1", more: str = "") -> str:
    return (
        f'<geom type="{kind}" size="{size}" pos="{pos}" rgba="{rgba}" contype="0" conaffinity="0" '
        f'mass="0" {more}/>'
    )


def _agent(index: int, plan: Plan) -> str:
    rgb = colour(index)
    dark = tuple(0.55 * c for c in rgb)
    body = (
        _geom("cylinder", f"{RADIUS} {RADIUS - 0.05}", "0 0 -0.05", _rgba(rgb), 'material="skin"')
        + _geom("ellipsoid", f"{RADIUS} {RADIUS} 0.11", f"0 0 {RADIUS - 0.1}", _rgba(rgb), 'material="skin"')
        # A dark band around, and a bright stripe that shows where the body faces.
        + _geom("cylinder", f"{RADIUS + 0.004} 0.03", "0 0 -0.12", _rgba(dark))
        + _geom("box", "0.03 0.07 0.03", f"{RADIUS} 0 -0.12", "1 1 1 1")
    )
    light = tuple(0.35 + 0.65 * c for c in rgb)
    head = _geom("sphere", "0.17", "0 0 0.06", _rgba(light), 'material="skin"')
    head += _geom("capsule", "0.03 0.04", "0.18 0 0.04", _rgba(dark), 'euler="0 90 0"')
    for side in (-1, 1):
        head += _geom("sphere", "0.055", f"0.125 {side * 0.075} 0.11", "1 1 1 1")
        head += _geom("sphere", "0.032", f"0.158 {side * 0.083} 0.115", "0.05 0.05 0.08 1")
    corner = bodies.plank_corner(plan)
    return bodies.agent_xml(f"agent_{index}", body, head, nod=plan.nod, corner=corner)


def _beam_looks(length: float) -> str:
    half = length * BODY / 2 - BEAM_RADIUS
    ends = f'fromto="{-half} 0 0 {half} 0 0"'
    plain = 'contype="0" conaffinity="0" mass="0"'
    looks = (
        f'<geom type="capsule" {ends} size="{BEAM_RADIUS}" rgba="0.72 0.47 0.26 1" material="wood" {plain}/>'
    )
    for x in np.linspace(-half, half, 3):
        looks += _geom(
            "cylinder", f"{BEAM_RADIUS * 1.06} 0.05", f"{x} 0 0", "0.30 0.20 0.13 1", 'euler="0 90 0"'
        )
    return looks


def _marker(name: str, looks: str) -> str:
    return f'<body name="{name}" mocap="true" pos="0 0 {_HIDDEN}">{looks}</body>'


def _pad_looks(radius: float) -> str:
    r = radius * BODY
    return (
        _geom("cylinder", f"{r} 0.006", "0 0 0.006", "1.0 0.80 0.25 0.55", 'material="glow"')
        + _geom("cylinder", f"{r * 0.62} 0.008", "0 0 0.008", "1.0 0.90 0.50 0.75", 'material="glow"')
        + _geom("cylinder", f"{r * 0.2} 0.010", "0 0 0.010", "1 1 0.85 1", 'material="glow"')
    )


def _goal_looks(length: float) -> str:
    half = length * BODY / 2 - BEAM_RADIUS
    return (
        f'<geom type="capsule" fromto="{-half} 0 {RADIUS} {half} 0 {RADIUS}" size="{BEAM_RADIUS}" mass="0" '
        'rgba="0.35 0.95 0.65 0.28" material="glow" contype="0" conaffinity="0"/>'
        + _geom("cylinder", f"{BODY} 0.006", "0 0 0.006", "0.35 0.95 0.65 0.55", 'material="glow"')
    )


def _lights(count: int) -> str:
    """Lights in the air, each on a thin shaft down to the floor; a halo for the target."""
    ball = _geom("sphere", "0.11", rgba="0.62 0.72 0.85 1", more='material="glow"') + _geom(
        "cylinder", "0.008 5", "0 0 -5", "0.75 0.80 0.88 0.7"
    )
    halo = _geom("sphere", "0.19", rgba="1.0 0.80 0.25 0.55", more='material="glow"')
    return "".join(_marker(f"light_{i}", ball) for i in range(count)) + _marker("glow", halo)


def _plank(plan: Plan, agents: str) -> str:
    half, across = plan.size * BODY / 2, plan.width * BODY / 2
    top, wood = -PLANK_THICK / 2, 'material="wood"'
    looks = _geom("box", f"{half} {across} {PLANK_THICK / 2}", f"0 0 {top}", "0.72 0.47 0.26 1", wood)
    for x in np.linspace(-half, half, 2 * round(plan.size / 2) + 1):  # a stripe every two bodies or so
        looks += _geom("box", f"0.012 {across} 0.003", f"{x} 0 0.001", "0.42 0.28 0.17 1")
    # The spirit level, along the near edge: a tube, the marks between which the bubble belongs, the bubble.
    tube = f"0 {-across} 0.0"
    looks += _geom("capsule", f"0.07 {half - RADIUS}", tube, "0.75 0.95 0.80 0.35", 'euler="0 90 0"')
    looks += "".join(
        _geom("cylinder", "0.074 0.008", f"{x} {-across} 0", "0.1 0.25 0.15 1", 'euler="0 90 0"')
        for x in (-0.16, 0.16)
    )
    bubble = _geom("ellipsoid", "0.12 0.062 0.062", f"0 {-across} 0.012", "0.95 1 0.6 1", 'material="glow"')
    looks += f'<body name="bubble">{bubble}</body>'
    load = _geom("box", "0.2 0.2 0.2", rgba="0.55 0.20 0.18 1", more=wood) + _geom(
        "box", "0.012 0.012 0.1", f"0 0 {LOAD_DROP - 0.15}", "0.15 0.15 0.18 1"
    )
    return bodies.plank_xml(plan, agents, looks, load)


def _trestle(plan: Plan) -> str:
    """What the plank rests on."""
    x, y, low = plan.size * BODY / 2, plan.width * BODY / 2, _floor(plan)
    tall = -low - PLANK_THICK
    looks = "".join(
        _geom(
            "box",
            f"0.05 {0.8 * y} {tall * 0.5}",
            f"{x + lean * tall * 0.2} {y} {low + tall / 2}",
            "0.36 0.40 0.48 1",
            f'euler="0 {-lean * 22} 0"',
        )
        for lean in (-1, 1)
    )
    return looks + _geom(
        "cylinder", f"0.06 {0.9 * y}", f"{x} {y} {-PLANK_THICK - 0.03}", "0.3 0.33 0.4 1", 'euler="90 0 0"'
    )


def _floor(plan: Plan) -> float:
    """Height of the ground, metres: below the lowest that the plank's ends and the load get."""
    if not plan.plank:
        return 0.0
    return -(plan.size * BODY / 2 * np.sin(TILT_LIMIT) + LOAD_DROP + 0.25)


def _border(plan: Plan) -> str:
    mid, side = plan.size * BODY / 2, plan.size * BODY
    return "".join(
        _geom("box", f"{hx} {hy} 0.08", f"{x} {y} 0.08", "0.42 0.46 0.55 1")
        for hx, hy, x, y in (
            (mid + 2 * _BORDER, _BORDER, mid, -_BORDER),
            (mid + 2 * _BORDER, _BORDER, mid, side + _BORDER),
            (_BORDER, mid, -_BORDER, mid),
            (_BORDER, mid, side + _BORDER, mid),
        )
    )


def _inner_walls(plan: Plan) -> str:
    # Where heads nod, walls reach higher than any light; one can look through them, agents cannot.
    tall, alpha = (6.5 * RADIUS, 0.5) if plan.nod else (RADIUS, 1)
    return "".join(
        _marker(f"wall_{i}", _geom("box", f"{x} {y} {tall}", f"0 0 {tall}", f"0.48 0.52 0.62 {alpha}"))
        for i, (x, y) in enumerate(plan.wall_half * BODY)
    )


def decorated_xml(plan: Plan, extras: Extras) -> str:
    """MJCF of what is looked at."""
    side = plan.size * BODY
    mid, middle, low = side / 2, plan.width * BODY / 2, _floor(plan)
    agents = "".join(_agent(i, plan) for i in range(plan.num_agents))
    things = _plank(plan, agents) + _trestle(plan) if plan.plank else agents + _border(plan)
    if plan.beam:
        things += bodies.beam_xml(plan.beam, _beam_looks(plan.beam)) + _marker("goal", _goal_looks(plan.beam))
    things += "".join(_marker(f"pad_{i}", _pad_looks(extras.radius)) for i in range(extras.pads))
    things += _lights(extras.lights) if extras.lights else ""
    things += _inner_walls(plan)
    return f"""<mujoco>
  <compiler angle="degree"/>
  <statistic extent="{side}" center="{mid} {middle} 0"/>
  <visual>
    <headlight ambient="0.38 0.38 0.40" diffuse="0.25 0.25 0.25" specular="0 0 0"/>
    <global fovy="40"/>
    <quality shadowsize="4096" offsamples="4"/>
    <map znear="0.02" zfar="5" shadowclip="1.0"/>
  </visual>
  <asset>
    <texture name="sky" type="skybox" builtin="gradient" rgb1="0.80 0.86 0.94" rgb2="0.55 0.62 0.74"
             width="256" height="256"/>
    <texture name="floor" type="2d" builtin="checker" rgb1="0.27 0.31 0.38" rgb2="0.31 0.35 0.43"
             mark="edge" markrgb="0.36 0.41 0.50" width="512" height="512"/>
    <texture name="wood" type="cube" builtin="flat" rgb1="0.8 0.8 0.8" mark="random" markrgb="0.6 0.6 0.6"
             random="0.04" width="128" height="128"/>
    <material name="floor" texture="floor" texrepeat="{plan.size / 2} {plan.size / 2}" reflectance="0.04"/>
    <material name="skin" specular="0.35" shininess="0.4"/>
    <material name="wood" texture="wood" specular="0.1"/>
    <material name="glow" emission="0.75" specular="0"/>
  </asset>
  <worldbody>
    <light directional="true" pos="{0.1 * mid} {middle - 1.1 * mid} {side}" dir="0.45 0.55 -1"
           diffuse="0.62 0.60 0.56" specular="0.2 0.2 0.2"/>
    <light directional="true" pos="{mid} {mid} {side}" dir="-0.6 -0.3 -1" diffuse="0.18 0.20 0.26"
           specular="0 0 0" castshadow="false"/>
    <geom name="floor" type="plane" size="{mid} {mid} 1" pos="{mid} {middle} {low}" material="floor"
          contype="0" conaffinity="0"/>
    {things}
  </worldbody>
</mujoco>"""
