"""Do two networks, or two layers, lay out the same scenes alike? Debiased linear CKA and RSA."""

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np
import scipy.stats
import xarray as xr
from numpy.typing import NDArray
from scipy.spatial.distance import pdist, squareform

from socialsim.analysis import statistics
from socialsim.analysis.statistics import Estimate
from socialsim.core.errors import OptionError, choose, integer


def u_centred(kernel: NDArray) -> NDArray:
    """A kernel `[N, N]`, N > 3, without its diagonal, and without row and column means: the inner product of
    two such matrices is n (n - 3) times the unbiased HSIC1 of Song et al. 2012 (Szekely & Rizzo 2014 [M])."""
    n = len(kernel)
    k = kernel - np.diag(np.diag(kernel))
    rows = k.sum(0) / (n - 2)
    centred = k - rows - rows[:, None] + k.sum() / ((n - 1) * (n - 2))
    np.fill_diagonal(centred, 0.0)
    return centred


def hsic1(first: NDArray, second: NDArray) -> float:
    """Unbiased HSIC of two kernels `[N, N]` (Song et al. 2012 [M])."""
    n = len(first)
    return float((u_centred(first) * u_centred(second)).sum() / (n * (n - 3)))


def pair_ranks(table: NDArray) -> NDArray:
    """Ranks of the pairs of a dissimilarity matrix `[N, N]`, mean ranks for ties; diagonal 0."""
    return squareform(scipy.stats.rankdata(squareform(table, checks=False)))


def pair_centred(ranks: NDArray) -> NDArray:
    """Less the mean of all pairs, diagonal 0."""
    n = len(ranks)
    centred = ranks - ranks.sum() / (n * (n - 1))
    np.fill_diagonal(centred, 0.0)
    return centred


def linear_kernel(x: NDArray) -> NDArray:
    """`[N, N]` of centred rows."""
    x = x - x.mean(0)
    return x @ x.T


def distance_ranks(x: NDArray) -> NDArray:
    """`[N, N]`: ranks of the Euclidean distances of rows."""
    return pair_ranks(squareform(pdist(x)))


def cosine(first: NDArray, second: NDArray) -> float:
    """Of two centred tables; NaN where one of them does not vary."""
    below = float(np.sqrt((first * first).sum() * (second * second).sum()))
    return float((first * second).sum() / below) if below > 0 else float("nan")


@dataclasses.dataclass(frozen=True)
class Similarity:
    """Similarity of representations `[N, D]`, `[N, D']` of the same N rows.

    method: "cka", HSIC1(K, L) / sqrt(HSIC1(K, K) HSIC1(L, L)) with linear kernels (Kornblith et al. 2019 [M],
    debiased); or "rsa", the Spearman correlation of the Euclidean distances of pairs of rows (Kriegeskorte et
    al. 2008 [M]; ranks are taken once and not again for each block left out).
    cap: whole groups are taken, at random, up to about this many rows.
    shuffles: of whole groups of rows, for the null; what rows of one group share by lying in it stays.
    jackknife: at most so many blocks of groups are left out in turn for the interval (a bootstrap would count
    pairs of a row with itself).
    """

    method: str = "cka"
    cap: int = 500
    shuffles: int = 100
    jackknife: int = 20
    confidence: float = 0.95
    seed: int = 0

    def __post_init__(self):
        choose("method", self.method, METHODS)
        integer("cap", self.cap, low=20)
        integer("shuffles", self.shuffles, low=20)
        integer("jackknife", self.jackknife, low=3)
        statistics.check_confidence(self.confidence)

    def pair(self, first: NDArray, second: NDArray, *, groups: NDArray) -> Estimate:
        """One pair, with its jackknife interval and permutation null. n counts groups."""
        rows = self._rows(np.asarray(groups))
        tables = [METHODS[self.method][0](np.asarray(x, float)[rows]) for x in (first, second)]
        return self._estimate(tables, np.asarray(groups)[rows])

    def __call__(
        self,
        layers: Mapping[str, NDArray],
        others: Mapping[str, NDArray] | None = None,
        *,
        groups: NDArray,
    ) -> xr.Dataset:
        """Every layer with every other: estimate, low, high, n, null, null_low, null_high `[layer, other]`.
        Without `others`, with each other."""
        others = layers if others is None else others
        wrong = {k: len(v) for s in (layers, others) for k, v in s.items() if len(v) != len(groups)}
        if wrong or not layers or not others:
            raise OptionError(
                f"similarity: {len(groups)} rows but {wrong or 'nothing to compare'}; allowed: one length"
            )
        rows, groups = self._rows(np.asarray(groups)), np.asarray(groups)
        table = METHODS[self.method][0]
        left, right = (
            {k: table(np.asarray(v, float)[rows]) for k, v in side.items()} for side in (layers, others)
        )
        cells = [
            statistics.combine({o: self._estimate([a, b], groups[rows]) for o, b in right.items()}, "other")
            for a in left.values()
        ]
        names = xr.DataArray(list(layers), dims="layer", name="layer")
        return xr.concat(cells, names).assign_attrs(method=TITLES[self.method])

    def plot(self, found: xr.Dataset, **options):
        """Heat map: see `plots.similarity`."""
        from socialsim.analysis.plots import similarity

        return similarity(found, **options)

    def _rows(self, groups: NDArray) -> NDArray:
        """Rows of whole groups up to the cap, sorted by group."""
        names, index = np.unique(groups, return_inverse=True)
        place = np.random.default_rng(self.seed).permutation(len(names))[index]
        ends = np.cumsum(np.bincount(place))
        kept = max(int(np.searchsorted(ends, self.cap, side="right")), 1)
        rows = np.flatnonzero(place < kept)
        return rows[np.argsort(place[rows], kind="stable")]

    def _estimate(self, tables: list[NDArray], groups: NDArray) -> Estimate:
        names, index = np.unique(groups, return_inverse=True)
        if len(names) < 3 or len(groups) < 10:
            return statistics.undefined(
                len(names), f"{len(groups)} rows in {len(names)} groups; 10 in 3 needed"
            )
        centre = METHODS[self.method][1]
        order = np.argsort(index, kind="stable")
        tables, index = [t[np.ix_(order, order)] for t in tables], index[order]
        first, second = (centre(t) for t in tables)
        estimate = cosine(first, second)
        if not np.isfinite(estimate):
            return statistics.undefined(len(names), "a representation does not vary")
        rng = np.random.default_rng(self.seed)
        orders = [statistics.shuffle_blocks(index, rng) for _ in range(self.shuffles)]
        null = [cosine(first, second[np.ix_(mixed, mixed)]) for mixed in orders]
        low, high = self._jackknife(centre, tables, index, estimate)
        return Estimate(estimate, low, high, len(names), **statistics.null_band(null))

    def _jackknife(self, centre: Callable, tables, index, estimate: float) -> tuple[float, float]:
        """Delete-a-block jackknife (Efron & Tibshirani 1993 [M]), Student's t."""
        blocks = min(self.jackknife, int(index.max()) + 1)
        without = []
        for b in range(blocks):
            kept = np.flatnonzero(index % blocks != b)
            without.append(cosine(*(centre(t[np.ix_(kept, kept)]) for t in tables)))
        error = np.sqrt((blocks - 1) / blocks * np.sum((np.array(without) - np.mean(without)) ** 2))
        half = float(scipy.stats.t.ppf(0.5 + self.confidence / 2, blocks - 1) * error)
        return max(estimate - half, -1.0), min(estimate + half, 1.0)


METHODS = {"cka": (linear_kernel, u_centred), "rsa": (distance_ranks, pair_centred)}
TITLES = {"cka": "Debiased linear CKA", "rsa": "RSA (Spearman)"}
