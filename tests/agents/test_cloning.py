"""Demonstrations and what is learned from them: cloning, and a passive learner in tandem with an active
one."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import socialsim
from socialsim.agents.bots import scripted_team
from socialsim.agents.cloning import Cloning
from socialsim.agents.demonstrated import Demonstrated
from socialsim.agents.networks import NetworkConfig
from socialsim.agents.ppo import PPOConfig
from socialsim.agents.several import Several
from socialsim.agents.tandem import Tandem
from socialsim.agents.training import TrainConfig, train
from socialsim.analysis.recording import play
from socialsim.core.acts import NUM_ACTS
from socialsim.core.errors import OptionError

CONFIG = TrainConfig(
    PPOConfig(network=NetworkConfig(width=16), worlds=16, steps=16, minibatches=2, learning_rate=3e-3),
    agent_steps=100 * 16 * 16 * 2,
    chunks=2,
)
TANDEM = Several((Tandem(CONFIG.ppo, {"coordination": 1.0}),))


@pytest.fixture(scope="module")
def env():
    made = socialsim.make(
        "rendezvous-v0", num_agents=2, needed=2, num_pads=1, size=5, walls=0, horizon=16, full_view=True,
        signals=("coordination",),
    )  # fmt: skip
    shown = Demonstrated(made.world, scripted_team(made), jnp.zeros((), bool))
    return made.replace(world=shown)


def with_team(env, on):
    return env.replace(world=env.world.replace(on=jnp.asarray(on)))


@pytest.fixture(scope="module")
def trained(env):
    """Run 0: a clone, that is moved by nothing. Run 1: an active learner and, in tandem with it, a passive
    one."""
    runs = jax.tree.map(lambda x: jnp.broadcast_to(x, (2, *jnp.shape(x))), env)
    drives = np.zeros((2, 2, 2), np.float32)
    drives[1] = 1.0
    return train(
        env,
        CONFIG,
        jax.random.split(jax.random.key(0), 2),
        drives,
        worlds=with_team(runs, [True, False]),
        given=lambda chunk: {"cloning": jnp.array([1.0, 0.0])},
        auxiliary=Cloning(),
        intrinsic=TANDEM,
        quiet=True,
    )


def acts(episodes):
    return (
        np.bincount(np.asarray(episodes.scene.act[1:]).ravel(), minlength=NUM_ACTS) / episodes.joint[1:].size
    )


@pytest.mark.slow
def test_a_clone_does_what_the_scripted_team_does(env, trained):
    expert = play(with_team(env, True), trained.team(0), jax.random.key(1), worlds=64)
    clone = play(env, trained.team(0), jax.random.key(2), worlds=64)
    other = play(env, trained.team(1), jax.random.key(2), worlds=64)
    own = play(
        env.replace(world=env.world.world), scripted_team(env.world.world), jax.random.key(1), worlds=64
    )
    np.testing.assert_allclose(acts(expert), acts(own), atol=0.05)  # whatever the team asks for is not done
    assert expert.joint.mean() > 0.9 * own.joint.mean()
    assert np.abs(acts(clone) - acts(expert)).sum() < 0.35
    assert clone.joint.mean() > 0.4 * expert.joint.mean()
    assert np.abs(acts(other) - acts(expert)).sum() > np.abs(acts(clone) - acts(expert)).sum()
    agreed = trained.metrics["cloning_agreement"]
    assert agreed[0, -1] > 0.6 > agreed[0, 0]


def test_a_passive_learner_learns_without_acting(env, trained):
    passive = jax.tree.map(lambda x: np.asarray(x)[1], trained.kept[0].team)
    one, other = (jax.tree.leaves(x) for x in (passive, trained.team(1)))
    assert any(a.shape == b.shape and not np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    idle = jax.tree.map(lambda x: np.asarray(x)[0], trained.kept[0].team)  # of run 0, whose drive is zero
    learned, fresh = (float(play(env, t, jax.random.key(3), worlds=64).joint.mean()) for t in (passive, idle))
    assert learned > 2 * fresh
    entropy = trained.metrics["passive_entropy"]
    assert (entropy[0] == 0).all() and 0 < entropy[1, -1] < entropy[1, 0]


def test_what_cannot_be_passive_is_refused():
    with pytest.raises(OptionError, match="recurrent"):
        Tandem(dataclasses.replace(CONFIG.ppo, network=NetworkConfig(recurrent=True)), {})
