"""Where things are at a round table: seats, trays, and piles of tokens for pictures. Bodies; centre at 0."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

TRAY = 1.1  # bodies from a seat towards the centre
ROOM = 1.2  # bodies between neighbours, at least
MARGIN = 1.5  # bodies of floor beyond the seats
EIGHTHS = 8  # of a full turn: what TURN_LEFT and TURN_RIGHT turn by
AWAY = -1000.0  # tokens that are not there lie off the floor
_TOKEN, _GAP, _ROW = 0.085, 0.2, 5


def outward(seat: Int[Array, " A"], seats: int) -> Float[Array, "A 2"]:
    """Unit vectors from the centre to each seat; seat 0 is at the left, the others counter-clockwise."""
    angle = np.pi + 2 * np.pi / seats * seat
    return jnp.stack([jnp.cos(angle), jnp.sin(angle)], -1)


def facing(seat: Int[Array, " A"], turned: Int[Array, " A"], seats: int) -> Float[Array, "A 2"]:
    """Headings: towards the centre, turned by so many eighths counter-clockwise."""
    angle = 2 * np.pi / seats * seat + 2 * np.pi / EIGHTHS * turned
    return jnp.stack([jnp.cos(angle), jnp.sin(angle)], -1)


def disc(radius: Float[Array, ""], corners: int = 48) -> Float[Array, "1 P 2"]:
    """The table top."""
    angle = 2 * np.pi / corners * np.arange(corners)
    return radius * jnp.asarray(np.stack([np.cos(angle), np.sin(angle)], -1), jnp.float32)[None]


def pile(
    place: Float[Array, "A 2"], out: Float[Array, "A 2"], count: Float[Array, " A"], most: int
) -> Float[Array, "N P 2"]:
    """`count` tokens (rounded) at each place, in rows of five along the table's edge, `most` at most."""
    index = np.arange(most)
    along = (index % _ROW - (_ROW - 1) / 2) * _GAP
    inward = -(index // _ROW) * _GAP
    side = jnp.stack([-out[:, 1], out[:, 0]], -1)
    centre = place[:, None] + along[None, :, None] * side[:, None] + inward[None, :, None] * out[:, None]
    there = index[None] < jnp.round(count)[:, None]
    angle = np.pi / 4 * np.arange(8)
    rim = _TOKEN * np.stack([np.cos(angle), np.sin(angle)], -1)
    token = jnp.where(there[..., None], centre, AWAY)[:, :, None] + rim
    return token.reshape(-1, *rim.shape)
