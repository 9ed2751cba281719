"""The founding experiment on its smallest preset, from training to report; and what its verdicts may say."""

import json

import numpy as np
import pytest

from socialsim.analysis.report import findings
from socialsim.analysis.report.markup import Entry
from socialsim.experiments import experiment, hearing, run_experiment
from socialsim.experiments.answer import answer, verdicts
from socialsim.transfer import SHAPING_HELPS, VALUES_TRANSFERRED
from socialsim.transfer.arms import ALONE, BESIDE


@pytest.mark.slow
def test_the_experiment_runs_resumes_and_states_every_figure(tmp_path):
    folder = run_experiment("emergent-values", "test", path=tmp_path / "run", quiet=True)
    summary = json.loads((folder / "summary.json").read_text())
    wanted = ("team_metric", "probes", "stability", "zero_shot", "transfer", "verdicts", "timings")
    assert all(summary[k] for k in (*wanted, "versions"))
    assert set(summary["team_metric"]) >= {"random", "trained", "ratio"}
    assert set(summary["zero_shot"]) >= {"rendezvous-mujoco-v0"}
    heard = summary["zero_shot"]["rendezvous-mujoco-v0"]["coordination"]
    assert heard["untrained"]["n"] == 39 and len(heard["per_team"]) == 2
    assert summary["transfer"]["sources"] == 2 and summary["transfer"]["weight"] == 1.0
    assert "2 source teams; 4 needed" in summary["verdicts"]["shaping_helps"]["reason"]
    for arm in (*summary["transfer"]["arms"].values(), *summary["alone"]["arms"].values()):
        assert {"iqm", "low", "high", "improvement_over_scratch"} <= set(arm)
    assert set(summary["alone"]["arms"]) == {"scratch", "distilled", "direct"}
    assert summary["alone"]["arms"]["scratch"]["label"] == "no reward at all"
    assert summary["timings"]["total"] > 0
    # Development: every checkpoint and the time before, every condition, every mixture of drives.
    assert len(summary["growth"]["agent_steps"]) == 3
    assert set(summary["extinction"]["values"]) == {"kept", "unmoved", "withdrawn", "untrained"}
    assert sum(summary["drives_map"]["counts"].values()) == len(summary["drives_map"]["teams"]) == 6
    page = (folder / "report.html").read_text()
    assert "With nothing but the values" in page and "Beside the signals of the new world" in page
    assert "Which drives make which society?" in page and "Do they outlast the signals?" in page
    assert "untrained networks of the same shape" in page
    assert "<svg" in page and "replay" in page and "http" not in page.split("</head>")[0]
    # What nobody can perceive changes no value.
    controls = [r for r in summary["counterfactuals"] if "unseen" in r["edit"]]
    assert controls and all(r["largest"] == 0 for r in controls)
    # Run again: everything is read back, and the figures are the same.
    run_experiment("emergent-values", "test", path=folder, quiet=True)
    again = json.loads((folder / "summary.json").read_text())
    for each in (summary, again):
        del each["timings"], each["sha256"]
    assert again == summary


def found(rho=0.4, low=0.35, icc_low=0.6, times=(80, 90), untrained=0.2):
    estimate = {"estimate": rho, "low": low, "high": rho + 0.2}
    shuffled = {"estimate": 0.0, "low": -0.1, "high": 0.1}
    heard = {"spearman": estimate, "shuffled": shuffled, "untrained": shuffled | {"high": untrained}}
    return {
        "channels": ["coordination"],
        "team_metric": {
            "trained": {"estimate": 0.03},
            "ratio": {"estimate": float(np.mean(times)), "per_seed": list(times)},
        },
        "health": {"coordination": {"spearman": estimate | {"shuffled": shuffled}}},
        "stability": {"seeds": {"coordination": {"icc": {"estimate": 0.8, "low": icc_low, "high": 0.9}}}},
        "zero_shot": {"haul-v0": {"coordination": heard}},
    }


def judged(figures, beside=None, alone=None, sources=None):
    return verdicts(figures, (beside or {}, sources), (alone or {}, sources))


def test_verdicts_follow_the_figures():
    scores = {"shaping": [3, 4, 5, 6], "scratch": [0, 1, 0, 1], "shuffled": [0, 0, 1, 1]}
    good = {arm: np.array(auc) for arm, auc in scores.items()}
    yes = judged(found(), good)
    assert yes["cooperation_learned"]["supported"] and yes["shaping_helps"]["supported"]
    assert yes["zero_shot_haul-v0"]["supported"] and yes["values_stable"]["supported"]
    assert yes["values_transferred"]["supported"] is None  # no distilled arm was run
    no = judged(found(rho=0.05, low=0.02, icc_low=0.2, times=(80, 49)), good | {"shaping": good["scratch"]})
    for claim in ("cooperation_learned", "value_tracks_coordination", "values_stable", "zero_shot_haul-v0"):
        assert no[claim]["supported"] is False
    assert no["shaping_helps"]["supported"] is False


def test_the_answer_does_not_say_more_than_the_verdicts():
    figures = found(rho=0.05, low=0.02)
    figures["verdicts"] = judged(figures, {"shaping": np.ones(1), "scratch": np.ones(1)})
    text = " ".join(answer(figures))
    assert "No head ranks well" in text and "is supported" not in text
    assert "Whether the values can stand alone in another physics was not measured." in text
    assert "those of the coordination head were undecided in 1 (haul-v0)" in text


def test_zero_shot_is_said_by_head_and_in_both_directions():
    """Right beyond other episodes alone is undecided; wrong is wrong and not merely not right."""
    assert judged(found(untrained=0.5))["zero_shot_haul-v0"]["supported"] is False
    wrong = found()
    cell = wrong["zero_shot"]["haul-v0"]["coordination"]
    cell["spearman"] = {"estimate": -0.4, "low": -0.5, "high": -0.3}
    claim = judged(wrong)["zero_shot_haul-v0"]
    assert claim["supported"] is False and claim["reason"].startswith("the wrong way round")
    said = hearing.sentence(wrong["zero_shot"], ["coordination"])
    assert "the coordination head were the wrong way round in 1 (haul-v0)" in said
    older = found()
    del older["zero_shot"]["haul-v0"]["coordination"]["untrained"]
    assert judged(older)["zero_shot_haul-v0"]["supported"] is None
    assert "not measured in 1" in hearing.sentence(older["zero_shot"], ["coordination"])


def test_the_section_shows_both_controls_and_the_figures_of_older_runs():
    figures = found()
    page = findings.zero_shot(Entry(figures))
    assert "Other episodes" in page and "Untrained" in page and "right" in page
    for control in ("untrained", "direction"):
        figures["zero_shot"]["haul-v0"]["coordination"].pop(control, None)
    assert "not measured" in findings.zero_shot(Entry(figures))


def test_values_alone_are_told_beside_no_reward_and_the_ceiling():
    """And a test that could not have shown it is said to be so."""
    figures, flat = found(), np.arange(4.0)
    ends = {"scratch": 0.0004, "distilled": 0.015, "direct": 0.025}
    figures["alone"] = {"arms": {a: {"asymptote": {"estimate": x}} for a, x in ends.items()}}
    controls = ("random", "shuffled", "encoder", "policy", "permuted", "distilled-untrained")
    auc = {a: flat for a in (*controls, "distilled", "scratch", "oracle")}
    four = (0, 1, 2, 3)

    def said():
        figures["verdicts"] = judged(figures, alone=auc, sources=four)
        return " ".join(answer(figures))

    assert (
        "a test that could not have shown it: a reward that is right by construction did not help" in said()
    )
    assert "0.0150 times per agent-step (without any reward 0.0004, with that world's own" in said()
    auc["oracle"] = flat + 9
    assert "where a reward that is right by construction does better than none" in said()
    auc["distilled"] = flat + 9
    assert "that the values themselves transferred is supported: that beats every control." in said()


def test_an_arm_has_the_name_of_its_own_transfer():
    arms = {n: {"arms": {"scratch": {"label": n.upper()}}} for n in ("transfer", "alone")}
    claim = {"supported": True, "comparisons": {"scratch": {"estimate": 1.0, "low": 0.9, "high": 1.0}}}
    for name, called in (("values_transferred", "ALONE"), ("shaping_helps", "TRANSFER")):
        assert called in findings.comparisons(Entry(arms | {"verdicts": {name: claim}}))
    del arms["alone"]
    older = findings.comparisons(Entry(arms | {"verdicts": {"values_transferred": claim}}))
    assert "TRANSFER" in older


def test_an_experiment_is_declared_before_it_runs():
    declared = experiment("emergent-values")
    assert declared.question.endswith("?") and declared.test and declared.outcome
    demo = declared.presets["demo"]
    assert demo.seeds >= 4 and demo.alone.seeds >= 4 and demo.alone.alone and not demo.moved.alone
    assert {*VALUES_TRANSFERRED.controls, "scratch", "distilled", "oracle", "direct"} == set(ALONE)
    assert {*SHAPING_HELPS.controls, *SHAPING_HELPS.where_run, "shaping"} <= set(BESIDE)
