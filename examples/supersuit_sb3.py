"""Stable-Baselines3's PPO through PettingZoo and SuperSuit: the road that any PettingZoo environment takes.

    python examples/supersuit_sb3.py --world rendezvous-v0 --updates 10

Needs `pip install 'socialsim[clients]'`. Each world is stepped by itself here; `sb3_ppo.py` steps thousands
at once and is the faster road.
"""

import pettingzoo
import supersuit
import tyro
from stable_baselines3 import PPO
from stable_baselines3.common.utils import set_random_seed

import socialsim.envs.pettingzoo  # registers every world with PettingZoo


def vector(world: str = "rendezvous-v0", num_worlds: int = 4, num_agents: int = 4):
    """`num_worlds * num_agents` sub-environments, as SB3 takes them."""
    env = pettingzoo.make("parallel", f"{socialsim.envs.pettingzoo.NAMESPACE}/{world}", num_agents=num_agents)
    env = supersuit.pettingzoo_env_to_vec_env_v1(env.unwrapped)
    return supersuit.concat_vec_envs_v1(env, num_worlds, num_cpus=1, base_class="stable_baselines3")


def train(
    world: str = "rendezvous-v0",
    num_agents: int = 4,
    num_worlds: int = 4,
    updates: int = 10,
    steps: int = 64,
    seed: int = 0,
) -> PPO:
    """Train for `updates` updates of `steps` decisions in each world."""
    envs = vector(world, num_worlds, num_agents)
    batch = steps * envs.num_envs
    set_random_seed(seed)  # of the policy; SuperSuit's vector takes no seed from SB3
    model = PPO("MlpPolicy", envs, n_steps=steps, batch_size=batch // 4, device="cpu")
    return model.learn(updates * batch)


def main(world: str = "rendezvous-v0", num_agents: int = 4, num_worlds: int = 4, updates: int = 10) -> None:
    model = train(world, num_agents, num_worlds, updates)
    print(f"{world}: trained for {model.num_timesteps} agent-steps")


if __name__ == "__main__":
    tyro.cli(main)
