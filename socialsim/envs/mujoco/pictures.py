"""What the MuJoCo worlds look like: a decorated twin of the stepped model, and the camera on it.

The twin has the same joints in the same order, so a state is shown by copying `qpos`. OpenGL is touched
in `render` only.
"""

# pyright: reportAttributeAccessIssue=false
# (mujoco takes its names from compiled modules that ship no stubs.)

import colorsys
import ctypes.util
import functools
import os
import sys
import warnings

import mujoco
import numpy as np

from socialsim.core.errors import OptionError, SocialsimError
from socialsim.envs.mujoco import bodies
from socialsim.envs.mujoco.bodies import BEAM_RADIUS, BODY, RADIUS, Plan

_BORDER = 0.06  # half the thickness of the border, metres
_HIDDEN = -100.0

MAX_PIXELS = 2048


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


def _agent(index: int) -> str:
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
    return bodies.agent_xml(f"agent_{index}", body, head)


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


def decorated_xml(plan: Plan, pads: int, radius: float) -> str:
    """MJCF of what is looked at. pads, radius: how many pads, and theirs in bodies."""
    side = plan.size * BODY
    mid = side / 2
    agents = "".join(_agent(i) for i in range(plan.num_agents))
    beam = bodies.beam_xml(plan.beam, _beam_looks(plan.beam)) if plan.beam else ""
    border = "".join(
        _geom("box", f"{hx} {hy} 0.08", f"{x} {y} 0.08", "0.42 0.46 0.55 1")
        for hx, hy, x, y in (
            (mid + 2 * _BORDER, _BORDER, mid, -_BORDER),
            (mid + 2 * _BORDER, _BORDER, mid, side + _BORDER),
            (_BORDER, mid, -_BORDER, mid),
            (_BORDER, mid, side + _BORDER, mid),
        )
    )
    markers = "".join(_marker(f"pad_{i}", _pad_looks(radius)) for i in range(pads))
    if plan.beam:
        markers += _marker("goal", _goal_looks(plan.beam))
    for i, (x, y) in enumerate(plan.wall_half * BODY):
        box = _geom("box", f"{x} {y} {RADIUS}", f"0 0 {RADIUS}", "0.48 0.52 0.62 1")
        markers += _marker(f"wall_{i}", box)
    return f"""<mujoco>
  <compiler angle="degree"/>
  <visual>
    <headlight ambient="0.38 0.38 0.40" diffuse="0.25 0.25 0.25" specular="0 0 0"/>
    <global fovy="40"/>
    <quality shadowsize="2048" offsamples="4"/>
    <map znear="0.02" zfar="30" shadowclip="1.2"/>
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
    <light directional="true" pos="{mid} {mid} {side}" dir="0.45 0.55 -1" diffuse="0.62 0.60 0.56"
           specular="0.2 0.2 0.2"/>
    <light directional="true" pos="{mid} {mid} {side}" dir="-0.6 -0.3 -1" diffuse="0.18 0.20 0.26"
           specular="0 0 0" castshadow="false"/>
    <geom name="floor" type="box" size="{mid} {mid} 0.05" pos="{mid} {mid} -0.05" material="floor"
          contype="0" conaffinity="0"/>
    {border}{markers}{agents}{beam}
  </worldbody>
</mujoco>"""


class Studio:
    """A decorated model with an OpenGL context of its own.

    Not `mujoco.Renderer`: that fixes its back end when mujoco is imported, which is too early to choose
    one where `MUJOCO_GL` is not set, and would make physics fail where there is no OpenGL.
    """

    def __init__(self, model: mujoco.MjModel, width: int, height: int):
        self.model, self.rect = model, mujoco.MjrRect(0, 0, width, height)
        model.vis.global_.offwidth, model.vis.global_.offheight = width, height
        self.gl = _gl_context(width, height)
        self.gl.make_current()
        self.scene = mujoco.MjvScene(model, maxgeom=4000)
        self.context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100.value)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value, self.context)

    def picture(self, data: mujoco.MjData, camera: mujoco.MjvCamera) -> np.ndarray:
        self.gl.make_current()
        everything = mujoco.mjtCatBit.mjCAT_ALL.value
        mujoco.mjv_updateScene(self.model, data, mujoco.MjvOption(), None, camera, everything, self.scene)
        pixels = np.empty((self.rect.height, self.rect.width, 3), np.uint8)
        mujoco.mjr_render(self.rect, self.scene, self.context)
        mujoco.mjr_readPixels(pixels, None, self.rect, self.context)
        return pixels[::-1].copy()


def _gl_context(width: int, height: int):
    """EGL or OSMesa, whichever is installed; MuJoCo's own choice where `MUJOCO_GL` is set or neither is."""
    chosen = bool(os.environ.get("MUJOCO_GL")) or sys.platform != "linux"
    if not chosen and ctypes.util.find_library("EGL"):
        from mujoco.egl import GLContext
    elif not chosen and ctypes.util.find_library("OSMesa"):
        from mujoco.osmesa import GLContext
    else:
        from mujoco import GLContext
    return GLContext(width, height)


@functools.lru_cache(maxsize=2)
def _studio(plan: Plan, pads: int, radius: float, width: int, height: int) -> Studio:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # glfw warns of what the error below says
            return Studio(mujoco.MjModel.from_xml_string(decorated_xml(plan, pads, radius)), width, height)
    except Exception as error:  # the OpenGL back ends raise whatever they like
        raise SocialsimError(
            f"no OpenGL for pictures in 3-D (MUJOCO_GL={os.environ.get('MUJOCO_GL')!r}: {error}); install "
            "EGL or OSMesa, or set MUJOCO_GL to 'egl' or 'osmesa', or draw the view from above"
        ) from error


def render(world, state, width: int, height: int) -> np.ndarray:
    """A picture of one state: uint8 `[height, width, 3]`. See `MujocoWorld.render_3d`."""
    if not (1 <= width <= MAX_PIXELS and 1 <= height <= MAX_PIXELS):
        raise OptionError(f"width={width}, height={height}; allowed: 1 to {MAX_PIXELS} pixels")
    plan: Plan = world.plan
    pads = getattr(world, "num_pads", 0)
    radius = round(float(getattr(world, "radius", 1.0)), 4)
    studio = _studio(plan, pads, radius, width, height)
    model = studio.model
    data = mujoco.MjData(model)
    data.qpos[:] = np.asarray(state.qpos)
    poses = {name: np.asarray(pose) for name, pose in world.markers(state).items()}
    poses |= {f"wall_{i}": np.array([*centre, 0.0]) for i, centre in enumerate(np.asarray(state.walls))}
    for name, (x, y, yaw) in poses.items():
        slot = model.body(name).mocapid[0]
        data.mocap_pos[slot] = (x * BODY, y * BODY, 0.0)
        data.mocap_quat[slot] = (np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2))
    mujoco.mj_kinematics(model, data)
    mujoco.mj_comPos(model, data)
    mujoco.mj_camlight(model, data)
    return studio.picture(data, _camera(plan, width / height))


def _camera(plan: Plan, aspect: float) -> mujoco.MjvCamera:
    """From above the south side, far enough for the whole floor to fit."""
    side = plan.size * BODY
    camera = mujoco.MjvCamera()
    camera.type = mujoco.mjtCamera.mjCAMERA_FREE
    camera.lookat[:] = (side / 2, side * 0.47, 0.0)
    camera.distance = 1.5 * side / min(aspect, 1.2) * 1.1
    camera.azimuth, camera.elevation = 90.0, -52.0
    return camera
