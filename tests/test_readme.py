"""The README's examples run as they are printed."""

import importlib
import re
from pathlib import Path

import jax
import pytest

import socialsim
from socialsim.agents.bots import play, random_team
from socialsim.core import registry

ROOT = Path(__file__).resolve().parent.parent


def examples(file):
    return re.findall(r"```python\n(.*?)```", (ROOT / file).read_text("utf-8"), re.S)


EXAMPLES = examples("README.md")


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_example(number, capsys):
    exec(compile(EXAMPLES[number], f"README.md, example {number + 1}", "exec"), {})


def test_there_are_examples():
    assert len(EXAMPLES) >= 2


def test_a_world_of_your_own_as_the_docs_write_it(tmp_path, monkeypatch):
    """The how-to's module as a user would have it: a rule of its own, registered and played."""
    (tmp_path / "shy_world.py").write_text(examples("docs/own-world.md")[0])
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("shy_world")
    try:
        env = socialsim.make("shy-v0", num_flowers=2)
        played = play(env, random_team(env), jax.random.key(0), 16)
    finally:
        registry._ENTRIES.pop("shy-v0")
    assert played.joint.sum() > 0
