"""What this machine offers, and whether a world runs on it."""

import os
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import jax
import jax.numpy as jnp

import socialsim

PACKAGES = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "pettingzoo", "mujoco", "mujoco-mjx")
OPTIONAL = ("warp-lang", "stable-baselines3", "torchrl", "imageio-ffmpeg")


def main() -> None:
    print(f"socialsim {socialsim.__version__}, Python {sys.version.split()[0]}, {os.cpu_count()} CPU cores")
    for name in (*PACKAGES, *OPTIONAL):
        try:
            print(f"  {name} {version(name)}")
        except PackageNotFoundError:
            print(f"  {name}: {'not installed (optional)' if name in OPTIONAL else 'MISSING'}")
    print(f"devices: {', '.join(str(d) for d in jax.devices())}")
    env = socialsim.make("rendezvous-v0")
    state, timestep = env.reset(jax.random.key(0))
    action = jnp.zeros(env.num_agents, jnp.int32)
    _, timestep = env.step(jax.random.key(1), state, action)
    signals = dict(zip(env.channels, timestep.signals[0].tolist(), strict=True))
    print(f"a step of {env.id}: ok, signals {signals}")
    print(f"3-D rendering: {_gl()}")


def _gl() -> str:
    os.environ.setdefault("MUJOCO_GL", "egl")
    try:
        import mujoco

        engine: Any = mujoco
        model = engine.MjModel.from_xml_string("<mujoco><worldbody/></mujoco>")
        engine.Renderer(model, 32, 32).close()
    except Exception as error:  # GL libraries fail in many ways; all mean the same here
        return f"not available ({type(error).__name__}); set MUJOCO_GL to egl, osmesa or glfw"
    return f"ok (MUJOCO_GL={os.environ['MUJOCO_GL']})"
