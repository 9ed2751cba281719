"""Which tasks have a competent team of their own; all others are played by `Competent`."""

import importlib

from socialsim.agents.bots.base import Bot
from socialsim.core.world import World

_BOTS = "socialsim.agents.bots"
TEAMS: dict[str, str] = {
    "forage": f"{_BOTS}.foraging:foragers",
    "beacon": f"{_BOTS}.gazing:lookers",
    "relay": f"{_BOTS}.relaying:couriers",
    "gates": f"{_BOTS}.gatekeeping:keepers",
    "commons": f"{_BOTS}.stewardship:stewards",
    "goal-cycle": f"{_BOTS}.following:followers",
    "procedural": f"{_BOTS}.exploring:explorers",
    "seesaw": f"{_BOTS}.mujoco:balancers",
    "gaze": f"{_BOTS}.mujoco:joint_lookers",
    "rendezvous-plane": f"{_BOTS}.plane:rendezvous_team",
    "spread": f"{_BOTS}.plane:spread_team",
    "flock": f"{_BOTS}.plane:flock_team",
    "dance": f"{_BOTS}.dance:dance_team",
    "dictator": f"{_BOTS}.games:dealers",
    "ultimatum": f"{_BOTS}.games:dealers",
    "trust": f"{_BOTS}.games:dealers",
    "public-goods": f"{_BOTS}.games:dealers",
    "stag-hunt": f"{_BOTS}.games:dealers",
}
"""`World.task` -> `module:factory`, imported when asked for; `factory(world) -> Bot` may read the world's
options: scripted teams are experts that know the rules."""


def team_for(world: World) -> Bot | None:
    """The team made for the world's task, or None."""
    if world.task not in TEAMS:
        return None
    module, _, factory = TEAMS[world.task].partition(":")
    return getattr(importlib.import_module(module), factory)(world)
