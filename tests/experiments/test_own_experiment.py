"""docs/own-experiment.md: the how-to's module as a user would have it, registered, run and run again."""

import importlib
import json
import re
import sys
from pathlib import Path

import pytest

from socialsim.core.errors import OptionError
from socialsim.experiments import experiments, register_experiment, run_experiment
from socialsim.experiments.experiment import _EXPERIMENTS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "own-experiment.md"


@pytest.fixture
def registered(tmp_path, monkeypatch):
    """The module of the page, imported from a file of the user's own."""
    code = re.search(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.S)
    assert code is not None
    (tmp_path / "imitation_dose.py").write_text(code[1])
    monkeypatch.syspath_prepend(tmp_path)
    try:
        yield importlib.import_module("imitation_dose")
    finally:
        _EXPERIMENTS.pop("imitation-dose", None)
        sys.modules.pop("imitation_dose", None)


@pytest.mark.slow
def test_an_experiment_of_your_own_as_the_docs_write_it(registered, tmp_path):
    assert "imitation-dose" in experiments()
    with pytest.raises(OptionError, match="registered already"):
        register_experiment("imitation-dose", "elsewhere:OTHER")

    def told(path):
        run_experiment("imitation-dose", "test", path=path, quiet=True)
        kept = json.loads((path / "summary.json").read_text())
        return {k: v for k, v in kept.items() if k not in ("timings", "sha256")}

    first = told(tmp_path / "run")
    assert set(first["measures"]) == set(registered.ARMS) == {"none", "little", "much"}
    assert len(first["contrasts"]) == len(first["verdicts"]) == 4
    # Two seeds cannot decide anything, and the answer says so.
    assert all(v["supported"] is None for v in first["verdicts"].values())
    assert "Not tested, as 2 seeds cannot reach" in " ".join(first["answer"])
    page = (tmp_path / "run" / "report.html").read_text()
    assert "<svg" in page and "being imitated weighs as much" in page
    # Arms of a seed start alike: what is the same in two arms is so by pairing, not by chance.
    (tmp_path / "run" / "summary.json").unlink()
    assert told(tmp_path / "run") == first  # read back from its checkpoints


@pytest.mark.parametrize("name", ["Own", "own experiment", "-own", ""])
def test_names_that_are_none_are_refused(name):
    with pytest.raises(OptionError, match="lower-case words"):
        register_experiment(name, "module:NAME")
