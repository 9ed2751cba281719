"""The laws of the grid, checked on mixed batches, against slow loops and on states made by hand.

`python tests/envs/test_grid.py` writes the golden episodes anew; do that only with a new world version.
"""

import json
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import socialsim
from socialsim.core.acts import Act
from socialsim.core.errors import OptionError, integer
from socialsim.envs.grid import layout
from socialsim.envs.grid.gather import gather
from socialsim.envs.grid.haul import haul
from socialsim.envs.grid.push import Trip, push
from socialsim.envs.grid.rendezvous import rendezvous

EACH, STEPS, AGENTS, SIZE = 24, 60, 4, 8
GOLDEN = pathlib.Path(__file__).with_name("golden_grid.json")
FACING = np.array([(1, 0), (0, 1), (-1, 0), (0, -1)])


def either(world):
    """The same world with both kinds of rule compiled in, so that it stacks with worlds of the other."""
    idle = {
        "rendezvous": (push(2, on=False), *world.mechanisms),
        "haul": (*world.mechanisms, gather(2, on=False)),
    }
    return world.replace(mechanisms=idle[world.task], task="")


def stack(worlds):
    """Worlds of one structure as one batch; their rules and sizes may differ."""
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *worlds)


@pytest.fixture(scope="module")
def episodes():
    """Six tasks in one compiled rollout, by teams that mostly advance: worlds, states, actions.

    states: `[STEPS + 1, worlds, ...]`, NumPy.
    """
    shared = dict(num_agents=AGENTS, size=SIZE, walls=1)
    narrow = jnp.int32(6)
    tasks = [
        rendezvous(**shared, needed=2),
        rendezvous(**shared, needed=1, radius=2),
        rendezvous(**shared, needed=3).replace(width=narrow, height=narrow),
        haul(**shared, needed=1),
        haul(**shared, needed=2),
        haul(**shared, needed=1).replace(height=narrow),
    ]
    worlds = stack([either(task) for task in tasks for _ in range(EACH)])
    count = len(tasks) * EACH

    @jax.jit
    def rollout(worlds, key):
        reset_key, run_key = jax.random.split(key)
        first = jax.vmap(lambda w, k: w.reset(k))(worlds, jax.random.split(reset_key, count))

        def step(state, key):
            act_key, advance_key, step_key = jax.random.split(key, 3)
            action = jax.random.randint(act_key, (count, AGENTS), 0, 6)
            action = jnp.where(jax.random.bernoulli(advance_key, 0.5, action.shape), 1, action)
            keys = jax.random.split(step_key, count)
            state = jax.vmap(lambda w, k, s, a: w.step(k, s, a))(worlds, keys, state, action)
            return state, (state, action)

        states, actions = jax.lax.scan(step, first, jax.random.split(run_key, STEPS))[1]
        return jax.tree.map(lambda a, b: jnp.concatenate([a[None], b]), first, states), actions

    states, actions = rollout(worlds, jax.random.key(0))
    return jax.tree.map(np.asarray, worlds), jax.tree.map(np.asarray, states), np.asarray(actions)


def in_walls(cell, walls):
    x, y = cell[..., None, 0], cell[..., None, 1]
    return ((x > walls[:, 0]) & (x < walls[:, 2]) & (y > walls[:, 1]) & (y < walls[:, 3])).any(-1)


def each_world(episodes):
    worlds, states, actions = episodes
    for w in range(actions.shape[1]):
        yield (
            jax.tree.map(lambda x, w=w: x[w], worlds),
            jax.tree.map(lambda x, w=w: x[:, w], states),
            actions[:, w],
        )


def test_bodies_and_loads_keep_to_free_cells_of_their_own(episodes):
    for world, states, _ in each_world(episodes):
        loads = states.object_position[:, world.mechanisms[0].on]
        solid = np.concatenate([states.position, loads], 1)
        assert (solid >= 0).all() and (solid < [world.width, world.height]).all()
        assert not in_walls(solid, states.walls[0]).any()
        for instant in solid:
            assert len({tuple(cell) for cell in instant}) == len(instant)
        pads = states.object_position
        assert (pads >= 0).all() and (pads < [world.width, world.height]).all()
        assert not in_walls(pads, states.walls[0]).any()


def test_walking_follows_its_rules(episodes):
    """Every step of every body against a slow loop: blocked and contested cells leave all in place."""
    moved = contested = 0
    for world, states, actions in each_world(episodes):
        for t, action in enumerate(actions):
            here = states.position[t]
            turn = (action == Act.TURN_LEFT).astype(int) - (action == Act.TURN_RIGHT)
            heading = (states.heading[t] + turn) % 4
            np.testing.assert_array_equal(states.heading[t + 1], heading)
            stride = (action == Act.ADVANCE).astype(int) - (action == Act.RETREAT)
            want = here + stride[:, None] * FACING[heading]
            loads = [tuple(o) for o in _loads_before_renewal(world, states, action, t)]
            for i in range(AGENTS):
                cell = tuple(want[i])
                rivals = [j for j in range(AGENTS) if j != i and stride[j] and tuple(want[j]) == cell]
                bodies = [j for j in range(AGENTS) if j != i and tuple(here[j]) == cell]
                outside = not (0 <= cell[0] < world.width and 0 <= cell[1] < world.height)
                stuck = rivals or bodies or outside or in_walls(want[i], states.walls[0]) or cell in loads
                expected = here[i] if stuck else want[i]
                np.testing.assert_array_equal(states.position[t + 1, i], expected)
                contested += bool(rivals) and bool(stride[i])
                moved += not stuck and bool(stride[i])
            np.testing.assert_array_equal(states.velocity[t + 1], states.position[t + 1] - here)
    assert moved > 1000 and contested > 50


def _pushers(world, states, action, t, m):
    """Direction index -> agents that push load m that way."""
    by_way = {}
    for i in range(AGENTS):
        offset = states.object_position[t, m] - states.position[t, i]
        ahead = FACING[states.heading[t + 1, i]]
        if action[i] == Act.ADVANCE and np.abs(offset).max() <= 1 and offset @ ahead >= 0:
            by_way.setdefault(int(states.heading[t + 1, i]), []).append(i)
    return by_way


def _loads_before_renewal(world, states, action, t):
    """Where loads are once pushed, before those that arrived start elsewhere."""
    out = []
    push = world.mechanisms[0].on
    now = states.object_position[t]
    wanted = []
    for m in range(len(push)):
        ways = [
            w
            for w, who in _pushers(world, states, action, t, m).items()
            if len(who) >= world.mechanisms[0].needed[m]
        ]
        wanted.append(now[m] + FACING[ways[0]] if push[m] and len(ways) == 1 else now[m])
    for m in range(len(push)):
        if not push[m]:
            continue
        cell = wanted[m]
        others = [n for n in range(len(push)) if n != m]
        free = (
            (cell >= 0).all()
            and cell[0] < world.width
            and cell[1] < world.height
            and not in_walls(cell, states.walls[0])
            and not (states.position[t] == cell).all(-1).any()
            and not any(push[n] and (now[n] == cell).all() for n in others)
            and not any((wanted[n] == cell).all() for n in range(m))  # of rivals the first goes
        )
        out.append(cell if free else now[m])
    return out


def test_loads_move_only_when_pushed_by_enough_and_pay_only_for_progress(episodes):
    pushes = arrivals = 0
    for world, states, actions in each_world(episodes):
        if not world.mechanisms[0].on.all():
            continue
        for t, action in enumerate(actions):
            pushed = _loads_before_renewal(world, states, action, t)
            share = np.zeros(AGENTS)
            for m, cell in enumerate(pushed):
                distance = np.abs(states.object_goal[t, m] - cell).sum()
                if distance < states.memories[0].nearest[t, m]:
                    way = [w for w in range(4) if (FACING[w] == cell - states.object_position[t, m]).all()]
                    for i in _pushers(world, states, action, t, m)[way[0]]:
                        share[i] += 1
                    pushes += 1
                if distance == 0:
                    arrivals += 1
                    assert states.memories[0].nearest[t + 1, m] == states.memories[0].length[t + 1, m]
                else:
                    np.testing.assert_array_equal(states.object_position[t + 1, m], cell)
                    np.testing.assert_array_equal(states.object_goal[t + 1, m], states.object_goal[t, m])
                    assert states.memories[0].nearest[t + 1, m] == min(
                        distance, states.memories[0].nearest[t, m]
                    )
            np.testing.assert_array_equal(states.joint[t + 1], share)
    assert pushes > 100 and arrivals > 5


def test_pads_need_enough_at_once_and_then_move_a_third_of_the_floor_away(episodes):
    events = stayed = 0
    for world, states, actions in each_world(episodes):
        if world.mechanisms[0].on.any():
            continue
        third = max(int(world.width), int(world.height)) // 3
        for t in range(len(actions)):
            share = np.zeros(AGENTS)
            for m in range(2):
                pad = states.object_position[t, m]
                on = np.abs(states.position[t + 1] - pad).max(-1) <= world.mechanisms[1].radius[m]
                if on.sum() >= world.mechanisms[1].needed[m]:
                    share += on
                    events += 1
                    gone = np.abs(states.object_position[t + 1, m] - pad).max()
                    assert gone == 0 or gone >= third
                    stayed += gone == 0
                else:
                    np.testing.assert_array_equal(states.object_position[t + 1, m], pad)
            np.testing.assert_array_equal(states.joint[t + 1], share)
    assert events > 500 and stayed < 0.02 * events


@pytest.fixture(scope="module")
def pair():
    """haul for two, needed 1, jitted: `(world, step)`."""
    world = haul(num_agents=2, num_loads=1, needed=1, size=9, walls=0)
    return world, jax.jit(world.step), jax.jit(world.reset)(jax.random.key(0))


def set_up(state, position, heading, load, goal):
    trip = abs(load[0] - goal[0]) + abs(load[1] - goal[1])
    return state.replace(
        position=jnp.array(position, jnp.int32),
        heading=jnp.array(heading, jnp.int32),
        object_position=jnp.array([load], jnp.int32),
        object_goal=jnp.array([goal], jnp.int32),
        memories=(Trip(jnp.array([trip], jnp.int32), jnp.array([trip], jnp.int32)),),
    )


def test_shoving_to_and_fro_earns_once(pair):
    _, step, state = pair
    state = set_up(state, [(3, 4), (6, 4)], [0, 2], (4, 4), (8, 4))
    total = 0.0
    there = [(Act.ADVANCE, Act.STILL), (Act.RETREAT, Act.STILL)]
    back = [(Act.STILL, Act.ADVANCE), (Act.STILL, Act.RETREAT)]
    acts = (there + back) * 5
    places = []
    for t, act in enumerate(acts):
        state = step(jax.random.key(t), state, jnp.array(act, jnp.int32))
        total += float(state.joint.sum())
        places.append(int(state.object_position[0, 0]))
    assert places.count(4) == places.count(5) == 10  # it was shoved five times each way
    assert total == 1


def test_opposed_pushes_move_nothing(pair):
    _, step, state = pair
    state = set_up(state, [(3, 4), (5, 4)], [0, 2], (4, 4), (8, 4))
    after = step(jax.random.key(0), state, jnp.array([Act.ADVANCE] * 2, jnp.int32))
    np.testing.assert_array_equal(after.object_position, state.object_position)
    np.testing.assert_array_equal(after.position, state.position)


def test_one_agent_cannot_move_what_needs_two():
    world = haul(num_agents=2, num_loads=1, needed=2, size=9, walls=0)
    step, state = jax.jit(world.step), jax.jit(world.reset)(jax.random.key(0))
    state = set_up(state, [(3, 4), (3, 5)], [0, 0], (4, 4), (8, 4))
    alone = step(jax.random.key(0), state, jnp.array([Act.ADVANCE, Act.STILL], jnp.int32))
    np.testing.assert_array_equal(alone.object_position, [(4, 4)])
    assert not alone.joint.any()
    together = step(jax.random.key(0), state, jnp.array([Act.ADVANCE, Act.ADVANCE], jnp.int32))
    np.testing.assert_array_equal(together.object_position, [(5, 4)])
    np.testing.assert_array_equal(together.position, [(4, 4), (4, 5)])
    np.testing.assert_array_equal(together.joint, [1, 1])


def renewed(world, state, count=500):
    """What `count` worlds make of a state in which every load lies at its goal."""
    state = state.replace(object_goal=state.object_position)
    keys, still = jax.random.split(jax.random.key(1), count), jnp.zeros(world.num_agents, jnp.int32)
    return jax.tree.map(np.asarray, jax.jit(jax.vmap(lambda k: world.step(k, state, still)))(keys))


def test_loads_lie_and_belong_where_a_team_can_push_them():
    """For two or more, off the border: of a corner nobody gets a load out; for one alone, anywhere."""
    for needed, size, low in ((2, 5, 1), (3, 6, 1), (5, 7, 1), (1, 5, 0)):
        world = haul(num_agents=5, num_loads=2, needed=needed, size=size, walls=int(needed == 3))
        starts = jax.vmap(world.reset)(jax.random.split(jax.random.key(0), 500))
        after = renewed(world, jax.tree.map(lambda x: x[0], starts))
        for states in (starts, after):
            for cells in (states.object_position, states.object_goal):
                assert int(cells.min()) == low and int(cells.max()) == size - 1 - low
        assert (after.object_position != np.asarray(starts.object_position[0])).any(-1).mean() > 0.8


def test_things_renewed_at_once_find_cells_of_their_own():
    world = haul(num_agents=2, num_loads=3, needed=2, size=5)
    after = renewed(world, world.reset(jax.random.key(0)), 2000)
    assert all(len({*map(tuple, places)}) == 3 for places in after.object_position)


def test_loads_in_one_cell_are_moved_one_at_a_time():
    world = haul(num_agents=3, num_loads=2, needed=2, size=7)
    state = world.reset(jax.random.key(0)).replace(
        position=jnp.array([(2, 3), (2, 2), (2, 4)]),
        heading=jnp.zeros(3, jnp.int32),
        object_position=jnp.array([(3, 3)] * 2),
        object_goal=jnp.array([(5, 3)] * 2),
    )
    after = world.step(jax.random.key(0), state, jnp.full(3, int(Act.ADVANCE)))
    np.testing.assert_array_equal(after.object_position, [(4, 3), (3, 3)])


@pytest.mark.parametrize(
    "options", [dict(needed=9, walls=0), dict(needed=6, walls=4), dict(needed=13, radius=2, walls=3)]
)
def test_pads_lie_where_as_many_as_are_needed_find_room(options):
    world = rendezvous(num_agents=options["needed"], num_pads=2, **options)
    radius = options.get("radius", 1)
    starts = jax.jit(jax.vmap(world.reset))(jax.random.split(jax.random.key(0), 200))
    full = starts.replace(  # all stand on the first pad, as bodies that do not block could
        position=jnp.broadcast_to(starts.object_position[:, :1], starts.position.shape)
    )
    still = jnp.zeros((200, world.num_agents), jnp.int32)
    after = jax.jit(jax.vmap(world.step))(jax.random.split(jax.random.key(1), 200), full, still)
    assert (np.asarray(after.object_position[:, 0] != starts.object_position[:, 0])).any(-1).mean() > 0.9
    cells = np.stack(np.meshgrid(range(10), range(10), indexing="ij"), -1).reshape(-1, 2)
    for states in (starts, after):
        for pads, walls in zip(np.asarray(states.object_position), np.asarray(states.walls), strict=True):
            free = cells[~in_walls(cells, walls)]
            near = np.abs(free[:, None] - pads).max(-1) <= radius
            assert (near.sum(0) >= options["needed"]).all()


def test_an_empty_slot_pays_nothing():
    world = rendezvous(num_agents=2, needed=2, num_pads=2, walls=0)
    world = world.replace(present=jnp.array([True, False]))
    state = world.reset(jax.random.key(0)).replace(
        position=jnp.array([(4, 4), (4, 5)]), object_position=jnp.array([(9, 9), (4, 4)])
    )
    assert not world.step(jax.random.key(0), state, jnp.zeros(2, jnp.int32)).joint.any()


def test_walls_never_cut_the_floor_apart():
    for width, height in ((5, 5), (10, 10), (12, 7), (17, 23)):
        slots = layout.max_walls(width, height)
        limits = [jnp.int32(n) for n in (slots, width, height)]

        def make(key, slots=slots, limits=limits):
            return layout.random_walls(key, limits[0], slots, *limits[1:])

        maps = np.asarray(jax.jit(jax.vmap(make))(jax.random.split(jax.random.key(0), 50)))
        cells = np.stack(np.meshgrid(range(width), range(height), indexing="ij"), -1).reshape(-1, 2)
        for walls in maps:
            blocked = in_walls(cells, walls)
            assert blocked.sum() == 3 * slots  # bars lie inside and do not overlap
            free = {tuple(c) for c in cells[~blocked]}
            reached, frontier = set(), [next(iter(free))]
            while frontier:
                x, y = frontier.pop()
                if (x, y) in free and (x, y) not in reached:
                    reached.add((x, y))
                    frontier += [(x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)]
            assert reached == free


def test_walls_block_the_view():
    world = rendezvous(num_agents=2, needed=2, num_pads=1, size=9, walls=1)
    state = jax.jit(world.reset)(jax.random.key(0)).replace(
        position=jnp.array([(2, 4), (6, 4)], jnp.int32),
        heading=jnp.array([0, 2], jnp.int32),
        object_position=jnp.array([(6, 4)], jnp.int32),
    )
    wall = state.replace(walls=jnp.array([[3.5, 2.5, 4.5, 5.5]]))
    air = state.replace(walls=jnp.array([[3.5, 6.5, 4.5, 7.5]]))
    hidden, open_view = map(jax.jit(world.scene), (wall, air))
    assert not hidden.sees_agent.any() and not hidden.sees_object[0, 0]
    assert open_view.sees_agent.sum() == 2 and open_view.sees_object[0, 0]


@pytest.fixture(scope="module", params=["rendezvous-v0", "haul-v0"])
def simulated(request):
    env = socialsim.make(request.param)
    return request.param, env, jax.jit(env.reset), jax.jit(env.step)


def play(reset, step, steps=24, seed=5):
    """One episode: all states and time steps."""
    kept = [reset(jax.random.key(seed))]
    for t in range(steps):
        action = jax.random.randint(jax.random.key(1000 + t), (4,), 0, 10)
        kept.append(step(jax.random.key(t), kept[-1][0], action))
    return kept


def golden(reset, step):
    kept = [state.world for state, _ in play(reset, step, steps=40, seed=2026)]
    return {
        field: np.stack([np.asarray(getattr(w, field)) for w in kept[::8]]).astype(int).tolist()
        for field in ("position", "heading", "act", "joint", "object_position", "object_goal")
    }


def test_golden_episodes(simulated):
    """Behaviour changes with a new world version only."""
    world_id, _, reset, step = simulated
    assert golden(reset, step) == json.loads(GOLDEN.read_text())[world_id]


@pytest.mark.parametrize(
    ("world", "options", "named"),
    [
        ("rendezvous-v0", dict(num_agents=0), "num_agents"),
        ("rendezvous-v0", dict(needed=5), "needed"),
        ("rendezvous-v0", dict(num_pads=0), "num_pads"),
        ("rendezvous-v0", dict(num_pads=60), "num_pads"),
        ("rendezvous-v0", dict(size=2), "size"),
        ("rendezvous-v0", dict(size=(4, 1)), "size"),
        ("rendezvous-v0", dict(walls=5), "walls"),
        ("rendezvous-v0", dict(radius=0, needed=2), "needed"),
        ("rendezvous-v0", dict(reach=0), "reach"),
        ("rendezvous-v0", dict(cone=400), "cone"),
        ("rendezvous-v0", dict(num_agent=3), "num_agents"),
        ("haul-v0", dict(needed=6, num_agents=8), "needed"),
        ("rendezvous-v0", dict(needed=7, num_agents=8), "needed"),
        ("haul-v0", dict(num_loads=-1), "num_loads"),
        ("haul-v0", dict(needed=4, walls=1), "needed"),
        ("haul-v0", dict(num_loads=3, size=4), "num_loads"),
        ("haull-v0", {}, "haul-v0"),
        ("rendezvous-v0", dict(horizon=0), "horizon"),
        ("rendezvous-v0", dict(signals=("attention", "attention")), "signals"),
    ],
)
def test_bad_options_raise_one_line_that_names_the_option(world, options, named):
    with pytest.raises(OptionError) as caught:
        socialsim.make(world, **options)
    message = str(caught.value)
    assert named in message and "allowed" in message and "\n" not in message


@pytest.mark.parametrize("value", [2.5, True, "3", None, 0, 9])
def test_only_integers_in_range_count(value):
    with pytest.raises(OptionError, match="allowed: an integer from 1 to 8"):
        integer("num_agents", value, low=1, high=8)


if __name__ == "__main__":
    episodes_by_id = {}
    for name in ("rendezvous-v0", "haul-v0"):
        made = socialsim.make(name)
        episodes_by_id[name] = golden(jax.jit(made.reset), jax.jit(made.step))
    GOLDEN.write_text(json.dumps(episodes_by_id) + "\n")
