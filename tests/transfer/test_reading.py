"""Values read in a new world: planted ones are found, either way round, and untrained networks are not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import socialsim
from socialsim.agents.bots import scripted_team
from socialsim.agents.networks import NetworkConfig
from socialsim.agents.team import new_team
from socialsim.analysis.recording import play
from socialsim.core.errors import OptionError
from socialsim.transfer.reading import (
    RIGHT,
    UNDECIDED,
    UNMEASURED,
    WRONG,
    direction,
    untrained_agreement,
    zero_shot,
)

CONFIG = NetworkConfig(width=8)


@pytest.fixture(scope="module")
def env():
    return socialsim.make("rendezvous-v0", num_agents=3, needed=2, size=7, walls=0, horizon=32)


@pytest.fixture(scope="module")
def episodes(env):
    return play(env, scripted_team(env, epsilon=0.3), jax.random.key(1), worlds=128)


def untrained(env, seed):
    return new_team(jax.random.key(seed), CONFIG, env.actions, env.channels, 3)


def test_untrained_ensembles_are_hardly_ever_called_right_or_wrong(env, episodes):
    """Against values of other episodes alone they often are: that is why the second control is there.

    Nominal for both sides together is 5 %; twice that is allowed for, since the ends are of 39 draws."""
    seen = untrained_agreement(episodes, untrained(env, 0), 2, env.channels, discount=0.9, every=2)
    assert seen.shape == (39, 3)
    once, both, trials = 0, 0, 30
    for i in range(trials):
        teams = [untrained(env, 100 + 2 * i + k) for k in range(2)]
        found = zero_shot(episodes, teams, env.channels, discount=0.9, every=2, untrained=seen)
        for e in found.values():
            once += e.low > e.null_high or e.high < e.null_low
            both += e.direction in (RIGHT, WRONG)
    assert both <= 0.1 * 3 * trials < once


@pytest.mark.parametrize(("sign", "said"), [(1.0, RIGHT), (-1.0, WRONG)])
def test_planted_values_are_found_either_way_round(env, episodes, monkeypatch, sign, said):
    """A team whose values are the returns that follow, with noise as large as they."""
    from socialsim.analysis.recording import Reading, Returns
    from socialsim.transfer import reading

    returns = np.asarray(Returns(0.9)(episodes)[0])
    noise = np.random.default_rng(0).normal(size=returns.shape) * returns.std((0, 1, 2))
    planted = jnp.asarray(sign * returns + noise)
    monkeypatch.setattr(reading, "read", lambda team, observation: Reading(planted, {}))
    found = zero_shot(episodes, [untrained(env, 0)] * 2, env.channels, discount=0.9)
    assert found["coordination"].direction == said
    assert len(found["coordination"].per_team) == 2 and found["coordination"].ensembles == 39


def test_direction_wants_both_controls():
    row = {"estimate": 0.3, "low": 0.2, "high": 0.4, "null_low": -0.1, "null_high": 0.1}
    assert direction(row) == UNMEASURED
    assert direction(row | {"untrained_low": -0.2, "untrained_high": 0.2}) == RIGHT
    assert direction(row | {"untrained_low": -0.4, "untrained_high": 0.35}) == UNDECIDED
    turned = {"estimate": -0.3, "low": -0.4, "high": -0.2, "null_low": -0.1, "null_high": 0.1}
    assert direction(turned | {"untrained_low": -0.2, "untrained_high": 0.2}) == WRONG
    assert direction({k: None for k in row}) == UNMEASURED


def test_nobody_to_read_is_refused(env, episodes):
    with pytest.raises(OptionError, match="no teams"):
        zero_shot(episodes, [], env.channels, discount=0.9)
    with pytest.raises(OptionError, match="untrained=0"):
        zero_shot(episodes, [untrained(env, 0)], env.channels, discount=0.9, untrained=0)
