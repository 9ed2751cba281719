"""Pictures of the MuJoCo worlds in 3-D: the decorated twin of the stepped model (see `looks`) and a camera.

OpenGL is touched in `render` only.
"""

# pyright: reportAttributeAccessIssue=false
# (mujoco takes its names from compiled modules that ship no stubs.)

import ctypes.util
import os
import sys
import warnings

import mujoco
import numpy as np

from socialsim.core.errors import OptionError, SocialsimError
from socialsim.envs.mujoco.bodies import BODY, Plan
from socialsim.envs.mujoco.looks import Extras, decorated_xml

MAX_PIXELS = 2048


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

    def close(self) -> None:
        """Give the buffers back, within the context that they are of: else another's would be freed."""
        self.gl.make_current()
        self.context.free()
        self.gl.free()


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


_STUDIOS: dict[tuple, Studio] = {}
_AT_ONCE = 2  # each holds buffers of OpenGL


def _studio(*key) -> Studio:
    """The studio for a plan, its extras, a width and a height; the oldest makes room for a new one."""
    if key not in _STUDIOS:
        while len(_STUDIOS) >= _AT_ONCE:
            _STUDIOS.pop(next(iter(_STUDIOS))).close()
        _STUDIOS[key] = _new_studio(*key)
    return _STUDIOS[key]


def _new_studio(plan: Plan, extras: Extras, width: int, height: int) -> Studio:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # glfw warns of what the error below says
            return Studio(mujoco.MjModel.from_xml_string(decorated_xml(plan, extras)), width, height)
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
    extras = Extras(
        pads=getattr(world, "num_pads", 0),
        radius=round(float(getattr(world, "radius", 1.0)), 4),
        lights=getattr(world, "num_lights", 0),
    )
    studio = _studio(plan, extras, width, height)
    model = studio.model
    data = mujoco.MjData(model)
    data.qpos[:] = np.asarray(state.qpos)
    poses = {name: np.asarray(pose) for name, pose in world.markers(state).items()}
    poses |= {f"wall_{i}": np.array([*centre, 0.0]) for i, centre in enumerate(np.asarray(state.walls))}
    for name, (x, y, yaw, *z) in poses.items():
        body = model.body(name)
        if body.mocapid[0] < 0:  # it goes with the plank
            model.body_pos[body.id, :2] = (x * BODY, y * BODY)
            continue
        data.mocap_pos[body.mocapid[0]] = (x * BODY, y * BODY, sum(z) * BODY)
        data.mocap_quat[body.mocapid[0]] = (np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2))
    mujoco.mj_kinematics(model, data)
    mujoco.mj_comPos(model, data)
    mujoco.mj_camlight(model, data)
    return studio.picture(data, _camera(plan, width / height))


def _camera(plan: Plan, aspect: float) -> mujoco.MjvCamera:
    """From above the south side, far enough for the whole floor to fit; lower where heights matter."""
    side = plan.size * BODY
    camera = mujoco.MjvCamera()
    camera.type = mujoco.mjtCamera.mjCAMERA_FREE
    camera.lookat[:] = (side / 2, side * 0.47, 0.0)
    camera.distance = 1.5 * side / min(aspect, 1.2) * 1.1
    camera.azimuth, camera.elevation = 90.0, -52.0
    if plan.nod:
        camera.lookat[2], camera.elevation = 0.15 * side, -34.0
    if plan.plank:
        camera.lookat[1:] = plan.width * BODY / 2, 0.0
        camera.distance, camera.elevation = 1.25 * side / min(aspect, 1.4) * 1.3, -24.0
    return camera
