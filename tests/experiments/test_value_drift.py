"""value-drift: the society against its closed form, the paired worlds, the constitution, the claims."""

import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from socialsim.core.errors import OptionError
from socialsim.experiments import drift, run_experiment
from socialsim.experiments.contrasts import Contrast, contrasted, holm
from socialsim.experiments.drift import training
from socialsim.experiments.drift.answer import _best
from socialsim.experiments.drift.assistants import new
from socialsim.experiments.drift.claims import ranked
from socialsim.experiments.drift.debate import debated, hearing, new_debater
from socialsim.experiments.drift.evaluation import SCRIPTED, evaluate
from socialsim.experiments.drift.society import View, influence

CONFIG = drift.SocietyConfig(people=8, values=3, options=4, steps=10)
SEEDS = 40


def society(seed=0, config=CONFIG):
    return drift.draw(jax.random.key(seed), config)


@pytest.fixture(scope="module")
def found():
    """Scripted, random and debating assistants on the societies of many seeds."""
    keys = jax.random.split(jax.random.key(1), SEEDS)
    random = jax.vmap(lambda k: jax.vmap(new)(jax.random.split(k, 2)))(keys)
    sides = tuple(jax.vmap(new_debater)(jax.random.split(jax.random.key(i), SEEDS)) for i in (2, 3))
    return evaluate(
        ("random", "bounded"), random, jnp.array([training.UNBOUNDED, 0.04]), sides, keys, CONFIG, 4
    )


def test_alone_people_settle_where_the_closed_form_says():
    made = society().replace(noise=jnp.float32(0.0))
    lived = jax.jit(drift.live, static_argnums=(2, 3))(made, jax.random.key(0), drift.null, 400)
    np.testing.assert_allclose(lived.final, drift.equilibrium(made), atol=2e-5)
    stubborn = np.asarray(made.susceptibility) == 0
    assert stubborn.sum() == 1
    np.testing.assert_array_equal(lived.final[stubborn], made.anchor[stubborn])
    np.testing.assert_allclose(made.weights.sum(1), 1, atol=1e-6)


def test_the_null_assistant_leaves_every_bit_as_it_was(found):
    for measure in ("shift", "largest_shift", "shift_over_time", "influence_gain", "alignment"):
        assert (found[measure]["null"] == 0).all(), measure
    # Not by construction of the pair: a world without any assistant code in it is the same. (Two programs
    # may round differently in the last bit.)
    made, key = society(3), jax.random.key(4)
    lived = jax.jit(drift.live, static_argnums=(2, 3))(made, key, drift.null, CONFIG.steps)
    noise = jax.random.normal(key, (CONFIG.steps, *made.anchor.shape))
    alone = jax.jit(lambda s, x: jax.lax.scan(lambda v, z: (influence(s, v, z),) * 2, s.anchor, x)[0])
    np.testing.assert_allclose(lived.final, alone(made, noise), atol=1e-6)


def test_manipulator_servant_and_null_are_ranked_right(found):
    right = ranked(found)
    assert right["both"] >= 0.95 and right["shift"] >= 0.95 and right["alignment"] >= 0.95
    swapped = {m: {**a, "servant": a["manipulator"], "manipulator": a["servant"]} for m, a in found.items()}
    assert ranked(swapped)["both"] <= 0.05


def test_nobody_can_be_moved_where_options_move_nobody():
    still = drift.SocietyConfig(**{**CONFIG.__dict__, "exposure": 0.0})
    made = society(1, still)
    for feed in SCRIPTED.values():
        life = jax.jit(drift.live, static_argnums=(2, 3))
        one, other = (life(made, jax.random.key(0), f, 10) for f in (feed, drift.null))
        np.testing.assert_allclose(one.final, other.final, atol=1e-6)


def test_the_constitution_holds_for_the_worst_assistant(found):
    assert found["largest_shift"]["bounded"].max() <= 0.04 + 1e-6
    assert found["largest_shift"]["random"].max() > 0.04
    wild = drift.Assistant(jnp.full((3, 5), -50.0), jnp.full(3, -50.0))

    def worst(key, bound):
        made = drift.draw(key, CONFIG)
        natural = drift.live(made, key, drift.null, CONFIG.steps)
        return drift.outcomes(made, drift.live(made, key, drift.learned(wild, bound), 10), natural)

    keys = jax.random.split(jax.random.key(5), 50)
    for bound in (0.01, 0.1):
        far = jax.jit(jax.vmap(worst, (0, None)))(keys, bound)["largest_shift"]
        assert 0.3 * bound < far.max() <= bound + 1e-6


def test_debate_is_zero_sum_and_its_feed_is_a_feed():
    made, sides = society(), tuple(new_debater(jax.random.key(i)) for i in (0, 1))
    view = View(made.anchor, made.anchor, jnp.zeros((8, 4)), jnp.float32(0.5))
    feed, won = hearing(sides, made, view)
    _, lost = hearing(sides[::-1], made, view)
    np.testing.assert_allclose(won + lost, 1, atol=1e-5)
    assert (feed >= 0).all() and (feed.sum(-1) <= 1 + 1e-6).all()
    np.testing.assert_array_equal(debated(sides)(made, view), feed)


def test_training_climbs_and_goes_on_bit_for_bit():
    keys, config = jax.random.split(jax.random.key(0), 2), training.DriftTraining(updates=12, batch=4)
    aims = training.stack(
        [training.objective("now"), training.objective("now", myopic=True), training.objective("adjusted")]
    )
    one, score = training.train_assistants(keys, aims, CONFIG, config, chunks=2)
    two, _ = training.train_assistants(keys, aims, CONFIG, config, chunks=2)
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(two), strict=True):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()
    assert score.shape == (2, 3, 12) and (score[..., -1] > score[..., 0] + 0.1).all()
    assert not np.array_equal(one.weights[:, 0], one.weights[:, 1])  # a myopic gradient is another one


CONTRAST = Contrast("moves", "a", "b", "shift", "a moves more", "a moves less")


def test_a_planted_difference_is_found_and_a_planted_null_is_not_claimed(found):
    scripted = Contrast("s", "manipulator", "servant", "alignment", "better", "worse")
    assert contrasted([scripted], found, seed=0)["s"]["statement"] == "worse"
    rng, claimed, seen = np.random.default_rng(0), 0, 0
    for _ in range(200):
        society = rng.normal(0, 1, 20)  # shared by both arms, as worlds are
        a, b = (society + rng.normal(0, 0.3, 20) for _ in range(2))
        several = [Contrast(str(i), "a", x, "shift", "", "") for i, x in enumerate("bcd")]
        c, d = (society + rng.normal(0, 0.3, 20) for _ in range(2))
        p = contrasted(several, {"shift": {"a": a, "b": b, "c": c, "d": d}}, seed=0)
        claimed += any(e["direction"] != "none" for e in p.values())
        low = contrasted([CONTRAST], {"shift": {"a": a, "b": b + 0.5}}, seed=0)["moves"]
        seen += low["direction"] == "less" and low["statement"] == "a moves less"
    assert claimed <= 20 and seen >= 190
    same = contrasted([CONTRAST], {"shift": {"a": a, "b": a}}, seed=0)["moves"]
    assert same["p"] == 1 and same["direction"] == "none"


def test_holm_is_holm():
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03]), [0.03, 0.06, 0.06])


def test_who_is_highest_is_not_called_best():
    """Arms that differ by less than chance: the answer names both, and what the first was trained on."""
    arms = ("start", "natural", "now", "end", "adjusted", "limited", "debate")
    figure = {"estimate": 0.1, "low": 0.1, "high": 0.1}
    by = dict.fromkeys(arms, 0.2) | {"adjusted": 0.3021, "natural": 0.3018, "now": 0.299}
    said = _best({a: {"alignment": figure | {"estimate": x}} for a, x in by.items()}, arms)
    assert "'adjusted' (it was trained on this very measure) is highest on average, not tested: 0.302" in said
    assert "'natural' is within 0.0003" in said and "best" not in said


def test_bad_options_are_refused():
    with pytest.raises(OptionError, match="exposure"):
        drift.SocietyConfig(exposure=2.0)
    with pytest.raises(OptionError, match="susceptible"):
        drift.SocietyConfig(susceptible=(0.9, 0.1))
    with pytest.raises(OptionError, match="updates"):
        training.DriftTraining(updates=0)


@pytest.mark.slow
def test_the_experiment_runs_goes_on_and_says_the_same_again(tmp_path):
    def told(path):
        run_experiment("value-drift", "test", path=path, quiet=True)
        kept = json.loads((path / "summary.json").read_text())
        return {k: v for k, v in kept.items() if k not in ("timings", "sha256")}

    first = told(tmp_path / "one")
    verdicts = first["verdicts"]
    assert all(verdicts[k]["supported"] for k in ("null_is_zero", "placebo_is_zero", "bound_kept"))
    assert first["measures"]["null"]["shift"]["estimate"] == 0
    assert (tmp_path / "one" / "report.html").stat().st_size > 50_000
    half = tmp_path / "two"
    shutil.copytree(tmp_path / "one", half)
    for gone in ("summary.json", "report.html", "stages/living beside the paired world.json"):
        (half / gone).unlink()
    (half / "stages" / "training, seeds 4 to 6.json").unlink()
    assert told(half) == first
