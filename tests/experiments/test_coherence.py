"""coherence: scenes in several contexts, planted heads, what is true there, and the claims."""

import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from socialsim.agents.coherence import Mirror
from socialsim.analysis import report
from socialsim.core.errors import OptionError
from socialsim.core.senses import OBJECT_SENSE_FEATURES, OTHER_FEATURES
from socialsim.experiments import coherence, run_experiment
from socialsim.experiments.cohering import PlaceConfig, Reading, measures, place
from socialsim.experiments.cohering.answer import answer, caveats, collapse, verdicts
from socialsim.experiments.cohering.evaluation import true_shares
from socialsim.experiments.cohering.scenes import CONTEXTS, mirrored, on, sensed
from socialsim.experiments.contrasts import contrasted, estimates

SCENES = 150


@pytest.fixture(scope="module")
def home():
    return place(PlaceConfig(size=7, badges=3, decoys=2))


@pytest.fixture(scope="module")
def moments(home):
    """States after a few random decisions, who is asked, and all of it in every context: `[K, N]`."""

    @jax.jit
    def made(key):
        def one(key):
            start, steps = jax.random.split(key)

            def step(state, key):
                return home.world.step(key, state, jax.random.randint(key, (3,), 0, 10)), None

            return jax.lax.scan(step, home.world.reset(start), jax.random.split(steps, 6))[0]

        states = jax.vmap(one)(jax.random.split(key, SCENES))
        me = jnp.arange(SCENES) % 3
        return states, me, sensed(home, key, states, me)

    return jax.device_get(made(jax.random.key(0)))


def asked(obs, me):
    """What the agent who is asked senses: leaves `[K, N, ...]`."""
    return jax.tree.map(lambda x: x[:, np.arange(SCENES), me], obs)


def test_a_mirrored_world_is_sensed_as_in_a_mirror(moments):
    _, _, (_, obs) = moments
    base, mirror = (jax.tree.map(lambda x, k=k: x[k], obs) for k in (0, 1))
    expected = Mirror()(jax.random.key(0), jax.tree.map(jnp.asarray, base))
    for a, b in zip(*map(jax.tree.leaves, (expected, mirror)), strict=True):
        np.testing.assert_allclose(np.asarray(a, float), np.asarray(b, float), atol=1e-5)
    assert np.abs(base.self - mirror.self).max() > 0.5


def test_the_world_does_not_know_left_from_right(home, moments):
    """The mirror image of what a mirrored team does is what the team does: an exact symmetry."""
    states, _, _ = moments
    position = np.array(states.position)
    position[::3, :2] = states.object_position[::3, :1]  # two at a pad: some of these meet
    states = states.replace(position=position)
    turned = jnp.array([0, 1, 2, 4, 3, 5, 6, 7, 8, 9])
    action = jax.random.randint(jax.random.key(5), (SCENES, 3), 0, 10)

    @jax.jit
    @jax.vmap
    def both(state, action):
        key = jax.random.key(0)
        there = mirrored(home.world, home.world.step(key, state, action))
        return there, home.world.step(key, mirrored(home.world, state), turned[action])

    one, other = both(states, action)
    np.testing.assert_array_equal(one.joint, other.joint)
    for field in ("position", "heading", "velocity", "act"):
        np.testing.assert_array_equal(getattr(one, field), getattr(other, field))
    still = np.asarray(one.joint).sum(-1) == 0  # pads that were met move at random
    assert (~still).any()
    np.testing.assert_array_equal(one.object_position[still], other.object_position[still])


def test_other_partners_and_other_decoys_change_nothing_else(home, moments):
    states, me, (edited, obs) = moments
    partners, decoys = (jax.tree.map(lambda x, k=k: x[k], edited) for k in (2, 3))
    mine = np.arange(3) == me[:, None]
    np.testing.assert_array_equal(partners.strength[mine], states.strength[mine])
    assert (partners.strength != states.strength)[~mine].mean() == pytest.approx(2 / 3, abs=0.1)
    matters = np.asarray(on(home.world))
    assert matters.tolist() == [True, True, False, False]
    np.testing.assert_array_equal(decoys.object_position[:, matters], states.object_position[:, matters])
    moved = (decoys.object_position != states.object_position).any(-1)[:, ~matters]
    assert moved.mean() > 0.9
    places = decoys.object_position
    assert (places >= 0).all() and (places < 7).all()
    assert not (places[:, 2] == places[:, 3]).all(-1).any()  # each its own
    for new, field in ((partners, "strength"), (decoys, "object_position")):
        for name in ("position", "heading", "walls", "act", "strength", "object_position"):
            if name != field:
                np.testing.assert_array_equal(getattr(new, name), getattr(states, name))
    needed = OBJECT_SENSE_FEATURES.index("needed")
    real = obs.objects_mask & (obs.objects[..., needed] > 0)
    for k in (2, 3):
        np.testing.assert_array_equal(real[k], real[0])
        np.testing.assert_array_equal(obs.objects[k][real[0]], obs.objects[0][real[0]])


def coherent_head(seen):
    """What pads are near, and how far the walls are all around: nothing that a context changes."""
    needed, near = (OBJECT_SENSE_FEATURES.index(n) for n in ("needed", "near_4"))
    pads = (seen.objects[..., near] * (seen.objects[..., needed] > 0)).sum(-1)
    return pads + seen.self[..., 6:14].sum(-1)


def contradictory_head(seen):
    """The same, less than it is moved by who is near, where decoys lie and what is to the left."""
    needed, near = (OBJECT_SENSE_FEATURES.index(n) for n in ("needed", "near_4"))
    decoys = (seen.objects[..., near] * (seen.objects[..., needed] == 0)).sum(-1)
    badge = seen.others[..., OTHER_FEATURES.index("strength")].sum(-1)
    left = seen.others[..., OTHER_FEATURES.index("left")].sum(-1)
    return 0.1 * coherent_head(seen) + decoys + 3 * badge + left


@pytest.fixture(scope="module")
def heads(moments):
    _, me, (_, obs) = moments
    seen = asked(obs, me)
    out = {"coherent": coherent_head(seen), "contradictory": contradictory_head(seen)}
    return {k: np.asarray(v, float).round(6) for k, v in out.items()} | {
        "constant": np.full((5, SCENES), 0.7)
    }


def told(value):
    return {
        "contradictions": measures.contradictions(value),
        "coherence": measures.coherence(value),
        "cycles": measures.cycles(value, scenes=40, draws=6, seed=0),
    }


def test_planted_contradictions_are_found_and_a_coherent_head_is_coherent(heads):
    good, bad = told(heads["coherent"]), told(heads["contradictory"])
    assert good["contradictions"] < 0.001 and good["coherence"] > 0.999 and good["cycles"] < 0.001
    assert bad["contradictions"] > 0.15 and bad["coherence"] < 0.7 and bad["cycles"] > 0.02
    assert measures.chance_of_cycles(5) == pytest.approx(0.2)
    chance = told(np.random.default_rng(0).normal(size=(5, SCENES)))
    assert chance["contradictions"] == pytest.approx(0.5, abs=0.03)
    assert (
        chance["cycles"] == pytest.approx(measures.chance_of_cycles(5), abs=0.02)
        and chance["coherence"] < 0.1
    )
    np.testing.assert_allclose(measures.within_share(heads["coherent"]), 0, atol=1e-5)
    assert (measures.within_share(heads["contradictory"])[1:] > 0.1).all()


def test_a_constant_head_gains_nothing_and_is_named(heads):
    flat = told(heads["constant"])
    assert flat == {"contradictions": 0.5, "coherence": 0.0, "cycles": measures.chance_of_cycles(5)}
    returns = np.random.default_rng(0).normal(size=SCENES)
    spreads = np.array([measures.spread(heads[h][0], returns) for h in ("constant", "coherent")])
    assert measures.collapsed(spreads).tolist() == [True, False]
    # Small does not mean contradictory: order counts, and smallness is named beside it.
    small = told(1e-6 * heads["coherent"])
    assert small["contradictions"] < 0.001 and measures.collapsed(np.array([1e-6]))[0]


def test_a_value_that_hangs_on_what_is_sensed_is_shorter_to_describe_than_noise():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(3, 200, 6))
    plain = measures.description_length(features @ rng.normal(size=6), features, cap=600, seed=0)
    noise = measures.description_length(rng.normal(size=(3, 200)), features, cap=600, seed=0)
    assert plain < 1.5 < 1.9 < noise
    assert measures.description_length(np.zeros((3, 200)), features, cap=600, seed=0) == 0


def test_calibration_is_zero_for_what_is_right_on_average():
    rng = np.random.default_rng(0)
    value = rng.normal(size=5000)
    right, curve = measures.calibration(value, value + rng.normal(size=5000))
    wrong, _ = measures.calibration(2 * value + 1, value + rng.normal(size=5000))
    assert right < 0.1 and wrong > 0.5 and curve.shape == (2, 10)


def test_what_truly_changes_is_told_from_the_chance_of_few_rollouts():
    rng = np.random.default_rng(0)
    worth = rng.normal(size=(1, 200, 1))
    other = rng.normal(size=(1, 200, 1))
    means = np.concatenate([worth, worth, worth, worth + 0.5 * other, other])
    shares = true_shares(means + 2 * rng.normal(size=(5, 200, 16)), seed=0)
    assert list(shares) == list(CONTEXTS)[1:]
    assert shares["mirror"].low < 0 < shares["mirror"].high < 0.15  # noise alone would give 0.25
    assert shares["decoys"].low < 0.125 < shares["decoys"].high
    assert shares["all"].low < 1 < shares["all"].high
    # Where scenes do not differ in what follows there is nothing to have a share of.
    alike = true_shares(rng.normal(size=(5, 200, 16)), seed=0)
    assert all(np.isnan(e.estimate) and "differ" in e.reason for e in alike.values())


# The claims ------------------------------------------------------------------------------------------------

MEASURES = ("contradiction", "contradiction_changed", "bits", "success", "success_changed", "spread", "tuned",
            "calibration_changed", "coherence", "cycles")  # fmt: skip


def synthetic(rng, **effects):
    """measure -> arm -> 10 seeds, arms of a seed alike but for chance; effects: added to 'with'."""
    out = {}
    for m in MEASURES:
        seed = rng.normal(1.0, 0.2, 10)
        out[m] = {a: seed + rng.normal(0, 0.1, 10) for a in coherence.ARMS}
        out[m]["with"] = out[m]["with"] + effects.get(m, 0.0)
    return out


def test_a_planted_effect_is_claimed_and_a_planted_null_is_not():
    rng, claimed, seen = np.random.default_rng(0), 0, 0
    for _ in range(60):
        null = contrasted(coherence.CONTRASTS, synthetic(rng), seed=0)
        claimed += any(c["direction"] != "none" for c in null.values())
        one = contrasted(coherence.CONTRASTS, synthetic(rng, contradiction=-0.5), seed=0)
        seen += one["contradiction"]["direction"] == "less"
        assert one["contradiction"]["direction"] != "more"
    assert claimed <= 8 and seen >= 54


def summarised(found, truth=0.01):
    interval = {"estimate": truth, "low": truth - 0.02, "high": truth + 0.02}
    summary = {
        "seeds": 10,
        "weight": 0.5,
        "truth": {c: interval for c in list(CONTEXTS)[1:]},
        "collapsed": collapse(found),
        "measures": estimates(found, seed=0),
        "contrasts": contrasted(coherence.CONTRASTS, found, seed=0),
    }
    summary["verdicts"] = verdicts(summary)
    return summary


def test_collapse_is_named_in_the_answer():
    found = synthetic(np.random.default_rng(1))
    healthy = summarised(found)
    assert healthy["verdicts"]["not_collapsed"]["supported"]
    assert not healthy["verdicts"]["mismatch_collapses"]["supported"]
    assert any("No trained head collapsed" in line for line in answer(healthy))
    found["spread"] |= {"with": np.r_[0.01, np.ones(9)], "mismatched": np.full(10, 0.02)}
    gone = summarised(found)
    assert not gone["verdicts"]["not_collapsed"]["supported"]
    assert gone["verdicts"]["mismatch_collapses"]["supported"]
    assert any("'with' (10 % of seeds), 'mismatched' (100 % of seeds)" in line for line in answer(gone))
    assert any("mismatched" in line for line in caveats(gone))


def test_contexts_that_change_the_truth_are_not_called_legitimate():
    found = synthetic(np.random.default_rng(1))
    assert summarised(found)["verdicts"]["legitimate"]["supported"]
    summary = summarised(found, truth=0.3)
    assert not summary["verdicts"]["legitimate"]["supported"]
    assert any("asks for what is not so" in line for line in answer(summary))


def test_the_report_can_be_drawn_and_names_every_arm_and_measure(tmp_path):
    rng = np.random.default_rng(0)
    summary = summarised(synthetic(rng))
    summary |= {"experiment": "coherence", "arms": dict(coherence.ARMS), "question": "?", "preset": "test"}
    summary["shares"] = {a: {c: 0.2 for c in summary["truth"]} for a in coherence.ARMS}
    summary["answer"], summary["caveats"] = answer(summary), caveats(summary)
    curves = {"agent_steps": np.arange(1, 6) * 1000.0}
    for arm in coherence.TRAINED:
        curves |= {f"learning/{arm}": rng.random((10, 5)), f"calibration/{arm}": rng.random((10, 2, 10))}
    path = tmp_path / "report.html"
    report.write(path, json.loads(json.dumps(summary)), curves, [], coherence.PARTS)
    page = path.read_text()
    assert all(f">{arm}<" in page for arm in coherence.ARMS)
    assert page.count("<figure") == 5  # measures take two


def test_arms_are_data():
    weights = coherence.weights(coherence.PRESETS["test"])
    kinds = (weights.coherence, weights.augmentation, weights.examples, weights.mismatch)
    per_seed = np.stack(kinds).reshape(4, 2, 5)
    for seed in (0, 1):  # without, with, augmented, examples, mismatched
        np.testing.assert_array_equal(per_seed[:, seed], 0.5 * np.eye(5)[1:])


def test_bad_options_are_refused():
    with pytest.raises(OptionError, match="needed"):
        PlaceConfig(needed=5)
    with pytest.raises(OptionError, match="scenes"):
        Reading(scenes=0)
    with pytest.raises(OptionError, match="as teams move"):
        coherence.Preset(changed=PlaceConfig(agents=4))


@pytest.mark.slow
def test_the_experiment_runs_goes_on_and_says_the_same_again(tmp_path):
    def told(path):
        run_experiment("coherence", "test", path=path, quiet=True)
        kept = json.loads((path / "summary.json").read_text())
        return {k: v for k, v in kept.items() if k not in ("timings", "sha256")}

    first = told(tmp_path / "one")
    assert set(first["measures"]) == set(coherence.ARMS)
    assert {c.name for c in coherence.CONTRASTS} < set(first["verdicts"])
    assert (tmp_path / "one" / "report.html").stat().st_size > 50_000
    half = tmp_path / "two"
    shutil.copytree(tmp_path / "one", half)
    for gone in ("summary.json", "report.html", "stages/true returns in every context.json"):
        (half / gone).unlink()
    (half / "stages" / "contexts, seed 2.json").unlink()
    assert told(half) == first
