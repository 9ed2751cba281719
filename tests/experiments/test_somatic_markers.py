"""somatic-markers: a table where the cache must pay off, one where nothing does, costs, claims, a rerun."""

import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from socialsim.agents.markers import MarkerConfig, new_cache
from socialsim.core.errors import OptionError
from socialsim.core.senses import OBJECT_SENSE_FEATURES, OTHER_FEATURES, SELF_FEATURES, Observation
from socialsim.experiments import run_experiment
from socialsim.experiments.contrasts import contrasted, estimates
from socialsim.experiments.markers.answer import CONTRASTS, goal
from socialsim.experiments.markers.arms import ARMS, Intact, condition, stack
from socialsim.experiments.markers.cost import paid
from socialsim.experiments.markers.deciding import decide, gumbel, uncompared
from socialsim.experiments.markers.life import LifeConfig, Record, follow, new_trail, sizes
from socialsim.experiments.markers.outcomes import MEASURES, adapted, binned, outcomes, without_habit
from socialsim.experiments.markers.world import WAYS, WorldConfig, settings, two_ways

ROWS, CONTEXTS, ACTS, SEEDS = 32, 12, 4, 10
LIFE = LifeConfig(worlds=ROWS, warm=3, steady=3, after=4, window=2)
SPAN = 16  # decisions of an "episode" of the table
STEPS = LIFE.episodes * SPAN
MARKERS = MarkerConfig(bits=24, features=2, buckets=64, ways=2)
INTACT = Intact(budget=0.5, doubt=0.2, period=8)
# The table's full network is a product; let it cost 1, and the cache a tenth of that.
PRICES = {"full": 1.0, "levels": [0.1 + s / ROWS for s in sizes(ROWS)]}


def senses(context) -> Observation:
    """A context is a row of signs; nobody and nothing else is in sight."""
    sign = jax.random.rademacher(jax.random.key(9), (CONTEXTS, len(SELF_FEATURES)), jnp.float32)
    sign = sign.at[:, :CONTEXTS].set(jnp.eye(CONTEXTS))  # by which the table is looked up
    return Observation(
        self=sign[context],
        others=jnp.zeros((ROWS, 1, len(OTHER_FEATURES))),
        others_mask=jnp.zeros((ROWS, 1), bool),
        objects=jnp.zeros((ROWS, 1, len(OBJECT_SENSE_FEATURES))),
        objects_mask=jnp.zeros((ROWS, 1), bool),
    )


def table_life(given):
    """Contexts come by chance, whatever is done. pays: [T, N, K], what each act would bring at each time."""
    told, key, pays, best = given
    cache_key, key = jax.random.split(key)
    cache, trail = new_cache(cache_key, MARKERS, ACTS), new_trail(LIFE.window, ROWS)

    def step(carry, at):
        cache, trail = carry
        time, key, pays = at
        context_key, lesion_key, noise_key = jax.random.split(key, 3)
        context = jax.random.randint(context_key, (ROWS,), 0, CONTEXTS)
        before = time < (LIFE.warm + LIFE.steady) * SPAN
        preferred = jnp.where(before, best[0], best[1])
        noise = gumbel(noise_key, (ROWS, ACTS))
        writes = told.cached & (told.learns | (time < LIFE.warm * SPAN))

        def full(obs):
            return 6.0 * obs.self[:, :CONTEXTS] @ jax.nn.one_hot(preferred, ACTS)

        obs = senses(context)
        cache, made = decide(cache, lesion_key, obs, full, noise, told, writes, sizes(ROWS))
        right = jax.nn.one_hot(preferred[context], ACTS)
        brought = jnp.where(jnp.isnan(pays).all(), right, pays)
        reward = jnp.take_along_axis(brought, made.act[:, None], -1)[:, 0]
        late = jnp.array(True)
        cache, trail = follow(cache, trail, made.code, made.act, reward, 0.5, late, writes)
        record = Record(
            agree=(made.act == uncompared(full, obs, noise)).mean(),
            greedy=(jnp.argmax(made.logits, -1) == preferred[context]).mean(),
            success=reward.mean(),
            wasted=jnp.zeros(()),
            known=(cache.used >= 0).mean(),
            wanted=made.wanted.mean(),
            computed=made.computed.mean(),
            level=made.level,
        )
        return (cache, trail), record

    at = jnp.arange(STEPS), jax.random.split(key, STEPS), pays
    return jax.lax.scan(step, (cache, trail), at)[1]


@pytest.fixture(scope="module")
def tables():
    """Measures of all arms on tables: where acts bring what they should, and where they bring chance."""
    program = jax.jit(lambda xs: jax.lax.map(table_life, xs))
    rng = np.random.default_rng(0)
    best = np.stack([rng.permuted(np.tile(np.arange(ACTS), 3)) for _ in range(SEEDS)])
    best = np.stack([best, (best + 1) % ACTS], 1)  # after the reversal no context keeps its act
    keys = jax.random.split(jax.random.key(1), SEEDS)
    out = {}
    for name in ("planted", "null"):
        pays = np.full((SEEDS, STEPS, ROWS, ACTS), np.nan, np.float32)
        if name == "null":
            pays = rng.integers(0, 2, pays.shape).astype(np.float32)
        found: dict[str, dict] = {m: {} for m in MEASURES}
        for arm in ARMS:
            told = stack([condition(arm, INTACT)] * SEEDS)
            records = jax.device_get(program((told, keys, pays, best)))
            rows = [
                outcomes(jax.tree.map(lambda x, s=s: x[s], records), LIFE, SPAN, PRICES, cached=arm != "off")
                for s in range(SEEDS)
            ]
            for m in MEASURES:
                found[m][arm] = np.array([r[m] for r in rows])
        out[name] = found
    return out


def test_where_a_cache_must_pay_off_it_is_found_to(tables):
    found = tables["planted"]
    reached = goal(estimates(found, seed=0))
    assert reached["supported"], reached["reason"]
    assert (found["agreement"]["off"] == 1).all() and (found["saved"]["off"] == 0).all()
    assert found["computed"]["on"].mean() < 0.4 < 0.9 < found["success"]["on"].mean()
    lost = found["success"]["off"].mean() - found["success"]["on"].mean()
    assert lost < 0.05


def test_lesions_hurt_and_the_stale_one_after_the_reversal(tables):
    claimed = contrasted(CONTRASTS, tables["planted"], seed=0)
    falls = {name: c["direction"] for name, c in claimed.items()}
    assert falls["content"] == falls["association"] == "more"
    assert falls["emptied"] == "less"
    assert falls["habit"] == falls["frozen_habit"] == "less"
    found = tables["planted"]
    # Both habits are blind at first; only the one that looks again comes back.
    left = LIFE.after * SPAN
    assert (found["adaptation"]["off"] == 0).all() and (found["adaptation"]["stale"] == left).all()
    assert (found["adaptation"]["on"] > 0).all() and (found["adaptation"]["on"] < left / 2).all()
    assert found["agreement"]["stale"].mean() > 0.9 > 0.6 > found["agreement_after"]["stale"].mean()


def test_an_emptied_cache_is_never_claimed_to_help(tables):
    for found in tables.values():
        for c in contrasted(CONTRASTS, found, seed=0).values():
            assert not (c["arm"] == "zeroed" and c["direction"] == "more")
            assert not (c["against"] == "zeroed" and c["direction"] == "less")
    # Where acts bring chance, no arm succeeds more than another, whatever it does.
    null = contrasted(CONTRASTS, tables["null"], seed=0).values()
    assert all(c["direction"] == "none" for c in null if c["measure"].startswith("success"))
    zeroed = {**tables["planted"], "agreement": {"on": tables["planted"]["agreement"]["zeroed"]}}
    assert not goal(estimates(zeroed | {"saved": {"on": np.full(SEEDS, 0.6)}}, seed=0))["supported"]


def test_saved_is_what_was_paid_and_misses_are_said():
    np.testing.assert_allclose(paid(np.array([0, 1, 1]), {"levels": [1.0, 4.0]}), [1, 4, 4])
    e = {"estimate": 0.45, "low": 0.4, "high": 0.5}
    told = goal({"on": {"saved": e, "agreement": {"estimate": 0.96, "low": 0.94, "high": 0.98}}})
    assert not told["supported"] and "misses 50 % by 5.0 percentage points" in told["reason"]
    assert "agreement: reaches 95 % on average, but not with certainty" in told["reason"]


def test_adaptation_is_counted_to_where_agreement_is_back():
    before, lost = np.ones(20), np.zeros(30)
    assert adapted(before, np.ones(40), 10) == 0
    assert adapted(before, np.concatenate([lost, np.ones(30)]), 10) == 29  # nine of ten are enough
    assert adapted(before, np.zeros(40), 10) == 40
    np.testing.assert_allclose(binned(np.arange(7.0), 3), [1, 4])


def test_lesions_without_a_habit_have_no_time_of_adapting(tables):
    told = without_habit(estimates(tables["planted"], seed=0))
    assert told["zeroed"]["adaptation"]["estimate"] is told["shuffled"]["adaptation"]["estimate"] is None
    assert told["on"]["adaptation"]["estimate"] > 0 and told["zeroed"]["agreement"]["estimate"] < 0.9
    assert {a: set(r) for a, r in told.items()} == {a: set(MEASURES) for a in ARMS}


def test_the_world_has_two_ways_and_drives_say_which_counts():
    config = WorldConfig()
    env = two_ways(config)
    drives = settings(config)
    np.testing.assert_array_equal(drives[0], 1 - drives[1])
    state, _ = jax.jit(env.reset)(jax.random.key(0))
    lit = int(np.flatnonzero(np.asarray(env.scene(state).object_features)[:, 6])[0])
    step = jax.jit(env.step)
    for way, channel in (("lit", 0), ("dark", 1)):
        at = state.world.object_position[lit if way == "lit" else 1 - lit]
        side = jnp.where(at[0] > 2, -1, 1)
        world = state.world.replace(position=jnp.stack([at, at + jnp.array([side, 0])]))
        for act in WAYS.values():
            acts = jnp.full(2, int(act), jnp.int32)
            _, timestep = step(jax.random.key(1), state.replace(world=world), acts)
            paid_out = np.asarray(timestep.signals)
            here = act == WAYS[way]
            assert (paid_out[:, channel] == here).all() and (paid_out[:, 1 - channel] == 0).all()


def test_bad_options_are_refused():
    with pytest.raises(OptionError, match="budget"):
        Intact(budget=0.0)
    with pytest.raises(OptionError, match="warm"):
        LifeConfig(warm=0)
    with pytest.raises(OptionError, match="agents"):
        WorldConfig(agents=1)


@pytest.mark.slow
def test_the_experiment_runs_goes_on_and_says_the_same_again(tmp_path):
    def told(path):
        run_experiment("somatic-markers", "test", path=path, quiet=True)
        kept = json.loads((path / "summary.json").read_text())
        return {k: v for k, v in kept.items() if k not in ("timings", "sha256", "speed")}

    first = told(tmp_path / "one")
    assert first["measures"]["off"]["agreement"]["estimate"] == 1
    assert first["measures"]["off"]["saved"]["estimate"] == 0
    assert first["flops"]["full"] > 0 and "goal" in first["verdicts"]
    assert (tmp_path / "one" / "report.html").stat().st_size > 50_000
    half = tmp_path / "two"
    shutil.copytree(tmp_path / "one", half)
    for gone in ("summary.json", "report.html", "stages/lives with the cache and its lesions.json"):
        (half / gone).unlink()
    assert told(half) == first
