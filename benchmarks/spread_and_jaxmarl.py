"""`spread-v0` beside JaxMARL's simple_spread, 3 agents each, in one process on the same devices.

`.venv-clients/bin/python benchmarks/spread_and_jaxmarl.py` (make clients installs JaxMARL). Random actions,
reset when an episode ends, every number of every observation and reward is read; ours computes all signals
besides. The two are timed by turns, so that both see the same machine.
"""

import statistics
import time

from socialsim import devices

devices.use_all_cores()  # before JAX looks for devices

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import jaxmarl  # noqa: E402
from jax.sharding import PartitionSpec  # noqa: E402

import socialsim  # noqa: E402
from socialsim.agents.bots.base import random_action  # noqa: E402

WORLDS, STEPS, REPEATS = 1024, 128, 7


def total(tree) -> jax.Array:
    return sum((x.astype(jnp.float32).sum() for x in jax.tree.leaves(tree)), jnp.zeros(()))


def ours(worlds: int):
    env = socialsim.make("spread-v0")
    batch = socialsim.AutoReset(env, worlds)

    def start(key):
        one, two = jax.random.split(key)
        return batch.pool(one), batch.reset(two)[0]

    def step(carry, keys):
        ((pool, state), read), (act_key, step_key) = carry, keys
        action = random_action(act_key, env.actions, worlds * env.num_agents)
        action = action.reshape(worlds, env.num_agents, *action.shape[1:])
        state, timestep = batch.step(step_key, pool, state, action)
        return ((pool, state), read + total((timestep.observation, timestep.signals))), None

    return env.num_agents, start, step


def theirs(worlds: int):
    env = jaxmarl.make("MPE_simple_spread_v3", num_agents=3, num_landmarks=3)

    def start(key):
        return jax.vmap(env.reset)(jax.random.split(key, worlds))[1]

    def step(carry, keys):
        (state, read), (act_key, step_key) = carry, keys
        acts = jax.random.randint(act_key, (len(env.agents), worlds), 0, env.action_space(env.agents[0]).n)
        act = dict(zip(env.agents, acts, strict=True))
        seen, state, rewards, _, _ = jax.vmap(env.step)(jax.random.split(step_key, worlds), state, act)
        return (state, read + total((seen, rewards))), None

    return len(env.agents), start, step


def compiled(made):
    """(agents, a call that runs `STEPS` steps of `WORLDS` worlds) spread over the devices."""
    count = len(jax.devices())
    agents, start, step = made(WORLDS // count)
    spec = PartitionSpec(devices.AXIS)

    def spread(f):
        return jax.jit(jax.shard_map(f, mesh=devices.mesh(), in_specs=spec, out_specs=spec, check_vma=False))

    keys = jax.random.split(jax.random.key(0), count)
    state = spread(lambda k: start(k[0]))(keys)

    def run(keys, state):
        (state, read), _ = jax.lax.scan(step, (state, jnp.zeros(())), jax.random.split(keys[0], (STEPS, 2)))
        return state, read[None]

    call = spread(run)
    jax.block_until_ready(call(keys, state))
    return agents, lambda: jax.block_until_ready(call(keys, state))


def main() -> None:
    runs = {"spread-v0": compiled(ours), "simple_spread": compiled(theirs)}
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(REPEATS):
        for name, (_, call) in runs.items():
            begin = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - begin)
    rate = {n: WORLDS * STEPS * runs[n][0] / statistics.median(s) for n, s in seconds.items()}
    for name, each in rate.items():
        print(f"{name:>14}  {each:,.0f} agent-steps/s")
    ratio = rate["spread-v0"] / rate["simple_spread"]
    print(f"ratio {ratio:.2f}; {len(jax.devices())} devices, {WORLDS} worlds")


if __name__ == "__main__":
    main()
