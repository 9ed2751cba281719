"""Distances to a human distribution, what chance gives, and choosers that are no judges at all."""

import dataclasses
import functools

import numpy as np
import scipy.stats
from numpy.typing import ArrayLike, NDArray

from socialsim.analysis.battery.references import Reference
from socialsim.core.errors import OptionError

CONSTANT_SHARE = 0.95  # of choices that are one and the same: a constant chooser


def wasserstein(p: ArrayLike, q: ArrayLike, options: ArrayLike) -> NDArray:
    """Wasserstein-1 distance of distributions `[..., K]` over ordered options `[K]`, in units of those."""
    apart = np.cumsum(np.asarray(p, float) - np.asarray(q, float), axis=-1)[..., :-1]
    return np.asarray(np.abs(apart) @ np.diff(np.asarray(options, float)))


def shares(choices: ArrayLike, options: ArrayLike) -> NDArray:
    """Share of each option `[..., K]` among choices `[..., n]`; OptionError where one is no option."""
    x, k = np.asarray(choices, float), np.asarray(options, float)
    place = np.abs(x[..., None] - k).argmin(-1)
    if not x.size or not np.isfinite(x).all() or not np.allclose(k[place], x, atol=1e-6):
        raise OptionError(f"choices {np.unique(x)[:8]}; allowed: one or more of the options {k}")
    flat = place.reshape(-1, x.shape[-1]) + len(k) * np.arange(place[..., 0].size)[:, None]
    counts = np.bincount(flat.ravel(), minlength=len(k) * len(flat))
    return counts.reshape(*x.shape[:-1], len(k)) / x.shape[-1]


@dataclasses.dataclass(frozen=True)
class Floor:
    """What n draws from a distribution score against that distribution: mean and the 95 % point."""

    mean: float
    low: float
    high: float


@functools.lru_cache(maxsize=256)
def _floor(p: bytes, k: bytes, n: int, draws: int, seed: int, level: float) -> Floor:
    probability, options = np.frombuffer(p), np.frombuffer(k)
    rng = np.random.default_rng(seed)
    scored = np.empty(draws)
    step = max(1, 2_000_000 // len(options))
    for start in range(0, draws, step):
        size = min(step, draws - start)
        seen = rng.multinomial(n, probability / probability.sum(), size=size) / n
        scored[start : start + size] = wasserstein(seen, probability, options)
    low, high = np.quantile(scored, [1 - level, level])
    return Floor(float(scored.mean()), float(low), float(high))


def floor(reference: Reference, n: int, *, draws: int = 4000, seed: int = 0, level: float = 0.95) -> Floor:
    """The noise floor of `n` choices: nobody, however human, scores reliably below its mean."""
    p, k = (np.ascontiguousarray(x, float).tobytes() for x in (reference.probability, reference.options))
    return _floor(p, k, n, draws, seed, level)


def uniform(reference: Reference) -> Reference:
    """A chooser who takes every option alike, over the same options."""
    count = len(reference.options)
    return dataclasses.replace(
        reference, name="uniform", probability=np.full(count, 1 / count), source="", status="derived"
    )


def constant(share: NDArray, options: NDArray) -> str:
    """The name of a chooser who (nearly) always takes one option, else empty."""
    top = int(share.argmax())
    if share[top] < CONSTANT_SHARE:
        return ""
    if top in (0, len(options) - 1):
        return f"constant chooser: always the {'least' if top == 0 else 'most'}"
    return f"constant chooser: always {options[top]:g}"


def like_uniform(share: NDArray, reference: Reference, n: int) -> bool:
    """Nothing tells these choices from uniform ones: both W1 and chi-squared lie within 99.9 % of chance."""
    flat = uniform(reference)
    near = wasserstein(share, flat.probability, flat.options) <= floor(flat, n, level=0.999).high
    count = len(share)
    chi = n * count * float(((share - 1 / count) ** 2).sum())
    return bool(near) and chi <= chi_bound(count)


def chi_bound(count: int, level: float = 0.999) -> float:
    """What chi-squared of uniform choices among `count` options stays below, so often."""
    return float(scipy.stats.chi2.ppf(level, count - 1))
