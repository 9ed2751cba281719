"""Trained teams read back from the folder of a `socialsim train` run, with the world they learned in."""

import dataclasses
import os
from pathlib import Path
from typing import Any

import jax

from socialsim.agents.team import Team
from socialsim.agents.training import Program, TrainConfig
from socialsim.core.errors import RunError
from socialsim.core.registry import make
from socialsim.core.simulation import Simulation
from socialsim.runs import Run


@dataclasses.dataclass(frozen=True)
class TrainedRun:
    """What a `socialsim train` run holds.

    env: the world.  teams: one per seed, after the last checkpoint.  history: per seed, the team after each
    checkpoint, oldest first.  config: what the run was made with.
    """

    path: Path
    env: Simulation
    teams: list[Team]
    history: list[list[Team]]
    config: dict[str, Any]

    @property
    def seed(self) -> int:
        return self.config["seed"]

    @property
    def discount(self) -> float:
        return TrainConfig().ppo.discount


def load_run(path: str | os.PathLike) -> TrainedRun:
    """Read a run of `socialsim train`. Raises RunError for a folder that is missing, foreign, damaged, of
    another command, or without a checkpoint."""
    path = Path(path)
    run = Run.open(path)
    stored = run.config
    if stored.get("command") != "train":
        raise RunError(f"{str(path)!r} is not a run of `socialsim train`; give the folder of one")
    env = make(stored["world"], **stored["options"])
    config = TrainConfig(agent_steps=stored["agent_steps"], chunks=stored["chunks"])
    keys = jax.random.split(jax.random.key(stored["seed"]), stored["seeds"])
    template = Program(env, config, len(keys), carried=False).template(keys)
    last = run.restore(template)
    if last is None:
        raise RunError(f"{str(path)!r} has no checkpoint yet; train it first")
    done, learner = last
    kept = [run.restore(template, step=k) for k in run.steps() if k < done]
    stages = [found[1].team for found in kept if found is not None] + [learner.team]
    history = [
        [jax.tree.map(lambda x, i=i: x[i], team) for team in jax.device_get(stages)]
        for i in range(stored["seeds"])
    ]
    return TrainedRun(path, env, [h[-1] for h in history], history, stored)
