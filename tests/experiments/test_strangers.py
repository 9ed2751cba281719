"""`socialsim strangers` on tiny runs: what is written, resumed, refused; what is said of planted teams."""

import json

import jax
import numpy as np
import pytest
import xarray as xr
from planted_teams import conventions

import socialsim
from socialsim.cli import main
from socialsim.experiments.strangers_page import answer
from socialsim.transfer.strangers import CrossPlay, FocalPlay, Resampling, cross_play, focal_play

TINY = ("--agent-steps", "2000", "--chunks", "1", "--option", "num_agents=2")
TINY += ("--option", "needed=2", "--option", "size=6", "--option", "walls=1")
SMALL = ("--episodes", "4", "--steps", "12", "--quiet")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    paths = [folder / "one", folder / "other"]
    for seed, path in enumerate(paths):
        train = ["train", "rendezvous-v0", "--out", str(path), "--seed", str(seed), "--seeds", "2", *TINY]
        assert main(train) == 0
    return [str(p) for p in paths]


@pytest.mark.slow
def test_one_run_meets_itself_and_goes_on(runs, tmp_path, capsys):
    out = tmp_path / "met"
    command = ["strangers", runs[0], "--out", str(out), *SMALL]
    assert main(command) == 0
    said = capsys.readouterr().out
    found = json.loads((out / "strangers.json").read_text())
    page = (out / "strangers.html").read_text()
    assert found["answer"][0] in said and all(line in page for line in found["caveats"])
    assert page.count("<svg") >= 3 and "missing" not in found["answer"]
    matrix = xr.load_dataset(out / "cross_play.nc")
    assert list(matrix.team.values) == ["seed 0", "seed 1"] and bool((matrix.n == 4).all())
    came = xr.load_dataset(out / "newcomers.nc")
    assert list(came.team.values) == ["seed 0", "seed 1"] and list(came.focal_agents.values) == [1]
    left = xr.load_dataset(out / "dropout.nc")
    assert left.sizes["condition"] == 5 and "leave" in left.attrs
    kept = CrossPlay.from_dict(found["cross_play"])
    np.testing.assert_allclose(kept.matrix.estimate, matrix.estimate)
    assert main(command) == 0
    again = json.loads((out / "strangers.json").read_text())
    parts = ("cross_play", "newcomers", "dropout", "answer", "timings")
    assert {k: again[k] for k in parts} == {k: found[k] for k in parts}, "read back, not played again"


@pytest.mark.slow
def test_newcomers_come_from_other_runs(runs, tmp_path):
    out = tmp_path / "met"
    assert main(["strangers", runs[0], "--newcomers", runs[1], "--out", str(out), *SMALL]) == 0
    found = json.loads((out / "strangers.json").read_text())
    came = {r["team"] for r in found["newcomers"]["table"]}
    assert came == {f"rendezvous-v0 (other), seed {i}" for i in (0, 1)}
    assert found["newcomers"]["background"] == [f"rendezvous-v0 (one), seed {i}" for i in (0, 1)]
    assert len(found["cross_play"]["gaps"]) == 4, "all of them meet all"
    assert "--newcomers other" in found["command"]


def test_what_is_said_of_planted_teams():
    """Clashing conventions are said to be found, copies of one team not; newcomers of another convention do
    worse than residents."""
    env = socialsim.make(
        "rendezvous-v0", num_agents=4, num_pads=2, needed=3, size=6, walls=0, bodies_block=False, horizon=24
    )
    ways = ((1.0, 0.2), (-1.0, -0.2), (0.2, -1.0), (-0.2, 1.0))
    fast = Resampling(resamples=200)
    none = {"indices": [], "population": [{"index": "kept", "estimate": None, "low": None, "high": None}]}

    def said(teams):
        named = {f"team {i}": t for i, t in enumerate(teams.values())}
        crossed = cross_play(env, named, jax.random.key(3), episodes=32, resampling=fast)
        parts = [
            focal_play(env, {"new": named["team 0"]}, {"old": t}, jax.random.key(4), episodes=32)
            for t in list(named.values())[1:]
        ]
        one = [FocalPlay(p.table.assign_coords(team=[f"new {i}"]), p.population) for i, p in enumerate(parts)]
        came = FocalPlay.joined(one)
        assert came.population.n.values.max() == len(teams) - 1
        back = FocalPlay.from_dict(json.loads(json.dumps(came.to_dict())))
        np.testing.assert_allclose(back.table.estimate, came.table.estimate)
        return answer({"cross_play": crossed.to_dict(), "newcomers": came.to_dict(), "dropout": none})

    clash = " ".join(said(conventions(*ways)))
    assert "a gap is found" in clash and "worse than a resident would in its seat in 3 of 3" in clash
    alike = " ".join(said(conventions(*[ways[0]] * 4)))
    assert "is not shown" in alike and "worse than a resident would in its seat in 0 of 3" in alike


@pytest.mark.parametrize(
    ("command", "named"),
    [
        (["strangers", "RUN", "--world", "haul-v0", "--episodes", "1"], "2"),
        (["strangers", "RUN", "RUN"], "unlike names"),
        (["strangers", "RUN", "--world", "houl-v0"], "haul-v0"),
        (["strangers", "nowhere"], "nowhere"),
    ],
)
def test_bad_input_is_one_clear_line(runs, tmp_path, capsys, command, named):
    given = [runs[0] if c == "RUN" else c for c in command]
    assert main([*given, "--out", str(tmp_path / "x")]) == 2
    error = capsys.readouterr().err
    assert named in error and error.count("\n") == 1
