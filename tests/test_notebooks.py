"""Every notebook runs from top to bottom on its small budget, and is what its script says."""

from pathlib import Path

import jupytext
import nbclient
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.py"))


@pytest.mark.parametrize("script", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_equals_its_script(script):
    book = jupytext.read(script)
    pair = jupytext.read(script.with_suffix(".ipynb"))
    assert [c.source for c in pair.cells] == [c.source for c in book.cells], "run `jupytext --sync` on it"


@pytest.mark.slow
@pytest.mark.parametrize("script", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_runs(script):
    book = jupytext.read(script)
    nbclient.NotebookClient(book, timeout=600, kernel_name="python3").execute()
    code = [c for c in book.cells if c.cell_type == "code"]
    assert all(o.output_type != "error" for c in code for o in c.outputs)
    shown = [o.get("data", {}) for c in code for o in c.outputs]
    assert any("image/png" in data for data in shown), "no picture was shown"
    assert not [d for d in shown if "<Figure" in d.get("text/plain", "") and "image/png" not in d]
