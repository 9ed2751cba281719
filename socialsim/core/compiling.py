"""Pure methods that are compiled at their first call, for whoever calls them outside a program."""

# pyright: reportUnknownMemberType=false

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import jax

P = ParamSpec("P")
R = TypeVar("R")


def compiled(method: Callable[P, R]) -> Callable[P, R]:
    """`jax.jit(method)`; to a type checker, what `method` is.

    Called by hand it is compiled once for all objects of equal static structure. Inside another program it
    is traced once for all that use it, and XLA puts it in place (measured: training gives the same bits in
    the same time as without).
    """
    program: Any = jax.jit(method)
    return program
