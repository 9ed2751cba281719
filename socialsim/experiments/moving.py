"""Values moved from any trained runs into any worlds: what they say there, and what they are worth there."""

import os
from collections.abc import Sequence
from pathlib import Path

from socialsim.agents.loading import MOST_SEEDS, TrainedRun, load_run
from socialsim.agents.ppo import PPOConfig
from socialsim.agents.training import TrainConfig
from socialsim.analysis import report
from socialsim.analysis.report import evidence
from socialsim.core.errors import OptionError, integer
from socialsim.experiments.experiment import Study, versions
from socialsim.experiments.matrices import CAVEATS, DEFAULT_ARMS, Moved, Moving, by_name, move_all
from socialsim.experiments.matrices_page import PARTS
from socialsim.runs import Run
from socialsim.transfer.arms import ALONE

QUESTION = "Do these values hold in worlds they never saw, and what are they worth there?"


def move(
    sources: Sequence[str | os.PathLike],
    targets: Sequence[str],
    *,
    out: str | os.PathLike = "runs/transfer",
    arms: Sequence[str] | None = None,
    alone: Sequence[str] | None = None,
    seeds: int = 5,
    agent_steps: int = 400_000,
    episodes: int = 48,
    ppo: PPOConfig | None = None,
    seed: int = 0,
    quiet: bool = False,
) -> Path:
    """Every source in every target, across physics; resumable. Returns the folder `out`.

    Writes `transfer.html`, `transfer.json`, `zero_shot.nc` (rank agreement of values with returns
    `[source, target, channel]`), `benefit.nc` (P(improvement) over learning from scratch in area under the
    curve, `[source, target, arm]`, unless `arms` is empty) and `alone.nc` (the same of learners that get
    nothing but what is carried, over those without any reward, unless `alone` is empty), each with estimate,
    low, high and `shown`.

    sources : folders of `socialsim train` runs.  targets: ids of worlds.  arms, alone: names of
    `transfer.ARMS`; those of one alone if only that is given, all that suit if none is.  seeds: learners per
    arm.  agent_steps: each learns for.  episodes: played in each world.
    """
    if not sources:
        raise OptionError("no sources; allowed: one folder of a `socialsim train` run, or more")
    integer("seeds", seeds, low=1, high=MOST_SEEDS)
    learning = TrainConfig(ppo or PPOConfig(), agent_steps=agent_steps, chunks=2)
    both = arms is None and alone is None
    arms, alone = (DEFAULT_ARMS, ALONE) if both else (arms or (), alone or ())
    learn_in = tuple(targets) if arms or alone else ()
    moving = Moving(tuple(targets), learn_in, tuple(arms), tuple(alone), seeds, learning, episodes)
    loaded = by_name([load_run(s) for s in sources])
    declared = {
        "command": "transfer",
        "sources": {name: s.config for name, s in loaded.items()},
        "targets": list(targets),
        "arms": list(arms),
        "alone": list(alone),
        "seeds": seeds,
        "agent_steps": agent_steps,
        "episodes": episodes,
        "ppo": learning.ppo,
        "seed": seed,
    }
    with Run.open_or_create(Path(out), declared) as run:
        study = Study(run, seed, quiet)
        _report(study, loaded, move_all(study, loaded, moving), declared)
        return run.path


def _report(study: Study, loaded: dict[str, TrainedRun], moved: Moved, declared: dict) -> None:
    run = study.run
    moved.zero_shot().to_netcdf(run.file("zero_shot.nc"))
    for file, alone in (("benefit.nc", False), ("alone.nc", True)):
        if (worth := moved.benefit(alone=alone)) is not None:
            worth.to_netcdf(run.file(file))
    found = {
        "question": QUESTION,
        "experiment": "transfer",
        "file": "transfer.json",
        "command": _command(loaded, declared),
        "moved": moved.to_dict(),
        "answer": moved.sentences(),
        "caveats": list(CAVEATS),
        "config": run.config,
        "timings": study.timings,
        "versions": versions(),
    }
    run.write_json("transfer.json", found)
    answer = report.of_summary("answer", "Short answer", "The short answer", evidence.said)
    parts = (answer, *PARTS, report.CAVEATS, report.METHODS)
    report.write(run.file("transfer.html"), run.read_json("transfer.json"), parts=parts)


def _command(loaded: dict[str, TrainedRun], declared: dict) -> str:
    runs = " ".join(s.path.name for s in loaded.values())
    asked = {k: " ".join(declared[k]) for k in ("arms", "alone") if declared[k]}
    learning = " ".join(f"--{k} {v}" for k, v in asked.items()) or "--zero-shot-only"
    options = " ".join(
        f"--{k.replace('_', '-')} {declared[k]}" for k in ("seeds", "agent_steps", "episodes", "seed")
    )
    return f"socialsim transfer {runs} --targets {' '.join(declared['targets'])} {learning} {options}"
