"""A survey: what random, scripted and shortly trained teams reach in every world, in one table."""

from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np

from socialsim.agents.bots import random_team, scripted_team
from socialsim.agents.training import TrainConfig, train
from socialsim.analysis.recording import play
from socialsim.core.drives import drive_matrix
from socialsim.core.errors import OptionError, integer
from socialsim.core.registry import make, worlds
from socialsim.experiments import measures
from socialsim.experiments.experiment import Study, versions
from socialsim.runs import Run

COLUMNS = ("random", "trained", "scripted")


def survey(
    chosen: Sequence[str] = (),
    *,
    path: str | Path = "runs/survey",
    agent_steps: int = 262_144,
    seeds: int = 2,
    episodes: int = 64,
    seed: int = 0,
    quiet: bool = False,
) -> Path:
    """Measure the team metric, joint success per agent-step, of three teams in each world.

    Trained teams learn from signals alone under the default drives for `agent_steps` each (which is short),
    and are measured on `episodes` fresh episodes like the others. Resumes where it was stopped; writes
    `survey.json` and `survey.md` into the run folder `path`, which is returned.
    """
    known = worlds()
    for id in chosen:
        if id not in known:
            raise OptionError(f"unknown world {id!r}; allowed: {', '.join(known)}")
    integer("seeds", seeds, low=1)
    config = TrainConfig(agent_steps=integer("agent_steps", agent_steps, low=1), chunks=2)
    declared = {
        "command": "survey",
        "agent_steps": agent_steps,
        "seeds": seeds,
        "episodes": episodes,
        "seed": seed,
    }
    with Run.open_or_create(Path(path), declared) as run:
        study = Study(run, seed, quiet)
        rows = {
            id: study.stage(id, lambda id=id: _row(study, id, config, seeds, episodes))
            for id in chosen or known
        }
        run.write_json("survey.json", {"worlds": rows, **declared, "versions": versions()})
        run.file("survey.md").write_text(_table(rows), encoding="utf-8")
        return run.path


def _row(study: Study, id: str, config: TrainConfig, seeds: int, episodes: int) -> dict:
    env = make(id)
    drives = drive_matrix(None, env.channels, env.num_agents)
    trained = train(
        env,
        config,
        jax.random.split(study.key(1), seeds),
        np.stack([drives] * seeds),
        title=id,
        quiet=study.quiet,
    )
    teams = {
        "random": [random_team(env)],
        "trained": [trained.team(i) for i in range(seeds)],
        "scripted": [scripted_team(env)],
    }
    found: dict = {"agents": env.num_agents}
    for number, (name, each) in enumerate(teams.items()):
        keys = jax.random.split(study.key(2 + number), len(each))
        played = [play(env, t, k, worlds=episodes) for t, k in zip(each, keys, strict=True)]
        found[name] = measures.joint_rate(*played, seed=study.seed)
    health = trained.metrics["health_spearman"][:, -1].mean(0)
    return found | {"health": dict(zip(env.channels, health.tolist(), strict=True))}


def _table(rows: dict[str, dict]) -> str:
    """Markdown; 95 % intervals over episodes in brackets."""

    def cell(e: dict) -> str:
        return f"{e['estimate']:.4f} [{e['low']:.4f}, {e['high']:.4f}]"

    head = "| world | agents | " + " | ".join(COLUMNS) + " |\n|---|---|" + "---|" * len(COLUMNS)
    lines = [
        f"| `{id}` | {r['agents']} | " + " | ".join(cell(r[c]) for c in COLUMNS) + " |"
        for id, r in rows.items()
    ]
    return "\n".join([head, *lines]) + "\n"
