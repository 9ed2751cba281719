"""Do a team's value heads give any drives back? The successor-feature probe, over many drives at once.

A value head is trained for each channel by itself, so heads can be weighed by drives that the team never
had: V_w = sum_c w_c V_c. Regressing every head on the successor features gives a matrix, and w_hat is that
matrix times w; exact heads have the unit matrix, shrunk as below. One cosine says little where channels are
few: between random directions in three dimensions it is anywhere from -1 to 1 alike. Drives of both signs,
drawn from all directions, have a mean cosine of 0 for heads that know nothing (drives that are all positive
have not). One team's still strays: set untrained teams beside it. The null, values that have traded episodes,
keeps what a trend over the episode gives.

What observations tell of psi is estimated on other episodes and taken as given (see
`socialsim.analysis.successor`): the matrix is shrunk towards 0, most where little is told, and intervals are
too narrow. Judge by the cosine.
"""

import dataclasses

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from socialsim.analysis import statistics
from socialsim.analysis.futures import in_units
from socialsim.analysis.probes.linear import ridge
from socialsim.analysis.successor import cosine, penalty, resampled, seen
from socialsim.core.errors import integer


@dataclasses.dataclass(frozen=True)
class Recovery:
    """Mean cosine of found and true drives, over random drives of both signs.

    drives: how many, standard normal in units of each channel's successor feature.  alphas: ridge penalties.
    shuffles: of whole episodes of values against each other, for the null.  Intervals resample episodes, for
    the same drives and the same first stage.
    """

    drives: int = 20
    alphas: tuple[float, ...] = (1e-6, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
    shuffles: int = 200
    confidence: float = 0.95
    resamples: int = 1000
    seed: int = 0

    def __post_init__(self):
        integer("drives", self.drives, low=1)
        integer("shuffles", self.shuffles, low=20)
        statistics.check_confidence(self.confidence)
        statistics.check_resamples(self.resamples)

    def __call__(self, data: xr.Dataset) -> xr.Dataset:
        """data: of `SuccessorFeatures`.

        Returns
        -------
        Dataset: matrix `[feature, channel]` (weights of each head; for exact ones the unit matrix,
        shrunk), seen `[feature]` (share of psi that observations tell), cosine `[drive]`; and scalars
        estimate (their mean), low, high, n (episodes), null, null_low, null_high, reason.
        """
        order = np.argsort(data.group.values, kind="stable")
        labels = data.group.values[order]
        value, psi = (x[order] for x in in_units(data))
        rng = np.random.default_rng(self.seed)
        true = rng.normal(size=(self.drives, value.shape[1]))
        groups = len(np.unique(labels))
        if reason := self._reason(value, psi, groups):
            found = statistics.undefined(groups, reason).to_dataset()
            blank = np.full((psi.shape[1], value.shape[1]), np.nan)
            more = {"matrix": blank, "seen": blank[:, 0], "cosine": np.full(self.drives, np.nan)}
            return self._labelled(found, more, data)
        told, share = seen(psi, data.observation.values[order], labels, self.alphas)
        x, v = told - told.mean(0), value - value.mean(0)
        matrix = ridge(x, v, self.alphas)
        alphas = np.array([penalty(x, v[:, c], matrix[:, c], self.alphas) for c in range(v.shape[1])])
        draws = resampled(x, v, labels, alphas, self.resamples, rng)
        low, high = statistics.percentiles(cosines(draws, true).mean(-1), self.confidence, size=groups)
        eyes = alphas[:, None, None] * np.eye(x.shape[1])
        inverse = np.linalg.inv(x.T @ x / len(x) + eyes)  # [C, P, P]
        null = []
        for _ in range(self.shuffles):
            cross = x.T @ v[statistics.shuffle_blocks(labels, rng)] / len(x)
            null.append(cosines(np.einsum("cpq,qc->pc", inverse, cross), true).mean())
        each = cosines(matrix, true)
        estimate = float(each.mean())
        found = statistics.Estimate(
            estimate=estimate,
            low=min(float(low), estimate),  # as in SuccessorProbe: near 1 noise only ever turns away
            high=max(float(high), estimate),
            n=groups,
            **statistics.null_band(null),
        )
        return self._labelled(found.to_dataset(), {"matrix": matrix, "seen": share, "cosine": each}, data)

    def _reason(self, value: NDArray, psi: NDArray, groups: int) -> str:
        if groups < 3:
            return f"{groups} groups, 3 are needed"
        if not (np.isfinite(value).all() and np.isfinite(psi).all()):
            return "non-finite values or features"
        if (psi.std(0) <= 1e-9).any():
            return "features that do not vary"
        return "" if (value.std(0) > 1e-9).any() else "no value varies"

    def _labelled(self, found: xr.Dataset, more: dict, data: xr.Dataset) -> xr.Dataset:
        dims = {"matrix": ("feature", "channel"), "seen": ("feature",), "cosine": ("drive",)}
        names = {k: data[k].values for k in ("feature", "channel")}
        return found.assign({k: (dims[k], v) for k, v in more.items()}).assign_coords(names)


def cosines(matrix: NDArray, true: NDArray) -> NDArray:
    """cos(w_hat, w) `[..., K]` for `matrix [..., P, C]` and `true [K, C]`; features behind the channels
    (decoys) should get no weight."""
    found = true @ np.swapaxes(matrix, -1, -2)
    wanted = np.pad(true, ((0, 0), (0, found.shape[-1] - true.shape[-1])))
    return np.nan_to_num(cosine(found, wanted))  # heads that say nothing at all point nowhere
