"""A table as a Scene: players on their seats, a tray before each, a pot in the centre where there is one."""

from typing import Any

import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Int

from socialsim.core import geometry
from socialsim.core.scene import NUM_RAYS, Scene, object_features
from socialsim.core.sight import Eyes
from socialsim.envs.games import seats


class Shown(struct.PyTreeNode):
    """What lies on the table. Features by column: of the trays `[A]` each, of the pot scalars.

    load: what each owns.  may: may act now.  joins: has put something into the pot.
    towards: [i, j] what i puts forward goes to j; where there is no j, to the centre.
    hidden: [i, j] i cannot see into j's tray.  pot: None if there is none.
    """

    load: Float[Array, " A"]
    may: Bool[Array, " A"]
    joins: Bool[Array, " A"]
    towards: Bool[Array, "A A"]
    hidden: Bool[Array, "A A"]
    trays: dict[str, Array]
    pot: dict[str, Array] | None


class Seated(struct.PyTreeNode):
    """Where everybody is and what they are seen to do."""

    seat: Int[Array, " A"]
    turned: Int[Array, " A"]  # eighths of a turn, counter-clockwise from facing the centre
    act: Int[Array, " A"]
    joint: Float[Array, " A"]


def corners(size: Float[Array, ""]) -> tuple[Float[Array, "2"], Float[Array, "2"]]:
    """Lower left and upper right corner of the floor round a table `size` bodies across."""
    corner = jnp.ones(2, jnp.float32) * (size / 2 + seats.MARGIN)
    return -corner, corner


def scene(seated: Seated, shown: Shown, size: Float[Array, ""], eyes: Eyes) -> Scene:
    """The Scene of players at a table `size` bodies across."""
    a = seated.seat.shape[-1]
    walls, zeros = jnp.zeros((0, 4), jnp.float32), jnp.zeros(a, jnp.float32)
    middle = jnp.zeros((1, 2), jnp.float32)
    out = seats.outward(seated.seat, a)
    position, heading = out * size / 2, seats.facing(seated.seat, seated.turned, a)
    objects = jnp.concatenate([position - seats.TRAY * out, middle])
    present = jnp.append(jnp.ones(a, bool), shown.pot is not None)
    pot = {} if shown.pot is None else shown.pot
    columns: dict[str, Any] = {
        name: jnp.append(shown.trays.get(name, zeros), pot.get(name, 0.0)) for name in {**shown.trays, **pot}
    }
    low, high = corners(size)
    sees_object = eyes.see(position, heading, objects, walls) & present
    unseen = jnp.concatenate([shown.hidden, jnp.zeros((a, 1), bool)], axis=1)
    own = jnp.eye(a, dtype=bool) & shown.may
    joins = shown.joins[:, None] & present[-1]
    return Scene(
        position=position,
        velocity=jnp.zeros((a, 2), jnp.float32),
        heading=heading,
        gaze=heading,
        act=seated.act,
        load=shown.load,
        strength=jnp.ones(a, jnp.float32),
        clear=geometry.free_distance(position, geometry.fan(heading, NUM_RAYS), walls, low, high),
        object_position=objects,
        object_goal=jnp.concatenate([shown.towards.astype(jnp.float32) @ position, middle]),
        object_features=object_features(a + 1, **columns),
        object_present=present,
        takes_part=jnp.concatenate([own, joins], axis=1),
        sees_agent=eyes.see_agents(position, heading, walls),
        sees_object=sees_object & ~unseen,
        joint=seated.joint,
    )


def piles(
    seat: Int[Array, " A"],
    kept: Float[Array, " A"],
    staked: Float[Array, " A"],
    size: Float[Array, ""],
    most: int,
) -> Float[Array, "N P 2"]:
    """Tokens as polygons, rounded: those kept lie beside their player, those staked in the tray."""
    out = seats.outward(seat, seat.shape[-1])
    right = jnp.stack([-out[:, 1], out[:, 0]], -1)
    beside = out * (size / 2 - 0.2) + 1.05 * right
    tray = out * (size / 2 - seats.TRAY + 0.1)
    return jnp.concatenate([seats.pile(beside, out, kept, most), seats.pile(tray, out, staked, most)])
