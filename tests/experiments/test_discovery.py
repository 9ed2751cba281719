"""discovery: hidden rules stay hidden, questions are answered, arms are data, claims are earned."""

import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from socialsim.agents.bots import random_team
from socialsim.agents.networks import NetworkConfig
from socialsim.agents.ppo import PPOConfig
from socialsim.agents.team import new_team
from socialsim.analysis.recording import play
from socialsim.core.acts import Act
from socialsim.core.errors import OptionError
from socialsim.core.scene import OBJECT_FEATURES
from socialsim.experiments import run_experiment
from socialsim.experiments.contrasts import contrasted, verdicts
from socialsim.experiments.discovering import ARMS, BONUSES, DISTANCES, FAMILIES, tasks
from socialsim.experiments.discovering.arms import at, bonuses, plan, simulation, with_help
from socialsim.experiments.discovering.trials import only
from socialsim.experiments.discovery import CONTRASTS, DISCOVERY_ARM, EVERY

POINTED = OBJECT_FEATURES.index("resource")


@pytest.fixture(scope="module")
def env():
    return simulation(tasks(size=6, number=8), lasts=3, horizon=32)


@pytest.fixture(scope="module")
def step(env):
    return jax.jit(lambda e, s, a: e.step(jax.random.key(0), s, a))


def same(a, b) -> bool:
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return all(np.array_equal(x, y) for x, y in pairs)


def test_numbered_tasks_and_their_distances(env):
    world = env.world.world.world
    reset = jax.jit(lambda w, k: w.reset(k))
    keys = jax.random.split(jax.random.key(0), 60)
    met = {d: jax.vmap(lambda k, d=d: reset(world.at(d, 8), k))(keys) for d in DISTANCES}

    def families(states):
        """How many of the tasks follow each kind of rule: order, gather, push, carry."""
        return [int(m.on.any(-1).sum()) for m in states.task.mechanisms]

    assert families(met["same"]) == families(met["new"]) == [60, 0, 0, 0]
    assert families(met["near"])[1] == 60 and sum(families(met["far"])[2:]) == 60
    acts = met["near"].task.mechanisms[1].act[:, 0]
    assert 10 < (acts == Act.INTERACT).sum() < 50
    places = {d: {x.tobytes() for x in np.asarray(met[d].inner.position)} for d in ("same", "new")}
    assert len(places["same"]) <= 8 < len(places["new"]) and not places["same"] & places["new"]
    assert len(FAMILIES) == 5
    with pytest.raises(OptionError, match="needed"):
        tasks(needed=4)


def with_order(state, order):
    """The same moment of a task, with another hidden order."""
    inner = state.world.inner.inner
    rounds = inner.inner.memories[0].replace(order=jnp.asarray(order, jnp.int32))
    grid = inner.inner.replace(memories=(rounds, *inner.inner.memories[1:]))
    asked = state.world.inner.replace(inner=inner.replace(inner=grid))
    return state.replace(world=state.world.replace(inner=asked))


def test_the_order_is_hidden_until_somebody_asks(env, step):
    answered = with_help(env, answers=True)
    state, _ = jax.jit(env.reset)(jax.random.key(1))
    one, other = (with_order(state, o) for o in ([0, 1, 2, 3], [2, 1, 0, 3]))
    still, ask = jnp.zeros(3, jnp.int32), jnp.array([0, int(Act.GESTURE_0), 0])
    for where, act in ((env, ask), (answered, still)):
        assert same(step(where, one, act)[1].observation, step(where, other, act)[1].observation)
    (state, told), (_, told_other) = (step(answered, s, ask) for s in (one, other))
    np.testing.assert_array_equal(told.signals[:, 1], [0, 1, 0])
    scene = answered.scene(state)
    np.testing.assert_array_equal(scene.object_features[:, POINTED], [1, 0, 0, 0])
    # Nothing else is told, and it can be seen where a landmark is in sight.
    quiet = step(env, one, ask)[1].observation
    without = told.observation.objects.at[..., 6 + POINTED].set(0)
    np.testing.assert_array_equal(without, quiet.objects)
    if bool(told.observation.objects_mask[:, [0, 2]].any()):
        assert not same(told.observation, told_other.observation)
    shown = []
    for _ in range(4):
        state, _ = step(answered, state, still)
        shown.append(float(answered.scene(state).object_features[:, POINTED].max()))
    assert shown == [1, 1, 0, 0], "an answer lasts for three decisions"


def test_who_knows_the_order_does_far_better_than_chance(env):
    expert = play(with_help(env, acts=True), random_team(env), jax.random.key(0), worlds=32)
    chance = play(env, random_team(env), jax.random.key(0), worlds=32)
    assert expert.joint.mean() > 10 * chance.joint.mean() and expert.joint.mean() > 0.1
    assert at(env, "far", 8).world.world.world.chance.sum() == pytest.approx(1)


def test_arms_differ_in_what_they_are_said_to_differ_in(env):
    p = plan(env, 2, chunks=4, shown=2, bonus=0.3, price=0.02)
    names, channels = np.array(p.names), (*env.channels, *BONUSES, "yoked")
    assert channels == (*env.channels, *bonuses(PPOConfig()).channels)
    assert p.names == tuple(ARMS) * 2
    first, last = (p.schedule(c, p.drives, {}) for c in (0, 3))
    taught = np.isin(names, ("demonstrations", "both"))
    assert (first[taught] == 0).all() and (first[~taught, :, 0] == 1).all() and (last[..., 0] == 1).all()
    for arm in BONUSES:
        own = first[names == arm][..., channels.index(arm)]
        assert (own == np.float32(0.3)).all() and (last[names == arm][..., 2:7] == 0).all()
    assert (first[..., 1] == np.where(names == "asking", np.float32(-0.02), 0)[:, None]).all()
    for chunk, on in ((0, taught), (1, taught), (2, taught & False)):
        worlds = p.worlds(chunk)
        np.testing.assert_array_equal(worlds.world.on, on)
        np.testing.assert_array_equal(worlds.world.world.on, names == "asking")
        np.testing.assert_array_equal(p.given(chunk)["cloning"], on)


def test_value_heads_of_signals_travel_alone(env):
    channels = (*env.channels, "counts", "yoked")
    made = jax.vmap(lambda k: new_team(k, NetworkConfig(width=8), env.actions, channels, 3))
    teams = made(jax.random.split(jax.random.key(0), 2))
    _, told = jax.jit(env.reset)(jax.random.key(0))
    short = only(teams, env.channels)
    whole, cut = (jax.vmap(lambda t: t.forward(told.observation))(t) for t in (teams, short))
    np.testing.assert_allclose(cut.value, whole.value[..., :2], rtol=1e-6)
    np.testing.assert_allclose(cut.policy.logits, whole.policy.logits, rtol=1e-6)
    assert short.channels == env.channels


def figures(rng, better: dict[str, float]):
    """measure -> arm -> [S]: seeds that differ, arms that differ by what is planted."""
    seeds = rng.normal(0.05, 0.01, 10)
    arms = (*EVERY, DISCOVERY_ARM)
    measures = {c.measure for c in CONTRASTS}
    return {m: {a: seeds + better.get(a, 0.0) + rng.normal(0, 0.003, 10) for a in arms} for m in measures}


def test_planted_differences_are_found_and_planted_nulls_are_not_claimed():
    rng, claimed, seen = np.random.default_rng(0), 0, 0
    for _ in range(50):
        null = contrasted(CONTRASTS, figures(rng, {}), seed=0)
        claimed += any(v["supported"] for v in verdicts(null).values())
        told = verdicts(contrasted(CONTRASTS, figures(rng, {"asking": 0.02, "yoked": -0.02}), seed=0))
        seen += (
            told["ask"]["supported"]
            and told["ask"]["statement"] == "Being able to ask helps on new tasks"
            and told["passive"]["supported"]
            and "less" in told["passive"]["statement"]
        )
    assert claimed <= 6 and seen >= 47


@pytest.mark.slow
def test_the_experiment_runs_goes_on_and_says_the_same_again(tmp_path):
    def told(path):
        run_experiment("discovery", "test", path=path, quiet=True)
        kept = json.loads((path / "summary.json").read_text())
        return {k: v for k, v in kept.items() if k not in ("timings", "sha256")}

    first = told(tmp_path / "one")
    assert set(first["measures"]) == {*EVERY, DISCOVERY_ARM} and len(first["verdicts"]) == len(CONTRASTS)
    assert all(v["supported"] is None for v in first["verdicts"].values()), "two seeds can claim nothing"
    assert (tmp_path / "one" / "report.html").stat().st_size > 50_000
    half = tmp_path / "two"
    shutil.copytree(tmp_path / "one", half)
    for gone in ("summary.json", "report.html", "stages/trials at every distance.json"):
        (half / gone).unlink()
    checkpoints = sorted((half / "checkpoints" / "learning").iterdir())
    shutil.rmtree(checkpoints[-1])
    assert told(half) == first
