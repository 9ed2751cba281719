"""The plane: closed forms of its physics, what never happens in it, and joint events exactly when due."""

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest

from socialsim.core.acts import Act
from socialsim.core.errors import OptionError
from socialsim.core.registry import make_world
from socialsim.envs import placing
from socialsim.envs.plane import physics
from socialsim.envs.plane.dance import GESTURES, synchrony
from socialsim.envs.plane.flock import alignment, neighbours
from socialsim.envs.plane.physics import DT, KEEP, RESPONSE, SUBSTEPS, TURN, Bodies, Floor

WORLDS = ("rendezvous-plane-v0", "spread-v0", "flock-v0", "dance-v0")
WALL = jnp.array([[4.75, 3.5, 5.25, 6.5]])


def discs(position, yaw=None, velocity=None):
    """Discs at `position` `[A, 2]`, at rest and facing east unless told otherwise."""
    position = jnp.asarray(position, jnp.float32)
    still = jnp.zeros(len(position))
    return Bodies(
        position=position,
        velocity=jnp.zeros_like(position) if velocity is None else jnp.asarray(velocity, jnp.float32),
        yaw=still if yaw is None else jnp.asarray(yaw, jnp.float32),
        spin=still,
    )


def ground(size=10.0, walls=None):
    return Floor(jnp.float32(size), jnp.zeros((0, 4)) if walls is None else walls)


@jax.jit
def travel(bodies, floor, drives):
    """Bodies after each of `drives` `[T, A, 2]`."""

    def step(bodies, drive):
        bodies = physics.decide(bodies, floor, drive)
        return bodies, bodies

    return jax.lax.scan(step, bodies, drives)[1]


@jax.jit
def press(bodies, floor, goal):
    """40 decisions of all walking straight at `goal` at full drive: smallest gap, and all places."""

    def step(bodies, _):
        way = goal - bodies.position
        bodies = bodies.replace(yaw=jnp.arctan2(way[:, 1], way[:, 0]))
        bodies = physics.decide(bodies, floor, jnp.zeros_like(way).at[:, 0].set(1.0))
        return bodies, (physics.gaps(bodies.position).min(), bodies.position)

    return jax.lax.scan(step, bodies, None, length=40)[1]


def full(steps, agents=1, forward=1.0, turn=0.0):
    return jnp.broadcast_to(jnp.array([forward, turn], jnp.float32), (steps, agents, 2))


def test_walking_spins_up_as_the_closed_form_says_to_one_body_a_decision():
    track = travel(discs([[2.0, 50.0]]), ground(100.0), full(12))
    t = np.arange(1, 13)
    np.testing.assert_allclose(track.velocity[:, 0, 0], 1 - np.exp(-t / RESPONSE), atol=1e-5)
    substep = np.arange(1, 12 * SUBSTEPS + 1)
    way = 2 + np.cumsum(DT * (1 - KEEP**substep))[SUBSTEPS - 1 :: SUBSTEPS]
    np.testing.assert_allclose(track.position[:, 0, 0], way, atol=1e-4)
    np.testing.assert_allclose(np.diff(track.position[-3:, 0, 0]), 1.0, atol=1e-4)
    np.testing.assert_allclose(track.position[:, 0, 1], 50.0)


def test_one_decision_of_full_turn_turns_sixty_degrees_in_the_end():
    drives = jnp.concatenate([full(1, forward=0.0, turn=1.0), full(12, forward=0.0)])
    track = travel(discs([[5.0, 5.0]]), ground(), drives)
    np.testing.assert_allclose(track.yaw[-1, 0], np.radians(60), atol=1e-4)
    steady = travel(discs([[5.0, 5.0]]), ground(), full(12, forward=0.0, turn=-1.0))
    np.testing.assert_allclose(steady.spin[-1, 0], -TURN, atol=1e-4)
    np.testing.assert_allclose(steady.position, 5.0)


def test_pairs_conserve_momentum_and_never_gain_energy():
    """Discs coast into each other at random: only damping changes the sum of their velocities."""
    rng, met = np.random.default_rng(0), 0
    for _ in range(40):
        way = rng.normal(size=2)
        way /= np.linalg.norm(way)
        place = np.array([[50.0, 50.0], 50 + way * rng.uniform(1.0, 1.3)])
        velocity = rng.uniform(-1, 1, (2, 2)) + np.array([way, -way])
        after = travel(discs(place, velocity=velocity), ground(100.0), full(1, 2, forward=0.0))
        slowed = velocity * KEEP**SUBSTEPS
        np.testing.assert_allclose(after.velocity[0].sum(0), slowed.sum(0), atol=1e-5)
        assert (np.asarray(after.velocity[0]) ** 2).sum() <= (slowed**2).sum() + 1e-5
        met += np.abs(after.velocity[0] - slowed).max() > 1e-3
    assert met > 20


def test_equal_discs_head_on_stop_dead_where_they_touch():
    track = travel(discs([[3.0, 5.0], [7.0, 5.0]], yaw=[0.0, np.pi]), ground(), full(10, 2))
    np.testing.assert_allclose(track.velocity[-1], 0.0, atol=1e-5)
    np.testing.assert_allclose(track.position[-1], [[4.5, 5.0], [5.5, 5.0]], atol=1e-3)


def test_one_disc_pushes_another_that_stands_in_its_way():
    drives = full(8, 2) * jnp.array([[1.0], [0.0]])
    track = travel(discs([[2.0, 5.0], [3.5, 5.0]]), ground(20.0), drives)
    np.testing.assert_allclose(np.diff(track.position[-1, :, 0]), 1.0, atol=0.02)
    # Two masses on one drive go half as fast.
    np.testing.assert_allclose(track.velocity[-1, :, 0], 0.5, atol=0.02)


@pytest.mark.parametrize("agents", [2, 9, 49])
@pytest.mark.parametrize("where", ["middle", "corner", "wall"])
def test_no_crowd_overlaps_or_leaves_the_floor_or_enters_walls(agents, where):
    rng = np.random.default_rng(1)
    lattice = np.stack(np.meshgrid(*[np.arange(7) * 1.2 + 0.7] * 2), -1).reshape(-1, 2)
    lattice = lattice[np.abs(lattice - np.array([5.0, 5.0])).max(-1) > (2.2 if where == "wall" else 0)]
    agents = min(agents, len(lattice))
    place = rng.permutation(lattice)[:agents]
    goal = {"middle": [4.0, 4.0], "corner": [0.0, 0.0], "wall": [5.0, 5.0]}[where]
    walls = WALL if where == "wall" else None
    gaps, places = press(discs(place), ground(10.0, walls), jnp.array(goal))
    assert np.min(gaps) > -physics.OVERLAP
    assert np.min(places) >= 0.5 and np.max(places) <= 9.5
    if walls is not None:
        assert np.min(placing.from_box(places, walls)) > 0.5 - physics.OVERLAP


def test_nothing_tunnels_at_full_drive():
    """Through each other or through the thinnest wall, wherever within a step they meet."""
    for start in np.linspace(0.0, 1.0, 11):
        pair = discs([[2.0 + start, 8.5], [8.0, 8.5]], yaw=[0.0, np.pi])
        track = travel(pair, ground(10.0, WALL), full(12, 2))
        assert (np.diff(np.asarray(track.position[..., 0]), axis=1) > 1 - physics.OVERLAP).all()
        alone = travel(discs([[1.0 + start, 5.0]]), ground(10.0, WALL), full(12))
        assert np.max(alone.position[:, 0, 0]) <= 4.25 + physics.OVERLAP
        np.testing.assert_allclose(alone.position[-1, 0], [4.25, 5.0], atol=1e-3)
        np.testing.assert_allclose(alone.velocity[-1, 0], 0.0, atol=1e-5)


def test_discs_slide_along_walls():
    track = travel(discs([[2.0, 9.4]], yaw=[np.pi / 4]), ground(), full(8))
    np.testing.assert_allclose(track.velocity[-1, 0], [np.sqrt(0.5), 0.0], atol=1e-3)


def test_what_is_put_down_overlapping_is_pushed_apart():
    bodies = discs([[5.0, 5.0], [5.6, 5.1], [0.6, 0.6], [4.9, 7.9]])
    after = travel(bodies, ground(10.0, jnp.array([[4.5, 7.5, 5.5, 8.5]])), full(4, 4, forward=0.0))
    assert np.min(physics.gaps(after.position[-1])) > -physics.OVERLAP
    assert placing.from_box(after.position[-1, 3:], jnp.array([[4.5, 7.5, 5.5, 8.5]]))[0] > 0.499
    np.testing.assert_allclose(after.position[-1, 2], 0.6, atol=1e-6)


class Runner:
    """A world with its jitted functions, and random actions for it."""

    def __init__(self, id, **options):
        self.world = make_world(id, **options)
        self.reset, self.step, self.scene = map(
            jax.jit, (self.world.reset, self.world.step, self.world.scene)
        )

    def action(self, seed, *batch):
        kind, shape = self.world.actions, (*batch, self.world.num_agents)
        if kind.continuous:
            return jax.random.uniform(jax.random.key(seed), (*shape, kind.size), minval=-1.0)
        return jax.random.randint(jax.random.key(seed), shape, 0, kind.choices)


SMALL = {
    "rendezvous-plane-v0": dict(num_agents=3, size=6.0, needed=2, walls=1),
    "spread-v0": dict(num_agents=2, size=6.0, radius=1.0),
    "flock-v0": dict(num_agents=3, size=6.0, needed=2, discrete=True),
    "dance-v0": dict(num_agents=3, size=5.0, needed=2, window=8),
}


@pytest.fixture(scope="module", params=WORLDS)
def runner(request):
    return Runner(request.param, **SMALL[request.param])


def leaves_equal(a, b, **tolerance):
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_allclose(x, y, **tolerance)


def test_a_batch_of_different_tasks_equals_a_loop(runner):
    """Leaves may differ: the second world has a larger floor."""
    larger = runner.world.replace(size=runner.world.size + 1)
    worlds = jax.tree.map(lambda *x: jnp.stack(x), runner.world, larger)
    keys, actions = jax.random.split(jax.random.key(1), 2), runner.action(3, 2)
    states = jax.jit(jax.vmap(lambda w, k: w.reset(k)))(worlds, keys)
    after = jax.jit(jax.vmap(lambda w, k, s, a: w.step(k, s, a)))(worlds, keys, states, actions)
    one = jax.jit(lambda w, k, a: w.step(k, w.reset(k), a))
    for e, world in enumerate((runner.world, larger)):
        leaves_equal(jax.tree.map(lambda x, e=e: x[e], after), one(world, keys[e], actions[e]), atol=1e-5)


def test_starts_are_apart_and_free_and_scenes_keep_their_promises(runner):
    world = runner.world
    for seed in range(20):
        state = runner.reset(jax.random.key(seed))
        place = state.bodies.position
        assert np.min(physics.gaps(place)) > 0
        assert np.min(place) >= 0.5 and np.max(place) <= world.size - 0.5
        assert np.min(placing.from_box(place, state.walls)) > 0.5
        for t in range(3):
            wild = jnp.array([np.nan, np.inf, 1.0])[(np.arange(3) + t) % 3][: world.actions.size]
            action = jnp.broadcast_to(wild, (world.num_agents, len(wild)))
            action = action if world.actions.continuous else runner.action(t)
            state = runner.step(jax.random.key(t), state, action)
        scene = runner.scene(state)
        assert all(np.isfinite(x).all() for x in jax.tree.leaves((state, scene)))
        assert np.min(scene.object_position) >= 0 and np.max(scene.object_position) <= world.size
        assert (scene.joint >= 0).all() and (scene.joint <= 1).all()
        np.testing.assert_allclose(np.linalg.norm(scene.heading, axis=-1), 1.0, atol=1e-5)
        assert not np.diag(scene.sees_agent).any() and not (scene.sees_object & ~scene.object_present).any()


def test_acts_do_what_they_say_and_motor_commands_look_like_them():
    acts = Runner("flock-v0", num_agents=2, size=8.0, needed=2, discrete=True)
    motors = Runner("flock-v0", num_agents=2, size=8.0, needed=2)
    start = acts.reset(jax.random.key(0)).replace(bodies=discs([[3.0, 3.0], [3.0, 5.0]]))
    drives = {Act.ADVANCE: [1, 0], Act.RETREAT: [-1, 0], Act.TURN_LEFT: [0, 1], Act.TURN_RIGHT: [0, -1]}
    for act in Act:
        drive = drives.get(act, [0, 0])
        a = acts.step(jax.random.key(0), start, jnp.full(2, int(act), jnp.int32))
        b = motors.step(jax.random.key(0), start, jnp.array([drive, drive], jnp.float32))
        leaves_equal(a.bodies, b.bodies, atol=1e-6)
        assert (a.act == act).all()
        assert (b.act == (act if act in drives else Act.STILL)).all()
    lost = motors.step(jax.random.key(0), start, jnp.array([[np.nan, 5.0], [np.nan, np.nan]]))
    told = motors.step(jax.random.key(0), start, jnp.array([[0.0, 1.0], [0.0, 0.0]]))
    leaves_equal(lost, told, rtol=0, atol=0)


def walked(runner, worlds, steps):
    """Random episodes: states `[T + 1, E, ...]` as NumPy."""

    @jax.jit
    def run(key):
        start = jax.vmap(runner.world.reset)(jax.random.split(key, worlds))

        def step(state, t):
            keys = jax.random.split(jax.random.fold_in(key, t), worlds)
            action = jax.random.uniform(keys[0], (worlds, runner.world.num_agents, 2), minval=-1.0)
            state = jax.vmap(runner.world.step)(keys, state, action)
            return state, state

        states = jax.lax.scan(step, start, jnp.arange(steps))[1]
        return jax.tree.map(lambda a, b: jnp.concatenate([a[None], b]), start, states)

    return jax.tree.map(np.asarray, run(jax.random.key(0)))


def test_pads_need_enough_at_once_and_then_move_a_third_of_the_floor_away():
    runner = Runner("rendezvous-plane-v0", num_agents=3, size=8.0, needed=2, walls=0)
    states, events = walked(runner, 32, 100), 0
    for e in range(32):
        for t in range(100):
            pads, now = states.pads[t, e], states.bodies.position[t + 1, e]
            on = np.linalg.norm(now[:, None] - pads, axis=-1) <= 1.5
            paid = on.sum(0) >= 2
            np.testing.assert_array_equal(states.joint[t + 1, e], (on & paid).any(1))
            moved = np.linalg.norm(states.pads[t + 1, e] - pads, axis=-1)
            assert (moved[~paid] == 0).all() and (moved[paid] >= 8 / 3).all()
            events += paid.sum()
    assert events > 20


def test_landmarks_count_only_while_each_has_an_agent_of_its_own():
    runner = Runner("spread-v0", **SMALL["spread-v0"])
    states, events, one_for_two = walked(runner, 32, 100), 0, 0
    for e in range(32):
        for t in range(100):
            marks, now = states.landmarks[t, e], states.bodies.position[t + 1, e]
            distance = np.linalg.norm(now[:, None] - marks, axis=-1)
            taken = [int(d.argmin()) if d.min() <= 1.0 else -1 for d in distance]
            done = {0, 1} <= set(taken)
            np.testing.assert_array_equal(states.joint[t + 1, e], [float(done)] * 2)
            moved = np.linalg.norm(states.landmarks[t + 1, e] - marks, axis=-1)
            assert (moved > 1.0).all() if done else (moved == 0).all()
            events += done
            one_for_two += not done and max(taken) >= 0
    assert events > 10 and one_for_two > 10


def test_a_spare_agent_on_no_landmark_gets_no_share():
    runner = Runner("spread-v0", num_agents=3, num_landmarks=2)
    state = runner.reset(jax.random.key(0))
    state = state.replace(
        bodies=discs([[2.0, 2.0], [6.0, 6.0], [2.0, 6.0]]), landmarks=jnp.array([[2.3, 2.0], [6.0, 5.6]])
    )
    after = runner.step(jax.random.key(0), state, jnp.zeros((3, 2)))
    np.testing.assert_array_equal(after.joint, [1, 1, 0])
    shown = runner.scene(state)
    np.testing.assert_array_equal(shown.takes_part, [[True, False], [False, True], [False, False]])


def flocked(drive, steps=30, yaw=(0.0, 0.0, 0.0)):
    """Shares in each of `steps` decisions of three side by side; drive: of a decision, `[3, 2]`."""
    runner = FLOCK
    state = runner.reset(jax.random.key(0)).replace(bodies=discs([[3, 20], [3, 22], [3, 24]], yaw))
    shares = []
    for t in range(steps):
        state = runner.step(jax.random.key(t), state, jnp.asarray(drive(t), jnp.float32))
        shares.append(np.asarray(state.joint))
    return np.array(shares)


FLOCK = Runner("flock-v0", num_agents=3, needed=3, size=60.0, radius=5.0)


def test_a_flock_that_walks_earns_and_one_that_stands_spins_or_paces_does_not():
    ahead, around = np.tile([1.0, 0.0], (3, 1)), np.tile([0.0, 1.0], (3, 1))
    walking = flocked(lambda t: ahead)
    assert (np.diff(walking[:, 0]) >= -1e-6).all() and (walking[-1] > 0.99).all()
    assert flocked(lambda t: 0 * ahead).max() == 0
    assert flocked(lambda t: around).max() < 1e-6
    assert flocked(lambda t: ahead + around)[10:].mean() < 0.08  # on tight circles, side by side
    assert flocked(lambda t: ahead * (-1) ** t)[10:].mean() < 0.02
    # Who stands in a crowd that walks has no share, and takes from what the others have.
    idle = flocked(lambda t: ahead * [[1], [1], [0]], steps=3)
    assert (idle[-1, 2] < 0.01) and 0 < idle[-1, 0] < 0.6 * walking[2, 0]
    assert flocked(lambda t: ahead, yaw=(0.0, np.pi / 2, np.pi), steps=3).max() < 1e-5


def test_alignment_is_polarisation_squared_without_the_terms_of_chance():
    """Vicsek's order, summed over pairs; independent walkers have none of it on average."""
    rng = np.random.default_rng(0)
    motion = rng.normal(size=(5, 2)).astype(np.float32) * 0.1 + np.array([0.5, 0.2], np.float32)
    everyone = ~jnp.eye(5, dtype=bool)
    share = np.asarray(alignment(jnp.asarray(motion), everyone, jnp.int32(2)))
    phi_squared = (np.linalg.norm(motion.sum(0)) / 5) ** 2
    own = (motion**2).sum() / 25
    np.testing.assert_allclose(share.mean() * 20 / 25, phi_squared - own, rtol=1e-5)
    near = neighbours(jnp.array([[0.0, 0.0], [1.0, 0.0], [9.0, 0.0]]), jnp.float32(2.0))
    np.testing.assert_array_equal(near, [[0, 1, 0], [1, 0, 0], [0, 0, 0]])
    lonely = alignment(jnp.ones((3, 2)) * 0.5, near, jnp.int32(3))
    np.testing.assert_array_equal(lonely, 0.0)


T = 16
ALL = ~np.eye(3, dtype=bool)


def phasors(phase):
    """`[T, A]` to `[T, A, 2]`."""
    return jnp.asarray(np.stack([np.cos(phase), np.sin(phase)], -1), jnp.float32)


def test_synchrony_is_kuramotos_order_less_its_mean_over_circular_shifts():
    rng = np.random.default_rng(0)
    phase = np.cumsum(rng.uniform(0.3, 1.2, (T, 3)), 0)
    z = np.exp(1j * phase)
    pairs = np.zeros((3, 3))
    for i in range(3):
        for j in range(3):
            now = np.mean(np.cos(phase[:, i] - phase[:, j]))
            shifted = [np.mean(np.real(z[:, i] * np.conj(np.roll(z[:, j], s)))) for s in range(T)]
            pairs[i, j] = now - np.mean(shifted)
    expected = np.clip((pairs * ALL).sum(1) / 2, 0, 1)
    share = synchrony(phasors(phase), jnp.asarray(ALL), jnp.int32(3))
    assert expected.max() > 0.05
    np.testing.assert_allclose(share, expected, atol=1e-5)


def test_locked_phases_earn_all_and_frozen_or_drifting_ones_nothing():
    t = np.arange(T)[:, None]

    def share(phase):
        return np.asarray(synchrony(phasors(phase), jnp.asarray(ALL), jnp.int32(3)))

    turn = 2 * np.pi / 8 * t
    np.testing.assert_allclose(share(turn + np.zeros(3)), 1.0, atol=1e-5)
    np.testing.assert_allclose(share(0 * turn + np.zeros(3)), 0.0, atol=1e-6)  # frozen, all alike
    np.testing.assert_allclose(share(0 * turn + np.array([0.0, 0.3, 2.0])), 0.0, atol=1e-6)
    np.testing.assert_allclose(share(turn * [1.0, 2.0, 3.0]), 0.0, atol=1e-5)  # each its own tempo
    lagging = share(turn + np.array([0.0, 0.0, np.pi / 3]))
    np.testing.assert_allclose(lagging, [0.75, 0.75, 0.5], atol=1e-5)
    few = synchrony(phasors(turn + np.zeros(3)), jnp.asarray(ALL), jnp.int32(4))
    np.testing.assert_array_equal(few, 0.0)


@pytest.fixture(scope="module", params=[False, True], ids=["motors", "acts"])
def dancers(request):
    """Three in a ring who look at one another, with one tempo and one phase; what to do to gesture."""
    runner = Runner("dance-v0", num_agents=3, needed=3, variety=0.0, discrete=request.param)
    state, angle = runner.reset(jax.random.key(0)), np.arange(3) * 2 * np.pi / 3
    ring = 4 + 1.5 * np.stack([np.cos(angle), np.sin(angle)], -1)
    state = state.replace(bodies=discs(ring, angle + np.pi), phase=jnp.zeros(3))
    gesture = jnp.full(3, int(Act.GESTURE_1), jnp.int32) if request.param else jnp.zeros((3, 3))
    rest = jnp.zeros(3, jnp.int32) if request.param else jnp.tile(jnp.array([0.0, 0.0, -1.0]), (3, 1))
    return runner, state, gesture, rest


def danced(runner, state, action, steps=20):
    for t in range(steps):
        state = runner.step(jax.random.key(t), state, action)
    return state


def test_dancers_in_step_and_in_view_earn(dancers):
    runner, state, gesture, rest = dancers
    first = danced(runner, state, gesture, 1)
    np.testing.assert_allclose(first.phase, 2 * np.pi / 8, atol=1e-5)
    assert (first.act == GESTURES[0]).all() and (danced(runner, first, gesture, 1).act == GESTURES[1]).all()
    after = danced(runner, state, gesture)
    np.testing.assert_allclose(after.joint, 1.0, atol=1e-4)
    frozen = danced(runner, state, rest)
    assert (frozen.joint == 0).all() and (frozen.phase == 0).all() and (frozen.act == Act.STILL).all()
    stopped = danced(runner, after, rest, 1)
    assert (stopped.joint == 0).all()


def test_dancers_out_of_view_or_out_of_step_do_not(dancers):
    runner, state, gesture, _ = dancers
    away = state.replace(bodies=state.bodies.replace(yaw=state.bodies.yaw + jnp.pi))
    assert (danced(runner, away, gesture).joint == 0).all()
    third = jnp.array([0.0, 2 * np.pi / 3, 4 * np.pi / 3], jnp.float32)
    assert (danced(runner, state.replace(phase=third), gesture).joint == 0).all()


def test_natural_tempi_differ_as_told():
    world = make_world("dance-v0", num_agents=64, size=20.0, period=10.0, variety=0.2)
    natural = np.asarray(jax.jit(world.reset)(jax.random.key(0)).natural) / (2 * np.pi / 10)
    assert 0.8 <= natural.min() < 0.85 and 1.15 < natural.max() <= 1.2


@pytest.fixture
def unchecked():
    """Users run without the checker of annotations: what they get is the worlds' own messages."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.mark.parametrize(
    ("id", "options", "named"),
    [
        *[(id, {"num_agents": 0}, "num_agents=0") for id in WORLDS],
        *[(id, {"size": "big"}, "size") for id in WORLDS],
        ("spread-v0", {"size": 2.0}, "3 to 200"),
        ("spread-v0", {"size": float("nan")}, "size"),
        ("spread-v0", {"walls": 2}, "at most 1"),
        ("spread-v0", {"walls": -1}, "walls"),
        ("spread-v0", {"num_agents": 100}, "do not fit"),
        ("spread-v0", {"num_landmarks": 4}, "num_landmarks=4"),
        ("spread-v0", {"num_agents": 9}, "num_landmarks=9"),
        ("spread-v0", {"radius": 2.0}, "radius"),
        ("spread-v0", {"reach": 0}, "reach"),
        ("rendezvous-plane-v0", {"needed": 5}, "num_agents=4"),
        ("rendezvous-plane-v0", {"needed": 4, "radius": 0.5}, "find room"),
        ("rendezvous-plane-v0", {"num_pads": 0}, "num_pads"),
        ("rendezvous-plane-v0", {"radius": float("nan")}, "radius"),
        ("flock-v0", {"num_agents": 1}, "num_agents=1"),
        ("flock-v0", {"needed": 1}, "needed=1"),
        ("flock-v0", {"radius": 0.9}, "radius"),
        ("flock-v0", {"memory": 0}, "memory"),
        ("dance-v0", {"needed": 5}, "needed=5"),
        ("dance-v0", {"period": 1}, "period"),
        ("dance-v0", {"variety": 1.0}, "variety"),
        ("dance-v0", {"window": 2.5}, "window"),
    ],
)
def test_bad_options_are_named_in_one_line(id, options, named, unchecked):
    with pytest.raises(OptionError, match=named) as error:
        make_world(id, **options)
    assert "\n" not in str(error.value) and "allowed" in str(error.value)


@pytest.mark.parametrize(
    ("id", "options"),
    [
        ("rendezvous-plane-v0", {"size": np.int64(10), "radius": np.float32(1.5)}),
        ("spread-v0", {"size": np.float64(10), "radius": np.float32(0.5)}),
        ("flock-v0", {"radius": np.int64(3), "memory": np.float32(4)}),
        ("dance-v0", {"period": np.int32(8), "variety": np.float32(0.25)}),
    ],
)
def test_numpys_numbers_are_numbers(id, options, unchecked):
    plain = {name: value.item() for name, value in options.items()}
    for mine, theirs in zip(
        jax.tree.leaves(make_world(id, **options)), jax.tree.leaves(make_world(id, **plain)), strict=True
    ):
        assert mine.dtype == theirs.dtype and mine == theirs
