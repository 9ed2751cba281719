"""Thurstone's model of preferences: P(A over B) = Phi((mu_A - mu_B) / sqrt(s_A^2 + s_B^2)).

Is there one scale of worth behind many choices? Thurstone (1927); fitted by maximum likelihood and judged by
held-out accuracy and by cyclic triads after Mazeika et al. (2025). One value head by itself is a number per
scene and so never cyclic: what can be inconsistent are the choices of many judges (seeds, agents, contexts).
"""

import dataclasses

import numpy as np
import scipy.optimize
import scipy.special
import threadpoolctl
import xarray as xr
from matplotlib.figure import Figure
from numpy.typing import NDArray

from socialsim.analysis import plots, statistics
from socialsim.core.errors import OptionError, integer


def choices(values: xr.DataArray) -> xr.DataArray:
    """What each judge chooses of every pair: `values [judge, item]` -> `[judge, item, other]`.

    1 where the judge values `item` above `other`, 1/2 at ties, 0 on the diagonal.
    """
    if values.dims != ("judge", "item"):
        raise OptionError(f"values have dims {values.dims}; allowed: ('judge', 'item')")
    x = values.values[:, :, None] - values.values[:, None, :]
    wins = np.where(np.eye(x.shape[1], dtype=bool), 0.0, (x > 0) + 0.5 * (x == 0))
    items = values["item"].values
    return xr.DataArray(wins, dims=("judge", "item", "other"), coords={"item": items, "other": items})


def cyclic_triads(wins: NDArray) -> tuple[int, int]:
    """How many triads are cyclic (A over B over C over A) by majority, and how many could be.

    wins: `[N, N]`. Triads with a tie are left out of both (Kendall & Babington Smith 1940).
    """
    over = (wins > wins.T).astype(float)
    decided = over + over.T
    return round(np.trace(over @ over @ over) / 3), round(np.trace(decided @ decided @ decided) / 6)


@dataclasses.dataclass(frozen=True)
class Thurstone:
    """Fit the model to choices.

    equal: one spread for all items (Thurstone's case V) instead of one each (case III).  prior: standard
    deviation of a normal prior on mu and on log s, in units of the typical spread, which keeps items that
    win always at a finite place.  folds: of pairs, for held-out accuracy.  confidence, resamples: of the
    bootstrap over judges.  shuffles: of the null of accuracy, each of which fits every fold anew, and of that
    of cycles.  seed.
    """

    equal: bool = False
    prior: float = 3.0
    folds: int = 5
    confidence: float = 0.95
    resamples: int = 200
    shuffles: int = 100
    seed: int = 0

    def __post_init__(self):
        statistics.check_confidence(self.confidence)
        statistics.check_resamples(self.resamples)
        integer("folds", self.folds, low=2)
        integer("shuffles", self.shuffles, low=1)
        if not self.prior > 0:
            raise OptionError(f"prior={self.prior}; allowed: more than 0")

    def fit(self, wins: NDArray, start: NDArray | None = None) -> NDArray:
        """Maximum a posteriori mu (mean 0) and log s (mean 0, so that the typical spread is 1): `[2, N]`."""
        n = len(wins)

        def loss(flat):
            mu, log_s = flat.reshape(2, n)
            log_s = np.zeros(n) if self.equal else log_s
            square = np.exp(2 * log_s)
            below = np.sqrt(square[:, None] + square[None])
            z = (mu[:, None] - mu[None]) / below
            log_p = scipy.special.log_ndtr(z)
            slope = wins * np.exp(-0.5 * z * z - 0.5 * np.log(2 * np.pi) - log_p)  # d(loss)/dz, negated
            d_mu = (slope / below).sum(0) - (slope / below).sum(1)
            turned = slope * z / below**2
            d_s = (turned.sum(0) + turned.sum(1)) * square * (not self.equal)
            penalty = flat / self.prior**2
            return (
                -(wins * log_p).sum() + 0.5 * flat @ penalty,
                np.concatenate([d_mu, d_s]) + penalty,
            )

        begin = np.zeros(2 * n) if start is None else start.ravel()
        enough = {"maxiter": 300, "ftol": 1e-10}
        found = scipy.optimize.minimize(loss, begin, jac=True, method="L-BFGS-B", options=enough).x
        found = found.reshape(2, n)
        mu, log_s = found - found.mean(1, keepdims=True)
        return np.stack([mu * np.exp(-found[1].mean()), log_s])

    def __call__(self, wins: xr.DataArray) -> "Preferences":
        """wins: `[judge, item, other]`, how often each judge chose item over other (see `choices`)."""
        if wins.dims != ("judge", "item", "other") or wins.sizes["item"] < 3:
            raise OptionError(f"wins {dict(wins.sizes)}; allowed: [judge, item, other] with 3 items or more")
        table = wins.values.astype(float)
        if not np.isfinite(table).all() or (table < 0).any() or not table.sum():
            raise OptionError("wins hold negative or non-finite counts, or none; allowed: counts, 0 or more")
        rng = np.random.default_rng(self.seed)
        # Small problems in great number: more than one thread would only wait for the others.
        with threadpoolctl.threadpool_limits(1, user_api="blas"):
            items = self._items(table, rng).assign_coords(item=wins["item"].values)
            return Preferences(items, self._accuracy(table, rng), self._cycles(table, rng), len(table))

    def _items(self, table: NDArray, rng) -> xr.Dataset:
        judges, n = table.shape[:2]
        whole = self.fit(table.sum(0))
        low = high = np.full((2, n), np.nan)
        if judges > 1:
            counts = statistics.cluster_counts(judges, self.resamples, rng)
            draws = np.stack([self.fit(np.tensordot(c, table, 1), whole) for c in counts])
            low, high = np.asarray(statistics.percentiles(draws, self.confidence, size=judges))
        parts = {"": whole, "_low": low, "_high": high}
        rows = {f"mu{end}": v[0] for end, v in parts.items()} | {
            f"spread{end}": np.exp(v[1]) for end, v in parts.items()
        }
        return xr.Dataset({k: ("item", v) for k, v in rows.items()})

    def _accuracy(self, table: NDArray, rng) -> statistics.Estimate:
        """Share of choices foretold on pairs that were held out from every judge, mean over judges.

        Null: the same with each judge's items under shuffled names.
        """

        def right(table):
            pairs = np.stack(np.triu_indices(table.shape[1], 1), -1)
            fold = rng.permutation(len(pairs)) % self.folds
            hits = np.zeros(len(table))
            for f in range(self.folds):
                seen = table.copy()
                i, j = pairs[fold == f].T
                seen[:, i, j] = seen[:, j, i] = 0.0
                mu = self.fit(seen.sum(0))[0]
                first = (mu[i] > mu[j]) + 0.5 * (mu[i] == mu[j])
                hits += table[:, i, j] @ first + table[:, j, i] @ (1 - first)
            return hits / np.maximum(table.sum((1, 2)), 1e-12)

        each = right(table)
        null = [right(_mixed(table, rng)).mean() for _ in range(self.shuffles)]
        found = _mean_over_judges(each, self)
        return dataclasses.replace(found, **statistics.null_band(null))

    def _cycles(self, table: NDArray, rng) -> statistics.Estimate:
        """Share of cyclic triads of the majority; interval over judges; null: items under shuffled names."""

        def rate(table):
            cyclic, possible = cyclic_triads(table.sum(0))
            return cyclic / possible if possible else np.nan

        estimate, judges = rate(table), len(table)
        if not np.isfinite(estimate):
            return statistics.undefined(judges, "every triad has a tie")
        shuffled = statistics.null_band([rate(_mixed(table, rng)) for _ in range(self.shuffles)])
        if judges < 2:
            return statistics.Estimate(
                estimate, np.nan, np.nan, judges, **shuffled, reason="one judge: no interval"
            )
        counts = statistics.cluster_counts(judges, self.resamples, rng)
        draws = np.array([rate(c[:, None, None] * table) for c in counts])
        low, high = statistics.percentiles(draws, self.confidence, size=judges)
        return statistics.Estimate(estimate, float(low), float(high), judges, **shuffled)


def _mixed(table: NDArray, rng: np.random.Generator) -> NDArray:
    """Each judge's choices among items whose names were shuffled: consistent within, no scale in common.

    Of one judge: each pair turned round by the toss of a coin, a random tournament.
    """
    if len(table) == 1:
        toss = np.triu(rng.random(table.shape[1:]) < 0.5, 1)
        return np.where(toss | toss.T, table.swapaxes(1, 2), table)
    orders = rng.permuted(np.tile(np.arange(table.shape[1]), (len(table), 1)), axis=1)
    return np.stack([t[np.ix_(o, o)] for t, o in zip(table, orders, strict=True)])


def _mean_over_judges(each: NDArray, options: Thurstone) -> statistics.Estimate:
    if len(each) < 2:
        return statistics.Estimate(
            float(each.mean()), np.nan, np.nan, len(each), reason="one judge: no interval"
        )
    return statistics.bootstrap(
        each,
        lambda x, axis: x.mean(axis),
        seed=options.seed,
        confidence=options.confidence,
        resamples=max(options.resamples, 1000),
    )


@dataclasses.dataclass(frozen=True, eq=False)
class Preferences:
    """items: `mu`, `spread` with intervals `[item]`, in units of the typical spread.  accuracy: of held-out
    choices.  cycles: share of cyclic triads (1/4 in random tournaments).  judges: how many."""

    items: xr.Dataset
    accuracy: statistics.Estimate
    cycles: statistics.Estimate
    judges: int

    def probability(self) -> xr.DataArray:
        """P(item over other) `[item, other]`."""
        mu, s = self.items.mu.values, self.items.spread.values
        p = scipy.special.ndtr((mu[:, None] - mu[None]) / np.sqrt(s[:, None] ** 2 + s[None] ** 2))
        names = self.items["item"].values
        return xr.DataArray(p, dims=("item", "other"), coords={"item": names, "other": names})

    def to_dataset(self) -> xr.Dataset:
        """Everything as one Dataset: items, and accuracy and cycles by `statistic`."""
        rest = statistics.combine(
            {"held_out_accuracy": self.accuracy, "cyclic_triads": self.cycles}, "statistic"
        )
        return xr.merge([self.items, rest])

    def plot(self) -> Figure:
        """Items on the common scale with intervals, best first."""
        order = self.items.sortby("mu", ascending=False)
        rows = [
            {"label": str(i), "estimate": float(m), "low": float(low), "high": float(high)}
            for i, m, low, high in zip(
                order["item"].values, order.mu.values, order.mu_low.values, order.mu_high.values, strict=True
            )
        ]
        a, c = self.accuracy, self.cycles
        return plots.forest(
            rows,
            xlabel=f"worth, in typical spreads  (held-out accuracy {a.estimate:.2f}, shuffled {a.null:.2f};"
            f" cyclic triads {c.estimate:.3f}, shuffled {c.null:.3f}; {self.judges} judges)",
        )
