"""The MuJoCo worlds: physics against MuJoCo's C engine, joint events, and what they show of themselves."""

import importlib.util

import jax
import jax.numpy as jnp
import jaxtyping
import mujoco
import numpy as np
import pytest
from mujoco_runner import E, Runner

import socialsim
from socialsim.core.errors import OptionError, SocialsimError
from socialsim.core.registry import make_world
from socialsim.envs.mujoco import bodies


def full(value):
    return jnp.full(E, value, jnp.float32)  # of strong type, else the step would compile again


FORWARD, LEFT, NECK = np.eye(3, dtype=np.float32)


@pytest.fixture(scope="module")
def pads() -> Runner:
    return Runner("rendezvous-mujoco-v0", num_agents=3, needed=3, walls=1)


@pytest.fixture(scope="module")
def beam() -> Runner:
    return Runner("beam-v0", num_agents=3, needed=2)


APART = [(2, 2, 0.0), (2, 5, 0.0), (2, 8, 0.0)]


def c_rollout(world, qpos, drives, friction):
    """The same decisions in MuJoCo's C engine, double precision, solved to convergence."""
    model = mujoco.MjModel.from_xml_string(bodies.lean_xml(world.plan, iterations=100, ls_iterations=50))
    model.geom_pos[: world.plan.walls] = -50.0
    data = mujoco.MjData(model)
    data.qpos[:] = qpos
    n, length = 4 * world.num_agents, world.plan.beam * bodies.BODY
    track = []
    for drive in drives:
        for _ in range(bodies.SUBSTEPS):
            yaw, before = data.qpos[2:n:4], data.qpos.copy()
            push = drive[:, 0] * bodies.WALK
            force = [push * np.cos(yaw), push * np.sin(yaw)]
            force += [drive[:, 1] * bodies.SPIN, drive[:, 2] * bodies.NECK]
            data.qfrc_applied[:n] = np.stack(force, 1).ravel()
            mujoco.mj_step(model, data)
            if length:
                slide, turn = data.qvel[n : n + 2], data.qvel[n + 2 :]
                take = friction * bodies.TIMESTEP / bodies.BEAM_MASS
                slide *= max(0.0, 1 - take / max(np.hypot(*slide), 1e-9))
                turn *= max(0.0, 1 - take * 6 / length / max(abs(turn[0]), 1e-9))
                data.qpos[n:] = before[n:] + bodies.TIMESTEP * data.qvel[n:]
        track.append(data.qpos.copy())
    return np.array(track)


def our_rollout(runner, state, drives):
    track = []
    for drive in drives:
        state = runner.step(state, drive)
        track.append(np.asarray(state.qpos[0]))
    return np.array(track)


def test_free_motion_equals_the_c_engine(pads):
    """Tolerance 1e-4 (metres, radians) over ten decisions of random drives."""
    drives = np.random.default_rng(0).uniform(-0.4, 0.4, (10, 3, 3)).astype(np.float32)
    state = pads.arrange(pads.reset(), [(2, 2, 0.3), (5, 5, -1.0), (8, 8, 2.0)])
    theirs = c_rollout(pads.world, np.asarray(state.qpos[0]), drives, 0.0)
    np.testing.assert_allclose(our_rollout(pads, state, drives), theirs, atol=1e-4)


def test_collisions_follow_the_c_engine(pads):
    """Three bodies run into one another; tolerance 0.03 bodies over six decisions."""
    state = pads.arrange(pads.reset(), [(3, 5, 0.1), (7, 5.2, np.pi), (5, 8, -np.pi / 2)])
    drives = np.broadcast_to(FORWARD, (6, 3, 3))
    theirs = c_rollout(pads.world, np.asarray(state.qpos[0]), drives, 0.0)
    ours = our_rollout(pads, state, drives)
    places = [0, 1, 4, 5, 8, 9]
    assert np.abs(ours - theirs)[:, places].max() / bodies.BODY < 0.03
    assert (
        np.linalg.norm(ours[-1, [0, 1]] - ours[-1, [4, 5]]) > 0.9 * bodies.BODY
    )  # they do not interpenetrate


BEAM = (5.0, 5.0, 0.0)
BEHIND = [(4, 4.1, np.pi / 2), (6, 4.1, np.pi / 2), (1, 1, 0.0)]


def arranged(beam, poses):
    return beam.arrange(beam.reset(), poses, last=(BEAM[0] * bodies.BODY, BEAM[1] * bodies.BODY, BEAM[2]))


BOTH_PUSH = np.stack([FORWARD, FORWARD, 0 * FORWARD])
ONE_PUSHES = np.stack([FORWARD, 0 * FORWARD, 0 * FORWARD])


def test_pushing_follows_the_c_engine(beam):
    """Two bodies push the beam; tolerance 0.05 bodies over eight decisions."""
    state = arranged(beam, BEHIND)
    friction = 1.4 * bodies.WALK
    drives = np.broadcast_to(BOTH_PUSH, (8, 3, 3))
    theirs = c_rollout(beam.world, np.asarray(state.qpos[0]), drives, friction)
    ours = our_rollout(beam, state, drives)
    assert np.abs(ours - theirs)[:, [0, 1, 4, 5, 12, 13]].max() / bodies.BODY < 0.05
    assert theirs[-1, 13] / bodies.BODY > 5.5  # and it has moved


def test_walking_and_turning_take_about_one_decision(pads):
    state = pads.arrange(pads.reset(), APART)
    places, headings = [], []
    for _ in range(5):
        state = pads.step(state, FORWARD)
        places.append(np.asarray(pads.scene(state).position[0, 0]))
    strides = np.diff(np.array(places)[:, 0])
    np.testing.assert_allclose(strides, 1.0, atol=0.05)
    np.testing.assert_allclose(pads.scene(state).velocity[0, 0], [1.0, 0.0], atol=0.05)
    state = pads.arrange(state, APART)
    for _ in range(2):
        state = pads.step(state, LEFT)
        headings.append(np.asarray(pads.scene(state).heading[0, 0]))
    angle = np.degrees([np.arctan2(y, x) for x, y in headings])
    assert angle[0] < 90 < angle[1]
    assert set(np.asarray(state.act).ravel()) == {socialsim.core.acts.Act.TURN_LEFT}


def test_the_neck_turns_the_gaze_and_not_the_body(pads):
    state = pads.arrange(pads.reset(), APART)
    for _ in range(4):
        state = pads.step(state, NECK)
    scene = pads.scene(state)
    np.testing.assert_allclose(scene.heading[0, 0], [1.0, 0.0], atol=0.01)
    angle = np.degrees(np.arctan2(scene.gaze[0, 0, 1], scene.gaze[0, 0, 0]))
    assert angle == pytest.approx(80, abs=1)  # and no further
    assert (np.asarray(scene.act) == socialsim.core.acts.Act.STILL).all()


def test_sight_follows_the_gaze(pads):
    """An agent that looks left sees what is to its left and no longer what is to its right."""
    poses = [(2, 5, 0.0), (3, 8, 0.0), (3, 2, 0.0)]
    state = pads.arrange(pads.reset(), poses)
    assert not np.asarray(pads.scene(state).sees_agent[0, 0]).any()
    for _ in range(3):
        state = pads.step(state, np.stack([NECK, 0 * NECK, 0 * NECK]))
    assert np.asarray(pads.scene(state).sees_agent[0, 0]).tolist() == [False, True, False]


def test_a_pad_needs_enough_agents_and_then_moves(pads):
    on_pad = [(4, 5, 0.0), (5.2, 5, 0.0), (5, 6.2, 0.0)]
    state = pads.arrange(pads.reset(), on_pad)
    state = state.replace(pads=jnp.broadcast_to(jnp.array([[5.0, 5.0], [1.5, 1.5]]), (E, 2, 2)))
    scene = pads.scene(state)
    assert (scene.object_features[:, 0, :3] == jnp.array([3.0, 3.0, 1.0])).all()
    after = pads.step(state, 0 * FORWARD)
    assert (after.joint == 1).all()
    moved = np.linalg.norm(after.pads[:, 0] - state.pads[:, 0], axis=-1)
    assert (moved >= 3.5).all() and np.median(moved) >= 4  # 4 where the tries find room
    assert (after.pads[:, 1] == state.pads[:, 1]).all()
    assert (pads.step(after, 0 * FORWARD).joint == 0).all()
    two = pads.arrange(state, [*on_pad[:2], (9, 9, 0.0)])
    assert (pads.step(two, 0 * FORWARD).joint == 0).all()
    fewer = pads.world.replace(needed=jnp.int32(2))  # a leaf: the same compiled step
    assert np.asarray(pads.step(two, 0 * FORWARD, fewer).joint[0]).tolist() == [1, 1, 0]


def test_one_agent_cannot_move_the_beam_but_two_can(beam):
    start = arranged(beam, BEHIND)
    one, two, spread = start, start, {}
    for _ in range(10):
        one, two = beam.step(one, ONE_PUSHES), beam.step(two, BOTH_PUSH)
    for name, state in (("one", one), ("two", two)):
        pose = np.asarray(jax.vmap(beam.world.beam_pose)(state))[0]
        spread[name] = np.linalg.norm(pose[:2] - BEAM[:2]), abs(pose[2])
    assert spread["one"][0] < 0.1 and spread["one"][1] < 0.1
    assert spread["two"][0] > 1.0
    lighter = beam.world.replace(needed=jnp.int32(1))
    one = start
    for _ in range(10):
        one = beam.step(one, ONE_PUSHES, lighter)
    assert np.abs(np.asarray(one.qpos[0, -3:]) / bodies.BODY - [5, 5, 0])[:2].max() > 0.5


def test_progress_pays_once_and_only_those_who_push(beam):
    start = arranged(beam, BEHIND)
    start = start.replace(
        goal=jnp.broadcast_to(jnp.array([5.0, 9.0]), (E, 2)), trip=full(4.0), nearest=full(4.0)
    )
    state, paid = start, np.zeros(3)
    for _ in range(8):
        state = beam.step(state, BOTH_PUSH)
        paid += np.asarray(state.joint[0])
    assert paid[0] >= 2 and paid[0] == paid[1] and paid[2] == 0
    # Back where it was, the same push brings nothing: the way has been paid for on this trip.
    again = start.replace(nearest=state.nearest)
    for _ in range(8):
        again = beam.step(again, BOTH_PUSH)
        assert (again.joint == 0).all()
    # Away from the goal it brings nothing either.
    away = start.replace(goal=jnp.broadcast_to(jnp.array([5.0, 1.0]), (E, 2)))
    for _ in range(8):
        away = beam.step(away, BOTH_PUSH)
        assert (away.joint == 0).all()


def test_arrival_begins_a_new_trip(beam):
    state = arranged(beam, BEHIND)
    state = state.replace(
        goal=jnp.broadcast_to(jnp.array([5.0, 5.9]), (E, 2)), trip=full(4.0), nearest=full(1.1)
    )
    after = beam.step(state, 0 * FORWARD)
    assert (np.linalg.norm(np.asarray(after.goal) - 5.0, axis=-1) > 1.0).all()
    assert np.allclose(after.nearest, after.trip)
    assert np.allclose(beam.scene(after).object_features[:, :, 2], 0)


WILD = {
    "random": lambda rng: rng.uniform(-1, 1, (E, 3, 3)),
    "huge": lambda rng: rng.normal(size=(E, 3, 3)) * 1e9,
    "not finite": lambda rng: rng.choice([np.nan, np.inf, -np.inf, 1.0], (E, 3, 3)),
}


@pytest.mark.parametrize("wild", WILD)
@pytest.mark.parametrize("which", ["pads", "beam"])
def test_scenes_keep_their_promises(which, wild, request):
    runner, rng = request.getfixturevalue(which), np.random.default_rng(1)
    state, size = runner.reset(5), runner.world.plan.size
    for t in range(40):
        state = runner.step(state, WILD[wild](rng) if t % 4 == 0 or wild != "random" else FORWARD, seed=t)
        scene = runner.scene(state)
        assert all(np.isfinite(x).all() for x in jax.tree.leaves((state, scene)) if x.dtype != bool)
        for unit in (scene.heading, scene.gaze):
            np.testing.assert_allclose(np.linalg.norm(unit, axis=-1), 1.0, atol=1e-5)
        assert (scene.position >= 0.5 - 1e-4).all() and (scene.position <= size - 0.5 + 1e-4).all()
        assert (scene.object_position >= 0).all() and (scene.object_position <= size).all()
        assert (np.einsum("eac,eac->ea", scene.heading, scene.gaze) > np.cos(np.radians(80.5))).all()
        assert (np.linalg.norm(scene.velocity, axis=-1) < 2.0).all()
        assert ((scene.joint == 0) | (scene.joint == 1)).all()
        assert not np.asarray(scene.sees_agent)[:, np.arange(3), np.arange(3)].any()


@pytest.mark.parametrize("which", ["pads", "beam"])
def test_annotations_hold_and_states_keep_their_types(which, request):
    """States of reset and step are alike to the last bit of type: they merge, and nothing compiles twice."""
    world = request.getfixturevalue(which).world
    jaxtyping.config.update("jaxtyping_disable", False)

    def episode(key, action):
        state = world.reset(key)
        return [jax.tree.leaves(s) for s in (state, world.step(key, state, action))]

    try:
        types = jax.make_jaxpr(episode)(jax.random.key(0), jnp.zeros((3, 3))).out_avals
    finally:
        jaxtyping.config.update("jaxtyping_disable", True)
    half = len(types) // 2
    assert types[:half] == types[half:]
    assert not any(t.weak_type for t in types)


@pytest.mark.parametrize("which", ["pads", "beam"])
def test_starts_are_apart_and_free(which, request):
    runner = request.getfixturevalue(which)
    for seed in range(10):
        state = runner.reset(seed)
        position = np.asarray(runner.scene(state).position)
        gaps = np.linalg.norm(position[:, :, None] - position[:, None], axis=-1) + 10 * np.eye(3)
        assert gaps.min() > 1.0
        if which == "beam":
            assert (np.asarray(state.trip) >= 1.5).all()
            moved = runner.step(state, 0 * FORWARD)  # nothing overlaps: nothing is pushed apart
            np.testing.assert_allclose(moved.qpos, state.qpos, atol=1e-3)


def test_walls_stop_bodies_and_block_the_view(pads):
    state = pads.arrange(pads.reset(), [(5, 3.5, np.pi / 2), (5, 6.5, -np.pi / 2), (9, 9, 0.0)])
    state = state.replace(walls=jnp.full_like(state.walls, 5.0))
    scene = pads.scene(state)
    assert not scene.sees_agent[0, :2, :2].any()
    assert np.isclose(scene.clear[0, 0, 0], 1.25, atol=1e-4)
    for _ in range(6):
        state = pads.step(state, np.stack([FORWARD, 0 * FORWARD, 0 * FORWARD]))
    scene = pads.scene(state)
    # Half a body short of the wall's face, give or take the softness of contact.
    assert 4.15 < scene.position[0, 0, 1] < 4.45
    np.testing.assert_allclose(scene.position[0, 1], [5, 6.5], atol=0.01)


@pytest.mark.parametrize(
    ("id", "options", "named"),
    [
        ("rendezvous-mujoco-v0", {"num_agents": 0}, "num_agents=0"),
        ("rendezvous-mujoco-v0", {"num_agents": 65}, "64"),
        ("rendezvous-mujoco-v0", {"num_agents": 60, "size": 6.0}, "at most"),
        ("rendezvous-mujoco-v0", {"needed": 5}, "num_agents=4"),
        ("rendezvous-mujoco-v0", {"needed": 0}, "needed=0"),
        ("rendezvous-mujoco-v0", {"num_pads": 0}, "num_pads=0"),
        ("rendezvous-mujoco-v0", {"num_agents": 20, "needed": 20}, "find room"),
        ("rendezvous-mujoco-v0", {"size": 1.0}, "3 to 200"),
        ("rendezvous-mujoco-v0", {"size": float("nan")}, "3 to 200"),
        ("rendezvous-mujoco-v0", {"radius": 9.0}, "radius"),
        ("rendezvous-mujoco-v0", {"radius": float("nan")}, "radius"),
        ("rendezvous-mujoco-v0", {"walls": 5}, "at most 4"),
        ("rendezvous-mujoco-v0", {"impl": "warpp"}, "did you mean 'warp'"),
        ("rendezvous-mujoco-v0", {"cone": 0}, "cone"),
        ("beam-v0", {"needed": 5}, "num_agents=4"),
        ("beam-v0", {"length": 0.5}, "length"),
        ("beam-v0", {"length": "long"}, "length"),
        ("beam-v0", {"size": 7.0}, "8.2"),
        ("beam-v0", {"size": "big"}, "3 to 200"),
        ("beam-v0", {"num_agents": 8, "needed": 8}, "find room"),
        ("beam-v0", {"num_agents": 2.5}, "num_agents=2.5"),
    ],
)
def test_bad_options_are_named_in_one_line(id, options, named):
    with pytest.raises(OptionError, match=named) as error:
        make_world(id, **options)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("id", "options"),
    [
        ("rendezvous-mujoco-v0", {"size": np.int64(8), "radius": np.float32(1.5), "walls": np.int64(1)}),
        ("beam-v0", {"size": np.float32(10), "length": np.int64(4), "num_agents": np.int64(3)}),
    ],
)
def test_numpys_numbers_are_numbers(id, options):
    world = make_world(id, **options)
    assert world == make_world(id, **{name: value.item() for name, value in options.items()})


@pytest.mark.skipif(importlib.util.find_spec("warp") is not None, reason="warp is installed here")
def test_warp_without_warp_is_an_option_error():
    with pytest.raises(OptionError, match="warp-lang"):
        make_world("beam-v0", impl="warp")


@pytest.mark.parametrize("which", ["pads", "beam"])
def test_pictures(which, request):
    runner = request.getfixturevalue(which)
    state = jax.tree.map(lambda x: x[0], runner.reset())
    try:
        picture = runner.world.render_3d(state, 64, 48)
    except SocialsimError as error:
        assert "OpenGL" in str(error)
        pytest.skip("no OpenGL on this machine")
    assert picture.shape == (48, 64, 3) and picture.dtype == np.uint8 and picture.std() > 10
    with pytest.raises(OptionError, match="pixels"):
        runner.world.render_3d(state, 0, 48)
