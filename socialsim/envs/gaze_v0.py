"""The PettingZoo door of gaze-v0: `parallel_env`, `env` (AEC) and `raw_env`."""

from socialsim.envs.pettingzoo import door

parallel_env, env, raw_env = door("gaze-v0")
