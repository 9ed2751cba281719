import dataclasses

import jax
import numpy as np
import pytest
import xarray as xr

from socialsim.analysis import concepts, histories
from socialsim.core.errors import OptionError
from socialsim.core.scene import OBJECT_FEATURES, Scene


@pytest.fixture(scope="module")
def scenes(random_scenes):
    """Sixty scenes, also with loads, strengths and the state of objects."""
    found, rng = random_scenes(60), np.random.default_rng(1)
    a, m = found.position.shape[1], found.object_position.shape[1]
    features = np.array(found.object_features)
    for name in ("active", "resource", "progress", "load"):
        features[..., OBJECT_FEATURES.index(name)] = rng.random((60, m)) * (rng.random((60, m)) < 0.5)
    return found.replace(
        load=rng.random((60, a)).astype(np.float32) * (rng.random((60, a)) < 0.4),
        strength=rng.integers(1, 4, (60, a)).astype(np.float32),
        object_features=features,
    )


def by_hand(s, i):
    """A slow, independent reading of one agent's concepts."""
    a, m = len(s.position), len(s.object_position)
    partners = [j for j in range(a) if s.sees_agent[i, j]]
    objects = [k for k in range(m) if s.sees_object[i, k] and s.object_present[k]]
    watchers = [j for j in range(a) if s.sees_agent[j, i]]

    def far(places):
        return [float(np.hypot(*(p - s.position[i]))) for p in places]

    to_partners, to_objects = far(s.position[partners]), far(s.object_position[objects])
    needed, present = (s.object_features[:, OBJECT_FEATURES.index(f)] for f in ("needed", "present"))
    nearest = objects[int(np.argmin(to_objects))] if objects else None

    def nears(j, k):
        offset = s.object_position[k] - s.position[j]
        return offset @ s.velocity[j] / np.hypot(*offset) > 0.1

    feature = {
        f: s.object_features[nearest, OBJECT_FEATURES.index(f)] if objects else np.nan
        for f in ("present", "active", "resource", "progress", "load")
    }
    course = s.heading[[i, *partners]].sum(0)
    ahead = [(s.position[j] - s.position[i]) @ course for j in partners]

    def comes(j):
        offset = s.position[i] - s.position[j]
        return offset @ (s.velocity[j] - s.velocity[i]) / np.hypot(*offset) > 0.1

    def busy(j):
        return any(s.takes_part[j, k] and s.object_present[k] for k in range(m))

    return {
        "looked_at": bool(watchers),
        "num_watchers": len(watchers),
        "mutual_gaze": bool(set(watchers) & set(partners)),
        "partner_visible": bool(partners),
        "nearest_partner_distance": min(to_partners, default=np.nan),
        "partner_approaching": any(nears(j, k) for j in partners for k in objects),
        "object_visible": bool(objects),
        "nearest_object_distance": min(to_objects, default=np.nan),
        "object_occupancy": present[nearest] / needed[nearest] if objects else np.nan,
        "missing_participants": max(needed[nearest] - present[nearest], 0) if objects else np.nan,
        "on_object": busy(i),
        "partner_on_object": any(busy(j) for j in partners),
        "one_more_needed": any(needed[k] - present[k] == 1 for k in objects),
        "wall_ahead": s.clear[i, 0] < 1.5,
        "mean_partner_distance": np.mean(to_partners) if partners else np.nan,
        "partner_spread": np.std(to_partners) if len(partners) > 1 else np.nan,
        "partner_nears_me": any(comes(j) for j in partners),
        "leading": max(ahead) < 0 if partners else np.nan,
        "same_act": any(s.act[j] == s.act[i] for j in partners),
        "load": s.load[i],
        "partner_loaded": any(s.load[j] > 0 for j in partners),
        "strength": s.strength[i],
        "object_present": feature["present"],
        "object_active": feature["active"] > 0 if objects else np.nan,
        "object_resource": feature["resource"],
        "object_progress": feature["progress"],
        "object_load": feature["load"],
        "own_act_still": s.act[i] == 0,
        "own_act_advance": s.act[i] == 1,
        "own_act_interact": s.act[i] == 5,
    }


def test_every_concept_equals_its_slow_reference(scenes):
    found = concepts.measure_concepts(scenes, concepts.CONCEPTS)
    host = jax.tree.map(np.asarray, scenes)
    for e in range(60):
        one = jax.tree.map(lambda x, e=e: x[e], host)
        for i in range(one.position.shape[0]):
            expected = by_hand(one, i)
            assert set(expected) == set(found)
            for name, value in expected.items():
                assert found[name][e, i] == pytest.approx(float(value), rel=1e-4, nan_ok=True), name


def test_binary_concepts_are_binary_and_vary(scenes):
    for name, values in concepts.measure_concepts(scenes).items():
        if concepts.CONCEPTS[name].kind == "binary":
            assert set(np.unique(values)) == {0.0, 1.0}, name


def test_scenes_come_back_from_a_recording(scenes):
    fields = {f.name: getattr(scenes, f.name) for f in dataclasses.fields(Scene)}
    data = {
        f"scene_{k}": (("step", "world", *(f"{k}_{d}" for d in range(v.ndim - 1))), np.asarray(v)[None])
        for k, v in fields.items()
    }
    recording = xr.Dataset(data)
    back = concepts.measure_concepts(concepts.scenes_of(recording))
    for name, values in concepts.measure_concepts(scenes).items():
        np.testing.assert_array_equal(back[name][0], values)
    with pytest.raises(OptionError, match="gaze"):
        concepts.scenes_of(recording.drop_vars("scene_gaze"))


def test_registry():
    with pytest.raises(OptionError, match="did you mean 'looked_at'"):
        concepts.concepts(["loked_at"])
    with pytest.raises(OptionError, match="registered already"):
        concepts.register_concept("looked_at", "binary", "again")(lambda s: s.load)
    with pytest.raises(OptionError, match="kind of concept"):
        concepts.register_concept("odd", "ordinal", "what")(lambda s: s.load)
    try:
        concepts.register_concept("carries", "regression", "twice what I carry")(lambda s: 2 * s.load)
        assert concepts.concepts(["carries"])[0].name == "carries"
    finally:
        concepts.CONCEPTS.pop("carries", None)


def test_histories_equal_their_slow_reference(random_scenes):
    """Two dozen scenes read as one long episode, and the first five of them as another."""
    flat = random_scenes(24, 3)
    acts = np.random.default_rng(0).integers(3, size=flat.act.shape).astype(np.int32)
    flat = flat.replace(act=acts, joint=(np.random.default_rng(1).random(acts.shape) < 0.05) * 1.0)
    found = histories.measure_histories(jax.tree.map(lambda x: x[:, None], flat))
    short = histories.measure_histories(jax.tree.map(lambda x: x[:5, None], flat))
    s = jax.tree.map(np.asarray, flat)
    steps, agents = s.act.shape

    def copied(t, j, i):
        if t == 0 or s.act[t, j] == s.act[t - 1, j]:
            return False
        return any(t >= k and s.act[t, j] == s.act[t - k, i] and s.sees_agent[t - k, j, i] for k in (1, 2, 3))

    for t in range(steps):
        window = range(max(0, t - 7), t + 1)
        for i in range(agents):
            expected = {
                "copied_lately": any(copied(u, j, i) for u in window for j in range(agents)),
                "copying_lately": any(copied(u, i, j) for u in window for j in range(agents)),
                "watched_lately": np.mean([s.sees_agent[u, :, i].any() for u in window]),
                "joint_lately": any(s.joint[u, i] > 0 for u in window),
            }
            assert set(expected) == set(found)
            for name, value in expected.items():
                assert found[name][t, 0, i] == pytest.approx(float(value)), name
                if t < 5:  # nothing looks ahead
                    assert short[name][t, 0, i] == pytest.approx(float(value)), name
    assert 0.1 < found["copied_lately"].mean() < 0.99
    with pytest.raises(OptionError, match="every step"):
        histories.measure_histories(flat)
    with pytest.raises(OptionError, match="did you mean 'copied_lately'"):
        histories.measure_histories(jax.tree.map(lambda x: x[:, None], flat), ["copied"])
    with pytest.raises(OptionError, match="registered already"):
        histories.register_history("joint_lately", "binary", "again")(lambda s: s.joint)
