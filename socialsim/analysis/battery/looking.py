"""Who looks where: mutual gaze and following the gaze of a crowd, from scenes."""

import dataclasses

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from socialsim.analysis import statistics
from socialsim.analysis.battery import finding as words
from socialsim.analysis.battery.finding import Finding
from socialsim.analysis.battery.rates import RateAssay
from socialsim.analysis.battery.references import figure
from socialsim.core.errors import OptionError


def looks_at(position: ArrayLike, gaze: ArrayLike, sees: ArrayLike, *, within: float = 20.0) -> NDArray:
    """`[..., A, A]`: i sees j and the gaze of i is no more than `within` degrees off j."""
    p, g = np.asarray(position, float), np.asarray(gaze, float)
    offset = p[..., None, :, :] - p[..., :, None, :]
    along = (offset * g[..., :, None, :]).sum(-1) / np.maximum(np.linalg.norm(offset, axis=-1), 1e-9)
    return (along >= np.cos(np.radians(within))) & np.asarray(sees, bool)


@dataclasses.dataclass(frozen=True)
class MutualGaze:
    """Share of time that pairs look at each other, beside people's face gaze in conversation.

    The null shuffles time within one of each pair: two who look often meet by chance. A pair that always or
    never looks is *constant*; gaze that meets no more often than by chance is *random*. *Human-like* where
    the interval over episodes holds the human share. Bouts are in decisions: seconds do not carry over.
    """

    least: int = 16
    width: float = 0.3
    confidence: float = 0.95
    resamples: int = 1000
    shuffles: int = 50
    seed: int = 0

    def measure(self, looks: ArrayLike, *, form: str = "behaviour") -> Finding:
        """looks: `[T, E, A, A]` of `looks_at`, over time and episodes."""
        x = np.asarray(looks, bool)
        if x.ndim != 4 or x.shape[2] != x.shape[3] or x.shape[2] < 2:
            raise OptionError(f"looks {x.shape}; allowed: [T, E, A, A], two agents or more")
        i, j = np.triu_indices(x.shape[2], 1)
        mine, yours = x[:, :, i, j], x[:, :, j, i]
        both = mine & yours
        each = both.mean((0, 2))
        people = figure("mutual_gaze")
        rng = np.random.default_rng(self.seed)
        null = [(rng.permuted(mine, axis=0) & yours).mean() for _ in range(self.shuffles)]
        options = {"seed": self.seed, "confidence": self.confidence, "resamples": self.resamples}
        found = statistics.bootstrap(each, np.mean, **options)
        if len(each) < 2:
            found = statistics.Estimate(float(each.mean()), np.nan, np.nan, len(each), reason="one episode")
        found = dataclasses.replace(found, **statistics.null_band(null))
        verdict, reason = self._verdict(found, both, people.value)
        starts = both[0].sum() + (both[1:] & ~both[:-1]).sum()
        bout = float(both.sum() / starts) if starts else np.nan
        return Finding(
            assay="mutual_gaze",
            form=form,
            unit="share of time",
            figure=found,
            verdict=verdict,
            reason=reason,
            human=people.value,
            chance=found.null,
            source=people.source,
            status=people.status,
            detail={"bout_decisions": bout},
        )

    def _verdict(self, e, both: NDArray, people: float) -> tuple[str, str]:
        if both.all() or not both.any():
            return words.CONSTANT, f"constant chooser: {'always' if both.all() else 'never'} meets a gaze"
        if e.n < self.least or not e.high - e.low <= self.width:
            return words.UNDECIDED, f"{e.n} episodes leave the share too uncertain"
        if not e.low > e.null_high:
            return words.RANDOM, "gazes meet no more often than by chance"
        if e.low <= people <= e.high:
            return words.HUMAN, "the interval of the mean holds the human share"
        return words.UNLIKE, "the interval of the mean leaves the human share out"


@dataclasses.dataclass(frozen=True)
class CrowdGaze:
    """Does one look where others look? Rates by number of starers, each a `RateAssay` against Milgram's.

    The control of both is the rate of looking there with nobody staring. What draws the gaze of others may
    draw one's own as well: a rate above the control is no proof that gaze was followed.
    """

    least: int = 16
    seed: int = 0

    def measure(
        self,
        starers: ArrayLike,
        looked: ArrayLike,
        *,
        groups: ArrayLike | None = None,
        form: str = "behaviour",
    ) -> tuple[Finding, ...]:
        """starers: `[n]`, how many others looked at the place.  looked: `[n]`, did one look there next.
        groups: `[n]`, which moments belong together.  One finding for one starer, one for fifteen or more."""
        count, x = np.asarray(starers, int), np.asarray(looked, bool)
        if count.shape != x.shape or count.ndim != 1:
            raise OptionError(f"starers {count.shape}, looked {x.shape}; allowed: both [n]")
        label = np.arange(len(x)) if groups is None else np.asarray(groups)
        levels = [int(c) for c in np.unique(count)]
        by = xr.Dataset(
            {"rate": ("starers", [float(x[count == c].mean()) for c in levels])}, {"starers": levels}
        )
        alone = count == 0
        found = []
        for name, here in (("glance_one", count == 1), ("glance_fifteen", count >= 15)):
            rate = RateAssay(name, least=self.least, seed=self.seed)
            one = rate.measure(
                x[here], null=x[alone], groups=label[here], null_groups=label[alone], form=form
            )
            found.append(dataclasses.replace(one, table=by))
        return tuple(found)


def glances(
    position: ArrayLike,
    gaze: ArrayLike,
    sees: ArrayLike,
    target: ArrayLike,
    there: ArrayLike,
    ended: ArrayLike,
    *,
    within: float = 20.0,
    lag: int = 3,
) -> tuple[NDArray, NDArray, NDArray]:
    """(starers, looked, episode) `[n]` of every moment at which one who sees others looked at no target.

    Where nobody is in sight nobody can be seen to stare, and one does other things: such moments are no
    control.

    position, gaze: `[T, E, A, 2]`.  sees: `[T, E, A, A]`.  target: `[T, E, M, 2]`, there: `[T, E, M]`, which
    of them exist.  ended: `[T, E]`.  starers: others in sight who look within `within` degrees of the target;
    looked: the agent does so, too, within `lag` decisions.
    """
    p, g, t = (np.asarray(v, float) for v in (position, gaze, target))
    offset = t[:, :, None] - p[:, :, :, None]  # [T, E, A, M, 2]
    along = (offset * g[:, :, :, None]).sum(-1) / np.maximum(np.linalg.norm(offset, axis=-1), 1e-9)
    at = along >= np.cos(np.radians(within))
    count = np.einsum("teij,tejm->teim", np.asarray(sees, int), at.astype(int))
    later = np.zeros_like(at[:-lag])
    for k in range(1, lag + 1):
        later |= at[k : len(at) - lag + k]
    valid = ~at[:-lag] & ~np.asarray(ended, bool)[lag:, :, None, None]
    anyone = np.asarray(np.asarray(sees, bool).any(-1))
    valid &= np.asarray(there, bool)[:-lag, :, None] & anyone[:-lag, :, :, None]
    episode = np.broadcast_to(np.arange(p.shape[1])[:, None, None], valid.shape)
    return count[:-lag][valid], later[valid], episode[valid]
