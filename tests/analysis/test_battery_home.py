"""Assays of looking on planted gazes, at home in a small world; and the page that shows what was found."""

import json

import jax
import numpy as np
import pytest

import socialsim
from socialsim.agents.networks import NetworkConfig
from socialsim.agents.team import new_team
from socialsim.analysis import battery, plots
from socialsim.analysis.battery import finding as words
from socialsim.analysis.battery import page, pictures, references
from socialsim.analysis.battery.looking import CrowdGaze, MutualGaze, glances, looks_at
from socialsim.analysis.battery.rates import RateAssay
from socialsim.analysis.report.markup import Entry, plain
from socialsim.core.errors import OptionError

STEPS, EPISODES = 200, 40


def faces(rng, follow: float, spontaneous: float):
    """Two agents and one thing: the first looks there now and then, the second follows or does of itself."""
    first = rng.random((STEPS, EPISODES)) < 0.02
    second = rng.random((STEPS, EPISODES)) < spontaneous
    second[1:] |= first[:-1] & (rng.random((STEPS - 1, EPISODES)) < follow)
    away, there = np.array([0.0, -1.0]), np.array([0.0, 1.0])
    gaze = np.where(np.stack([first, second], -1)[..., None], there, away)
    position = np.broadcast_to(np.array([[0.0, 0.0], [0.1, 0.0]]), (STEPS, EPISODES, 2, 2))
    target = np.broadcast_to(np.array([[0.0, 50.0]]), (STEPS, EPISODES, 1, 2))
    sees = np.zeros((STEPS, EPISODES, 2, 2), bool)
    sees[..., 1, 0] = True  # only the second sees the other
    there, ended = np.ones((STEPS, EPISODES, 1), bool), np.zeros((STEPS, EPISODES), bool)
    return glances(position, gaze, sees, target, there, ended)


def test_followers_of_gaze_are_told_from_others():
    rng = np.random.default_rng(0)
    starers, looked, episode = faces(rng, follow=0.40, spontaneous=0.005)
    one, many = CrowdGaze().measure(starers, looked, groups=episode)
    assert one.verdict == words.HUMAN, str(one)
    assert one.figure.low <= 0.42 <= one.figure.high and one.figure.null_high < 0.1
    assert one.figure.n <= EPISODES and many.verdict == words.UNDECIDED
    starers, looked, episode = faces(rng, follow=0.0, spontaneous=0.14)
    alone, _ = CrowdGaze().measure(starers, looked, groups=episode)
    assert alone.verdict == words.RANDOM, "42 % within three decisions, and as often with nobody staring"


def test_gazes_that_meet_are_told_from_gazes_that_cross_by_chance():
    rng = np.random.default_rng(1)
    share = np.clip(rng.normal(0.6, 0.1, (EPISODES, 1)), 0, 1)
    together = rng.random((EPISODES, STEPS)) < share
    looks = np.zeros((STEPS, EPISODES, 2, 2), bool)
    looks[..., 0, 1] = looks[..., 1, 0] = together.T
    found = MutualGaze().measure(looks)
    assert found.verdict == words.HUMAN and found.chance < 0.5, str(found)
    looks[..., 0, 1], looks[..., 1, 0] = rng.random((2, STEPS, EPISODES)) < np.sqrt(0.6)
    assert MutualGaze().measure(looks).verdict == words.RANDOM
    assert MutualGaze().measure(np.zeros_like(looks)).verdict == words.CONSTANT


def test_whom_one_looks_at():
    position, gaze = np.array([[0.0, 0.0], [3.0, 0.5]]), np.array([[1.0, 0.0], [1.0, 0.0]])
    assert looks_at(position, gaze, ~np.eye(2, dtype=bool)).tolist() == [[False, True], [False, False]]
    assert not looks_at(position, gaze, np.zeros((2, 2), bool)).any(), "out of sight"


def test_moments_of_one_episode_are_no_independent_cases():
    """Every case ten times over tells no more than once."""
    rng = np.random.default_rng(2)
    once, null = rng.random(120) < 0.4, rng.random(120) < 0.1
    label = np.arange(120)
    single = RateAssay().measure(once, null=null, groups=label, null_groups=label)
    many = np.repeat(label, 10)
    tenfold = RateAssay().measure(
        np.repeat(once, 10), null=np.repeat(null, 10), groups=many, null_groups=many
    )
    assert tenfold.figure.n == 120 and tenfold.figure.low == pytest.approx(single.figure.low)
    assert tenfold.human_high - tenfold.human_low == pytest.approx(
        single.human_high - single.human_low, abs=0.01
    )
    naive = RateAssay().measure(np.repeat(once, 10), null=np.repeat(null, 10))
    assert naive.figure.high - naive.figure.low < 0.5 * (tenfold.figure.high - tenfold.figure.low)


@pytest.fixture(scope="module")
def small():
    env = socialsim.make("rendezvous-v0", num_agents=2, needed=2, size=6, walls=1)
    return env, new_team(jax.random.key(0), NetworkConfig(width=8), env.actions, env.channels, 2)


def test_at_home_every_team_has_a_gaze(small):
    env, team = small
    found = battery.at_home(env, team, jax.random.key(1), episodes=16)
    assert [f.assay for f in found] == ["mutual_gaze", "glance_one"]
    assert not any(f.verdict == words.HUMAN for f in found), list(map(str, found))
    assert all(f.status in references.STATUSES and f.human > 0 for f in found)
    with pytest.raises(OptionError, match="crowd_gaze"):
        battery.at_home(env, team, jax.random.key(1), assays=("crowd",))


def rows() -> list[dict]:
    """Two teams: one gives as people do, the other always a half; one sends as people do on average."""
    rng = np.random.default_rng(3)
    people = battery.distribution("dictator").on(np.arange(0, 101, 10.0))
    give = battery.DistributionAssay(resamples=100)
    send = battery.MeanAssay(resamples=100)
    choices = people.draw(rng, 256), np.full(256, 50.0)
    found = [(i, give.measure(x, options=people.options)) for i, x in enumerate(choices)]
    found += [(0, send.measure(np.tile([0.3, 0.4, 0.6, 0.7], 64)))]
    found += [(1, words.none("trust_sent", "behaviour", words.UNDECIDED, "no choices"))]
    return plain([{"team": i, **f.to_dict()} for i, f in found])  # type: ignore[return-value]


def test_the_page_shows_verdicts_sources_and_marks():
    found = rows()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    summary = Entry({"rows": found})
    glance, each = page.glance(summary), page.one_by_one(summary)
    assert "1 human-like" in glance and "1 constant" in glance and "Dictator game" in glance
    given, sent = each.split("<h3>")[1:]
    assert "[computed]" in given and "reconstructed" in given and "unverified" not in given
    assert "Orange: people (unverified)" in sent and "[unverified]" in sent and "not measured" in sent
    low, high = found[0]["human_low"], found[0]["human_high"]
    assert low <= found[0]["estimate"] <= high and found[0]["score"] < 0.2, "inside the floor, score near 0"
    assert found[1]["estimate"] > high


def test_every_assay_has_its_words():
    known = {*battery.ASSAYS, *battery.AT_HOME} - {
        "inequity",
        "ultimatum",
        "trust",
        "public_goods",
        "crowd_gaze",
    }
    assert known <= set(page.assays())
    assert all(set(w) == {"title", "asked", "axis"} for w in page.assays().values())


def test_pictures_take_teams_without_choices():
    empty = plain(words.none("svo", "behaviour", words.UNDECIDED, "no choices").to_dict() | {"team": 0})
    drawn = plots.svg(pictures.assay([empty], "degrees"), "svo", "no choices")  # type: ignore[list-item]
    assert "no figure" in drawn
