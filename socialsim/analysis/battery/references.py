"""Human figures with their sources, and the distributions that choices are held against."""

import dataclasses
import functools
import importlib.resources
import tomllib
from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.optimize
from numpy.typing import ArrayLike, NDArray

from socialsim.core.errors import OptionError, choose

STATUSES = ("verified", "computed", "derived", "unverified")


@functools.cache
def constants() -> Mapping[str, Any]:
    """The tables of `references.toml`."""
    return tomllib.loads(
        importlib.resources.files("socialsim.analysis.battery").joinpath("references.toml").read_text("utf-8")
    )


@dataclasses.dataclass(frozen=True)
class Figure:
    """One human number. low, high: its published interval, NaN where none is known."""

    name: str
    value: float
    source: str
    status: str
    low: float = float("nan")
    high: float = float("nan")

    def __post_init__(self):
        choose("status", self.status, STATUSES)

    @property
    def mark(self) -> str:
        """What has to stand beside the number wherever it is printed."""
        return " (unverified)" if self.status == "unverified" else ""


def figure(name: str, table: str = "figure") -> Figure:
    """A number of `references.toml`; OptionError names those there are."""
    rows = constants()[table]
    return Figure(name, **rows[choose("human figure", name, rows)])


@dataclasses.dataclass(frozen=True, eq=False)
class Reference:
    """A human distribution over ordered options.

    options: `[K]`, in percent of what there was to choose.  probability: `[K]`.
    """

    name: str
    label: str
    options: NDArray
    probability: NDArray
    n: int
    source: str
    status: str
    note: str = ""

    @property
    def mean(self) -> float:
        return float(self.options @ self.probability)

    def on(self, options: ArrayLike) -> "Reference":
        """The same people with only these options: each takes the nearest; of two as near, half take each."""
        coarse = np.asarray(options, float)
        if coarse.ndim != 1 or len(coarse) < 2 or (np.diff(coarse) <= 0).any():
            raise OptionError(f"options {coarse}; allowed: two or more, rising")
        away = np.abs(self.options[:, None] - coarse[None])
        nearest = away <= away.min(1, keepdims=True) + 1e-9
        weight = self.probability @ (nearest / nearest.sum(1, keepdims=True))
        return dataclasses.replace(self, options=coarse, probability=weight)

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> NDArray:
        """Choices of simulated people."""
        return rng.choice(self.options, size=size, p=self.probability)


@functools.cache
def distribution(name: str) -> Reference:
    """A distribution of `references.toml` on 0, 1, ..., 100 %.

    The table holds moments, shares at salient numbers and shares of three classes, not a sample. Within the
    classes probability is w(k) exp(a k + b k^2), with the a and b that give mean and SD, and a weight w that
    people's liking of round numbers suggests: 10 for tens, 5 for other fives, 1 for the rest. Against the
    sample itself Wasserstein-1 is 0.7 (dictator), 0.9 (offer) and 0.9 (minimum) of 100, less than what 256
    people score by chance, and of samples of 256 drawn from it 94, 93 and 93 % lie inside the 95 % floor.
    """
    rows = constants()["distribution"]
    row = rows[choose("human distribution", name, rows)]
    k = np.arange(101.0)
    liking = np.where(k % 10 == 0, 10.0, np.where(k % 5 == 0, 5.0, 1.0))

    def probability(tilt: NDArray) -> NDArray:
        p = np.zeros(101)
        for place, share in row["atoms"].items():
            p[int(place)] = share
        for low, high, share in row["classes"]:
            x = k[low : high + 1] / 100
            raw = liking[low : high + 1] * np.exp(tilt[0] * x + tilt[1] * x * x)
            p[low : high + 1] = share * raw / raw.sum()
        return p / p.sum()

    def miss(tilt: NDArray) -> list[float]:
        p = probability(tilt)
        square = row["mean"] ** 2 + row["sd"] ** 2
        return [float(p @ k - row["mean"]) / 100, float(p @ k**2 - square) / 1e4]

    found = scipy.optimize.root(miss, np.array([0.0, -1.0]))
    if not found.success or max(map(abs, miss(found.x))) > 1e-6:
        raise OptionError(f"{name}: no distribution has the moments and shares of references.toml")
    note = "reconstructed from moments and shares"
    return Reference(
        name, row["label"], k, probability(found.x), row["n"], row["source"], row["status"], note
    )
