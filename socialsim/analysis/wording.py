"""Figures as words of a plain sentence. Nothing here fails: what was not measured is said to be so."""

import math
from collections.abc import Iterable, Mapping
from typing import TypeGuard

import numpy as np

MISSING = "not measured"


def known(x: object) -> TypeGuard[float]:
    """True for a finite number."""
    return isinstance(x, (int, float, np.number)) and math.isfinite(x)


def value(figure: Mapping) -> float:
    """A figure's estimate as a number to reckon with; NaN where it was not measured."""
    return float(figure["estimate"]) if known(figure.get("estimate")) else math.nan


def decimal(x: object, form: str = ".2f") -> str:
    """A number, or a figure's estimate, in the format `form`; "not measured" for None and NaN."""
    number = value(x) if isinstance(x, Mapping) else x
    return format(number, form) if known(number) else MISSING


def percent(x: object, places: int = 0) -> str:
    """A share as per cent."""
    return f"{100 * x:.{places}f} %" if known(x) else MISSING


def span(figure: Mapping, form: str = ".2f") -> str:
    """`estimate [low, high]`; the bare estimate where there is no interval. ".0%": shares, as per cent."""
    share = form.endswith("%")
    times, unit = (100, " %") if share else (1, "")
    given = [figure.get(k) for k in ("estimate", "low", "high")]
    shown = [decimal(times * x if known(x) else None, form.replace("%", "f")) for x in given]
    if not known(given[0]):
        return MISSING
    return shown[0] + unit + (f" [{shown[1]}, {shown[2]}]" if all(map(known, given)) else "")


def listed(names: Iterable[str]) -> str:
    """'a, b and c'; "none" for no names."""
    names = list(names)
    if len(names) < 2:
        return names[0] if names else "none"
    return ", ".join(names[:-1]) + " and " + names[-1]
