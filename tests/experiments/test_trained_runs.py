"""A run of `socialsim train` probed, assayed and moved by the commands: what is written, resumed, refused."""

import json
from pathlib import Path

import jax
import numpy as np
import pytest
import xarray as xr

from socialsim.agents.loading import TrainedRun, load_run
from socialsim.agents.networks import NetworkConfig
from socialsim.agents.team import new_team
from socialsim.analysis.certificate import VERDICTS, Certificate
from socialsim.cli import main
from socialsim.core.registry import make
from socialsim.experiments import assaying

TINY = ("--agent-steps", "2000", "--seeds", "2", "--chunks", "3", "--option", "num_agents=2")
TINY += ("--option", "needed=2", "--option", "size=6", "--option", "walls=1")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "source"
    assert main(["train", "rendezvous-v0", "--out", str(folder), *TINY]) == 0
    return folder


def test_a_run_is_read_back_with_its_history(run):
    found = load_run(run)
    assert found.env.num_agents == 2 and len(found.teams) == 2
    assert [len(h) for h in found.history] == [3, 3]
    first, _, last = (np.asarray(t.scale) for t in found.history[0])
    assert not np.array_equal(first, last), "the checkpoints are of different moments"


@pytest.mark.slow
def test_probing_writes_a_report_and_goes_on(run, capsys):
    small = ("--concepts", "looked_at", "--episodes", "4", "--scenes", "20", "--quiet")
    assert main(["probe", str(run), *small]) == 0
    said = capsys.readouterr().out
    found = json.loads((run / "probe" / "probe.json").read_text())
    assert found["answer"][0] in said and (run / "probe" / "probe.html").exists()
    assert all(sum(r["verdicts"].values()) == 2 for r in found["certificates"]), "one verdict per team"
    claims = xr.load_dataset(run / "probe" / "probe.nc")
    assert claims.sizes["team"] == 2 and set(np.unique(claims.verdict.astype(str))) <= set(VERDICTS)
    kept = Certificate.from_dict(found["evidence"][0][0])
    assert Certificate.from_dict(json.loads(json.dumps(kept.to_dict()))).verdict == kept.verdict
    axes = {r["axis"] for r in found["stability"]}
    assert {"seed", "checkpoint", "noise", "retest"} <= axes
    assert main(["probe", str(run), *small]) == 0
    again = json.loads((run / "probe" / "probe.json").read_text())
    assert again["certificates"] == found["certificates"] and again["stability"] == found["stability"]


def test_assaying_writes_a_report_and_goes_on(run, capsys):
    small = ("--assays", "dictator", "mutual_gaze", "--tables", "32", "--episodes", "4", "--quiet")
    assert main(["assay", str(run), *small]) == 0
    said = capsys.readouterr().out
    folder = run / "assay"
    found = json.loads((folder / "assay.json").read_text())
    page = (folder / "assay.html").read_text()
    assert found["answer"][0] in said and "Dictator game" in page and "[computed]" in page
    forms = ["behaviour", *(f"value of {c}" for c in found["channels"])]
    cells = {(r["team"], r["assay"], r["form"]) for r in found["rows"]}
    wanted = {("dictator", f) for f in forms} | {("mutual_gaze", "behaviour")}
    assert cells == {(team, *cell) for team in (0, 1) for cell in wanted}
    assert all(r["source"] and r["human"] is not None for r in found["rows"])
    assert all(np.isclose(np.sum(r["shares"]), 1) for r in found["rows"] if r["assay"] == "dictator")
    assert xr.load_dataset(folder / "assay.nc").sizes["row"] == len(found["rows"])
    assert main(["assay", str(run), *small]) == 0
    assert json.loads((folder / "assay.json").read_text())["rows"] == found["rows"]


def test_bodies_have_readouts_and_gazes_and_no_behaviour_at_a_table():
    env = make("rendezvous-plane-v0", num_agents=2, needed=2)
    team = new_team(jax.random.key(0), NetworkConfig(width=8), env.actions, env.channels, 2)
    bodies = TrainedRun(Path("fresh"), env, [team], [[team]], {})
    assays = ("dictator", "mutual_gaze")
    rows = assaying.assayed(bodies, jax.random.key(1), assays=assays, worlds=32, episodes=2)
    assert {r["form"] for r in rows if r["assay"] == "dictator"} == {f"value of {c}" for c in env.channels}
    assert {r["form"] for r in rows if r["assay"] == "mutual_gaze"} == {"behaviour"}
    assert "act with bodies" in " ".join(assaying.answer(rows, 1, env.id))


def test_moving_fills_the_matrix(run, tmp_path):
    """Learning elsewhere is tested with the atlas, which shares the code."""
    small = ("--zero-shot-only", "--episodes", "4", "--quiet")
    command = ["transfer", str(run), "--targets", "rendezvous-v0", "--out", str(tmp_path / "moved"), *small]
    assert main(command) == 0
    read = xr.load_dataset(tmp_path / "moved" / "zero_shot.nc")
    assert dict(read.sizes) == {"source": 1, "target": 1, "channel": 3}
    assert not (tmp_path / "moved" / "benefit.nc").exists()
    found = json.loads((tmp_path / "moved" / "transfer.json").read_text())
    assert (
        found["answer"][-1].endswith("was not asked for.") and (tmp_path / "moved" / "transfer.html").exists()
    )


def test_a_replay_makes_the_folder_it_is_written_to(run, tmp_path, capsys):
    wanted = tmp_path / "new" / "x.html"
    assert main(["replay", str(run), "--out", str(wanted)]) == 0
    assert wanted.stat().st_size > 1000 and str(wanted) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "named"),
    [
        (["probe", "RUN", "--concepts", "looked"], "looked_at"),
        (["probe", "RUN", "--episodes", "2"], "4 or more"),
        (["transfer", "RUN", "--targets", "houl-v0"], "haul-v0"),
        (["transfer", "RUN", "--targets", "haul-v0", "--arms", "shaping"], "scratch"),
        (["assay", "RUN", "--assays", "dictater"], "dictator"),
        (["assay", "RUN", "--tables", "4"], "16"),
        (["probe", "nowhere"], "nowhere"),
    ],
)
def test_bad_input_is_one_clear_line(run, capsys, command, named):
    assert main([str(run) if c == "RUN" else c for c in command]) == 2
    error = capsys.readouterr().err
    assert named in error and error.count("\n") == 1
