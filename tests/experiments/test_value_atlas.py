"""value-atlas: a small one end to end; every question has its rows, and a rerun says the same."""

import json

import numpy as np
import pytest

from socialsim.agents.loading import load_run
from socialsim.analysis.report.markup import Entry
from socialsim.experiments import run_experiment
from socialsim.experiments.atlas.page import stability_table
from socialsim.experiments.matrices import Moved


@pytest.mark.slow
def test_the_atlas_answers_all_its_questions_and_goes_on(tmp_path):
    path = tmp_path / "atlas"
    run_experiment("value-atlas", "test", path=path, quiet=True)
    summary = json.loads((path / "summary.json").read_text())
    world = summary["worlds"]["stag-hunt-v0"]
    assert len(world["trained"]["per_seed"]) == 2 and world["scripted"]["estimate"] > world["random"]["high"]
    table = stability_table(Entry(summary))
    assert {"seed", "checkpoint", "noise", "retest"} <= set(table.target.values.tolist())
    assert (table.estimate.sel(target="retest") <= 1).all()
    teams = {(r["team"], r["form"]) for r in world["human"]}
    assert {t for t, _ in teams} == {0, 1} and "behaviour" in {f for _, f in teams}
    moved = Moved.from_dict(summary["moved"])
    assert moved.zero_shot().sizes == {"source": 1, "target": 1, "channel": 3}
    assert moved.benefit() is not None and np.isfinite(moved.benefit().estimate).all()
    verdict = summary["moved"]["benefit"][0]["verdicts"]["values_transferred"]
    assert verdict["supported"] is None, "without its controls nothing may be claimed"
    said = " ".join(summary["answer"])
    assert all(word in said for word in ("Stable?", "Human-like?", "Transferable?"))
    assert load_run(path / "teams" / "stag-hunt-v0").env.id == "stag-hunt-v0", "it can be probed afterwards"
    (path / "summary.json").unlink()
    run_experiment("value-atlas", "test", path=path, quiet=True)
    again = json.loads((path / "summary.json").read_text())
    for each in (summary, again):
        del each["timings"], each["sha256"]
    assert again == summary
