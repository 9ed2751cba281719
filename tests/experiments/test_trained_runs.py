"""A run of `socialsim train` probed and moved, as the commands do it: what is written, resumed, refused."""

import json

import numpy as np
import pytest
import xarray as xr

from socialsim.agents.loading import load_run
from socialsim.analysis.certificate import VERDICTS, Certificate
from socialsim.cli import main

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


@pytest.mark.parametrize(
    ("command", "named"),
    [
        (["probe", "RUN", "--concepts", "looked"], "looked_at"),
        (["probe", "RUN", "--episodes", "2"], "4 or more"),
        (["transfer", "RUN", "--targets", "houl-v0"], "haul-v0"),
        (["transfer", "RUN", "--targets", "haul-v0", "--arms", "shaping"], "scratch"),
        (["probe", "nowhere"], "nowhere"),
    ],
)
def test_bad_input_is_one_clear_line(run, capsys, command, named):
    assert main([str(run) if c == "RUN" else c for c in command]) == 2
    error = capsys.readouterr().err
    assert named in error and error.count("\n") == 1
