"""Inequity aversion: Fehr and Schmidt's alpha and beta (1999) from choices among allocations."""

import dataclasses

import numpy as np
import scipy.optimize
import scipy.special
import scipy.stats
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from socialsim.analysis import statistics
from socialsim.analysis.battery import finding as words
from socialsim.analysis.battery.finding import Finding
from socialsim.analysis.battery.references import figure
from socialsim.core.errors import OptionError

BOUND = 5.0  # |alpha|, |beta| beyond which a fit has run away


def terms(menus: ArrayLike) -> NDArray:
    """`[..., K, 3]` of menus `[..., K, 2]`: own, minus what one is behind, minus what one is ahead."""
    own, other = np.moveaxis(np.asarray(menus, float), -1, 0)
    return np.stack([own, -np.maximum(other - own, 0), -np.maximum(own - other, 0)], -1)


@dataclasses.dataclass(frozen=True)
class InequityAversion:
    """Maximum-likelihood alpha and beta of softmax choice by own - alpha max(other - own, 0) - beta
    max(own - other, 0), one set of parameters for all choosers, with a bootstrap over choosers.

    Gives two findings. The null is the fit of choices that trade places among options at random. Where the
    own payoff does not raise choice, or the model does not beat uniform choice (likelihood ratio, p < .01),
    the sample is *uninterpretable*: alpha and beta are ratios to a weight that is not there. *Human-like*
    where the whole interval lies within the published one; *undecided* where it only overlaps.
    """

    least: int = 16
    confidence: float = 0.95
    resamples: int = 200
    seed: int = 0

    def fit(self, features: NDArray, counts: NDArray) -> NDArray:
        """(weight of own payoff, alpha, beta) of features `[I, K, 3]` and how often each option was taken
        `[I, K]`, which is all that the likelihood asks for."""
        scaled, asked = features / 50.0, counts.sum(-1)
        picked = np.einsum("ik,ikc->c", counts, scaled)

        def loss(b):
            v = scaled @ b
            p = scipy.special.softmax(v, axis=-1)
            grad = asked @ np.einsum("ik,ikc->ic", p, scaled) - picked
            value = asked @ scipy.special.logsumexp(v, axis=-1) - picked @ b
            return value + 1e-4 * b @ b, grad + 2e-4 * b

        b = scipy.optimize.minimize(loss, np.zeros(3), jac=True, method="BFGS").x
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.array([b[0], b[1] / b[0], b[2] / b[0]])

    def measure(
        self, menus: ArrayLike, chosen: ArrayLike, *, form: str = "behaviour"
    ) -> tuple[Finding, Finding]:
        """menus: `[I, K, 2]` allocations (own, other).  chosen: `[n, I]`, which option each took of each."""
        m, c = np.asarray(menus, float), np.asarray(chosen, int)
        if m.ndim != 3 or m.shape[-1] != 2 or c.ndim != 2 or c.shape[1] != len(m):
            raise OptionError(f"menus {m.shape}, chosen {c.shape}; allowed: [I, K, 2] and [n, I]")
        n = len(c)
        if n < 2:
            return tuple(  # type: ignore[return-value]
                words.none(k, form, words.UNDECIDED, "fewer than two choosers") for k in ("alpha", "beta")
            )
        features = terms(m)
        taken = np.eye(m.shape[1])[c]  # [n, I, K]
        whole = self.fit(features, taken.sum(0))
        rng = np.random.default_rng(self.seed)
        weights = statistics.cluster_counts(n, self.resamples, rng)
        draws = np.array([self.fit(features, each) for each in np.tensordot(weights, taken, 1)])
        b = np.array([whole[0], whole[0] * whole[1], whole[0] * whole[2]])
        v = scipy.special.log_softmax(features / 50.0 @ b, -1)
        gain = (taken.sum(0) * (v + np.log(m.shape[1]))).sum()
        told = 2 * gain > scipy.stats.chi2.ppf(0.99, 3)
        low_own = float(np.quantile(draws[:, 0], 0.025))
        same = (c == c[:, :1]).all()
        found = []
        for place, name in ((1, "alpha"), (2, "beta")):
            low, high = statistics.percentiles(draws[:, place], self.confidence, size=n)
            estimate = statistics.Estimate(float(whole[place]), float(low), float(high), n)
            people = figure(name)
            verdict, reason = self._verdict(estimate, people, bool(told), low_own, bool(same))
            if verdict in words.DEGENERATE:
                estimate = statistics.undefined(n, reason)
            found.append(
                Finding(
                    assay=name,
                    form=form,
                    unit="Fehr-Schmidt",
                    figure=estimate,
                    verdict=verdict,
                    reason=reason,
                    human=people.value,
                    human_low=people.low,
                    human_high=people.high,
                    human_range=words.PUBLISHED,
                    source=people.source,
                    status=people.status,
                    detail={
                        "own_weight": float(whole[0]),
                        "bits_per_choice": float(gain / c.size / np.log(2)),
                    },
                    table=xr.Dataset({"draw": ("resample", draws[:, place])}),
                )
            )
        return found[0], found[1]

    def _verdict(self, e, people, told: bool, low_own: float, same: bool) -> tuple[str, str]:
        if same:
            return words.CONSTANT, "takes the same option of every menu"
        if not told:
            return words.RANDOM, "payoffs tell nothing of the choices"
        if not low_own > 0:
            return words.UNINTERPRETABLE, "own payoff is not shown to matter, so nothing can be weighed by it"
        if e.n < self.least or not max(abs(e.low), abs(e.high)) < BOUND:
            return words.UNDECIDED, "choices leave the parameter too uncertain"
        if people.low <= e.low and e.high <= people.high:
            return words.HUMAN, "the whole interval lies within that of the meta-analysis"
        if e.high < people.low or e.low > people.high:
            return words.UNLIKE, "the interval lies off that of the meta-analysis"
        return words.UNDECIDED, "the interval overlaps that of the meta-analysis"
