"""Scripted teams: competent ones, random ones, and societies that only look social.

They act from the whole `Scene`, not from an observation: they are experts and yardsticks, not learners.

    bot = scripted_team(env)                       # for every world, by its `Actions`
    memory = bot.begin(scene)
    action, memory = bot(key, scene, memory)       # pure; vmap it over worlds
    record = play(env, bot, key, num_worlds=64)    # whole episodes: signals and joint events
"""

from socialsim.agents.bots.base import Bot, Explore, Random, random_team
from socialsim.agents.bots.competent import Competent, scripted_team
from socialsim.agents.bots.degenerate import (
    fast_oscillators,
    mirror_pair,
    noop_chorus,
    slow_oscillators,
    staring_ring,
)
from socialsim.agents.bots.play import Play, play

__all__ = [
    "Bot",
    "Competent",
    "Explore",
    "Play",
    "Random",
    "fast_oscillators",
    "mirror_pair",
    "noop_chorus",
    "play",
    "random_team",
    "scripted_team",
    "slow_oscillators",
    "staring_ring",
]
