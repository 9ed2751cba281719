"""Independent PPO in pure JAX on JaxMARL's interface, through JaxMARL's own `LogWrapper`.

    python examples/jaxmarl_ippo.py --world rendezvous-v0 --updates 50

Needs `pip install 'socialsim[clients]'`. JaxMARL's published scripts call `jaxmarl.make`; to run one of them
on a world of ours, give it ours before its `make_train`:

    jaxmarl.make = lambda name, **options: JaxMARLEnv(name, **options)
"""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
import tyro
from jaxmarl.wrappers.baselines import LogWrapper

from socialsim.envs.jaxmarl import JaxMARLEnv


class ActorCritic(nn.Module):
    """Logits of the actions, and the value, of what one agent senses."""

    actions: int

    @nn.compact
    def __call__(self, x):
        def tower(outputs):
            hidden = nn.tanh(nn.Dense(64)(nn.tanh(nn.Dense(64)(x))))
            return nn.Dense(outputs, kernel_init=nn.initializers.orthogonal(0.01))(hidden)

        return tower(self.actions), tower(1)[..., 0]


class Step(NamedTuple):
    """One decision of all actors (agents of all worlds, agent by agent): leading axis of the batch."""

    observation: jax.Array
    action: jax.Array
    log_prob: jax.Array
    value: jax.Array
    reward: jax.Array
    done: jax.Array
    info: dict


def train(
    world: str = "rendezvous-v0",
    num_worlds: int = 16,
    updates: int = 50,
    steps: int = 64,
    seed: int = 0,
    gamma: float = 0.99,
    **options,
):
    """Parameters after `updates` updates, and per update the means of everything in `infos`."""
    env = LogWrapper(JaxMARLEnv(world, **options))
    net = ActorCritic(env.action_space(env.agents[0]).n)
    optimiser = optax.chain(optax.clip_by_global_norm(0.5), optax.adam(3e-4))

    def rows(by_agent):
        return jnp.concatenate([by_agent[a] for a in env.agents])

    def decide(carry, key):
        params, state, observations = carry
        act_key, step_key = jax.random.split(key)
        seen = rows(observations)
        logits, value = net.apply(params, seen)
        action = jax.random.categorical(act_key, logits)
        log_prob = jax.nn.log_softmax(logits)[jnp.arange(len(action)), action]
        actions = dict(zip(env.agents, action.reshape(env.num_agents, num_worlds), strict=True))
        keys = jax.random.split(step_key, num_worlds)
        observations, state, rewards, dones, info = jax.vmap(env.step)(keys, state, actions)
        told = Step(seen, action, log_prob, value, rows(rewards), rows(dones), info)
        return (params, state, observations), told

    def advantages(path, last):
        def back(carry, step):
            gain, following = carry
            alive = gamma * (1 - step.done)
            gain = step.reward + alive * following - step.value + 0.95 * alive * gain
            return (gain, step.value), gain

        return jax.lax.scan(back, (jnp.zeros_like(last), last), path, reverse=True)[1]

    def loss(params, path, gains):
        logits, value = net.apply(params, path.observation)
        log_probs = jax.nn.log_softmax(logits)
        taken = jnp.take_along_axis(log_probs, path.action[..., None], -1)[..., 0]
        ratio, weight = jnp.exp(taken - path.log_prob), (gains - gains.mean()) / (gains.std() + 1e-8)
        clipped = jnp.minimum(ratio * weight, jnp.clip(ratio, 0.8, 1.2) * weight)
        entropy = -(jnp.exp(log_probs) * log_probs).sum(-1)
        return (0.5 * (value - gains - path.value) ** 2 - clipped - 0.01 * entropy).mean()

    def update(carry, key):
        params, memory, state, observations = carry
        carry, path = jax.lax.scan(decide, (params, state, observations), jax.random.split(key, steps))
        _, state, observations = carry
        gains = advantages(path, net.apply(params, rows(observations))[1])
        for _ in range(4):
            slopes = jax.grad(loss)(params, path, gains)
            change, memory = optimiser.update(slopes, memory, params)
            params = optax.apply_updates(params, change)
        return (params, memory, state, observations), jax.tree.map(jnp.mean, path.info)

    @jax.jit
    def run(key):
        net_key, reset_key, run_key = jax.random.split(key, 3)
        observations, state = jax.vmap(env.reset)(jax.random.split(reset_key, num_worlds))
        params = net.init(net_key, rows(observations))
        carry = (params, optimiser.init(params), state, observations)
        (params, *_), told = jax.lax.scan(update, carry, jax.random.split(run_key, updates))
        return params, told

    return run(jax.random.PRNGKey(seed))


def main(world: str = "rendezvous-v0", num_worlds: int = 16, updates: int = 50, seed: int = 0) -> None:
    _, told = train(world, num_worlds, updates, seed=seed)
    first, last = told["team_metric"][:5].mean(), told["team_metric"][-5:].mean()
    returns = told["returned_episode_returns"][-1]
    print(f"{world}: joint events per agent-step {first:.4f} -> {last:.4f}, last return {returns:.3f}")


if __name__ == "__main__":
    tyro.cli(main)
