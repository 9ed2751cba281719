"""The PettingZoo door of gates-v0: `parallel_env`, `env` (AEC) and `raw_env`."""

from socialsim.envs.pettingzoo import door

parallel_env, env, raw_env = door("gates-v0")
