"""What a simulation asks of its parts: types in any precision, signals, senses, worlds of one's own."""

import dataclasses
import sys
import types
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import socialsim
from socialsim.core import registry, signals
from socialsim.core.errors import OptionError
from socialsim.core.signals import Imitation, Signal
from socialsim.envs.vector import simulation_of
from tests.small_worlds import WORLDS, small

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def tiny():
    return socialsim.make("rendezvous-v0", num_agents=2, needed=2, num_pads=1, size=5, walls=0, horizon=3)


def some_action(env, *leading):
    kind = env.actions
    shape = (*leading, env.num_agents, *[kind.size] * kind.continuous)
    return jnp.zeros(shape, float if kind.continuous else int)  # double precision where that is on


@pytest.mark.parametrize("id", WORLDS)
def test_a_step_has_the_types_of_a_reset_in_double_precision_too(id):
    with jax.enable_x64(True):
        env = small(id)
        begun = jax.eval_shape(env.reset, KEY)
        after = jax.eval_shape(env.step, KEY, begun[0], some_action(env))
    for old, new in zip(jax.tree.leaves(begun), jax.tree.leaves(after), strict=True):
        assert (old.shape, old.dtype) == (new.shape, new.dtype)
    stepped = after[1]
    assert stepped.signals.dtype == stepped.joint.dtype == stepped.observation.self.dtype == jnp.float32


@pytest.mark.parametrize("id", ["rendezvous-v0", "flock-v0", "public-goods-v0"])
def test_worlds_restart_in_double_precision_too(id):
    with jax.enable_x64(True):
        env = small(id)
        worlds = socialsim.AutoReset(env, 2, 2)
        pool, (state, _) = (jax.eval_shape(f, KEY) for f in (worlds.pool, worlds.reset))
        assert jax.eval_shape(worlds.step, KEY, pool, state, some_action(env, 2))[0] == state


def given_by(rule, length=1):
    """A signal by a rule of the window, that remembers `length` steps of `field`."""

    @dataclasses.dataclass(frozen=True)
    class Given(Signal):
        field: str = "joint"
        name: ClassVar[str] = "given"

        @property
        def remembers(self):
            return {self.field: length}

        def __call__(self, window):
            return rule(window)

    return Given


@pytest.mark.parametrize(
    ("rule", "named"),
    [
        (lambda w: w.scene.joint.sum(), r"float32 of shape \[\]"),
        (lambda w: w.scene.joint[:, None], r"float32 of shape \[2, 1\]"),
        (lambda w: w.scene.joint > 0, "bool of shape"),
        (lambda w: w.scene.act, "int32 of shape"),
    ],
)
def test_a_signal_is_one_floating_point_number_per_agent(tiny, rule, named):
    env = tiny.replace(signals=("coordination", given_by(rule)()))
    state = jax.eval_shape(env.reset, KEY)[0]
    with pytest.raises(OptionError, match=f"signal 'given' gives {named}.*allowed: .*shape \\[2\\]"):
        jax.eval_shape(env.step, KEY, state, jnp.zeros(2, jnp.int32))


def test_signals_remember_what_scenes_have(tiny):
    good = given_by(lambda w: w.past["joint"][0])
    assert tiny.replace(signals=(good(),)).channels == ("given",)
    with pytest.raises(OptionError, match=r"given.remembers 'acts'.*did you mean 'act'"):
        tiny.replace(signals=(good(field="acts"),))
    with pytest.raises(OptionError, match=r"given.remembers\['joint'\]=0; allowed: an integer >= 1"):
        socialsim.make("rendezvous-v0", signals=(given_by(lambda w: w.scene.joint, 0)(),))


def test_simulations_made_by_hand_are_checked(tiny):
    named = tiny.replace(signals=["attention", Imitation()])
    assert named.channels == ("attention", "imitation") and hash(named.signals)
    for bad in ("attention", (), ("attention", "attention"), Imitation(), None, ("atention",)):
        with pytest.raises(OptionError, match="signal.*allowed"):
            tiny.replace(signals=bad)
    for bad in ("bfloat16", None):
        with pytest.raises(OptionError, match=r"senses=.*allowed: Senses\(\)"):
            tiny.replace(senses=bad)
    assert tiny.replace(horizon=np.int64(2**31 - 1)).horizon == 2**31 - 1
    for bad in (0, 2**31, 2.0, True):
        with pytest.raises(OptionError, match="horizon=.*2147483647"):
            tiny.replace(horizon=bad)


def test_lags_are_a_sequence():
    assert Imitation(lags=[1, np.int64(3)]) == Imitation(lags=(1, 3))
    for bad in (3, "12", None):
        with pytest.raises(OptionError, match="imitation: lags=.*allowed: one or more integers"):
            Imitation(lags=bad)
    with pytest.raises(OptionError, match="imitation: memory='9'"):
        Imitation(memory="9")


def test_a_world_is_made_into_a_simulation(tiny):
    env = socialsim.make(tiny.world, signals=("coordination",), horizon=5)
    assert env.world is tiny.world and env.channels == ("coordination",) and env.horizon == 5
    assert socialsim.make(tiny.world).horizon == tiny.world.horizon
    assert simulation_of(tiny.world, {"horizon": 5}).horizon == 5
    with pytest.raises(OptionError, match="options size beside a World"):
        socialsim.make(tiny.world, size=5)


@pytest.fixture
def own_module(monkeypatch):
    """A module with a factory `one`, and the registries as they are now."""
    module = types.ModuleType("own_worlds")
    module.one = lambda: None
    monkeypatch.setitem(sys.modules, "own_worlds", module)
    monkeypatch.setattr(registry, "_ENTRIES", dict(registry._ENTRIES))
    monkeypatch.setattr(signals, "_SIGNALS", dict(signals._SIGNALS))
    return module


def test_a_cell_that_registers_may_be_run_again(own_module):
    for summary in ("first", "second"):
        socialsim.register("own-v0", "own_worlds:one", summary)
    assert registry.entry("own-v0").summary == "second"
    with pytest.raises(OptionError, match="own-v0' is registered already .own_worlds:one.; allowed"):
        socialsim.register("own-v0", "own_worlds:two", "another")
    kinds = [given_by(lambda w: w.scene.joint) for _ in range(2)]
    for kind in kinds:
        assert socialsim.register_signal(kind) is kind
    assert type(signals.make_signal("given")) is kinds[1]


def test_pettingzoo_is_told_of_worlds_that_come_later(own_module):
    from socialsim.envs.pettingzoo import pettingzoo

    socialsim.register("later-v0", "own_worlds:one", "later")
    assert pettingzoo.parallel_registry.pop("socialsim/later-v0")
    assert pettingzoo.aec_registry.pop("socialsim/later-v0")
