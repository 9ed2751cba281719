"""Geometry and sight against brute force."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from socialsim.core import geometry
from socialsim.core.errors import OptionError
from socialsim.core.sight import Eyes


def random_boxes(rng, count):
    corner = rng.uniform(0, 8, (count, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(0.3, 3, (count, 2))], -1)
    boxes[-1] = geometry.EMPTY_BOX
    return boxes.astype(np.float32)


def inside(point, boxes, margin=0.0):
    x, y = point[..., None, 0], point[..., None, 1]
    low, high = boxes[:, :2] + margin, boxes[:, 2:] - margin
    return ((x > low[:, 0]) & (x < high[:, 0]) & (y > low[:, 1]) & (y < high[:, 1])).any(-1)


def test_line_of_sight_equals_sampling_the_segment():
    rng = np.random.default_rng(0)
    blocked = jax.jit(geometry.blocked)
    s = np.linspace(0, 1, 4001)[:, None, None]
    decided = 0
    for _ in range(20):
        boxes = random_boxes(rng, 4)
        start, end = rng.uniform(-1, 11, (2, 100, 2)).astype(np.float32)
        points = start + s * (end - start)
        surely = inside(points, boxes, margin=0.02).any(0)  # a grazing touch is left open
        perhaps = inside(points, boxes, margin=-0.02).any(0)
        found = np.asarray(blocked(jnp.asarray(start), jnp.asarray(end), jnp.asarray(boxes)))
        assert found[surely].all() and not found[~perhaps].any()
        decided += surely.sum()
    assert decided > 500


def test_ray_distances_equal_marching():
    rng = np.random.default_rng(1)
    low, high = np.zeros(2, np.float32), np.full(2, 10, np.float32)
    measure = jax.jit(geometry.free_distance)
    steps = np.arange(0, 15, 0.005)
    for _ in range(10):
        boxes = random_boxes(rng, 3)
        position = rng.uniform(0.2, 9.8, (30, 2)).astype(np.float32)
        position = position[~inside(position, boxes, margin=-0.05)][:8]
        angle = rng.uniform(0, 2 * np.pi, len(position))
        heading = np.stack([np.cos(angle), np.sin(angle)], -1).astype(np.float32)
        rays = np.asarray(geometry.fan(jnp.asarray(heading), 8))
        found = measure(*map(jnp.asarray, (position, rays, boxes, low, high)))
        path = position[:, None, None] + rays[:, :, None] * steps[:, None]
        stop = inside(path, boxes) | (path < low).any(-1) | (path > high).any(-1)
        marched = steps[stop.argmax(-1)]
        difference = np.abs(np.asarray(found) - marched)
        assert (difference < 0.02).mean() > 0.99  # a march may step over a corner
        assert np.median(difference) < 0.006


def test_rays_go_round_the_body_counter_clockwise():
    rays = np.asarray(geometry.fan(jnp.array([[0.0, 1.0]]), 8))[0]
    np.testing.assert_allclose(rays[[0, 2, 4, 6]], [[0, 1], [-1, 0], [0, -1], [1, 0]], atol=1e-6)


def test_eyes_see_within_reach_and_cone_and_never_themselves():
    rng = np.random.default_rng(2)
    place = rng.uniform(0, 10, (40, 2)).astype(np.float32)
    angle = rng.uniform(-np.pi, np.pi, 40)
    gaze = np.stack([np.cos(angle), np.sin(angle)], -1).astype(np.float32)
    seen = np.asarray(Eyes(reach=5, cone=90).see_agents(*map(jnp.asarray, (place, gaze, np.zeros((0, 4))))))
    for i in range(40):
        for j in range(40):
            offset = place[j] - place[i]
            off_axis = np.arctan2(offset[1], offset[0]) - angle[i]
            off_axis = abs((off_axis + np.pi) % (2 * np.pi) - np.pi)
            distance = np.linalg.norm(offset)
            if i == j:
                assert not seen[i, j]
            elif abs(distance - 5) > 1e-3 and abs(off_axis - np.pi / 4) > 1e-3:
                assert seen[i, j] == (distance < 5 and off_axis < np.pi / 4)


def test_full_view_sees_through_walls_and_behind():
    place = jnp.array([[1.0, 1.0], [5.0, 1.0]])
    gaze = jnp.array([[-1.0, 0.0], [1.0, 0.0]])
    wall = jnp.array([[2.0, 0.0, 3.0, 2.0]])
    assert Eyes(full_view=True).see_agents(place, gaze, wall).sum() == 2
    assert Eyes().see_agents(place, -gaze, wall).sum() == 0
    assert Eyes().see_agents(place, -gaze, wall[:0]).sum() == 2


@pytest.mark.parametrize("options", [{"reach": 0}, {"cone": 0}, {"cone": 361}])
def test_impossible_eyes_are_refused(options):
    with pytest.raises(OptionError, match="allowed"):
        Eyes(**options)
