"""One number beside one human number: means in games, conformity, gaze."""

import dataclasses

import numpy as np
import scipy.stats
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from socialsim.analysis import statistics
from socialsim.analysis.battery import finding as words
from socialsim.analysis.battery import scoring
from socialsim.analysis.battery.finding import Finding
from socialsim.analysis.battery.references import figure
from socialsim.core.errors import OptionError


def _row_mean(values, axis):
    return values.mean(axis)


@dataclasses.dataclass(frozen=True)
class MeanAssay:
    """The mean of choices from 0 to 1 beside a human mean, where no human distribution is on record.

    The test of likeness is weak and says so: the verdict is *human-like* only in the mean, where the interval
    holds the human figure and is no wider than `width`; a *constant* or *random chooser* is named first,
    whatever its mean (half of everything is what people send, and what a random chooser sends).

    name: of the human figure.  The null is the mean of uniform choices.
    """

    name: str = "trust_sent"
    least: int = 16
    width: float = 0.2
    confidence: float = 0.95
    resamples: int = 1000
    seed: int = 0

    def measure(
        self,
        choices: ArrayLike,
        *,
        options: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        form: str = "behaviour",
    ) -> Finding:
        """choices: `[n]` from 0 to 1.  options: what there was to choose, evenly spread, by default tenths
        (choices between count as the nearest when degenerate choosers are looked for).  groups: `[n]`,
        averaged first, so that n counts them."""
        x = np.asarray(choices, float)
        if x.ndim != 1 or (len(x) and not (np.isfinite(x).all() and x.min() >= 0 and x.max() <= 1)):
            raise OptionError(f"choices {x.shape}; allowed: [n], each from 0 to 1")
        people = figure(self.name)
        if not len(x):
            return words.none(self.name, form, words.UNDECIDED, "no choices", unit="share")
        k = np.linspace(0, 1, 11) if options is None else np.asarray(options, float)
        share = scoring.shares(k[np.abs(x[:, None] - k).argmin(-1)], k)
        mean = x
        if groups is not None:
            sums = statistics.cluster_sums(groups, x, np.ones_like(x))
            mean = sums[:, 0] / sums[:, 1]
        settings = {"seed": self.seed, "confidence": self.confidence, "resamples": self.resamples}
        found = statistics.bootstrap(mean, _row_mean, within=(0.0, 1.0), **settings)
        if len(mean) < 2:
            found = statistics.Estimate(float(mean.mean()), np.nan, np.nan, len(mean), reason="one unit")
        found = dataclasses.replace(found, null=float(k.mean()))
        verdict, reason = self._verdict(found, share, k, people.value)
        return Finding(
            assay=self.name,
            form=form,
            unit="share",
            figure=found,
            verdict=verdict,
            reason=reason,
            human=people.value,
            chance=found.null,
            source=people.source,
            status=people.status,
            detail={"difference": found.estimate - people.value},
            table=xr.Dataset({"share": ("option", share)}, coords={"option": k}),
        )

    def _verdict(self, found, share, k, people: float) -> tuple[str, str]:
        if stuck := scoring.constant(share, k):
            return words.CONSTANT, stuck
        count, n = len(k), found.n
        chi = n * count * float(((share - 1 / count) ** 2).sum())
        if n >= self.least and chi <= scoring.chi_bound(count):
            return words.RANDOM, "nothing tells the choices from uniform ones"
        if n < self.least or not np.isfinite(found.low) or found.high - found.low > self.width:
            return words.UNDECIDED, f"{n} independent choices leave the mean too uncertain"
        if found.low <= people <= found.high:
            return words.HUMAN, "in the mean only: no human distribution is on record"
        near = abs(found.estimate - people) < abs(found.null - people)
        return (words.NEARER if near else words.UNLIKE), "the interval of the mean leaves the human mean out"


@dataclasses.dataclass(frozen=True)
class RateAssay:
    """How often something is done, beside a human rate and a rate by chance.

    null: the rate measured where there is nothing to respond to (retests without a majority, glances without
    starers). Without response above it nothing is *human-like*: a random chooser that follows half of all
    majorities and leaves half of its own choices too is a *random chooser*. The floor are the rates that so
    many people show by chance, binomially; inside it, above the null: *human-like*. Never or always done is
    a *constant chooser*.

    Cases that belong together (moments of one episode) are resampled together, and the floor is that of as
    many people as they are worth: p (1 - p) over the variance of the rate, no more than there are cases.
    """

    name: str = "conformity"
    least: int = 16
    confidence: float = 0.95
    resamples: int = 1000
    draws: int = 20_000
    seed: int = 0

    def measure(
        self,
        done: ArrayLike,
        *,
        null: ArrayLike = (),
        groups: ArrayLike | None = None,
        null_groups: ArrayLike | None = None,
        form: str = "behaviour",
    ) -> Finding:
        """done: `[n]` true where it was done.  null: `[m]` the same where there was nothing to respond to.
        groups, null_groups: `[n]` and `[m]`, which cases belong together; n of the figure counts groups."""
        x, y = np.asarray(done, bool).ravel(), np.asarray(null, bool).ravel()
        people = figure(self.name)
        if not len(x):
            return words.none(self.name, form, words.UNDECIDED, "nothing to respond to was met", unit="rate")
        rate, n, worth = self._rate(x, groups)
        base, controls, _ = self._rate(y, null_groups) if len(y) else ((np.nan,) * 3, 0, 0)
        found = statistics.Estimate(*rate, n, null=base[0], null_low=base[1], null_high=base[2])
        rng = np.random.default_rng(self.seed)
        floor = np.quantile(rng.binomial(worth, people.value, self.draws) / worth, [0.025, 0.975])
        verdict, reason = self._verdict(found, controls, people.value, floor)
        return Finding(
            assay=self.name,
            form=form,
            unit="rate",
            figure=found,
            verdict=verdict,
            reason=reason,
            human=people.value,
            human_low=float(floor[0]),
            human_high=float(floor[1]),
            human_range=words.FLOOR,
            chance=found.null,
            source=people.source,
            status=people.status,
        )

    def _verdict(self, found, controls: int, people: float, floor) -> tuple[str, str]:
        if found.estimate in (0.0, 1.0) and found.n >= self.least:
            return words.CONSTANT, f"constant chooser: {'never' if found.estimate == 0 else 'always'} does it"
        if found.n < self.least or controls < self.least:
            return (
                words.UNDECIDED,
                f"{found.n} cases, {controls} controls; {self.least} or more of each needed",
            )
        if not found.low > found.null_high:
            return words.RANDOM, "done no more often than with nothing to respond to"
        if floor[0] <= found.estimate <= floor[1]:
            return words.HUMAN, "within what as many people show by chance"
        near = abs(found.estimate - people) < abs(found.null - people)
        return (words.NEARER if near else words.UNLIKE), "outside what as many people show by chance"

    def _rate(self, x: NDArray, groups: ArrayLike | None) -> tuple[tuple[float, float, float], int, int]:
        """(rate, low, high), how many groups, how many independent cases they are worth."""
        rate = float(x.mean())
        if groups is None:
            return (rate, *_wilson(x, self.confidence)), len(x), len(x)
        sums = statistics.cluster_sums(groups, x, np.ones_like(x, float))
        n = len(sums)
        if n < 2:
            return (rate, np.nan, np.nan), n, n
        drawn = statistics.cluster_counts(n, self.resamples, np.random.default_rng(self.seed)) @ sums
        rates = drawn[:, 0] / drawn[:, 1]
        low, high = statistics.percentiles(rates, self.confidence, size=n, within=(0.0, 1.0))
        spread = float(rates.var())
        worth = len(x) if spread == 0 else int(np.clip(rate * (1 - rate) / spread, 1, len(x)))
        return (rate, float(low), float(high)), n, worth


def _wilson(x, confidence: float) -> tuple[float, float]:
    interval = scipy.stats.binomtest(int(x.sum()), len(x)).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)
