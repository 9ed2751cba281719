"""The coherence loss: reflections are what senses say of them; the loss is its formula."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from socialsim.agents.coherence import Coherence, Decoys, Mirror, Partners, Weights, disagreement, reflection
from socialsim.agents.networks import NetworkConfig
from socialsim.agents.ppo import Batch, PPOConfig, make_update
from socialsim.agents.team import new_team
from socialsim.core.errors import OptionError
from socialsim.core.registry import make
from socialsim.core.senses import OBJECT_SENSE_FEATURES, OTHER_FEATURES, SELF_FEATURES, Senses

CONTEXTS = (Mirror(), Partners(3), Decoys(0.5))


@pytest.fixture(scope="module")
def env():
    return make("rendezvous-v0", num_agents=3, num_pads=2, needed=2, size=7, walls=1)


@pytest.fixture(scope="module")
def scenes(env):
    """Scenes after a few random decisions, `[E]`."""

    def one(key):
        state, _ = env.reset(key)
        for k in jax.random.split(key, 4):
            state, _ = env.step(k, state, jax.random.randint(k, (3,), 0, 10))
        return env.scene(state)

    return jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(0), 64))


@pytest.fixture(scope="module")
def obs(scenes):
    return jax.jit(jax.vmap(Senses()))(scenes)


def same(one, other, **tolerance):
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(np.asarray(a, float), np.asarray(b, float), **tolerance)


def test_a_reflected_observation_is_what_senses_say_of_a_reflected_scene(scenes, obs):
    flip = jnp.array([1.0, -1.0])  # any line will do: senses are egocentric
    turns = {3: 4, 4: 3}
    act = jnp.asarray([turns.get(a, a) for a in range(10)])[scenes.act]
    vectors = ("position", "velocity", "heading", "gaze", "object_position", "object_goal")
    flipped = {f: getattr(scenes, f) * flip for f in vectors}
    mirrored = scenes.replace(act=act, clear=scenes.clear[..., (-np.arange(8)) % 8], **flipped)
    sensed = jax.jit(jax.vmap(Senses()))(mirrored)
    same(Mirror()(jax.random.key(0), obs), sensed, atol=1e-6)
    changed = np.abs(np.asarray(sensed.self - obs.self)).max((0, 1)) > 0.1
    told = {n for n, c in zip(SELF_FEATURES, changed, strict=True) if c}
    assert {"clear_90", "clear_270", "act_turn_left", "act_turn_right"} <= told  # there was something to flip
    assert not told & {"clear_0", "clear_180", "strength", "act_advance"}


def test_two_reflections_change_nothing(obs):
    mirror, key = Mirror(), jax.random.key(0)
    same(mirror(key, mirror(key, obs)), obs)
    for names in (SELF_FEATURES, OTHER_FEATURES, OBJECT_SENSE_FEATURES):
        order, sign = reflection(names)
        assert sorted(order) == list(range(len(names)))
        assert {n for n, s in zip(names, sign, strict=True) if s < 0} == {
            n for n in names if n in ("left", "heading_left", "gaze_left", "speed_left", "goal_left")
        }


def test_other_partners_differ_in_their_badges_only(obs):
    seen = Partners(3)(jax.random.key(1), obs)
    column = OTHER_FEATURES.index("strength")
    rest = np.delete(np.arange(len(OTHER_FEATURES)), column)
    same((seen.self, seen.objects, seen.others_mask), (obs.self, obs.objects, obs.others_mask))
    same(seen.others[..., rest], obs.others[..., rest])
    badges = np.asarray(seen.others[..., column])
    mask = np.asarray(obs.others_mask)
    assert set(badges[mask].tolist()) == {0.0, 0.25, 0.5} and (badges[~mask] == 0).all()


def test_decoys_leave_what_matters_and_look_like_things_in_view(obs):
    seen = Decoys(0.5, reach=6.0, cone=120.0)(jax.random.key(2), obs)
    same((seen.self, seen.others, seen.others_mask), (obs.self, obs.others, obs.others_mask))
    real = np.asarray(obs.objects_mask)  # both objects of this world matter
    same(seen.objects[real], obs.objects[real])
    decoy = np.asarray(seen.objects_mask) & ~real
    assert 0.4 < decoy[~real].mean() < 0.6
    rows, names = np.asarray(seen.objects)[decoy], OBJECT_SENSE_FEATURES
    ahead, left = (rows[:, names.index(n)] for n in ("ahead", "left"))
    near = rows[:, names.index("near_4")]
    np.testing.assert_allclose(ahead**2 + left**2, 1, atol=1e-5)
    np.testing.assert_allclose(rows[:, names.index("near_12")], near ** (1 / 3), atol=1e-5)
    # Rounded to whole cells, a thing at the rim may come to lie a little outside.
    assert (np.degrees(np.arccos(np.clip(ahead, -1, 1))) < 100).all() and (-4 * np.log(near) < 7).all()
    nothing = [n for n in names if n not in ("ahead", "left", "near_1.5", "near_4", "near_12")]
    assert (rows[:, [names.index(n) for n in nothing]] == 0).all()
    assert (np.asarray(seen.objects)[~np.asarray(seen.objects_mask)] == 0).all()


def test_disagreement_is_the_formula_and_its_gradient_stops():
    value = jax.random.normal(jax.random.key(0), (3, 5))
    found = disagreement(value, value)
    pairs = [(value[k] - value[m]) ** 2 for k in range(3) for m in range(3) if k != m]
    np.testing.assert_allclose(found, np.mean(pairs, 0), rtol=1e-6)
    slope = jax.grad(lambda v: disagreement(v, v).sum())(value)
    by_hand = [sum(2 * (value[k] - value[m]) for m in range(3) if m != k) / 6 for k in range(3)]
    np.testing.assert_allclose(slope, np.stack(by_hand), rtol=1e-4, atol=1e-5)


def given(**weights):
    names = [f.name for f in dataclasses.fields(Weights)]
    return Weights(**{n: jnp.float32(weights.get(n, 0.0)) for n in names})


@pytest.fixture(scope="module")
def part(obs):
    """A minibatch `[T, E, A]` of these observations, with targets that vary."""
    shaped = jax.tree.map(lambda x: x.reshape(8, 8, *x.shape[1:]), obs)
    target = jax.random.normal(jax.random.key(3), (8, 8, 3, 1))
    nothing = jnp.zeros((8, 8, 3))
    return Batch(shaped, jnp.zeros((8, 8), bool), nothing.astype(int), nothing, target, nothing)


@pytest.fixture(scope="module")
def team(env):
    return new_team(
        jax.random.key(0), NetworkConfig(width=16, shared_encoder=True), env.actions, ("joint",), 3
    )


def descend(team, part, weights, steps=150):
    """Follow the loss alone; the values of the last team, and the first and the last loss."""
    loss = Coherence(CONTEXTS, rows=8)

    @jax.jit
    def step(params, key):
        value, slope = jax.value_and_grad(lambda p: loss(team.replace(params=p), part, key, weights)[0])(
            params
        )
        return jax.tree.map(lambda p, s: p - 0.02 * s, params, slope), value

    # Heads begin near zero; one that says something is to be made coherent.
    params, losses = jax.tree.map(lambda p: p * (30.0 if p.shape == (16, 1) else 1.0), team.params), []
    for i in range(steps):
        params, value = step(params, jax.random.key(i))
        losses.append(float(value))
    return team.replace(params=params), losses


def test_the_penalty_brings_contexts_together_and_mismatched_pairs_bring_collapse(team, part):
    def spread(team):
        return float(team.values(part.observation).std())

    start = descend(team, part, given(), 1)[0]
    coherent, losses = descend(team, part, given(coherence=1.0))
    assert np.mean(losses[-10:]) < 0.5 * np.mean(losses[:10])
    collapsed, _ = descend(team, part, given(mismatch=1.0))
    assert spread(collapsed) < 0.25 * spread(start)
    assert spread(coherent) > 2 * spread(collapsed)


def test_nothing_weighed_is_nothing_changed(team, part):
    loss, told = Coherence(CONTEXTS)(team, part, jax.random.key(0), given())
    assert loss == 0 and set(told) == {"incoherence", "mismatch", "value_variance"}
    assert told["incoherence"] > 0 and told["mismatch"] > 0


def test_augmentation_is_the_critics_error_on_transformed_scenes_in_the_units_of_the_penalty(team, part):
    floor = 0.01
    loss, told = Coherence((Mirror(),), rows=8, floor=floor)(
        team, part, jax.random.key(0), given(augmentation=1.0)
    )
    value = team.values(Mirror()(jax.random.key(0), part.observation))
    spread = jnp.maximum(told["value_variance"], floor)
    np.testing.assert_allclose(loss, ((value - part.target) ** 2 / spread).mean(), rtol=1e-5)
    gentle, _ = Coherence((Mirror(),), rows=8)(team, part, jax.random.key(0), given(examples=1.0))
    np.testing.assert_allclose(gentle, 0.5 * ((value - part.target) ** 2).mean(), rtol=1e-5)


def test_a_weight_means_the_same_for_the_penalty_and_for_its_control(team, part):
    """Where targets are what the head itself says of the scene as it is, and there is one context, the two
    losses are one; also for a head of another size."""
    for size in (1.0, 30.0):
        loud = team.replace(
            params=jax.tree.map(lambda p, z=size: p * (z if p.shape == (16, 1) else 1.0), team.params)
        )
        own = part._replace(target=loud.values(part.observation))
        loss, key = Coherence((Mirror(),), rows=8), jax.random.key(0)
        penalty, control = (loss(loud, own, key, given(**{w: 0.5}))[0] for w in ("coherence", "augmentation"))
        np.testing.assert_allclose(penalty, control, rtol=1e-4)
        assert penalty > 0


@pytest.mark.slow
def test_it_trains_with_the_learner_and_weights_are_data(env):
    config = PPOConfig(NetworkConfig(width=8, shared_encoder=True), worlds=4, steps=4, minibatches=2)
    ppo = make_update(env, config, auxiliary=Coherence(CONTEXTS))
    learner = ppo.init(jax.random.key(0))
    update = jax.jit(ppo.update)
    drives = jnp.ones((3, len(env.channels)))
    plain, metrics = update(learner, drives, given=given())
    other, _ = update(learner, drives, given=given(coherence=5.0))
    assert np.isfinite(metrics["incoherence"])
    moved = [not np.array_equal(a, b) for a, b in zip(*map(jax.tree.leaves, (plain, other)), strict=True)
             if a.dtype == jnp.float32]  # fmt: skip
    assert any(moved)
    without, _ = jax.jit(make_update(env, config).update)(learner, drives)
    for a, b in zip(*map(jax.tree.leaves, (plain.team, without.team)), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)  # weight 0 is ordinary training


def test_bad_options_are_refused(env, part):
    with pytest.raises(OptionError, match="contexts"):
        Coherence(())
    with pytest.raises(OptionError, match="badges"):
        Partners(0)
    with pytest.raises(OptionError, match="share"):
        Decoys(share=2.0)
    recurrent = new_team(jax.random.key(0), NetworkConfig(width=8, recurrent=True), env.actions, ("a",), 3)
    with pytest.raises(OptionError, match="recurrent"):
        Coherence(CONTEXTS)(recurrent, part, jax.random.key(0), given())
