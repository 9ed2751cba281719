"""Trained teams among strangers: cross-play, newcomers among residents, an expert who leaves."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from socialsim.agents.loading import TrainedRun, load_run
from socialsim.agents.team import Team
from socialsim.core.errors import OptionError, integer
from socialsim.core.registry import make
from socialsim.core.simulation import Simulation
from socialsim.experiments.experiment import Study, versions
from socialsim.experiments.matrices import by_name
from socialsim.experiments.strangers_page import CAVEATS, PARTS, answer
from socialsim.runs import Run
from socialsim.transfer.strangers import CrossPlay, Dropout, FocalPlay, cross_play, expert_dropout, focal_play

QUESTION = "Do these teams get on with strangers, and what stays when an expert leaves?"


def meet(
    runs: Sequence[str | os.PathLike],
    *,
    newcomers: Sequence[str | os.PathLike] = (),
    world: str = "",
    out: str | os.PathLike = "runs/strangers",
    episodes: int = 64,
    steps: int = 0,
    seed: int = 0,
    quiet: bool = False,
) -> Path:
    """All teams with one another in one world; resumable. Returns the folder `out`.

    Writes `strangers.html`, `strangers.json`, and as netCDF `cross_play.nc` `[team, partner]`,
    `cross_play_summary.nc` `[statistic]` (where there are two teams or more), `newcomers.nc` `[measure, team,
    focal_agents]`, `newcomers_mean.nc` `[measure, focal_agents]` (where there is somebody to come to),
    `dropout.nc` `[team, condition, phase]` and `dropout_indices.nc` `[team, index]`.

    runs : folders of `socialsim train` runs, whose teams are at home.  newcomers: runs whose teams come
    among them one, two and more agents at a time; without any, each team at home comes among the others.
    world : where they meet, by default the world of the first run, with its options.  episodes: of each
    mixture.  steps: of each, 0 for the horizon.  Raises OptionError, RunError and CarrierError with the
    reason.
    """
    if not runs:
        raise OptionError("no runs; allowed: one folder of a `socialsim train` run, or more")
    integer("episodes", episodes, low=2)
    integer("steps", steps, low=0)
    loaded = by_name([load_run(r) for r in (*runs, *newcomers)])
    if len(loaded) < len(runs) + len(newcomers):
        raise OptionError(
            f"{[str(r) for r in (*runs, *newcomers)]}; allowed: runs in folders of unlike names"
        )
    home, away = list(loaded)[: len(runs)], list(loaded)[len(runs) :]
    env = make(world) if world else loaded[home[0]].env
    declared = {
        "command": "strangers",
        "runs": {name: loaded[name].config for name in home},
        "newcomers": {name: loaded[name].config for name in away},
        "world": env.id,
        "episodes": episodes,
        "steps": steps,
        "seed": seed,
    }
    residents, comers = teams_of(loaded, home), teams_of(loaded, away)
    options = {"episodes": episodes, "steps": steps or None}
    with Run.open_or_create(Path(out), declared) as run:
        study = Study(run, seed, quiet)
        found = {
            "cross_play": _crossed(study, env, {**residents, **comers}, options),
            "newcomers": _came(study, env, residents, comers, options),
            "dropout": study.stage(
                "an expert who leaves",
                lambda: expert_dropout(env, {**residents, **comers}, study.key(3), **options).to_dict(),
            ),
        }
        _report(study, found, declared, [loaded[name].path.name for name in loaded])
        return run.path


def teams_of(loaded: Mapping[str, TrainedRun], names: Sequence[str]) -> dict[str, Team]:
    """Teams by run and seed; by seed alone where there is but one run."""
    return {
        (f"seed {i}" if len(loaded) == 1 else f"{name}, seed {i}"): team
        for name in names
        for i, team in enumerate(loaded[name].teams)
    }


def _crossed(study: Study, env: Simulation, teams: Mapping[str, Team], options: Mapping) -> Any:
    if len(teams) < 2:
        return None
    return study.stage("cross-play", lambda: cross_play(env, teams, study.key(1), **options).to_dict())


def _came(study: Study, env: Simulation, residents, comers, options: Mapping) -> Any:
    if comers:
        return study.stage(
            "newcomers", lambda: focal_play(env, comers, residents, study.key(2), **options).to_dict()
        )
    if len(residents) < 2:
        return None

    def each() -> dict:
        # The same key: all meet the same episodes, in the same seats.
        parts = [
            focal_play(
                env, {name: team}, {k: v for k, v in residents.items() if k != name}, study.key(2), **options
            )
            for name, team in residents.items()
        ]
        return FocalPlay.joined(parts).to_dict()

    return study.stage("newcomers", each)


def _report(study: Study, found: dict[str, Any], declared: dict, folders: Sequence[str]) -> None:
    from socialsim.analysis import report

    run, count = study.run, len(declared["runs"])
    if found["cross_play"]:
        crossed = CrossPlay.from_dict(found["cross_play"])
        crossed.matrix.assign(gap=crossed.gaps).to_netcdf(run.file("cross_play.nc"))
        crossed.summary.to_netcdf(run.file("cross_play_summary.nc"))
    if found["newcomers"]:
        came = FocalPlay.from_dict(found["newcomers"])
        came.table.to_netcdf(run.file("newcomers.nc"))
        came.population.to_netcdf(run.file("newcomers_mean.nc"))
    left = Dropout.from_dict(found["dropout"])
    left.rates.to_netcdf(run.file("dropout.nc"))
    left.indices.to_netcdf(run.file("dropout_indices.nc"))
    more = f" --newcomers {' '.join(folders[count:])}" if folders[count:] else ""
    more += "".join(f" --{k} {declared[k]}" for k in ("world", "episodes", "steps", "seed") if declared[k])
    summary = {
        "question": QUESTION,
        "experiment": "strangers",
        "file": "strangers.json",
        "command": f"socialsim strangers {' '.join(folders[:count])}{more}",
        "world": declared["world"],
        **found,
        "answer": answer(found),
        "caveats": list(CAVEATS),
        "config": declared,
        "timings": study.timings,
        "versions": versions(),
    }
    run.write_json("strangers.json", summary)
    report.write(run.file("strangers.html"), run.read_json("strangers.json"), parts=PARTS)
