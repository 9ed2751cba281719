"""What procedural worlds promise: many tasks in one step, all can be done, split by seed and family."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from socialsim.core.acts import Act
from socialsim.core.errors import OptionError
from socialsim.envs.grid.procedural import FAMILIES, procedural, sample_world


def test_thousands_of_tasks_run_in_one_step():
    tasks = jax.jit(jax.vmap(sample_world))(jax.random.split(jax.random.key(0), 2000))
    push, gather, watch, carry = tasks.mechanisms
    present = np.asarray(tasks.present)
    rules = sum(np.asarray(m.on).astype(int) for m in (push, gather, watch, carry))
    assert (rules == 1).all()  # each object follows one rule
    assert present[:, 0].all() and 1 < present.sum(1).mean() < 4
    assert set(np.unique(tasks.width)) == set(range(7, 13))
    step = jax.jit(jax.vmap(lambda w, k, s, a: w.step(k, s, a)))
    keys = jax.random.split(jax.random.key(1), 2000)
    states = jax.jit(jax.vmap(lambda w, k: w.reset(k)))(tasks, keys)
    after = step(tasks, keys, states, jnp.full((2000, 4), int(Act.ADVANCE)))
    inside = (after.position >= 0) & (after.position < jnp.stack([tasks.width, tasks.height], -1)[:, None])
    assert inside.all() and (after.position != states.position).any()


def test_what_a_task_asks_for_finds_room():
    """Large teams on small floors: starts on the floor, and as many neighbours as an item wants."""
    world = procedural(num_agents=12, min_size=5, max_size=8, max_walls=1)
    state = jax.jit(jax.vmap(world.reset))(jax.random.split(jax.random.key(0), 500))
    task, inner = jax.tree.map(np.asarray, (state.task, state.inner))
    push, gather = task.mechanisms[:2]
    cells = np.stack(np.meshgrid(range(8), range(8), indexing="ij"), -1).reshape(-1, 2)
    for e in range(500):
        walls, size = inner.walls[e], [task.width[e], task.height[e]]
        x, y = cells.T[:, :, None]
        walled = (x > walls[:, 0]) & (x < walls[:, 2]) & (y > walls[:, 1]) & (y < walls[:, 3])
        free = {tuple(c) for c in cells[(cells < size).all(1) & ~walled.any(1)]}
        assert {*map(tuple, inner.position[e])} <= free and len({*map(tuple, inner.position[e])}) == 12
        for m in np.flatnonzero(task.present[e]):
            place = inner.object_position[e, m]
            assert tuple(place) in free
            if gather.on[e, m]:
                near = sum(np.abs(np.array(c) - place).max() <= gather.radius[e, m] for c in free)
                wanted = 3 if gather.weighs[e, m] else gather.needed[e, m]
                assert near - gather.blocks[e, m] >= wanted
            if push.on[e, m]:
                assert (place > 0).all() and (place < np.array(size) - 1).all()


def test_splits_share_no_task_and_numbers_name_tasks():
    small = dict(num_tasks=3, max_size=8, max_objects=2, max_walls=1)
    train, test = procedural(**small), procedural(**small, split="test")

    def names(world):
        drawn = jax.jit(jax.vmap(world.draw))(jax.random.split(jax.random.key(0), 64))
        rows = np.concatenate([np.asarray(x).reshape(64, -1) for x in jax.tree.leaves(drawn)], 1)
        return {row.tobytes() for row in rows.astype(np.float64)}

    assert len(names(train)) == len(names(test)) == 3 and not names(train) & names(test)
    twice = [jax.tree.leaves(train.numbered(1)) for _ in range(2)]
    assert all(np.array_equal(a, b) for a, b in zip(*twice, strict=True))


def test_families_can_be_held_out():
    keys = jax.random.split(jax.random.key(0), 300)
    held_out = jax.jit(jax.vmap(lambda k: sample_world(k, families="held-out")))(keys)
    push, gather, watch, carry = held_out.mechanisms
    assert not push.on.any() and not carry.on.any() and watch.on.any()
    assert gather.weighs[gather.on].all()
    for bad in ("heldout", ("meet", "fly"), ()):
        with pytest.raises(OptionError, match="allowed"):
            sample_world(jax.random.key(0), families=bad)
    assert len(FAMILIES) == 6
