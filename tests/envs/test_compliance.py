"""What every registered world promises, whatever its physics."""

import inspect
import pickle

import hypothesis
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import strategies as st
from small_worlds import WORLDS, physics, small

import socialsim
from socialsim.agents.bots.base import random_action
from socialsim.core.acts import NUM_ACTS
from socialsim.core.errors import OptionError
from socialsim.core.registry import entry
from socialsim.core.scene import NUM_OBJECT_FEATURES, NUM_RAYS, OBJECT_FEATURES

E, T = 4, 24


def actions(env, key):
    """Random ones, `[T, E, A, ...]`; discrete teams INTERACT often."""
    pick = jax.vmap(lambda k: random_action(k, env.actions, env.num_agents))
    drawn = pick(jax.random.split(key, T * E))
    if not env.actions.continuous:
        busy = jax.random.bernoulli(jax.random.fold_in(key, 1), 0.3, drawn.shape)
        drawn = jnp.where(busy, 5, drawn)
    return drawn.reshape(T, E, *drawn.shape[1:])


def on_host(tree):
    return jax.tree.map(lambda x: x if is_key(x) else np.asarray(x), tree)


def is_key(x):
    return jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key)


class Played:
    """One batch of short episodes, with the compiled functions that made it."""

    def __init__(self, id):
        # As the PettingZoo door compiles it, so that both share one program.
        self.id, self.env = id, small(id).replace(horizon=2**31 - 1, id="")
        env = self.env
        self.reset, self.step = env.reset, env.step
        self.key, act_key, self.step_key = jax.random.split(jax.random.key(3), 3)
        self.actions = np.asarray(jax.jit(lambda key: actions(env, key))(act_key))
        self.rollout = jax.jit(self._rollout)
        self.states, self.steps, self.scenes = on_host(self.rollout(self.key))

    def keys(self, t):
        return jax.random.split(jax.random.fold_in(self.step_key, t), E)

    def at(self, tree, t, w):
        """Of world w at time t. Out of NumPy: a JAX index is compiled for every shape."""
        return jax.tree.map(lambda x: x[t, w], tree)

    def _rollout(self, key):
        env = self.env
        first = jax.vmap(env.reset)(jax.random.split(key, E))

        def step(carry, x):
            t, action = x
            after = jax.vmap(env.step)(self.keys(t), carry, action)
            return after[0], after

        rest = jax.lax.scan(step, first[0], (jnp.arange(T), self.actions))[1]
        states, steps = jax.tree.map(lambda a, b: jnp.concatenate([a[None], b]), first, rest)
        return states, steps, jax.vmap(jax.vmap(env.scene))(states)


@pytest.fixture(scope="module", params=WORLDS)
def played(request):
    return Played(request.param)


def leaves(tree):
    return [np.asarray(x) for x in jax.tree.leaves(tree) if not is_key(x)]


def test_scenes_keep_the_contract(played):
    """Shapes, unit directions, finite numbers, eyes that never see their owner, objects that afford."""
    s, env = jax.tree.map(np.asarray, played.scenes), played.env
    a, m = env.num_agents, s.object_position.shape[-2]
    assert s.position.shape == (T + 1, E, a, 2) and m >= 1
    assert s.clear.shape[-1] == NUM_RAYS and s.object_features.shape[-1] == NUM_OBJECT_FEATURES
    for field, value in vars(s).items():
        assert np.isfinite(value).all(), field
    for direction in (s.heading, s.gaze):
        np.testing.assert_allclose(np.linalg.norm(direction, axis=-1), 1.0, atol=1e-4)
    assert ((s.act >= 0) & (s.act < NUM_ACTS)).all() and (s.clear >= 0).all()
    assert not s.sees_agent[..., range(a), range(a)].any()
    assert not (s.takes_part & ~s.object_present[..., None, :]).any()
    assert (s.joint >= 0).all() and (s.strength >= 0).all() and (s.load >= 0).all()
    feature = {f: s.object_features[..., i] for i, f in enumerate(OBJECT_FEATURES)}
    for name in ("progress", "resource", "active"):
        assert (feature[name] >= 0).all() and (feature[name] <= 1 + 1e-5).all(), name
    assert set(np.unique(feature["placed"])) <= {0.0, 1.0}
    assert (s.joint[0] == 0).all()  # nothing has been achieved before the first decision


def test_agents_and_objects_are_on_the_floor(played):
    s, world = jax.tree.map(np.asarray, played.scenes), played.env.world
    low, high = (np.asarray(x) for x in jax.jit(jax.vmap(jax.vmap(world.bounds)))(played.states.world))
    here = s.position[..., 0, None] > -100  # who has left is nowhere
    inside = (s.position >= low[:, :, None] - 1e-3) & (s.position <= high[:, :, None] + 1e-3)
    assert (inside | ~here).all()
    objects = (s.object_position >= low[:, :, None] - 1e-3) & (s.object_position <= high[:, :, None] + 1e-3)
    assert (objects | ~s.object_present[..., None]).all()


def test_what_is_sensed_and_signalled_is_finite_and_bounded(played):
    a = played.env.num_agents
    for leaf in leaves(played.steps.observation):
        assert np.isfinite(leaf.astype(np.float32)).all() and (np.abs(leaf.astype(np.float32)) <= 2).all()
    signals = np.asarray(played.steps.signals)
    assert np.isfinite(signals).all() and (np.abs(signals) <= max(a - 1, 1)).all()
    assert not signals[0].any()


def test_the_same_key_gives_the_same_episode_to_the_bit(played):
    again = played.rollout(played.key)
    for x, y in zip(leaves((played.states, played.steps)), leaves(again[:2]), strict=True):
        np.testing.assert_array_equal(x, y)
    other = played.rollout(jax.random.key(99))
    assert any(not np.array_equal(x, y) for x, y in zip(leaves(played.states), leaves(other[0]), strict=True))


def close(id, x, y):
    if np.issubdtype(x.dtype, np.floating):
        # Chaotic contact: single precision drifts apart within a few decisions.
        tolerance = 2e-3 if physics(id) == "mujoco" else 1e-4
        np.testing.assert_allclose(x, y, atol=tolerance, rtol=tolerance)
    else:
        np.testing.assert_array_equal(x, y)


def test_a_batch_equals_a_loop(played):
    """Each step alone, from the state the batch was in."""
    reset, _ = played.reset(jax.random.split(played.key, E)[1])
    for x, y in zip(leaves(reset), leaves(played.at(played.states, 0, 1)), strict=True):
        close(played.id, x, y)
    for t in (0, 5, 11):
        before = played.at(played.states, t, 1)
        state, timestep = played.step(played.keys(t)[1], before, played.actions[t, 1])
        told = played.at((played.states, played.steps), t + 1, 1)
        for x, y in zip(leaves((state, timestep)), leaves(told), strict=True):
            close(played.id, x, y)


@pytest.mark.parametrize("id", ["gates-v0", "spread-v0", "ultimatum-v0"])
def test_jit_changes_nothing(id):
    """One world of each physics but MuJoCo, where op by op takes minutes: its parity with the C engine is
    tested instead. Of the world itself; for senses and signals see test_grid.py."""
    world = small(id).world
    state = jax.jit(world.reset)(jax.random.key(0))
    action = random_action(jax.random.key(1), world.actions, world.num_agents)
    step = (jax.random.key(2), state, action)
    with jax.disable_jit():
        plain = world.step(*step)
        seen = world.scene(plain)
    compiled, told = jax.jit(lambda *step: (after := world.step(*step), world.scene(after)))(*step)
    for x, y in zip(leaves((plain, seen)), leaves((compiled, told)), strict=True):
        close(id, x, y)


def test_worlds_pickle_and_states_keep_their_types(played):
    env = played.env
    copy = pickle.loads(pickle.dumps(env.world))
    assert jax.tree.structure(copy) == jax.tree.structure(env.world)
    key = jax.eval_shape(lambda: jax.random.key(0))
    state, _ = jax.eval_shape(env.reset, key)
    action = jax.eval_shape(lambda: random_action(jax.random.key(0), env.actions, env.num_agents))
    after, _ = jax.eval_shape(env.step, key, state, action)
    assert jax.tree.map(lambda x: (x.shape, x.dtype), state) == jax.tree.map(
        lambda x: (x.shape, x.dtype), after
    )


def test_documented(played):
    """The docstring is the specification; every option has a default."""
    factory = entry(played.id).factory()
    text = inspect.getdoc(factory)
    for heading in ("Who:", "Joint event", "Act", "Horizon"):
        assert heading in text, heading
    for name, option in entry(played.id).options().items():
        assert option.default is not option.empty and option.kind is option.KEYWORD_ONLY, name
    assert "num_agents" in entry(played.id).options()


def strange(option):
    """Values of an option's kind, allowed and not."""
    default = option.default
    if isinstance(default, bool):
        return st.booleans()
    if isinstance(default, int):
        return st.one_of(st.integers(-1, 6), st.just(default), st.just(10**9))
    if isinstance(default, float):
        return st.one_of(st.floats(-1, 12), st.just(default), st.sampled_from([np.nan, np.inf]))
    return st.just(default)


@pytest.mark.parametrize("id", WORLDS)
def test_options_are_taken_or_refused_in_one_line(id):
    options = {n: strange(o) for n, o in entry(id).options().items() if n != "impl"}

    @hypothesis.settings(max_examples=15)
    @hypothesis.given(st.fixed_dictionaries({}, optional=options))
    def check(given):
        try:
            env = socialsim.make(id, **given)
        except OptionError as error:
            assert "\n" not in str(error) and "allowed" in str(error)
            return
        assert env.num_agents >= 1 and jax.tree.all(jax.tree.map(lambda x: np.isfinite(x).all(), env.world))

    check()


def test_worlds_that_wait_for_lapack_say_so(played):
    """They are given one CPU device: several at once would starve each other (`devices.divide`)."""
    state, action = played.at((played.states, played.actions), 0, 0)
    traced = str(jax.make_jaxpr(played.env.step)(played.key, state, action))
    assert played.env.world.waits == ("cholesky" in traced)


def test_lengths_are_in_bodies(played):
    """Nobody moves much more than a body a decision, so distances mean the same everywhere."""
    s = jax.tree.map(np.asarray, played.scenes)
    stride = np.linalg.norm(np.diff(s.position, axis=0), axis=-1)
    here = s.position[1:, ..., 0] > -100
    assert (stride[here] <= 1.5).all()
