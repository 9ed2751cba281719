"""Cross-play: planted conventions are found, copies of one team are not; mixtures remember seat by seat."""

import json

import jax
import numpy as np
import pytest
from planted_teams import conventions

import socialsim
from socialsim.agents.networks import NetworkConfig
from socialsim.agents.team import new_team
from socialsim.analysis.occasions import cast
from socialsim.analysis.recording import play
from socialsim.core.errors import OptionError
from socialsim.transfer.strangers import Resampling, cross_play, mixing
from socialsim.transfer.strangers.crossplay import summarise

KEY = jax.random.key(3)
WAYS = ((1.0, 0.2), (-1.0, -0.2), (0.2, -1.0), (-0.2, 1.0))
FAST = Resampling(resamples=400)


@pytest.fixture(scope="module")
def env():
    return socialsim.make(
        "rendezvous-v0", num_agents=4, num_pads=2, needed=3, size=6, walls=0, bodies_block=False, horizon=24
    )


@pytest.fixture(scope="module")
def clash(env):
    return cross_play(env, conventions(*WAYS), KEY, episodes=32, resampling=FAST)


def test_conventions_that_clash_show_a_gap(clash):
    gap = clash.summary.sel(statistic="gap")
    assert clash.gap_found and gap.low > 0
    m = clash.matrix.estimate.values
    assert m[0, 0] > 3 * m[0, 1] and m[2, 2] > 3 * m[2, 3], "opposite conventions hardly ever meet"
    assert gap.estimate.item() == pytest.approx(np.diag(m).mean() - m[~np.eye(4, dtype=bool)].mean())
    assert gap.estimate.item() == pytest.approx(clash.gaps.mean().item())
    assert (clash.matrix.low <= clash.matrix.estimate).all() and (clash.matrix.n == 32).all()
    assert (clash.matrix.null < np.diag(m).min()).all(), "random agents meet less than any team"


def test_copies_of_one_team_are_no_strangers(env):
    copies = cross_play(env, conventions(*[WAYS[0]] * 4), KEY, episodes=32, resampling=FAST)
    m = copies.matrix.estimate.values
    assert m.max() > 0 and (m == m[0, 0]).all(), "the same episodes, to the last bit"
    gap = copies.summary.sel(statistic="gap")
    assert gap.low <= 0 <= gap.high and not copies.gap_found


def test_half_of_the_seats_each_is_symmetric_and_a_quarter_is_not(env, clash):
    def largest(found):
        m = found.matrix
        error = (m.high - m.low).values / 4
        return (np.abs(m.estimate.values - m.estimate.values.T) / np.hypot(error, error.T)).max()

    assert clash.matrix.attrs["seats"] == 2 and largest(clash) < 3.5
    one = cross_play(env, conventions(*WAYS[:3], (0.0, 0.0)), KEY, seats=1, episodes=32, resampling=FAST)
    assert largest(one) > 3.5, "one idle among three skilled is not three idle and one skilled"


def test_a_mixture_is_each_agent_by_itself(env):
    """Against `analysis.occasions.cast`, which mixes agents in another way; with memory, so that any mix-up
    of who remembers what would show."""
    config = NetworkConfig(width=8, recurrent=True)
    teams = [new_team(jax.random.key(i), config, env.actions, env.channels, 4) for i in range(2)]
    teams = [t.replace(params=jax.tree.map(lambda x: 4 * x, t.params)) for t in teams]
    pool = mixing.pool(env, {"a": teams[0], "b": teams[1]})
    seats = np.tile(np.array([[0, 1, 1, 0]], np.int32), (2, 40, 1))
    joint = mixing.play_lines(env, pool, np.array([[0, 1], [1, 1]]), seats, KEY)
    mixed = play(env, cast([teams[0], teams[1], teams[1], teams[0]]), KEY, worlds=40)
    plain = play(env, cast([teams[1]] * 4), KEY, worlds=40)
    assert mixed.joint.sum() > 0 and plain.joint.sum() > 0
    np.testing.assert_array_equal(joint[0], np.moveaxis(np.asarray(mixed.joint), 1, 0))
    np.testing.assert_array_equal(joint[1], np.moveaxis(np.asarray(plain.joint), 1, 0))


@pytest.mark.parametrize("teams, gap, found", [(4, 0.0, (0, 0.05)), (6, 1.0, (0.9, 1))])
def test_the_gap_is_claimed_where_it_is(teams, gap, found):
    """Planted matrices: teams differ in skill, pairs in luck; self-play is better by `gap`, or not at all."""
    rng = np.random.default_rng(teams)
    covered, claimed = [], []
    for seed in range(150):
        skill = rng.normal(size=teams)
        cells = skill[:, None] + skill + rng.normal(0, 0.3, (teams, teams))
        cells[np.diag_indices(teams)] += gap + rng.normal(0, 0.3, teams)
        row = summarise(cells, (0, 0, 0), Resampling(resamples=200, seed=seed))[0].sel(statistic="gap")
        covered.append(bool(row.low <= gap <= row.high))
        claimed.append(bool(row.low > 0 and row.estimate > row.null_high))
    assert np.mean(covered) > 0.9
    assert found[0] <= np.mean(claimed) <= found[1]


def test_the_result_is_plain_data_and_a_picture(clash):
    said = json.loads(json.dumps(clash.to_dict(), allow_nan=False))
    assert len(said["matrix"]) == 16 and said["world"] == "rendezvous-v0"
    assert {r["statistic"] for r in said["summary"]} == {"self", "cross", "gap"}
    assert len(clash.plot().axes) == 2


def test_two_teams_have_no_interval_over_teams():
    summary, _ = summarise(np.array([[2.0, 1.0], [0.0, 4.0]]), (0, 0, 0), FAST)
    gap = summary.sel(statistic="gap")
    assert gap.estimate == 2.5 and np.isnan(gap.low) and "fewer than three" in gap.reason.item()


def test_what_does_not_fit_is_refused(env):
    pair = conventions(*WAYS[:2])
    team = new_team(jax.random.key(0), NetworkConfig(width=8), env.actions, env.channels, 4)
    apart = new_team(jax.random.key(0), NetworkConfig(width=8, per_agent=True), env.actions, env.channels, 3)
    motors = team.replace(actions=socialsim.make("rendezvous-mujoco-v0").actions)
    for teams, options, message in (
        ([team], {}, "1 teams; allowed: 2 or more"),
        ([team, motors], {}, "'team 1' acts by"),
        ([team, apart], {}, "each of 3 agents; this world has 4"),
        (pair, {"seats": 4}, "seats=4; allowed: an integer from 1 to 3"),
        (pair, {"episodes": 1}, "episodes=1"),
        (pair, {"anchors": {next(iter(pair)): team}}, "names of teams"),
    ):
        with pytest.raises(OptionError, match=message):
            cross_play(env, teams, KEY, **options)
