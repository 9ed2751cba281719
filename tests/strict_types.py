"""The checker that holds every annotation of socialsim in the tests (see `addopts` in pyproject.toml)."""

import numpy as np
from beartype import BeartypeConf, FrozenDict, beartype

# NumPy's scalars count as numbers, and every int as a float as well, as static checkers have it.
_INT = int | np.integer
_FLOAT = float | _INT | np.floating

_check = beartype(
    conf=BeartypeConf(hint_overrides=FrozenDict({int: _INT, float: _FLOAT, complex: complex | _FLOAT}))
)

# Flax rebuilds every pytree through its constructor, batched ones too, while the annotations of fields
# are written for a single world: so functions are checked, and constructors are not.
_CONSTRUCTORS = ("__init__", "check_single_arg")


def checked(function):
    """Check every call of a function; leave constructors alone."""
    return function if getattr(function, "__name__", "") in _CONSTRUCTORS else _check(function)
