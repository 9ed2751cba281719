"""Arms that were trained before stand beside those of a plan."""

import numpy as np
import pytest
import xarray as xr

from socialsim.core.errors import OptionError
from socialsim.transfer.suite import _joined


def score(arms, times=(1, 2, 3), seeds=2):
    data = np.arange(len(arms) * seeds * len(times), dtype=np.float32).reshape(len(arms), seeds, len(times))
    coords = {"arm": list(arms), "seed": np.arange(seeds), "time": list(times)}
    return xr.DataArray(data, dims=("arm", "seed", "time"), coords=coords, name="x")


def test_arms_trained_before_come_first_and_unchanged():
    both = _joined(score(["scratch"]).astype(float), score(["shaping", "random"]))
    assert both.arm.values.tolist() == ["scratch", "shaping", "random"] and both.dtype == np.float32
    np.testing.assert_array_equal(both.sel(arm="scratch"), score(["scratch"])[0])
    np.testing.assert_array_equal(both.sel(arm="random"), score(["shaping", "random"])[1])
    with pytest.raises(OptionError, match="the same seeds and times"):
        _joined(score(["scratch"], seeds=3), score(["shaping"]))
    with pytest.raises(OptionError, match="the same seeds and times"):
        _joined(score(["scratch"], times=(1, 2, 4)), score(["shaping"]))
