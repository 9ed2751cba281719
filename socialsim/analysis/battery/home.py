"""Assays of looking, on episodes of a team in its own world: bodies have gazes wherever they learned."""

import jax
import numpy as np
from jaxtyping import Array, Key

from socialsim.agents.team import Team
from socialsim.analysis.battery import finding as words
from socialsim.analysis.battery.finding import Finding
from socialsim.analysis.battery.looking import CrowdGaze, MutualGaze, glances, looks_at
from socialsim.analysis.recording import Episodes, play
from socialsim.core.errors import choose, integer
from socialsim.core.simulation import Simulation

AT_HOME = ("mutual_gaze", "crowd_gaze")
SHORTEST = 8  # decisions of an episode, below which gaze has no time to meet


def at_home(
    env: Simulation,
    team: Team,
    key: Key[Array, ""],
    *,
    assays: tuple[str, ...] = AT_HOME,
    episodes: int = 48,
    seed: int = 0,
) -> tuple[Finding, ...]:
    """Findings of gaze while the team plays `episodes` episodes of `env`.

    assays : some of `AT_HOME`.  seed: of bootstraps; `key`: of play.  Fifteen starers are asked about only
    where there are more than fifteen agents.  Raises OptionError for an unknown assay.
    """
    for name in assays:
        choose("assay", name, AT_HOME)
    if not assays:
        return ()
    integer("episodes", episodes, low=1)
    return of_episodes(jax.device_get(play(env, team, key, worlds=episodes)), assays=assays, seed=seed)


def of_episodes(played: Episodes, *, assays: tuple[str, ...] = AT_HOME, seed: int = 0) -> tuple[Finding, ...]:
    """The same of episodes that were played already."""
    scene, ended = played.scene, np.asarray(played.ended)
    found: list[Finding] = []
    if "mutual_gaze" in assays:
        shortest = int((~ended).sum(0).min())
        looks = looks_at(scene.position, scene.gaze, scene.sees_agent)[:shortest]
        if shortest < SHORTEST:
            reason = f"episodes end after {shortest} decisions"
            found.append(words.none("mutual_gaze", "behaviour", words.NOT_APPLICABLE, reason))
        else:
            found.append(MutualGaze(seed=seed).measure(looks))
    if "crowd_gaze" in assays:
        targets = scene.object_position, scene.object_present
        starers, looked, episode = glances(scene.position, scene.gaze, scene.sees_agent, *targets, ended)
        one, many = CrowdGaze(seed=seed).measure(starers, looked, groups=episode)
        found += [one, many] if scene.num_agents > 15 else [one]
    return tuple(found)
