"""The PettingZoo door of dictator-v0: `parallel_env`, `env` (AEC) and `raw_env`."""

from socialsim.envs.pettingzoo import door

parallel_env, env, raw_env = door("dictator-v0")
