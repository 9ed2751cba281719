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
from socialsim.analysis import plots, report
from socialsim.analysis.battery import ASSAYS, battery_of
from socialsim.analysis.battery.battery import DISCLOSED
from socialsim.analysis.battery.finding import DEGENERATE, HUMAN, NOT_APPLICABLE, UNDECIDED, VERDICTS
from socialsim.analysis.report import evidence, markup
from socialsim.analysis.report.markup import Entry, text
from socialsim.core.errors import choose, integer, number
from socialsim.experiments.experiment import Study, versions
from socialsim.runs import Run

QUESTION = "Are these values human-like?"
BEHAVIOUR = "behaviour"


def assayed(
    source: TrainedRun,
    key: Key[Array, ""],
    *,
    assays: tuple[str, ...] = ASSAYS,
    worlds: int = 256,
    temperature: float = 0.1,
    seed: int = 0,
    progress: Callable[[str], object] | None = None,
) -> list[dict[str, Any]]:
    """Every assay in every form for every team of a run, as plain rows for JSON.

    Rows have `team` (its place in the run), `assay`, `form` ("behaviour" or "value of CHANNEL"), `verdict`
    with its `reason`, the figure as `estimate`, `low`, `high`, `n` and its null, the `human` figure with
    `source` and `status`, and a `sentence` that says it all. Options are those of `battery_of`.
    """
    rows = []
    for i, team in enumerate(source.teams):
        found = battery_of(
            team,
            jax.random.fold_in(key, i),
            assays=assays,
            worlds=worlds,
            temperature=temperature,
            seed=seed,
            progress=progress,
        )
        rows += [{"team": i, **f.to_dict()} for f in found]
    return rows


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
    assays: tuple[str, ...] = ASSAYS,
    tables: int = 256,
    temperature: float = 0.1,
    seed: int = 0,
    quiet: bool = False,
) -> Path:
    """Put a run of `socialsim train` to the human-likeness battery; resumable. Returns the folder (default
    `PATH/assay`).

    Writes `assay.html`, and the same numbers as `assay.json` and `assay.nc` (`[team, row]`).

    assays : some of `battery.ASSAYS`.  tables: games played of each kind.  temperature: of readouts, in units
    of each head's scale.  Raises OptionError and RunError with the reason.
    """
    for name in assays:
        choose("assay", name, ASSAYS)
    integer("tables", tables, low=16)
    number("temperature", temperature, low=0.0)
    source = load_run(path)
    declared = {
        "command": "assay",
        "source": source.config,
        "assays": list(assays),
        "tables": tables,
        "temperature": temperature,
        "seed": seed,
    }
    options = {"assays": assays, "worlds": tables, "temperature": temperature, "seed": seed}
    with Run.open_or_create(Path(path) / "assay" if out is None else Path(out), declared) as run:
        study = Study(run, seed, quiet)
        rows = []
        for i, team in enumerate(source.teams):
            alone = TrainedRun(source.path, source.env, [team], [source.history[i]], source.config)
            key = jax.random.fold_in(study.key(1), i)
            found = study.stage(f"battery, team {i}", lambda a=alone, k=key: assayed(a, k, **options))
            rows += [r | {"team": i} for r in found]
        _report(study, source, rows, declared)
        return run.path


def _report(study: Study, source: TrainedRun, rows: list[dict], declared: dict) -> None:
    run = study.run
    found = {
        "question": QUESTION,
        "experiment": "assay",
        "file": "assay.json",
        "command": f"socialsim assay {source.path.name} --tables {declared['tables']} --temperature "
        f"{declared['temperature']} --seed {declared['seed']}",
        "channels": list(source.env.channels),
        "teams": len(source.teams),
        "rows": rows,
        "verdicts_by_cell": [
            {"assay": a, "form": f, "verdicts": {v: counts[v] for v in VERDICTS}}
            for (a, f), counts in by_cell(rows).items()
        ],
        "answer": _answer(rows, len(source.teams), source.env.id),
        "caveats": [
            *DISCLOSED,
            "A likeness of choices is none of reasons: these agents never met these games in training.",
            "Many assays are made at once and not corrected for their number.",
        ],
        "config": declared,
        "timings": study.timings,
        "versions": versions(),
    }
    run.write_json("assay.json", found)
    _dataset(rows).to_netcdf(run.file("assay.nc"))
    parts = (
        report.of_summary("answer", "Short answer", "The short answer", evidence.said),
        report.of_summary("battery", "The battery", "Which choices are like people's?", _battery),
        report.of_summary("figures", "Figures", "What was measured, beside people", _figures),
        report.CAVEATS,
        report.METHODS,
    )
    report.write(run.file("assay.html"), run.read_json("assay.json"), parts=parts)


def _dataset(rows: list[dict]) -> xr.Dataset:
    """Figures `[row]`, with coordinates team, assay and form."""
    numbers = ("estimate", "low", "high", "n", "null", "null_low", "null_high", "human")
    data = {k: ("row", [np.nan if r[k] is None else float(r[k]) for r in rows]) for k in numbers}
    texts = ("verdict", "reason", "unit", "source", "status")
    words = {k: ("row", [str(r[k]) for r in rows]) for k in texts}
    coords = {k: ("row", [r[k] for r in rows]) for k in ("team", "assay", "form")}
    return xr.Dataset(data | words, coords=coords)


def _answer(rows: list[dict], teams: int, world: str) -> list[str]:
    """Sentences, from the figures alone."""
    cells = by_cell(rows)
    asked = {k: counts for k, counts in cells.items() if 2 * counts[NOT_APPLICABLE] <= counts.total()}
    like = [k for k, counts in asked.items() if 2 * counts[HUMAN] > teams]
    out = [
        f"Most of {teams} teams of {world} are human-like in {len(like)} of {len(asked)} assays and forms"
        f"{': ' + ', '.join(f'{_listed([a])} ({f})' for a, f in like) if like else ''}."
    ]
    if not any(f == BEHAVIOUR for _, f in cells):
        out.append(
            f"Teams of {world} act with bodies, not with the acts of table games, so they have no behaviour "
            "here; their value heads are read all the same."
        )
    for form in dict.fromkeys(f for _, f in asked):
        mine = {a: counts for (a, f), counts in asked.items() if f == form}
        blind = [a for a, counts in mine.items() if 2 * sum(counts[v] for v in DEGENERATE) > teams]
        out.append(
            f"{form.capitalize()}: in {len(blind)} of {len(mine)} assays most teams choose at random, always "
            f"the same, or against themselves{f' ({_listed(blind)})' if blind else ''}."
        )
    if left := [a for a, _ in cells if all(k[0] != a for k in asked)]:
        out.append(f"Does not apply to these teams: {_listed(left)} (it needs six signals or more).")
    return out


def _listed(names: list[str]) -> str:
    return ", ".join(n.replace("_", " ") for n in names)


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


def _battery(summary: Entry) -> str:
    share, words, rows, columns = shares_table({"": by_cell(summary["rows"].value)})
    drawn = plots.shares(share, words, rows, columns, label="share of teams")
    return evidence.picture("battery", "battery", drawn)


def _figures(summary: Entry) -> str:
    head = ["Team", "Assay", "Form", "Figure", "Unit", "People", "Verdict", "Why"]
    rows = [
        [
            e["team"].number(),
            text(str(e["assay"].value).replace("_", " ")),
            text(e["form"].value),
            e.interval(),
            text(e["unit"].value),
            e["human"].number() + (" (unverified)" if e["status"].value == "unverified" else ""),
            text(e["verdict"].value),
            text(e["reason"].value),
        ]
        for e in summary["rows"]
    ]
    sources = {r["assay"]: f"{r['source']} [{r['status']}]" for r in summary["rows"].value if r["source"]}
    cited = [[text(a.replace("_", " ")), text(s)] for a, s in sources.items()]
    return (
        markup.table(["Assay", "Human figures are from"], cited)
        + markup.details("All figures, team by team", markup.table(head, rows))
    )  # fmt: skip
