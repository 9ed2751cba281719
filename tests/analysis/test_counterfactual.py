import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import socialsim
from socialsim.analysis.counterfactual import Counterfactual, edit_for_each, perceived
from socialsim.analysis.edits import (
    MoveObject,
    PartnerOnObject,
    RemoveObject,
    RemovePartner,
    TurnGaze,
    default_edits,
)
from socialsim.core.errors import OptionError
from socialsim.core.scene import OBJECT_FEATURES, Scene
from socialsim.core.senses import OBJECT_SENSE_FEATURES, OTHER_FEATURES, Senses
from socialsim.core.sight import Eyes

LOOKS = OTHER_FEATURES.index("looks_at_me")
PRESENT = OBJECT_FEATURES.index("present")
EYES = Eyes()
E = 256


@jax.jit
def sight(scene):
    """Who sees whom and what, afresh."""
    nowhere = jnp.zeros((0, 4))
    agents = EYES.see_agents(scene.position, scene.gaze, nowhere)
    return agents, EYES.see(scene.position, scene.gaze, scene.object_position, nowhere)


def values(observation):
    """A planted head: channel 0 counts watchers, 1 sums all it senses, 2 is blind to others and objects."""
    watchers = (observation.others[..., LOOKS] * observation.others_mask).sum(-1)
    everything = observation.others.sum((-2, -1)) + 0.7 * observation.objects.sum((-2, -1))
    return jnp.stack([watchers, everything + observation.self.sum(-1), observation.self.sum(-1)], -1)


@pytest.fixture(scope="module")
def scenes(random_scenes):
    return random_scenes(E)


@pytest.fixture(scope="module")
def result(scenes):
    run = Counterfactual(default_edits(), ("watched", "all", "self"), resamples=200)
    return run(scenes, values, groups=np.arange(E) // 4)


def test_planted_effects_are_found_exactly(result):
    watched = result.sel(channel="watched")
    for edit, effect in (("look_at_me", 1.0), ("look_away", -1.0)):
        row = watched.sel(edit=edit)
        assert row.estimate == pytest.approx(effect) and row.low == pytest.approx(effect) and row.n > 50
    assert watched.estimate.sel(edit="look_elsewhere") == 0.0
    assert watched.sel(edit="remove_partner").high < 0  # some of those who are gone looked at me
    assert (result.worlds >= 10).all()


def test_what_cannot_be_perceived_changes_nothing_at_all(result):
    for edit in ("unseen_look_at_me", "unseen_remove_object"):
        assert (result.largest.sel(edit=edit) == 0.0).all()
        assert (result.n.sel(edit=edit) > 50).all()
    assert (result.largest.sel(channel="self") == 0.0).all()
    assert (
        result.largest.sel(channel="all", edit=["look_at_me", "look_elsewhere", "move_object_near"]) > 0
    ).all()


def test_batches_do_not_matter(scenes, result):
    few = (TurnGaze("at_me"), TurnGaze("at_me", seen=False))
    again = Counterfactual(few, ("watched", "all", "self"), resamples=200, batch=100)(
        scenes, values, groups=np.arange(E) // 4
    )
    result = result.sel(edit=[e.name for e in few])
    np.testing.assert_allclose(again.estimate, result.estimate, atol=1e-5)
    assert (again.n == result.n).all()
    assert (again.largest.sel(edit="unseen_look_at_me") == 0).all()


def each(scenes, edit):
    """edited scenes `[E, A]` and where they apply, on the host."""
    apply = jax.jit(jax.vmap(lambda s: edit_for_each(s, edit)))
    edited, applies = jax.tree.map(np.asarray, apply(scenes))
    host = jax.tree.map(np.asarray, scenes)
    for e, i in np.ndindex(*applies.shape):
        one = jax.tree.map(lambda x, e=e: x[e], host)
        yield i, one, jax.tree.map(lambda x, e=e, i=i: x[e, i], edited), bool(applies[e, i])


ALL = (
    *default_edits(),
    *default_edits(directions=4, neck=False),
    RemovePartner(rank=1),
    PartnerOnObject(beside=1.0),
)


@pytest.mark.parametrize("edit", ALL, ids=[f"{n}-{e.name}" for n, e in enumerate(ALL)])
def test_edited_scenes_are_consistent(scenes, edit):
    """Sight agrees with the eyes wherever the agent can perceive it; head counts agree with participation; an
    edit that does not apply leaves every field as it was."""
    count = 0
    for i, old, new, applies in each(jax.tree.map(lambda x: x[:40], scenes), edit):
        if not applies:
            for f in dataclasses.fields(Scene):
                np.testing.assert_array_equal(getattr(old, f.name), getattr(new, f.name), err_msg=f.name)
            continue
        count += 1
        assert not new.sees_agent.diagonal().any()
        there = new.sees_agent[i]
        seen_by, in_view = map(np.asarray, sight(jax.tree.map(jnp.asarray, new)))
        np.testing.assert_array_equal(new.sees_agent[there, i], seen_by[there, i])
        np.testing.assert_array_equal(there, there & seen_by[i])
        visible = new.sees_object[i] & new.object_present
        assert (in_view[i] | ~visible).all()
        mine = old.object_features[visible, PRESENT] - old.takes_part.sum(0)[visible]
        np.testing.assert_allclose(
            new.object_features[visible, PRESENT] - new.takes_part.sum(0)[visible], mine
        )
        np.testing.assert_allclose(np.hypot(*new.gaze.T), 1, atol=1e-5)
        np.testing.assert_array_equal(old.position[i], new.position[i])
    assert count > 0


COUNTING = {
    "forage-v0": {},  # strengths add up
    "rendezvous-v0": {},
    "haul-v0": {},
    "gates-v0": {},  # one on a plate is as good as two
    "commons-v0": {},
    "procedural-v0": {"families": ("meet", "work", "weigh", "push")},  # some count heads, others strengths
}


def counted(name, worlds=24):
    """A grid world in full view, states `[B]` with all agents but one or two at one object, and how to put
    agents into cells."""
    env = socialsim.make(name, full_view=True, **COUNTING[name])

    def grid(state):
        return state.world.inner if hasattr(state.world, "inner") else state.world

    def put(state, position):
        moved = grid(state).replace(position=position)
        inner = hasattr(state.world, "inner")
        return state.replace(world=state.world.replace(inner=moved) if inner else moved)

    def start(key, number):
        state, _ = env.reset(key)
        objects, cells = grid(state).object_position, grid(state).position
        busy = jnp.arange(env.num_agents)[:, None] > number % 2
        return put(state, jnp.where(busy, objects[number % len(objects)], cells))

    states = jax.jit(jax.vmap(start))(jax.random.split(jax.random.key(0), worlds), jnp.arange(worlds))
    return env, states, put, lambda state: grid(state).position


@pytest.mark.parametrize("name", COUNTING)
def test_head_counts_after_an_edit_are_those_the_world_would_count(name):
    """The world itself is asked: with the partner far away, or with it where the edit put it."""
    env, states, put, cells = counted(name)

    def errors(state, me, edit):
        scene = env.scene(state)
        new, applies = edit(scene, me)
        changed = new.takes_part != scene.takes_part
        k, at = changed.any(-1).argmax(), changed.any(0)
        joins = isinstance(edit, PartnerOnObject)
        where = (new.position[k] if joins else jnp.full(2, -99.0)).astype(cells(state).dtype)
        truth = env.scene(put(state, cells(state).at[k].set(where)))
        error = (new.object_features - truth.object_features)[:, PRESENT]
        return applies & changed.any(), jnp.where(at | (not joins), error, 0.0)

    def both(state, me):
        return [errors(state, me, edit) for edit in (RemovePartner(), PartnerOnObject())]

    found = jax.jit(jax.vmap(jax.vmap(both, (None, 0)), (0, None)))(states, jnp.arange(env.num_agents))
    for applies, error in found:
        assert applies.sum() > 0
        np.testing.assert_array_equal(np.asarray(error)[np.asarray(applies)], 0.0)


def sensed(scenes, edit):
    edited, applies = jax.jit(jax.vmap(lambda s: edit_for_each(s, edit)))(scenes)
    return jax.jit(jax.vmap(lambda s: perceived(s, Senses())))(edited), applies


def test_an_edit_changes_only_what_it_names(scenes):
    before = jax.jit(jax.vmap(Senses()))(scenes)
    after, applies = sensed(scenes, TurnGaze("at_me"))
    differs = ~np.isclose(after.others, before.others, atol=1e-6)
    changed = (differs & np.asarray(applies)[..., None, None]).any((0, 1, 2))
    assert {OTHER_FEATURES[k] for k in np.flatnonzero(changed)} == {"gaze_ahead", "gaze_left", "looks_at_me"}
    assert (differs.any((-2, -1)) <= np.asarray(applies)).all()
    np.testing.assert_allclose(after.objects, before.objects, atol=1e-6)
    np.testing.assert_allclose(after.self, before.self, atol=1e-6)


def test_quarter_turns_stay_quarter_turns(scenes):
    for _, old, new, applies in each(scenes, TurnGaze("at_me", directions=4, neck=False)):
        if applies:
            j = int(np.flatnonzero((old.gaze != new.gaze).any(-1))[0])
            assert sorted(np.abs(new.gaze[j])) == pytest.approx([0, 1])
            np.testing.assert_array_equal(new.heading[j], new.gaze[j])


def test_objects_move_to_the_distance_asked_for(scenes):
    after, applies = sensed(scenes, MoveObject("near", 2.0))
    near = np.asarray(after.objects)[..., OBJECT_SENSE_FEATURES.index("near_4")]
    assert np.isclose(near[np.asarray(applies)], np.exp(-2 / 4), atol=1e-5).any(-1).all()


def test_worlds_without_objects(scenes):
    bare = scenes.replace(
        **{
            f: getattr(scenes, f)[:, :0]
            for f in ("object_position", "object_goal", "object_features", "object_present")
        },
        takes_part=scenes.takes_part[:, :, :0],
        sees_object=scenes.sees_object[:, :, :0],
    )
    run = Counterfactual((TurnGaze("at_me"), RemoveObject()), ("watched", "all", "self"), resamples=200)
    r = run(bare, values, groups=np.arange(E))
    assert r.estimate.sel(edit="look_at_me", channel="watched") == pytest.approx(1.0)
    assert np.isnan(r.estimate.sel(edit="remove_object")).all() and "applies in 0" in r.reason.values[1, 0]


def test_intervals_grow_with_clusters_of_like_scenes(scenes):
    """Ten copies of every scene are no more evidence."""
    run = Counterfactual((RemovePartner(),), ("watched", "all", "self"))
    few = run(jax.tree.map(lambda x: x[:40], scenes), values, groups=np.arange(40))
    copies = jax.tree.map(lambda x: jnp.repeat(x[:40], 10, axis=0), scenes)
    many = run(copies, values, groups=np.repeat(np.arange(40), 10))
    np.testing.assert_allclose(many.high - many.low, few.high - few.low, rtol=1e-3)


def test_bad_input(scenes):
    with pytest.raises(OptionError, match="each name once"):
        Counterfactual((TurnGaze(), TurnGaze()), ("a",))
    with pytest.raises(OptionError, match="did you mean 'at_me'"):
        TurnGaze("atme")
    with pytest.raises(OptionError, match="channels"):
        Counterfactual((TurnGaze(),), ("a",))(scenes, values, groups=np.arange(E))
    with pytest.raises(OptionError, match="groups"):
        Counterfactual((TurnGaze(),), ("a",))(scenes, values, groups=np.arange(3))
    with pytest.raises(OptionError, match="distance"):
        MoveObject("far", 20.0)
