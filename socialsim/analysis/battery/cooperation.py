"""Do contributions follow those of others? The types of Fischbacher, Gächter and Fehr (2001)."""

import dataclasses

import numpy as np
import scipy.stats
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from socialsim.analysis import statistics
from socialsim.analysis.battery import finding as words
from socialsim.analysis.battery.finding import Finding
from socialsim.analysis.battery.references import figure
from socialsim.core.errors import OptionError

TYPES = ("conditional", "free rider", "hump-shaped", "constant", "other")
LEVEL = 0.01  # of the rank correlation that makes a conditional cooperator


def classify(others: ArrayLike, own: ArrayLike) -> str:
    """The type of one schedule: own contributions `[m]` as others contribute `[m]`.

    Free rider: always nothing. Constant: always the same. Conditional: Spearman's rho > 0 with p < .01.
    Hump-shaped: rises (rho > 0, p < .05) up to the place of the highest contribution and falls behind it.
    """
    x, y = np.asarray(others, float), np.asarray(own, float)
    if x.shape != y.shape or x.ndim != 1 or len(x) < 4:
        raise OptionError(f"others {x.shape}, own {y.shape}; allowed: both [m], m at least 4")
    if np.ptp(y) == 0:
        return "free rider" if y[0] == 0 else "constant"
    if np.ptp(x) == 0:
        return "other"
    up, p = _spearman(x, y)
    if up > 0 and p < LEVEL:
        return "conditional"
    levels = np.unique(x)
    means = np.array([y[x == v].mean() for v in levels])
    top = levels[means.argmax()]
    rise, fall = _spearman(x[x <= top], y[x <= top]), _spearman(x[x >= top], y[x >= top])
    if rise[0] > 0 and rise[1] < 0.05 and fall[0] < 0 and fall[1] < 0.05:
        return "hump-shaped"
    return "other"


def _spearman(x: NDArray, y: NDArray) -> tuple[float, float]:
    if len(x) < 4 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return 0.0, 1.0
    rho, p = scipy.stats.spearmanr(x, y)
    return float(rho), float(p)  # type: ignore[arg-type]


def conditional(others: NDArray, own: NDArray) -> NDArray:
    """Which of many schedules `[n, m]` are conditional: Spearman's rho > 0, p < .01 (t, as SciPy has it)."""
    x, y = (scipy.stats.rankdata(v, axis=1) for v in (others, own))
    x, y = (v - v.mean(1, keepdims=True) for v in (x, y))
    below = np.sqrt((x * x).sum(1) * (y * y).sum(1))
    rho = (x * y).sum(1) / np.where(below > 0, below, np.inf)
    free = x.shape[1] - 2
    with np.errstate(divide="ignore"):
        t = rho * np.sqrt(free / np.maximum(1 - rho * rho, 0.0))
    return (rho > 0) & (2 * scipy.stats.t.sf(t, free) < LEVEL)


@dataclasses.dataclass(frozen=True)
class ConditionalCooperation:
    """Shares of types among players, each with a schedule of contributions.

    The figure is the share of conditional cooperators, its null what the same schedules give when each
    player's contributions trade places. *Human-like* only where the shares of conditional cooperators, free
    riders and all others lie within the 95 % floor of the total variation distance that as many people score.
    All of one type: *constant chooser* (a population without differences is not people's); no more
    conditional than shuffled schedules and nobody a free rider: *random chooser*.
    """

    least: int = 16
    confidence: float = 0.95
    shuffles: int = 20
    draws: int = 20_000
    seed: int = 0

    def measure(self, others: ArrayLike, own: ArrayLike, *, form: str = "behaviour") -> Finding:
        """others: `[n, m]` or `[m]`, what others contributed.  own: `[n, m]`, what each player did then."""
        y = np.asarray(own, float)
        if y.ndim != 2:
            raise OptionError(f"own {y.shape}; allowed: [n, m]")
        x = np.broadcast_to(np.asarray(others, float), y.shape)
        kinds = np.array([TYPES.index(classify(a, b)) for a, b in zip(x, y, strict=True)], int)
        n = len(kinds)
        people = figure("conditional_share")
        if not n:
            return words.none("conditional_cooperation", form, words.UNDECIDED, "no schedules", unit="share")
        share = np.bincount(kinds, minlength=len(TYPES)) / n
        rng = np.random.default_rng(self.seed)
        null = []
        for _ in range(self.shuffles):
            mixed = rng.permuted(y, axis=1)
            null.append(conditional(x, mixed).mean())
        interval = scipy.stats.binomtest(int((kinds == 0).sum()), n).proportion_ci(self.confidence, "wilson")
        found = statistics.Estimate(
            float(share[0]),
            float(interval.low),
            float(interval.high),
            n,
            **statistics.null_band(null),
        )
        free = figure("free_rider_share").value
        human = np.array([people.value, free, 1 - people.value - free])
        mine = np.array([share[0], share[1], share[2:].sum()])
        apart = 0.5 * np.abs(mine - human).sum()
        around = scipy.stats.binom.interval(0.95, n, people.value)
        scored = 0.5 * np.abs(rng.multinomial(n, human, self.draws) / n - human).sum(-1)
        floor = float(np.quantile(scored, 0.95))
        verdict, reason = self._verdict(found, share, float(apart), floor)
        return Finding(
            assay="conditional_cooperation",
            form=form,
            unit="share of conditional cooperators",
            figure=found,
            verdict=verdict,
            reason=reason,
            human=people.value,
            human_low=float(around[0]) / n,
            human_high=float(around[1]) / n,
            human_range=words.FLOOR,
            chance=found.null,
            source=people.source,
            status=people.status,
            detail={"distance": float(apart), "floor": floor}
            | {f"share_{t}": float(s) for t, s in zip(TYPES, share, strict=True)},
            table=xr.Dataset({"type": ("player", kinds)}, attrs={"types": ", ".join(TYPES)}),
        )

    def _verdict(self, found, share, apart: float, floor: float) -> tuple[str, str]:
        n, top = found.n, int(share.argmax())
        alike = share[top] >= 0.95 and TYPES[top] != "other"
        if alike and (TYPES[top] in ("free rider", "constant") or n >= self.least):
            return words.CONSTANT, f"all alike: {TYPES[top]}"
        if n < self.least:
            return words.UNDECIDED, f"{n} players; {self.least} or more tell something"
        if not found.low > found.null_high and share[1] < 0.05 and share[3] < 0.05:
            return words.RANDOM, "no more conditional than shuffled schedules"
        if apart <= floor:
            return words.HUMAN, "types in the shares that as many people show by chance"
        return words.UNLIKE, "types in other shares than people's"
