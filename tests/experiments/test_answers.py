"""What experiments say of their figures: published sentences again, and others where nothing was measured."""

import importlib
import json
from pathlib import Path

import pytest

RESULTS = Path(__file__).parents[2] / "docs/results/reports"
MODULES = {
    "coherence": "cohering",
    "discovery": "discovering",
    "reward-density": "density",
    "somatic-markers": "markers",
    "value-atlas": "atlas",
    "value-drift": "drift",
}


def read(name):
    summary = json.loads((RESULTS / f"{name}-summary.json").read_text(encoding="utf-8"))
    return summary, importlib.import_module(f"socialsim.experiments.{MODULES[name]}.answer")


def unmeasured(part):
    """The same with the number of every figure gone."""
    if isinstance(part, dict):
        figure = {"estimate", "low", "high"} if "estimate" in part else set()
        return {k: None if k in figure else unmeasured(v) for k, v in part.items()}
    return [unmeasured(v) for v in part] if isinstance(part, list) else part


@pytest.mark.parametrize("name", MODULES)
def test_published_answers_follow_from_the_published_figures(name):
    summary, words = read(name)
    assert words.answer(summary) == summary["answer"]


@pytest.mark.parametrize("name", MODULES)
def test_nothing_measured_is_said_to_be_so(name):
    summary, words = read(name)
    said = " ".join(words.answer(unmeasured(summary)))
    assert "None" not in said and "nan" not in said.split()
    if name != "value-atlas":  # which counts worlds and repeats no figure
        assert "not measured" in said
