"""The PettingZoo door of every world: PettingZoo's own suites, seeds over whole episodes, JAX to the bit."""

import copy
import importlib
import inspect
import pickle
import subprocess
import sys
import warnings

import jax
import numpy as np
import pettingzoo
import pytest
from small_worlds import HORIZON, OPTIONS, WORLDS

from socialsim.core.drives import DEFAULT_DRIVES, drive_matrix
from socialsim.core.errors import ActionError, OptionError
from socialsim.envs.pettingzoo import MAX_SEED

with warnings.catch_warnings():
    # PettingZoo's tests import its own example environments in a way that PettingZoo deprecates.
    warnings.simplefilter("ignore", DeprecationWarning)
    from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test, seed_test
    from pettingzoo.test.max_cycles_test import max_cycles_test
    from pettingzoo.test.render_test import render_test
    from pettingzoo.test.state_test import state_test


class Small:
    """A door with small defaults, in the shape of a PettingZoo module."""

    def __init__(self, id):
        self.id = id
        self.door = importlib.import_module(f"socialsim.envs.{id.replace('-', '_')}")
        self.options = {"horizon": HORIZON} | OPTIONS.get(id, {})

    def _make(self, constructor, options):
        defaults = dict(self.options)
        if "max_cycles" in options:
            defaults.pop("horizon")
        return constructor(**{**defaults, **options})

    def parallel_env(self, **options):
        return self._make(self.door.parallel_env, options)

    def env(self, **options):
        return self._make(self.door.env, options)

    def raw_env(self, **options):
        return self._make(self.door.raw_env, options)


@pytest.fixture(scope="module", params=WORLDS)  # module: all tests of one world in a row
def small(request):
    return Small(request.param)


@pytest.fixture
def grid():
    return Small("rendezvous-v0")


def random_actions(env, rng):
    def one(space):
        if hasattr(space, "n"):
            return int(rng.integers(space.n))
        return rng.uniform(-1, 1, space.shape).astype(np.float32)

    return {a: one(env.action_space(a)) for a in env.agents}


def play(env, seed, rng_seed=0):
    """All that an episode gives, reset included."""
    rng = np.random.default_rng(rng_seed)
    told = [env.reset(seed=seed)]
    while env.agents:
        told.append(env.step(random_actions(env, rng)))
    return told


def same(a, b):
    leaves = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return jax.tree.structure(a) == jax.tree.structure(b) and all(np.array_equal(x, y) for x, y in leaves)


# PettingZoo's complaints about spaces that are not Box or Discrete do not concern the default, flat ones;
# any warning is an error here.
def test_pettingzoo_suites(small):
    parallel_api_test(small.parallel_env(), num_cycles=40)
    api_test(small.env(), num_cycles=40)
    parallel_seed_test(small.parallel_env)
    seed_test(small.env, num_cycles=20)
    max_cycles_test(small)
    env = small.env()
    state_test(env, small.parallel_env())


def test_render(small, monkeypatch):
    import matplotlib

    monkeypatch.setitem(matplotlib.rcParams, "backend", "agg")
    render_test(lambda **options: small.env(render_size=96, **options))


def test_an_episode_is_its_seed(small):
    env, other = small.parallel_env(), small.parallel_env()
    first = play(env, seed=5)
    play(env, seed=6)
    assert same(first, play(env, seed=5))
    assert same(first, play(other, seed=5))
    assert not same(first, play(other, seed=6))


def test_pettingzoo_is_jax_to_the_bit(small):
    env = small.parallel_env()
    # One world of each physics is compiled anew, as a user would; the others share the door's own step.
    anew = small.id in ("rendezvous-v0", "beam-v0")
    simulation = env.simulation if anew else env._compiled
    rng = np.random.default_rng(0)
    key = jax.random.key(11)
    key, sub = jax.random.split(key)
    state, timestep = simulation.reset(sub)
    observations, _ = env.reset(seed=11)
    while env.agents:
        assert same(list(observations.values()), env._reader(timestep.observation))
        actions = random_actions(env, rng)
        key, sub = jax.random.split(key)
        state, timestep = simulation.step(sub, state, np.stack(list(actions.values())))
        observations, rewards, terminations, truncations, infos = env.step(actions)
        assert set(terminations.values()) == {bool(timestep.terminated)}
        assert set(truncations.values()) == {int(state.time) == HORIZON}
        assert bool(timestep.truncated) == (anew and int(state.time) == HORIZON)
        signals = np.asarray(timestep.signals)
        given = [list(i["signals"].values()) for i in infos.values()]
        assert np.array_equal(np.array(given, np.float32), signals)
        assert np.allclose(list(rewards.values()), (env.drives * signals).sum(-1), atol=1e-6)
        assert {i["team_metric"] for i in infos.values()} == {float(np.asarray(timestep.joint).mean())}
    assert int(state.time) == HORIZON


def test_spaces(small):
    for observation in ("flat", "sets"):
        env = small.parallel_env(observation=observation)
        for told in play(env, seed=0):
            for agent, seen in told[0].items():
                assert env.observation_space(agent).contains(seen)
        assert env.observation_space("agent_0") is env.observation_space("agent_0")
    assert env.state_space.contains(env.state())


def test_flat_is_sets_in_a_row(grid):
    flat, sets = (grid.parallel_env(observation=o).reset(seed=3)[0] for o in ("flat", "sets"))
    for agent, parts in sets.items():
        row = [parts[p].ravel() for p in ("self", "others", "others_mask", "objects", "objects_mask")]
        assert np.array_equal(flat[agent], np.concatenate(row).astype(np.float32))


def test_copies_go_on_alike(small):
    env = small.parallel_env()
    env.reset(seed=1)
    rng = np.random.default_rng(0)
    env.step(random_actions(env, rng))
    copies = [copy.deepcopy(env), pickle.loads(pickle.dumps(env))]
    actions = random_actions(env, rng)
    told = env.step(actions)
    assert all(same(told, c.step(actions)) for c in copies)


def test_resets_without_a_seed_go_on(grid):
    env, other = grid.parallel_env(), grid.parallel_env()
    first, second = env.reset(seed=1)[0], env.reset()[0]
    assert not same(first, second)
    other.reset(seed=1)
    assert same(second, other.reset()[0])


def test_registered_with_pettingzoo(small):
    env = pettingzoo.make("parallel", f"socialsim/{small.id}", **small.options)
    assert env.unwrapped.simulation.horizon == HORIZON
    assert isinstance(pettingzoo.make("aec", f"socialsim/{small.id}", **small.options), pettingzoo.AECEnv)


def test_drives_make_the_rewards(grid):
    loud = grid.parallel_env(drives={"attention": 2.0})
    told = [step for seed in range(8) for step in play(loud, seed, rng_seed=seed)[1:]]
    for _, rewards, _, _, infos in told:
        for agent, reward in rewards.items():
            assert reward == pytest.approx(2.0 * infos[agent]["signals"]["attention"], rel=1e-6)
    assert any(any(rewards.values()) for _, rewards, *_ in told)
    by_default = dict(zip(loud.simulation.channels, grid.parallel_env().drives[0], strict=True))
    assert by_default == pytest.approx(DEFAULT_DRIVES)


@pytest.mark.parametrize(
    "drives, says",
    [
        ({"atention": 1.0}, "did you mean 'attention'"),
        ({"attention": -1.0}, "-1"),
        ({"attention": float("nan")}, "nan"),
        ({"attention": [1.0, 2.0]}, r"\[2\]"),
        (np.ones((2, 3)), r"\[3, 3\]"),
        ("much", "much"),
    ],
)
def test_bad_drives(drives, says):
    with pytest.raises(OptionError, match=says):
        drive_matrix(drives, ("attention", "imitation", "coordination"), 3)


BAD = [
    (None, "None"),
    (10, "10; allowed: an integer from 0 to 9"),
    (-1, "-1"),
    (1.0, "float64"),
    (float("nan"), "nan"),
    (True, "True"),
    ([1], r"shape \[1\]"),
    ("advance", "advance"),
]


@pytest.mark.parametrize("action, says", BAD)
def test_bad_choices(grid, action, says):
    env = grid.parallel_env()
    env.reset(seed=0)
    with pytest.raises(ActionError, match=f"agent_1.*{says}") as caught:
        env.step({"agent_0": 0, "agent_1": action, "agent_2": 0})
    assert "\n" not in str(caught.value)
    turns = grid.env()
    turns.reset(seed=0)
    with pytest.raises(ActionError, match="agent_0"):
        turns.step(action)


@pytest.mark.parametrize(
    "action, says",
    [
        ([0.0, 0.0], r"shape \[2\]"),
        (0.0, r"shape \[\]"),
        ([0.0, 2.0, 0.0], "2"),
        ([0.0, np.nan, 0.0], "nan"),
        ([0.0, np.inf, 0.0], "inf"),
        (["a", "b", "c"], "type"),
        ([[0.0], 0.0, 0.0], "list"),
        (None, "None"),
    ],
)
def test_bad_vectors(action, says):
    env = Small("rendezvous-mujoco-v0").parallel_env()
    env.reset(seed=0)
    good = {a: np.zeros(3, np.float32) for a in env.agents}
    with pytest.raises(ActionError, match=f"agent_1.*{says}"):
        env.step({**good, "agent_1": action})


def test_bad_calls(grid):
    env = grid.parallel_env()
    still = dict.fromkeys(env.possible_agents, 0)
    with pytest.raises(ActionError, match="reset"):
        env.step(still)
    env.reset(seed=0)
    for actions, says in (
        ([0, 0, 0], "list"),
        ({"agent_0": 0}, "no action for agent_1, agent_2"),
        ({**still, "agent_9": 0}, "agent_9"),
    ):
        with pytest.raises(ActionError, match=says):
            env.step(actions)
    while env.agents:
        env.step(still)
    with pytest.raises(ActionError, match="over"):
        env.step(still)


@pytest.mark.parametrize(
    "options, says",
    [
        ({"render_mode": "rgb"}, "did you mean 'rgb_array'"),
        ({"observation": "flatt"}, "did you mean 'flat'"),
        ({"nun_agents": 3}, "did you mean 'num_agents'"),
        ({"max_cycles": 0}, "max_cycles=0|horizon=0"),
        ({"max_cycles": 3, "horizon": 4}, "two names"),
        ({"render_size": 1}, "render_size"),
        ({"drives": {"joy": 1.0}}, "joy"),
    ],
)
def test_bad_options(options, says):
    from socialsim.envs import rendezvous_v0

    with pytest.raises(OptionError, match=says):
        rendezvous_v0.parallel_env(**options)


@pytest.mark.parametrize("seed", [-1, MAX_SEED + 1, True])
def test_bad_seeds(grid, seed):
    with pytest.raises(OptionError, match="seed"):
        grid.parallel_env().reset(seed=seed)


def test_every_world_has_a_door(small):
    for name in ("parallel_env", "env", "raw_env"):
        assert "render_mode" in inspect.signature(getattr(small.door, name)).parameters


def test_render_modes_are_told():
    from socialsim.envs import rendezvous_mujoco_v0, rendezvous_v0

    solid = rendezvous_mujoco_v0.parallel_env(render_mode="rgb_array_3d").metadata["render_modes"]
    assert solid == [*rendezvous_v0.parallel_env().metadata["render_modes"], "rgb_array_3d"]


def test_import_is_light():
    code = (
        "import sys, socialsim;"
        "heavy = {'pettingzoo', 'matplotlib', 'mujoco', 'gymnasium'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
