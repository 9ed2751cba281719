"""Training in `spread-v0` beside feed-forward IPPO on JaxMARL's simple_spread: equal network, batch, epochs.

`.venv-clients/bin/python benchmarks/ippo_and_jaxmarl.py` (make clients installs JaxMARL). Three learners are
timed by turns in one process: independent PPO as JaxMARL's baseline does it (its script is no part of the
package: the same operations are written anew here, logging left out), ours with the same two layers of 64
for actor and critic, and ours with its own entity network. 256 worlds, 32 steps, 2 epochs of 4 minibatches,
3 agents. Once with one device that has the threads of all cores, once with a device for each core and one
team on each, as `socialsim train` does.
"""

import argparse
import functools
import json
import os
import statistics
import subprocess
import sys
import time
from typing import NamedTuple

from socialsim import devices

if os.environ.get("IPPO_LAYOUT") == "cores":
    devices.use_all_cores()  # before JAX looks for devices
devices.avoid_faults()

import flax.linen as nn  # noqa: E402
import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import jaxmarl  # noqa: E402
import optax  # noqa: E402
from flax import nnx  # noqa: E402
from jax.sharding import PartitionSpec  # noqa: E402

import socialsim  # noqa: E402
from socialsim.agents.distributions import Gaussian  # noqa: E402
from socialsim.agents.networks import NetworkConfig, Output, Stat  # noqa: E402
from socialsim.agents.ppo import PPOConfig, make_update  # noqa: E402
from socialsim.agents.product import product  # noqa: E402
from socialsim.agents.team import Team  # noqa: E402
from socialsim.core.drives import drive_matrix  # noqa: E402

CONFIG = PPOConfig()
WIDTH, UPDATES, REPEATS = 64, 4, 7


# -- theirs ----------------------------------------------------------------------------------------------


class Plain(nn.Module):
    """Two layers of `WIDTH` for the actor, two for the critic."""

    actions: int

    @nn.compact
    def __call__(self, x):
        def tower(outputs, gain):
            hidden = x
            for _ in range(2):
                hidden = nn.tanh(nn.Dense(WIDTH, kernel_init=nn.initializers.orthogonal(2**0.5))(hidden))
            return nn.Dense(outputs, kernel_init=nn.initializers.orthogonal(gain))(hidden)

        return tower(self.actions, 0.01), tower(1, 1.0)[..., 0]


class Row(NamedTuple):
    obs: jax.Array
    action: jax.Array
    log_prob: jax.Array
    value: jax.Array
    reward: jax.Array
    done: jax.Array


def theirs():
    """(agents, begin(key), run(carry)): independent PPO, shared parameters, minibatches shuffled."""
    env = jaxmarl.make("MPE_simple_spread_v3", num_agents=3, num_landmarks=3)
    actors = env.num_agents * CONFIG.worlds
    network = Plain(env.action_space(env.agents[0]).n)
    optimiser = optax.chain(optax.clip_by_global_norm(0.5), optax.adam(1e-3, eps=1e-5))

    def joined(by_agent):
        return jnp.stack([by_agent[a] for a in env.agents]).reshape(actors, -1)

    def chosen(logits, action):
        return jnp.take_along_axis(jax.nn.log_softmax(logits), action[..., None], -1)[..., 0]

    def begin(key):
        params = network.init(key, jnp.zeros(env.observation_space(env.agents[0]).shape))
        obs, state = jax.vmap(env.reset)(jax.random.split(key, CONFIG.worlds))
        return params, optimiser.init(params), state, joined(obs), key

    def act(params, carry, key):
        state, obs = carry
        act_key, step_key = jax.random.split(key)
        logits, value = network.apply(params, obs)
        action = jax.random.categorical(act_key, logits)
        by_agent = dict(zip(env.agents, action.reshape(env.num_agents, -1), strict=True))
        keys = jax.random.split(step_key, CONFIG.worlds)
        seen, state, reward, done, _ = jax.vmap(env.step)(keys, state, by_agent)
        row = Row(obs, action, chosen(logits, action), value, joined(reward)[:, 0], joined(done)[:, 0])
        return (state, joined(seen)), row

    def loss(params, row, advantage, target):
        logits, value = network.apply(params, row.obs)
        near = row.value + jnp.clip(value - row.value, -CONFIG.clip_range, CONFIG.clip_range)
        critic = 0.5 * jnp.maximum((value - target) ** 2, (near - target) ** 2).mean()
        ratio = jnp.exp(chosen(logits, row.action) - row.log_prob)
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
        clipped = jnp.clip(ratio, 1 - CONFIG.clip_range, 1 + CONFIG.clip_range) * advantage
        entropy = -(jax.nn.softmax(logits) * jax.nn.log_softmax(logits)).sum(-1).mean()
        return -jnp.minimum(ratio * advantage, clipped).mean() + 0.5 * critic - CONFIG.entropy * entropy

    def update(carry, _):
        params, kept, state, obs, key = carry
        key, roll_key, shuffle_key = jax.random.split(key, 3)
        keys = jax.random.split(roll_key, CONFIG.steps)
        (state, obs), path = jax.lax.scan(functools.partial(act, params), (state, obs), keys)

        def back(carry, row):
            advantage, following = carry
            goes_on = 1.0 - row.done
            delta = row.reward + CONFIG.discount * following * goes_on - row.value
            advantage = delta + CONFIG.discount * CONFIG.gae_lambda * goes_on * advantage
            return (advantage, row.value), advantage

        last = network.apply(params, obs)[1]
        advantage = jax.lax.scan(back, (jnp.zeros(actors), last), path, reverse=True, unroll=8)[1]
        rows = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), (path, advantage, advantage + path.value))

        def epoch(carry, key):
            order = jax.random.permutation(key, actors * CONFIG.steps)
            shuffled = jax.tree.map(lambda x: x[order].reshape(CONFIG.minibatches, -1, *x.shape[1:]), rows)
            return jax.lax.scan(minibatch, carry, shuffled)

        def minibatch(carry, part):
            params, kept = carry
            value, grads = jax.value_and_grad(loss)(params, *part)
            changes, kept = optimiser.update(grads, kept, params)
            return (optax.apply_updates(params, changes), kept), value

        epochs = jax.random.split(shuffle_key, CONFIG.epochs)
        (params, kept), losses = jax.lax.scan(epoch, (params, kept), epochs)
        return (params, kept, state, obs, key), losses.mean()

    return env.num_agents, begin, lambda carry: jax.lax.scan(update, carry, length=UPDATES)


# -- ours ------------------------------------------------------------------------------------------------


class Layers(nnx.Module):
    def __init__(self, inputs: int, rngs: nnx.Rngs):
        init = nnx.initializers.orthogonal(2**0.5)
        self.first = nnx.Linear(inputs, WIDTH, kernel_init=init, dot_general=product, rngs=rngs)
        self.second = nnx.Linear(WIDTH, WIDTH, kernel_init=init, dot_general=product, rngs=rngs)

    def __call__(self, x):
        return jnp.tanh(self.second(jnp.tanh(self.first(x))))


class Flat(nnx.Module):
    """The same network over all that our senses give, in one row; a value for each signal."""

    def __init__(self, inputs: int, motors: int, channels: int, rngs: nnx.Rngs):
        self.actor_tower, self.critic_tower = Layers(inputs, rngs), Layers(inputs, rngs)
        small = nnx.initializers.orthogonal(0.01)
        self.actor_head = nnx.Linear(WIDTH, motors, kernel_init=small, dot_general=product, rngs=rngs)
        self.log_std = nnx.Param(jnp.full(motors, -0.5))
        self.value_head = nnx.Linear(WIDTH, channels, kernel_init=small, dot_general=product, rngs=rngs)
        zeros = (Stat(jnp.zeros(channels)), Stat(jnp.zeros(channels)), Stat(jnp.zeros(())))
        self.value_mean, self.value_square, self.value_weight = zeros
        self.value_scale = Stat(jnp.ones(channels))

    def __call__(self, obs, hidden):
        lead = obs.self.shape[:-1]
        rows = jnp.concatenate([x.reshape(-1, x[(0,) * len(lead)].size) for x in jax.tree.leaves(obs)], -1)
        trunk = self.critic_tower(rows)
        value = self.value_head(trunk) * self.value_scale[...] + self.value_mean[...]
        mean = self.actor_head(self.actor_tower(rows))
        mean, value, trunk = (x.reshape(*lead, -1) for x in (mean, value, trunk))
        policy = Gaussian(mean, jnp.broadcast_to(self.log_std[...], mean.shape))
        return Output(policy, value, {"trunk": trunk}, hidden)


def ours(flat: bool):
    env = socialsim.make("spread-v0", num_agents=3)
    learner = make_update(env, CONFIG)
    drives = jnp.asarray(drive_matrix(None, env.channels, env.num_agents))

    def team(key):
        seen = jax.eval_shape(env.reset, key)[1].observation
        inputs = sum(x.size for x in jax.tree.leaves(seen)) // env.num_agents
        module = Flat(inputs, env.actions.size, len(env.channels), nnx.Rngs(key))
        graph, params, stats = nnx.split(module, nnx.Param, Stat)
        return Team(params, stats, graph, NetworkConfig(), env.actions, env.channels)

    def run(carry):
        def update(carry, _):
            carry, told = learner.update(carry, drives)
            return carry, told["joint"]

        return jax.lax.scan(update, carry, length=UPDATES)

    return env.num_agents, lambda key: learner.init(key, team(key) if flat else None), run


# -- timing ----------------------------------------------------------------------------------------------

LEARNERS = {
    "IPPO on JaxMARL's simple_spread": theirs,
    "ours, the same network": functools.partial(ours, flat=True),
    "ours, entity network": functools.partial(ours, flat=False),
}


def compiled(made):
    """(agent-steps of a call, a call, seconds of compilation); each device has a team of its own."""
    count = len(jax.devices())
    agents, begin, run = made()
    spec = PartitionSpec(devices.AXIS)

    def spread(f):
        def one(x):
            return jax.tree.map(lambda y: y[None], f(jax.tree.map(lambda y: y[0], x)))

        return jax.jit(
            jax.shard_map(one, mesh=devices.mesh(), in_specs=spec, out_specs=spec, check_vma=False)
        )

    carry = spread(begin)(jax.random.split(jax.random.key(0), count))
    start = time.perf_counter()
    program = spread(run).lower(carry).compile()
    took = time.perf_counter() - start
    jax.block_until_ready(program(carry))
    return count * UPDATES * CONFIG.batch * agents, lambda: jax.block_until_ready(program(carry)), took


def measure(names: list[str]) -> dict[str, dict[str, float]]:
    runs = {name: compiled(LEARNERS[name]) for name in names}
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(REPEATS):
        for name, (_, call, _) in runs.items():
            begin = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - begin)
    return {n: {"rate": runs[n][0] / statistics.median(s), "compile": runs[n][2]} for n, s in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=("cores", "alone"), default=("alone", "cores"))
    given = parser.parse_args()
    if "IPPO_LAYOUT" in os.environ:
        print(json.dumps({"count": len(jax.devices()), "found": measure(list(LEARNERS))}))
        return
    print("| devices | learner | agent-steps/s | against IPPO | compile s |\n|---|---|---|---|---|")
    for layout in given.only:
        told = subprocess.run(
            [sys.executable, __file__],
            env=os.environ | {"IPPO_LAYOUT": layout},
            capture_output=True,
            text=True,
        )
        if told.returncode:
            sys.exit(told.stderr[-3000:])
        found = json.loads(told.stdout.splitlines()[-1])
        usual = found["found"][next(iter(LEARNERS))]["rate"]
        for name, one in found["found"].items():
            rate = f"{one['rate']:,.0f} | {one['rate'] / usual:.2f} | {one['compile']:.1f}"
            print(f"| {found['count']} | {name} | {rate} |", flush=True)


if __name__ == "__main__":
    main()
