"""Interventions: planted uses are found, planted idleness too, and random changes match in rank and norm."""

import jax
import numpy as np
import pytest

import socialsim
from socialsim.agents.networks import NetworkConfig
from socialsim.agents.team import new_team
from socialsim.analysis.layers import Onward, activations, solo
from socialsim.analysis.probes import Intervention, Target
from socialsim.analysis.probes.intervention import _counterfactual
from socialsim.core.errors import OptionError
from socialsim.core.senses import Observation, feature_names

N, D = 1200, 20
GROUP = np.repeat(np.arange(40), 30)


def world(seed):
    """Activations in which z, u, v lie in three directions of a random basis; heads that read u + v, and
    z + u + v."""
    rng = np.random.default_rng(seed)
    z = (rng.random(N) < 0.4).astype(float)
    u, v = rng.normal(size=(2, N))
    x = rng.normal(size=(N, D))
    x[:, 0] += 3 * z
    x[:, 1] += 2 * u
    x[:, 2] += 2 * v
    basis = np.linalg.qr(rng.normal(size=(D, D)))[0]
    weights = np.zeros((D, 2))
    weights[1:3, 0] = weights[:3, 1] = 1

    def values(h):
        return np.tanh(np.asarray(h) @ basis.T @ weights / 3)

    return x @ basis, {"z": Target(z, "binary"), "u": Target(u), "v": Target(v)}, values


def run(data, concept, **options):
    h, targets, values = data
    others = {k: t for k, t in targets.items() if k != concept}
    step = Intervention(("edit", "shift", "erase", "project"), randoms=60, resamples=200, **options)
    return step(h, targets[concept], values, groups=GROUP, channels=("without", "with"), others=others)


@pytest.fixture(scope="module")
def found():
    return run(world(0), "z")


def test_what_is_used_moves_the_value_and_what_is_not_does_not(found):
    used, idle = found.sel(channel="with"), found.sel(channel="without")
    assert (used.ratio_low > used.null_high).all() and (idle.ratio_high < 1).all()
    assert used.rise.sel(edit="edit") > 0.5 and abs(idle.rise.sel(edit="edit")) < 0.1
    assert (used["size"].sel(edit="edit") > 0.5).all()
    assert ((found.null_low < 1) & (found.null_high > 1)).all()


def test_edits_are_complete_and_selective(found):
    assert found.completeness_low.sel(edit="edit") > 0.8 and (found.selectivity_low > 0.9).all()
    assert found.completeness.sel(edit="erase") > 0.5


def test_an_edit_that_drags_something_along_is_not_selective():
    """u copies half of z's neighbour: judged against the concept itself, an edit must look unselective."""
    h, targets, values = world(1)
    step = Intervention(randoms=20, resamples=200)
    twin = step(
        h, targets["z"], values, groups=GROUP, channels=("without", "with"), others={"same": targets["z"]}
    )
    assert twin.selectivity_high.sel(edit="edit") < 0.4


def test_counterfactual_formula():
    """The probe reads the level aimed at, and the change is along its one direction: the shortest way."""
    h, targets, _ = world(2)
    upper = targets["z"].values > 0.5
    delta = _counterfactual(h, upper.astype(float), upper, h, upper, (1e-3,), pattern=False)
    assert np.linalg.matrix_rank(delta, tol=1e-8) == 1
    direction = np.linalg.svd(delta, full_matrices=False)[2][0]
    levels = (h + delta) @ direction
    assert np.ptp(levels[upper]) < 1e-8 and np.ptp(levels[~upper]) < 1e-8
    means = (h @ direction)[~upper].mean(), (h @ direction)[upper].mean()
    np.testing.assert_allclose((levels[upper][0], levels[~upper][0]), means)
    shift = _counterfactual(h, upper.astype(float), upper, h, upper, (1e-3,), pattern=True)
    np.testing.assert_allclose(shift @ direction, delta @ direction, atol=1e-8)  # the same reading, further
    assert np.linalg.norm(shift) > np.linalg.norm(delta)


def test_random_changes_have_the_same_rank_and_norms():
    h, _, _ = world(3)
    h[:, -1] = 0.5  # a silent unit stays silent
    step = Intervention(randoms=20)
    delta = np.outer(np.random.default_rng(0).normal(size=N), h.std(0) > 0)
    for rotation in step._rotations(h):
        random = delta @ rotation
        np.testing.assert_allclose(np.linalg.norm(random, axis=1), np.linalg.norm(delta, axis=1))
        assert np.linalg.matrix_rank(random) == 1 and np.abs(random[:, -1]).max() < 1e-8


def test_a_head_in_a_random_direction_is_within_the_scatter_of_random_changes():
    """A concept that has nothing to do with the value exceeds null_high as often as it should: in 2.5 %."""
    beyond = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        h, targets, _ = world(seed)
        weights = rng.normal(size=(D, 1))
        step = Intervention(("edit",), randoms=60, resamples=100)
        row = step(h, targets["z"], lambda x, w=weights: x @ w, groups=GROUP, channels=("v",))
        beyond.append(float(row.ratio.item()) > float(row.null_high.item()))
    assert np.mean(beyond) <= 0.1


def test_undefined_cases_say_why():
    h, targets, values = world(0)
    step = Intervention(randoms=20, resamples=200)
    kwargs = {"groups": GROUP, "channels": ("without", "with")}
    flat = step(h, targets["z"], lambda x: np.zeros((len(x), 2)), **kwargs)
    assert np.isnan(flat.ratio).all()
    rare = np.zeros(N)
    rare[:3] = 1
    none = step(h, Target(rare, "binary"), values, **kwargs)
    assert "groups only" in none.reason.values[0] and np.isnan(none.completeness).all()
    with pytest.raises(OptionError, match="one length"):
        step(h[:5], targets["z"], values, **kwargs)
    with pytest.raises(OptionError, match="allowed: some of"):
        Intervention(("cut",))


@pytest.fixture(scope="module")
def env():
    return socialsim.make("rendezvous-v0", num_agents=3, needed=2, size=7, walls=0, horizon=24)


def random_observation(worlds, agents, objects):
    rng = np.random.default_rng(0)
    sizes = {"self": (), "others": (agents - 1,), "objects": (objects,)}
    lead = {k: (worlds, agents, *s) for k, s in sizes.items()}
    parts = {k: rng.normal(size=(*lead[k], len(v))).astype(np.float32) for k, v in feature_names().items()}
    masks = {f"{k}_mask": rng.random(lead[k]) < 0.7 for k in ("others", "objects")}
    return Observation(**parts, **masks)


@pytest.mark.parametrize("config", [{}, {"shared_encoder": True}, {"per_agent": True}], ids=str)
def test_the_rest_of_the_network_is_the_network(env, config):
    """From any layer's activations on, values and policy are what the whole network says."""
    team = new_team(jax.random.key(0), NetworkConfig(width=8, **config), env.actions, env.channels, 3)
    obs = random_observation(5, 3, 2)
    whole = jax.jit(lambda team, obs: team.forward(obs))(team, obs)
    if team.config.per_agent:
        with pytest.raises(OptionError, match="one of its agents"):
            Onward(team, "trunk")
        obs, me = jax.tree.map(lambda x: x[:, 1:2], obs), slice(1, 2)
    else:
        me = slice(None)
    one = solo(team, 1)
    look = jax.jit(activations, static_argnames="tower")
    towers = {t: look(one, obs, t) for t in ("critic", "actor")}
    for layer in ("encoder", "trunk"):
        units = np.asarray(towers["critic"][layer])
        np.testing.assert_allclose(units, whole.activations[layer][:, me], atol=1e-5)
        way = Onward(one, layer)
        np.testing.assert_allclose(way.values(units), whole.value[:, me], atol=1e-5)
        actor = Onward(one, layer, "actor").policy(np.asarray(towers["actor"][layer]))
        np.testing.assert_allclose(actor.logits, whole.policy.logits[:, me], atol=1e-5)
        if not way.feeds_policy:
            with pytest.raises(OptionError, match="does not feed the policy"):
                way.policy(units)


def test_an_edit_of_a_shared_layer_moves_the_policy(env):
    team = new_team(
        jax.random.key(0), NetworkConfig(width=8, shared_encoder=True), env.actions, env.channels, 3
    )
    way = Onward(team, "trunk")
    rng = np.random.default_rng(0)
    units = np.abs(rng.normal(size=(300, 8)))
    row = Intervention(("edit",), randoms=20, resamples=200)(
        units,
        Target(units[:, 0]),
        way.values,
        groups=np.repeat(np.arange(30), 10),
        channels=env.channels,
        policy=way.policy,
    )
    assert float(row.kl_low.item()) > 0 and float(row.kl_random.item()) > 0
