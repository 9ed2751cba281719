"""Random scenes for tests: open ground, four agents, three objects, the default eyes."""

import jax
import jax.numpy as jnp
import numpy as np

from socialsim.core.scene import NUM_RAYS, Scene, object_features
from socialsim.core.sight import Eyes

A, M = 4, 3


def drawn(rng: np.random.Generator, count: int) -> dict:
    """What is random in a scene, drawn by numpy: its generator needs no compilation."""
    angle = rng.uniform(0, 2 * np.pi, (count, A))
    numbers = {
        "position": rng.uniform(0, 9, (count, A, 2)),
        "gaze": np.stack([np.cos(angle), np.sin(angle)], -1),
        "object_position": rng.uniform(0, 9, (count, M, 2)),
        "velocity": rng.uniform(-1, 1, (count, A, 2)),
        "clear": rng.uniform(0, 5, (count, A, NUM_RAYS)),
    }
    return {k: v.astype(np.float32) for k, v in numbers.items()} | {
        "act": rng.integers(10, size=(count, A)).astype(np.int32),
        "takes_part": rng.random((count, A, M)) < 0.15,
        "object_present": rng.random((count, M)) < 0.8,
    }


def random_scene(d: dict) -> Scene:
    position, gaze, objects, takes = d["position"], d["gaze"], d["object_position"], d["takes_part"]
    eyes, nowhere = Eyes(), jnp.zeros((0, 4))
    return Scene(
        position=position,
        velocity=d["velocity"],
        heading=gaze,
        gaze=gaze,
        act=d["act"],
        load=jnp.zeros(A),
        strength=jnp.ones(A),
        clear=d["clear"],
        object_position=objects,
        object_goal=objects,
        object_features=object_features(M, needed=jnp.full(M, 3.0), present=takes.sum(0).astype(jnp.float32)),
        object_present=d["object_present"],
        takes_part=takes,
        sees_agent=eyes.see_agents(position, gaze, nowhere),
        sees_object=eyes.see(position, gaze, objects, nowhere),
        joint=jnp.zeros(A),
    )


def scenes(count: int, seed: int = 0) -> Scene:
    """Leading axis `[count]`."""
    return jax.jit(jax.vmap(random_scene))(drawn(np.random.default_rng(seed), count))
