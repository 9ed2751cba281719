"""The stages of emergent-values about development, in their order."""

import dataclasses
from collections.abc import Sequence

import jax
import numpy as np
from jaxtyping import Float

from socialsim.agents.ppo import PPOConfig
from socialsim.agents.training import TrainConfig, Trained
from socialsim.analysis.recording import Episodes
from socialsim.core.errors import integer
from socialsim.core.simulation import Simulation
from socialsim.experiments.developing import answer
from socialsim.experiments.developing.battery import beginners, scenes_of
from socialsim.experiments.developing.extinction import extinction
from socialsim.experiments.developing.growth import growth
from socialsim.experiments.developing.sweep import SweepConfig, sweep
from socialsim.experiments.experiment import Study


@dataclasses.dataclass(frozen=True)
class DevelopmentConfig:
    """scenes: of the battery.  extinction: how long teams go on learning under each condition, and how often
    they are read on the way (`chunks`).  drives: the population over all mixtures of drives."""

    scenes: int = 400
    extinction: TrainConfig = dataclasses.field(default=TrainConfig(agent_steps=4 * 32_768, chunks=2))
    drives: SweepConfig = dataclasses.field(default=SweepConfig())

    def __post_init__(self):
        integer("scenes", self.scenes, low=8)


_GPU = PPOConfig(worlds=2048, minibatches=8)
_TINY = PPOConfig(worlds=16, steps=16, minibatches=2)
PRESETS = {
    "demo": DevelopmentConfig(),
    "paper": DevelopmentConfig(
        scenes=2000,
        extinction=TrainConfig(_GPU, agent_steps=20_000_000, chunks=10),
        drives=SweepConfig(
            parts=12,
            replicates=4,
            options=(),
            train=TrainConfig(PPOConfig(worlds=256), agent_steps=5_000_000, chunks=5),
            batches=8,
            worlds=32,
            steps=128,
        ),
    ),
    "test": DevelopmentConfig(
        scenes=40,
        extinction=TrainConfig(_TINY, agent_steps=2_000, chunks=2),
        drives=SweepConfig(
            parts=2, train=TrainConfig(_TINY, agent_steps=1_000, chunks=1), batches=2, worlds=4, steps=16
        ),
    ),
}


def development(
    study: Study,
    config: DevelopmentConfig,
    env: Simulation,
    trained: Trained,
    keys,
    learner: PPOConfig,
    drives: Float[np.ndarray, "A C"],
    played: Sequence[Episodes],
) -> dict:
    """What the summary says of development: "growth", "extinction", "drives_map".

    keys, learner: with which `trained` began.  played: episodes of the trained teams.
    """
    observation, scene, source = scenes_of(played, config.scenes, seed=study.seed)
    grown = study.stage(
        "values over training time",
        lambda: growth(
            trained, beginners(env, learner, keys), env, observation, scene, source, seed=study.seed
        ),
    )
    gone = study.stage(
        "extinction",
        lambda: extinction(
            study, env, config.extinction, jax.tree.map(np.asarray, trained.teams), drives, observation
        ),
    )
    drawn = study.stage("societies by drives", lambda: sweep(study, config.drives))
    return {"growth": grown, "extinction": gone, "drives_map": drawn}


def judged(found: dict) -> tuple[dict, list[str], list[str]]:
    """Verdicts, sentences and caveats about what `development` found."""
    told = {"growth": found["growth"], "extinction": found["extinction"], "drives": found["drives_map"]}
    told["verdicts"] = answer.verdicts(told)
    return told["verdicts"], answer.answer(told), answer.caveats(told)
