"""MuJoCo worlds in small batches: one compiled step serves all tests of a world."""

import jax
import jax.numpy as jnp
import numpy as np

from socialsim.core.registry import make_world
from socialsim.envs.mujoco import bodies

E = 4  # worlds in a batch


class Runner:
    """A world with its compiled, batched functions; the world is an argument, so its leaves can differ."""

    def __init__(self, id: str, **options):
        self.world = make_world(id, **options)
        self.agents = self.world.num_agents
        self.reset_all = jax.jit(jax.vmap(lambda w, k: w.reset(k), in_axes=(None, 0)))
        self.step_all = jax.jit(jax.vmap(lambda w, k, s, a: w.step(k, s, a), in_axes=(None, 0, 0, 0)))
        self.scene_all = jax.jit(jax.vmap(lambda w, s: w.scene(s), in_axes=(None, 0)))

    def reset(self, seed=0, world=None):
        return self.reset_all(world or self.world, jax.random.split(jax.random.key(seed), E))

    def step(self, state, action, world=None, seed=0):
        shape = (E, self.agents, self.world.actions.size)
        action = jnp.broadcast_to(jnp.asarray(action, jnp.float32), shape)
        return self.step_all(world or self.world, jax.random.split(jax.random.key(seed), E), state, action)

    def scene(self, state):
        return self.scene_all(self.world, state)

    def arrange(self, state, poses, *, first=(), last=()):
        """The state with agents at rest in every world.

        poses: (x, y, yaw, neck, nod) of each, bodies and radians; what is left out is 0.  first, last:
        joints before and after the agents', metres and radians.
        """
        joints = np.zeros((len(poses), self.world.plan.dofs), np.float32)
        for joint, pose in zip(joints, poses, strict=True):
            joint[: len(pose)] = pose
        joints[:, :2] *= bodies.BODY
        qpos = np.concatenate([first, joints.ravel(), last]).astype(np.float32)
        qpos = jnp.broadcast_to(jnp.asarray(qpos), state.qpos.shape)
        walls = jnp.full_like(state.walls, -50.0)  # out of the way
        return state.replace(qpos=qpos, qvel=jnp.zeros_like(qpos), walls=walls)
