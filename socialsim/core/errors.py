"""Errors that say what was given, what is allowed and the nearest valid choice."""

import difflib
import math
import numbers
from collections.abc import Iterable
from typing import Any


class SocialsimError(ValueError):
    """Base of every error that bad input can cause; the command line prints it as one line, status 2."""


class OptionError(SocialsimError):
    """An option, size or name that is not allowed."""


class ActionError(SocialsimError):
    """An action of wrong shape, type or range."""


class RunError(SocialsimError):
    """A run folder that is damaged, foreign, locked or from another version."""


class CarrierError(SocialsimError):
    """A carrier that does not fit: another feature table, other channels, other shapes."""


class DivergenceError(SocialsimError):
    """Training produced a non-finite value; the message names the channel."""


def choose(kind: str, given: object, allowed: Iterable[str]) -> str:
    """Return `given` if it is one of `allowed`, else raise OptionError with the nearest choice."""
    names = sorted(allowed)
    if given in names:
        return str(given)
    near = difflib.get_close_matches(str(given), names, n=1, cutoff=0.4)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise OptionError(f"unknown {kind} {given!r}; allowed: {', '.join(names)}{hint}")


def integer(name: str, value: Any, *, low: int, high: int | None = None) -> int:
    """Check an integer option and return it; bools and floats are refused."""
    import operator

    try:
        number = operator.index(value)
    except TypeError:
        number = None
    span = f"an integer >= {low}" if high is None else f"an integer from {low} to {high}"
    if number is None or isinstance(value, bool) or number < low or (high is not None and number > high):
        raise OptionError(f"{name}={value!r}; allowed: {span}")
    return number


def number(name: str, value: object, *, low: float, high: float = math.inf, above: bool = False) -> float:
    """Check an option that is a finite number from `low` to `high` and return it; bools are refused.

    above: `low` itself is not allowed.
    """
    span = f"more than {low:g}" if above else f"{low:g} or more"
    span = f"a number, {span}" if high == math.inf else f"a number, {span}, at most {high:g}"
    if high < math.inf and not above:
        span = f"a number from {low:g} to {high:g}"
    given = float(value) if not isinstance(value, bool) and isinstance(value, numbers.Real) else math.nan
    if not math.isfinite(given) or not (given > low if above else given >= low) or given > high:
        raise OptionError(f"{name}={value!r}; allowed: {span}")
    return given
