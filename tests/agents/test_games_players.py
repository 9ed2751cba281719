"""Players of known types play the table games as they are said to."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from games_reference import GAMES, KEY

from socialsim.agents import bots
from socialsim.agents.bots.games import TYPES, players
from socialsim.core.errors import OptionError
from socialsim.envs.games.dictator import dictator

WORLDS, ROUNDS = 64, 5


@jax.jit
def run(world, bot):
    state = jax.vmap(world.reset)(jax.random.split(KEY, WORLDS))
    memory = jax.vmap(lambda s: bot.begin(world.scene(s)))(state)

    def decide(key, state, memory):
        action, memory = bot(key, world.scene(state), memory)
        state = world.step(key, state, action)
        return (state, memory), state.joint.sum() > 0

    def advance(carry, key):
        return jax.vmap(decide)(jax.random.split(key, WORLDS), *carry)

    keys = jax.random.split(jax.random.key(1), world.horizon)
    (state, _), joint = jax.lax.scan(advance, (state, memory), keys)
    return jax.vmap(world.outcome)(state), joint.sum(0), jax.vmap(world.terminated)(state)


@functools.cache
def table(game):
    return GAMES[game](rounds=ROUNDS)


def finish(game, bot, slips=0.0):
    """Outcomes of whole episodes, `[WORLDS, ROUNDS, ...]`, and joint events in each; compiled once a game."""
    world = table(game)
    told, joint, over = run(world, bots.Explore(bot, world.actions, jnp.float32(slips)))
    assert over.all() and told.played.all()
    return jax.tree.map(np.asarray, told), np.asarray(joint)


def of_types(game, kinds, **options):
    return finish(game, players(table(game), kinds, **options))[0]


@pytest.mark.parametrize("game", GAMES)
def test_the_competent_team_succeeds_in_every_round_and_random_ones_seldom(game):
    team = bots.scripted_team(table(game))
    told, joint = finish(game, team)
    assert told.confirmed.all() and (joint == ROUNDS).all()
    _, joint = finish(game, team, slips=1.0)
    assert joint.mean() < ROUNDS / 2


def test_types_divide_as_they_are():
    for kind, given in {"selfish": 0, "fair": 5, "altruist": 10}.items():
        assert (of_types("dictator", kind).given == given).all()
    random = of_types("dictator", "random").given
    assert set(random.ravel()) == set(range(11)) and 4 < random.mean() < 6
    mixed = of_types("dictator", ["selfish", "conditional"])
    begins = mixed.role[:, 0, 1] == 0  # player 1 gives half at first, and nothing once it got nothing
    assert begins.any() and not begins.all()
    np.testing.assert_array_equal(mixed.given[begins], np.tile([5, 0, 0, 0, 0], (begins.sum(), 1)))
    assert (mixed.given[~begins] == 0).all()


def test_types_offer_and_refuse_as_they_are():
    mixed = of_types("ultimatum", ["selfish", "fair"])
    by_fair = mixed.role[..., 1] == 0
    np.testing.assert_array_equal(mixed.offer, np.where(by_fair, 5, 0))
    np.testing.assert_array_equal(mixed.accepted, by_fair)
    low = of_types("ultimatum", ["fair", "conditional"], give=0.3, match=0.0)
    by_fair = low.role[..., 0] == 0
    assert (low.offer == 3).all()
    np.testing.assert_array_equal(low.accepted, ~by_fair)  # 0.3 is enough for fair players only


def test_types_trust_and_repay_as_they_are():
    expected = {"fair": (5, 8), "selfish": (0, 0), "altruist": (10, 30), "conditional": (5, 4)}
    for kind, (sent, returned) in expected.items():
        told = of_types("trust", kind)
        assert (told.sent[:, 0] == sent).all() and (told.returned[:, 0] == returned).all(), kind


def test_conditional_players_give_what_the_others_gave():
    told = of_types("public-goods", ["selfish", *["conditional"] * 3])
    assert (told.contributions[..., 0] == 0).all()
    assert (told.contributions[..., 1:] == np.array([5, 3, 2, 1, 1])[:, None]).all()
    told = of_types("stag-hunt", ["selfish", "selfish", "conditional", "altruist"])
    assert (told.hunted == np.array([[0, 0, 1, 1]] + 4 * [[0, 0, 0, 1]])).all()


def test_types_are_made_of_options_that_exist():
    names = set(vars(players(dictator())))
    assert all(set(options) <= names for options in TYPES.values())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: players(dictator(), "fairr"), "did you mean 'fair'"),
        (lambda: players(dictator(), "fair", greed=1), "unknown option of players 'greed'; allowed"),
    ],
)
def test_unknown_types_and_options_raise_one_line(make, message):
    with pytest.raises(OptionError) as caught:
        make()
    assert message in str(caught.value) and "\n" not in str(caught.value)
