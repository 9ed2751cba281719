"""What each grid mechanism promises, on states made by hand and in random play against plain loops."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import socialsim
from socialsim.core import draws
from socialsim.core.acts import Act
from socialsim.core.errors import OptionError
from socialsim.core.geometry import EMPTY_BOX
from socialsim.core.scene import OBJECT_FEATURES
from socialsim.envs.grid import engine, gate
from socialsim.envs.grid.beacon import beacon
from socialsim.envs.grid.commons import commons
from socialsim.envs.grid.cycle import GONE
from socialsim.envs.grid.forage import forage
from socialsim.envs.grid.gates import gates
from socialsim.envs.grid.goal_cycle import goal_cycle
from socialsim.envs.grid.grow import ROUNDS, harvest
from socialsim.envs.grid.relay import relay

EAST, NORTH, WEST, SOUTH = range(4)
STILL, ADVANCE, RETREAT, INTERACT = (int(a) for a in (Act.STILL, Act.ADVANCE, Act.RETREAT, Act.INTERACT))


class Table:
    """One world, compiled once, on which states are laid out by hand."""

    def __init__(self, world, seed=0):
        self.world, self.step = world, jax.jit(world.step)
        self.scene, self.reset = jax.jit(world.scene), jax.jit(world.reset)
        self.state = self.reset(jax.random.key(seed))

    def lay(self, position, heading, objects=None, goals=None, walls=False, **fields):
        state = self.state.replace(
            position=jnp.array(position, jnp.int32), heading=jnp.array(heading, jnp.int32), **fields
        )
        if objects is not None:
            state = state.replace(object_position=jnp.array(objects, jnp.int32))
        if goals is not None:
            state = state.replace(object_goal=jnp.array(goals, jnp.int32))
        return state if walls else state.replace(walls=jnp.tile(jnp.array(EMPTY_BOX), (len(state.walls), 1)))

    def act(self, state, *acts, key=0):
        return self.step(jax.random.key(key), state, jnp.array(acts, jnp.int32))

    def feature(self, state, name):
        return np.asarray(self.scene(state).object_features)[:, OBJECT_FEATURES.index(name)]


def random_play(world, worlds=32, steps=96, interact=0.4, seed=0):
    """States `[T + 1, E, ...]` and actions `[T, E, A]` of teams that interact often, as NumPy."""

    @jax.jit
    def run(key):
        first = jax.vmap(world.reset)(jax.random.split(key, worlds))

        def step(state, key):
            act_key, busy_key, step_key = jax.random.split(key, 3)
            action = jax.random.randint(act_key, (worlds, world.num_agents), 0, 6)
            busy = jax.random.bernoulli(busy_key, interact, action.shape)
            action = jnp.where(busy, INTERACT, action)
            state = jax.vmap(world.step)(jax.random.split(step_key, worlds), state, action)
            return state, (state, action)

        states, actions = jax.lax.scan(step, first, jax.random.split(jax.random.fold_in(key, 1), steps))[1]
        return jax.tree.map(lambda a, b: jnp.concatenate([a[None], b]), first, states), actions

    states, actions = run(jax.random.key(seed))
    return jax.tree.map(np.asarray, states), np.asarray(actions)


def priorities(world, worlds, steps, seed=0):
    """Whose turn is first at bushes in `random_play` of a commons: `[T, E, A]`."""

    def each(key):
        return draws.bits(engine._keys(key, 3)[1], (world.num_agents,)) >> 12

    keys = jax.random.split(jax.random.fold_in(jax.random.key(seed), 1), steps)
    keys = jax.vmap(lambda k: jax.random.split(jax.random.split(k, 3)[2], worlds))(keys)
    return np.asarray(jax.vmap(jax.vmap(each))(keys))


# -- forage ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def foraging():
    return Table(forage(num_agents=3, num_items=1, max_strength=2, size=8))


def test_an_item_yields_to_levels_that_sum_to_its_own(foraging):
    start = foraging.lay(
        [(2, 3), (4, 3), (7, 7)], [EAST, WEST, EAST], [(3, 3)], strength=jnp.array([1, 2, 2])
    )
    start = start.replace(memories=(jnp.array([3]),))
    together = foraging.act(start, INTERACT, INTERACT, INTERACT)
    np.testing.assert_array_equal(together.joint, [1, 1, 0])
    assert np.abs(np.asarray(together.object_position[0]) - [3, 3]).max() >= 8 // 3
    assert 3 <= int(together.memories[0][0]) <= 5  # the strongest three: 2 + 2 + 1
    for acts in ((INTERACT, STILL, STILL), (STILL, INTERACT, INTERACT), (STILL, STILL, STILL)):
        after = foraging.act(start, *acts)
        assert not np.asarray(after.joint).any()
        np.testing.assert_array_equal(after.object_position, start.object_position)
    too_strong = start.replace(memories=(jnp.array([4]),))
    assert not np.asarray(foraging.act(too_strong, INTERACT, INTERACT, INTERACT).joint).any()


def test_items_block_the_way_and_their_levels_are_within_reach(foraging):
    start = foraging.lay([(2, 3), (4, 3), (7, 7)], [EAST, WEST, EAST], [(3, 3)])
    after = foraging.act(start, ADVANCE, ADVANCE, STILL)
    np.testing.assert_array_equal(after.position, start.position)
    states = jax.vmap(foraging.world.reset)(jax.random.split(jax.random.key(0), 200))
    strength, level = np.asarray(states.strength), np.asarray(states.memories[0])[:, 0]
    assert set(np.unique(strength)) == {1, 2}
    assert (level > 2).all() and (level <= np.maximum(strength.sum(1), 3)).all()


# -- beacon ------------------------------------------------------------------------------------------------


def test_a_beacon_wants_enough_looks_within_its_window():
    table = Table(beacon(num_agents=3, needed=2, window=2, num_informed=1, size=9, walls=1))
    start = table.lay([(1, 4), (4, 1), (8, 8)], [EAST, EAST, SOUTH], [(4, 4)])
    one = table.act(start, STILL, STILL, STILL)
    assert not np.asarray(one.joint).any() and table.feature(one, "present")[0] == 1
    away = table.act(one, Act.TURN_LEFT, STILL, STILL)  # the first looks away; its look still counts
    both = table.act(away, STILL, Act.TURN_LEFT, STILL)
    np.testing.assert_array_equal(both.joint, [1, 1, 0])
    assert np.abs(np.asarray(both.object_position[0]) - [4, 4]).max() >= 3
    late = table.act(table.act(away, STILL, STILL, STILL), STILL, Act.TURN_LEFT, STILL)
    assert not np.asarray(late.joint).any()
    hidden = start.replace(walls=jnp.array([[1.5, 3.5, 2.5, 4.5]]))
    assert table.feature(table.act(hidden, STILL, STILL, STILL), "present")[0] == 0


def test_only_the_informed_see_a_beacon():
    world = beacon(num_agents=4, num_informed=2, full_view=True)
    states = jax.vmap(world.reset)(jax.random.split(jax.random.key(0), 100))
    sees = np.asarray(jax.vmap(world.scene)(states).sees_object)[..., 0]
    assert (sees.sum(1) == 2).all() and (sees.mean(0) > 0.2).all()


# -- relay -------------------------------------------------------------------------------------------------


def test_a_parcel_goes_from_hand_to_hand_and_home():
    table = Table(relay(num_agents=3, hands=3, size=9, walls=0))
    start = table.lay([(1, 1), (3, 1), (3, 3)], [EAST, WEST, SOUTH], [(2, 1)], [(8, 8)])
    taken = table.act(start, INTERACT, STILL, STILL)
    assert not np.asarray(taken.joint).any()
    np.testing.assert_array_equal(table.scene(taken).load, [1, 0, 0])
    np.testing.assert_array_equal(taken.object_position, [(1, 1)])
    near = table.act(taken, ADVANCE, STILL, STILL)
    given = table.act(near, INTERACT, STILL, STILL)
    np.testing.assert_array_equal(given.joint, [1, 1, 0])
    np.testing.assert_array_equal(table.scene(given).load, [0, 1, 0])
    back = table.act(given, STILL, INTERACT, STILL)
    np.testing.assert_array_equal(table.scene(back).load, [1, 0, 0])
    assert not np.asarray(back.joint).any()  # it has been there before
    refused = table.act(given, INTERACT, INTERACT, STILL)  # busy hands take nothing
    np.testing.assert_array_equal(table.scene(refused).load, [0, 1, 0])
    third = given.replace(position=jnp.array([(1, 1), (3, 1), (2, 1)]))
    third = table.act(third, STILL, INTERACT, STILL)
    np.testing.assert_array_equal(third.joint, [0, 1, 1])
    home = third.replace(object_goal=jnp.array([(2, 3)]), heading=jnp.array([EAST, WEST, NORTH]))
    delivered = table.act(home, STILL, STILL, ADVANCE)
    np.testing.assert_array_equal(delivered.joint, [1, 1, 1])
    assert not np.asarray(table.scene(delivered).load).any()
    early = given.replace(object_goal=jnp.array([(3, 2)]))
    assert not np.asarray(table.act(early, STILL, STILL, STILL).joint).any()  # two hands are not three


def test_parcels_are_in_one_pair_of_hands_at_most():
    world = relay(num_agents=4, num_parcels=2, hands=2, size=5, walls=0)
    states, _ = random_play(world)
    holds, held = states.memories[0].holds, states.memories[0].held
    assert holds.any() and (holds.sum(2) <= 1).all() and (holds.sum(3) <= 1).all() and held[holds].all()
    place = np.where(holds[..., None], states.position[:, :, :, None], 0).sum(2)
    carried = holds.any(2)
    np.testing.assert_array_equal(place[carried], states.object_position[carried])
    assert states.joint.sum() > 10


# -- gates -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def gateway():
    """Wall in row 3 with the gate in column 3; plates at (0, 0) and (0, 6); the prize at (6, 6)."""
    table = Table(gates(num_agents=2, size=7))
    walls = jnp.array([[-0.5, 2.5, 2.5, 3.5], [3.5, 2.5, 6.5, 3.5]])

    def lay(position, heading, prize=(6, 6)):
        state = table.lay(position, heading, [(3, 3), (0, 0), (0, 6), prize], walls=True)
        memory = state.memories[0]
        side = jnp.sign(state.position[:, 1] - 3)
        nobody = jnp.zeros_like(memory.helped)
        fresh = memory.replace(open=jnp.array(False), side=side, via=nobody, helped=nobody)
        return state.replace(walls=walls, memories=(fresh,))

    table.arrange = lay
    return table


def test_a_gate_is_shut_unless_somebody_holds_it(gateway):
    shut = gateway.arrange([(3, 2), (5, 0)], [NORTH, NORTH])
    stays = gateway.act(gateway.act(shut, ADVANCE, STILL), ADVANCE, STILL)
    np.testing.assert_array_equal(stays.position[0], (3, 2))
    held = gateway.arrange([(3, 2), (0, 0)], [NORTH, NORTH])
    opened = gateway.act(held, STILL, STILL)
    assert gateway.feature(opened, "active")[0] == 1
    inside = gateway.act(opened, ADVANCE, ADVANCE)  # the holder leaves; who is inside keeps it open
    through = gateway.act(inside, ADVANCE, STILL)
    np.testing.assert_array_equal(through.position[0], (3, 4))
    assert gateway.feature(through, "active")[0] == 0


def test_a_prize_pays_those_who_were_let_through_and_who_let_them(gateway):
    state = gateway.arrange([(3, 2), (0, 0)], [NORTH, NORTH], prize=(3, 5))
    for acts in ((STILL, STILL), (ADVANCE, STILL), (ADVANCE, STILL)):
        state = gateway.act(state, *acts)
        assert not np.asarray(state.joint).any()
    won = gateway.act(state, ADVANCE, STILL)
    np.testing.assert_allclose(won.joint, [1, 0.25])
    assert int(won.object_position[3, 1]) < 3  # the prize has gone to the other side
    again = gateway.arrange([(3, 5), (0, 0)], [NORTH, NORTH], prize=(3, 5))
    assert not np.asarray(gateway.act(again, STILL, STILL).joint).any()  # nobody let it through


def test_stepping_into_the_gate_and_back_is_no_passage(gateway):
    state = gateway.arrange([(3, 2), (0, 0)], [NORTH, NORTH], prize=(3, 1))
    for acts in ((STILL, STILL), (ADVANCE, STILL), (RETREAT, STILL), (RETREAT, STILL)):
        state = gateway.act(state, *acts)
    np.testing.assert_array_equal(state.position[0], (3, 1))
    assert not np.asarray(state.joint).any()


def test_a_fresh_floor_has_a_plate_on_either_side():
    world = gates(num_agents=4, num_prizes=2, size=(8, 7))
    states = jax.tree.map(np.asarray, jax.vmap(world.reset)(jax.random.split(jax.random.key(0), 200)))
    objects = states.object_position
    assert (objects[:, 0, 1] == 3).all() and len(np.unique(objects[:, 0, 0])) == 8
    assert (objects[:, 1, 1] < 3).all() and (objects[:, 2, 1] > 3).all()
    assert (objects[:, 3:, 1] != 3).all() and (states.position[..., 1] != 3).all()
    assert np.array_equal(np.asarray(world.mechanisms[0].kind), [gate.GATE, 2, 3, 4, 4])
    inside = (objects >= 0).all() and (objects < [8, 7]).all()
    assert inside and all(len({*map(tuple, p)}) == 4 for p in states.position)
    assert all(len({*map(tuple, p)}) == 5 for p in objects)  # no prize lies on a plate


# -- commons -----------------------------------------------------------------------------------------------


def test_stocks_grow_and_are_shared_as_the_formula_says():
    world = commons(num_agents=4, num_bushes=5, num_springs=2, size=5, spread=3, silting=0.05)
    states, actions = random_play(world, worlds=16, steps=80)
    rule = jax.tree.map(np.asarray, world.mechanisms[0])
    priority = priorities(world, worlds=16, steps=80)
    harvests = clearings = contests = 0
    for e in range(actions.shape[1]):
        for t in range(len(actions)):
            old = jax.tree.map(lambda x, t=t, e=e: x[t, e].astype(float), states.memories[0])
            new = jax.tree.map(lambda x, t=t, e=e: x[t + 1, e], states.memories[0])
            place, objects = states.position[t + 1, e], states.object_position[t, e]
            near = np.abs(place[:, None] - objects).max(-1) <= 1
            busy = actions[t, e] == INTERACT
            level, silt, served = old.level.copy(), old.silt.copy(), np.zeros(4)
            takes = np.zeros((4, 7), bool)
            reach = near & rule.bush & (level >= 0.5) & busy[:, None]
            for _ in range(ROUNDS):
                free = reach & ~takes.any(0)
                wants = [
                    np.flatnonzero(free[a])[0] if free[a].any() and not takes[a].any() else -1
                    for a in range(4)
                ]
                for m in {*wants} - {-1}:
                    rivals = [a for a in range(4) if wants[a] == m]
                    takes[max(rivals, key=lambda a: priority[t, e, a]), m] = True
                    contests += len(rivals) > 1
            for m in range(7):
                workers = np.flatnonzero(near[:, m] & busy) if rule.spring[m] else []
                if len(workers) >= 2:
                    served[workers] += silt[m] / len(workers)
                    silt[m] = 0
                    clearings += 1
            level -= 0.5 * takes.any(0)
            close = np.abs(objects[:, None] - objects).max(-1) <= 3
            flow = 1 - silt[rule.spring].mean()
            for m in np.flatnonzero(rule.bush):
                density = level[close[m] & rule.bush].mean()
                level_m = level[m] + 0.08 * (1 - level[m]) * (density + 0.02) * flow
                assert new.level[m] == pytest.approx(np.clip(level_m, 0, 1), abs=1e-5)
            np.testing.assert_allclose(
                new.silt[rule.spring], np.minimum(silt[rule.spring] + 0.05, 1), atol=1e-6
            )
            service = old.service * 0.95
            np.testing.assert_allclose(new.service, service + served, atol=1e-5)
            share = np.zeros(4)
            for h in np.flatnonzero(takes.any(1)):
                rest = service.sum() - service[h]
                worth = min(rest, 1.0)
                share[h] += worth
                harvests += worth > 0
                for j in range(4):
                    if j != h and rest > 0:
                        share[j] += 0.5 * worth * service[j] / rest
            np.testing.assert_allclose(states.joint[t + 1, e], share, atol=1e-4)
    assert harvests > 20 and clearings > 20 and contests > 10


def test_chance_decides_who_harvests_and_the_others_take_the_next_bush():
    keys = jax.random.split(jax.random.key(0), 4000)
    one = np.array([[True, False], [False, False], [True, False]])
    takes = np.asarray(jax.vmap(lambda k: harvest(k, jnp.array(one)))(keys))
    assert (takes.sum((1, 2)) == 1).all() and takes[:, 0, 0].mean() == pytest.approx(0.5, abs=0.03)
    two = np.asarray(jax.vmap(lambda k: harvest(k, jnp.ones((2, 2), bool)))(keys))
    assert (two.sum(1) == 1).all() and (two.sum(2) == 1).all()
    assert two[:, 0, 0].mean() == pytest.approx(0.5, abs=0.03)
    uneven = jnp.array([[True, True, False], [True, False, False], [True, True, True]])
    order = jnp.array([2, 0, 1])
    as_is = np.asarray(jax.vmap(lambda k: harvest(k, uneven))(keys)).mean(0)
    moved = np.asarray(jax.vmap(lambda k: harvest(k, uneven[order]))(keys)).mean(0)
    np.testing.assert_allclose(moved, as_is[order], atol=0.04)  # permuted with the agents


def test_springs_lie_where_as_many_as_are_needed_find_room():
    world = commons(num_agents=9, needed=9, num_springs=3)
    place = np.asarray(jax.vmap(world.reset)(jax.random.split(jax.random.key(0), 200)).object_position)[:, 8:]
    assert (place >= 1).all() and (place <= 12).all()


def test_without_clearing_no_harvest_counts():
    world = commons(num_agents=4, needed=4, size=9)
    states, _ = random_play(world, worlds=8, steps=60, interact=0.7)
    assert (states.memories[0].food > 0).any()
    quiet = states.memories[0].service.sum(-1) == 0
    assert not states.joint[quiet].any()


# -- goal cycle --------------------------------------------------------------------------------------------


def test_a_guide_shows_the_order_and_leaves():
    world = goal_cycle(num_agents=3, num_landmarks=3, demonstration=60, size=7, full_view=True)
    table, shown = Table(world), []
    state = table.state
    order = np.asarray(state.memories[0].order)
    assert sorted(order) == [0, 1, 2]
    for t in range(60):
        assert np.asarray(table.scene(state).position[0] > -1).all()
        state = table.act(state, ADVANCE, STILL, STILL, key=t)  # the guide does not do what it is told
        if int(state.act[0]) == INTERACT:
            at = (np.asarray(state.object_position) == np.asarray(state.position[0])).all(1)
            shown.append(int(order[np.flatnonzero(at)[0]]))
    assert len(shown) >= 4 and shown == [i % 3 for i in range(len(shown))]
    gone = table.act(state, ADVANCE, ADVANCE, ADVANCE)
    np.testing.assert_array_equal(gone.position[0], [GONE, GONE])


def test_a_guide_is_seen_no_more_once_it_has_left():
    table = Table(goal_cycle(num_agents=3, demonstration=1, full_view=True))
    assert table.scene(table.state).sees_agent[1:, 0].all()
    gone = table.scene(table.act(table.state, STILL, STILL, STILL))
    assert not gone.sees_agent[:, 0].any() and not gone.sees_agent[0].any() and not gone.sees_object[0].any()
    assert gone.sees_agent[1, 2] and gone.sees_object[1:].all()


@pytest.mark.parametrize("radius", [0, 1])
def test_nobody_silences_a_guide_by_standing_in_its_way(radius):
    """A learner stands on the landmark that is shown first; another one in the guide's way to it."""
    world = goal_cycle(num_agents=4, num_landmarks=2, needed=1, demonstration=60, radius=radius)
    table = Table(world)
    first = int(np.argmin(table.state.memories[0].order))
    objects = np.array([[8, 1], [8, 1]])
    objects[first] = (7, 5)
    state = table.lay([(1, 5), (7, 5), (4, 5), (0, 0)], [EAST] * 4, objects)
    shown = [int(state.memories[0].shown)]
    for t in range(60):
        state = table.act(state, STILL, STILL, STILL, STILL, key=t)
        shown.append(int(state.memories[0].shown))
    assert (np.diff(shown) != 0).sum() >= 4


def test_landmarks_count_in_their_turn_only():
    table = Table(
        goal_cycle(num_agents=2, num_landmarks=3, demonstration=0, radius=0, size=7, bodies_block=False)
    )
    order = np.asarray(table.state.memories[0].order)
    place = {turn: tuple(map(int, table.state.object_position[m])) for m, turn in enumerate(order)}
    state = table.state
    for turn in (0, 1, 2, 0):
        for wrong in {0, 1, 2} - {turn}:
            there = state.replace(position=jnp.array([place[wrong]] * 2))
            assert not np.asarray(table.act(there, STILL, STILL).joint).any()
        alone = state.replace(position=jnp.array([place[turn], place[(turn + 1) % 3]]))
        assert not np.asarray(table.act(alone, STILL, STILL).joint).any()
        state = table.act(state.replace(position=jnp.array([place[turn]] * 2)), STILL, STILL)
        np.testing.assert_array_equal(state.joint, [1, 1])
        np.testing.assert_array_equal(table.feature(state, "active"), order == turn)


@pytest.mark.parametrize(
    ("world", "options", "named"),
    [
        ("forage-v0", dict(together=1), "together"),
        ("forage-v0", dict(max_strength=9), "max_strength"),
        ("beacon-v0", dict(num_informed=5), "num_informed"),
        ("beacon-v0", dict(needed=5), "needed"),
        ("relay-v0", dict(hands=5), "hands"),
        ("gates-v0", dict(holder_share=2.0), "holder_share"),
        ("gates-v0", dict(num_agents=1), "num_agents"),
        ("commons-v0", dict(growth=-1.0), "growth"),
        ("commons-v0", dict(num_springs=0), "num_springs"),
        ("goal-cycle-v0", dict(num_agents=2), "needed"),
        ("procedural-v0", dict(split="dev"), "split"),
        ("procedural-v0", dict(num_tasks=0), "num_tasks"),
        ("procedural-v0", dict(max_size=4), "max_size"),
        ("procedural-v0", dict(num_agents=30, min_size=5), "min_size"),
        ("gates-v0", dict(num_agents=80, size=(20, 5)), "num_agents"),
        ("forage-v0", dict(num_agents=8, together=8, walls=1), "together"),
        ("beacon-v0", dict(reach=0.5), "reach"),
        ("beacon-v0", dict(reach=float("inf")), "reach"),
        ("goal-cycle-v0", dict(demonstration=2**31), "demonstration"),
    ],
)
def test_bad_options_name_the_option(world, options, named):
    with pytest.raises(OptionError) as caught:
        socialsim.make(world, **options)
    assert named in str(caught.value) and "allowed" in str(caught.value)


@pytest.mark.parametrize(
    ("world", "options"),
    [
        ("rendezvous-v0", dict(size=np.int64(10), radius=np.int32(1), reach=np.float32(8))),
        ("gates-v0", dict(size=(np.int64(9), 7), holder_share=np.float32(0.5))),
        ("beacon-v0", dict(reach=1e10, num_informed=np.int64(1))),
        ("procedural-v0", dict(max_size=np.int64(10))),
    ],
)
def test_numbers_of_numpy_and_large_ones_are_taken(world, options):
    assert socialsim.make(world, **options).num_agents > 0
