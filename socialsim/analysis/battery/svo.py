"""Social value orientation: the angle of allocations to oneself and another, of transitive choosers only."""

import dataclasses

import numpy as np
import scipy.stats
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from socialsim.analysis import statistics
from socialsim.analysis.battery import finding as words
from socialsim.analysis.battery import scoring, slider
from socialsim.analysis.battery.finding import Finding
from socialsim.analysis.battery.references import figure
from socialsim.core.errors import OptionError


@dataclasses.dataclass(frozen=True)
class SVO:
    """The SVO slider measure of a sample of choosers, each with choices on six or fifteen items.

    Uniform choices have a mean angle of 22.7 degrees, within half a degree of the prosocial cut, and half of
    them fall above it: the angle alone says nothing. So three things are asked first. Do choosers take the
    same option whatever it means (*constant chooser*)? Does anything tell the choices from uniform ones, item
    by item (else *random chooser*)? And is the share of transitive choosers above what uniform choices give
    (0.50, exact) and above what the same choosers give when their choices trade items, both at `level` (else
    *uninterpretable*)? Only then is there a category, and only transitive choosers enter the angle.

    No human distribution of angles is on record here, so the verdict on all others is *undecided*, with the
    category of the mean angle as its reason: human-likeness is not claimed.
    """

    level: float = 0.005
    least: int = 16
    shuffles: int = 400
    confidence: float = 0.95
    resamples: int = 1000
    seed: int = 0

    def measure(self, choices: ArrayLike, *, form: str = "behaviour") -> Finding:
        """choices: integers `[n, 6]` or `[n, 15]`, options 0 to 8 of each item in the order of the table.

        The figure is the mean angle, its null that of uniform choices. Category shares are in `detail` only
        where a category is given.
        """
        c = np.asarray(choices)
        if c.ndim != 2:
            raise OptionError(f"choices {c.shape}; allowed: [n, 6] or [n, 15]")
        if not len(c):
            return words.none("svo", form, words.UNDECIDED, "no choices", unit="degrees")
        degrees, fit = slider.angles(c), slider.transitive(c)
        kinds = slider.category(degrees)
        mean = statistics.undefined(int(fit.sum()), "fewer than two transitive choosers")
        if fit.sum() > 1:
            options = {"seed": self.seed, "confidence": self.confidence, "resamples": self.resamples}
            mean = statistics.bootstrap(degrees[fit], np.mean, **options)
            mean = dataclasses.replace(mean, null=figure("random_angle", "svo").value)
        verdict, reason = self._verdict(c[:, : slider.PRIMARY], fit)
        named = not verdict
        if named:
            verdict, reason = words.UNDECIDED, _category(mean)
        chance = figure("random_transitive", "svo").value
        detail = {"transitive": float(fit.mean()), "transitive_by_chance": chance}
        if named:
            share = np.bincount(kinds[fit], minlength=4) / max(fit.sum(), 1)
            detail |= {f"share_{k}": float(s) for k, s in zip(slider.CATEGORIES, share, strict=True)}
        cuts = figure("prosocial_above", "svo")
        return Finding(
            assay="svo",
            form=form,
            unit="degrees",
            figure=mean,
            verdict=verdict,
            reason=reason,
            chance=figure("random_angle", "svo").value,
            source=cuts.source,
            status=cuts.status,
            detail=detail,
            table=xr.Dataset(
                {
                    "angle": ("subject", degrees),
                    "transitive": ("subject", fit),
                    "category": ("subject", kinds),
                }
            ),
        )

    def _verdict(self, c: NDArray, fit: NDArray) -> tuple[str, str]:
        """A verdict where the choosers have no category, else empty."""
        if (c == c[:, :1]).all(1).mean() >= scoring.CONSTANT_SHARE:
            return words.CONSTANT, "takes the same option of every item, whatever it means"
        if len(c) < self.least:
            return words.UNDECIDED, f"{len(c)} choosers; {self.least} or more tell something"
        counts = np.stack([np.bincount(item, minlength=slider.POINTS) for item in c.T])
        expected = len(c) / slider.POINTS
        chi = float(((counts - expected) ** 2).sum() / expected)
        if chi <= scipy.stats.chi2.ppf(1 - self.level, slider.PRIMARY * (slider.POINTS - 1)):
            return words.RANDOM, "nothing tells the choices from uniform ones, so the angle means nothing"
        chance = figure("random_transitive", "svo").value
        above = scipy.stats.binomtest(int(fit.sum()), len(c), chance, alternative="greater").pvalue
        rng = np.random.default_rng(self.seed)
        mixed = rng.permuted(np.broadcast_to(c, (self.shuffles, *c.shape)), axis=-1)
        shuffled = np.quantile(slider.transitive(mixed).mean(-1), 1 - self.level)
        if above >= self.level or fit.mean() <= shuffled:
            return words.UNINTERPRETABLE, "no more transitive than choosers who do not heed what options mean"
        return "", ""


def _category(mean: statistics.Estimate) -> str:
    kind, low, high = (
        slider.CATEGORIES[int(slider.category(d))] for d in (mean.estimate, mean.low, mean.high)
    )
    reach = "" if low == high else ", though the interval reaches into other categories"
    return f"the mean angle is that of a {kind}{reach}; no human distribution of angles is on record"
