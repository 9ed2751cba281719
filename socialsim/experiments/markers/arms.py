"""The arms of somatic-markers: one intact cache, what it is held against, and its lesions."""

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from socialsim.core.errors import number
from socialsim.experiments.markers.deciding import Condition

ARMS = {
    "off": "no cache: every decision is computed in full",
    "on": "the cache answers where it is sure of itself; its markers bias choice and attention",
    "zeroed": "lesion: what is read of the cache is empty, so habits are random acts",
    "shuffled": "lesion: every row reads the entry of another one: right in kind, wrong in association",
    "stale": "lesion: the cache is frozen after warm-up and never learns again",
    "unbiased": "control: as 'on', but markers of return do not bias the choice (beta 0)",
    "inattentive": "control: as 'on', but what is at stake does not bias who is computed in full",
}


@dataclasses.dataclass(frozen=True)
class Intact:
    """The numbers of the intact cache. Pilots on other seeds chose them for what the cache saves and how far
    it agrees; the arms of one such pilot had been printed by then.
    These are the two figures of the goal, as the report's caveats say.

    beta: weight of markers in choice.  attention: of what is at stake.  doubt, period, budget: see
    `Condition`.
    """

    beta: float = 0.2
    attention: float = 1.0
    doubt: float = 0.2
    period: float = 20.0
    budget: float = 0.375

    def __post_init__(self):
        for name in ("beta", "attention", "doubt"):
            number(name, getattr(self, name), low=0.0)
        number("period", self.period, low=1.0)
        number("budget", self.budget, low=0.0, high=1.0, above=True)


def condition(arm: str, intact: Intact) -> Condition:
    """An arm as data."""
    return Condition(
        cached=jnp.array(arm != "off"),
        reads=jnp.array(arm != "zeroed"),
        shuffled=jnp.array(arm == "shuffled"),
        learns=jnp.array(arm != "stale"),
        beta=jnp.float32(0.0 if arm in ("unbiased", "off") else intact.beta),
        attention=jnp.float32(0.0 if arm == "inattentive" else intact.attention),
        doubt=jnp.float32(intact.doubt),
        period=jnp.float32(intact.period),
        budget=jnp.float32(intact.budget),
    )


def stack(conditions: Sequence[Condition]) -> Condition:
    """Several, as one batch."""
    return jax.tree.map(lambda *xs: jnp.asarray(np.stack(xs)), *conditions)
