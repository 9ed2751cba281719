import time

import numpy as np
import pytest

from socialsim.analysis.probes import (
    Intervention,
    LinearReadout,
    OnlineCode,
    Probe,
    Target,
    random_projection,
    scene_types,
)
from socialsim.analysis.probes.controls import control_targets
from socialsim.analysis.probes.linear import ridge
from socialsim.core.errors import OptionError

N, GROUPS, WIDTH, FEATURES = 1500, 30, 16, 20


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    observation = rng.normal(size=(N, FEATURES))
    hidden = np.tanh(2 * observation[:, 0] * observation[:, 1])  # no linear function of the observation
    trained = rng.normal(size=(N, WIDTH))
    trained[:, 3] += 3 * hidden
    return dict(
        rng=rng,
        hidden=hidden,
        trained={"torso": trained},
        inputs=dict(
            groups=np.repeat(np.arange(GROUPS), N // GROUPS),
            types=rng.integers(40, size=N),
            observation=observation,
            untrained=[{"torso": rng.normal(size=(N, WIDTH))} for _ in range(5)],
        ),
    )


def one(data, target, probe=None, **changes):
    probe = probe or Probe(resamples=200)
    return probe(data["trained"], {"it": target}, **(data["inputs"] | changes)).sel(
        concept="it", layer="torso"
    )


def test_linear_concept_is_recovered(data):
    weights = np.random.default_rng(1).normal(size=WIDTH)
    r = one(data, Target(data["trained"]["torso"] @ weights))
    assert r.score >= 0.95 and r.selectivity >= 0.9 and r.advantage_low > 0.5
    assert r.verdict == "encoded: better than every baseline"


@pytest.mark.parametrize("classifier", ["ridge", "logistic"])
def test_planted_hidden_concept_is_found(data, classifier):
    probe = Probe(LinearReadout(classifier=classifier), resamples=200)
    r = one(data, Target((data["hidden"] > 0).astype(float), "binary"), probe)
    assert r.score > 0.8 and r.selectivity > 0.25 and "encoded" in r.verdict.item()


@pytest.mark.parametrize("kind", ["regression", "binary"])
def test_noise_has_no_selectivity(data, kind):
    y = np.random.default_rng(2).normal(size=N)
    r = one(data, Target(y if kind == "regression" else (y > 0.5).astype(float), kind))
    assert abs(r.selectivity) < 0.06 and r.verdict == "not shown to be decodable"
    assert r.score_low <= (0.0 if kind == "regression" else 0.5)


def test_a_concept_of_the_raw_observation_is_no_discovery(data):
    trained = np.concatenate([data["trained"]["torso"], data["inputs"]["observation"]], axis=1)
    r = one(data | {"trained": {"torso": trained}}, Target(data["inputs"]["observation"][:, 4]))
    assert r.score > 0.95 and r.advantage_low <= 0
    assert r.verdict == "decodable, no better than from the raw observation"


def test_memorised_types_are_not_selective(data):
    """Activations that name the scene's type make every labelling of types easy: the control says so."""
    types = data["inputs"]["types"] % 8
    labels = np.random.default_rng(3).integers(2, size=8)[types].astype(float)
    r = one(data | {"trained": {"torso": np.eye(8)[types]}}, Target(labels, "binary"), types=types)
    assert r.score > 0.95 and r.control > 0.95 and "random labelling" in r.verdict.item()


def test_rows_of_a_group_are_never_split():
    """What is constant within an episode and random between cannot be read from an episode's fingerprint."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(40), 25)
    fingerprint = rng.normal(size=(40, 10))[groups]
    y = rng.normal(size=40)[groups]
    predicted = LinearReadout()(fingerprint, y[:, None], groups, np.array([False]))
    assert np.corrcoef(predicted[:, 0], y)[0, 1] < 0.5


def test_undefined_targets_say_why(data):
    rare = np.zeros(N)
    rare[:3] = 1
    sparse = np.where(np.arange(N) < 20, 1.0, np.nan)
    for y, kind, words in (
        (np.ones(N), "regression", "does not vary"),
        (rare, "binary", "one class occurs in 1 groups"),
        (sparse, "regression", "defined on 20 rows"),
    ):
        r = one(data, Target(y, kind))
        assert np.isnan(r.score) and np.isnan(r.advantage_low) and words in r.verdict.item()


def test_partly_defined_target_uses_its_rows(data):
    y = data["trained"]["torso"][:, 0].copy()
    y[::2] = np.nan
    r = one(data, Target(y))
    assert r.n == N // 2 and r.score > 0.95


def test_deterministic_and_without_twin(data):
    y = Target(data["hidden"])
    assert one(data, y).identical(one(data, y))
    r = one(data, y, untrained=None)
    assert np.isnan(r.baseline_score.sel(baseline="untrained")) and "no untrained twin" in r.verdict.item()
    single = one(data, y, untrained=data["inputs"]["untrained"][0])
    assert single.verdict.item().endswith("(of one untrained twin only)")
    assert np.isnan(single.baseline_spread.sel(baseline="untrained"))


def test_bad_input(data):
    with pytest.raises(OptionError, match="one length"):
        one(data, Target(np.zeros(3)))
    with pytest.raises(OptionError, match="kind"):
        Target(np.zeros(3), "ordinal")
    with pytest.raises(OptionError, match="did you mean 'logistic'"):
        LinearReadout(classifier="logistics")


def test_ridge_is_scikit_learns_at_one_penalty():
    from sklearn.linear_model import Ridge

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(80, 6)), rng.normal(size=(80, 2))
    x, y = x - x.mean(0), y - y.mean(0)
    expected = Ridge(alpha=0.3 * 80, fit_intercept=False).fit(x, y).coef_.T
    np.testing.assert_allclose(ridge(x, y, (0.3,)), expected, atol=1e-10)


def test_penalty_is_high_for_noise_and_low_for_signal():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 30))
    y = np.stack([x @ rng.normal(size=30), rng.normal(size=60)], -1)
    w = ridge(x - x.mean(0), y - y.mean(0), (1e-4, 10.0))
    free = np.linalg.lstsq(x - x.mean(0), y - y.mean(0), rcond=None)[0]
    assert np.linalg.norm(w[:, 0]) > 0.95 * np.linalg.norm(free[:, 0])
    assert np.linalg.norm(w[:, 1]) < 0.5 * np.linalg.norm(free[:, 1])


def test_control_labels_are_fixed_per_type():
    types = np.array([0, 1, 0, 2, 1])
    labels = control_targets(np.arange(5.0), types, 4, np.random.default_rng(0))
    assert labels.shape == (5, 4)
    assert (labels[0] == labels[2]).all() and (labels[1] == labels[4]).all()


@pytest.mark.parametrize("share", [0.03, 0.1])
def test_control_tasks_of_a_rare_class_have_both_classes(share):
    """With few types a draw often holds one class: no task, and no reason to say nothing of the concept."""
    rng = np.random.default_rng(0)
    groups, types = np.arange(N) % GROUPS, rng.integers(8, size=N)
    x = rng.normal(size=(N, WIDTH))
    y = (x[:, 0] > np.quantile(x[:, 0], 1 - share)).astype(float)
    labels = control_targets(y, types, 20, rng, groups, fewest=5)
    assert all(len(np.unique(groups[labels[:, k] == v])) >= 5 for k in range(20) for v in (0, 1))
    given = dict(groups=groups, types=types, observation=rng.normal(size=(N, FEATURES)))
    for seed in range(3):
        r = Probe(resamples=200, seed=seed)({"l": x}, {"rare": Target(y, "binary")}, **given)
        assert np.isfinite(r.control).all() and "encoded" in r.verdict.item()


def test_without_a_control_task_that_is_the_reason(data):
    r = one(data, Target(data["hidden"]), types=np.zeros(N))
    assert r.verdict == "undefined: no control task (types of scene: 1)"
    assert r.score > 0.5 and np.isnan(r.control) and np.isnan(r.selectivity)


def test_a_random_labelling_of_types_with_a_rare_class_is_not_selective():
    """The null of selectivity: the concept is itself one of its control tasks."""
    wrong = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        types = rng.integers(10, size=N)
        y = (types == rng.integers(10)).astype(float)
        layer = np.eye(10)[types] @ rng.normal(size=(10, 6)) + 0.5 * rng.normal(size=(N, 6))
        given = dict(groups=np.arange(N) % GROUPS, types=types, observation=rng.normal(size=(N, 4)))
        r = Probe(resamples=200, seed=seed)({"l": layer}, {"c": Target(y, "binary")}, **given)
        assert np.isfinite(r.control).all()
        wrong += "encoded" in r.verdict.item()
    assert wrong <= 2, wrong


def lottery(seed, planted=0.0):
    """A layer that is one more draw of its untrained family, whose members differ; and a trace planted."""
    rng = np.random.default_rng(seed)
    y = rng.normal(size=600)

    def draw():
        return {"l": rng.normal(size=(600, 4)) + rng.uniform(0.3, 0.9) * y[:, None] * [1, 0, 0, 0]}

    layer = draw()["l"] + planted * y[:, None] * [0, 1, 0, 0]
    given = dict(types=rng.integers(30, size=600), observation=rng.normal(size=(600, 3)))
    twins = [draw() for _ in range(5)]
    probe = Probe(resamples=200, repeats=1, seed=seed)
    r = probe({"l": layer}, {"c": Target(y)}, groups=np.arange(600) // 20, untrained=twins, **given)
    return r.advantage_low.item() > 0


def test_the_lottery_of_initialisations_is_no_advantage():
    assert sum(lottery(seed) for seed in range(24)) <= 3
    assert sum(lottery(seed, planted=2.0) for seed in range(6)) >= 5


def test_results_do_not_depend_on_what_else_is_asked(data):
    probe, y = Probe(resamples=200), Target(data["hidden"])
    small = data["trained"]["torso"][:, :5]
    inputs = data["inputs"] | {"untrained": None}
    alone = probe(data["trained"], {"it": y}, **inputs).sel(concept="it", layer="torso")
    other = {"other": Target(data["inputs"]["observation"][:, 0])}
    layers = {"first": small, "torso": data["trained"]["torso"]}
    among = probe(layers, other | {"it": y}, **inputs).sel(concept="it", layer="torso")
    for name in ("score", "control", "selectivity_low", "advantage_low", "baseline_score", "baseline_spread"):
        np.testing.assert_allclose(alone[name], among[name], atol=1e-9, err_msg=name)


def test_rows_that_are_not_finite_are_named(data):
    broken = data["trained"]["torso"].copy()
    broken[[3, 7], 2] = np.nan, np.inf
    with pytest.raises(OptionError, match="activations of torso: 2 of 1500 rows"):
        one(data | {"trained": {"torso": broken}}, Target(data["hidden"]))
    with pytest.raises(OptionError, match="untrained torso, twin 1: 2 of 1500"):
        one(data, Target(data["hidden"]), untrained=[data["trained"], {"torso": broken}])
    with pytest.raises(OptionError, match="activations of torso: 2 of 1500 rows"):
        OnlineCode()({"torso": broken}, {"it": Target(data["hidden"])}, groups=data["inputs"]["groups"])
    with pytest.raises(OptionError, match="activations: 2 of 1500 rows"):
        Intervention()(
            broken, Target(data["hidden"]), lambda x: x, groups=data["inputs"]["groups"], channels=("v",)
        )


def test_scene_types():
    assert len(np.unique(scene_types(np.array([0.1, 0.2, 1.0, np.nan, np.nan])))) == 3
    assert scene_types(np.arange(1000), limit=10).max() == 9


def test_random_projection_has_the_width_asked_for():
    x = random_projection(np.random.default_rng(0).normal(size=(50, 7)), 12, np.random.default_rng(0))
    assert x.shape == (50, 12) and (x >= 0).all()


def test_fast_enough_for_the_demo():
    """A quarter of the demo's table: 12 concepts, one layer of two, 2,000 of 4,000 rows."""
    rng = np.random.default_rng(0)
    n = 2000
    targets = {f"r{i}": Target(rng.normal(size=n)) for i in range(6)}
    targets |= {f"b{i}": Target((rng.random(n) < 0.3).astype(float), "binary") for i in range(6)}
    start = time.perf_counter()
    Probe()(
        {"torso": rng.normal(size=(n, 64))},
        targets,
        groups=np.arange(n) // 50,
        types=rng.integers(100, size=n),
        observation=rng.normal(size=(n, 180)),
        untrained={"torso": rng.normal(size=(n, 64))},
    )
    assert time.perf_counter() - start < 6.0
