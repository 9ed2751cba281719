"""Exact Shapley values: the axioms, a brute-force oracle, planted heads."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from socialsim.analysis.shapley import Shapley, default_groups, shapley_values
from socialsim.core.errors import OptionError
from socialsim.core.senses import OBJECT_SENSE_FEATURES, OTHER_FEATURES, SELF_FEATURES, Observation

CHANNELS = ("gaze", "both")
LOOKS = OTHER_FEATURES.index("looks_at_me")
PRESENT = OBJECT_SENSE_FEATURES.index("present")


def by_orders(game):
    """Mean marginal contribution over all orders of joining."""
    players = int(math.log2(len(game)))
    phi = np.zeros((players, *game.shape[1:]))
    for order in itertools.permutations(range(players)):
        coalition = 0
        for i in order:
            phi[i] += game[coalition | 1 << i] - game[coalition]
            coalition |= 1 << i
    return phi / math.factorial(players)


def test_values_equal_the_average_over_orders():
    game = np.random.default_rng(0).normal(size=(2**5, 3))
    phi = shapley_values(game)
    np.testing.assert_allclose(phi, by_orders(game))
    np.testing.assert_allclose(phi.sum(0), game[-1] - game[0])


def test_axioms():
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=(2, 16))
    np.testing.assert_allclose(
        shapley_values(2 * first + second), 2 * shapley_values(first) + shapley_values(second)
    )
    index = np.arange(16)
    idle = first[index & ~4]  # player 2 changes nothing
    assert shapley_values(idle)[2] == 0
    alike = first[np.bitwise_count(index)]  # only the number of players counts
    np.testing.assert_allclose(shapley_values(alike), (alike[-1] - alike[0]) / 4)
    with pytest.raises(OptionError, match="2.M"):
        shapley_values(np.zeros(6))


@pytest.fixture(scope="module")
def observation():
    rng = np.random.default_rng(0)
    lead = (12, 3)

    def normal(*shape):
        return jnp.asarray(rng.normal(size=(*lead, *shape)), jnp.float32)

    return Observation(
        self=normal(len(SELF_FEATURES)),
        others=normal(2, len(OTHER_FEATURES)),
        others_mask=jnp.asarray(rng.random((*lead, 2)) < 0.7),
        objects=normal(3, len(OBJECT_SENSE_FEATURES)),
        objects_mask=jnp.asarray(rng.random((*lead, 3)) < 0.7),
    )


def values(o):
    """Channel 0 counts watchers that I see, channel 1 adds what is free ahead and who is at objects."""
    gaze = (o.others[..., LOOKS] * o.others_mask).sum(-1)
    there = (o.objects[..., PRESENT] * o.objects_mask).sum(-1)
    return jnp.stack([gaze, gaze + o.self[..., SELF_FEATURES.index("clear_0")] + there], -1)


def test_planted_heads_are_attributed_to_what_they_read(observation):
    step = Shapley(CHANNELS)
    phi = step.explain(values, observation)
    total = values(observation) - values(step.reference(observation))
    np.testing.assert_allclose(phi.sum("group"), total, atol=1e-5)
    gaze = phi.sel(channel="gaze")
    parts = ("partners: who and where", "partners: gaze")
    for group in step.groups:
        if group not in parts:
            assert np.abs(gaze.sel(group=group)).max() < 1e-6, group
    # A product of presence and gaze is shared in halves.
    np.testing.assert_allclose(gaze.sel(group=parts[0]), gaze.sel(group=parts[1]), atol=1e-5)
    ahead = observation.self[..., SELF_FEATURES.index("clear_0")]
    np.testing.assert_allclose(
        phi.sel(group="free space", channel="both"), ahead - ahead.mean((0, 1)), atol=1e-5
    )


def test_summary_intervals_and_figure(observation):
    step = Shapley(CHANNELS, resamples=200)
    found = step(values, observation, groups=np.arange(12) // 2)
    assert dict(found.sizes) == {"channel": 2, "group": 10} and (found.n == 6).all()
    np.testing.assert_allclose(found.share.sum("group"), 1)
    assert (found.share_low <= found.share).all() and (found.share <= found.share_high).all()
    np.testing.assert_allclose(found.share.sel(channel="gaze", group="partners: gaze"), 0.5, atol=1e-5)
    assert step.plot(found).axes
    constant = step(lambda o: jnp.ones((*o.self.shape[:-1], 2)), observation, groups=np.arange(12))
    assert np.isnan(constant.share).all() and (constant.estimate == 0).all()


def test_groups_hold_every_column_once():
    groups = default_groups()
    assert len(groups) == 10
    twice = {**groups, "own act": {"self": (*groups["own act"]["self"], "load")}}
    with pytest.raises(OptionError, match="held twice or by no group.*load"):
        Shapley(CHANNELS, twice)
    with pytest.raises(OptionError, match="1 to 10"):
        Shapley(CHANNELS, {**groups, "none": {"self": ()}})
    with pytest.raises(OptionError, match="did you mean 'load'"):
        Shapley(CHANNELS, {**groups, "own act": {"self": ("loads",)}})
    with pytest.raises(OptionError, match="by no group"):
        Shapley(CHANNELS, {"all": {"self": SELF_FEATURES}})


def test_rows_read_in_parts_give_the_same(observation):
    """With any number of leading axes, any rest, and a reference of one row."""
    whole = Shapley(CHANNELS)
    one = jax.tree.map(lambda x: x[:1], whole.reference(observation))
    for lead in ((12,), (4, 3)):
        x = jax.tree.map(lambda v, lead=lead: v.reshape(*lead, *v.shape[1:]), observation)
        expected = whole.explain(values, x)
        for rows in (1, 5):
            np.testing.assert_allclose(Shapley(CHANNELS, rows=rows).explain(values, x), expected, atol=1e-6)
    few = Shapley(CHANNELS, rows=7).explain(values, observation, one)
    np.testing.assert_allclose(few, whole.explain(values, observation, one), atol=1e-6)
    with pytest.raises(OptionError, match="rows"):
        Shapley(CHANNELS, rows=0)
