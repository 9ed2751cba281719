"""The PettingZoo door of seesaw-v0: `parallel_env`, `env` (AEC) and `raw_env`."""

from socialsim.envs.pettingzoo import door

parallel_env, env, raw_env = door("seesaw-v0")
