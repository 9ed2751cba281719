import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import socialsim
from socialsim.agents.networks import NetworkConfig
from socialsim.agents.team import new_team
from socialsim.analysis.comparison import RewardDistance, ValueAsRewardError
from socialsim.analysis.counterfactual import edit_for_each, perceived
from socialsim.analysis.edits import PartnerOnObject, RemoveObject, RemovePartner, TurnGaze
from socialsim.analysis.laboratory import (
    Acts,
    Bearing,
    Distance,
    Feature,
    Heading,
    Lab,
    Landscapes,
    Needed,
    Places,
    Present,
    Readout,
    Watchers,
)
from socialsim.analysis.laboratory.stage import rows
from socialsim.core.acts import Act
from socialsim.core.errors import OptionError
from socialsim.core.scene import OBJECT_FEATURES, Scene
from socialsim.core.senses import OBJECT_SENSE_FEATURES, OTHER_FEATURES, Senses
from socialsim.core.sight import Eyes
from socialsim.core.world import Actions

PRESENT, PROGRESS = OBJECT_FEATURES.index("present"), OBJECT_FEATURES.index("progress")
CHANNELS = ("attention", "coordination")


@functools.cache
def team(seed=0, agents=3, **config):
    """Untrained, its heads drawn at scale one: values that vary."""
    make = jax.jit(new_team, static_argnums=(1, 2, 3, 4))
    t = make(jax.random.key(seed), NetworkConfig(width=8, **config), Actions(choices=10), CHANNELS, agents)
    return t.replace(params=jax.tree.map(lambda x: x * 3.0, t.params))


@pytest.fixture(scope="module")
def lab():
    lab = Lab.empty(num_agents=3, num_objects=2, size=13).pad((0, 2), needed=3)
    lab = lab.place(0, (0, -2), heading=90).place(1, (2, 0)).place(2, (-2, 1))
    return lab.look_at(1, 0).look_at(2, 0)


def same(a: Scene, b: Scene, *, but=()):
    for f in dataclasses.fields(Scene):
        if f.name not in but:
            x, y = np.asarray(getattr(a, f.name)), np.asarray(getattr(b, f.name))
            np.testing.assert_allclose(x, y, atol=1e-5, err_msg=f.name)


_by_hand = jax.jit(lambda team, scene: team.values(Senses()(scene)))


def by_hand(lab, team):
    """Values [A, C] of a lab with a single scene."""
    return np.asarray(_by_hand(team, lab.scenes))


# -- what follows from what is placed ----------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_everything_worked_out_anew_is_what_the_world_shows(seed):
    """Sight, free distances, who takes part, head counts: the laboratory's are the worlds' own."""
    env = socialsim.make("rendezvous-v0", num_agents=4, size=10, walls=3)
    state, scene = jax.jit(lambda key: (state := env.reset(key)[0], env.scene(state)))(jax.random.key(seed))
    lab = Lab.at(env, state, grid=True, radius=1.0)
    for f in dataclasses.fields(Scene):  # nothing touched: to the last bit
        np.testing.assert_array_equal(getattr(lab.scenes, f.name), getattr(scene, f.name))
    scrambled = lab.stage.scene.replace(
        sees_agent=~lab.stage.scene.sees_agent, clear=np.zeros_like(lab.stage.scene.clear)
    )
    lab = dataclasses.replace(lab, stage=lab.stage.replace(scene=scrambled))
    again = lab.wall(50, 50, 51, 51)  # outside: it changes nothing but has all of it worked out anew
    same(again.scenes, scene)


EDITS = {
    "look_at_me": (TurnGaze("at_me"), lambda lab, j, m, me: lab.look_at(j, me)),
    "look_away": (TurnGaze("away"), lambda lab, j, m, me: lab.look_away(j, me)),
    "quarter_turn": (
        TurnGaze("at_me", directions=4, neck=False),
        lambda lab, j, m, me: lab.look_at(j, me),
    ),
    "remove_partner": (RemovePartner(), lambda lab, j, m, me: lab.remove(j)),
    "remove_object": (RemoveObject(), lambda lab, j, m, me: lab.remove_object(m)),
    "partner_on_object": (PartnerOnObject(), lambda lab, j, m, me: lab.join(j, m)),
}


@pytest.mark.parametrize("name", EDITS)
def test_edits_agree_with_those_of_counterfactuals(random_scenes, name):
    """Two independent ways to the same change: what I perceive afterwards is equal."""
    edit, mine = EDITS[name]
    grid = name == "quarter_turn"
    many = random_scenes(24)
    edited, applies = jax.jit(jax.vmap(lambda s: edit_for_each(s, edit)))(many)
    sense = jax.jit(lambda views: perceived(views, Senses()))
    count = 0
    for e, me in np.argwhere(np.asarray(applies))[:20]:
        old = jax.tree.map(lambda x, e=e: np.asarray(x[e]), many)
        new = jax.tree.map(lambda x, e=e, me=me: np.asarray(x[e, me]), edited)
        moved = [
            np.flatnonzero((getattr(old, f) != getattr(new, f)).reshape(4, -1).any(1))
            for f in ("gaze", "position", "takes_part")
        ]
        gone = np.flatnonzero(old.sees_agent[me] & ~new.sees_agent[me])
        j = int(next(iter([*np.concatenate(moved[:2]), *gone, 0])))
        present = np.flatnonzero(old.object_present != new.object_present)
        joined = np.flatnonzero((old.takes_part != new.takes_part).any(0))
        m = int(next(iter([*present, *joined, 0])))
        lab = mine(Lab.of(old, grid=grid, neck=not grid, radius=0.05), j, m, int(me))
        want, got = (
            jax.tree.map(
                lambda x, me=me: np.asarray(x[me]), sense(jax.tree.map(lambda x: jnp.stack([x] * 4), s))
            )
            for s in (new, lab.scenes)
        )
        # Edits leave `progress` alone; in the laboratory that of a pad follows its head count.
        skip = OBJECT_SENSE_FEATURES.index("progress")
        np.testing.assert_allclose(
            np.delete(got.objects, skip, -1), np.delete(want.objects, skip, -1), atol=1e-5
        )
        np.testing.assert_allclose(got.others, want.others, atol=1e-5)
        np.testing.assert_array_equal(got.others_mask, want.others_mask)
        np.testing.assert_array_equal(got.objects_mask, want.objects_mask)
        count += 1
    assert count >= 10


def test_where_strengths_add_up_they_do_so_in_the_laboratory(random_scenes):
    """As in forage: object 1, where nobody is, counts as object 0 shows."""
    s = jax.tree.map(lambda x: np.asarray(x[0]).copy(), random_scenes(1))
    part = np.zeros_like(s.takes_part)
    part[:2, 0] = True
    features = s.object_features.copy()
    features[:, OBJECT_FEATURES.index("needed")] = 6
    features[:, PRESENT] = part.T @ np.array([2.0, 3.0, 1.0, 4.0])
    strength, there = np.array([2.0, 3.0, 1.0, 4.0], np.float32), np.ones_like(s.object_present)
    s = s.replace(takes_part=part, object_features=features, strength=strength, object_present=there)
    lab = Lab.of(s, radius=0.05)
    assert lab.scenes.object_features[0, PRESENT] == 5
    assert lab.remove(1).scenes.object_features[0, PRESENT] == 2
    assert lab.join(3, 1).scenes.object_features[1, PRESENT] == 4


def test_walls_block_and_the_border_ends_the_view(lab):
    assert lab.scenes.sees_agent[1, 0] and lab.scenes.sees_agent[2, 0] and not lab.scenes.sees_agent[0, 0]
    walled = lab.wall(0.5, -1.5, 1.5, -0.5)
    assert not walled.scenes.sees_agent[1, 0] and walled.scenes.sees_agent[2, 0]
    assert lab.scenes.clear[0, 0] == pytest.approx(8.5)  # from y = -2 to the border at 6.5, facing north
    assert walled.place(0, (1, -3)).scenes.clear[0, 0] == pytest.approx(1.5)


def test_head_counts_follow_from_who_stands_there(lab):
    assert lab.scenes.object_features[0, PRESENT] == 0
    joined = lab.join(1, 0).feature(0, present=1)
    assert joined.scenes.object_features[0, PRESENT] == 2
    assert joined.scenes.object_features[0, PROGRESS] == pytest.approx(2 / 3)
    assert joined.scenes.takes_part[1, 0] and not joined.scenes.takes_part[0].any()
    left = joined.remove(1)
    assert left.scenes.object_features[0, PRESENT] == 1 and not left.scenes.takes_part.any()
    assert not joined.remove_object(0).scenes.takes_part.any()


def test_pads_of_grids_are_square():
    on_corner = dict(num_agents=1, num_objects=1)
    for grid in (False, True):
        lab = Lab.empty(**on_corner, grid=grid).pad((0, 0), needed=2).place(0, (1, 1))
        assert bool(lab.scenes.takes_part[0, 0]) == grid


def test_labs_are_immutable(lab):
    before = lab.scenes
    lab.place(0, (5, 5)).turn(1, 0).remove(2).feature(0, needed=1).wall(-1, -1, 0, 0).act(0, Act.INTERACT)
    same(lab.scenes, before)


def test_who_is_not_there_does_not_matter():
    """Slots of agents and objects that are empty change no value; their own is NaN."""

    def set_up(agents, objects):
        lab = Lab.empty(num_agents=agents, num_objects=objects).pad((0, 2), needed=2)
        return lab.place(0, (0, 0), heading=90).place(1, (1, 1)).look_at(1, 0)

    small, large = set_up(2, 1).read(team()), set_up(4, 3).read(team())
    np.testing.assert_allclose(large.values[:2], small.values, atol=1e-6)
    assert np.isnan(large.values[2:]).all()
    gone = set_up(2, 1).place(1, (1, 1)).remove(1).read(team()).values
    alone = Lab.empty(1, 1).pad((0, 2), needed=2).place(0, (0, 0), heading=90).read(team()).values
    np.testing.assert_allclose(gone[0], alone[0], atol=1e-6)


# -- sweeps ------------------------------------------------------------------------------------------------


def test_sweeps_do_what_they_say(lab):
    d, b = [1.0, 2.5, 6.0], [-170.0, -30.0, 0.0, 45.0]
    swept = lab.sweep(Distance(1, d), Bearing(1, b), Watchers(range(3)), Needed([2, 4]), Present([0, 1]))
    assert swept.shape == (3, 4, 3, 2, 2) == swept.scenes.position.shape[:5]
    s = swept.scenes
    offset = s.position[..., 1, :] - s.position[..., 0, :]
    np.testing.assert_allclose(
        np.linalg.norm(offset, axis=-1),
        np.array(d)[:, None, None, None, None] * np.ones(swept.shape),
        rtol=1e-5,
    )
    left = np.degrees(np.arctan2(-offset[..., 0], offset[..., 1]))  # facing north, left is west
    np.testing.assert_allclose(left, np.array(b)[:, None, None, None] * np.ones(swept.shape), atol=1e-3)
    watching = np.asarray(s.sees_agent)[..., 0].sum(-1)
    np.testing.assert_array_equal(watching, np.arange(3)[:, None, None] * np.ones(swept.shape))
    np.testing.assert_allclose(s.object_features[0, 0, 0, :, :, 0, 0], [[2, 2], [4, 4]])
    np.testing.assert_allclose(s.object_features[0, 0, 0, :, :, 0, PRESENT], [[0, 1], [0, 1]])
    looks = OTHER_FEATURES.index("looks_at_me")
    seen = Senses()(swept.isel(distance=1, bearing=2, watchers=2, needed=0, present=0).scenes)
    assert seen.others[0, 0, looks] == 1


def test_other_sweeps(lab):
    acts = lab.sweep(Acts(1)).scenes.act
    np.testing.assert_array_equal(acts[:, 1], range(10))
    assert (acts[:, 0] == 0).all()
    turned = lab.sweep(Heading(0, [0, 90, 180])).scenes.heading[:, 0]
    np.testing.assert_allclose(turned, [[1, 0], [0, 1], [-1, 0]], atol=1e-6)
    places = lab.sweep(Places(0, [0, 1, 2], [5, 6])).scenes.position[..., 0, :]
    assert places.shape == (2, 3, 2) and tuple(places[1, 2]) == (2, 6)
    levels = lab.sweep(Feature("resource", [0.0, 0.5], slot=0)).scenes.object_features[:, 0]
    np.testing.assert_allclose(levels[:, OBJECT_FEATURES.index("resource")], [0, 0.5])


def test_a_reading_is_the_values_scene_by_scene(lab):
    teams = [team(0), team(1)]
    swept = lab.sweep(Distance(1, [1.0, 3.0, 5.0]), Watchers(range(3)))
    r = swept.read(teams, batch=4).values  # 9 scenes in batches of 4, 4 and 1
    assert r.dims == ("distance", "watchers", "agent", "channel", "seed")
    for i, j in np.ndindex(3, 3):
        one = swept.isel(distance=i, watchers=j)
        for k, t in enumerate(teams):
            np.testing.assert_allclose(r[i, j, :, :, k], by_hand(one, t), atol=1e-5)
    assert r.values.std() > 0.01
    few = swept.read(teams, agents=(2, 0)).values
    np.testing.assert_allclose(few, r.sel(agent=[2, 0]), atol=1e-5)
    crossed = lab.sweep(Watchers(range(3)), Distance(1, [1.0, 3.0, 5.0])).read(teams).values
    np.testing.assert_allclose(crossed.transpose(*r.dims), r, atol=1e-5)


def test_parameters_of_each_agents_own(lab):
    own = team(per_agent=True)
    r = lab.read(own, agents=(2,)).values
    np.testing.assert_allclose(r[0, :, 0], by_hand(lab, own)[2], atol=1e-5)
    with pytest.raises(OptionError, match="own"):
        Lab.empty(num_agents=5).place(0, (0, 0)).read(own)


def test_many_scenes_of_a_recording(random_scenes):
    many = random_scenes(24)
    lab = Lab.of(many)
    for f in dataclasses.fields(Scene):
        np.testing.assert_array_equal(getattr(lab.scenes, f.name), getattr(many, f.name))
    swept = lab.look_at(1, 0).sweep(Distance(1, [2.0, 4.0]))
    assert swept.shape == (24, 2) and swept.read(team(agents=4)).values.sizes["scene"] == 24
    away = swept.scenes.position[:, :, 1] - swept.scenes.position[:, :, 0]
    np.testing.assert_allclose(np.linalg.norm(away, axis=-1), np.tile([2.0, 4.0], (24, 1)), rtol=1e-5)


def test_only_what_a_sweep_changes_is_copied(lab):
    swept = lab.sweep(Distance(1, np.linspace(1, 5, 100)), Present(range(50)))
    found = rows(swept.stage, swept.shape, np.arange(1000))
    moved = {f for f in ("position", "velocity", "act", "gaze") if getattr(found.stages.scene, f).ndim == 3}
    assert "position" in moved and "act" not in moved and "gaze" not in moved
    assert swept.stage.beside.shape == (1, 50, 2) and swept.stage.scene.position.shape == (100, 1, 3, 2)


# -- landscapes and pictures -------------------------------------------------------------------------------


def test_a_landscape_is_what_it_is_to_stand_there(lab):
    found = Landscapes(step=1.0, headings=4)(lab.wall(2.5, 2.5, 4.5, 4.5), team())
    assert found.data.estimate.dims == ("y", "x", "channel") and found.data.sizes["x"] == 13
    here = found.data.estimate.sel(x=-3, y=4)
    wall = lab.wall(2.5, 2.5, 4.5, 4.5)
    hand = np.mean([by_hand(wall.place(0, (-3, 4), heading=h), team())[0] for h in (0, 90, 180, 270)], 0)
    np.testing.assert_allclose(here, hand, atol=1e-5)
    assert (
        np.isnan(found.data.estimate.sel(x=3, y=3)).all() and int(found.data.estimate.isnull().sum()) == 4 * 2
    )
    best = found.best().sel(channel="attention")
    assert best.estimate == found.data.estimate.sel(channel="attention").max()


def test_landscapes_turn_with_the_scene(lab):
    """Senses are egocentric: turn the whole scene by a quarter and the landscape turns with it."""
    turned = Lab.empty(num_agents=3, num_objects=2, size=13).pad((-2, 0), needed=3)
    turned = turned.place(0, (2, 0), heading=180).place(1, (0, 2)).place(2, (-1, -2))
    turned = turned.look_at(1, 0).look_at(2, 0)  # at a `me` that leaves its place in both
    a = Landscapes(step=1.0)(lab, team()).data.estimate
    b = Landscapes(step=1.0)(turned, team()).data.estimate
    x, y = 3, -4
    np.testing.assert_allclose(b.sel(x=-y, y=x), a.sel(x=x, y=y), atol=1e-5)
    np.testing.assert_allclose(b.values, np.flip(a.values.swapaxes(0, 1), 1), atol=1e-4)


def test_over_seeds():
    table = np.random.default_rng(0).normal(size=(3, 1, 2, 6))
    dims = ("distance", "agent", "channel", "seed")
    r = Readout(xr.DataArray(table, dims=dims, coords={"distance": [1.0, 2.0, 3.0], "channel": ["a", "b"]}))
    s = r.over_seeds()
    np.testing.assert_allclose(s.estimate, table.mean(-1), rtol=1e-5)
    assert ((s.low < s.estimate) & (s.estimate < s.high)).all() and s.n == 6
    one = Readout(r.values.isel(seed=[0])).over_seeds()
    assert np.isnan(one.low).all() and np.isfinite(one.estimate).all()
    np.testing.assert_allclose(r.centred().values.mean("distance"), 0, atol=1e-5)
    assert r.sel(distance=2.2, channel="b").values.shape == (1, 6)


def test_intervals_over_seeds_cover():
    truth, hits = 0.3, []
    for trial in range(200):
        draws = truth + np.random.default_rng(trial).normal(size=(1, 1, 1, 8))
        r = Readout(xr.DataArray(draws, dims=("distance", "agent", "channel", "seed")))
        s = r.over_seeds(resamples=400, seed=trial)
        hits.append(bool((s.low <= truth) & (truth <= s.high)))
    assert 0.90 <= np.mean(hits) <= 0.99


def test_pictures_and_plots(lab):
    assert lab._repr_png_()[:4] == b"\x89PNG"
    swept = lab.sweep(Distance(1, [1.0, 3.0]), Watchers([0, 2]))
    assert swept._repr_png_()[:4] == b"\x89PNG"
    r = swept.read([team(0), team(1)])
    fig = r.plot("distance", hue="watchers", control=swept.read(team(2)))
    assert [ax.get_title(loc="left") for ax in fig.axes] == list(CHANNELS)
    assert all(len(ax.lines) == 3 for ax in fig.axes)  # two of them and the control
    drawn = Landscapes(step=2.0)(lab, team()).plot(channels=["coordination"])
    assert len(drawn.axes[0].images) == 1
    # Whoever walks over the landscape is not drawn on it.
    bodies = lab.draw(without=(0,)).collections
    assert bodies


# -- bad input ---------------------------------------------------------------------------------------------


def test_bad_input(lab):
    with pytest.raises(OptionError, match="agent=7"):
        lab.place(7, (0, 0))
    with pytest.raises(OptionError, match="slots are taken"):
        lab.pad((1, 1)).pad((2, 2))
    with pytest.raises(OptionError, match="did you mean 'needed'"):
        lab.feature(0, neded=2)
    with pytest.raises(OptionError, match="distance"):
        lab.sweep(Distance(1, [1.0, 2.0]), Distance(2, [1.0]))
    with pytest.raises(OptionError, match="last axes"):
        lab.sweep(Distance(1, [1.0, 2.0])).place(0, np.zeros((5, 2)))
    with pytest.raises(OptionError, match="kinds"):
        lab.read([team(0), team(0, shared_encoder=True)])
    with pytest.raises(OptionError, match="isel"):
        lab.sweep(Distance(1, [1.0])).landscape(team())
    with pytest.raises(OptionError, match="extent"):
        Lab.of(lab.scenes).landscape(team())
    with pytest.raises(OptionError, match="x0 < x1"):
        lab.wall(1, 1, 0, 2)
    with pytest.raises(OptionError, match=r"Act\.ADVANCE"):
        lab.act(0, 11)
    with pytest.raises(OptionError, match="sweep axis"):
        lab.read(team()).plot()


def test_what_is_read_is_a_value_and_no_reward(lab):
    r = lab.read(team()).values
    p = np.full((3, 2, 3), 1 / 3)
    with pytest.raises(ValueAsRewardError, match="value head"):
        RewardDistance(p, 0.9)(r, r)


def test_full_view_sees_all():
    lab = Lab.empty(2, 0, eyes=Eyes(full_view=True)).place(0, (0, 0)).place(1, (-4, 0))
    assert lab.scenes.sees_agent[0, 1] and not lab.scenes.sees_agent[0, 0]
