"""Are a trained run's values human-like? The battery, as behaviour and as readouts of its value heads."""

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import xarray as xr
from jaxtyping import Array, Key

from socialsim.agents.loading import TrainedRun, load_run
from socialsim.agents.team import Team
from socialsim.analysis import report
from socialsim.analysis.battery import ASSAYS, AT_HOME, at_home, battery_of, page
from socialsim.analysis.battery.finding import (
    DEGENERATE,
    HELD_AGAINST,
    HUMAN,
    NOT_APPLICABLE,
    TEXTS,
    UNDECIDED,
    VERDICTS,
)
from socialsim.analysis.battery.result import DISCLOSED
from socialsim.analysis.report import evidence
from socialsim.core.errors import choose, integer, number
from socialsim.core.simulation import Simulation
from socialsim.experiments.experiment import Study, versions
from socialsim.runs import Run

QUESTION = "Are these values human-like?"
BEHAVIOUR = "behaviour"
GAZES = ("mutual_gaze", "glance_one", "glance_fifteen")
EVERY = (*ASSAYS, *AT_HOME)
"""What `assay` runs unless told otherwise: games, and looking in the team's own world."""
CAVEATS = (
    *DISCLOSED,
    "A likeness of choices is none of reasons: agents are no persons, and these never met these games in "
    "training.",
    "How gazes are followed is observed, not intervened on: what draws one may draw the other.",
    "Discounting is not asked: in these worlds nothing is offered sooner or later. A circle of values needs "
    "six signals or more.",
    "Many assays are made at once and not corrected for their number.",
)


def assayed(
    source: TrainedRun,
    key: Key[Array, ""],
    *,
    assays: tuple[str, ...] = EVERY,
    worlds: int = 256,
    episodes: int = 48,
    temperature: float = 0.1,
    seed: int = 0,
    progress: Callable[[str], object] | None = None,
) -> list[dict[str, Any]]:
    """Every assay in every form for every team of a run, as plain rows for JSON, without a folder.

    A row holds

    - `team` (its place in the run), `assay`, `form`: "behaviour", or "value of CHANNEL" for a readout;
    - `verdict`, one of `battery.finding.VERDICTS`, and its `reason`;
    - the figure: `estimate`, `low`, `high` (95 %), `n`, `unit`; `null`, `null_low`, `null_high` of its null;
    - what it is held against: `human`, with `human_low` and `human_high`, its noise floor or published
      interval as `human_range` says, and `chance`, the figure of a random chooser; `source` and `status` of
      the human figure;
    - for distributions `score`, `score_low`, `score_high`, (W1 - floor) / (W1 of uniform - floor), and
      `options` with `shares` and `people`; further details by assay; and a `sentence` that says it all.

    What has no number is None. Teams of bodies (continuous acts) have no behaviour at a table, only readouts
    and how they look at each other.

    assays : some of `EVERY`.  worlds: tables of each game.  episodes: played at home for assays of looking.
    temperature: of readouts, in units of each head's scale.  seed: of bootstraps and floors; `key`: of play.
    progress: called with the name of each assay as it begins.  Raises OptionError for an option out of range.
    """
    options = {"assays": assays, "worlds": worlds, "episodes": episodes, "temperature": temperature}
    rows = []
    for i, team in enumerate(source.teams):
        one = jax.random.fold_in(key, i)
        found = _assayed(source.env, team, one, **options, seed=seed, progress=progress)
        rows += [{"team": i, **row} for row in found]
    return rows


def _assayed(
    env: Simulation,
    team: Team,
    key: Key[Array, ""],
    *,
    assays: tuple[str, ...],
    worlds: int,
    episodes: int,
    temperature: float,
    seed: int,
    progress: Callable[[str], object] | None = None,
) -> list[dict[str, Any]]:
    for name in assays:
        choose("assay", name, EVERY)
    games = tuple(a for a in assays if a in ASSAYS)
    gazes = tuple(a for a in assays if a in AT_HOME)
    options = {"worlds": worlds, "temperature": temperature, "seed": seed, "progress": progress}
    found = [*battery_of(team, key, assays=games, **options)]
    if gazes and progress is not None:
        progress("gaze at home")
    home = jax.random.fold_in(key, len(ASSAYS))
    found += at_home(env, team, home, assays=gazes, episodes=episodes, seed=seed)
    return [f.to_dict() for f in found]


def by_cell(rows: list[dict[str, Any]]) -> dict[tuple[str, str], Counter]:
    """(assay, form) -> how many teams got which verdict, in the order of the rows."""
    out: dict[tuple[str, str], Counter] = {}
    for r in rows:
        out.setdefault((r["assay"], r["form"]), Counter())[r["verdict"]] += 1
    return out


def assay(
    path: str | os.PathLike,
    *,
    out: str | os.PathLike | None = None,
    assays: tuple[str, ...] = EVERY,
    tables: int = 256,
    episodes: int = 48,
    temperature: float = 0.1,
    seed: int = 0,
    quiet: bool = False,
) -> Path:
    """Put a run of `socialsim train` to the human-likeness battery; resumable. Returns the folder (default
    `PATH/assay`).

    Writes `assay.html`, and the same numbers as `assay.json` (rows of `assayed`) and `assay.nc` (`[row]`).

    assays : some of `EVERY`.  tables: games played of each kind.  episodes: played at home for assays of
    looking.  temperature: of readouts, in units of each head's scale.  Raises OptionError and RunError with
    the reason.
    """
    for name in assays:
        choose("assay", name, EVERY)
    integer("tables", tables, low=16)
    integer("episodes", episodes, low=2)
    number("temperature", temperature, low=0.0)
    source = load_run(path)
    declared = {
        "command": "assay",
        "source": source.config,
        "assays": list(assays),
        "tables": tables,
        "episodes": episodes,
        "temperature": temperature,
        "seed": seed,
    }
    options = {"assays": assays, "worlds": tables, "episodes": episodes, "temperature": temperature}
    with Run.open_or_create(Path(path) / "assay" if out is None else Path(out), declared) as run:
        study = Study(run, seed, quiet)
        rows = []
        for i, team in enumerate(source.teams):
            key = jax.random.fold_in(study.key(1), i)
            found = study.stage(
                f"battery, team {i}",
                lambda team=team, key=key: _assayed(source.env, team, key, **options, seed=seed),
            )
            rows += [{"team": i, **r} for r in found]
        _report(study, source, rows, declared)
        return run.path


def _report(study: Study, source: TrainedRun, rows: list[dict], declared: dict) -> None:
    run = study.run
    found = {
        "question": QUESTION,
        "experiment": "assay",
        "file": "assay.json",
        "command": f"socialsim assay {source.path.name} --tables {declared['tables']} --episodes "
        f"{declared['episodes']} --temperature {declared['temperature']} --seed {declared['seed']}",
        "channels": list(source.env.channels),
        "teams": len(source.teams),
        "rows": rows,
        "verdicts_by_cell": [
            {"assay": a, "form": f, "verdicts": {v: counts[v] for v in VERDICTS}}
            for (a, f), counts in by_cell(rows).items()
        ],
        "answer": answer(rows, len(source.teams), source.env.id),
        "caveats": list(CAVEATS),
        "config": declared,
        "timings": study.timings,
        "versions": versions(),
    }
    run.write_json("assay.json", found)
    _dataset(rows).to_netcdf(run.file("assay.nc"))
    parts = (
        report.of_summary("answer", "Short answer", "The short answer", evidence.said),
        report.of_summary("glance", "At a glance", "Which choices are like people's?", page.glance),
        report.of_summary("assays", "Assay by assay", "What was measured, beside people", page.one_by_one),
        report.CAVEATS,
        report.METHODS,
    )
    report.write(run.file("assay.html"), run.read_json("assay.json"), parts=parts)


def _dataset(rows: list[dict]) -> xr.Dataset:
    """Figures `[row]`, with coordinates team, assay and form."""
    numbers = ("estimate", "low", "high", "n", "null", "null_low", "null_high", *HELD_AGAINST)
    numbers += ("score", "score_low", "score_high")
    data = {k: ("row", [np.nan if r.get(k) is None else float(r[k]) for r in rows]) for k in numbers}
    texts = {k: ("row", [str(r[k]) for r in rows]) for k in TEXTS}
    coords = {k: ("row", [r[k] for r in rows]) for k in ("team", "assay", "form")}
    return xr.Dataset(data | texts, coords=coords)


def answer(rows: list[dict], teams: int, world: str) -> list[str]:
    """Sentences, from the figures alone."""
    cells = by_cell(rows)
    asked = {k: counts for k, counts in cells.items() if 2 * counts[NOT_APPLICABLE] <= counts.total()}
    like = [k for k, counts in asked.items() if 2 * counts[HUMAN] > teams]
    unit = "the one team" if teams == 1 else f"most of {teams} teams"
    out = [
        f"In {len(like)} of {len(asked)} combinations of assay and form {unit} of {world} chose like people"
        f"{' (' + '; '.join(f'{_titles([a])}, {f}' for a, f in like) + ')' if like else ''}."
    ]
    if not any(f == BEHAVIOUR and a not in GAZES for a, f in cells):
        out.append(
            f"Teams of {world} act with bodies, not with the acts of table games, so they cannot play them; "
            "their value heads are read all the same."
        )
    for form in dict.fromkeys(f for _, f in asked):
        mine = {a: counts for (a, f), counts in asked.items() if f == form}
        parts = (
            ("choices have no view (random, always the same, or without order)", DEGENERATE),
            ("are undecided", (UNDECIDED,)),
        )
        said = []
        for what, verdicts in parts:
            found = [a for a, counts in mine.items() if 2 * sum(counts[v] for v in verdicts) > teams]
            if found:
                said.append(f"in {len(found)} most {what}: {_titles(found)}")
        if said:
            out.append(f"{form.capitalize()}, {len(mine)} assays: {'; '.join(said)}.")
    if left := [a for a, _ in cells if all(k[0] != a for k in asked)]:
        out.append(f"Not applicable to these teams: {_titles(left)}.")
    return out


def _titles(names: list[str]) -> str:
    return ", ".join(page.assays()[n]["title"].lower() for n in names)


def shares_table(
    cells: dict[str, dict[tuple[str, str], Counter]],
) -> tuple[np.ndarray, np.ndarray, list[str], list[str]]:
    """For `plots.shares`: share of human-like teams and its words `[row, assay]`, names of rows and columns.

    cells: what a row's name begins with -> counts by (assay, form).
    """
    assays = list(dict.fromkeys(a for each in cells.values() for a, _ in each))
    forms = [
        (name, f)
        for name, each in cells.items()
        for f in dict.fromkeys(
            f for (_, f), counts in each.items() if counts[NOT_APPLICABLE] < counts.total()
        )
    ]
    share = np.full((len(forms), len(assays)), np.nan)
    words = np.full(share.shape, "", object)
    for i, (name, form) in enumerate(forms):
        for j, each in enumerate(assays):
            counts = cells[name].get((each, form))
            if counts is None or 2 * counts[NOT_APPLICABLE] > counts.total():
                continue
            share[i, j] = counts[HUMAN] / counts.total()
            blind = 2 * sum(counts[v] for v in DEGENERATE) > counts.total()
            open_ = 2 * counts[UNDECIDED] > counts.total()
            note = "\nno view" if blind else "\nopen" if open_ else ""
            words[i, j] = f"{counts[HUMAN]} of {counts.total()}{note}"
    rows = [f"{name} \u00b7 {f}" if name else f for name, f in forms]
    return share, words, rows, [a.replace("_", " ") for a in assays]
