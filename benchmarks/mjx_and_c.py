"""World-steps per second of a MuJoCo world in MJX beside MuJoCo's own C rollout on all cores, in one run.

`python benchmarks/mjx_and_c.py`: the lean model of rendezvous-mujoco-v0, physics alone, random controls
(as generalised forces) in both. The C side steps `SUBSTEPS` times a decision, like the world.
"""

import os
import statistics
import time

import jax
import mujoco
import numpy as np
from mujoco import rollout

import socialsim
from socialsim.agents.bots.base import random_action
from socialsim.envs.mujoco.bodies import SUBSTEPS

WORLDS, STEPS, REPEATS = 1024, 16, 5


def in_mjx(env) -> float:
    """On one device, whose operations XLA splits over the cores (two CPU devices at once starve each other
    in MJX: each waits for the pool of threads that they share)."""
    world = env.world

    @jax.jit
    def run(key):
        state = jax.vmap(world.reset)(jax.random.split(key, WORLDS))

        def step(state, key):
            act_key, step_key = jax.random.split(key)
            pick = jax.vmap(lambda k: random_action(k, world.actions, world.num_agents))
            action = pick(jax.random.split(act_key, WORLDS))
            return jax.vmap(world.step)(jax.random.split(step_key, WORLDS), state, action), None

        state, _ = jax.lax.scan(step, state, jax.random.split(key, STEPS))
        return state.qpos

    key = jax.random.key(0)
    jax.block_until_ready(run(key))
    return WORLDS * STEPS / _median(lambda: jax.block_until_ready(run(key)))


def in_c(env) -> float:
    model = env.world.model
    threads = os.cpu_count() or 1
    data = [mujoco.MjData(model) for _ in range(threads)]
    reset = jax.jit(jax.vmap(env.world.reset))(jax.random.split(jax.random.key(0), WORLDS))
    start = np.zeros((WORLDS, mujoco.mj_stateSize(model, mujoco.mjtState.mjSTATE_FULLPHYSICS)))
    start[:, 1 : 1 + model.nq] = np.asarray(reset.qpos, float)
    rng = np.random.default_rng(0)
    force = rng.uniform(-100, 100, (WORLDS, SUBSTEPS * STEPS, model.nv))
    kind = int(mujoco.mjtState.mjSTATE_QFRC_APPLIED)
    with rollout.Rollout(nthread=threads) as pool:
        run = lambda: pool.rollout([model] * WORLDS, data, start, force, control_spec=kind)  # noqa: E731
        run()
        return WORLDS * STEPS / _median(run)


def _median(run) -> float:
    times = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


if __name__ == "__main__":
    env = socialsim.make("rendezvous-mujoco-v0")
    mjx, c = in_mjx(env), in_c(env)
    print(f"MJX {mjx:,.0f} world-steps/s; C on {os.cpu_count()} threads {c:,.0f}; MJX / C = {mjx / c:.2f}")
    print(f"jax {jax.__version__}, mujoco {mujoco.__version__}, {len(jax.devices())} devices")
