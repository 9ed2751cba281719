"""Two assistants that argue for options before a judge, after Irving et al. 2018, "AI safety via debate".

Each proposes a feed and stresses some considerations over others: how good the proposals are by each of the
person's present values, and how far they would move the person.  The judge weighs only what is argued, by
either side, and truthfully; the better argued proposal gets the larger share.  The game is zero-sum.
"""

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float, Key

from socialsim.experiments.drift.assistants import Assistant, new, proposal
from socialsim.experiments.drift.society import Feed, Society, View, push

IMPACT = 4.0  # how much a judge minds a unit of push, next to a unit of worth
SHARP = 6.0  # how decisive the judge is


class Debater(struct.PyTreeNode):
    """A proposer, and what it stresses: weights on own merit, the opponent's, and for impact, a bias."""

    assistant: Assistant
    stress: Float[Array, "3"]


def new_debater(key: Key[Array, ""]) -> Debater:
    """An untrained debater. `key` is consumed."""
    one, two = jax.random.split(key)
    return Debater(new(one), 0.1 * jax.random.normal(two, (3,)))


def merits(society: Society, view: View, feed: Float[Array, "N L"]) -> Float[Array, "N C"]:
    """What speaks for a feed: its worth by each value (the sum is its worth), and minus its push."""
    moved = push(society, view.settled, feed)
    size = jnp.sqrt((moved**2).sum(-1, keepdims=True) + 1e-12)
    return jnp.concatenate([view.settled * (feed @ society.options), -IMPACT * size], -1)


def stresses(debater: Debater, mine: Float[Array, "N C"], theirs: Float[Array, "N C"]) -> Float[Array, "N C"]:
    """Which considerations a debater brings up: shares of its speech."""
    own, other, impact = debater.stress
    last = jnp.arange(mine.shape[-1]) == mine.shape[-1] - 1
    return jax.nn.softmax(8.0 * (own * mine + other * theirs) + 4.0 * impact * last, -1)


def judged(first: Float[Array, "N C"], second: Float[Array, "N C"], stress: Float[Array, "N C"]):
    """The first proposal's share, `[N]`, by an impartial judge who weighs what was argued."""
    return jax.nn.sigmoid(SHARP * first.shape[-1] * (stress * (first - second)).sum(-1))


def hearing(
    sides: tuple[Debater, Debater], society: Society, view: View
) -> tuple[Float[Array, "N L"], Float[Array, " N"]]:
    """The feed that comes of a debate, and the share that the first side won of each person."""
    feeds = [proposal(d.assistant, society, view) for d in sides]
    first, second = (merits(society, view, f) for f in feeds)
    stress = 0.5 * (stresses(sides[0], first, second) + stresses(sides[1], second, first))
    won = judged(first, second, stress)
    return won[:, None] * feeds[0] + (1.0 - won[:, None]) * feeds[1], won


def debated(sides: tuple[Debater, Debater]) -> Feed:
    """Two debaters and their judge as one assistant."""
    return lambda society, view: hearing(sides, society, view)[0]
