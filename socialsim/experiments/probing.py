"""What a trained run's value heads have learned, with the controls that make the answer honest."""

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import jax
import xarray as xr

from socialsim.agents.loading import TrainedRun, load_run
from socialsim.analysis import report
from socialsim.analysis.certificate import UNDECIDED, USED, VERDICTS, Certificate, Certificates
from socialsim.analysis.certify import certify
from socialsim.analysis.concepts import CONCEPTS, DEFAULT_CONCEPTS
from socialsim.analysis.dossier import SVO_RETEST, Dossier, StabilityDossier
from socialsim.analysis.edits import default_edits
from socialsim.analysis.occasions import Occasions
from socialsim.analysis.recording import Episodes, play
from socialsim.analysis.report import evidence
from socialsim.analysis.wording import decimal, known, span
from socialsim.core.errors import OptionError, choose, integer
from socialsim.envs.grid.engine import Grid
from socialsim.experiments import measures
from socialsim.experiments.experiment import Study, versions
from socialsim.runs import Run

QUESTION = "What have these value heads learned?"
AXES = ("seed", "checkpoint", "partner", "noise", "retest")


def probe(
    path: str | os.PathLike,
    *,
    out: str | os.PathLike | None = None,
    concepts: tuple[str, ...] = DEFAULT_CONCEPTS,
    episodes: int = 48,
    every: int = 8,
    scenes: int = 600,
    seed: int = 0,
    quiet: bool = False,
) -> Path:
    """Probe a run of `socialsim train`; resumable. Returns the folder (default `PATH/probe`).

    Writes `probe.html`, and the same numbers as `probe.json` and `probe.nc` (certificates `[claim]`) with
    `stability.nc` (`[axis, statistic, channel]`).

    concepts : names of `analysis.concepts.CONCEPTS`.  episodes: played per team, one in `every` steps is
    probed, up to the end of each episode.  scenes: edited.  Raises OptionError (recurrent teams too) and
    RunError with the reason.
    """
    for name in concepts:
        choose("concept", name, CONCEPTS)
    for name, value in (("episodes", episodes), ("every", every), ("scenes", scenes)):
        integer(name, value, low=1)
    if episodes < 4:
        raise OptionError(
            f"episodes={episodes}; allowed: 4 or more, since probes are tested on held-out ones"
        )
    source = load_run(path)
    if any(t.config.recurrent for t in source.teams):
        raise OptionError(
            f"{source.path.name}: recurrent teams, whose memory is no part of a scene or a layer; allowed: a "
            "run trained with recurrent=False"
        )
    declared = {
        "command": "probe",
        "source": source.config,
        "concepts": list(concepts),
        "episodes": episodes,
        "every": every,
        "scenes": scenes,
        "seed": seed,
    }
    with Run.open_or_create(Path(path) / "probe" if out is None else Path(out), declared) as run:
        study = Study(run, seed, quiet)
        keys = jax.random.split(study.key(1), len(source.teams))
        played = study.timed(
            "playing recorded episodes",
            lambda: [
                play(source.env, t, k, worlds=episodes) for t, k in zip(source.teams, keys, strict=True)
            ],
        )
        _report(study, source, played, declared)
        return run.path


def _report(study: Study, source: TrainedRun, played: list[Episodes], declared: dict) -> None:
    env, teams, run = source.env, source.teams, study.run
    health = study.stage(
        "value heads on held-out episodes",
        lambda: measures.head_health(teams, played, env.channels, discount=source.discount, seed=study.seed),
    )
    issued = [
        study.stage(f"certificates, team {i}", lambda i=i: _certify(study, source, played[i], i, declared))
        for i in range(len(teams))
    ]
    certificates = [Certificates(tuple(Certificate.from_dict(c) for c in each)) for each in issued]
    edited = study.stage(
        "scene counterfactuals",
        lambda: measures.counterfactuals(
            teams,
            env,
            played[0],
            scenes=declared["scenes"],
            seed=study.seed,
            grid=isinstance(env.world, Grid),
        ),
    )
    if "stability" not in run.recordings():
        stable = study.timed("stability", lambda: dossier_of(source, seed=study.seed))
        run.save_recording("stability", stable.table)
    dossier = Dossier(run.recording("stability"), SVO_RETEST)
    found = {
        "question": QUESTION,
        "experiment": "probe",
        "file": "probe.json",
        "command": f"socialsim probe {source.path.name} --episodes {declared['episodes']} --every "
        f"{declared['every']} --scenes {declared['scenes']} --seed {declared['seed']}",
        "channels": list(env.channels),
        "health": health,
        "certificates": _verdicts(certificates),
        "counterfactuals": edited,
        "stability": stability_rows(dossier),
        "config": declared,
        "timings": study.timings,
        "versions": versions(),
    }
    found["answer"] = _answer(found, certificates, dossier)
    found["caveats"] = _caveats(len(teams))
    run.write_json("probe.json", found | {"evidence": issued})
    claims = [c.to_dataset() for c in certificates]
    xr.concat(claims, xr.DataArray(range(len(claims)), dims="team", name="team")).to_netcdf(
        run.file("probe.nc")
    )
    dossier.to_dataset().to_netcdf(run.file("stability.nc"))
    parts = (
        report.of_summary("answer", "Short answer", "The short answer", evidence.conclusion),
        report.of_summary(
            "certificates",
            "Certificates",
            "What is represented, and what is used?",
            lambda s: evidence.certificates(s, certificates),
        ),
        report.of_summary("edits", "Scene edits", "What do the values respond to?", report.counterfactuals),
        report.of_summary(
            "stability", "Stability", "Are the values stable?", lambda s: evidence.dossier(s, dossier)
        ),
        report.CAVEATS,
        report.METHODS,
    )
    report.write(run.file("probe.html"), run.read_json("probe.json"), parts=parts)


def _certify(study: Study, source: TrainedRun, played: Episodes, i: int, declared: dict) -> list:
    world = source.env.world
    eyes, grid = getattr(world, "eyes", None), isinstance(world, Grid)
    found = certify(
        source.teams[i],
        source.env,
        played,
        concepts=tuple(declared["concepts"]),
        edits=default_edits(directions=4 if grid else 0, neck=not grid, eyes=eyes),
        every=declared["every"],
        seed=study.seed,
    )
    return [c.to_dict() for c in found]


def dossier_of(source: TrainedRun, *, seed: int, axes: tuple[str, ...] = AXES) -> Dossier:
    """Stability of a run's values along `axes`; checkpoints are those of the second half of training."""
    history = list(map(list, zip(*(h[len(h) // 2 :] for h in source.history), strict=True)))
    return StabilityDossier(seed=seed).measure(
        Occasions(source.env, seed=seed), source.teams, checkpoints=history, axes=axes
    )


def _verdicts(issued: list[Certificates]) -> list[dict]:
    """For each claim, how many teams got which verdict."""
    rows = []
    for claims in zip(*issued, strict=True):
        counts = Counter(c.verdict for c in claims)
        names = {"concept": claims[0].concept, "layer": claims[0].layer, "channel": claims[0].channel}
        rows.append(names | {"verdicts": {v: counts[v] for v in VERDICTS}})
    return rows


def stability_rows(dossier: Dossier) -> list[dict]:
    """A dossier as plain rows {axis, statistic, channel, estimate, low, high, ...}."""
    table = dossier.table.assign(beyond_controls=dossier.beyond_controls)
    frame = table.to_dataframe(dim_order=["axis", "statistic", "channel"]).reset_index()
    frame = frame[frame["estimate"].notna()]
    return [dict(row) for _, row in frame.iterrows()]


def _answer(found: dict, issued: list[Certificates], dossier: Dossier) -> list[str]:
    """Sentences, from the figures alone."""
    out = []
    for channel, row in found["health"].items():
        rho, null = row["spearman"], row["spearman"]["shuffled"]
        above = known(rho["estimate"]) and rho["estimate"] > (null["high"] or 0.0)
        verb = "ranks" if above else "is not shown to rank"
        out.append(
            f"The {channel} head {verb} states by what they bring (Spearman {decimal(rho)}, "
            f"shuffled up to {decimal(null['high'])})."
        )
    number = len(issued)
    most = -(-(number + 1) // 2)
    used = sorted(
        {
            (r["channel"], r["concept"].replace("_", " "))
            for r in found["certificates"]
            if r["verdicts"][USED] >= most
        }
    )
    for channel in found["channels"]:
        names = [c for ch, c in used if ch == channel]
        said = ", ".join(names) if names else "nothing that was asked for"
        out.append(f"Represented and used by the {channel} head in most of {number} teams: {said}.")
    all_claims = [c for each in issued for c in each]
    verdicts = Counter(c.verdict for c in all_claims)
    out.append(
        f"Of {len(all_claims)} claims "
        + ", ".join(f"{verdicts[v]} are {v}" for v in VERDICTS)
        + f"; what left most undecided: {_commonest(c.reason for c in all_claims if c.verdict == UNDECIDED)}."
    )
    seeds = dossier.table.sel(axis="seed") if "seed" in dossier.table.axis.values else None
    if seeds is not None:
        for channel in found["channels"]:
            cell = seeds.isel(statistic=0).sel(channel=channel)
            above = bool(dossier.beyond_controls.sel(axis="seed", channel=channel).isel(statistic=0))
            figure = {k: float(cell[k]) for k in ("estimate", "low", "high")}
            verb = "agree" if above else "are not shown to agree"
            out.append(f"Seeds {verb} on the {channel} value beyond both controls: ICC(2,1) {span(figure)}.")
    return out


def _commonest(reasons: Iterable[str]) -> str:
    found = Counter(r.partition(":")[0] for r in reasons).most_common(1)
    return found[0][0] if found else "nothing"


def _caveats(teams: int) -> list[str]:
    out = [
        "Linear readouts only: what a layer holds in another form is not found.",
        "A concept is used here if the value moves with it; whether the agents act on that value is another "
        "question.",
        "Many claims are tested at once; verdicts are counted over teams and not corrected for their number.",
    ]
    if teams < 3:
        out.insert(0, f"Only {teams} teams: stability over seeds rests on very few units.")
    return out
