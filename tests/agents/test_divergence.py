"""A NaN injected in any channel, by any way in, is caught and the channel it came in by is named.

One compiled program of many runs: what is poisoned is data.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import struct

import socialsim
from socialsim.agents.networks import NetworkConfig
from socialsim.agents.ppo import CARRIED, PPOConfig
from socialsim.agents.program import Program
from socialsim.agents.training import TrainConfig, _check_finite
from socialsim.core.drives import DEFAULT_DRIVES
from socialsim.core.errors import DivergenceError

OWN = ("news", "skill")
CONFIG = TrainConfig(PPOConfig(network=NetworkConfig(width=8), worlds=8, steps=8, minibatches=2), 128, 1)


class Rewards:
    """Two rewards of the learner's own, each what is kept for it."""

    channels = OWN

    def init(self, key, env):
        return jnp.zeros(2)

    def __call__(self, kept, key, path, last):
        return kept, jnp.broadcast_to(kept, (*path.value.shape[:-1], 2)), {}


class Potential(struct.PyTreeNode):
    level: jax.Array

    def score(self, obs):
        nothing = jnp.zeros(obs.self.shape[:-1])
        return nothing, nothing + self.level


@pytest.fixture(scope="module")
def learned():
    """Way in -> metrics of one run poisoned there, and the names of the channels."""
    env = socialsim.make("rendezvous-v0", num_agents=2, needed=2, size=6, walls=0, horizon=16)
    channels = (*env.channels, *OWN, CARRIED)
    ways = ["none", *(("head", c) for c in channels), *(("kept", c) for c in OWN), ("score", CARRIED)]
    ways += [("trace", c) for c in ("attention", "imitation")]
    run = {w: i for i, w in enumerate(ways)}
    program = Program(env, CONFIG.ppo, 1, len(ways), True, intrinsic=Rewards())
    learner = program.whole(program.init(jax.random.split(jax.random.key(0), len(ways))))

    def poisoned(path, leaf):
        """Value head's bias [R, C]; what signals remember [R, E, ...]."""
        name = jax.tree_util.keystr(path)
        if "params" in name and "value_head" in name and "bias" in name and "optimiser" not in name:
            for i, c in enumerate(channels):
                leaf = jnp.asarray(leaf).at[run["head", c], i].set(jnp.nan)
        for i, c in enumerate(env.channels[:2]):
            if f".traces[{i}]" in name:
                leaf = jnp.asarray(leaf).at[run["trace", c]].set(jnp.nan)
        return leaf

    learner = jax.tree_util.tree_map_with_path(poisoned, learner)
    kept = np.zeros((len(ways), 2), np.float32)
    for i, c in enumerate(OWN):
        kept[run["kept", c], i] = np.nan
    level = np.zeros(len(ways), np.float32)
    level[run["score", CARRIED]] = np.nan
    weights = [DEFAULT_DRIVES.get(c, 1.0) for c in channels]
    drives = np.broadcast_to(np.float32(weights), (len(ways), 2, len(channels)))
    learners = program.apart(dataclasses.replace(learner, intrinsic=kept))
    metrics = program.chunk(learners, drives, Potential(level))[1]
    return {w: {k: v[i : i + 1] for k, v in metrics.items()} for w, i in run.items()}, channels


def test_what_is_sound_passes(learned):
    told, channels = learned
    _check_finite(told["none"], channels, 0, 1)


@pytest.mark.parametrize(
    ("way", "channel"),
    [("head", c) for c in ("attention", "imitation", "coordination", *OWN, CARRIED)]
    + [("kept", c) for c in OWN]
    + [("score", CARRIED), ("trace", "attention"), ("trace", "imitation")],
)
def test_the_channel_it_came_in_by_is_named(learned, way, channel):
    told, channels = learned
    with pytest.raises(DivergenceError, match=f"in channel '{channel}', run 0, update 1; kept"):
        _check_finite(told[way, channel], channels, 0, 1)


def sound(runs, updates, channels):
    return {
        **{n: np.zeros((runs, updates, channels)) for n in ("signal", "target_mean", "critic_loss")},
        **{n: np.zeros((runs, updates)) for n in ("entropy", "actor_loss")},
    }


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_earliest_update_and_its_cause_come_first(value):
    channels = ("a", "b", "c")
    for name in ("signal", "target_mean", "critic_loss"):
        for c, channel in enumerate(channels):
            metrics = sound(2, 4, 3)
            metrics[name][1, 2, c] = value
            metrics["critic_loss"][1, 3] = np.nan  # what it led to
            with pytest.raises(DivergenceError, match=f"{name} in channel '{channel}', run 1, update 13"):
                _check_finite(metrics, channels, 2, 5)
    for name in ("entropy", "actor_loss"):
        metrics = sound(2, 4, 3)
        metrics[name][0, 0] = value
        with pytest.raises(DivergenceError, match="in the policy, run 0, update 1"):
            _check_finite(metrics, channels, 0, 5)
    shared = sound(1, 1, 3)
    shared["critic_loss"][:] = value
    with pytest.raises(DivergenceError, match="critic_loss in every channel"):
        _check_finite(shared, channels, 0, 1)
