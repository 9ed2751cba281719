"""The SVO slider measure: fifteen lines of allocations to oneself and another, nine options each."""

import functools

import numpy as np
from numpy.typing import ArrayLike, NDArray

from socialsim.analysis.battery.references import constants
from socialsim.core.errors import OptionError, choose

PRIMARY = 6  # items that the angle is made of; the others are secondary
POINTS = 9  # options of an item
CATEGORIES = ("altruist", "prosocial", "individualist", "competitive")
TYPES = ("selfish", "joint", "altruist", "competitive", "inequality-averse")

# Ideal points and which two of them the ends of each primary item are (first, last).
IDEALS = {"altruist": (50, 100), "prosocial": (85, 85), "individualist": (100, 50), "competitive": (85, 15)}
ENDS = ((1, 3), (3, 2), (0, 1), (0, 3), (2, 0), (2, 1))


@functools.cache
def payoffs() -> NDArray:
    """Allocations `[15, 9, 2]`: to oneself, to the other."""
    ends = np.array(constants()["slider"]["items"], float)
    along = np.linspace(0, 1, POINTS)[None, :, None]
    table = np.floor(ends[:, :1] * (1 - along) + ends[:, 1:] * along + 0.5 + 1e-9)
    table.flags.writeable = False
    return table


def ideal(kind: str) -> NDArray:
    """Weights `[15, 9]` of the options that an ideal type takes; options it likes alike share the weight."""
    choose("type", kind, TYPES)
    own, other = payoffs()[..., 0], payoffs()[..., 1]
    worth = {
        "selfish": own,
        "joint": own + other,
        "altruist": other,
        "competitive": own - other,
        "inequality-averse": -np.abs(own - other),
    }[kind]
    # Rounding to whole tokens must not tell apart what the unrounded line does not: half a token is a tie.
    slack = 1.0 if kind == "joint" else 0.0
    best = worth >= worth.max(1, keepdims=True) - slack
    return best / best.sum(1, keepdims=True)


def angle(own: ArrayLike, other: ArrayLike) -> NDArray:
    """SVO angle in degrees of the mean allocations to oneself and to the other."""
    x, y = np.asarray(own, float) - 50, np.asarray(other, float) - 50
    return np.asarray(np.degrees(np.arctan2(y, x)))


def angles(choices: ArrayLike) -> NDArray:
    """Angle of choices `[..., 6 or 15]`, options 0 to 8."""
    c = np.asarray(choices)
    whole = np.issubdtype(c.dtype, np.integer)
    if c.ndim < 1 or c.shape[-1] not in (PRIMARY, len(payoffs())) or not whole:
        raise OptionError(f"choices {c.shape} of {c.dtype}; allowed: integers [..., 6] or [..., 15]")
    if c.size and (c.min() < 0 or c.max() >= POINTS):
        raise OptionError(f"choices from {c.min()} to {c.max()}; allowed: options 0 to {POINTS - 1}")
    c = c[..., :PRIMARY]
    mean = payoffs()[np.arange(PRIMARY), c].mean(-2)
    return angle(mean[..., 0], mean[..., 1])


def category(degrees: ArrayLike) -> NDArray:
    """Places in `CATEGORIES`, by the cuts 57.15, 22.45 and -12.04 degrees."""
    svo = constants()["svo"]
    cuts = [svo[k]["value"] for k in ("altruist_above", "prosocial_above", "individualist_above")]
    return np.asarray((np.asarray(degrees, float)[..., None] <= np.array(cuts)).sum(-1))


@functools.cache
def _transitive_patterns() -> NDArray:
    """`[3^6]`: whether signs of preference (-1, 0, 1 -> 0, 1, 2) of the six items fit some order."""
    import itertools

    orders = list(itertools.permutations(range(4)))
    rank = np.array([[o.index(i) for i in range(4)] for o in orders])
    first, last = np.array(ENDS).T
    wants = np.where(rank[:, first] < rank[:, last], -1, 1)  # [24, 6]: -1 the first end is liked better
    signs = np.array(list(itertools.product((-1, 0, 1), repeat=PRIMARY)))
    return ((signs[:, None] == wants[None]) | (signs[:, None] == 0)).all(-1).any(-1)


def transitive(choices: ArrayLike) -> NDArray:
    """Whether the six pairwise preferences fit some order of the four ideal points.

    The end that a choice lies nearer to is the one preferred; the middle fits either way.
    """
    c = np.asarray(choices)[..., :PRIMARY]
    sign = np.sign(c - POINTS // 2).astype(int) + 1
    return _transitive_patterns()[(sign * 3 ** np.arange(PRIMARY)[::-1]).sum(-1)]
