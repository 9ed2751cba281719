"""The report: self-contained, escaped, whole where figures are missing, and equal to its summary."""

import html.parser
import json
import os
import re
import runpy
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from socialsim.analysis import plots, report
from socialsim.analysis.report.markup import MISSING, Entry, decimal, places_for, plain
from socialsim.analysis.report.sections import status

SYNTHETIC = runpy.run_path(str(Path(__file__).with_name("synthetic_report.py")))
NASTY = '<script>alert("x")</script>&\'"$a$'


@pytest.fixture(scope="module")
def summary():
    return SYNTHETIC["summary"]()


@pytest.fixture(scope="module")
def curves():
    return SYNTHETIC["curves"]()


@pytest.fixture(scope="module")
def page(summary, curves):
    return report.render(summary, curves, [("A trained team", '<div id="replay-1">player</div>')])


class Reader(html.parser.HTMLParser):
    """Collects marked numbers, ids, elements and text of a page."""

    def __init__(self, page: str):
        super().__init__()
        self.numbers, self.ids, self.tags, self.inside, self.scripts = [], [], [], None, []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        if "id" in attributes:
            self.ids.append(attributes["id"])
        self.inside = (tag, attributes)

    def handle_data(self, data):
        tag, attributes = self.inside or ("", {})
        if tag == "data":
            self.numbers.append((attributes["data-path"], float(attributes["value"]), data))
        if tag == "script":
            self.scripts.append(data)
        self.inside = None


def everywhere(value, change):
    """The same tree with every leaf changed."""
    if isinstance(value, dict):
        return {k: everywhere(v, change) for k, v in value.items()}
    return [everywhere(v, change) for v in value] if isinstance(value, list) else change(value)


def at(tree, pointer):
    for part in pointer.split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        tree = tree[int(part)] if isinstance(tree, list) else tree[part]
    return tree


# Numbers --------------------------------------------------------------------------------------------------


def test_numbers_equal_the_summary(page, summary):
    numbers = Reader(page).numbers
    assert len(numbers) > 300
    for path, value, shown in numbers:
        assert value == at(summary, path), path
        read = shown.replace("\u2212", "-").replace(",", "").replace(" \u00d7 10^", "e")
        assert float(read) == pytest.approx(
            value, rel=0.5e-2, abs=0.51 * 10.0 ** -len(read.partition(".")[2])
        ), path


def test_every_measured_figure_is_stated(page, summary):
    """No estimate of the summary is left out of the page."""
    stated = {path for path, _, _ in Reader(page).numbers}
    for part in ("team_metric", "health", "counterfactuals", "stability", "zero_shot", "transfer"):
        wanted = [p for p in leaves(summary[part], f"/{part}") if p.endswith(("/estimate", "/iqm"))]
        assert wanted and set(wanted) <= stated, sorted(set(wanted) - stated)


def leaves(tree, path):
    if isinstance(tree, (dict, list)):
        items = tree.items() if isinstance(tree, dict) else enumerate(tree)
        return [leaf for k, v in items for leaf in leaves(v, f"{path}/{k}")]
    return [path] if isinstance(tree, (int, float)) and not isinstance(tree, bool) else []


def test_embedded_summary(page, summary):
    embedded = re.search(r'<script type="application/json" id="summary">(.*?)</script>', page, re.DOTALL)
    assert embedded and json.loads(embedded[1]) == plain(summary)


@pytest.mark.parametrize(
    "value, shown",
    [(0.1172, "0.117"), (0.02, "0.02"), (1.0, "1"), (-0.5, "\u22120.5"), (229.1, "229"), (12345.6, "12,346"),
     (0.000512, "0.000512"), (2.5e-7, "2.5 \u00d7 10^\u22127"), (0.0, "0"), (256, "256"), (100.0, "100")],
)  # fmt: skip
def test_decimal(value, shown):
    assert decimal(value) == shown


def test_an_interval_sets_the_decimals():
    assert places_for(0.111, 0.123) == 3
    assert places_for(198, 260) == 0
    assert decimal(-0.0001, 2) == "0.00"
    assert "0.117" in Entry({"estimate": 0.11723, "low": 0.1111, "high": 0.1233}).interval()


# The page -------------------------------------------------------------------------------------------------


def test_nothing_external(page):
    for _, attributes in Reader(page).tags:
        for name in ("src", "href", "xlink:href", "data", "action", "poster"):
            assert (attributes.get(name) or "#").startswith(("#", "data:")), attributes
    assert not re.search(r"@import|url\((?!#)", page)
    assert set(re.findall(r"https?://[^\s\"'<]+", page)) <= {
        "http://www.w3.org/2000/svg",  # names of namespaces, which no browser fetches
        "http://www.w3.org/1999/xlink",
    }


def test_ids_are_unique(page):
    ids = Reader(page).ids
    assert len(ids) == len(set(ids)) > 100


def test_the_same_data_give_the_same_page(summary, curves, page):
    again = report.render(summary, curves, [("A trained team", '<div id="replay-1">player</div>')])
    assert again == page


def test_a_threshold_that_was_not_reached_says_so(page):
    assert page.count("not reached") == 3 and MISSING not in page


def test_verdicts(page):
    assert re.findall(r'class="badge \w+">([^<]+)', page) == [
        "supported",
        "not supported",
        "not tested",
        "undecided",
    ]
    assert status(Entry({"supported": None})) == ("open", "not tested")


def test_an_empty_summary_is_a_page(tmp_path):
    page = report.render({})
    assert page.count(MISSING) > 10 and "<svg" in page
    report.write(tmp_path / "new" / "report.html", {}, {}, [])
    assert (tmp_path / "new" / "report.html").read_text("utf-8") == page


@pytest.mark.parametrize("hole", [None, float("nan")])
def test_missing_leaves(summary, curves, hole):
    holed = everywhere(summary, lambda v: hole if isinstance(v, float) or v is None else v)
    empty = {k: np.full_like(v, np.nan) for k, v in curves.items()}
    page = report.render(holed, empty)
    assert page.count(MISSING) > 100
    assert ">nan<" not in page.lower() and ">None<" not in page


def test_holes_in_curves(curves):
    """No explained variance before there is any signal; a seed that broke off; a single seed."""
    holed = {k: v.copy() for k, v in curves.items()}
    holed["training/explained_variance"][:, :5, 2] = np.nan
    holed["training/explained_variance"][:, :, 1] = np.nan
    holed["training/joint"][:, -1] = np.nan
    holed["transfer/shaping"][0, 5:] = np.nan
    holed["transfer/critic"] = holed["transfer/critic"][:1]
    holed["transfer/policy"][:, 3] = np.nan
    drawn = plots.svg(plots.channel_curves(holed, SYNTHETIC["CHANNELS"]), "c", "c")
    drawn += plots.svg(plots.learning_curves(holed), "l", "l")
    drawn += plots.svg(plots.transfer_curves(holed, {a: a for a in SYNTHETIC["ARMS"]}), "t", "t")
    assert drawn.count("not measured") == 1


def test_missing_entries(summary, curves):
    """Half the experiment was not run: other shapes, lists with holes, curves without their arms."""
    part = {k: v for i, (k, v) in enumerate(summary.items()) if i % 2} | {
        "transfer": {"arms": {"scratch": None, "shaping": {"iqm": 0.1}}},
        "probes": [
            None,
            {"concept": "x"},
            {"concept": "y", "baselines": None, "score": 0.5, "advantage": 0.1},
        ],
        "counterfactuals": [{"edit": "e", "channel": "attention"}, None],
        "zero_shot": {"haul-v0": None, "beam-v0": {"attention": None, "coordination": {"spearman": 0.2}}},
        "stability": {"seeds": {"attention": None, "imitation": {"icc": 0.3, "shuffled": {"icc": 0.0}}}},
        "society": {"match": [0.1, None], "movement": 0.2},
        "verdicts": {"a": None},
        "health": {"coordination": {"spearman": 0.4}},
    }
    page = report.render(part, {"transfer/shaping": curves["transfer/shaping"]})
    assert MISSING in page and "<svg" in page


def test_everything_is_escaped(summary, curves):
    words = everywhere(summary, lambda v: NASTY if isinstance(v, str) else v)
    words["verdicts"] = {NASTY: {"supported": True, "comparisons": {NASTY: 0.5}}}
    words["zero_shot"] = {NASTY: {NASTY: {"spearman": 0.1}}}
    words["config"] = {NASTY: {NASTY: [NASTY]}}
    page = report.render(words, curves, [(NASTY, "")])
    assert "alert(" in page and NASTY not in page and "<script>alert" not in page
    assert [a for t, a in Reader(page).tags if t == "script"] == [
        {"type": "application/json", "id": "summary"}
    ]


def test_plain():
    given = {
        "a": np.float32(0.5),
        "b": np.arange(2),
        "c": float("inf"),
        "d": (np.bool_(1), None),
        3: Path("x"),
    }
    assert plain(given) == {"a": 0.5, "b": [0, 1], "c": None, "d": [True, None], "3": "x"}


def test_writing_is_atomic(tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("old")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        report.write(path, {})
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["report.html"]


# Plots ----------------------------------------------------------------------------------------------------


def test_plots_are_figures_and_leave_settings_alone(summary, curves, tmp_path):
    before = dict(matplotlib.rcParams)
    dims = {"training/agent_steps": ("update",), "transfer/agent_steps": ("time",)}
    shapes = {1: ("seed",), 2: ("seed", "update"), 3: ("seed", "update", "channel")}
    named = {
        k: (dims.get(k) or (("seed_t", "time") if k.startswith("transfer") else shapes[v.ndim]), v)
        for k, v in curves.items()
    }
    dataset = xr.Dataset(named)
    arms = summary["transfer"]["arms"]
    for fig in (
        plots.learning_curves(dataset, levels={"random": summary["team_metric"]["random"], "none": None}),
        plots.channel_curves(dataset, SYNTHETIC["CHANNELS"]),
        plots.transfer_curves(dataset, {"scratch": "Scratch", "shaping": "Shaping"}),
        plots.arms(arms),
        plots.forest([{"label": "a", "estimate": 1.0, "low": 0.5, "high": 2.0}, {"label": "b"}]),
        plots.probes(summary["probes"]),
        plots.stability(summary["stability"]),
        plots.zero_shot(summary["zero_shot"]),
    ):
        assert isinstance(fig, Figure)
    hero = tmp_path / "hero.png"
    plots.hero(dataset, summary).savefig(hero, dpi=60)
    assert hero.read_bytes().startswith(b"\x89PNG")
    assert isinstance(plots.hero({}, {}), Figure)
    assert dict(matplotlib.rcParams) == before


def test_svg_keeps_text_and_names_its_ids():
    drawn = plots.svg(plots.forest([{"label": "one & <two>", "estimate": 1.0}]), "mine", 'a "b" <c>')
    assert drawn.startswith("<svg") and "one &amp; &lt;two&gt;" in drawn
    assert 'aria-label="a &quot;b&quot; &lt;c&gt;"' in drawn
    assert all(i.startswith("mine-") for i in re.findall(r'\bid="([^"]*)"', drawn))
