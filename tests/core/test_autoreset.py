"""AutoReset, and what reaches a learner: signals and nothing else."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import socialsim
from socialsim.core.drives import drive_matrix
from socialsim.core.errors import OptionError
from socialsim.core.scene import Scene
from socialsim.core.simulation import SimulationState, TimeStep
from socialsim.core.world import World

E, P, HORIZON = 6, 5, 4


@pytest.fixture(scope="module")
def run():
    """Three episodes of six worlds of horizon 4: the pool, and (timestep, plain timestep) of each step."""
    env = socialsim.make("rendezvous-v0", num_agents=2, needed=2, size=5, walls=0, horizon=HORIZON)
    worlds = socialsim.AutoReset(env, E, P)
    pool = worlds.pool(jax.random.key(0))
    state, _ = worlds.reset(jax.random.key(1))
    state = state.replace(time=jnp.arange(E, dtype=jnp.int32) % 3)
    step, plain_step = jax.jit(worlds.step), jax.jit(jax.vmap(env.step))
    steps = []
    for t in range(3 * HORIZON):
        key = jax.random.key(t)
        action = jax.random.randint(jax.random.key(100 + t), (E, 2), 0, 10)
        plain = plain_step(jax.random.split(key, E + 1)[1:], state, action)
        state, timestep = step(key, pool, state, action)
        steps.append((state, timestep, *plain))
    return pool, steps, jax.make_jaxpr(worlds.step)(key, pool, state, action)


def rows(tree, index):
    return [np.asarray(leaf)[index] for leaf in jax.tree.leaves(tree)]


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_the_old_episodes_last_observation_is_kept_and_the_new_one_is_a_pool_member(run):
    pool, steps, _ = run
    ended = 0
    for state, timestep, plain_state, plain in steps:
        for e in range(E):
            assert same(rows(timestep.final_observation, e), rows(plain.observation, e))
            assert same(rows(timestep.signals, e), rows(plain.signals, e))
            new = rows(timestep.observation, e)
            if timestep.done[e]:
                ended += 1
                members = [p for p in range(P) if same(new, rows(pool.timestep.observation, p))]
                assert members and state.time[e] == 0
                assert any(same(rows(state.world, e), rows(pool.state.world, p)) for p in members)
            else:
                assert same(new, rows(plain.observation, e))
                assert same(rows(state.world, e), rows(plain_state.world, e))
    assert ended == 3 * E


def test_out_of_time_is_truncated_and_not_terminated(run):
    _, steps, _ = run
    for _, timestep, plain_state, _ in steps:
        assert not timestep.terminated.any()
        np.testing.assert_array_equal(timestep.truncated, plain_state.time >= HORIZON)
        np.testing.assert_array_equal(timestep.done, timestep.truncated)


def test_episodes_are_begun_by_one_branch_for_the_batch_not_by_one_per_world(run):
    """A conditional under vmap becomes a select that runs every reset; here it stays a conditional."""
    (program,) = run[2].jaxpr.eqns
    conds = [e for e in program.params["jaxpr"].jaxpr.eqns if e.primitive.name == "cond"]
    assert len(conds) == 1 and conds[0].invars[0].aval.shape == ()


def test_a_stack_of_tasks_runs_each_world_in_its_own_task():
    """Pads for one agent in the one, for two in the other; each steps as it would alone."""
    options = {"num_agents": 2, "size": 5, "walls": 0, "radius": 2}
    tasks = [socialsim.make("rendezvous-v0", needed=n, **options).world for n in (1, 2)]
    env = socialsim.make(jax.tree.map(lambda *x: jnp.stack(x), *tasks), horizon=2)
    worlds = socialsim.AutoReset(env, 2, 6, stacked=True)
    pool = worlds.pool(jax.random.key(0))
    assert pool.state.time.shape == (3, 2)
    state, _ = worlds.reset(jax.random.key(1))
    for t in range(4):
        before = state
        action = jnp.zeros((2, 2), jnp.int32)
        state, timestep = worlds.step(jax.random.key(t), pool, before, action)
        keys = jax.random.split(jax.random.key(t), 3)[1:]
        for e, task in enumerate(tasks):
            single = jax.tree.map(lambda x, e=e: x[e], before)
            plain = env.replace(world=task).step(keys[e], single, action[e])[1]
            assert same(rows(timestep.signals, e), rows(plain.signals, ...))
            assert same(rows(timestep.final_observation, e), rows(plain.observation, ...))
            if timestep.done[e]:
                members = [rows(pool.state.world, (p, e)) for p in range(3)]
                assert any(same(rows(state.world, e), m) for m in members)


def test_sizes_and_stacks_that_do_not_fit_are_refused():
    env = socialsim.make("rendezvous-v0", num_agents=2, needed=2, size=5, walls=0)
    for bad in ({"num_worlds": 0}, {"num_worlds": 2, "pool_size": 0}):
        with pytest.raises(OptionError, match="=0; allowed: an integer >= 1"):
            socialsim.AutoReset(env, **bad)
    tasks = jax.eval_shape(jax.vmap(socialsim.sample_world), jax.random.split(jax.random.key(0), 3))
    stack = socialsim.make(jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), tasks))
    for options, named in (({}, "a stack of 3 tasks"), ({"stacked": True}, r"every leaf \[4, ...\]")):
        with pytest.raises(OptionError, match=named):
            jax.eval_shape(socialsim.AutoReset(stack, 4, 2, **options).reset, jax.random.key(0))


class Perturbed(World):
    """A world whose joint shares and inner state are lied about to everybody but the signals' channel."""

    inner: World

    num_agents = property(lambda self: self.inner.num_agents)
    actions = property(lambda self: self.inner.actions)

    def reset(self, key):
        return self.inner.reset(key)

    def step(self, key, state, action):
        return self.inner.step(key, state, action)

    def scene(self, state):
        return self.inner.scene(state).replace(joint=jnp.full(self.num_agents, 7.0))

    def terminated(self, state):
        return self.inner.terminated(state)


def test_what_learners_receive_is_drives_times_signals_and_nothing_else():
    """Change the team metric and nothing but the signal that is defined on it changes."""
    env = socialsim.make("rendezvous-v0", num_agents=3, size=6, walls=0)
    lied = env.replace(world=Perturbed(env.world))
    step = jax.jit(lambda e, k, s, a: e.step(k, s, a))
    state, _ = jax.jit(env.reset)(jax.random.key(0))
    other = state
    drives = drive_matrix({"attention": 1.0, "imitation": 1.0}, env.channels, 3)
    for t in range(10):
        action = jax.random.randint(jax.random.key(t), (3,), 0, 10)
        state, true = step(env, jax.random.key(t), state, action)
        other, false = step(lied, jax.random.key(t), other, action)
        assert (np.asarray(false.joint) == 7).all()
        np.testing.assert_array_equal((drives * true.signals).sum(-1), (drives * false.signals).sum(-1))
        assert same(jax.tree.leaves(true.observation), jax.tree.leaves(false.observation))
        assert (np.asarray(false.signals[:, env.channels.index("coordination")]) == 1).all()  # clipped


@pytest.mark.parametrize("world_id", socialsim.worlds())
def test_no_reward_exists_below_the_drives(world_id):
    env = socialsim.make(world_id)
    state, timestep = jax.eval_shape(env.reset, jax.random.key(0))
    action = jax.eval_shape(lambda: jnp.zeros((env.num_agents, *[env.actions.size] * env.actions.continuous)))
    if not env.actions.continuous:
        action = jax.ShapeDtypeStruct(action.shape, jnp.int32)
    after, stepped = jax.eval_shape(env.step, jax.random.key(0), state, action)
    # A step gives what a reset gives: what is sensed, the signals, the metric and how it ended.
    assert jax.tree.structure(stepped) == jax.tree.structure(timestep)
    assert jax.tree.structure(after) == jax.tree.structure(state)
    expected = {"observation", "final_observation", "signals", "joint", "terminated", "truncated"}
    assert {f.name for f in dataclasses.fields(TimeStep)} == expected
    assert stepped.signals.shape == (env.num_agents, len(env.channels))
    for kind in (TimeStep, Scene, SimulationState, type(env.world), type(state.world)):
        names = {f.name for f in dataclasses.fields(kind)}
        assert not [n for n in names if "reward" in n or "score" in n or "utility" in n], kind
    # What a world knows of itself is not sensed either: joint successes reach no observation.
    seen = jax.make_jaxpr(lambda scene: env.senses(scene))(jax.eval_shape(env.scene, state))
    joint = seen.jaxpr.invars[[f.name for f in dataclasses.fields(Scene)].index("joint")]
    assert not any(joint in equation.invars for equation in seen.jaxpr.eqns)
