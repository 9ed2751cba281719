"""Rows, recordings and scenes: nothing after the end of an episode counts; a memory is read as in play."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import socialsim
from socialsim.agents.networks import NetworkConfig, init_hidden
from socialsim.agents.team import new_team
from socialsim.analysis.certificate import Certificates
from socialsim.analysis.certify import Certify, certify
from socialsim.analysis.edits import RemovePartner
from socialsim.analysis.probes import rows_of
from socialsim.analysis.probes.maps import units_of
from socialsim.analysis.recording import play, read, recording
from socialsim.core.errors import OptionError
from socialsim.experiments import measures

WORLDS, STEPS = 6, 24
NAMES = ("partner_visible", "nearest_partner_distance")


def team_of(env, **options):
    config = NetworkConfig(width=8, **options)
    return new_team(jax.random.key(0), config, env.actions, env.channels, env.num_agents)


@pytest.fixture(scope="module")
def whole():
    env = socialsim.make("rendezvous-v0")
    team = team_of(env)
    return env, team, play(env, team, jax.random.key(1), worlds=WORLDS, steps=STEPS)


@pytest.fixture(scope="module")
def short(whole):
    """Episodes that end before their record does, each at its own time; and with rubbish after the end."""
    env, team, episodes = whole
    lengths = jnp.asarray([1, 5, 8, 9, 16, STEPS])
    episodes = episodes.replace(ended=jnp.arange(STEPS)[:, None] >= lengths)
    ended = episodes.ended

    def spoil(x):
        over = ended.reshape(*ended.shape, *[1] * (x.ndim - 2))
        return jnp.where(over, x[:1] + jnp.asarray(1, x.dtype) if x.dtype != bool else ~x, x)

    observation, scene = jax.tree.map(spoil, (episodes.observation, episodes.scene))
    return env, team, episodes, episodes.replace(observation=observation, scene=scene)


def same(first, second):
    jax.tree.map(np.testing.assert_array_equal, first, second)


def test_rows_end_with_their_episode(short):
    env, _, episodes, spoilt = short
    live = ~np.asarray(episodes.ended)
    for every in (1, 3):
        rows = rows_of(episodes, NAMES, every=every)
        wanted = live[::every].sum(0) * env.num_agents
        np.testing.assert_array_equal(np.bincount(rows.groups, minlength=WORLDS), wanted)
        other = rows_of(spoilt, NAMES, every=every)
        same(
            (rows.flat, rows.types, rows.groups, rows.scene),
            (other.flat, other.types, other.groups, other.scene),
        )
        same([t.values for t in rows.targets.values()], [t.values for t in other.targets.values()])


def test_rows_of_whole_episodes_are_all_of_them(whole):
    env, _, episodes = whole
    rows = rows_of(episodes, NAMES, every=2)
    position = np.asarray(episodes.scene.position)[::2]
    np.testing.assert_array_equal(np.reshape(rows.scene.position, position.shape), position)
    times = STEPS // 2
    np.testing.assert_array_equal(rows.groups, np.tile(np.repeat(np.arange(WORLDS), env.num_agents), times))


def test_what_follows_the_end_changes_no_figure(short):
    env, team, episodes, spoilt = short

    class Listening(Certify):
        def __call__(self, *args, **more):
            heard.append((args, more))
            return Certificates(())

    def figures(e):
        options = {"concepts": ("partner_visible",), "every": 1, "edits": (RemovePartner(),)}
        certify(team, env, e, steps=Listening(), **options)
        given = heard[-1]
        scene = given[1]["scene"]["partner_visible"]
        arrays = [
            given[0][0],
            given[1]["untrained"],
            given[1]["types"],
            scene.n.values,
            scene.estimate.values,
        ]
        edited = measures.counterfactuals([team], env, e, scenes=40, seed=0, grid=True)
        stable = measures.stability([team, team_of(env)], env, e, scenes=40, seed=0)
        return arrays, [[str(v) for v in row.values()] for row in edited], stable

    heard: list = []
    (arrays, edited, stable), spoilt_figures = figures(episodes), figures(spoilt)
    same(arrays, spoilt_figures[0])
    assert edited == spoilt_figures[1]
    assert len(arrays[1]) > 1, "several untrained twins"
    assert str(stable) == str(spoilt_figures[2])


def test_stability_counts_episodes_and_not_scenes(whole):
    env, team, episodes = whole
    found = measures.stability([team, team_of(env)], env, episodes, scenes=100, seed=0)
    assert {row["icc"]["n"] for row in found.values()} == {WORLDS}


def test_recordings_say_where_an_episode_has_ended(short):
    env, team, episodes, _ = short
    data = recording(env, episodes, team, discount=0.9, every=2)
    np.testing.assert_array_equal(data["ended"], episodes.ended[::2])


@pytest.fixture(scope="module")
def remembering():
    env = socialsim.make("rendezvous-v0")
    team = team_of(env, recurrent=True)
    return env, team, play(env, team, jax.random.key(1), worlds=3, steps=10)


@pytest.mark.parametrize("every", [1, 3])
def test_a_recurrent_team_is_recorded_as_in_play(remembering, every):
    env, team, episodes = remembering
    hidden, values, layers = init_hidden(team.config, (3, env.num_agents)), [], []
    for t in range(10):
        out = team.forward(jax.tree.map(lambda x, t=t: x[t], episodes.observation), hidden)
        hidden = out.hidden
        values.append(out.value)
        layers.append(out.activations["trunk"])
    data = recording(env, episodes, team, discount=0.9, every=every)
    np.testing.assert_allclose(data["value"], np.stack(values)[::every], atol=1e-6)
    np.testing.assert_allclose(data["activation_trunk"], np.stack(layers)[::every], atol=1e-6)
    forgetful = team.forward(episodes.observation).value[::every]
    assert np.abs(data["value"].values - forgetful)[1:].max() > 1e-5, "the memory matters"


def test_what_has_no_past_is_not_read_from_a_recurrent_team(remembering):
    env, team, episodes = remembering
    with pytest.raises(OptionError, match="recurrent=False"):
        read(team, jax.tree.map(lambda x: x[3], episodes.observation))
    with pytest.raises(OptionError, match="recurrent=False"):
        units_of(team, rows_of(episodes, NAMES))
    with pytest.raises(OptionError, match="recurrent=False"):
        measures.counterfactuals([team], env, episodes, scenes=5, seed=0, grid=True)
