"""seesaw and gaze: physics against MuJoCo's C engine and closed forms; joint events exactly when due."""

import pickle

import jax
import jax.numpy as jnp
import jaxtyping
import mujoco
import numpy as np
import pytest
from mujoco_runner import E, Runner

import socialsim
from socialsim.agents import bots
from socialsim.core.errors import OptionError, SocialsimError
from socialsim.core.registry import make_world
from socialsim.envs.mujoco import bodies, looking


@pytest.fixture(scope="module", autouse=True)
def batched():
    """Annotations name the shapes of one world; one test checks them, the rest runs batches."""
    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", before)


@pytest.fixture(scope="module")
def plank() -> Runner:
    return Runner("seesaw-v0", num_agents=3)


@pytest.fixture(scope="module")
def heads() -> Runner:
    return Runner("gaze-v0", num_agents=3, needed=2)


STILL = np.zeros(1, np.float32)  # of every joint of every agent
TIPS = bodies.TILT_LIMIT


def everywhere(value, like):
    return jnp.broadcast_to(jnp.asarray(value, like.dtype), like.shape)


def c_rollout(world, qpos, drives, load=None):
    """The same decisions in MuJoCo's C engine, double precision, solved to convergence."""
    plan = world.plan
    model = mujoco.MjModel.from_xml_string(bodies.lean_xml(plan, iterations=100, ls_iterations=50))
    first = model.nq - plan.dofs * plan.num_agents
    if load is not None:
        place, weight = load
        model.body("load").pos[:2] = place * bodies.BODY, -plan.width * bodies.BODY / 2
        model.body("load").mass[:] = weight * bodies.MASS
    data = mujoco.MjData(model)
    data.qpos[:] = qpos
    track = []
    for drive in drives:
        for _ in range(bodies.SUBSTEPS):
            yaw = data.qpos[first + 2 :: plan.dofs]
            push = drive[:, 0] * bodies.WALK
            force = [push * np.cos(yaw), push * np.sin(yaw), drive[:, 1] * bodies.SPIN]
            force += [drive[:, i] * bodies.NECK for i in range(2, drive.shape[1])]
            data.qfrc_applied[first:] = np.stack(force, 1).ravel()
            mujoco.mj_step(model, data)
        track.append(data.qpos.copy())
    return np.array(track)


def our_rollout(runner, state, drives):
    track = []
    for drive in drives:
        state = runner.step(state, drive)
        track.append(np.asarray(state.qpos[0]))
    return np.array(track)


# seesaw: places are along the plank, 8 x 3 bodies, its middle at (4, 1.5)

ROWS = (0.6, 1.5, 2.4)


def stand(plank, *places, tilt=0.0, load=2.0):
    """At these distances from the middle, each in a row of its own; the load hangs at `load`."""
    poses = [(4 + x, y, 0.0) for x, y in zip(places, ROWS, strict=True)]
    state = plank.arrange(plank.reset(), poses, first=[tilt])
    return state.replace(load_place=everywhere(load, state.load_place), held=jnp.zeros_like(state.held))


def test_a_tilting_plank_equals_the_c_engine(plank):
    """Agents walk, turn and slide on it; tolerance 1e-4 (metres, radians) over eight decisions."""
    state = stand(plank, -1.5, -0.5, 1.0, tilt=0.1, load=-1.4)
    drives = np.random.default_rng(0).uniform(-0.4, 0.4, (8, 3, 3)).astype(np.float32)
    theirs = c_rollout(plank.world, np.asarray(state.qpos[0]), drives, load=(-1.4, 1.5))
    assert np.ptp(theirs[:, 0]) > 0.02 and np.abs(theirs[:, 0]).max() < 0.9 * TIPS  # it swings freely
    np.testing.assert_allclose(our_rollout(plank, state, drives), theirs, atol=1e-4)


def test_running_into_the_stop_follows_the_c_engine(plank):
    """Tolerance 1e-3 (metres, radians) over four decisions; all walk to the far end, where the load pulls."""
    state = stand(plank, 1.5, -0.5, 1.0, tilt=0.1, load=3.0)
    drives = np.broadcast_to(np.array([0.2, 0.0, 0.0], np.float32), (4, 3, 3))
    theirs = c_rollout(plank.world, np.asarray(state.qpos[0]), drives, load=(3.0, 1.5))
    assert theirs[-1, 0] > 0.98 * TIPS and theirs[-1, 1::4].max() < 8 * bodies.BODY - bodies.RADIUS
    np.testing.assert_allclose(our_rollout(plank, state, drives), theirs, atol=1e-3)


@pytest.mark.parametrize("load", [-3.0, -1.5, 2.0])
def test_it_comes_to_rest_where_spring_and_weights_balance(plank, load):
    state = stand(plank, 1.0, -2.0, 0.5, load=load)
    for _ in range(24):
        state = plank.step(state, STILL)
    x = np.asarray(plank.world.positions(jax.tree.map(lambda leaf: leaf[0], state)))[:, 0] - 4
    tilt = float(state.qpos[0, 0])

    def torque(angle):
        arms = [(bodies.MASS - 1, x * bodies.BODY, bodies.RADIUS), (1, x * bodies.BODY, bodies.NECK_HEIGHT)]
        arms += [(0.5 * 3 * bodies.MASS, np.array([load * bodies.BODY]), -bodies.LOAD_DROP)]
        turns = sum(m * (a * np.cos(angle) + high * np.sin(angle)).sum() for m, a, high in arms)
        return bodies.GRAVITY * turns - 3 * bodies.PLANK_SPRING * angle

    angles = np.linspace(-TIPS, TIPS, 20001)
    rest = angles[np.abs([torque(a) for a in angles]).argmin()]  # at the stop where none balances
    assert tilt == pytest.approx(rest, abs=np.radians(0.3))  # they still slide a little
    assert abs(tilt) > np.radians(3)


def test_holding_it_level_pays_those_who_balance_and_moves_the_load(plank):
    state = stand(plank, -2.0, -1.5, 0.5)
    for decision in range(1, 5):
        progress = plank.scene(state).object_features[:, 0, 2]
        np.testing.assert_allclose(progress, (decision - 1) / 4)
        assert (state.load_place == 2.0).all()
        state = plank.step(state, STILL)
        assert np.asarray(state.joint).tolist() == [[decision == 4, decision == 4, 0]] * E
    assert (state.held == 0).all() and (state.load_place != 2.0).all()
    for _ in range(16):  # standing on, they are off balance now
        state = plank.step(state, STILL)
        assert (state.joint == 0).all()
    assert (np.abs(state.qpos[:, 0]) > plank.world.tolerance).all()


def test_too_few_who_balance_are_not_paid(plank):
    state = stand(plank, -2.0, -1.5, 0.5)
    all_three = plank.world.replace(needed=jnp.int32(3))
    for _ in range(8):
        state = plank.step(state, STILL, all_three)
        assert (state.joint == 0).all() and (state.held == 0).all()
        assert (np.abs(state.qpos[:, 0]) < plank.world.tolerance).all()


def test_a_plank_that_swings_through_level_is_not_held(plank):
    state = stand(plank, -2.0, -1.5, 0.5)
    state = plank.step(plank.step(state, STILL), STILL)
    assert (state.held == 2).all()
    tilted = state.replace(qpos=state.qpos.at[:, 0].set(0.2))
    assert (plank.step(tilted, STILL).held == 0).all()


def test_standing_still_never_succeeds(plank):
    for seed in range(4):
        state = plank.reset(seed)
        for t in range(20):
            state = plank.step(state, STILL, seed=t)
            assert (state.joint == 0).all()


def test_weight_decides_which_end_goes_down_and_the_bubble_tells(plank):
    state = stand(plank, 3.0, 2.0, 2.5, load=3.0)
    for _ in range(8):
        state = plank.step(state, STILL)
    np.testing.assert_allclose(state.qpos[:, 0], TIPS, atol=np.radians(0.5))  # far end down, at its stop
    scene = plank.scene(state)
    np.testing.assert_allclose(scene.object_position[0, 0], [0.5, 1.5], atol=1e-3)  # the end that is up
    np.testing.assert_allclose(scene.object_goal[0, 0], [4.0, 1.5])
    np.testing.assert_allclose(scene.object_position[0, 1], [7.0, 0.0])
    assert not scene.takes_part.any()
    other = plank.scene(state.replace(load_place=-state.load_place))
    assert np.asarray(other.takes_part[0]).tolist() == [[True, False]] * 3


def test_who_stands_on_a_slope_slides_down(plank):
    state = stand(plank, 0.0, 1.0, 2.0, tilt=TIPS, load=3.4)
    for _ in range(6):
        before, state = state, plank.step(state, STILL)
    speed = np.asarray(state.qpos - before.qpos)[0, 1] / bodies.DECISION
    slope = float(state.qpos[0, 0])
    assert slope == pytest.approx(TIPS, abs=np.radians(0.5))
    assert speed == pytest.approx(bodies.GRAVITY * np.sin(slope) * bodies.RESPONSE, rel=0.02)


# gaze

FORWARD, LEFT, NECK, NOD = np.eye(4, dtype=np.float32)
LIGHTS = np.array([[6, 4, 1.24], [4, 7, 3.5], [1, 1, 0.5], [7, 7, 2.0]], np.float32)


def look(heads, *poses, target=0, informed=(True, False, False)):
    state = heads.arrange(heads.reset(), poses)
    return state.replace(
        lights=everywhere(LIGHTS, state.lights),
        target=everywhere(np.arange(4) == target, state.target),
        informed=everywhere(informed, state.informed),
        since=jnp.full_like(state.since, 1000),
    )


AT_0 = (2, 4, 0.0, 0.0, 0.0)  # faces light 0, at the height of its eyes
AWAY = (2, 6, np.pi, 0.0, 0.0)


def test_heads_that_nod_equal_the_c_engine(heads):
    """Tolerance 1e-4 (metres, radians) over ten decisions of random drives."""
    drives = np.random.default_rng(1).uniform(-0.4, 0.4, (10, 3, 4)).astype(np.float32)
    state = look(heads, (2, 2, 0.3), (4, 4, -1.0), (6, 6, 2.0))
    theirs = c_rollout(heads.world, np.asarray(state.qpos[0]), drives)
    np.testing.assert_allclose(our_rollout(heads, state, drives), theirs, atol=1e-4)


def test_a_nod_is_held_by_its_drive_alone(heads):
    state = look(heads, AT_0, (2, 2, 0.5), AWAY)
    pitch = jax.jit(jax.vmap(heads.world.pitch))
    for drive, degrees in ((NOD, 60), (-0.5 * NOD, -30), (0 * NOD, 0)):
        for _ in range(8):
            state = heads.step(state, drive)
        np.testing.assert_allclose(np.degrees(pitch(state)), degrees, atol=0.5)
    for _ in range(2):
        state = heads.step(state, 0.8 * NOD)
    np.testing.assert_allclose(np.degrees(pitch(state)), 48, atol=6)  # nearly there after two
    np.testing.assert_allclose(heads.scene(state).gaze[0, 0], [1, 0], atol=1e-3)  # seen from above: as it was


def test_looking_is_an_angle_in_three_dimensions(heads):
    """Against the angle between gaze and line of sight, computed anew with arccos."""
    rng = np.random.default_rng(2)
    seen = jax.jit(jax.vmap(heads.world.looking))
    hits = 0
    for _ in range(20):
        poses = np.c_[rng.uniform(1, 7, (3, 2)), rng.uniform(-3, 3, 3), rng.uniform(-1, 1, (3, 2))]
        state = look(heads, *poses)
        x, y, yaw, neck, nod = poses.T
        ray = np.stack([np.cos(nod) * np.cos(yaw + neck), np.cos(nod) * np.sin(yaw + neck), np.sin(nod)], 1)
        line = LIGHTS[None] - np.stack([x, y, np.full(3, looking.EYE_HEIGHT)], 1)[:, None]
        far = np.linalg.norm(line, axis=-1)
        angle = np.degrees(np.arccos(np.einsum("ac,amc->am", ray, line) / far))
        clear_cut = (np.abs(angle - 10) > 0.1) & (np.abs(far - 8) > 0.01)
        expected = (angle < 10) & (far < 8)
        hits += expected.sum()
        np.testing.assert_array_equal(np.asarray(seen(state)[0])[clear_cut], expected[clear_cut])
        cone = (angle < 60) & (far < 8)
        sees = np.asarray(heads.scene(state).sees_object[0])[:, :4]
        sure = (np.abs(angle - 60) > 0.1) & (np.abs(far - 8) > 0.01)
        np.testing.assert_array_equal(sees[sure], cone[sure])
    assert hits > 0


def test_agents_are_seen_within_a_cone_above_and_below_too(heads):
    level = look(heads, AT_0, (5, 4, 0.0), AWAY)
    assert heads.scene(level).sees_agent[0, 0, 1]
    up = look(heads, (*AT_0[:4], np.radians(59)), (5, 4, 0.0), AWAY)
    assert heads.scene(up).sees_agent[0, 0, 1]
    aside = look(heads, (*AT_0[:3], np.radians(40), np.radians(59)), (5, 4, 0.0), AWAY)
    assert not heads.scene(aside).sees_agent[0, 0, 1]  # 40 degrees aside alone would be within the cone


def test_only_the_informed_ever_see_the_glow(heads):
    facing = [(2, y, 0.0) for y in (3.0, 4.0, 5.0)]
    scene = heads.scene(look(heads, *facing))
    assert scene.sees_object[0, :, 0].all()  # the light itself is for all
    assert np.asarray(scene.sees_object[0, :, 4]).tolist() == [True, False, False]
    np.testing.assert_array_equal(scene.object_position[:, 4], scene.object_position[:, 0])
    assert np.asarray(scene.object_features[0, :, 6]).tolist() == [0, 0, 0, 0, 1]
    everything = make_world("gaze-v0", num_agents=3, needed=2, full_view=True)
    scene = jax.vmap(everything.scene)(look(heads, *facing))
    assert scene.sees_object[:, :, :4].all() and not scene.sees_object[:, 1:, 4].any()
    informed = [heads.reset(seed).informed for seed in range(8)]
    assert (np.sum(informed, -1) == 1).all()
    assert len({tuple(i) for i in np.asarray(informed).reshape(-1, 3)}) > 1  # drawn anew


def test_enough_looks_within_the_window_light_the_target(heads):
    state = heads.step(look(heads, AT_0, (2, 3, np.arctan2(1, 4)), AWAY), STILL)
    assert np.asarray(state.joint).tolist() == [[1, 1, 0]] * E
    assert not state.target[:, 0].any() and (state.target.sum(-1) == 1).all()
    assert not heads.scene(state).takes_part.any()  # a new event needs new looks
    one = heads.step(look(heads, AT_0, AWAY, AWAY), STILL)
    assert (one.joint == 0).all() and one.target[:, 0].all()
    wrong = heads.step(look(heads, AT_0, (2, 3, np.arctan2(1, 4)), AWAY, target=2), STILL)
    assert (wrong.joint == 0).all() and heads.scene(wrong).takes_part[:, :2, 0].all()


@pytest.mark.parametrize(("gap", "counts"), [(3, True), (4, False)])
def test_a_look_counts_for_a_window(heads, gap, counts):
    state = heads.step(look(heads, AT_0, AWAY, AWAY), STILL)
    turned = heads.arrange(state, [AWAY, AWAY, AWAY])
    for _ in range(gap - 1):
        turned = heads.step(turned, STILL)
        assert (turned.joint == 0).all()
    late = heads.step(heads.arrange(turned, [AWAY, AWAY, AT_0]), STILL)
    assert np.asarray(late.joint).tolist() == [[counts, 0, counts]] * E


def test_walls_hide_lights():
    walled = Runner("gaze-v0", num_agents=3, needed=2, walls=1)
    state = look(walled, AT_0, AWAY, AWAY)
    looks = jax.vmap(walled.world.looking)
    assert looks(state)[:, 0, 0].all() and walled.scene(state).sees_object[:, 0, 0].all()
    hidden = state.replace(walls=everywhere([4.0, 4.0], state.walls))
    assert not looks(hidden).any() and not walled.scene(hidden).sees_object[:, 0, 0].any()


def test_lights_are_apart_and_at_many_heights(heads):
    lights = np.concatenate([heads.reset(seed).lights for seed in range(8)])
    gaps = np.linalg.norm(lights[:, :, None, :2] - lights[:, None, :, :2], axis=-1) + 9 * np.eye(4)
    assert gaps.min() > 1.5 and np.median(gaps.min((1, 2))) > 2.5
    assert lights[..., 2].min() >= 0.3 and lights[..., 2].max() <= 4 and np.ptp(lights[..., 2]) > 2.5


# both

WILD = {
    "random": lambda rng, shape: rng.uniform(-1, 1, shape),
    "not finite": lambda rng, shape: rng.choice([np.nan, np.inf, -np.inf, 1e9], shape),
}


@pytest.mark.parametrize("wild", WILD)
@pytest.mark.parametrize("which", ["plank", "heads"])
def test_scenes_keep_their_promises(which, wild, request):
    runner, rng = request.getfixturevalue(which), np.random.default_rng(1)
    state, plan = runner.reset(5), runner.world.plan
    for t in range(30):
        state = runner.step(state, WILD[wild](rng, (E, 3, runner.world.actions.size)), seed=t)
        scene = runner.scene(state)
        assert all(np.isfinite(x).all() for x in jax.tree.leaves((state, scene)) if x.dtype != bool)
        for unit in (scene.heading, scene.gaze):
            np.testing.assert_allclose(np.linalg.norm(unit, axis=-1), 1.0, atol=1e-5)
        floor = np.array([plan.size, plan.width])
        assert (scene.position >= 0.5 - 1e-4).all() and (scene.position <= floor - 0.5 + 1e-4).all()
        assert (scene.object_position >= 0).all() and (scene.object_position <= floor).all()
        assert (np.linalg.norm(scene.velocity, axis=-1) < 2.0).all()
        assert ((scene.joint == 0) | (scene.joint == 1)).all()
        assert not np.asarray(scene.sees_agent)[:, np.arange(3), np.arange(3)].any()


@pytest.mark.parametrize("which", ["plank", "heads"])
def test_the_same_key_gives_the_same_episode(which, request):
    runner = request.getfixturevalue(which)
    shape = (E, 3, runner.world.actions.size)

    def episode(track):
        track.append(runner.reset(4))
        for t in range(4):
            action = jax.random.uniform(jax.random.key(t), shape, minval=-1.0)
            track.append(runner.step(track[-1], action, seed=t))
        return track

    first, second = episode([]), episode([])
    for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True):
        assert (a == b).all()


@pytest.mark.parametrize("which", ["plank", "heads"])
def test_annotations_hold_and_states_keep_their_types(which, request):
    world = request.getfixturevalue(which).world
    jaxtyping.config.update("jaxtyping_disable", False)

    def episode(key, action):
        state = world.reset(key)
        after = world.step(key, state, action)
        world.scene(after), world.zones(after), world.markers(after)
        return [jax.tree.leaves(s) for s in (state, after)]

    try:
        action = jnp.zeros((3, world.actions.size))
        types = jax.make_jaxpr(episode)(jax.random.key(0), action).out_avals
    finally:
        jaxtyping.config.update("jaxtyping_disable", True)
    half = len(types) // 2
    assert types[:half] == types[half:]
    assert not any(t.weak_type for t in types)


@pytest.mark.parametrize("which", ["plank", "heads"])
def test_worlds_pickle(which, request):
    runner = request.getfixturevalue(which)
    copy = pickle.loads(pickle.dumps(runner.world))
    assert jax.tree.structure(copy) == jax.tree.structure(runner.world)
    assert np.isfinite(runner.step(runner.reset(), STILL, copy).qpos).all()


@pytest.mark.parametrize("which", ["plank", "heads"])
def test_pictures(which, request):
    runner = request.getfixturevalue(which)
    state = jax.tree.map(lambda x: x[0], runner.reset())
    try:
        picture = runner.world.render_3d(state, 64, 48)
    except SocialsimError as error:
        assert "OpenGL" in str(error)
        pytest.skip("no OpenGL on this machine")
    assert picture.shape == (48, 64, 3) and picture.dtype == np.uint8 and picture.std() > 10
    # More sizes than are kept at once: a picture stays the same whatever was drawn in between.
    for width in (65, 66, 67):
        runner.world.render_3d(state, width, 48)
    np.testing.assert_array_equal(runner.world.render_3d(state, 64, 48), picture)


@pytest.mark.parametrize(
    ("id", "options", "named"),
    [
        ("seesaw-v0", {"num_agents": 1}, "num_agents=1"),
        ("seesaw-v0", {"num_agents": 7}, "at most 6"),
        ("seesaw-v0", {"length": 5}, "length=5"),
        ("seesaw-v0", {"width": 9}, "width=9"),
        ("seesaw-v0", {"load": 0.9}, "load=0.9"),
        ("seesaw-v0", {"tolerance": 4}, "from 0.2 to 3.7"),
        ("seesaw-v0", {"tolerance": float("nan")}, "tolerance=nan"),
        ("seesaw-v0", {"hold": 1}, "hold=1"),
        ("seesaw-v0", {"needed": 5}, "needed=5"),
        ("seesaw-v0", {"impl": "c"}, "impl"),
        ("gaze-v0", {"num_agents": 0}, "num_agents=0"),
        ("gaze-v0", {"num_lights": 1}, "num_lights=1"),
        ("gaze-v0", {"needed": 5}, "needed=5"),
        ("gaze-v0", {"num_informed": 0}, "num_informed=0"),
        ("gaze-v0", {"window": -1}, "window=-1"),
        ("gaze-v0", {"tolerance": 0}, "tolerance=0"),
        ("gaze-v0", {"height": 9}, "height=9"),
        ("gaze-v0", {"size": 2}, "3 to 200"),
        ("gaze-v0", {"walls": 2}, "walls=2"),
        ("gaze-v0", {"cone": 0}, "cone"),
    ],
)
def test_bad_options_are_named_in_one_line(id, options, named):
    with pytest.raises(OptionError, match=named) as error:
        make_world(id, **options)
    assert "\n" not in str(error.value)


@pytest.mark.slow
@pytest.mark.parametrize("id", ["seesaw-v0", "gaze-v0"])
def test_a_competent_team_beats_a_random_one_by_far(id):
    env = socialsim.make(id)
    rates = [
        float(bots.play(env, team(env), jax.random.key(2), 4).joint.mean())
        for team in (bots.scripted_team, bots.random_team)
    ]
    assert rates[0] > 0.03 and rates[1] < rates[0] / 20
