"""How a step is written for the device that runs it.

On a CPU a loop over worlds is one thread's; what XLA fuses into it should be done once. On an accelerator
every kernel is a launch and a way through memory: the fewer, the better.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax.extend import core

R = TypeVar("R")
T = TypeVar("T")

SMALL = 16
"""Reductions over so few elements are written out."""

REDUCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "reduce_sum": jnp.add,
    "reduce_max": jnp.maximum,
    "reduce_min": jnp.minimum,
    "reduce_or": jnp.logical_or,
    "reduce_and": jnp.logical_and,
}


def on_cpu() -> bool:
    return jax.default_backend() == "cpu"


def made_once(x: T) -> T:
    """`x`, made once on a CPU: there XLA would make parts of it anew for each of their readers."""
    return jax.lax.optimization_barrier(x) if on_cpu() else x


def written_out(f: Callable[..., R]) -> Callable[..., R]:
    """`f` of arrays; on an accelerator its reductions over at most `SMALL` elements are chains of operations.

    XLA makes a kernel of every reduction, and another of whatever uses it; a chain fuses with both.
    """

    def g(*args: Any) -> R:
        if on_cpu():
            return f(*args)
        traced, shape = jax.make_jaxpr(f, return_shape=True)(*args)
        out = _evaluate(traced.jaxpr, traced.consts, jax.tree.leaves(args))
        return jax.tree.unflatten(jax.tree.structure(shape), out)

    return g


def _evaluate(jaxpr: core.Jaxpr, consts: Sequence[Any], args: Sequence[Any]) -> list[Any]:
    known: dict[Any, Any] = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*consts, *args], strict=True))

    def read(v: Any) -> Any:
        return v.val if isinstance(v, core.Literal) else known[v]

    for e in jaxpr.eqns:
        x = [read(v) for v in e.invars]
        if e.primitive.name in ("jit", "pjit"):
            out = _evaluate(e.params["jaxpr"].jaxpr, e.params["jaxpr"].consts, x)
        elif e.primitive.name in REDUCTIONS and _count(x[0], e.params["axes"]) <= SMALL:
            out = [_chain(REDUCTIONS[e.primitive.name], x[0], e.params["axes"])]
        else:
            out = _alone(jaxpr, e, known)
        known.update(zip(e.outvars, out, strict=True))
    return [read(v) for v in jaxpr.outvars]


def _alone(jaxpr: core.Jaxpr, e: core.JaxprEqn, known: dict[Any, Any]) -> list[Any]:
    """One equation as JAX itself would run it: those with derivatives of their own are not bound by hand."""
    given = list(dict.fromkeys(v for v in e.invars if isinstance(v, core.Var)))
    names = jaxpr.debug_info.with_unknown_names()
    single = jaxpr.replace(
        constvars=[], invars=given, outvars=e.outvars, eqns=[e], effects=e.effects, debug_info=names
    )
    return core.jaxpr_as_fun(core.ClosedJaxpr(single, ()))(*(known[v] for v in given))


def _count(x: Any, axes: Sequence[int]) -> int:
    count = 1
    for a in axes:
        count *= x.shape[a]
    return count if count else SMALL + 1  # of nothing there is no chain


def _chain(join: Callable[[Any, Any], Any], x: Any, axes: Sequence[int]) -> Any:
    for a in sorted(axes, reverse=True):
        parts = [jax.lax.index_in_dim(x, i, a, keepdims=False) for i in range(x.shape[a])]
        x = functools.reduce(join, parts)
    return x
