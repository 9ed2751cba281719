"""Is the whole distribution of choices like people's? Dictator, ultimatum offers, ultimatum minima."""

import dataclasses

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from socialsim.analysis import statistics
from socialsim.analysis.battery import finding as words
from socialsim.analysis.battery import scoring
from socialsim.analysis.battery.finding import Finding
from socialsim.analysis.battery.references import Reference, distribution
from socialsim.core.errors import OptionError


@dataclasses.dataclass(frozen=True)
class DistributionAssay:
    """Wasserstein-1 distance of choices to the human distribution `name`, in percent points.

    The distance's null is what as many people score by chance: mean, and null_high its 95 % point, the
    floor. `score` is (W1 - floor mean) / (W1 of uniform choices - floor mean): 0 like people, 1 like a random
    chooser, above 1 worse.

    Verdicts, in this order: *constant chooser*, where 95 % of choices are one and the same; *random chooser*,
    where nothing tells them from uniform ones while something tells them from people's; *undecided*, with
    fewer than `least` choices or where the floor is too high to tell people from uniform choices;
    *human-like*, within the floor; *nearer to people than chance*, where the interval of the score ends
    below 1; else *unlike people*. Whatever does not differ from uniform choices is never human-like.

    confidence, resamples, seed: of the bootstrap.  draws: of the floor.
    """

    name: str = "dictator"
    least: int = 16
    confidence: float = 0.95
    resamples: int = 1000
    draws: int = 4000
    seed: int = 0

    def __post_init__(self):
        statistics.check_confidence(self.confidence)
        statistics.check_resamples(self.resamples)
        distribution(self.name)

    def reference(self, options: ArrayLike | None = None) -> Reference:
        """People with only these options, in percent; by default every whole percent."""
        people = distribution(self.name)
        return people if options is None else people.on(options)

    def distance(self, choices: ArrayLike, options: ArrayLike | None = None) -> NDArray:
        """W1 of choices `[..., n]` to people's."""
        people = self.reference(options)
        share = scoring.shares(choices, people.options)
        return scoring.wasserstein(share, people.probability, people.options)

    def measure(
        self,
        choices: ArrayLike,
        *,
        options: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        form: str = "behaviour",
    ) -> Finding:
        """choices: `[n]` in percent.  options: what there was to choose, by default 0 to 100 in ones;
        people's choices are moved to the nearest.  groups: `[n]`, resampled whole (rounds of one game); n of
        the floor is then the number of groups, as if each had chosen once.
        """
        x = np.asarray(choices, float)
        if x.ndim != 1:
            raise OptionError(f"choices {x.shape}; allowed: [n]")
        if not len(x):
            return words.none(self.name, form, words.UNDECIDED, "no choices")
        people = self.reference(options)
        k = people.options
        share = scoring.shares(x, k)
        each = np.arange(len(x)) if groups is None else np.unique(groups, return_inverse=True)[1]
        n = int(each.max()) + 1
        flat = scoring.uniform(people)
        floor = scoring.floor(people, n, draws=self.draws, seed=self.seed)
        apart = float(scoring.wasserstein(share, people.probability, k))
        chance = float(scoring.wasserstein(flat.probability, people.probability, k))
        low, high = self._interval(x, k, each, n, people)
        figure = statistics.Estimate(
            apart, low, high, n, null=floor.mean, null_low=floor.low, null_high=floor.high
        )
        span = chance - floor.mean
        score = {
            name: (value - floor.mean) / span if span > 0 else np.nan
            for name, value in (("score", apart), ("score_low", low), ("score_high", high))
        }
        verdict, reason = self._verdict(share, people, apart, chance, floor, n, score["score_high"])
        table = xr.Dataset(
            {
                "share": ("option", share),
                "people": ("option", people.probability),
                "uniform": ("option", flat.probability),
            },
            coords={"option": k},
        )
        detail = {**score, "uniform": chance, "mean": float(x.mean()), "people_mean": people.mean}
        detail |= {"zero": float((x == 0).mean()), "half": float((x == 50).mean())}
        return Finding(
            assay=self.name,
            form=form,
            unit="W1, percent points",
            figure=figure,
            verdict=verdict,
            reason=reason,
            human=floor.mean,
            human_low=0.0,
            human_high=floor.high,
            human_range=words.FLOOR,
            chance=chance,
            source=people.source + (f"; {people.note}" if people.note else ""),
            status=people.status,
            detail=detail,
            table=table.assign_attrs(label=people.label),
        )

    def _interval(self, x, k, each, n, people) -> tuple[float, float]:
        if n < 2:
            return np.nan, np.nan
        place = np.abs(x[:, None] - k).argmin(-1)
        counts = np.zeros((n, len(k)))
        np.add.at(counts, (each, place), 1.0)
        rng = np.random.default_rng(self.seed)
        drawn = statistics.cluster_counts(n, self.resamples, rng) @ counts
        drawn /= drawn.sum(1, keepdims=True)
        scored = scoring.wasserstein(drawn, people.probability, k)
        low, high = statistics.percentiles(scored, self.confidence, size=n)
        return float(low), float(high)

    def _verdict(self, share, people, apart, chance, floor, n, score_high) -> tuple[str, str]:
        if stuck := scoring.constant(share, people.options):
            return words.CONSTANT, stuck
        flat = scoring.like_uniform(share, people, n)
        if flat and apart > floor.high:
            return words.RANDOM, "nothing tells the choices from uniform ones"
        if n < self.least:
            return words.UNDECIDED, f"{n} independent choices; {self.least} or more tell something"
        spread = scoring.floor(scoring.uniform(people), n, draws=self.draws, seed=self.seed)
        if floor.high >= chance - spread.high:
            return words.UNDECIDED, "so few choices do not tell people from random choosers"
        if flat:
            return words.RANDOM, "nothing tells the choices from uniform ones"
        if apart <= floor.high:
            return words.HUMAN, "within what as many people score by chance"
        if score_high < 1:
            return words.NEARER, "beyond what people score by chance, nearer than uniform choices"
        return words.UNLIKE, "no nearer to people than uniform choices"
