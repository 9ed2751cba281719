"""A survey: what random, scripted and shortly trained teams reach in every world, in one table."""

from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np

from socialsim.agents.bots import random_team, scripted_team
from socialsim.agents.loading import MOST_SEEDS
from socialsim.agents.pretrained import read_teams, write_teams
from socialsim.agents.training import TrainConfig, train
from socialsim.analysis.recording import play
from socialsim.analysis.wording import span
from socialsim.core.drives import drive_matrix
from socialsim.core.errors import choose, integer
from socialsim.core.registry import make, worlds
from socialsim.core.senses import FEATURE_TABLE_VERSION
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
    `survey.json`, `survey.md` and the trained teams, `WORLD.npz` (`agents.pretrained.read_teams`), into the
    run folder `path`, which is returned.
    """
    known = worlds()
    for id in chosen:
        choose("world", id, known)
    integer("seeds", seeds, low=1, high=MOST_SEEDS)
    integer("episodes", episodes, low=1)
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
    kept = study.run.file(f"{id}.npz")
    write_teams(kept, [trained.team(i) for i in range(seeds)], {})
    learned, _ = read_teams(kept)  # rounded as they will be read
    found: dict = {"agents": env.num_agents}
    each = {"random": [random_team(env)], "trained": learned, "scripted": [scripted_team(env)]}
    for number, (name, teams) in enumerate(each.items()):
        keys = jax.random.split(study.key(2 + number), len(teams))
        played = [play(env, t, k, worlds=episodes) for t, k in zip(teams, keys, strict=True)]
        found[name] = measures.joint_rate(*played, seed=study.seed)
        if name == "trained":
            found["seeds"] = [measures.joint_rate(p, seed=study.seed)["estimate"] for p in played]
    health = trained.metrics["health_spearman"][:, -1]
    found["health"] = {c: health[:, i].tolist() for i, c in enumerate(env.channels)}
    about = {
        "world": id,
        "seeds": seeds,
        "agent_steps": int(trained.agent_steps[-1]),
        "drives": dict(zip(env.channels, drives[0].tolist(), strict=True)),
        "ppo": config.ppo,
        "features": FEATURE_TABLE_VERSION,
        "episodes": episodes,
        "joint_per_agent_step": {k: found[k] for k in (*COLUMNS, "seeds")},
        "rank_agreement": found["health"],
        "seed": study.seed,
        "versions": versions(),
    }
    write_teams(kept, learned, about)
    return found


def _table(rows: dict[str, dict]) -> str:
    """Markdown; 95 % intervals over episodes in brackets."""

    head = "| world | agents | " + " | ".join(COLUMNS) + " |\n|---|---|" + "---|" * len(COLUMNS)
    lines = [
        f"| `{id}` | {r['agents']} | " + " | ".join(span(r[c], ".4f") for c in COLUMNS) + " |"
        for id, r in rows.items()
    ]
    return "\n".join([head, *lines]) + "\n"
