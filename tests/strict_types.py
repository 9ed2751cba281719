"""The checker that holds every annotation of socialsim in the tests (see `addopts` in pyproject.toml)."""

import numpy as np
from beartype import BeartypeConf, FrozenDict, beartype

# NumPy's scalars count as numbers, and every int as a float as well, as static checkers have it.
_INT = int | np.integer
_FLOAT = float | _INT | np.floating

checked = beartype(
    conf=BeartypeConf(hint_overrides=FrozenDict({int: _INT, float: _FLOAT, complex: complex | _FLOAT}))
)
