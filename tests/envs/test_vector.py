"""The vector door: N worlds x A agents as one gymnasium VectorEnv, the same episodes as in JAX."""

import importlib
import sys
from functools import partial

import gymnasium
import jax
import numpy as np
import pytest
from gymnasium.utils import passive_env_checker
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers import vector as wrappers
from small_worlds import physics

import socialsim
from socialsim.core.acts import Act
from socialsim.core.errors import ActionError, OptionError
from socialsim.core.world import World
from socialsim.envs import vector
from socialsim.envs.pettingzoo import SocialParallelEnv
from socialsim.envs.pettingzoo_spaces import OBSERVATIONS
from socialsim.envs.vector import SocialVectorEnv

N, HORIZON = 3, 5
GRID = {"num_agents": 3, "size": 6, "walls": 1}
WORLDS = [
    ("rendezvous-v0", GRID),
    ("rendezvous-plane-v0", {"num_agents": 2, "needed": 2}),
    pytest.param("rendezvous-mujoco-v0", {"num_agents": 2, "needed": 2}, marks=pytest.mark.slow),
]


def grid(num_worlds=N, **options):
    return SocialVectorEnv("rendezvous-v0", num_worlds, **{**GRID, "horizon": HORIZON, **options})


def random_actions(env, rng):
    kind = env.simulation.actions
    if kind.continuous:
        return rng.uniform(-1, 1, (env.num_envs, kind.size)).astype(np.float32)
    return rng.integers(0, kind.choices, env.num_envs)


def play(env, steps, rng_seed=0, **reset):
    rng = np.random.default_rng(rng_seed)
    told = [env.reset(**reset)]
    return told + [env.step(random_actions(env, rng)) for _ in range(steps)]


def same(a, b):
    leaves = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return jax.tree.structure(a) == jax.tree.structure(b) and all(map(equal, *zip(*leaves, strict=True)))


def equal(x, y):
    """Bit for bit; arrays of objects (`final_obs`) by their members."""
    if np.asarray(x).dtype.kind == "O":
        return all(a is b is None or same(a, b) for a, b in zip(x, y, strict=True))
    return np.array_equal(x, y)


class Schedule:
    """The keys that the class's docstring promises, one after another."""

    def __init__(self, seed):
        self.key = jax.random.key(seed)

    def next(self):
        self.key, sub = jax.random.split(self.key)
        return sub

    def of_worlds(self, num_worlds):
        return jax.random.split(self.next(), num_worlds + 1)[1:]


@pytest.mark.parametrize("id, options", WORLDS)
def test_every_world_is_its_own_episode_in_jax(id, options):
    """The first episode of each of N worlds is the one that the JAX functions play with the same keys: on a
    grid to the bit, elsewhere up to rounding, as the batch's program and one world's may round differently.
    """
    agree = np.array_equal if physics(id) == "grid" else partial(np.allclose, atol=1e-5)
    env = SocialVectorEnv(id, N, horizon=HORIZON, **options)
    # What the PettingZoo door compiles for this world serves here too; the horizon is the vector's matter.
    plain = env.simulation.replace(id="", horizon=2**31 - 1)
    a, rng, keys = env.agents_per_world, np.random.default_rng(0), Schedule(7)
    rows = OBSERVATIONS["flat"].rows
    observations, infos = env.reset(seed=7)
    states = []
    for w, key in enumerate(jax.random.split(keys.next(), N)):
        state, timestep = plain.reset(key)
        states.append(state)
        assert agree(observations[w * a : (w + 1) * a], rows(timestep.observation))
    assert not np.any([*infos["signals"].values(), infos["team_metric"]])
    keys.next()  # the pool's
    for t in range(1, HORIZON + 1):
        action = random_actions(env, rng)
        observations, rewards, terminated, truncated, infos = env.step(action)
        assert not terminated.any() and (truncated == (t == HORIZON)).all()
        seen = np.stack(infos["final_obs"]) if t == HORIZON else observations
        for w, key in enumerate(keys.of_worlds(N)):
            mine = slice(w * a, (w + 1) * a)
            states[w], timestep = plain.step(key, states[w], action[mine].astype(action.dtype))
            signals = np.asarray(timestep.signals)
            assert agree(seen[mine], rows(timestep.observation))
            assert agree(np.stack([s[mine] for s in infos["signals"].values()], -1), signals)
            assert agree(rewards[mine], (env.drives * signals).sum(-1))
            assert np.allclose(infos["team_metric"][mine], np.asarray(timestep.joint).mean())


def test_every_world_is_a_pettingzoo_episode_to_the_bit(monkeypatch):
    env = grid()
    rng, keys = np.random.default_rng(1), Schedule(3)
    told = play(env, HORIZON, rng_seed=1, seed=3)
    resets = jax.random.split(keys.next(), N)
    keys.next()  # the pool's
    steps = [keys.of_worlds(N) for _ in range(HORIZON)]
    actions = [random_actions(env, rng) for _ in range(HORIZON)]
    ended = 0
    for w in range(N):
        one = SocialParallelEnv(env.simulation)
        mine = iter([resets[w], *[step[w] for step in steps]])
        monkeypatch.setattr(one, "_next_key", lambda mine=mine: next(mine))
        observations, _ = one.reset(seed=0)
        for i, name in enumerate(one.possible_agents):
            assert np.array_equal(told[0][0][3 * w + i], observations[name])
        for action, given in zip(actions, told[1:], strict=True):
            observations, rewards, _, truncations, infos = one.step(
                {name: action[3 * w + i] for i, name in enumerate(one.possible_agents)}
            )
            for i, name in enumerate(one.possible_agents):
                b = 3 * w + i
                seen = given[4]["final_obs"][b] if truncations[name] else given[0][b]
                ended += truncations[name]
                assert np.array_equal(seen, observations[name])
                assert (given[1][b], given[3][b]) == (rewards[name], truncations[name])
                for channel, value in infos[name]["signals"].items():
                    assert given[4]["signals"][channel][b] == np.float32(value)
    assert ended == env.num_envs


def test_where_an_episode_ends_the_next_begins_from_the_pool_in_the_same_step():
    env = grid(pool_size=4)
    told = play(env, 2 * HORIZON, seed=0)
    keys = Schedule(0)
    keys.next()
    pool = env._worlds.pool(keys.next())
    begins = np.asarray(OBSERVATIONS["flat"].rows(pool.timestep.observation))  # [P, A, D]
    for t, (observations, _, _, truncated, infos) in enumerate(told[1:], 1):
        assert truncated.all() == (t % HORIZON == 0) == ("final_obs" in infos)
        if t == HORIZON:
            assert infos["_final_obs"].all() and infos["_final_info"].all()
            assert same(infos["final_info"]["signals"], infos["signals"])
            for w in range(N):
                mine = observations[3 * w : 3 * w + 3]
                assert any(np.array_equal(mine, begin) for begin in begins)
                assert not np.array_equal(mine, np.stack(infos["final_obs"][3 * w : 3 * w + 3]))


class Ending(World):
    """A world that is over as soon as any agent interacts."""

    inner: World

    num_agents = property(lambda self: self.inner.num_agents)
    actions = property(lambda self: self.inner.actions)

    def reset(self, key):
        return self.inner.reset(key)

    def step(self, key, state, action):
        return self.inner.step(key, state, action)

    def scene(self, state):
        return self.inner.scene(state)

    def terminated(self, state):
        return (self.scene(state).act == Act.INTERACT).any()


def test_one_world_ends_for_all_its_agents_and_for_no_others():
    simulation = socialsim.make("rendezvous-v0", **GRID, horizon=HORIZON)
    env = SocialVectorEnv(simulation.replace(world=Ending(simulation.world)), N)
    env.reset(seed=0)
    env.step(np.zeros(9, int))
    action = np.zeros(9, int)
    action[4] = Act.INTERACT  # the middle world's middle agent
    before = env._state.time
    assert before.tolist() == [1, 1, 1]
    _, _, terminated, truncated, infos = env.step(action)
    ended = [False] * 3 + [True] * 3 + [False] * 3
    assert terminated.tolist() == ended == infos["_final_obs"].tolist() == infos["_final_info"].tolist()
    assert [last is not None for last in infos["final_obs"]] == ended
    assert not truncated.any()
    assert env._state.time.tolist() == [2, 0, 2]
    for _ in range(2):
        *_, truncated, _ = env.step(np.zeros(9, int))
        assert not truncated.any()
    *_, truncated, _ = env.step(np.zeros(9, int))
    assert truncated.tolist() == [not end for end in ended]


def test_an_episode_is_its_seed():
    env, other = grid(), grid(seed=5)
    steps = 3 * HORIZON  # beyond a new pool
    first = play(env, steps, seed=5)
    play(env, steps, seed=6)
    assert same(first, play(env, steps, seed=5))
    assert same(first, play(other, steps))  # the constructor's seed is the first reset's
    assert not same(first, play(other, steps))  # which then goes on
    assert not same(first, play(env, steps, seed=6))


def test_the_pool_is_drawn_anew_after_every_horizon():
    env = grid()
    env.reset(seed=0)
    first, changed = env._pool, []
    for _ in range(2 * HORIZON + 1):
        env.step(np.zeros(env.num_envs, int))
        changed.append(env._pool is not first)
        first = env._pool
    assert [t for t, c in enumerate(changed) if c] == [HORIZON, 2 * HORIZON]


@pytest.mark.parametrize("observation", ["flat", "sets"])
def test_gymnasiums_own_checks(observation):
    env = grid(observation=observation)
    assert isinstance(env, gymnasium.vector.VectorEnv)
    assert env.num_envs == N * 3 and env.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    passive_env_checker.check_action_space(env.single_action_space)
    if observation == "flat":  # it warns of every Dict
        passive_env_checker.check_observation_space(env.single_observation_space)
    assert env.action_space.shape == (env.num_envs,)
    for told in play(env, HORIZON + 1, seed=0):
        passive_env_checker.check_obs(told[0], env.observation_space, "step")
        assert env.observation_space.contains(told[0])
        for last in told[-1].get("final_obs", ()):
            assert env.single_observation_space.contains(last)
    env.action_space.seed(0)
    _, rewards, terminated, truncated, _ = env.step(env.action_space.sample())
    assert (rewards.dtype, terminated.dtype, truncated.dtype) == (np.float32, bool, bool)
    assert all(x.flags.writeable for x in (rewards, terminated, truncated))
    env.close()
    assert env.closed


def test_gymnasiums_wrappers():
    """Returns and lengths as its recorder counts them, and infos as lists, are those of the episodes."""
    env = wrappers.DictInfoToList(wrappers.RecordEpisodeStatistics(grid()))
    told = play(env.unwrapped, HORIZON, seed=0)
    env.reset(seed=0)
    rng = np.random.default_rng(0)
    for _ in range(HORIZON):
        *_, infos = env.step(random_actions(env.unwrapped, rng))
    returns = np.sum([step[1] for step in told[1:]], axis=0)
    assert [info["episode"]["l"] for info in infos] == [HORIZON] * env.num_envs
    assert np.allclose([info["episode"]["r"] for info in infos], returns)
    assert [info["signals"]["attention"] for info in infos] == told[-1][4]["signals"]["attention"].tolist()
    assert np.array_equal(infos[1]["final_obs"], told[-1][4]["final_obs"][1])


def test_flat_is_sets_in_a_row():
    flat, sets = (play(grid(observation=o), 2, seed=1) for o in ("flat", "sets"))
    for (row, *_), (parts, *_) in zip(flat, sets, strict=True):
        ordered = [parts[p] for p in ("self", "others", "others_mask", "objects", "objects_mask")]
        stacked = np.concatenate([p.reshape(len(p), -1) for p in ordered], axis=1)
        assert np.array_equal(row, stacked.astype(np.float32))


def test_drives_change_rewards_alone_and_compile_nothing():
    env = grid(drives={"attention": 2.0})
    loud = play(env, HORIZON, seed=0)
    compiled = vector._step._cache_size()
    weights = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    env.drives = weights
    mixed = play(env, HORIZON, seed=0)
    assert vector._step._cache_size() == compiled
    for (a, r, *ends, infos), (b, other, *same_ends, _) in zip(loud[1:], mixed[1:], strict=True):
        assert np.array_equal(a, b) and same(ends, same_ends)
        signals = np.stack(list(infos["signals"].values()), -1)
        assert np.allclose(r, 2.0 * infos["signals"]["attention"])
        assert np.allclose(other, (np.tile(weights, (N, 1)) * signals).sum(-1))
    with pytest.raises(ValueError, match="read-only"):
        env.drives[0, 0] = 1.0


def test_the_state_stays_in_jax_and_its_memory_is_used_again():
    env = grid()
    env.reset(seed=0)
    before = jax.tree.leaves(env._state)
    env.step(np.zeros(env.num_envs, int))
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(env._state))
    assert any(leaf.is_deleted() for leaf in before)


@pytest.mark.parametrize(
    "actions, says",
    [
        (np.zeros(8, int), r"shape \[8\]; allowed: .*shape \[9\]"),
        (np.zeros((3, 3), int), r"shape \[3, 3\]"),
        (np.full(9, 10), "holds 10; allowed: an integer from 0 to 9"),
        (np.full(9, -1), "-1"),
        (np.zeros(9), "float64"),
        (np.zeros(9, bool), "bool"),
        (None, "None"),
        (["advance"] * 9, "advance"),
    ],
)
def test_bad_choices(actions, says):
    env = grid()
    with pytest.raises(ActionError, match="reset"):
        env.step(np.zeros(9, int))
    env.reset(seed=0)
    with pytest.raises(ActionError, match=says) as caught:
        env.step(actions)
    assert "\n" not in str(caught.value)
    env.step(np.zeros(9, int))  # nothing was lost


@pytest.mark.parametrize("bad", [2.0, np.nan, np.inf])
def test_bad_vectors(bad):
    env = SocialVectorEnv("rendezvous-plane-v0", N, num_agents=2, needed=2, horizon=HORIZON)
    env.reset(seed=0)
    actions = np.zeros(env.action_space.shape, np.float32)
    actions[3, 1] = bad
    with pytest.raises(ActionError, match=f"holds {bad:g}"):
        env.step(actions)


@pytest.mark.parametrize(
    "options, says",
    [
        ({"num_worlds": 0}, "num_worlds=0"),
        ({"num_worlds": 2.0}, "num_worlds=2.0"),
        ({"observation": "flatt"}, "did you mean 'flat'"),
        ({"nun_agents": 3}, "did you mean 'num_agents'"),
        ({"drives": {"joy": 1.0}}, "joy"),
        ({"seed": -1}, "seed=-1"),
        ({"pool_size": 0}, "pool_size=0"),
        ({"world": "rendezvous-v9"}, "rendezvous-v0"),
        ({"world": socialsim.make("rendezvous-v0"), "size": 5}, "options size"),
    ],
)
def test_bad_options(options, says):
    with pytest.raises(OptionError, match=says):
        SocialVectorEnv(**{"world": "rendezvous-v0", "num_worlds": 2, **options})


def test_bad_seed():
    with pytest.raises(OptionError, match="seed=-1"):
        grid().reset(seed=-1)


@pytest.mark.parametrize("missing, module", [("stable_baselines3", "sb3"), ("torch", None)])
def test_without_the_client_a_line_names_the_extra(monkeypatch, missing, module):
    monkeypatch.setitem(sys.modules, missing, None)  # as if it were not installed
    monkeypatch.delitem(sys.modules, "socialsim.envs.sb3", raising=False)
    with pytest.raises(OptionError, match=rf"{missing}, which is not installed; .*socialsim\[clients\]"):
        if module:
            importlib.import_module(f"socialsim.envs.{module}")
        else:
            grid(as_torch=True)


def test_worlds_that_differ_in_numbers_share_a_compiled_step():
    env, other = grid(needed=3), grid(needed=2)
    assert not same(env.simulation.world, other.simulation.world)
    play(env, 1, seed=0)
    compiled = vector._step._cache_size()
    play(other, 1, seed=0)
    assert vector._step._cache_size() == compiled
