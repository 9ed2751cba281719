"""Shapes that carry over where scales do not: how value falls with delay, and the circle of values."""

import dataclasses

import numpy as np
import scipy.optimize
import scipy.spatial
import scipy.stats
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from socialsim.analysis import statistics
from socialsim.analysis.battery import finding as words
from socialsim.analysis.battery.finding import Finding
from socialsim.core.errors import OptionError

LAWS = {"hyperbolic": lambda d, k: 1 / (1 + k * d), "exponential": lambda d, k: np.exp(-k * d)}
KIRBY = "Kirby, Petry & Bickel 1999 (shape only; the time scale is not portable)"


@dataclasses.dataclass(frozen=True)
class Discounting:
    """Is value discounted hyperbolically, A/(1 + kD), as by people, or exponentially?

    The figure is the difference in log mean squared error, exponential minus hyperbolic, averaged over judges
    (above 0: hyperbolic fits better), with a bootstrap over judges; the null is 0. Both laws have two
    parameters, A and k. *Human-like* in shape where the interval lies above 0, *unlike people* below it;
    values that do not fall with delay at all (Spearman not below 0 at p < .05) are *not applicable*; the same
    value at every delay is a *constant chooser*. A head of exponentially discounted returns should come out
    exponential: a check of the assay.
    """

    least: int = 3
    confidence: float = 0.95
    resamples: int = 1000
    seed: int = 0

    def fit(self, delay: NDArray, value: NDArray, law: str) -> tuple[float, float, float]:
        """(A, k, mean squared error); A in closed form for each k."""
        f = LAWS[law]

        def loss(log_k, whole=False):
            g = f(delay, np.exp(log_k))
            a = (g @ value) / (g @ g)
            error = float(((value - a * g) ** 2).mean())
            return (float(a), float(np.exp(log_k)), error) if whole else error

        grid = np.linspace(-8, 4, 121) - np.log(max(float(delay.max()), 1e-9) / 10)
        near = grid[np.argmin([loss(g) for g in grid])]
        best = scipy.optimize.minimize_scalar(loss, bounds=(near - 0.15, near + 0.15), method="bounded")
        return loss(best.x, True)  # type: ignore[attr-defined, return-value]

    def measure(self, delay: ArrayLike, value: ArrayLike, *, form: str = "behaviour") -> Finding:
        """delay: `[m]`.  value: `[judge, m]`, indifference points or values of what comes so much later."""
        d, v = np.asarray(delay, float), np.atleast_2d(np.asarray(value, float))
        if d.ndim != 1 or len(d) < 4 or v.shape[1:] != d.shape:
            raise OptionError(f"delay {d.shape}, value {v.shape}; allowed: [m] and [judge, m], m at least 4")

        def finding(figure, verdict: str, reason: str, **more) -> Finding:
            unit = "log error, exponential - hyperbolic"
            kept = {"source": KIRBY, "status": "verified", **more}
            return Finding("discounting", form, unit, figure, verdict, reason, **kept)

        if (np.ptp(v, axis=1) <= 1e-9 * np.maximum(np.abs(v).max(1), 1e-30)).all():
            none = statistics.undefined(len(v), "value does not vary")
            return finding(none, words.CONSTANT, none.reason)
        rho, p = scipy.stats.spearmanr(np.tile(d, len(v)), v.ravel())
        if not (rho < 0 and p < 0.05):  # type: ignore[operator]
            none = statistics.undefined(len(v), "value does not fall with delay")
            return finding(none, words.NOT_APPLICABLE, none.reason)
        fits = {law: np.array([self.fit(d, row, law) for row in v]) for law in LAWS}
        error = {law: np.maximum(f[:, 2], 1e-12 * v.var()) for law, f in fits.items()}
        gap = np.log(error["exponential"]) - np.log(error["hyperbolic"])
        if len(gap) < self.least:
            found = statistics.Estimate(float(gap.mean()), np.nan, np.nan, len(gap), null=0.0)
            verdict, reason = words.UNDECIDED, f"fewer than {self.least} judges"
        else:
            options = {"seed": self.seed, "confidence": self.confidence, "resamples": self.resamples}
            found = dataclasses.replace(statistics.bootstrap(gap, np.mean, **options), null=0.0)
            shape = "hyperbolic" if found.low > 0 else "exponential" if found.high < 0 else ""
            verdict = {"hyperbolic": words.HUMAN, "exponential": words.UNLIKE, "": words.UNDECIDED}[shape]
            reason = f"{shape} in shape" if shape else "both laws fit alike"
        k = {f"k_{law}": float(np.median(f[:, 1])) for law, f in fits.items()}
        table = xr.Dataset({"value": (("judge", "delay"), v)}, coords={"delay": d})
        return finding(found, verdict, reason, detail=k, table=table)


@dataclasses.dataclass(frozen=True)
class ValueCircle:
    """Do values lie on Schwartz's circle? Procrustes congruence of scaled dissimilarities with a circle in
    the order given, against permuted labels.

    Needs six signals or more; with fewer it is *not applicable*: any three points lie on a circle.
    """

    order: tuple[str, ...] = ()
    shuffles: int = 1000
    least: int = 6
    seed: int = 0

    def measure(self, values: xr.DataArray, *, form: str = "behaviour") -> Finding:
        """values: `[subject, signal]`, what each subject makes of each signal."""
        if values.dims != ("subject", "signal"):
            raise OptionError(f"values have dims {values.dims}; allowed: ('subject', 'signal')")
        names = [str(s) for s in values["signal"].values]

        def finding(figure, verdict: str, reason: str) -> Finding:
            found = Finding("value_circle", form, "congruence", figure, verdict, reason)
            return dataclasses.replace(found, source="Schwartz's circular structure", status="verified")

        if len(names) < self.least:
            reason = f"{len(names)} signals; the circle needs {self.least} or more"
            none = statistics.undefined(values.sizes["subject"], reason)
            return finding(none, words.NOT_APPLICABLE, reason)
        order = self.order or tuple(names)
        if set(order) != set(names):
            raise OptionError(f"order {order}; allowed: the signals {names}, each once")
        with np.errstate(invalid="ignore", divide="ignore"):
            r = np.corrcoef(values.sel(signal=list(order)).values.T)
        if not np.isfinite(r).all():
            none = statistics.undefined(values.sizes["subject"], "a signal that all subjects value alike")
            return finding(none, words.CONSTANT, none.reason)
        count = len(order)
        turn = 2 * np.pi * np.arange(count) / count
        circle = np.stack([np.cos(turn), np.sin(turn)], -1)
        centre = np.eye(count) - 1 / count
        size, axes = np.linalg.eigh(-0.5 * centre @ (2 * (1 - r)) @ centre)
        points = axes[:, -2:] * np.sqrt(np.maximum(size[-2:], 1e-12))
        rng = np.random.default_rng(self.seed)
        fit = _congruence(points, circle)
        null = [_congruence(points[rng.permutation(count)], circle) for _ in range(self.shuffles)]
        number = values.sizes["subject"]
        found = statistics.Estimate(fit, np.nan, np.nan, number, **statistics.null_band(null))
        beyond = fit > np.quantile(null, 0.95)
        verdict = words.HUMAN if beyond else words.UNLIKE
        reason = (
            "closer to the circle than 95 % of permuted orders"
            if beyond
            else "no closer than permuted orders"
        )
        return finding(found, verdict, reason)


def _congruence(points: NDArray, circle: NDArray) -> float:
    return float(1 - scipy.spatial.procrustes(circle, points)[2])
