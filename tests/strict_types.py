"""The checker that holds every annotation of socialsim in the tests (see `addopts` in pyproject.toml)."""

import numpy as np
from beartype import BeartypeConf, FrozenDict, beartype

# NumPy's scalars count as numbers, and an int as a float, as static checkers have it.
_check = beartype(
    conf=BeartypeConf(
        hint_overrides=FrozenDict({int: int | np.integer, float: float | int | np.floating | np.integer})
    )
)


def checked(function):
    """Check calls, but not the fields of a pytree: flax rebuilds batched ones through their `__init__`,
    and annotations are written for a single world."""
    return function if getattr(function, "__name__", "") in _CONSTRUCTORS else _check(function)


_CONSTRUCTORS = ("__init__", "check_single_arg")
