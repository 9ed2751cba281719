"""The battery plays its games with players whose nature is planted: what it collects is that nature."""

import jax
import numpy as np
import pytest

import socialsim
from socialsim.agents.bots.games import players
from socialsim.agents.networks import NetworkConfig
from socialsim.agents.team import new_team
from socialsim.analysis import battery
from socialsim.analysis.battery import finding as words
from socialsim.analysis.battery.collecting import Games

KEY = jax.random.key(0)
GAMES = Games(worlds=16, rounds=3)


def of(kind):
    return lambda world: players(world, kind)


@pytest.mark.parametrize(("kind", "share"), [("selfish", 0.0), ("fair", 0.5), ("altruist", 1.0)])
def test_what_a_type_gives_is_what_is_collected(kind, share):
    """Of ten tokens; who gives alike at every table is collected alike at every table."""
    given = GAMES.dictator(of(kind), KEY)
    assert given.shape == (GAMES.worlds,) and set(given) == {100 * share}
    offered, accepted = GAMES.offers(of(kind), KEY)
    assert set(offered) == {100 * share} and accepted.all()
    sent, returned = GAMES.trust(of(kind), KEY)
    assert set(sent) == {share}
    # Half of the 15 tokens that five become is 7.5, so 8 are returned; nothing comes back of nothing.
    np.testing.assert_allclose(returned, {"selfish": 0.0, "fair": 8 / 15, "altruist": 1.0}[kind])
    assert len(returned) == (0 if kind == "selfish" else GAMES.worlds)


def test_a_responder_accepts_from_its_least_on():
    accepted = GAMES.answers(of("fair"), KEY)
    np.testing.assert_array_equal(accepted, np.tile(GAMES.percent >= 30, (GAMES.worlds, 1)))


def test_contributions_have_a_place_for_each_round_and_player():
    for kind, share in (("fair", 0.5), ("selfish", 0.0)):
        given = GAMES.contributions(of(kind), KEY)
        assert given.shape == (GAMES.worlds, GAMES.rounds, GAMES.players) and (given == share).all()
    others, own = GAMES.schedules(of("fair"), KEY, levels=5)
    np.testing.assert_array_equal(others, [0, 0.25, 0.5, 0.75, 1])
    assert own.shape == (GAMES.worlds, 5) and (own == 0.5).all()


def test_who_never_changes_does_not_conform_and_who_flips_coins_changes_as_often_unseen():
    conforms, anyway = GAMES.conformity(of("selfish"), KEY)
    assert not conforms.any() and not anyway.any()
    conforms, anyway = Games(worlds=512).conformity(of("random"), KEY)
    assert abs(conforms.mean() - 0.5) < 0.1 and abs(anyway.mean() - 0.5) < 0.1


def test_the_slider_is_moved_to_its_ends_and_all_over():
    ends = {kind: GAMES.slider(of(kind), KEY, items=2) for kind in ("selfish", "altruist", "random")}
    assert (ends["selfish"] == 0).all() and (ends["altruist"] == battery.slider.POINTS - 1).all()
    assert len(np.unique(ends["random"])) > battery.slider.POINTS / 2


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["random", "selfish"])
def test_neither_coins_nor_constants_are_people(kind):
    found = battery.Battery(games=Games(worlds=96)).behaviour(of(kind), KEY)
    assert len(found) >= len(battery.ASSAYS) - 2
    assert not any(f.verdict == words.HUMAN for f in found), list(map(str, found))
    if kind == "selfish":
        constant = {f.assay for f in found if f.verdict == words.CONSTANT}
        assert {"dictator", "ultimatum_offer"} <= constant, list(map(str, found))


@pytest.mark.slow
def test_value_heads_that_learned_nothing_are_read_in_every_game():
    env = socialsim.make("dictator-v0")
    team = new_team(jax.random.key(3), NetworkConfig(width=8), env.actions, env.channels, env.num_agents)
    read = battery.Battery(games=Games(worlds=48)).readout(team, KEY, channel=env.channels[0])
    assert {f.form for f in read} <= {f"value of {env.channels[0]}", "values"}
    assert not any(f.verdict == words.HUMAN for f in read), list(map(str, read))
