"""Degenerate societies, placed where they pay best, and what they earn.

`python tests/core/societies.py` prints the table of docs/signals.md.
"""

import functools
import sys

import jax
import jax.numpy as jnp
import numpy as np

import socialsim
from socialsim.agents import bots
from socialsim.core.acts import Act
from socialsim.core.drives import drive_matrix
from socialsim.core.geometry import EMPTY_BOX

GESTURES = (Act.GESTURE_0, Act.GESTURE_1)
TURNS = (Act.TURN_LEFT, Act.TURN_RIGHT)
PACING = (Act.ADVANCE, Act.RETREAT)

CLOSE = np.array([(4, 4), (5, 4), (5, 5), (4, 5)])  # a block of four, each next to the one it faces
APART = np.array([(1, 4), (8, 4), (8, 5), (1, 5)])  # room to walk to and fro in front of one another
RING = np.array([0, 1, 2, 3])  # quarter turns: each faces the next
PAIRS = np.array([0, 2, 2, 0])  # two pairs, face to face


def huddle(positions, headings):
    """A `prepare` for `bots.play`: agents so placed, no walls in the way, pads at the border."""

    def prepare(key, world):
        pads = jnp.array([(9, 0), (0, 9)] + [(9, 9)] * 8)[: world.object_position.shape[0]]
        return world.replace(
            position=jnp.asarray(positions, jnp.int32),
            heading=jnp.asarray(headings, jnp.int32),
            object_position=pads.astype(jnp.int32),
            walls=jnp.broadcast_to(jnp.array(EMPTY_BOX), world.walls.shape),
        )

    return prepare


def societies(env):
    """Name -> (team, prepare). Several variants of each kind; the worst of a kind is what counts."""
    ring, pairs, apart = huddle(CLOSE, RING), huddle(CLOSE, PAIRS), huddle(APART, PAIRS)
    cast = {
        "staring ring": (bots.staring_ring(env), ring),
        "no-op chorus, ring": (bots.noop_chorus(env), ring),
        "no-op chorus, pairs": (bots.noop_chorus(env, Act.GESTURE_0), pairs),
        "fast oscillators, turning": (bots.fast_oscillators(env, TURNS), ring),
        "fast oscillators, gestures": (bots.fast_oscillators(env, GESTURES), pairs),
        "fast oscillators, pacing": (bots.fast_oscillators(env, PACING), apart),
        "mirror pair, one step later": (bots.mirror_pair(env), pairs),
        "mirror pair, taking turns": (bots.mirror_pair(env, takeover=16), pairs),
        "mirror pair, at once": (bots.mirror_pair(env, delay=0), pairs),
    }
    for hold in (4, 6, 8):
        for stagger in (0, 1, 2):
            for name, acts, place in (
                ("turning", TURNS, ring),
                ("gestures", GESTURES, pairs),
                ("four gestures", tuple(Act(a) for a in range(6, 10)), pairs),
                ("pacing", PACING, apart),
            ):
                team = bots.slow_oscillators(env, acts, hold, stagger)
                cast[f"slow oscillators, {name}, hold {hold}, stagger {stagger}"] = (team, place)
    return cast


def kind(name):
    return name.split(",")[0]


@functools.cache
def measured(worlds=64, world="rendezvous-v0"):
    """Team -> mean per agent-step of each signal, their sum and their sum weighted by default drives."""
    env = socialsim.make(world)
    drives = drive_matrix(None, env.channels, env.num_agents)[0]
    cast = {
        "random": (bots.random_team(env), None),
        "competent": (bots.scripted_team(env), None),
        **societies(env),
    }
    table = {}
    for name, (team, prepare) in cast.items():
        signals = bots.play(env, team, jax.random.key(7), worlds, prepare=prepare).signals
        mean = np.asarray(signals, np.float64).mean((0, 1, 2))
        table[name] = dict(zip(env.channels, mean, strict=True)) | {
            "sum": mean.sum(),
            "drives": mean @ drives,
        }
    return table


def show(table, out=sys.stdout):
    columns = list(table["random"])
    out.write("| team | " + " | ".join(columns) + " | sum, share of competent |\n")
    out.write("|---" * (len(columns) + 2) + "|\n")
    for name, row in table.items():
        share = row["sum"] / table["competent"]["sum"]
        out.write(f"| {name} | " + " | ".join(f"{row[c]:.4f}" for c in columns) + f" | {share:.1%} |\n")


if __name__ == "__main__":
    show(measured(256))
