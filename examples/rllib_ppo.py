"""RLlib's PPO: a world through its `ParallelPettingZooEnv`, one policy shared by all agents.

    python examples/rllib_ppo.py --world rendezvous-v0 --updates 10

Needs `pip install 'socialsim[clients]'`. Everything runs in this process; `env_runners(num_env_runners=n)`
spreads the worlds over n more.
"""

import functools
import math
from typing import Any

import pettingzoo
import ray
import tyro
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.env.wrappers.pettingzoo_env import ParallelPettingZooEnv
from ray.tune.registry import register_env

import socialsim.envs.pettingzoo  # registers every world with PettingZoo

POLICY = "shared"


def environment(options: dict, *, world: str) -> ParallelPettingZooEnv:
    name = f"{socialsim.envs.pettingzoo.NAMESPACE}/{world}"
    return ParallelPettingZooEnv(pettingzoo.make("parallel", name, **options).unwrapped)


def train(
    world: str = "rendezvous-v0", updates: int = 10, steps: int = 256, seed: int = 0, **options
) -> tuple[dict[str, Any], list[dict[str, float]]]:
    """The policy's parameters by name after `updates` updates of `steps` decisions, and what each told."""
    register_env(world, functools.partial(environment, world=world))
    config = (
        PPOConfig()
        .environment(world, env_config=options)
        .multi_agent(policies={POLICY}, policy_mapping_fn=lambda agent, episode, **_: POLICY)
        .env_runners(num_env_runners=0)
        .learners(num_learners=0)
        .training(train_batch_size_per_learner=steps, minibatch_size=steps // 2, num_epochs=4)
        .debugging(seed=seed, log_level="ERROR")
    )
    algorithm = config.build_algo()
    told = [algorithm.train() for _ in range(updates)]
    parameters = algorithm.get_module(POLICY).get_state()
    algorithm.stop()
    told = [dict(t["learners"][POLICY], steps=t["num_env_steps_sampled_lifetime"]) for t in told]
    return parameters, told


def main(world: str = "rendezvous-v0", updates: int = 10, seed: int = 0) -> None:
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    _, told = train(world, updates, seed=seed)
    ray.shutdown()
    entropy = told[-1]["entropy"]
    print(f"{world}: {told[-1]['steps']:.0f} decisions, policy entropy {entropy:.3f} of {math.log(10):.3f}")


if __name__ == "__main__":
    tyro.cli(main)
