import functools
import importlib.util

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import socialsim
from socialsim.agents.networks import NetworkConfig
from socialsim.agents.team import new_team
from socialsim.analysis.dossier import AXES, SVO_RETEST, Dossier, StabilityDossier
from socialsim.analysis.occasions import Occasions, cast, extinguished
from socialsim.analysis.recording import read
from socialsim.core.errors import OptionError

FAST = StabilityDossier(resamples=200, shuffles=40)


def table(seed=0, *, scenes=30, agents=2, occasions=4, trait=1.0, noise=1.0, offset=0.0, channels=("a",)):
    """Values = offset of the agent + trait of the scene + noise: the ICC within agents is known."""
    rng = np.random.default_rng(seed)
    shape = (agents, scenes, len(channels))
    worth = trait * rng.normal(size=shape) + offset * np.arange(agents)[:, None, None]
    values = worth + noise * rng.normal(size=(occasions, *shape))
    coords = {
        "channel": list(channels),
        "agent": ("subject", np.repeat(np.arange(agents), scenes)),
        "scene": ("subject", np.tile(np.arange(scenes), agents)),
    }
    return xr.DataArray(
        values.reshape(occasions, -1, len(channels)), dims=("occasion", "subject", "channel"), coords=coords
    )


def cell(dossier, axis="retest", statistic="icc(2,1)", channel="a"):
    return dossier.table.sel(axis=axis, statistic=statistic, channel=channel)


def test_planted_stability_stands_above_its_controls():
    found = FAST({"retest": table(noise=0.4)}, {"retest": table(1, trait=0.0)})
    icc = cell(found)
    assert icc.low < 1 / 1.16 < icc.high and icc.low > max(icc.null_high, icc.untrained_high)
    assert found.beyond_controls.all() and cell(found, statistic="kendall_w").low > 0.6
    assert icc.msr > 10 * icc.mse and icc.subjects == 60 and icc.occasions == 4 and icc.n == 30


def test_without_a_trait_nothing_is_beyond_controls():
    """Over 60 draws of pure noise the verdict is given about as rarely as it should."""
    quick = StabilityDossier(resamples=100, shuffles=20)
    false = [
        bool(
            quick(
                {"retest": table(s, trait=0.0, scenes=20)},
                {"retest": table(s + 100, trait=0.0, scenes=20)},
            )
            .beyond_controls.sel(statistic="icc(2,1)")
            .any()
        )
        for s in range(60)
    ]
    assert np.mean(false) <= 0.08


def test_differences_between_agents_are_not_taken_for_stability():
    """Each agent sits at its own level and its scenes do not differ: the ICC is high, and so is its null."""
    found = FAST({"retest": table(trait=0.0, offset=10.0, noise=1.0)}, {"retest": table(1, trait=0.0)})
    icc = cell(found)
    assert icc.estimate > 0.9 and icc.null > 0.9 and not found.beyond_controls.any()


@pytest.mark.parametrize("controls", [None, {"retest": table(trait=0.0, noise=0.0)}], ids=["none", "flat"])
def test_without_a_control_that_says_something_nothing_is_beyond_controls(controls):
    found = FAST({"retest": table(noise=0.4)}, controls)
    assert (found.table.low > found.table.null_high).all() and np.isnan(found.table.untrained_high).all()
    assert not found.beyond_controls.any()


@pytest.mark.filterwarnings("ignore:.*inplace:Warning")  # pingouin calls a pandas option on its way out
@pytest.mark.skipif(
    importlib.util.find_spec("pingouin") is None, reason="pingouin (oracle, dev only) is missing"
)
def test_icc_of_every_axis_equals_pingouins():
    import pingouin

    tables = {axis: table(k, occasions=3 + k % 2, channels=("a", "b")) for k, axis in enumerate(AXES)}
    found = FAST(tables)
    for axis, data in tables.items():
        for channel in ("a", "b"):
            frame = data.sel(channel=channel).reset_coords(drop=True).to_dataframe("v").reset_index()
            oracle = pingouin.intraclass_corr(frame, targets="subject", raters="occasion", ratings="v")
            column = oracle.columns[oracle.columns.str.startswith("ICC")][0]
            value = oracle[column][oracle["Type"].isin(["ICC2", "ICC(A,1)"])].iloc[0]
            assert float(cell(found, axis, channel=channel).estimate) == pytest.approx(float(value), abs=1e-4)


def test_the_table_the_frame_and_the_figure():
    tables = {
        a: table(k, channels=("attention", "coordination")) for k, a in enumerate(("retest", "checkpoint"))
    }
    found = FAST(tables, {"retest": table(5, channels=("attention", "coordination"))})
    assert list(found.table.axis.values) == ["checkpoint", "retest"]  # in the dossier's own order
    assert np.isnan(found.table.untrained.sel(axis="checkpoint")).all()
    frame = found.to_dataframe()
    people = frame.loc[("retest", "people", "icc(2,1)")]
    assert (
        people["estimate"] == SVO_RETEST.value == 0.78
        and people["n"] == 495
        and "verified" in people["reason"]
    )
    assert len(frame) == 2 * 2 * 2 + 1 and {"msr", "null", "untrained", "beyond_controls"} <= set(frame)
    assert found.to_dataset().attrs["anchor_n"] == 495 and "<table" in found._repr_html_()
    assert len(found.plot().axes) == 3


def test_a_constant_head_is_named_and_not_called_stable():
    found = FAST({"noise": table(trait=0.0, noise=0.0), "retest": table()})
    flat = cell(found, "noise")
    assert np.isnan(flat.estimate) and "no variance" in str(flat.reason.item()) and flat.msr == 0
    assert not found.beyond_controls.sel(axis="noise").any()
    assert isinstance(found, Dossier) and found.plot().axes


def test_the_dossier_checks_its_input():
    with pytest.raises(OptionError, match="did you mean 'retest'"):
        FAST({"retests": table()})
    with pytest.raises(OptionError, match="scene"):
        FAST({"retest": table().drop_vars("scene")})
    with pytest.raises(OptionError, match="no tables"):
        FAST({})
    with pytest.raises(OptionError, match="channels"):
        FAST({"retest": table()}, {"retest": table(channels=("b",))})


# -- measuring ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def env():
    return socialsim.make("rendezvous-v0", num_agents=2, num_pads=1, needed=2, size=5, walls=0)


@functools.cache
def team(seed):
    env = socialsim.make("rendezvous-v0", num_agents=2, num_pads=1, needed=2, size=5, walls=0)
    make = jax.jit(new_team, static_argnums=(1, 2, 3, 4))
    t = make(jax.random.key(seed), NetworkConfig(width=8), env.actions, env.channels, 2)
    return t.replace(params=jax.tree.map(lambda x: x * 3.0, t.params))  # opinions that differ


@pytest.fixture(scope="module")
def occasions(env):
    return Occasions(env, worlds=8, steps=12, times=2)


@pytest.fixture(scope="module")
def battery(occasions):
    return occasions.battery(team(0))


def test_stages_value_one_battery(occasions, battery):
    found = occasions.stages([[team(0), team(1)], [team(0), team(2)]], battery)
    assert found.shape == (2, 16, 3) and list(found.agent.values) == [0] * 8 + [1] * 8
    np.testing.assert_allclose(found[0, 8:], read(team(1), battery).value[:, 0], atol=1e-6)
    np.testing.assert_array_equal(found[0, :8], found[1, :8])
    same = FAST({"checkpoint": found.isel(subject=slice(8))})
    np.testing.assert_allclose(same.table.estimate, 1.0)
    with pytest.raises(OptionError, match="same number"):
        occasions.stages([[team(0)], []], battery)


def test_noise_blurs_only_what_is_in_sight(env, battery):
    weak, strong = (Occasions(env, worlds=8, steps=12, times=3, noise=s) for s in (1e-6, 0.5))
    values = weak.noises([team(0)], battery)
    plain = np.broadcast_to(read(team(0), battery).value[:, 0], values.shape)
    np.testing.assert_allclose(values, plain, atol=1e-4)
    hidden = jax.tree.map(jnp.zeros_like, battery)
    assert all((o.others == 0).all() and (o.objects == 0).all() for o in strong.blurred(hidden))
    icc = [FAST({"noise": o.noises([team(0)], battery)}).table.estimate[0, 0, 0] for o in (weak, strong)]
    assert icc[0] > 0.999 > icc[1]


def test_casts_play_as_the_teams_they_are_from(battery):
    mixed = cast([team(0), team(1)])
    out = jax.jit(lambda t, o: t.values(o))(mixed, battery)
    for k in range(2):
        np.testing.assert_allclose(out[:, k], read(team(k), battery).value[:, k], atol=1e-5)
    again = cast([mixed, cast([team(2), team(2)])])  # of teams with one set of parameters each
    out = jax.jit(lambda t, o: t.values(o))(again, battery)
    np.testing.assert_allclose(out[:, 0], read(team(0), battery).value[:, 0], atol=1e-5)
    np.testing.assert_allclose(out[:, 1], read(team(2), battery).value[:, 1], atol=1e-5)


def test_partners_and_retests(occasions):
    found = occasions.partners([team(0), team(1)], [team(0), team(2), team(0)])
    assert found.shape == (3, 16, 3)
    np.testing.assert_array_equal(found[0], found[2])  # the same starts with the same partner
    assert not np.allclose(found[0], found[1])
    fresh = occasions.retests([team(0), team(1)], least=2)
    assert fresh.sizes["occasion"] == 2 and fresh.sizes["subject"] > 3 and np.isfinite(fresh).all()
    assert not np.allclose(fresh[0], fresh[1])
    none = occasions.retests([team(0)], least=10_000)
    assert none.sizes["subject"] == 0
    reason = FAST({"retest": none}).table.reason.values
    assert all("at least 3 subjects" in str(r) for r in reason.ravel())


def test_extinguished_signals_are_silent(env):
    quiet = extinguished(env, "coordination")
    assert quiet.channels == env.channels and extinguished(env).channels == env.channels
    step = jax.jit(lambda env, key: env.step(key, env.reset(key)[0], jnp.ones(2, int))[1].signals)
    keys = [jax.random.key(k) for k in range(4)]
    k = env.channels.index("coordination")
    loud, silent = (np.stack([step(e, key) for key in keys]) for e in (env, quiet))
    assert (silent[..., k] == 0).all()
    np.testing.assert_array_equal(np.delete(silent, k, -1), np.delete(loud, k, -1))
    with pytest.raises(OptionError, match="nonsense"):
        extinguished(env, "nonsense")


def test_measured_in_one_go(occasions):
    teams = [team(0), team(1)]
    stages = [[team(0), team(1)], [team(2), team(3)]]
    found = FAST.measure(
        occasions, teams, checkpoints=stages, axes=("checkpoint", "seed", "noise", "extinction")
    )
    assert list(found.table.axis.values) == [
        "checkpoint",
        "seed",
        "noise",
    ]  # nothing was given for extinction
    assert np.isfinite(found.table.untrained.sel(axis="noise")).all()
    assert int(found.table.occasions.sel(axis="checkpoint")[0]) == 2
