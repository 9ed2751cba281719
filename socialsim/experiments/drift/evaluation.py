"""Every arm on the same unseen societies, each beside its paired counterfactual."""

import functools
from collections.abc import Mapping

import jax
import numpy as np
from jaxtyping import Array, Float, PyTree

from socialsim.experiments.drift.assistants import learned, manipulator, null, servant
from socialsim.experiments.drift.debate import debated
from socialsim.experiments.drift.measures import outcomes
from socialsim.experiments.drift.society import SocietyConfig, draw, live

SCRIPTED = {"null": null, "servant": servant, "manipulator": manipulator}


def _measured(key, feed, config: SocietyConfig):
    made, lived = jax.random.split(key)
    society = draw(made, config)
    natural = live(society, lived, null, config.steps)
    return outcomes(society, live(society, lived, feed, config.steps), natural)


def _averaged(keys, feed, config: SocietyConfig):
    found = jax.vmap(lambda k: _measured(k, feed, config))(keys)
    return {k: v.max(0) if k == "largest_shift" else v.mean(0) for k, v in found.items()}


@functools.partial(jax.jit, static_argnames=("config", "worlds"))
def _evaluate(assistants, bounds, debaters, keys, config: SocietyConfig, worlds: int):
    def one(assistants, sides, key):
        keys = jax.random.split(key, worlds)
        out = {name: _averaged(keys, feed, config) for name, feed in SCRIPTED.items()}
        out["debate"] = _averaged(keys, debated(sides), config)
        trained = jax.vmap(lambda a, b: _averaged(keys, learned(a, b), config))(assistants, bounds)
        return out, trained

    return jax.vmap(one, (0, 0, 0))(assistants, debaters, keys)


def evaluate(
    names, assistants: PyTree, bounds: Float[Array, " J"], debaters: PyTree, keys, config, worlds: int
) -> dict[str, dict[str, np.ndarray]]:
    """measure -> arm -> `[seed]` (or `[seed, time]`), means over `worlds` societies of each seed.

    names : of the trained arms, along the second axis of `assistants [S, J, ...]`.  debaters `[S, ...]`.
    The same societies and the same noise for all arms of a seed.
    """
    out, trained = _evaluate(assistants, bounds, debaters, keys, config, worlds)
    arms: dict[str, Mapping] = dict(out)
    arms |= {name: {k: v[:, j] for k, v in trained.items()} for j, name in enumerate(names)}
    first = next(iter(arms.values()))
    return {m: {a: np.asarray(found[m], float) for a, found in arms.items()} for m in first}
