import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import xarray as xr

import socialsim
from socialsim.agents.bots.base import random_team
from socialsim.agents.networks import NetworkConfig
from socialsim.agents.team import new_team
from socialsim.analysis import statistics
from socialsim.analysis.comparison import BestAct, DirectionAgreement, Thurstone, choices, cyclic_triads
from socialsim.analysis.comparison.lookahead import lookahead
from socialsim.analysis.recording import play
from socialsim.core.errors import OptionError

FAST = Thurstone(resamples=100, shuffles=10)


def labelled(values):
    items = [f"i{k}" for k in range(values.shape[1])]
    return xr.DataArray(values, dims=("judge", "item"), coords={"item": items})


def counted(mu, s, number, seed):
    """How often each item is chosen in `number` comparisons of every pair, by one judge."""
    rng = np.random.default_rng(seed)
    p = scipy.special.ndtr((mu[:, None] - mu[None]) / np.hypot(s[:, None], s[None]))
    upper = np.triu(rng.binomial(number, p), 1)
    return upper + np.tril(number - upper.T, -1)


def test_planted_scales_are_recovered():
    rng = np.random.default_rng(0)
    mu, log_s = rng.normal(size=12) * 1.5, rng.normal(size=12) * 0.4
    mu, log_s = mu - mu.mean(), log_s - log_s.mean()
    wins = counted(mu, np.exp(log_s), 3000, 1)
    found = FAST.fit(wins)
    np.testing.assert_allclose(found[0], mu, atol=0.15)
    np.testing.assert_allclose(found[1], log_s, atol=0.25)
    assert found.mean(1) == pytest.approx(0.0, abs=1e-9)


def test_exact_proportions_give_the_exact_scale():
    """Case V: with a pair's proportions Phi((a - b) / sqrt 2) the likelihood is greatest at a and b."""
    mu = np.array([-0.8, 0.1, 0.7])
    wins = 1e6 * scipy.special.ndtr((mu[:, None] - mu[None]) / np.sqrt(2)) * (1 - np.eye(3))
    found = Thurstone(equal=True, prior=100.0).fit(wins)
    np.testing.assert_allclose(found[0], mu, atol=1e-3)
    np.testing.assert_array_equal(found[1], 0.0)


def test_the_names_of_items_do_not_matter():
    rng = np.random.default_rng(2)
    wins = counted(rng.normal(size=8), np.ones(8), 40, 3)
    order = rng.permutation(8)
    np.testing.assert_allclose(FAST.fit(wins[np.ix_(order, order)]), FAST.fit(wins)[:, order], atol=1e-3)


def test_cyclic_triads_against_counting_them():
    rng = np.random.default_rng(0)
    for _ in range(20):
        wins = rng.integers(0, 4, (7, 7))
        over = wins > wins.T
        cyclic = possible = 0
        for a, b, c in itertools.combinations(range(7), 3):
            if (over | over.T)[[a, b, c], [b, c, a]].all():
                possible += 1
                onward, back = over[[a, b, c], [b, c, a]].all(), over[[b, c, a], [a, b, c]].all()
                cyclic += int(onward | back)
        assert cyclic_triads(wins) == (cyclic, possible)
    assert cyclic_triads(np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]])) == (1, 1)  # rock, paper, scissors


def test_how_often_chance_is_cyclic():
    """Random tournaments: 1/4. Three judges with random orders of three items: 1/18 (Condorcet)."""
    rng = np.random.default_rng(0)
    upper = np.triu(rng.random((400, 9, 9)) < 0.5, 1)
    tournaments = upper + np.tril(1 - upper.swapaxes(1, 2), -1)
    assert np.mean([np.divide(*cyclic_triads(t)) for t in tournaments]) == pytest.approx(0.25, abs=0.02)
    orders = rng.random((6000, 3, 3))
    majority = [(x[:, :, None] > x[:, None, :]).sum(0) for x in orders]
    assert np.mean([cyclic_triads(m)[0] for m in majority]) == pytest.approx(1 / 18, abs=0.01)


def test_one_head_is_never_cyclic_and_is_foretold():
    values = labelled(np.random.default_rng(0).normal(size=(1, 15)))
    found = FAST(choices(values))
    assert found.cycles.estimate == 0.0 and found.cycles.null == pytest.approx(0.25, abs=0.05)
    # Neighbours whose own pair was held out cannot be told apart: not 1 even where all is consistent.
    assert found.accuracy.estimate > 0.8 > found.accuracy.null_high and np.isnan(found.accuracy.low)
    assert "one judge" in found.cycles.reason


def test_a_common_scale_is_found_among_noisy_judges():
    rng = np.random.default_rng(0)
    worth = rng.normal(size=10)
    found = FAST(choices(labelled(worth + 0.7 * rng.normal(size=(12, 10)))))
    assert found.accuracy.low > found.accuracy.null_high and found.accuracy.low > 0.6
    assert np.corrcoef(found.items.mu, worth)[0, 1] > 0.9
    best, least = (found.items.isel(item=f(worth)) for f in (np.argmax, np.argmin))
    assert least.mu_low < least.mu < least.mu_high < best.mu_low < best.mu < best.mu_high
    p = found.probability()
    np.testing.assert_allclose(p + p.T.values, 1.0, atol=1e-12)
    assert found.to_dataset().estimate.sel(statistic="held_out_accuracy") == found.accuracy.estimate
    assert found.plot().axes


def test_judges_without_a_common_scale_are_not_foretold():
    """Over draws of judges who agree on nothing, accuracy is above its null about as rarely as it should."""
    few = Thurstone(resamples=100, shuffles=4, equal=True, folds=3)
    false = 0
    for seed in range(30):
        rng = np.random.default_rng(100 + seed)
        table = choices(labelled(rng.normal(size=(6, 7))))
        found = few(table).accuracy
        false += found.low > found.null
    assert false <= 4


def test_both_nulls_are_of_all_shuffles(monkeypatch):
    drawn = []
    monkeypatch.setattr(statistics, "null_band", lambda null: drawn.append(len(null)) or {})
    step = Thurstone(resamples=100, shuffles=23, equal=True, folds=2)
    step(choices(labelled(np.random.default_rng(0).normal(size=(3, 4)))))
    assert drawn == [23, 23]


def test_a_monotone_change_of_value_changes_no_choice():
    values = labelled(np.random.default_rng(0).normal(size=(3, 6)))
    np.testing.assert_array_equal(choices(values), choices(np.exp(values)))
    tied = choices(labelled(np.zeros((1, 3)))).values[0]
    np.testing.assert_array_equal(tied, 0.5 * (1 - np.eye(3)))


def test_thurstone_checks_its_input():
    with pytest.raises(OptionError, match="judge"):
        choices(xr.DataArray(np.zeros((2, 3)), dims=("a", "b")))
    with pytest.raises(OptionError, match="3 items"):
        FAST(choices(labelled(np.zeros((2, 2)))))
    with pytest.raises(OptionError, match="prior"):
        Thurstone(prior=0.0)
    with pytest.raises(OptionError, match="counts"):
        FAST(-choices(labelled(np.random.default_rng(0).normal(size=(2, 4)))))


# -- weights and best acts ---------------------------------------------------------------------------------


def test_cosines_of_weights():
    rng = np.random.default_rng(0)
    w = rng.normal(size=6)
    table = np.stack([w, 3 * w, -w, np.roll(w, 1), np.zeros(6)])
    weights = xr.DataArray(table, dims=("head", "feature"), coords={"head": list("abcde")})
    draws = xr.DataArray(table + 0.1 * rng.normal(size=(200, 5, 6)), dims=("draw", "head", "feature"))
    found = DirectionAgreement()(weights, draws)
    assert found.estimate.sel(head="a", other="b") == pytest.approx(1.0)
    assert found.estimate.sel(head="a", other="c") == pytest.approx(-1.0)
    expected = w @ np.roll(w, 1) / (w @ w)
    assert found.estimate.sel(head="a", other="d") == pytest.approx(expected)
    cell = found.sel(head="a", other="d")
    assert cell.low < expected < cell.high and np.isnan(found.estimate.sel(head="e")).all()
    with pytest.raises(OptionError, match="2 or more"):
        DirectionAgreement()(weights.isel(feature=[0]))


@pytest.mark.parametrize("features", [2, 3, 10])
def test_the_null_of_cosines_is_that_of_random_directions(features):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 20_000, features))
    cos = (x * y).sum(-1) / np.linalg.norm(x, axis=-1) / np.linalg.norm(y, axis=-1)
    weights = xr.DataArray(x[:2], dims=("head", "feature"), coords={"head": ["a", "b"]})
    found = DirectionAgreement()(weights)
    assert np.quantile(cos, 0.975) == pytest.approx(found.null_high.item(), abs=0.02)


def test_best_acts_planted():
    rng = np.random.default_rng(0)
    q = rng.normal(size=(300, 5, 1))
    other = np.where(rng.random((300, 1, 1)) < 0.7, q, rng.normal(size=(300, 5, 1)))
    table = np.stack([q, 2 * q + 7, other, rng.normal(size=q.shape), np.ones_like(q)])
    names = ["a", "scaled", "mostly", "random", "flat"]
    q = xr.DataArray(
        table, dims=("head", "state", "option", "channel"), coords={"head": names, "channel": ["c"]}
    )
    r = BestAct(0.9)(q, np.arange(300) // 5).sel(channel="c")
    assert r.estimate.sel(head="a", other="scaled") == 1.0
    mostly, random = r.sel(head="a", other="mostly"), r.sel(head="a", other="random")
    assert mostly.low < 0.7 + 0.3 / 5 < mostly.high and mostly.low > mostly.null
    assert random.low < random.null < random.high and random.null == pytest.approx(0.2, abs=0.02)
    assert np.isnan(r.estimate.sel(head="flat")).all() and "fewer than two" in str(r.reason.values[0, 4])


def test_lookahead_steps_the_world():
    """A head that looks one step ahead is the head read after that step."""
    env = socialsim.make("rendezvous-v0", num_agents=2, num_pads=1, needed=2, size=5, walls=0)
    make = jax.jit(new_team, static_argnums=(1, 2, 3, 4))
    config = NetworkConfig(width=8)
    teams = {k: make(jax.random.key(i), config, env.actions, env.channels, 2) for i, k in enumerate("xy")}
    episodes = play(env, random_team(env), jax.random.key(2), worlds=3, steps=4, states=True)
    best, key = BestAct(0.9), jax.random.key(5)
    q, world = best.table(env, teams, episodes, key, states=6)
    assert q.shape == (2, 6, env.actions.choices, len(env.channels)) and len(world) == 6
    pick = np.random.default_rng(0).choice(12, 6, replace=False)
    at, where = np.unravel_index(pick[0], (4, 3))
    state, action = jax.tree.map(lambda x: x[at, where], (episodes.state, episodes.action))
    _, after = jax.jit(env.step)(jax.random.split(key, 6)[0], state, action.at[0].set(1))
    value = jax.jit(lambda t, o: t.values(o))(teams["y"], jax.tree.map(jnp.asarray, after.observation))
    np.testing.assert_allclose(q[1, 0, 1], after.signals[0] + 0.9 * value[0], atol=1e-5)
    r = best(q, world)
    assert (r.estimate.sel(head="x", other="x").dropna("channel") == 1).all()
    with pytest.raises(OptionError, match="states=True"):
        best.table(env, teams, episodes.replace(state=None), key, states=2)


def test_nothing_follows_an_end():
    """Where every option ends the episode, what an option is worth is its signal, whatever the heads say."""
    env = socialsim.make("dictator-v0", rounds=1, endowment=2, turn_limit=3)
    make = jax.jit(new_team, static_argnums=(1, 2, 3, 4))
    team = make(jax.random.key(0), NetworkConfig(width=8), env.actions, env.channels, env.num_agents)
    team = team.replace(params=jax.tree.map(lambda x: x + 0.5, team.params))
    teams = jax.tree.map(lambda x: x[None], team)
    step, key, action = jax.jit(env.step), jax.random.key(1), jnp.zeros(env.num_agents, int)
    state, _ = env.reset(key)
    while not (reached := step(key, state, action))[1].terminated:
        state = reached[0]
    look = jax.jit(lambda state: lookahead(env, teams, state, action, key, me=0, discount=0.9))
    first, last = look(env.reset(key)[0]), look(state)
    ends = [step(key, state, action.at[0].set(option))[1] for option in range(env.actions.choices)]
    assert all(after.terminated for after in ends) and (np.abs(first) > 0.1).any()
    np.testing.assert_allclose(last[0], np.stack([after.signals[0] for after in ends]), atol=1e-6)
