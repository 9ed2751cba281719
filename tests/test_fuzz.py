"""Whatever is asked on the command line or found in a config file: one clear line, never a traceback.

`HYPOTHESIS_PROFILE=search` looks for new examples, a thousand a test; see docs/reliability.md.
"""

import dataclasses
import io
import math
import tempfile
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path

import hypothesis
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import strategies as st
from small_worlds import OPTIONS

import socialsim
from socialsim.agents import loading
from socialsim.agents.bots.base import random_action
from socialsim.cli import bench, main
from socialsim.core.drives import drive_matrix
from socialsim.core.errors import OptionError, SocialsimError
from socialsim.core.registry import entry
from socialsim.core.signals import DEFAULT_SIGNALS, Attention, Coordination, Imitation
from socialsim.runs import Run, folder

MANY = hypothesis.settings().max_examples
LIGHT = [w for w in socialsim.worlds() if entry(w).entry_point.split(".")[2] != "mujoco"]
"""Worlds that are made in milliseconds."""

numbers = st.one_of(
    st.integers(-3, 70),
    st.integers(-(10**20), 10**20),
    st.floats(-2, 20),
    st.sampled_from([float("nan"), float("inf"), 1e-320, 1e300]),
)
values = st.one_of(
    numbers.map(str),
    st.sampled_from(
        ["", "true", "null", "[]", "{}", "[1, 2]", '"4"', "none", "1e999", "0x10", "-", "--", "="]
    ),
    st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=6),
)


class Reached(Exception):
    """All that was asked has been checked and the work would begin."""


@pytest.fixture(autouse=True)
def nothing_heavy(monkeypatch, tmp_path):
    def reached(*_, **__):
        raise Reached

    monkeypatch.setattr("socialsim.devices.use_all_cores", lambda: None)
    for place in ("socialsim.agents.loading.train", "socialsim.experiments.survey.survey"):
        monkeypatch.setattr(place, reached)
    for name in ("simulation", "training"):
        monkeypatch.setattr(bench, name, reached)
    monkeypatch.chdir(tmp_path)


def odd_words(*names):
    """`--name value` pairs, and stray values."""
    pair = st.tuples(st.sampled_from(names), values).map(lambda p: [f"--{p[0]}", p[1]])
    return st.lists(st.one_of(pair, pair, pair, values.map(lambda v: [v])), max_size=4).map(
        lambda words: [w for each in words for w in each]
    )


option = st.one_of(
    st.tuples(st.sampled_from(["num_agents", "size", "needed", "walls", "horizon", "sight", ""]), values),
    st.tuples(values, values),
).map(lambda p: ["--option", "=".join(p)])
drives = st.one_of(
    values, st.tuples(st.sampled_from(["attention", "imitation", "x"]), values).map("=".join)
).map(lambda v: ["--drives", v])
ppo = st.one_of(
    values, st.tuples(st.sampled_from(["worlds", "pool", "clip", "network.width", "x"]), values).map("=".join)
).map(lambda v: ["--ppo", v])
commands = st.one_of(
    st.tuples(
        st.sampled_from(["train", "bench"]),
        st.one_of(st.sampled_from(LIGHT), values),
        st.lists(st.one_of(option, drives, ppo), max_size=3).map(lambda w: [x for y in w for x in y]),
        odd_words("agent-steps", "seeds", "seed", "chunks", "worlds", "steps", "repeats"),
    ).map(lambda t: [t[0], t[1], *t[2], *t[3]]),
    st.tuples(
        st.sampled_from(["probe", "assay", "transfer", "report", "replay", "experiment", "strangers"]),
        st.one_of(values, st.sampled_from([".", "/dev/null", "/proc/1", "here/", "a" * 300])),
        odd_words("targets", "seeds", "episodes", "preset", "team", "world", "seed", "concepts"),
    ).map(lambda t: [t[0], t[1], *t[2]]),
    st.lists(values, max_size=3),
)


@pytest.mark.slow
@hypothesis.settings(
    max_examples=4 * MANY, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@hypothesis.given(commands)
def test_any_command_line_ends_in_words(arguments):
    here = Path(tempfile.mkdtemp(dir=Path.cwd()))
    with chdir(here):
        ends_in_words(here, arguments)


def ends_in_words(here, arguments):
    out = ["--out", "run"] if arguments[:1] == ["train"] else []
    said, shown, begun = io.StringIO(), io.StringIO(), False
    with redirect_stderr(said), redirect_stdout(shown):
        try:
            status = main([*arguments, *out])
        except SystemExit as stopped:  # what tyro says of words that fit no option
            assert stopped.code in (0, 2)
            return
        except Reached:
            begun, status = True, 0
    assert status in (0, 2)
    if status == 2:
        lines = said.getvalue().splitlines()
        assert len(lines) == 1 and lines[0].startswith("socialsim: ") and len(lines[0]) > 20, lines
    assert begun or not list(here.iterdir()), "a refused command leaves nothing behind"


json = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers.filter(math.isfinite), st.text(max_size=4)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=5,
)


@hypothesis.settings(max_examples=2 * MANY)
@hypothesis.given(st.data())
def test_any_config_of_a_run_is_read_or_refused(tmp_path_factory, data):
    """Sealed, hence no damage, but written by who knows whom."""
    good = {
        "command": "train",
        "world": "rendezvous-v0",
        "options": {},
        "agent_steps": 10,
        "seeds": 1,
        "seed": 0,
        "chunks": 1,
        "drives": {},
        "ppo": {"network": {"width": 8}},
    }
    names = st.sampled_from(sorted(good.keys() - {"command"}))
    odd = dict(good)
    for name in data.draw(st.lists(names, min_size=1, max_size=2)):
        if data.draw(st.booleans()):
            odd[name] = data.draw(json)
        else:
            odd.pop(name, None)
    path = tmp_path_factory.mktemp("run")
    folder.write_config(path, odd)
    with pytest.raises(SocialsimError) as refused:
        loading.load_run(path)
    assert "\n" not in str(refused.value)


tame = st.floats(0.0625, 50, width=32)
wild = st.one_of(tame, st.sampled_from([0.0, -1.0, 1e-30, 1e-320, 1e30, 1e300, float("inf"), float("nan")]))
lags = st.lists(st.one_of(st.integers(1, 4), st.sampled_from([0, -1, 1.5, True])), max_size=3).map(tuple)


def of(signal, **fields):
    def make(given):
        try:
            return signal(**given)
        except OptionError as error:
            assert "\n" not in str(error) and "allowed" in str(error)
            return None

    return st.fixed_dictionaries({}, optional=fields).map(make)


chosen = st.tuples(
    of(Attention, fade=wild, memory=wild, power=wild, roam=wild, joint=wild, eps=wild),
    of(Imitation, lags=lags, memory=wild, habit_memory=wild, power=wild),
    of(Coordination, cap=wild),
)


@pytest.mark.slow
@hypothesis.settings(max_examples=max(MANY // 8, 4))
@hypothesis.given(
    st.sampled_from(LIGHT),
    chosen,
    st.lists(st.sampled_from([0.0, 1e-6, 1.0, 1e6]), min_size=3, max_size=3),
    st.integers(0, 2**31),
)
@pytest.mark.slow
def test_worlds_options_actions_drives_and_signals_together(id, signals, weights, seed):
    """Whatever is accepted gives finite, bounded signals and a finite reward, for any actions."""
    signals = [s for s in signals if s is not None] or list(DEFAULT_SIGNALS)
    env = socialsim.make(id, signals=signals, horizon=6, **OPTIONS.get(id, {}))
    drives = drive_matrix(dict(zip(env.channels, weights, strict=False)), env.channels, env.num_agents)

    def play(key):
        state, first = env.reset(key)

        def step(state, key):
            act, move = jax.random.split(key)
            state, timestep = env.step(move, state, random_action(act, env.actions, env.num_agents))
            return state, timestep

        return first, jax.lax.scan(step, state, jax.random.split(key, 8))[1]

    first, steps = jax.jit(play)(jax.random.key(seed))
    for leaf in jax.tree.leaves((first.observation, steps.observation)):
        assert bool(jnp.isfinite(leaf.astype(jnp.float32)).all())
    received = np.asarray(steps.signals)
    assert np.isfinite(received).all(), [dataclasses.asdict(s) for s in env.signals]
    assert np.isfinite((received * drives).sum(-1)).all()


@hypothesis.given(json)
def test_any_config_is_kept_as_it_is_or_refused(tmp_path_factory, config):
    path = tmp_path_factory.mktemp("run") / "r"
    try:
        Run.create(path, {"a": config}).close()
    except SocialsimError as error:
        assert "\n" not in str(error)
        return
    assert Run.open(path).config == {"a": config}
