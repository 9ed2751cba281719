"""The laws of the table games: against slow references, by hand-computed payoffs and planted situations."""

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from socialsim.agents import bots
from socialsim.agents.bots.games import TYPES, players
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

GAMES = {
    "dictator": dictator,
    "ultimatum": ultimatum,
    "trust": trust,
    "public-goods": public_goods,
    "stag-hunt": stag_hunt,
}
AGENTS, STEPS, EACH = 3, 60, 16
STILL, PUSH, BACK, CONFIRM = (int(a) for a in (Act.STILL, Act.ADVANCE, Act.RETREAT, Act.INTERACT))

reset = jax.jit(lambda world, key: world.reset(key))
step = jax.jit(lambda world, key, state, action: world.step(key, state, action))
scene = jax.jit(lambda world, state: world.scene(state))
options = jax.jit(lambda world, state, agent, others=None: world.options(state, agent, others))
KEY = jax.random.key(0)


def act(world, state, *acts):
    return step(world, KEY, state, jnp.array(acts, jnp.int32))


def begin(world, first=0):
    """A fresh table at which player `first` moves first."""
    state = reset(world, KEY)
    return state.replace(
        first=jnp.int32(first), owned=world.endow((jnp.arange(world.num_agents) - first) % world.num_agents)
    )


def play_turn(world, state, **units):
    """One turn by hand: player pN puts so many units forward, then all of them confirm at once."""
    wanted = {int(name[1:]): count for name, count in units.items()}
    for k in range(max(wanted.values())):
        state = act(world, state, *(PUSH if k < wanted.get(i, 0) else STILL for i in range(world.num_agents)))
    return act(world, state, *(CONFIRM if i in wanted else STILL for i in range(world.num_agents)))


def feature(seen, name):
    return np.asarray(seen.object_features)[..., OBJECT_FEATURES.index(name)]


# Random play against a reference in plain Python.


def variants(game):
    """Tables of one structure with different rules: one batch holds them all."""
    base = GAMES[game](num_agents=AGENTS, rounds=3)
    short = base.replace(rounds=jnp.int32(2), turn_limit=jnp.int32(4))
    few = base.replace(endowment=jnp.float32(2), turn_limit=jnp.int32(8))
    own = {
        "dictator": dict(shared=jnp.float32(0.3)),
        "trust": dict(multiplier=jnp.float32(1.5), reserve=jnp.float32(0)),
        "public-goods": dict(multiplier=jnp.float32(2.2), goal=jnp.float32(0.1)),
        "stag-hunt": dict(needed=jnp.int32(2), alone=jnp.float32(1)),
    }.get(game, {})
    return [base.replace(turn_limit=jnp.int32(12), **own), short, few]


class Episodes(NamedTuple):
    """Random play at `E` tables, NumPy. states and sights `[STEPS + 1, E]`, actions `[STEPS, E, A]`.

    twins: the same tables with the players renumbered, states and sights.
    """

    worlds: Any
    states: Any
    sights: Any
    actions: np.ndarray
    outcomes: Any
    twins: Any


def renumbered(state):
    """Player i is now player i + 1."""
    moved = jax.tree.map(lambda x: x if jnp.ndim(x) == 0 else jnp.roll(x, 1, -1), state.replace(record=()))
    return moved.replace(first=(state.first + 1) % AGENTS, confirmed=state.confirmed, record=state.record)


def look(world, state):
    return world.scene(state), world.to_move(state), world.units(state), world.tokens(state), world.scale


@functools.cache
def episodes(game):
    tables = [world for world in variants(game) for _ in range(EACH)]
    worlds = jax.tree.map(lambda *leaves: jnp.stack(leaves), *tables)
    odds = jnp.array([2, 9, 2, 1, 1, 3, 1, 1, 0, 0]) / 20
    actions = jax.random.choice(jax.random.key(1), 10, (STEPS, len(tables), AGENTS), p=odds).astype(jnp.int32)

    @jax.jit
    def rollout(worlds, actions):
        first = jax.vmap(lambda w, k: w.reset(k))(worlds, jax.random.split(jax.random.key(2), len(tables)))
        twice = functools.partial(jax.tree.map, lambda a, b: jnp.concatenate([a, b]))
        first, worlds = twice(first, jax.vmap(renumbered)(first)), twice(worlds, worlds)

        def advance(state, action):
            state = jax.vmap(lambda w, s, a: w.step(KEY, s, a))(worlds, state, action)
            return state, (state, jax.vmap(look)(worlds, state))

        both = jnp.concatenate([actions, jnp.roll(actions, 1, -1)], 1)
        last, rest = jax.lax.scan(advance, first, both)
        begun = first, jax.vmap(look)(worlds, first)
        seen = jax.tree.map(lambda a, b: jnp.concatenate([a[None], b]), begun, rest)
        return seen, jax.vmap(lambda w, s: w.outcome(s))(worlds, last)

    seen, told = jax.tree.map(np.asarray, rollout(worlds, actions))
    states, sights = jax.tree.map(lambda x: x[:, : len(tables)], seen)
    twins = jax.tree.map(lambda x: x[:, len(tables) :], seen)
    outcomes = jax.tree.map(lambda x: x[: len(tables)], told)
    return Episodes(jax.tree.map(np.asarray, worlds), states, sights, np.asarray(actions), outcomes, twins)


class Reference:
    """One table, by the words of the docstrings."""

    def __init__(self, game, world, first):
        self.game, self.world, self.first, self.round, self.log = game, world, first, 0, []
        self.turns = 2 if game in ("ultimatum", "trust") else 1
        self.deal()

    def role(self, i):
        return (i - self.first - self.round) % AGENTS

    def who(self, role):
        return next(i for i in range(AGENTS) if self.role(i) == role)

    def deal(self):
        e = float(self.world.endowment)
        start = {"public-goods": [e] * 3, "stag-hunt": [0.0] * 3, "trust": [e, 0.0, 0.0]}
        by_role = start.get(self.game, [e, 0.0, 0.0])
        if self.game == "trust":
            by_role[1] = float(self.world.reserve)
        self.owned = [by_role[self.role(i)] for i in range(AGENTS)]
        self.forward, self.done, self.turn, self.clock = [0] * AGENTS, set(), 0, 0
        self.agreed, self.first_move = [], None

    def movers(self):
        return [self.who(self.turn)] if self.game in ("dictator", "ultimatum", "trust") else range(AGENTS)

    def limit(self, i):
        if self.game == "stag-hunt" or (self.game == "ultimatum" and self.turn == 1):
            return 1
        if self.game == "trust" and self.turn == 1:
            return math.floor(float(self.world.multiplier) * self.first_move + 1e-6)
        return int(self.owned[i])

    def step(self, acts):
        self.joint = [0.0] * AGENTS
        if self.over():
            return
        if self.turn == self.turns:
            self.round += 1
            self.deal()
            return
        for i in self.movers():
            if i in self.done:
                continue
            change = (acts[i] == PUSH) - (acts[i] == BACK)
            self.forward[i] = min(max(self.forward[i] + change, 0), self.limit(i))
            if acts[i] == CONFIRM:
                self.done.add(i)
        self.clock += 1
        agreed = set(self.movers()) <= self.done
        if agreed or self.clock >= self.world.turn_limit:
            self.agreed.append(agreed)
            self.settle()
            self.turn, self.clock, self.done = self.turn + 1, 0, set()
            if self.turn == self.turns:
                self.log[-1] |= {"payoff": list(self.owned), "confirmed": all(self.agreed)}

    def over(self):
        return self.turn == self.turns and self.round == self.world.rounds - 1

    def settle(self):
        a, b, w = self.who(0), self.who(1), self.world
        if self.game == "public-goods":
            given = list(self.forward)
            back = float(w.multiplier) * sum(given) / AGENTS
            self.owned = [o - g + back for o, g in zip(self.owned, given, strict=True)]
            good = sum(given) >= float(w.goal) * AGENTS * float(w.endowment) - 1e-5
            self.joint = [float(good and g > 0) for g in given]
            share = sum(given) / (AGENTS * float(w.endowment))
            self.log.append({"contributions": given, "share": share})
        elif self.game == "stag-hunt":
            hunts = [f == 1 for f in self.forward]
            caught = sum(hunts) >= w.needed
            catch = float(w.stag) if caught else float(w.alone)
            self.owned = [catch if h else float(w.hare) for h in hunts]
            self.joint = [float(h and caught) for h in hunts]
            self.log.append({"hunted": hunts, "caught": caught})
        elif self.game == "dictator":
            given, e = self.forward[a], float(w.endowment)
            self.owned[a], self.owned[b] = e - given, float(given)
            if min(given, e - given) >= float(w.shared) * e - 1e-5:
                self.joint[a] = self.joint[b] = 1.0
            self.log.append({"given": given})
        elif self.turn == 0:  # an offer that lies in the tray, or tokens that travel
            self.first_move = self.forward[a]
            if self.game == "ultimatum":
                return
            self.owned[a] -= self.first_move
            self.owned[b] += float(w.multiplier) * self.first_move
        elif self.game == "ultimatum":
            accepted, offer = self.forward[b] == 1, self.first_move
            self.owned[a], self.owned[b] = (self.owned[a] - offer, float(offer)) if accepted else (0.0, 0.0)
            self.joint[a] = self.joint[b] = float(accepted)
            self.log.append({"offer": offer, "accepted": accepted})
        else:
            sent, back = self.first_move, self.forward[b]
            self.owned[a], self.owned[b] = self.owned[a] + back, self.owned[b] - back
            self.joint[a] = self.joint[b] = float(0 < sent <= back)
            self.log.append({"sent": sent, "received": float(w.multiplier) * sent, "returned": back})
        self.forward = [0] * AGENTS


@pytest.mark.parametrize("game", GAMES)
def test_random_play_follows_the_rules(game):
    """Every state of every table, and the outcome, against the reference."""
    worlds, states, _, actions, told, _ = episodes(game)
    rounds = joints = overs = unconfirmed = 0
    for e in range(actions.shape[1]):
        pick = functools.partial(jax.tree.map, lambda x, e=e: x[e])
        world, outcome = pick(worlds), pick(told)
        ref = Reference(game, world, states.first[0, e])
        for t in range(STEPS):
            ref.step(actions[t, e].tolist())
            now = jax.tree.map(lambda x, t=t, e=e: x[t + 1, e], states)
            assert (now.round, now.turn, now.clock) == (ref.round, ref.turn, ref.clock)
            np.testing.assert_allclose(now.owned, ref.owned, atol=1e-4)
            np.testing.assert_array_equal(now.forward, ref.forward)
            np.testing.assert_array_equal(np.flatnonzero(now.done), sorted(ref.done))
            np.testing.assert_array_equal(now.joint, ref.joint)
            joints += sum(ref.joint) > 0
        settled = [r for r in ref.log if "payoff" in r]
        np.testing.assert_array_equal(outcome.played, np.arange(3) < len(settled))
        for k, told_round in enumerate(settled):
            for name, value in told_round.items():
                np.testing.assert_allclose(getattr(outcome, name)[k], value, atol=1e-4, err_msg=name)
            unconfirmed += not told_round["confirmed"]
        for name, value in vars(outcome).items():
            assert name == "role" or not value[len(settled) :].any(), name
        rounds, overs = rounds + len(settled), overs + ref.over()
    assert rounds > 60 and joints > 5 and overs > 10 and unconfirmed > 5


@pytest.mark.parametrize("game", GAMES)
def test_tokens_are_kept_unless_the_game_makes_or_takes_them(game):
    worlds, states, sights, *_ = episodes(game)
    total = states.owned.sum(-1)
    settled = states.turn == (2 if game in ("ultimatum", "trust") else 1)
    e = worlds.endowment
    if game in ("dictator", "ultimatum"):
        kept = np.isclose(total, e)
        assert kept[~settled].all() and (kept | np.isclose(total, 0))[settled].all()
        assert kept.all() if game == "dictator" else not kept.all()
    elif game == "trust":
        sent = states.given[:, :, 0].sum(-1)
        np.testing.assert_allclose(total, e + worlds.reserve + (worlds.multiplier - 1) * sent, atol=1e-4)
    elif game == "public-goods":
        grown = (worlds.multiplier - 1) * states.given.sum((-1, -2))
        np.testing.assert_allclose(total, AGENTS * e + grown, atol=1e-3)
    assert (states.owned >= 0).all() and (states.forward >= 0).all()
    assert (states.owned <= sights[-1][..., None] + 1e-4).all()


# Payoffs by hand.


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


# Turns, rounds and moves.


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


@pytest.mark.parametrize("game", GAMES)
def test_players_are_known_by_their_roles_not_their_numbers(game):
    """Renumbered tables play on as the tables they were."""
    played = episodes(game)
    states, (scenes, *_) = played.twins
    for name in ("owned", "forward", "done", "joint", "turned", "given"):
        expected = np.roll(getattr(played.states, name), 1, -1)
        np.testing.assert_array_equal(getattr(states, name), expected, err_msg=name)
    for name in ("turn", "round", "clock", "confirmed"):
        np.testing.assert_array_equal(getattr(states, name), getattr(played.states, name), err_msg=name)
    seen = played.sights[0]
    for name in ("position", "heading", "load", "clear", "act"):
        expected = np.roll(getattr(seen, name), 1, axis=2)
        np.testing.assert_allclose(getattr(scenes, name), expected, atol=1e-5, err_msg=name)
    np.testing.assert_array_equal(scenes.sees_agent, np.roll(seen.sees_agent, 1, axis=(2, 3)))
    for name in ("object_features", "object_goal"):  # trays are renumbered, the pot is not
        given, before = getattr(scenes, name), getattr(seen, name)
        np.testing.assert_allclose(given[..., :AGENTS, :], np.roll(before[..., :AGENTS, :], 1, 2), atol=1e-5)
        np.testing.assert_allclose(given[..., AGENTS, :], before[..., AGENTS, :], atol=1e-5)


# What is seen.


@pytest.mark.parametrize("game", GAMES)
def test_scenes_tell_who_may_act_and_what_is_at_stake(game):
    _, states, (seen, may, units, token, scale), *_ = episodes(game)
    tray = {name: feature(seen, name)[..., :AGENTS] for name in OBJECT_FEATURES}
    np.testing.assert_array_equal(tray["active"], may)
    np.testing.assert_array_equal(seen.takes_part[..., :AGENTS], may[..., None] * np.eye(AGENTS))
    np.testing.assert_allclose(seen.load * scale[..., None], states.owned, atol=1e-4)
    np.testing.assert_allclose(tray["resource"] * scale[..., None], states.forward * token, atol=1e-4)
    np.testing.assert_allclose(tray["load"] * scale[..., None], units * may * token, atol=1e-4)
    asked = may & ~token  # yes or no
    assert (tray["needed"][asked] == 1).all()
    np.testing.assert_array_equal(tray["present"][asked], states.forward[asked])
    for values in (seen.load, tray["resource"], tray["load"]):
        assert (values >= 0).all() and (values <= 1 + 1e-5).all()
    assert seen.object_present[..., :AGENTS].all()
    assert (seen.object_present[..., AGENTS] == (game in ("public-goods", "stag-hunt"))).all()


def test_tokens_are_on_their_way_to_whom_they_are_for():
    seen = episodes("trust").sights[0]
    placed, active = (feature(seen, name)[..., :AGENTS] for name in ("placed", "active"))
    np.testing.assert_array_equal(placed, active)
    states = episodes("trust").states
    for role, other in ((0, 1), (1, 0)):
        rows = np.argwhere((states.turn == role) & (states.round == 0))[::50]
        for t, e in rows:
            me, you = ((states.first[t, e] + r) % AGENTS for r in (role, other))
            assert placed[t, e, me]
            np.testing.assert_allclose(seen.object_goal[t, e, me], seen.position[t, e, you], atol=1e-5)
    goods = public_goods()
    np.testing.assert_allclose(scene(goods, begin(goods)).object_goal, 0, atol=1e-6)


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


# Options, for value readouts.


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


# Purity.


@pytest.mark.parametrize("game", GAMES)
def test_a_table_alone_and_not_compiled_is_the_same_to_the_bit(game):
    worlds, states, _, actions, *_ = episodes(game)
    for t, e in ((4, 1), (9, EACH + 2)):
        world = jax.tree.map(lambda x, e=e: jnp.asarray(x[e]), worlds)
        before, after = (jax.tree.map(lambda x, t=t, e=e: jnp.asarray(x[t, e]), states) for t in (t, t + 1))
        with jax.disable_jit():
            plain = world.step(KEY, before, jnp.asarray(actions[t, e]))
        for x, y in zip(jax.tree.leaves(after), jax.tree.leaves(plain), strict=True):
            np.testing.assert_array_equal(x, y)


def test_fresh_tables_differ_in_who_sits_where_and_who_begins():
    world = dictator()
    states = jax.jit(jax.vmap(world.reset))(jax.random.split(KEY, 64))
    again = jax.jit(jax.vmap(world.reset))(jax.random.split(KEY, 64))
    np.testing.assert_array_equal(states.seat, again.seat)
    kinds = {(int(s[0]), int(f)) for s, f in zip(states.seat, states.first, strict=True)}
    assert kinds == {(0, 0), (0, 1), (1, 0), (1, 1)}


# Players of known types.


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


# The doors, and bad input.


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
        (lambda: players(dictator(), "fairr"), "did you mean 'fair'"),
        (lambda: players(dictator(), "fair", greed=1), "unknown option of players 'greed'; allowed"),
    ],
)
def test_bad_options_raise_one_line(make, message):
    with pytest.raises(OptionError) as caught:
        make()
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_types_are_made_of_options_that_exist():
    names = set(vars(players(dictator())))
    assert all(set(options) <= names for options in TYPES.values())
