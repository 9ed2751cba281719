"""What probes refuse to be fed."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from socialsim.core.errors import OptionError


def check_finite(who: str, arrays: Mapping[str, ArrayLike]) -> None:
    """Raise OptionError, naming the first of `arrays [N, ...]` in which a row is not finite."""
    for name, values in arrays.items():
        values = np.asarray(values, float)
        bad = int((~np.isfinite(values.reshape(len(values), -1)).all(1)).sum())
        if bad:
            raise OptionError(
                f"{who}: {name}: {bad} of {len(values)} rows are not finite; allowed: finite numbers (find "
                "where the network broke, or leave these rows out)"
            )
