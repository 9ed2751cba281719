"""Expert dropout: who remembers keeps what the expert showed, who only follows loses it."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from planted_teams import Learner, conventions

import socialsim
from socialsim.core.errors import OptionError
from socialsim.transfer.strangers import Resampling, expert_dropout
from socialsim.transfer.strangers.departure import LEAVES, STAYS, departing, until

KEY = jax.random.key(7)
FAST = Resampling(resamples=400)


@pytest.fixture(scope="module")
def shown():
    """goal-cycle, where the world has a guide of its own."""
    env = socialsim.make(
        "goal-cycle-v0", num_agents=3, num_landmarks=3, size=6, bodies_block=False, horizon=96
    )
    learners = {"keeps": Learner(jnp.array(False)), "forgets": Learner(jnp.array(True))}
    return expert_dropout(env, learners, KEY, episodes=32, spans=8, resampling=FAST)


@pytest.fixture(scope="module")
def needed():
    """All four are needed: once the expert has left the floor, nobody can succeed."""
    env = socialsim.make(
        "rendezvous-v0", num_agents=4, num_pads=1, needed=4, size=6, walls=0, bodies_block=False, horizon=24
    )
    one = conventions((1.0, 0.2))["0: (1.0, 0.2)"]
    return expert_dropout(env, {"same": one}, KEY, expert=one, episodes=32, spans=4, resampling=FAST)


def test_who_remembers_goes_on_and_who_follows_stops(shown):
    index = shown.indices
    assert shown.rates.attrs["departure"] == "is moved by the world, then leaves"
    kept = index.sel(team="keeps")
    assert kept.estimate.sel(index="retained") > 0.8 and kept.low.sel(index="transmission") > 0.75
    lost = index.sel(team="forgets")
    assert lost.high.sel(index="retained") < 0.5 < kept.low.sel(index="retained")
    assert lost.estimate.sel(index="transmission") > 0.2
    assert lost.high.sel(index="transmission") < kept.low.sel(index="transmission")
    assert kept.low.sel(index="kept") > lost.high.sel(index="kept")


def test_until_it_leaves_nothing_differs(shown):
    rate = shown.rates.estimate
    for team in ("keeps", "forgets"):
        a, b = (rate.sel(team=team, condition=c, phase="before") for c in ("full", "half"))
        assert a == b and a > 0
    early = shown.course.estimate.sel(decision=slice(0, 40))
    np.testing.assert_array_equal(early.sel(condition="full"), early.sel(condition="half"))


def test_never_shown_never_learned(shown):
    never = shown.rates.sel(condition="never", phase="all")
    shown_rate = shown.rates.sel(condition="full", phase="all")
    assert (never.high < shown_rate.low).all()
    null = shown.rates.null.sel(phase="all")
    assert null.sel(condition="expert").isnull().all()
    assert (null.drop_sel(condition="expert") < shown_rate.low.min()).all()


def test_a_hand_that_is_missed_is_not_a_lesson(needed):
    rate = needed.rates.sel(team="same").estimate
    assert needed.rates.attrs["departure"] == LEAVES
    assert (rate.sel(condition="never") == 0).all() and rate.sel(condition="half", phase="after") == 0
    full = rate.sel(condition="full")
    assert full.sel(phase="after") > 0
    for same in ("alone", "expert"):
        np.testing.assert_array_equal(rate.sel(condition=same), full)
    index = needed.indices.sel(team="same").estimate
    part = rate.sel(condition="half", phase="all") / full.sel(phase="all")
    assert index.sel(index="transmission").item() == pytest.approx(0.5 + 0.5 * part.item())
    assert index.sel(index="retained") == 0 and index.sel(index="kept") == 0


def test_phases_and_spans_add_up(shown):
    rate, course = shown.rates.estimate, shown.course.estimate
    halves = (rate.sel(phase="before") + rate.sel(phase="after")) / 2
    np.testing.assert_allclose(rate.sel(phase="all"), halves, rtol=1e-6)
    np.testing.assert_allclose(rate.sel(phase="all"), course.mean("decision"), rtol=1e-6)
    assert course.decision.values.tolist() == list(range(0, 96, 12))


def test_no_worth_no_share_of_it(needed):
    """Random learners beside the expert are the null: nothing is retained of what nothing was worth."""
    assert needed.indices.null.sel(index="retained").isnull().all()
    assert np.isfinite(needed.indices.null.sel(index="transmission")).all()


def test_on_a_grid_the_expert_leaves_the_floor():
    env, how = departing(socialsim.make("rendezvous-v0", num_agents=3, size=6, walls=0))
    assert how == LEAVES
    world = until(env, jnp.int32(2)).world
    step, scene_of = jax.jit(world.step), jax.jit(world.scene)
    state = jax.jit(world.reset)(jax.random.key(0))
    plain = jax.jit(env.world.world.reset)(jax.random.key(0))
    np.testing.assert_array_equal(state.inside.position, plain.position)
    seen = []
    for key in jax.random.split(jax.random.key(1), 4):
        state = step(key, state, jnp.array([1, 1, 1]))
        scene = scene_of(state)
        seen.append(bool(scene.position[0, 0] > -100))
        assert seen[-1] or not (scene.sees_agent[:, 0].any() or scene.sees_agent[0].any())
        assert np.isfinite(np.asarray(scene.clear)).all()
    assert seen == [True, False, False, False]


def test_where_there_is_no_way_out_it_stands_still():
    env, how = departing(socialsim.make("rendezvous-plane-v0", num_agents=2, needed=2))
    assert how == STAYS
    world = until(env, jnp.int32(0)).world
    state, step = jax.jit(world.reset)(jax.random.key(0)), jax.jit(world.step)
    for key in jax.random.split(jax.random.key(1), 3):
        state = step(key, state, jnp.ones((2, env.actions.size)))
    speed = jnp.linalg.norm(jax.jit(world.scene)(state).velocity, axis=-1)
    assert speed[0] == 0 and speed[1] > 0


def test_the_result_is_plain_data_and_a_picture(shown):
    said = json.loads(json.dumps(shown.to_dict(), allow_nan=False))
    assert len(said["rates"]) == 2 * 5 * 3 and said["leave"] == 48 and len(said["population"]) == 3
    assert len(shown.plot().axes) == 4


def test_what_does_not_fit_is_refused():
    env = socialsim.make("rendezvous-v0", num_agents=3, size=6, walls=0, horizon=24)
    teams = conventions((1.0, 0.0))
    lonely = socialsim.make("rendezvous-v0", num_agents=1, needed=1, size=6, walls=0)
    for world, learners, options, message in (
        (env, {}, {}, "0 teams of learners"),
        (env, teams, {"leave": 24}, "leave=24; allowed: an integer from 1 to 23"),
        (env, {"the expert": next(iter(teams.values()))}, {}, "allowed: other names"),
        (lonely, teams, {}, "a world of 1 agent"),
    ):
        with pytest.raises(OptionError, match=message):
            expert_dropout(world, learners, KEY, **options)
