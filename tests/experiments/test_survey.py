"""The survey of all worlds, of one: three teams, the trained ones kept as they were measured."""

import json

import pytest

from socialsim.agents.pretrained import read_teams
from socialsim.core.errors import OptionError
from socialsim.experiments.survey import COLUMNS, survey


@pytest.mark.slow
def test_one_world_is_surveyed_once(tmp_path):
    options = {"agent_steps": 1, "seeds": 2, "episodes": 4, "quiet": True}
    path = survey(("forage-v0",), path=tmp_path / "survey", **options)
    told = json.loads((path / "survey.json").read_text())
    row = told["worlds"]["forage-v0"]
    assert row["scripted"]["estimate"] > 0.02 > row["random"]["estimate"] >= 0
    for column in COLUMNS:
        assert row[column]["low"] <= row[column]["estimate"] <= row[column]["high"]
    assert len(row["seeds"]) == 2 and min(row["seeds"]) <= row["trained"]["estimate"] <= max(row["seeds"])
    assert (path / "survey.md").read_text().splitlines()[-1].startswith("| `forage-v0` | 4 |")
    teams, about = read_teams(path / "forage-v0.npz")
    assert len(teams) == 2 and about["world"] == "forage-v0" and about["rank_agreement"] == row["health"]

    written = (path / "forage-v0.npz").stat().st_mtime_ns
    survey(("forage-v0",), path=path, **options)
    assert (path / "forage-v0.npz").stat().st_mtime_ns == written
    assert json.loads((path / "survey.json").read_text()) == told


def test_unknown_worlds_are_refused_before_anything_is_written(tmp_path):
    with pytest.raises(OptionError, match="'forage'; allowed: "):
        survey(("forage",), path=tmp_path / "survey")
    assert not list(tmp_path.iterdir())
