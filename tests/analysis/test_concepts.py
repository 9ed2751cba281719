import dataclasses

import jax
import numpy as np
import pytest
import xarray as xr

from socialsim.analysis import concepts
from socialsim.core.errors import OptionError
from socialsim.core.scene import OBJECT_FEATURES, Scene


@pytest.fixture(scope="module")
def scenes(random_scenes):
    return random_scenes(60)


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
        concepts.register_concept("carries", "regression", "what I carry")(lambda s: s.load)
        assert concepts.concepts(["carries"])[0].name == "carries"
    finally:
        concepts.CONCEPTS.pop("carries", None)
