"""value-atlas: a small one end to end; every question has its rows, and a rerun says the same."""

import dataclasses
import json

import jax
import numpy as np
import pytest
import xarray as xr

from socialsim.agents.loading import TrainedRun, load_run
from socialsim.agents.networks import NetworkConfig
from socialsim.agents.team import new_team
from socialsim.analysis.report.markup import Entry
from socialsim.core.registry import make
from socialsim.experiments import learners, matrices, matrices_page, run_experiment
from socialsim.experiments.atlas.answer import answer, verdicts
from socialsim.experiments.atlas.page import stability_table
from socialsim.experiments.experiment import Study
from socialsim.experiments.matrices import DEFAULT_ARMS, Moved, Moving, move_all
from socialsim.runs import Run
from socialsim.transfer import SHAPING_HELPS, VALUES_TRANSFERRED, TransferMetrics, summarise
from socialsim.transfer.suite import Transfer


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
    for worth in (moved.benefit(), moved.benefit(alone=True)):
        assert worth is not None and np.isfinite(worth.estimate).all()
    cell = summary["moved"]["benefit"][0]
    assert cell["alone"]["direct"]["auc"] == cell["arms"]["scratch"]["auc"], "the same learners"
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


HEARD = {"estimate": 0.4, "low": 0.3, "high": 0.5, "null_low": -0.1, "null_high": 0.1}
HEARD |= {"untrained_low": -0.2, "untrained_high": 0.2}
TURNED = HEARD | {"estimate": -0.4, "low": -0.5, "high": -0.3}
OPEN = HEARD | {"untrained_high": 0.6}


def moved(read, gained=None):
    return Moved(
        ("attention",),
        ("scratch",),
        ("scratch",),
        5,
        {k: {"attention": c} for k, c in read.items()},
        gained or {},
    )


def test_pairs_are_counted_in_both_directions():
    pairs = {("a", "b"): HEARD, ("a", "c"): TURNED, ("b", "a"): OPEN, ("a", "a"): HEARD}
    found = moved(pairs)
    assert "right in 1, the wrong way round in 1 and undecided in 1 of 3 pairs" in found.sentences()[0]
    shown = found.zero_shot().shown.sel(channel="attention")
    assert bool(shown.sel(source="a", target="b")) and not bool(shown.sel(source="b", target="a"))
    page = matrices_page.heard(found)
    assert "Other episodes" in page and "untrained networks" in page
    older = {k: v for k, v in HEARD.items() if not k.startswith("untrained")}
    assert "not measured in 1 of 1" in moved({("a", "b"): older}).sentences()[0]
    assert matrices_page.heard(moved({("a", "b"): older}))


def test_few_pairs_are_drawn_arm_by_arm_and_every_verdict_has_its_reason():
    figure = {"iqm": 0.01, "iqm_low": 0.0, "iqm_high": 0.02, "estimate": 0.9, "low": 0.6, "high": 1.0}
    verdict = {"supported": True, "reason": "distilled beats all", "positive": None}
    cell = {"arms": {}, "alone": {"scratch": figure, "distilled": figure}, "sources": 4}
    cell["verdicts"] = dict.fromkeys(matrices.CLAIMS, verdict)
    pairs = {("a", str(i)): HEARD for i in range(5)}
    for count in (1, 5):
        found = dataclasses.replace(
            moved(pairs, dict(list(dict.fromkeys(pairs, cell).items())[:count])),
            alone=("scratch", "distilled"),
        )
        assert f"without any in {count} of {count} pairs." in " ".join(found.sentences())
        page = matrices_page.worth(found)
        assert page.count("distilled beats all") == 2 * count
        assert ("no reward at all" in page) and ("from scratch" not in page)
        assert ("area under the learning curve" in page) == (count == 1)


def test_claims_tell_their_sources_and_whether_they_were_tested():
    untested = {"supported": None, "reason": "Not tested: 2 source teams; 4 needed.", "positive": None}
    gained = {
        ("a", "b"): {
            "arms": {},
            "alone": {},
            "sources": 2,
            "verdicts": dict.fromkeys(matrices.CLAIMS, untested),
        }
    }
    said = moved({("a", "b"): HEARD}, gained).sentences()
    assert "in 0 of 0 pairs tested, at 5 seeds per arm from 2 source teams." in said[1]
    assert said[1].endswith("In 1 it was not tested: 2 source teams; 4 needed.")
    failed = {"supported": False, "reason": "", "positive": {"estimate": 0.5, "low": 0.2, "high": 0.8}}
    gained["a", "b"]["verdicts"] = dict.fromkeys(matrices.CLAIMS, failed)
    assert "the test could not have shown" in moved({("a", "b"): HEARD}, gained).sentences()[-1]
    assert {*VALUES_TRANSFERRED.controls, "distilled", "oracle"} <= set(Moving(("haul-v0",)).alone)
    assert {*SHAPING_HELPS.controls, "shaping"} <= set(DEFAULT_ARMS)


def test_what_owes_nothing_to_a_source_is_trained_once_for_all_of_them(monkeypatch, tmp_path):
    """Learners from scratch, those without any reward, and those with the target's own signals alone."""
    asked = []

    def learn(target, prepared, config, key, *, given, **more):
        asked.append(
            (target.id, prepared.alone, prepared.arms, None if given is None else [*given.arm.values])
        )
        names = [*([] if given is None else given.arm.values), *prepared.arms]
        rng = np.random.default_rng(len(asked))
        score = xr.DataArray(
            rng.random((len(names), prepared.seeds, 4)),
            dims=("arm", "seed", "time"),
            coords={"arm": names, "seed": np.arange(prepared.seeds), "time": np.arange(4)},
        )
        metrics = TransferMetrics()(score)
        return Transfer(score, metrics, summarise(metrics), prepared.sources, 1.0, prepared.alone)

    monkeypatch.setattr(learners, "transfer", learn)
    monkeypatch.setattr(matrices, "_read", lambda *given: {})
    monkeypatch.setattr(matrices, "_seen", lambda *given: None)
    env = make("stag-hunt-v0")
    team = new_team(jax.random.key(0), NetworkConfig(width=4), env.actions, env.channels, env.num_agents)
    config = {"agent_steps": 10, "ppo": {"discount": 0.9}}
    sources = {name: TrainedRun(tmp_path, env, [team], [], config) for name in ("one", "two")}
    worlds = ("stag-hunt-v0", "dictator-v0")
    moving = Moving(worlds, worlds, ("scratch", "shaping"), ("scratch", "distilled", "direct"), seeds=2)
    with Run.open_or_create(tmp_path / "run", {}) as run:
        found = move_all(Study(run, 0, True), sources, moving)
    first = [("scratch", "shaping"), None, ("scratch", "distilled"), ["direct"]]
    then = [("shaping",), ["scratch"], ("distilled",), ["scratch", "direct"]]
    expected = [(w, alone, arms, ready) for w in worlds for (*a,) in (first, then)
                for alone, arms, ready in ((False, *a[:2]), (True, *a[2:]))]  # fmt: skip
    assert asked == expected
    assert all(
        "shared" not in cell and set(cell["alone"]) == set(moving.alone) for cell in found.gained.values()
    )


def atlas(low, axes):
    figure = {"estimate": 0.02, "low": low, "high": low}
    again = {"channel": "attention", "statistic": "icc(2,1)", "estimate": 0.9, "low": 0.8, "high": 1.0}
    row = {"trained": figure, "random": {"estimate": 0.0, "low": 0.0, "high": 0.001}, "human": []}
    row["stability"] = [again | {"axis": a, "beyond_controls": True} for a in axes]
    found = {"worlds": {"haul-v0": row}, "channels": ["attention"], "seeds": 1}
    found["moved"] = moved({("a", "b"): HEARD}).to_dict()
    return found | {"verdicts": verdicts(found)}


def test_the_atlas_says_what_was_tested_and_no_more():
    """One team has no interval and no other seed to agree with."""
    one = atlas(float("nan"), ("noise", "retest"))
    claim = one["verdicts"]["learned_haul-v0"]
    assert claim["supported"] is None and claim["reason"].startswith("not tested (no interval)")
    said = answer(one)
    assert "in 0 of 0 worlds (none); in 1 this was not tested." in said[0]
    assert "over noise, retest, beyond" in said[1] and "seed" not in said[1]
    several = answer(atlas(0.01, ("seed", "noise")))
    assert "in 1 of 1 worlds (haul-v0)." in several[0] and "over seed, noise, beyond" in several[1]
    assert "was not tested" in answer(atlas(0.01, ()))[1]
