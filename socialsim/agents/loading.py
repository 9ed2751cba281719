"""Runs of `socialsim train`: trained into a folder, and read back with the world they learned in."""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from socialsim import hosts
from socialsim.agents.networks import NetworkConfig
from socialsim.agents.ppo import PPOConfig
from socialsim.agents.program import Program
from socialsim.agents.team import Team
from socialsim.agents.training import TrainConfig, Trained, train
from socialsim.core.drives import drive_matrix
from socialsim.core.errors import RunError, SocialsimError, integer
from socialsim.core.registry import make
from socialsim.core.simulation import Simulation
from socialsim.runs import Run

MOST_SEEDS = 4096
"""Teams of one run: all are trained side by side."""


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
        return PPOConfig(**self.config.get("ppo", {})).discount


def train_run(
    path: str | os.PathLike,
    world: str,
    *,
    agent_steps: int,
    seeds: int,
    seed: int = 0,
    chunks: int = 10,
    drives: Mapping[str, float] | None = None,
    options: Mapping[str, Any] | None = None,
    ppo: Mapping[str, Any] | None = None,
    quiet: bool = False,
) -> Trained:
    """Train teams on social signals alone into the folder `path`; a run that was stopped goes on.

    drives : channel -> weight; default `DEFAULT_DRIVES`.  options: of the world.  ppo: fields of `PPOConfig`
    that differ from its defaults.  Raises OptionError and RunError with the reason.
    """
    env = make(world, **(options or {}))
    weights = drive_matrix(drives or None, env.channels, env.num_agents)
    count = integer("seeds", seeds, low=1, high=MOST_SEEDS)
    declared = {
        "command": "train",
        "world": world,
        "options": dict(options or {}),
        "agent_steps": agent_steps,
        "seeds": count,
        "seed": seed,
        "chunks": chunks,
        "drives": dict(drives or {}),
    } | ({"ppo": dict(ppo)} if ppo else {})
    config, keys = _config(declared), jax.random.split(_key(seed), count)
    with hosts.first_then_others("opening the run", lambda: _opened(path, declared)) as run:
        return train(
            env,
            config,
            keys,
            np.stack([weights] * count),
            run=run,
            title=f"{count} teams, {world}",
            quiet=quiet,
        )


def _opened(path, declared) -> Run:
    """One host holds the folder's lock; the others read."""
    return Run.open_or_create(path, declared) if hosts.first() else Run.open(path)


def load_run(path: str | os.PathLike) -> TrainedRun:
    """Read a run of `socialsim train`. Raises RunError for a folder that is missing, foreign, damaged, of
    another command, or without a checkpoint."""
    path = Path(path)
    run = Run.open(path)
    stored = run.config
    if stored.get("command") != "train":
        raise RunError(f"{str(path)!r} is not a run of `socialsim train`; give the folder of one")
    try:
        env = make(stored["world"], **stored["options"])
        count = integer("seeds", stored["seeds"], low=1, high=MOST_SEEDS)
        keys = jax.random.split(_key(stored["seed"]), count)
        template = Program(env, _config(stored).ppo, 1, len(keys)).template(keys)
    except SocialsimError:
        raise
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise RunError(
            f"{str(path)!r} cannot have been written by `socialsim train`: {type(error).__name__} in its "
            f"config.json ({str(error).splitlines()[0] if str(error) else 'no more is known'}); train it anew"
        ) from None
    last = run.restore(template)
    if last is None:
        raise RunError(f"{str(path)!r} has no checkpoint yet; train it first")
    done, learner = last
    if missing := [k for k in range(1, done) if k not in run.steps()]:
        raise RunError(f"{str(path)!r} has no checkpoint {missing[0]}; train again: it is made again")
    kept = [run.restore(template, step=k) for k in range(1, done)]
    stages = [found[1].team for found in kept if found is not None] + [learner.team]
    history = [
        [jax.tree.map(lambda x, i=i: x[i], team) for team in jax.device_get(stages)]
        for i in range(stored["seeds"])
    ]
    return TrainedRun(path, env, [h[-1] for h in history], history, stored)


def _key(seed: int):
    return jax.random.key(integer("seed", seed, low=-(2**63), high=2**63 - 1))


def _config(stored: Mapping[str, Any]) -> TrainConfig:
    ppo = PPOConfig(**stored.get("ppo", {}))
    if isinstance(ppo.network, Mapping):  # as JSON keeps it
        ppo = dataclasses.replace(ppo, network=NetworkConfig(**ppo.network))
    return TrainConfig(ppo, agent_steps=stored["agent_steps"], chunks=stored["chunks"])
