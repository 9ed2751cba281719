"""Discs on a plane: drives, damping and collisions. Lengths in bodies, time in decisions, mass 1 each.

Semi-implicit Euler: velocities first, then positions with the new velocities. The drive is a force against
viscous damping, `dv/dt = (drive - v) / RESPONSE`, solved exactly within a substep, so that speed from rest
is `drive * (1 - exp(-t / RESPONSE))`. Contacts act on velocities before anything touches (speculative
contacts: Catto 2013, "Continuous collision"): two discs lose just the part of their approach that would
make them overlap within the substep. Collisions are inelastic and frictionless; pairs conserve momentum.

All contacts are resolved at once, `ROUNDS` times, each shared among the contacts of the busier disc. In a
crowd that may leave some approach over. Then discs keep to their own half of each gap around them, which
no crowd can overlap by: first those concerned, and if that does not do, all of this world.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array, Float

from socialsim.core import geometry
from socialsim.core.columns import beside
from socialsim.core.fusing import made_once

SUBSTEPS = 2
DT = 1.0 / SUBSTEPS
RESPONSE = 0.4  # decisions: time constant of walking and turning, as in the MuJoCo worlds
KEEP = float(np.exp(-DT / RESPONSE))  # share of an old velocity that a substep leaves
WALK = 1.0  # bodies per decision at full drive
TURN = float(np.radians(60))  # radians per decision at full drive
ROUNDS = 2
RADIUS = 0.5

OVERLAP = 1e-3
"""Bodies: what two discs overlap at most, in any crowd at any drive; in fact float32's rounding."""

_SLACK = 1e-5  # bodies: closing by less than this beyond a gap is rounding


class Bodies(struct.PyTreeNode):
    """`A` discs. yaw: radians, counter-clockwise from east.  spin: radians per decision."""

    position: Float[Array, "A 2"]
    velocity: Float[Array, "A 2"]
    yaw: Float[Array, " A"]
    spin: Float[Array, " A"]


class Floor(struct.PyTreeNode):
    """The square `0..size` with `W` walls in it, boxes `[x0, y0, x1, y1]`."""

    size: Float[Array, ""]
    boxes: Float[Array, "W 4"]


class Contacts(NamedTuple):
    """[i, j]: direction `x`, `y` from disc i to j (or from disc i away from wall j), and the gap between.

    Components are kept apart here and below: XLA fuses and vectorises that several times better on CPUs
    than arrays with a last axis of two.
    """

    x: Array
    y: Array
    gap: Array


def decide(bodies: Bodies, floor: Floor, drive: Float[Array, "A 2"]) -> Bodies:
    """One decision of motion. drive: forward and turn, in [-1, 1], counter-clockwise positive."""
    x, y = bodies.position[:, 0], bodies.position[:, 1]
    vx, vy = bodies.velocity[:, 0], bodies.velocity[:, 1]
    yaw, spin = bodies.yaw, bodies.spin
    walk, turn = WALK * drive[:, 0], TURN * drive[:, 1]
    for _ in range(SUBSTEPS):
        spin = turn + (spin - turn) * KEEP
        yaw = yaw + DT * spin
        ahead, left = walk * jnp.cos(yaw), walk * jnp.sin(yaw)
        vx, vy = ahead + (vx - ahead) * KEEP, left + (vy - left) * KEEP
        x, y, vx, vy = _collide(x, y, vx, vy, floor)
    # Without the barrier XLA computes the last substep anew for everyone who reads the result.
    x, y, vx, vy, yaw, spin = made_once((x, y, vx, vy, yaw, spin))
    return Bodies(
        position=beside([x, y]),
        velocity=beside([vx, vy]),
        # Angles stay small, so that float32 keeps resolving them in long episodes.
        yaw=yaw - jnp.round(yaw / (2 * jnp.pi)) * (2 * jnp.pi),
        spin=spin,
    )


def direction(yaw: Float[Array, " A"]) -> Float[Array, "A 2"]:
    return beside([jnp.cos(yaw), jnp.sin(yaw)])


def gaps(position: Float[Array, "A 2"]) -> Float[Array, "A A"]:
    """Between the rims of discs; negative where they overlap, far for a disc and itself."""
    return _between(position[:, 0], position[:, 1]).gap


def _collide(x, y, vx, vy, floor: Floor):
    """Places after a substep, and velocities, of discs that want to go at `vx`, `vy`."""
    low, high = RADIUS, floor.size - RADIUS
    discs, walls = _between(x, y), _from_walls(x, y, floor.boxes)
    room = jnp.maximum(discs.gap, 0.0)
    for _ in range(ROUNDS):
        own = vx[:, None] * discs.x + vy[:, None] * discs.y
        sx, sy = _shove(discs, own + own.T - room / DT)
        vx, vy = _halt(vx - sx, vy - sy, walls)
        vx = jnp.clip(vx, (low - x) / DT, (high - x) / DT)
        vy = jnp.clip(vy, (low - y) / DT, (high - y) / DT)
    sx, sy = _shove(discs, -discs.gap)  # what was put down overlapping is pushed apart
    out = jnp.clip(-walls.gap, 0.0, 2 * RADIUS)
    mx = jnp.clip(x + DT * vx - sx + (out * walls.x).sum(1), low, high) - x
    my = jnp.clip(y + DT * vy - sy + (out * walls.y).sum(1), low, high) - y
    held = _held_back(mx[:, None] * discs.x + my[:, None] * discs.y, room)
    x, y = jnp.clip(x + held * mx, low, high), jnp.clip(y + held * my, low, high)
    return x, y, held * vx, held * vy


def _held_back(own, room):
    """Share of its move that each disc may make, so that no pair closes by more than its `room`.

    own: [i, j] how far i moves towards j.
    """
    free = jnp.minimum(0.5 * room / jnp.maximum(own, 1e-9), 1.0).min(1)  # within one's half of each gap

    def overlaps(share):
        part = share[:, None] * own
        return part + part.T > room + _SLACK

    share = jnp.where(overlaps(jnp.ones_like(free)).any(1), free, 1.0)
    return jnp.where(overlaps(share).any(), free, share)


def _shove(contacts: Contacts, excess):
    """By how much each disc has to give way to those it meets; a pair shares it equally (momentum)."""
    excess = jnp.maximum(excess, 0.0)
    busy = jnp.maximum((excess > 0).sum(1), 1).astype(jnp.float32)
    share = 0.5 * excess / jnp.maximum(busy[:, None], busy[None])
    return (share * contacts.x).sum(1), (share * contacts.y).sum(1)


def _halt(vx, vy, walls: Contacts):
    """Velocity without what would take a disc into a wall within the substep."""
    into = -(vx[:, None] * walls.x + vy[:, None] * walls.y) - jnp.maximum(walls.gap, 0.0) / DT
    excess = jnp.maximum(into, 0.0)
    return vx + (excess * walls.x).sum(1), vy + (excess * walls.y).sum(1)


def _between(x, y) -> Contacts:
    dx, dy = x[None] - x[:, None], y[None] - y[:, None]
    square = dx * dx + dy * dy
    inverse = jax.lax.rsqrt(jnp.maximum(square, 1e-12))
    same = jnp.eye(x.shape[0]) * geometry.FAR
    return Contacts(dx * inverse, dy * inverse, square * inverse - 2 * RADIUS + same)


def _from_walls(x, y, boxes: Float[Array, "W 4"]) -> Contacts:
    """A centre inside a wall leaves by the nearest face; ties go to x."""
    dx, dy = x[:, None] - (boxes[:, 0] + boxes[:, 2]) / 2, y[:, None] - (boxes[:, 1] + boxes[:, 3]) / 2
    beyond_x = jnp.abs(dx) - (boxes[:, 2] - boxes[:, 0]) / 2
    beyond_y = jnp.abs(dy) - (boxes[:, 3] - boxes[:, 1]) / 2
    out_x, out_y = jnp.maximum(beyond_x, 0.0), jnp.maximum(beyond_y, 0.0)
    distance = jnp.sqrt(out_x**2 + out_y**2)
    inside, by_x = distance <= 1e-6, (beyond_x >= beyond_y).astype(jnp.float32)
    scale = 1.0 / jnp.maximum(distance, 1e-6)
    away_x, away_y = jnp.where(inside, by_x, out_x * scale), jnp.where(inside, 1 - by_x, out_y * scale)
    depth = jnp.minimum(jnp.maximum(beyond_x, beyond_y), 0.0)
    sign_x, sign_y = jnp.where(dx < 0, -1.0, 1.0), jnp.where(dy < 0, -1.0, 1.0)
    return Contacts(sign_x * away_x, sign_y * away_y, distance + depth - RADIUS)
