"""Senses and signals know agents by nothing but their places: permuting agents permutes what they get."""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from socialsim.core.acts import NUM_ACTS
from socialsim.core.geometry import into_frame
from socialsim.core.scene import NUM_OBJECT_FEATURES, NUM_RAYS, OBJECT_FEATURES, Scene
from socialsim.core.senses import OTHER_FEATURES, SELF_FEATURES, Senses, feature_names
from socialsim.core.signals import DEFAULT_SIGNALS, Window, make_signal

A, M, T = 4, 3, 5
SEEDS = st.integers(0, 2**31)


def random_scenes(rng, steps=T):
    """Fields of a sequence of scenes that no world would show: all at random within their types."""

    def directions():
        angle = rng.uniform(0, 2 * np.pi, (steps, A))
        return np.stack([np.cos(angle), np.sin(angle)], -1).astype(np.float32)

    def reals(*shape, low=-3.0, high=9.0):
        return rng.uniform(low, high, (steps, *shape)).astype(np.float32)

    features = reals(M, NUM_OBJECT_FEATURES, low=0, high=4)
    features[..., OBJECT_FEATURES.index("placed")] = rng.random((steps, M)) < 0.5  # yes or no
    sees = rng.random((steps, A, A)) < 0.6
    sees[:, range(A), range(A)] = False
    return dict(
        position=reals(A, 2),
        velocity=reals(A, 2, low=-1, high=1),
        heading=directions(),
        gaze=directions(),
        act=rng.integers(0, NUM_ACTS, (steps, A)).astype(np.int32) // 3,
        load=reals(A, low=0, high=1),
        strength=reals(A, low=0, high=4),
        clear=reals(A, NUM_RAYS, low=0),
        object_position=reals(M, 2),
        object_goal=reals(M, 2),
        object_features=features,
        object_present=rng.random((steps, M)) < 0.7,
        takes_part=rng.random((steps, A, M)) < 0.3,
        sees_agent=sees,
        sees_object=rng.random((steps, A, M)) < 0.7,
        joint=reals(A, low=0, high=2),
    )


_PER_AGENT = (
    "position",
    "velocity",
    "heading",
    "gaze",
    "act",
    "load",
    "strength",
    "clear",
    "takes_part",
    "sees_object",
)


def permute(scenes, order):
    """The same scenes with agents listed in another order."""
    moved = {f: scenes[f][:, order] for f in (*_PER_AGENT, "joint")}
    return dict(scenes, **moved, sees_agent=scenes["sees_agent"][:, order][:, :, order])


def shuffle_objects(scenes, order):
    moved = {f: scenes[f][:, order] for f in Scene.__dataclass_fields__ if f.startswith("object_")}
    seen = {f: scenes[f][:, :, order] for f in ("takes_part", "sees_object")}
    return dict(scenes, **moved, **seen)


sense = jax.jit(jax.vmap(lambda fields: Senses()(Scene(**fields))))


@jax.jit
def receive(scenes):
    """Signals `[T-1, A, C]` along a sequence of scenes, by hand and without a Simulation."""
    signals = [make_signal(name) for name in DEFAULT_SIGNALS]
    first = Scene(**{f: x[0] for f, x in scenes.items()})
    past = {
        "act": jnp.stack([first.act, jnp.full(A, -1)]),
        "sees_agent": jnp.stack([first.sees_agent, jnp.zeros((A, A), bool)]),
    }

    def step(carry, fields):
        scene = Scene(**fields)
        past, traces = carry
        windows = [Window(scene, past, trace) for trace in traces]
        got = jnp.stack([s(w) for s, w in zip(signals, windows, strict=True)], -1)
        traces = tuple(s.update(w) for s, w in zip(signals, windows, strict=True))
        past = {f: jnp.stack([getattr(scene, f), p[0]]) for f, p in past.items()}
        return (past, traces), got

    start = (past, tuple(s.begin(first) for s in signals))
    return jax.lax.scan(step, start, {f: x[1:] for f, x in scenes.items()})[1]


@given(SEEDS, st.permutations(range(A)))
def test_signals_follow_the_agents(seed, order):
    scenes, order = random_scenes(np.random.default_rng(seed)), np.array(order)
    np.testing.assert_allclose(receive(permute(scenes, order)), receive(scenes)[:, order], atol=1e-5)


@given(SEEDS, st.permutations(range(A)))
def test_senses_follow_the_agents(seed, order):
    scenes, order = random_scenes(np.random.default_rng(seed)), np.array(order)
    plain, moved = sense(scenes), sense(permute(scenes, order))
    np.testing.assert_allclose(moved.self, plain.self[:, order], atol=1e-6)
    np.testing.assert_allclose(moved.objects, plain.objects[:, order], atol=1e-6)
    for t in range(T):
        for new, old in enumerate(order):
            # The set of others is the same; its order may differ.
            np.testing.assert_allclose(_rows(moved.others[t, new]), _rows(plain.others[t, old]), atol=1e-5)


def _rows(x):
    """Rows in an order of their own."""
    x = np.asarray(x, float)
    return x[np.lexsort(np.round(x, 3).T)]


@given(SEEDS, st.permutations(range(M)))
def test_the_order_of_objects_carries_no_meaning(seed, order):
    scenes, order = random_scenes(np.random.default_rng(seed)), np.array(order)
    plain, moved = sense(scenes), sense(shuffle_objects(scenes, order))
    np.testing.assert_allclose(moved.objects, plain.objects[:, :, order], atol=1e-6)
    np.testing.assert_array_equal(moved.self, plain.self)
    np.testing.assert_allclose(receive(shuffle_objects(scenes, order)), receive(scenes), atol=1e-5)


@given(SEEDS, st.floats(-50, 50), st.floats(-50, 50), st.integers(0, 3))
def test_nothing_absolute_is_sensed(seed, x, y, quarters):
    """A scene that is shifted and turned looks, and pays, the same."""
    scenes = random_scenes(np.random.default_rng(seed))
    turn = np.linalg.matrix_power(np.array([[0, 1], [-1, 0]]), quarters)
    fields = {f: scenes[f] @ turn for f in ("velocity", "heading", "gaze")}
    for f in ("position", "object_position", "object_goal"):
        fields[f] = scenes[f] @ turn + np.array([x, y], np.float32)
    moved = dict(scenes, **{f: v.astype(np.float32) for f, v in fields.items()})
    for a, b in zip(jax.tree.leaves(sense(scenes)), jax.tree.leaves(sense(moved)), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-4)
    np.testing.assert_allclose(receive(moved), receive(scenes), atol=2e-4)


@given(SEEDS)
def test_what_is_out_of_sight_is_zero_and_all_values_are_bounded(seed):
    scenes = random_scenes(np.random.default_rng(seed))
    obs = sense(scenes)
    assert not np.asarray(obs.others)[~np.asarray(obs.others_mask)].any()
    assert not np.asarray(obs.objects)[~np.asarray(obs.objects_mask)].any()
    assert (np.asarray(obs.objects_mask) == (scenes["sees_object"] & scenes["object_present"][:, None])).all()
    for part in (obs.self, obs.others, obs.objects):
        assert np.isfinite(part).all() and np.abs(part).max() <= 2.0


def test_columns_hold_what_their_names_say():
    scenes = random_scenes(np.random.default_rng(0))
    obs, names = sense(scenes), feature_names()
    assert obs.self.shape[-1] == len(names["self"]) == len(SELF_FEATURES)
    assert obs.objects.shape[-1] == len(names["objects"])
    scenes = dict(scenes, sees_agent=np.broadcast_to(~np.eye(A, dtype=bool), (T, A, A)))
    others = np.asarray(sense(scenes).others)
    column = {n: others[..., k] for k, n in enumerate(OTHER_FEATURES)}
    for i in range(A):
        for slot, j in enumerate(k for k in range(A) if k != i):
            offset = scenes["position"][:, j] - scenes["position"][:, i]
            distance = np.linalg.norm(offset, axis=-1)
            local = (
                np.asarray(into_frame(jnp.asarray(scenes["heading"][:, i]), jnp.asarray(offset)))
                / distance[:, None]
            )
            np.testing.assert_allclose(column["ahead"][:, i, slot], local[:, 0], atol=1e-5)
            np.testing.assert_allclose(column["left"][:, i, slot], local[:, 1], atol=1e-5)
            np.testing.assert_allclose(column["near_4"][:, i, slot], np.exp(-distance / 4), atol=1e-5)
            assert (column["looks_at_me"][:, i, slot] == 1).all()


def test_bfloat16_senses_the_same_roughly():
    scenes = random_scenes(np.random.default_rng(1))
    exact, rough = sense(scenes), jax.jit(jax.vmap(lambda f: Senses(dtype="bfloat16")(Scene(**f))))(scenes)
    assert rough.others.dtype == jnp.bfloat16
    np.testing.assert_allclose(rough.others.astype(np.float32), exact.others, atol=0.02)
