"""Focal agents in a frozen background: residents gain nothing as newcomers, strangers pay."""

import json

import jax
import numpy as np
import pytest
from planted_teams import conventions

import socialsim
from socialsim.analysis.recording import play
from socialsim.core.errors import OptionError
from socialsim.transfer.strangers import Resampling, focal_play

KEY = jax.random.key(5)
HERE, THERE = (1.0, 0.2), (-1.0, -0.2)
FAST = Resampling(resamples=400)


@pytest.fixture(scope="module")
def env():
    return socialsim.make(
        "rendezvous-v0", num_agents=4, num_pads=2, needed=3, size=6, walls=0, bodies_block=False, horizon=24
    )


@pytest.fixture(scope="module")
def found(env):
    teams = dict(zip(("native", "stranger"), conventions(HERE, THERE).values(), strict=True))
    residents = conventions(HERE, HERE)
    return focal_play(env, teams, residents, KEY, focal_agents=(1, 2, 3, 4), episodes=40, resampling=FAST)


def test_a_native_among_natives_has_no_advantage(found):
    cell = found.table.sel(team="native", measure="advantage")
    assert (cell.estimate == 0).all() and (cell.low == 0).all() and (cell.high == 0).all()
    cell = found.table.sel(team="native")
    assert (cell.estimate.sel(measure="focal") == cell.estimate.sel(measure="resident")).all()


def test_a_stranger_pays_until_there_are_enough_of_its_kind(found):
    cell = found.table.sel(team="stranger", measure="advantage")
    few = cell.sel(focal_agents=[1, 2])
    assert (few.high < 0).all()
    alone = cell.sel(focal_agents=4)
    assert alone.low < 0 < alone.high, "among themselves they do as well as natives do"
    pay = found.table.sel(team="stranger", measure="focal").estimate.values
    assert pay[1] < min(pay[2], pay[3]), "three of them can meet"


def test_agents_at_random_are_the_null(found):
    null = found.table.sel(team="native", measure="focal")
    assert (null.null_high < null.estimate).all()
    assert (found.table.sel(measure="advantage").null_high < 0).all()
    assert found.table.sel(measure="resident").null.isnull().all()


def test_shares_add_up(found):
    e = found.table.estimate
    k = e.focal_agents
    others = e.sel(measure="others")
    assert others.sel(focal_agents=4).isnull().all()
    parts = e.sel(measure="focal") * k + others.fillna(0) * (4 - k)
    np.testing.assert_allclose(e.sel(measure="all") * 4, parts, rtol=1e-6)


def test_all_focal_is_plain_play(env, found):
    key = jax.random.split(KEY)[0]
    plain = np.asarray(play(env, conventions(THERE)[f"0: {THERE}"], key, worlds=40).joint).mean()
    assert plain > 0
    got = found.table.estimate.sel(team="stranger", focal_agents=4)
    assert got.sel(measure="all").item() == pytest.approx(plain, rel=1e-6)
    assert got.sel(measure="focal").item() == pytest.approx(plain, rel=1e-6)


def test_means_over_teams(found):
    mean = found.table.estimate.mean("team")
    np.testing.assert_allclose(found.population.estimate, mean)
    assert (found.population.n == 2).all()
    wide = found.population.sel(measure="advantage", focal_agents=2)
    assert wide.low < 0 < wide.high, "two teams as different as these bound nothing"


def test_the_result_is_plain_data_and_a_picture(found):
    said = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert len(said["table"]) == 5 * 2 * 4 and said["table"][0]["n"] == 40
    assert len(found.plot().axes) == 2


def test_what_does_not_fit_is_refused(env):
    teams = conventions(HERE)
    for focal, residents, options, message in (
        ({}, teams, {}, "0 focal teams"),
        (teams, [], {}, "0 background teams"),
        (teams, teams, {"focal_agents": (5,)}, "focal_agents=5; allowed: an integer from 1 to 4"),
        (teams, teams, {"focal_agents": (1, 1)}, "each once"),
    ):
        with pytest.raises(OptionError, match=message):
            focal_play(env, focal, residents, KEY, **options)
