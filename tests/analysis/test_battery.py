"""The battery on choosers whose nature is known: ideal types, simulated people, random and constant ones."""

import jax
import numpy as np
import pytest
import xarray as xr

import socialsim
from socialsim.agents.networks import NetworkConfig
from socialsim.agents.team import new_team
from socialsim.analysis import battery
from socialsim.analysis.battery import finding as words
from socialsim.analysis.battery import references, scoring, slider
from socialsim.analysis.battery.battery import heeding
from socialsim.analysis.battery.collecting import least_accepted
from socialsim.analysis.battery.cooperation import classify, conditional
from socialsim.analysis.battery.rates import MeanAssay, RateAssay
from socialsim.core.errors import OptionError

HUMANS, DRAWS = 256, 200
DISTRIBUTIONS = ("dictator", "ultimatum_offer", "ultimatum_minimum")


@pytest.mark.parametrize(
    ("kind", "degrees"),
    [
        ("selfish", 0.0),
        ("joint", 45.0),
        ("altruist", 61.4),
        ("competitive", -16.3),
        ("inequality-averse", 37.5),
    ],
)
def test_ideal_types_have_their_angles(kind, degrees):
    taken = np.einsum("ik,ikc->c", slider.ideal(kind)[: slider.PRIMARY], slider.payoffs()[: slider.PRIMARY])
    assert slider.angle(*taken / slider.PRIMARY) == pytest.approx(degrees, abs=0.1)


def test_categories_change_at_the_published_cuts():
    edges = np.array([57.15, 22.45, -12.04])
    above, below = slider.category(edges + 1e-6), slider.category(edges - 1e-6)
    assert above.tolist() == [0, 1, 2] and below.tolist() == [1, 2, 3]
    assert slider.CATEGORIES == ("altruist", "prosocial", "individualist", "competitive")


def test_uniform_choices_are_half_prosocial_and_half_transitive():
    """The trap: an angle of 22.7 +- 12.9 degrees, half of it 'prosocial', means nothing."""
    choices = np.random.default_rng(0).integers(slider.POINTS, size=(60_000, 6))
    degrees, svo = slider.angles(choices), references.constants()["svo"]
    assert degrees.mean() == pytest.approx(svo["random_angle"]["value"], abs=0.2)
    assert degrees.std() == pytest.approx(svo["random_angle_sd"]["value"], abs=0.2)
    assert (slider.category(degrees) <= 1).mean() == pytest.approx(svo["random_prosocial"]["value"], abs=0.01)
    assert slider.transitive(choices).mean() == pytest.approx(svo["random_transitive"]["value"], abs=0.01)


def test_a_random_chooser_is_never_called_prosocial():
    """Nor anything else: it gets no category, and neither do constant choosers nor ones without order."""
    rng = np.random.default_rng(1)
    for _ in range(60):
        found = battery.SVO(resamples=100, shuffles=100).measure(rng.integers(slider.POINTS, size=(64, 15)))
        assert found.verdict in (words.RANDOM, words.UNINTERPRETABLE), found
        assert "prosocial" not in found.reason and not any(k.startswith("share_") for k in found.detail)
    same = battery.SVO(resamples=100).measure(np.full((64, 15), 4))
    assert same.verdict == words.CONSTANT


def test_a_planted_prosocial_chooser_is_found():
    rng = np.random.default_rng(2)
    ideal = slider.ideal("joint")
    choices = np.array([[rng.choice(9, p=p) for p in ideal] for _ in range(64)])
    found = battery.SVO(resamples=100).measure(choices)
    assert found.verdict == words.UNDECIDED and "prosocial" in found.reason
    assert found.figure.estimate == pytest.approx(45.0, abs=2.0) and found.detail["transitive"] > 0.9


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_the_human_distribution_has_the_published_moments(name):
    people, row = references.distribution(name), references.constants()["distribution"][name]
    p, k = people.probability, people.options
    assert p.min() >= 0 and p.sum() == pytest.approx(1)
    assert people.mean == pytest.approx(row["mean"], abs=1e-3)
    assert np.sqrt(p @ (k - people.mean) ** 2) == pytest.approx(row["sd"], abs=1e-3)
    assert p[0] == pytest.approx(row["atoms"]["0"], abs=1e-4)
    assert p[50] == pytest.approx(row["atoms"]["50"], abs=1e-4)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_people_lie_within_their_floor_and_degenerate_choosers_never(name):
    """Simulated people (n = 256) are human-like in 93 % of draws or more; uniform and constant ones never."""
    people = references.distribution(name)
    rng = np.random.default_rng(3)
    floor = scoring.floor(people, HUMANS)
    away = battery.DistributionAssay(name).distance(people.draw(rng, (DRAWS, HUMANS)))
    assert (away <= floor.high).mean() >= 0.93
    assay = battery.DistributionAssay(name, resamples=100)
    assert assay.measure(people.draw(rng, HUMANS)).verdict in (words.HUMAN, words.NEARER)
    for _ in range(20):
        found = assay.measure(rng.integers(101, size=HUMANS).astype(float))
        assert found.verdict == words.RANDOM and found.detail["score"] > 0.6
    for always in (0.0, 30.0, 50.0, 100.0):
        assert assay.measure(np.full(HUMANS, always)).verdict == words.CONSTANT


def test_wasserstein_is_scipys():
    import scipy.stats

    rng = np.random.default_rng(4)
    k = np.sort(rng.uniform(0, 100, 12))
    p, q = rng.dirichlet(np.ones(12), 2)
    assert scoring.wasserstein(p, q, k) == pytest.approx(scipy.stats.wasserstein_distance(k, k, p, q))


def test_a_responder_who_does_not_heed_the_offer_is_none():
    """A coin over every offer, or one that dislikes to be offered more, has no least that it accepts."""
    rng = np.random.default_rng(11)
    offers = np.arange(11)
    assay = battery.DistributionAssay("ultimatum_minimum", resamples=100)
    for chance, heeds in ((np.full(11, 0.5), False), (offers[::-1] / 10, False), (offers / 10, True)):
        accepted = rng.random((256, 11)) < chance
        found = assay.measure(least_accepted(accepted, 10.0 * offers), options=10 * offers)
        assert (heeding(found, accepted).verdict in words.DEGENERATE) is not heeds
    always = assay.measure(np.zeros(64))
    assert heeding(always, np.ones((64, 11), bool)).verdict == words.CONSTANT


def test_fewer_options_keep_the_people():
    people = references.distribution("dictator")
    coarse = people.on(np.arange(0, 101, 10.0))
    assert coarse.probability.sum() == pytest.approx(1) and coarse.mean == pytest.approx(people.mean, abs=1.5)
    with pytest.raises(OptionError, match="two or more, rising"):
        people.on([0.0])


def test_a_mean_that_chance_gives_too_is_no_likeness():
    rng = np.random.default_rng(5)
    sent = MeanAssay("trust_sent", resamples=200)
    assert sent.measure(rng.integers(11, size=256) / 10).verdict == words.RANDOM
    assert sent.measure(np.full(256, 0.5)).verdict == words.CONSTANT
    alike = sent.measure(np.tile([0.3, 0.4, 0.6, 0.7], 64))
    assert alike.verdict == words.HUMAN and "mean only" in alike.reason
    assert sent.measure(rng.choice([0.8, 0.9, 1.0], size=256)).verdict in (words.UNLIKE, words.NEARER)


def test_conformity_needs_a_majority_to_respond_to():
    rng = np.random.default_rng(6)
    measure = RateAssay("conformity").measure
    assert measure(rng.random(256) < 0.33, null=rng.random(256) < 0.02).verdict == words.HUMAN
    assert measure(rng.random(256) < 0.5, null=rng.random(256) < 0.5).verdict == words.RANDOM
    assert measure(np.ones(256, bool), null=np.zeros(256, bool)).verdict == words.CONSTANT


@pytest.mark.parametrize(
    ("own", "kind"),
    [
        (np.arange(21.0), "conditional"),
        (np.zeros(21), "free rider"),
        (np.full(21, 7.0), "constant"),
        (np.minimum(np.arange(21), 20 - np.arange(21)).astype(float), "hump-shaped"),
        (20 - np.arange(21.0), "other"),
    ],
)
def test_types_of_cooperation(own, kind):
    assert classify(np.arange(21.0), own) == kind


def test_many_schedules_are_classified_like_one():
    rng = np.random.default_rng(10)
    others = np.tile(np.arange(12.0), (300, 1))
    own = np.round(others * rng.uniform(-0.5, 1, (300, 1)) + rng.normal(0, 3, (300, 12)))
    own[:3] = 1.0
    one_by_one = [classify(a, b) == "conditional" for a, b in zip(others, own, strict=True)]
    assert 30 < sum(one_by_one) < 270
    np.testing.assert_array_equal(conditional(others, own), one_by_one)


def test_planted_inequity_aversion_is_recovered():
    """Choices drawn from softmax of Fehr and Schmidt's utility give back its alpha and beta."""
    menus = slider.payoffs()
    own, other = menus[..., 0], menus[..., 1]
    utility = own - 0.4 * np.maximum(other - own, 0) - 0.3 * np.maximum(own - other, 0)
    p = np.exp(utility / 10)
    p /= p.sum(1, keepdims=True)
    rng = np.random.default_rng(7)
    chosen = np.stack([rng.choice(slider.POINTS, size=200, p=row) for row in p], -1)
    alpha, beta = battery.InequityAversion(resamples=60).measure(menus, chosen)
    assert alpha.figure.low <= 0.4 <= alpha.figure.high and beta.figure.low <= 0.3 <= beta.figure.high
    mixed = rng.integers(slider.POINTS, size=chosen.shape)
    assert {f.verdict for f in battery.InequityAversion(resamples=60).measure(menus, mixed)} <= {
        words.RANDOM,
        words.UNINTERPRETABLE,
    }


def test_discounting_has_a_shape():
    delay = np.linspace(0, 60, 12)
    rng = np.random.default_rng(8)
    noise = 1 + 0.01 * rng.normal(size=(8, 12))
    measure = battery.Discounting(resamples=100).measure
    assert measure(delay, noise / (1 + 0.2 * delay)).verdict == words.HUMAN
    assert measure(delay, noise * np.exp(-0.05 * delay)).verdict == words.UNLIKE
    assert measure(delay, np.ones((8, 12))).verdict == words.CONSTANT
    assert measure(delay, noise).verdict == words.NOT_APPLICABLE


def test_a_circle_needs_six_signals():
    rng = np.random.default_rng(9)
    angle = 2 * np.pi * np.arange(8) / 8
    person = rng.normal(size=(400, 2))
    round_ = person @ np.stack([np.cos(angle), np.sin(angle)]) + 0.3 * rng.normal(size=(400, 8))
    data = xr.DataArray(round_, dims=("subject", "signal"), coords={"signal": list("abcdefgh")})
    circle = battery.ValueCircle(shuffles=300)
    assert circle.measure(data).verdict == words.HUMAN
    none = data.copy(data=rng.normal(size=(400, 8)))
    assert circle.measure(none).verdict == words.UNLIKE
    assert circle.measure(data.isel(signal=slice(3))).verdict == words.NOT_APPLICABLE


def test_every_constant_says_where_it_is_from():
    for table in ("figure", "svo", "distribution"):
        for name, row in references.constants()[table].items():
            assert row["source"] and row["status"] in references.STATUSES, name
    assert references.figure("alpha").low == 0.244 and references.figure("trust_sent").mark == " (unverified)"
    with pytest.raises(OptionError, match="conformity_paid"):
        references.figure("conformity_pay")


@pytest.fixture(scope="module")
def fresh():
    env = socialsim.make("dictator-v0")
    return new_team(jax.random.key(0), NetworkConfig(width=8), env.actions, env.channels, env.num_agents)


def test_an_untrained_team_is_no_person(fresh):
    """Behaviour and readouts of a network that learned nothing: random or constant, never human-like."""
    found = battery.battery_of(fresh, jax.random.key(1), assays=("dictator", "value_circle"), worlds=96)
    given = found.sel(assay="dictator")
    assert {f.form for f in given} == {"behaviour", *(f"value of {c}" for c in fresh.channels)}
    assert not any(f.verdict == words.HUMAN for f in given), list(map(str, given))
    assert found.sel(assay="value_circle").counts()[words.NOT_APPLICABLE] == 1
    table = found.to_dataset()
    assert table.sizes["row"] == len(found) and "tokens" in " ".join(found.sentences())


def test_bodies_are_read_and_do_not_play():
    env = socialsim.make("rendezvous-plane-v0")
    team = new_team(jax.random.key(0), NetworkConfig(width=8), env.actions, env.channels, env.num_agents)
    found = battery.battery_of(team, jax.random.key(1), assays=("dictator",), worlds=32)
    assert {f.form for f in found} == {f"value of {c}" for c in env.channels}


def test_a_readout_takes_what_the_head_likes(fresh):
    """At temperature 0 the best option, at a high one all alike; what is not allowed, never."""
    allowed = np.array([[True, True, True, False]])
    values = np.zeros((1, 4, len(fresh.channels)))
    values[0, :, 0] = [0.0, 1.0, 0.5, 9.0]
    name = fresh.channels[0]
    cold = battery.Readout(name, temperature=0.0).probabilities(fresh, allowed, values)
    hot = battery.Readout(name, temperature=1e6).probabilities(fresh, allowed, values)
    np.testing.assert_allclose(cold, [[0, 1, 0, 0]])
    np.testing.assert_allclose(hot, [[1 / 3, 1 / 3, 1 / 3, 0]], atol=1e-5)
    with pytest.raises(OptionError, match="temperature"):
        battery.Readout(name, temperature=-1.0)
