"""Stable-Baselines3's PPO on N worlds x A agents that stay in JAX: one policy, shared by all agents.

    python examples/sb3_ppo.py --world rendezvous-v0 --updates 40

Needs `pip install 'socialsim[clients]'`. Works for discrete and continuous worlds alike.
"""

import tyro
from stable_baselines3 import PPO

from socialsim.envs.sb3 import SocialVecEnv


def train(
    world: str = "rendezvous-v0",
    num_agents: int = 4,
    num_worlds: int = 32,
    updates: int = 40,
    steps: int = 32,
    seed: int = 0,
) -> PPO:
    """Train for `updates` updates of `steps` decisions in each world."""
    envs = SocialVecEnv(world, num_worlds, num_agents=num_agents, seed=seed)
    batch = steps * envs.num_envs
    model = PPO("MlpPolicy", envs, n_steps=steps, batch_size=batch // 4, seed=seed, device="cpu")
    return model.learn(updates * batch)


def joint_events(model: PPO, decisions: int = 128) -> float:
    """The experimenter's measure of the trained policy: joint events per agent-step."""
    envs = model.get_env()
    observations, total = envs.reset(), 0.0
    for _ in range(decisions):
        actions, _ = model.predict(observations)
        observations, _, _, infos = envs.step(actions)
        total += sum(info["team_metric"] for info in infos) / len(infos)
    return total / decisions


def main(
    world: str = "rendezvous-v0", num_agents: int = 4, num_worlds: int = 32, updates: int = 40, seed: int = 0
) -> None:
    model = train(world, num_agents, num_worlds, updates, seed=seed)
    rate, steps = joint_events(model), model.num_timesteps
    print(f"{world}: {rate:.4f} joint events per agent-step after {steps} agent-steps")


if __name__ == "__main__":
    tyro.cli(main)
