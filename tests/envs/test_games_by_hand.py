"""The table games by hand: payoffs in closed form, turns, what is covered, options, bad input."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from games_reference import (
    BACK,
    CONFIRM,
    GAMES,
    KEY,
    PUSH,
    STILL,
    act,
    begin,
    feature,
    options,
    play_turn,
    scene,
)

from socialsim.core.acts import Act
from socialsim.core.errors import OptionError
from socialsim.core.scene import OBJECT_FEATURES
from socialsim.core.senses import OBJECT_SENSE_FEATURES, Senses
from socialsim.core.sight import Eyes
from socialsim.envs.games import seats
from socialsim.envs.games.dictator import dictator
from socialsim.envs.games.public_goods import public_goods
from socialsim.envs.games.stag_hunt import stag_hunt
from socialsim.envs.games.trust import trust
from socialsim.envs.games.ultimatum import ultimatum


def test_dictator_payoffs():
    world = dictator()
    for given, joint in ((0, 0), (1, 1), (4, 1), (9, 1), (10, 0)):
        state = play_turn(world, begin(world), p0=given)
        np.testing.assert_array_equal(state.owned, [10 - given, given])
        np.testing.assert_array_equal(state.joint, [joint, joint])
    none = dictator(shared=1.0)
    assert not play_turn(none, begin(none), p0=5).joint.any()


def test_ultimatum_payoffs():
    world = ultimatum()
    for offer in (0, 4, 10):
        offered = play_turn(world, begin(world), p0=offer)
        assert not offered.joint.any() and offered.owned[0] == 10  # it lies in the tray
        for sign, owned in ((1, [10 - offer, offer]), (0, [0, 0])):
            state = play_turn(world, offered, p1=sign)
            np.testing.assert_array_equal(state.owned, owned)
            np.testing.assert_array_equal(state.joint, [sign, sign])


def test_consent_that_is_not_confirmed_in_time_is_a_refusal():
    world = ultimatum(rounds=1)
    state = act(world, play_turn(world, begin(world), p0=4), STILL, PUSH)
    while not world.terminated(state):
        assert not state.joint.any()
        state = act(world, state, STILL, STILL)
    outcome = world.outcome(state)
    assert not state.joint.any() and not outcome.accepted[0] and not outcome.confirmed[0]
    assert int(outcome.offer[0]) == 4
    np.testing.assert_array_equal(outcome.payoff[0], [0, 0])


@pytest.mark.parametrize(
    ("sent", "back", "owned", "joint"),
    [
        (0, 0, (10, 10), 0),
        (10, 0, (0, 40), 0),
        (10, 30, (30, 10), 1),
        (4, 4, (10, 18), 1),
        (4, 3, (9, 19), 0),
    ],
)
def test_trust_payoffs(sent, back, owned, joint):
    """Nothing sent is the equilibrium; all sent makes the most there can be, however it is returned."""
    world = trust()
    state = play_turn(world, play_turn(world, begin(world), p0=sent), p1=back)
    np.testing.assert_allclose(state.owned, owned)
    np.testing.assert_array_equal(state.joint, [joint, joint])


@pytest.mark.parametrize(
    ("given", "owned", "joint"),
    [
        ((0, 0, 0, 0), (10, 10, 10, 10), (0, 0, 0, 0)),  # the equilibrium
        ((10, 10, 10, 10), (16, 16, 16, 16), (1, 1, 1, 1)),  # best for all
        ((0, 10, 10, 10), (22, 12, 12, 12), (0, 1, 1, 1)),  # best for one
        ((10, 0, 0, 0), (4, 14, 14, 14), (0, 0, 0, 0)),  # worst for one
        ((5, 5, 5, 5), (13, 13, 13, 13), (1, 1, 1, 1)),
        ((5, 5, 5, 4), (12.6, 12.6, 12.6, 13.6), (0, 0, 0, 0)),  # one token short of the goal
    ],
)
def test_public_goods_payoffs(given, owned, joint):
    world = public_goods()
    state = play_turn(world, begin(world), **{f"p{i}": g for i, g in enumerate(given)})
    np.testing.assert_allclose(state.owned, owned, rtol=1e-6)
    np.testing.assert_array_equal(state.joint, joint)


@pytest.mark.parametrize(
    ("hunts", "owned"),
    [
        ((0, 0, 0, 0), (3, 3, 3, 3)),
        ((1, 1, 0, 0), (0, 0, 3, 3)),
        ((1, 1, 0, 1), (4, 4, 3, 4)),
        ((1, 1, 1, 1), (4, 4, 4, 4)),
    ],
)
def test_stag_hunt_payoffs(hunts, owned):
    world = stag_hunt()
    state = play_turn(world, begin(world), **{f"p{i}": h for i, h in enumerate(hunts)})
    np.testing.assert_array_equal(state.owned, owned)
    np.testing.assert_array_equal(state.joint, np.array(hunts) * (sum(hunts) >= 3))


@pytest.mark.parametrize("game", GAMES)
def test_an_idle_table_comes_to_its_end_just_within_the_horizon(game):
    world = GAMES[game]()
    state, count = begin(world), 0
    while not world.terminated(state):
        state, count = act(world, state, *[STILL] * world.num_agents), count + 1
    assert count == world.horizon - 1
    told = world.outcome(state)
    assert told.played.all() and not told.confirmed.any()


def test_roles_pass_on_and_the_settled_table_is_shown_for_one_decision():
    world = dictator(num_agents=3, rounds=4)
    state = begin(world, first=2)
    for k, divider in enumerate((2, 0, 1, 2)):
        assert state.round == k and list(world.to_move(state)) == [i == divider for i in range(3)]
        state = play_turn(world, state, **{f"p{divider}": k + 1})
        assert not world.to_move(state).any() and state.joint.sum() == 2
        assert bool(world.terminated(state)) == (k == 3)
        if k < 3:
            assert state.owned[divider] == 9 - k
            state = act(world, state, CONFIRM, CONFIRM, PUSH)  # what is done meanwhile moves nothing
            assert not state.joint.any() and not state.forward.any() and not state.done.any()
    told = world.outcome(state)
    np.testing.assert_array_equal(told.given, [1, 2, 3, 4])
    np.testing.assert_array_equal(told.role, [[1, 2, 0], [0, 1, 2], [2, 0, 1], [1, 2, 0]])
    after = act(world, state, PUSH, PUSH, PUSH)
    assert world.terminated(after) and not after.joint.any()
    np.testing.assert_array_equal(after.owned, state.owned)


def same_but_for_bodies(a, b):
    for name in ("owned", "forward", "done", "turn", "round", "given", "joint"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)


def test_moves_that_are_not_allowed_change_nothing():
    world = trust().replace(endowment=jnp.float32(2))
    state = begin(world)
    same_but_for_bodies(act(world, state, BACK, PUSH), state)  # nothing to take back; not its turn
    same_but_for_bodies(act(world, state, STILL, CONFIRM), state)
    full = act(world, act(world, state, PUSH, STILL), PUSH, STILL)
    assert full.forward[0] == 2
    same_but_for_bodies(act(world, full, PUSH, PUSH), full)  # no more than it has
    for gesture in range(int(Act.GESTURE_0), int(Act.GESTURE_3) + 1):
        same_but_for_bodies(act(world, full, gesture, gesture), full)
    sent = act(world, full, CONFIRM, STILL)
    same_but_for_bodies(act(world, sent, BACK, STILL), sent)  # what is sent is sent
    for _ in range(8):
        sent = act(world, sent, STILL, PUSH)
    assert sent.forward[1] == 6  # no more than what arrived, though it owns 16
    goods = public_goods()
    waiting = play_turn(goods, begin(goods), p0=1)
    after = act(goods, waiting, BACK, STILL, STILL, STILL)
    same_but_for_bodies(after, waiting)  # it has confirmed
    assert after.forward[0] == 1 and list(goods.to_move(after)) == [False, True, True, True]


def test_turning_is_by_eighths_and_visible():
    world = public_goods()
    start = begin(world)
    state = start
    for k in range(8):
        seen = scene(world, state)
        ahead = (np.asarray(seen.heading) * -np.asarray(seen.position)).sum(-1) / 2.5
        np.testing.assert_allclose(ahead, [math.cos(k * math.pi / 4)] + [1.0] * 3, atol=1e-5)
        (x, y), (u, v) = -np.asarray(seen.position).T, np.asarray(seen.heading).T
        left, *others = (x * v - y * u) / 2.5
        np.testing.assert_allclose(left, math.sin(k * math.pi / 4), atol=1e-5)
        np.testing.assert_allclose(others, 0, atol=1e-5)
        if k in (3, 4, 5):
            assert not seen.sees_agent[0].any() and seen.sees_agent[1:, 0].all()
        state = act(world, state, int(Act.TURN_LEFT), STILL, STILL, STILL)
    same_but_for_bodies(state, start)
    np.testing.assert_array_equal(state.turned, start.turned)


@pytest.mark.parametrize("make", [public_goods, stag_hunt])
def test_covered_trays_are_seen_by_their_owners_only_until_the_turn_ends(make):
    at = np.array([OBJECT_SENSE_FEATURES.index(f) for f in ("resource", "present", "progress")])
    for covered in (True, False):
        world = make().replace(covered=jnp.asarray(covered), eyes=Eyes(full_view=True))
        nothing = play_turn(world, begin(world), p3=0)
        state = play_turn(world, begin(world), p3=1)
        senses = [Senses()(scene(world, s)) for s in (nothing, state)]
        for observation in senses:
            seen = np.eye(4, dtype=bool) | (not covered)
            np.testing.assert_array_equal(observation.objects_mask[:, :4], seen)
        differs = (np.asarray(senses[0].objects != senses[1].objects)[..., at]).any((-1, -2))
        np.testing.assert_array_equal(differs, [not covered] * 3 + [True])
        settled = play_turn(world, state, p0=1, p1=1, p2=0)
        pot = {name: feature(scene(world, settled), name)[4] for name in OBJECT_FEATURES}
        assert pot["present"] == 3 and scene(world, settled).sees_object.all()
        assert pot["active"] == (make is stag_hunt)
        np.testing.assert_array_equal(scene(world, settled).takes_part[:, 4], [1, 1, 0, 1])


def test_pictures_show_every_token_once():
    world = trust()
    state = act(world, act(world, begin(world), PUSH, STILL), PUSH, STILL)

    def count(state):
        centres = np.asarray(world.solids(state)).mean(1)
        there = (np.abs(centres) < 5).all(-1)
        assert (there == (centres[:, 0] > seats.AWAY / 2)).all()
        return there.reshape(2, 2, -1).sum(-1).tolist()  # kept, in trays

    assert count(state) == [[8, 10], [2, 0]]
    assert count(act(world, state, CONFIRM, STILL)) == [[8, 16], [0, 0]]


def test_an_option_is_what_pushing_so_often_and_confirming_leads_to():
    three = jnp.float32(3)
    world, ult = trust().replace(endowment=three), ultimatum().replace(endowment=three)
    sent = play_turn(world, begin(world), p0=2)
    cases = [(world, begin(world), 0, 3), (world, sent, 1, 6), (ult, play_turn(ult, begin(ult), p0=1), 1, 1)]
    for table, state, agent, most in cases:
        choice = options(table, state, agent)
        np.testing.assert_array_equal(choice.allowed, np.arange(table.most + 1) <= most)
        for k in range(most + 1):
            played = play_turn(table, state, **{f"p{agent}": k})
            told = jax.tree.map(lambda x, k=k: x[k], (choice.state, choice.scene))
            for x, y in zip(
                jax.tree.leaves(told), jax.tree.leaves((played, scene(table, played))), strict=True
            ):
                np.testing.assert_allclose(x, y, atol=1e-6)
        assert not options(table, state, 1 - agent).allowed.any()  # not its turn


def test_options_among_others_who_wait_or_have_a_schedule():
    world = public_goods()
    state = act(world, begin(world), PUSH, PUSH, STILL, STILL)  # two have begun
    waits = options(world, state, 0)
    assert waits.allowed.all() and (waits.state.turn == 0).all()
    np.testing.assert_array_equal(waits.state.forward[:, 0], np.arange(11))
    np.testing.assert_array_equal(waits.state.forward[:, 1:], np.broadcast_to([1, 0, 0], (11, 3)))
    # The strategy method: the same choice against each schedule of the others.
    schedule = jnp.stack([jnp.full(4, g) for g in range(11)]).astype(jnp.int32)
    against = jax.jit(jax.vmap(lambda others: world.options(state, 0, others)))(schedule)
    own, other = np.meshgrid(np.arange(11), np.arange(11))
    pot = 1.6 * (own + 3 * other) / 4
    assert (against.state.turn == 1).all()
    np.testing.assert_allclose(against.state.owned[..., 0], 10 - own + pot, rtol=1e-5)
    np.testing.assert_allclose(against.state.owned[..., 1], 10 - other + pot, rtol=1e-5)
    np.testing.assert_allclose(against.scene.load * world.scale, against.state.owned, rtol=1e-5)
    settled = play_turn(world, begin(world), p0=0, p1=0, p2=0, p3=0)
    assert not options(world, settled, 0).allowed.any()


def test_fresh_tables_differ_in_who_sits_where_and_who_begins():
    world = dictator()
    states = jax.jit(jax.vmap(world.reset))(jax.random.split(KEY, 64))
    again = jax.jit(jax.vmap(world.reset))(jax.random.split(KEY, 64))
    np.testing.assert_array_equal(states.seat, again.seat)
    kinds = {(int(s[0]), int(f)) for s, f in zip(states.seat, states.first, strict=True)}
    assert kinds == {(0, 0), (0, 1), (1, 0), (1, 1)}


def test_an_episode_through_pettingzoo_ends_for_all_at_once():
    from socialsim.envs import dictator_v0

    env = dictator_v0.parallel_env(rounds=1, endowment=2)
    env.reset(seed=3)
    for t in range(8):
        _, _, terminated, truncated, _ = env.step(dict.fromkeys(env.agents, STILL))
        assert all(terminated.values()) == (t == 7) and not any(truncated.values())
    assert env.agents == []


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: dictator(num_agents=1), "num_agents=1; allowed: an integer from 2 to 64"),
        (lambda: dictator(num_agents=40), "num_agents=40; allowed: at most 12 at a table of size=5"),
        (lambda: dictator(endowment=0), "endowment=0"),
        (lambda: dictator(shared=0), "shared=0"),
        (lambda: trust(turn_limit=30), "turn_limit=30; allowed: at least 31"),
        (lambda: trust(multiplier=math.nan), "multiplier=nan"),
        (lambda: public_goods(goal=1.5), "goal=1.5"),
        (lambda: public_goods(rounds=0), "rounds=0"),
        (lambda: stag_hunt(needed=5), "needed=5; allowed: at most num_agents=4"),
        (lambda: stag_hunt(hare=-1), "hare=-1"),
        (lambda: ultimatum(size=3), "size=3"),
    ],
)
def test_bad_options_raise_one_line(make, message):
    with pytest.raises(OptionError) as caught:
        make()
    assert message in str(caught.value) and "\n" not in str(caught.value)
