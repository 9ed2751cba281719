"""A training small enough to be killed: `python train_tiny.py FOLDER`. Prints a line per chunk."""

import sys

import jax
import numpy as np

import socialsim
from socialsim.agents.networks import NetworkConfig
from socialsim.agents.ppo import PPOConfig
from socialsim.agents.training import TrainConfig, train
from socialsim.core.drives import drive_matrix
from socialsim.runs import Run

CONFIG = TrainConfig(
    PPOConfig(network=NetworkConfig(width=8), worlds=8, steps=8, minibatches=2),
    agent_steps=6 * 8 * 8 * 2,
    chunks=6,
)


def main(folder: str):
    env = socialsim.make("rendezvous-v0", num_agents=2, needed=2, size=6, walls=0, horizon=16)
    drives = np.stack([drive_matrix(None, env.channels, 2)] * 2)
    with Run.open_or_create(folder, {"tiny": True}) as run:
        return train(env, CONFIG, jax.random.split(jax.random.key(0), 2), drives, run=run, title="tiny")


if __name__ == "__main__":
    main(sys.argv[1])
