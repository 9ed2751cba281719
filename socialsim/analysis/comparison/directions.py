"""Do two heads weigh the same things? The cosine of their weights on shared features, cos(w_i, w_j)."""

import dataclasses

import numpy as np
import scipy.stats
import xarray as xr

from socialsim.analysis import statistics
from socialsim.core.errors import OptionError


@dataclasses.dataclass(frozen=True)
class DirectionAgreement:
    """Cosines of weight vectors over shared, standardised features (those of the successor-feature probe).

    The null is exact: between independent, uniformly random directions in F dimensions (1 + cos) / 2 has the
    distribution Beta((F - 1) / 2, (F - 1) / 2).
    """

    confidence: float = 0.95

    def __post_init__(self):
        statistics.check_confidence(self.confidence)

    def __call__(self, weights: xr.DataArray, draws: xr.DataArray | None = None) -> xr.Dataset:
        """weights: `[head, feature]`.  draws: `[draw, head, feature]`, the weights found on resampled data
        (the same resample for all heads); without them there is no interval.

        Returns estimate, low, high, n (features), null, null_low, null_high `[head, other]`; NaN for a head
        without weights.
        """
        if weights.dims != ("head", "feature") or "head" not in weights.coords:
            raise OptionError(f"weights have dims {weights.dims}; allowed: ('head', 'feature'), heads named")
        if weights.sizes["feature"] < 2:
            raise OptionError("weights on 1 feature; allowed: 2 or more (one has a sign and no direction)")
        if draws is not None and (draws.dims != ("draw", *weights.dims) or draws.shape[1:] != weights.shape):
            raise OptionError(f"draws {dict(draws.sizes)}; allowed: [draw, head, feature] as the weights")
        estimate = _cosines(weights.values)
        low = high = np.full_like(estimate, np.nan)
        if draws is not None:
            low, high = statistics.percentiles(_cosines(draws.values), self.confidence)
        half = (weights.sizes["feature"] - 1) / 2
        edge = 2 * float(scipy.stats.beta.ppf(0.975, half, half)) - 1
        names = [str(h) for h in weights["head"].values]
        parts = {"estimate": estimate, "low": low, "high": high}
        fixed = {"n": weights.sizes["feature"], "null": 0.0, "null_low": -edge, "null_high": edge}
        data = {k: (("head", "other"), v) for k, v in parts.items()} | {k: ((), v) for k, v in fixed.items()}
        return xr.Dataset(data, coords={"head": names, "other": names})


def _cosines(w):
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = w / np.linalg.norm(w, axis=-1, keepdims=True)
    return np.clip(unit @ np.swapaxes(unit, -1, -2), -1.0, 1.0)
