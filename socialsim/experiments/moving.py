"""Values moved from any trained runs into any worlds: what they say there, and what they are worth there."""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import jax
import numpy as np
import xarray as xr

from socialsim.agents.bots import scripted_team
from socialsim.agents.loading import TrainedRun, load_run
from socialsim.agents.ppo import PPOConfig
from socialsim.agents.training import TrainConfig
from socialsim.analysis import plots, report
from socialsim.analysis.recording import Episodes, play
from socialsim.analysis.report import evidence
from socialsim.core.drives import drive_matrix
from socialsim.core.errors import OptionError, choose, integer
from socialsim.core.registry import make, worlds
from socialsim.core.simulation import Simulation
from socialsim.experiments.experiment import Study, versions
from socialsim.runs import Run
from socialsim.transfer.arms import ARMS, plan
from socialsim.transfer.carriers import Source
from socialsim.transfer.claims import SHAPING_HELPS, VALUES_TRANSFERRED
from socialsim.transfer.suite import transfer, zero_shot

QUESTION = "Do these values hold in worlds they never saw, and what are they worth there?"
DEFAULT_ARMS = ("scratch", "shaping", "random", "shuffled", "distilled", "encoder", "policy")
HOME = 24  # episodes at home, on which carriers are made
EPSILON = 0.3  # how often the scripted teams slip on whose episodes values are read


def move(
    sources: Sequence[str | os.PathLike],
    targets: Sequence[str],
    *,
    out: str | os.PathLike = "runs/transfer",
    arms: Sequence[str] = DEFAULT_ARMS,
    seeds: int = 5,
    agent_steps: int = 400_000,
    episodes: int = 48,
    ppo: PPOConfig | None = None,
    seed: int = 0,
    quiet: bool = False,
) -> Path:
    """Every source in every target, across physics; resumable. Returns the folder `out`.

    Writes `transfer.html`, `transfer.json`, `zero_shot.nc` (rank agreement of values with returns
    `[source, target, channel]`) and, unless `arms` is empty, `benefit.nc` (P(improvement) over learning from
    scratch in area under the curve, `[source, target, arm]`), each with estimate, low, high and `shown`.

    sources : folders of `socialsim train` runs.  targets: ids of worlds.  arms: names of `transfer.ARMS`.
    seeds : learners per arm.  agent_steps: each learns for.  episodes: played in each world.
    """
    if not sources or not targets:
        raise OptionError(f"{len(sources)} sources, {len(targets)} targets; allowed: one or more of each")
    for id in targets:
        choose("target world", id, worlds())
    for name in arms:
        choose("arm", name, ARMS)
    if arms and "scratch" not in arms:
        raise OptionError(f"arms={tuple(arms)}; allowed: with 'scratch', which the others are compared with")
    for name, value in (("seeds", seeds), ("agent_steps", agent_steps), ("episodes", episodes)):
        integer(name, value, low=1)
    loaded = _named([load_run(s) for s in sources])
    declared = {
        "command": "transfer",
        "sources": {name: s.config for name, s in loaded.items()},
        "targets": list(targets),
        "arms": list(arms),
        "seeds": seeds,
        "agent_steps": agent_steps,
        "episodes": episodes,
        "ppo": ppo or PPOConfig(),
        "seed": seed,
    }
    with Run.open_or_create(Path(out), declared) as run:
        study = Study(run, seed, quiet)
        learning = TrainConfig(ppo or PPOConfig(), agent_steps=agent_steps, chunks=2)
        cells, gains = {}, {}
        for number, id in enumerate(targets):
            env = make(id)
            seen = _seen(study, env, loaded, number, episodes)
            for name, source in loaded.items():
                cells[name, id] = study.stage(
                    f"values of {name} in {id}", partial(_read, study, env, source, seen)
                )
                if arms:
                    part = "".join(c if c.isalnum() else "-" for c in f"t{number}-{name}")
                    learn = partial(_learn, study, env, part, source, tuple(arms), seeds, learning)
                    gains[name, id] = study.stage(f"{name} moved into {id}", learn)
        _report(study, loaded, targets, cells, gains, declared)
        return run.path


def _named(sources: list[TrainedRun]) -> dict[str, TrainedRun]:
    """By world; by folder too where two runs are of one world."""
    ids = [s.env.id for s in sources]
    return {(s.env.id if ids.count(s.env.id) == 1 else f"{s.env.id} ({s.path.name})"): s for s in sources}


def _seen(study: Study, env: Simulation, loaded: dict, number: int, episodes: int) -> Episodes | None:
    """Episodes of a scripted team in a target, unless all was read there already."""
    if all(study.done(f"values of {name} in {env.id}") for name in loaded):
        return None
    return study.timed(
        f"a scripted team in {env.id}",
        lambda: play(env, scripted_team(env, epsilon=EPSILON), study.key(100 + number), worlds=episodes),
    )


def _read(study: Study, env: Simulation, source: TrainedRun, seen: Episodes | None) -> dict:
    assert seen is not None
    found = zero_shot(seen, source.teams, env.channels, discount=source.discount, seed=study.seed)
    return {
        c: {"estimate": e.estimate, "low": e.low, "high": e.high, "n": e.n, "null_high": e.null_high}
        | {"reason": e.reason}
        for c, e in found.items()
    }


def _learn(
    study: Study,
    env: Simulation,
    part: str,
    source: TrainedRun,
    arms: tuple[str, ...],
    seeds: int,
    learning: TrainConfig,
) -> dict:
    """All arms from one source in one target. part: of the run, for its checkpoints."""
    drives = drive_matrix(None, env.channels, env.num_agents)
    home = drive_matrix(None, source.env.channels, source.env.num_agents)[0]
    keys = jax.random.split(study.key(2), len(source.teams))
    moved = [
        Source(t, play(source.env, t, k, worlds=HOME), home, source.discount)
        for t, k in zip(source.teams[:seeds], keys, strict=False)
    ]
    prepared = plan(moved, env, learning.ppo.network, arms=arms, seeds=seeds, seed=study.seed, drives=drives)
    found = transfer(
        env,
        prepared,
        learning,
        study.key(3),
        run=study.run.part(part),
        source_steps=float(source.config["agent_steps"]),
        title=f"{source.env.id} into {env.id}: {len(prepared.arms)} arms x {seeds} seeds",
        quiet=study.quiet,
    )
    auc = found.auc()
    crossing = source.teams[0].actions != env.actions
    rows = {}
    for arm in auc:
        row = found.summary.sel(metric="auc", arm=arm)
        rows[arm] = {
            "auc": auc[arm].tolist(),
            "iqm": float(row.estimate),
            "estimate": float(row.improvement),
            "low": float(row.improvement_low),
            "high": float(row.improvement_high),
        }
    return {
        "arms": rows,
        "verdicts": {
            "values_transferred": VALUES_TRANSFERRED(auc, across_physics=crossing).to_dict(),
            "shaping_helps": SHAPING_HELPS(auc).to_dict(),
        },
    }


def _table(cells: dict, names: Sequence[str], dim: str, shown) -> xr.Dataset:
    """Rows `(source, target) -> name -> {estimate, low, high}` as a Dataset `[source, target, dim]`."""
    sources, targets = (list(dict.fromkeys(k[i] for k in cells)) for i in (0, 1))
    shape = (len(sources), len(targets), len(names))
    data = {k: np.full(shape, np.nan) for k in ("estimate", "low", "high")} | {"shown": np.zeros(shape, bool)}
    for (s, t), row in cells.items():
        for i, n in enumerate(names):
            if (cell := row.get(n)) is None or cell["estimate"] is None:
                continue
            at = sources.index(s), targets.index(t), i
            for k in ("estimate", "low", "high"):
                data[k][at] = cell[k]
            data["shown"][at] = shown(cell)
    coords = {"source": sources, "target": targets, dim: list(names)}
    return xr.Dataset({k: (("source", "target", dim), v) for k, v in data.items()}, coords=coords)


def _report(study: Study, loaded: dict, targets, cells: dict, gains: dict, declared: dict) -> None:
    run = study.run
    channels = next(iter(loaded.values())).env.channels
    read = _table(cells, channels, "channel", lambda c: c["low"] > (c["null_high"] or 0.0))
    read.to_netcdf(run.file("zero_shot.nc"))
    arms = [a for a in declared["arms"] if a != "scratch"]
    rows = {k: v["arms"] for k, v in gains.items()}
    worth = _table(rows, arms, "arm", lambda c: c["low"] > 0.5) if gains else None
    if worth is not None:
        worth.to_netcdf(run.file("benefit.nc"))
    answers = [_heard(read, channel) for channel in channels] + _said(gains, declared["seeds"])
    found = {
        "question": QUESTION,
        "experiment": "transfer",
        "file": "transfer.json",
        "command": _command(loaded, declared),
        "channels": list(channels),
        "zero_shot": [{"source": s, "target": t, "channels": c} for (s, t), c in cells.items()],
        "benefit": [{"source": s, "target": t} | c for (s, t), c in gains.items()],
        "answer": answers,
        "caveats": [
            f"Values are read on episodes of a scripted team that slips with probability {EPSILON}; other "
            "behaviour may bring other agreement.",
            "Cells of one row share their source teams, cells of one column their episodes: they are not "
            "independent, and they are not corrected for their number.",
        ],
        "config": run.config,
        "timings": study.timings,
        "versions": versions(),
    }
    run.write_json("transfer.json", found)
    heard = plots.matrices(
        read, panel="channel", centre=0.0, low=-0.5, high=0.5, label="Spearman of value with return"
    )
    pictures = [("zero-shot", "zero_shot_matrix", heard)]
    if worth is not None:
        useful = plots.matrices(
            worth, panel="arm", centre=0.5, low=0.0, high=1.0, label="P(better than from scratch)"
        )
        pictures.append(("benefit", "benefit_matrix", useful))
    parts = (
        report.of_summary("answer", "Short answer", "The short answer", evidence.said),
        *(
            report.of_summary(n, *TITLES[n], lambda s, n=n, w=words, f=fig: evidence.picture(n, w, f))
            for n, words, fig in pictures
        ),
        report.CAVEATS,
        report.METHODS,
    )
    report.write(run.file("transfer.html"), run.read_json("transfer.json"), parts=parts)


def _command(loaded: dict[str, TrainedRun], declared: dict) -> str:
    runs = " ".join(s.path.name for s in loaded.values())
    learning = f"--arms {' '.join(declared['arms'])}" if declared["arms"] else "--zero-shot-only"
    options = " ".join(
        f"--{k.replace('_', '-')} {declared[k]}" for k in ("seeds", "agent_steps", "episodes", "seed")
    )
    return f"socialsim transfer {runs} --targets {' '.join(declared['targets'])} {learning} {options}"


CLAIMS = {
    "values_transferred": "the values themselves transferred",
    "shaping_helps": "shaping by the values helps",
}
TITLES = {
    "zero-shot": ("New worlds", "Are the values right about worlds they never saw?"),
    "benefit": ("Learning", "What are they worth to new learners there?"),
}


def _heard(read: xr.Dataset, channel: str) -> str:
    """In how many other worlds a head is right above chance."""
    cell = read.sel(channel=channel)
    away = [(s, t) for s in cell.source.values for t in cell.target.values if not str(s).startswith(str(t))]
    right = [(s, t) for s, t in away if bool(cell.shown.sel(source=s, target=t))]
    return (
        f"Read as it is, the {channel} head is right above chance in {len(right)} of {len(away)} pairs of a "
        "world it learned in and another."
    )


def _said(gains: dict, seeds: int) -> list[str]:
    if not gains:
        return ["Learning in the new worlds was not asked for."]
    out = []
    for claim, words in CLAIMS.items():
        known = {k: g["verdicts"][claim]["supported"] for k, g in gains.items()}
        tested = [k for k, v in known.items() if v is not None]
        held = [f"{s} to {t}" for (s, t) in tested if known[s, t]]
        which = f" ({'; '.join(held)})" if held else ""
        out.append(
            f"That {words} is supported in {len(held)} of {len(tested)} pairs tested{which}, "
            f"at {seeds} seeds per arm."
        )
    return out
