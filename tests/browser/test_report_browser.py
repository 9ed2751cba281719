"""The report in a real browser: it loads without errors, every figure shows, the replays play and scrub."""

import contextlib
import runpy
from pathlib import Path

import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest

from socialsim.analysis import report
from socialsim.core.scene import NUM_RAYS, Scene, object_features
from socialsim.envs.replay import player_html, replay_data

pytestmark = pytest.mark.browser

SYNTHETIC = Path(__file__).parents[1] / "analysis" / "synthetic_report.py"
STEPS, AGENTS = 24, 3


def scene(t: int) -> Scene:
    """Agents that walk in a circle around a pad, each looking ahead."""
    angle = t / 8 + jnp.arange(AGENTS) * 2 * jnp.pi / AGENTS
    facing = jnp.stack([-jnp.sin(angle), jnp.cos(angle)], -1)
    pad = jnp.full((1, 2), 4.5)
    return Scene(
        position=4.5 + 2.5 * jnp.stack([jnp.cos(angle), jnp.sin(angle)], -1),
        velocity=0.3 * facing,
        heading=facing,
        gaze=facing,
        act=jnp.ones(AGENTS, int),
        load=jnp.zeros(AGENTS),
        strength=jnp.ones(AGENTS),
        clear=jnp.ones((AGENTS, NUM_RAYS)),
        object_position=pad,
        object_goal=pad,
        object_features=object_features(1, needed=jnp.full(1, 2.0)),
        object_present=jnp.ones(1, bool),
        takes_part=jnp.zeros((AGENTS, 1), bool),
        sees_agent=jnp.roll(jnp.eye(AGENTS, dtype=bool), 1, axis=1),
        sees_object=jnp.zeros((AGENTS, 1), bool),
        joint=jnp.zeros(AGENTS),
    )


@contextlib.contextmanager
def untyped():
    """Annotations name the shapes of one instant; stacking a whole episode of scenes breaks them."""
    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        yield
    finally:
        jaxtyping.config.update("jaxtyping_disable", before)


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory):
    """The synthetic report with two players, open."""
    synthetic = runpy.run_path(str(SYNTHETIC))
    with untyped():
        signals = np.random.default_rng(0).random((STEPS, AGENTS, 3))
        data = replay_data([scene(t) for t in range(STEPS)], signals, channels=synthetic["CHANNELS"])
    players = [(f"Team {i}", player_html(data, f"replay-{i}")) for i in (1, 2)]
    path = tmp_path_factory.mktemp("report") / "report.html"
    report.write(path, synthetic["summary"](), synthetic["curves"](), players)
    browser.open(path)
    yield browser
    browser.screenshot(path.with_suffix(".png"))


def test_every_figure_shows(page):
    boxes = page.run(
        "[...document.querySelectorAll('main svg, main img, main canvas')].map(e => ({"
        "kind: e.tagName, width: e.getBoundingClientRect().width, height: e.getBoundingClientRect().height,"
        "drawn: e.tagName === 'IMG' ? e.complete && e.naturalWidth > 0"
        " : e.tagName === 'CANVAS' ? e.width > 0 : e.getBBox().width > 0}))"
    )
    assert len(boxes) == 9 + 2 * 2, boxes  # figures, and the world and signals of each player
    assert all(b["width"] > 100 and b["height"] > 50 and b["drawn"] for b in boxes), boxes


def test_references_within_figures_hold(page):
    """Ids are unique over all figures, and each figure finds the clip paths and markers that it uses."""
    assert (
        page.run("(a => a.length - new Set(a).size)([...document.querySelectorAll('[id]')].map(e => e.id))")
        == 0
    )
    lost = page.run(
        "[...document.querySelectorAll('use, [clip-path], a[href^=\"#\"]')].map(e => e.getAttribute('href')"
        " || e.getAttribute('xlink:href') || e.getAttribute('clip-path').slice(4, -1))"
        ".filter(r => !document.getElementById(r.slice(1)))"
    )
    assert lost == []


@pytest.mark.parametrize("width", [1200, 800, 390])
def test_nothing_sticks_out(page, width):
    page.size(width, 900)
    assert page.wait(f"innerWidth === {width}")
    assert page.run("document.documentElement.scrollWidth") <= width
    page.size(1200, 900)


def test_words_do_not_leave_their_boxes(page):
    """Text of each figure stays within the figure, whatever font the browser has put in."""
    out = page.run(
        "[...document.querySelectorAll('main svg')].flatMap(s => { const b = s.getBoundingClientRect();"
        "return [...s.querySelectorAll('text')].filter(t => { const r = t.getBoundingClientRect();"
        "return r.left < b.left - 3 || r.right > b.right + 3; }).map(t => t.textContent); })"
    )
    assert out == []


def test_replay_plays(page):
    assert page.run("document.querySelector('#replay-1').dataset.step") == "0"
    page.click("#replay-1 .ssp-play")
    page.wait("Number(document.querySelector('#replay-1').dataset.step) >= 3")
    page.click("#replay-1 .ssp-play")
    page.wait("document.querySelector('#replay-1').dataset.playing === 'false'")
    assert page.run("document.querySelector('#replay-2').dataset.step") == "0"


def test_replay_scrubs(page):
    pixels = "document.querySelector('#replay-2 canvas').toDataURL()"
    before = page.run(pixels)
    page.click("#replay-2 input[type=range]", along=0.75)
    step = int(page.run("document.querySelector('#replay-2').dataset.step"))
    assert 0.6 * STEPS < step < 0.9 * STEPS
    assert f"step {step} /" in page.run("document.querySelector('#replay-2 .ssp-count').textContent")
    assert page.run(pixels) != before
    page.call(
        "Input.dispatchKeyEvent",
        type="keyDown",
        key="ArrowRight",
        code="ArrowRight",
        windowsVirtualKeyCode=39,
    )
    page.wait(f"document.querySelector('#replay-2').dataset.step === '{step + 1}'")


def test_no_errors_and_nothing_fetched(page):
    assert page.errors() == []
    assert [url for url in page.requests() if not url.startswith(("file:", "data:", "about:"))] == []
