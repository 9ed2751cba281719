"""The laws of the table games in random play, against a reference in plain Python."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from games_reference import AGENTS, GAMES, KEY, Reference, feature

from socialsim.core.scene import OBJECT_FEATURES

STEPS, EACH = 60, 16


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
    np.testing.assert_allclose(episodes("public-goods").sights[0].object_goal, 0, atol=1e-6)  # the pot


@pytest.mark.parametrize("game", GAMES)
def test_a_table_alone_and_not_compiled_is_the_same_to_the_bit(game):
    worlds, states, _, actions, *_ = episodes(game)
    t, e = 9, EACH + 2
    world = jax.tree.map(lambda x: jnp.asarray(x[e]), worlds)
    before, after = (jax.tree.map(lambda x, t=t: jnp.asarray(x[t, e]), states) for t in (t, t + 1))
    with jax.disable_jit():
        plain = world.step(KEY, before, jnp.asarray(actions[t, e]))
    for x, y in zip(jax.tree.leaves(after), jax.tree.leaves(plain), strict=True):
        np.testing.assert_array_equal(x, y)
