"""What kind of society is it? Traits of episodes, and a rule, fixed beforehand, that names societies by them.

The thresholds are not chosen: each lies half-way between a random team and the scripted society that shows
the trait most, measured in the same world (half-way on a logarithmic scale for joint success, a rate).
"""

import dataclasses
import functools
import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from socialsim.agents.bots import (
    Bot,
    fast_oscillators,
    mirror_pair,
    noop_chorus,
    random_team,
    scripted_team,
    slow_oscillators,
    staring_ring,
)
from socialsim.agents.watch import watch
from socialsim.analysis.recording import Episodes, play
from socialsim.core.acts import Act
from socialsim.core.scene import Scene
from socialsim.core.simulation import Simulation

SOCIETIES = {
    "cooperators": "succeed together",
    "staring ring": "stand still and keep one another in sight",
    "chorus": "all do one and the same act, nearly always",
    "unison": "change acts, all at once",
    "bystanders": "stay where they are, each doing something else",
    "wanderers": "move about, and nothing comes of it",
}
"""Name -> what its agents do. The rule asks in this order; the first that fits is the name."""

TRAITS = {
    "joint": "joint events per agent-step",
    "movement": "bodies moved per decision",
    "looked_at": "share of agents that somebody sees",
    "mutual_gaze": "share of seen partners who look back",
    "top_act": "share of the commonest act",
    "match": "share of pairs in sight that do one act at once",
}
SCRIPTED = {
    "scripted team": "cooperators",
    "random team": "wanderers",
    "staring ring": "staring ring",
    "chorus of no-ops": "chorus",
    "chorus of gestures": "chorus",
    "fast oscillators": "unison",
    "slow oscillators": "unison",
    "mirror pairs": "bystanders",
}
"""Scripted society -> the name it must get."""


def traits(episodes: Episodes) -> dict[str, Float[Array, ""]]:
    """`TRAITS` of a batch of episodes (of worlds that do not end before their horizon), one number each."""
    seen = episodes.scene.sees_agent.any(-2)
    found = watch(episodes) | {"joint": episodes.joint.mean(), "looked_at": seen.mean()}
    return {name: found[name] for name in TRAITS}


@functools.partial(jax.jit, static_argnames="number")
def _by_batch(episodes: Episodes, number: int) -> dict[str, Float[Array, " B"]]:
    parts = jax.tree.map(lambda x: x.reshape(x.shape[0], number, -1, *x.shape[2:]), episodes)
    return jax.vmap(traits, in_axes=1)(parts)


def batches(episodes: Episodes, number: int) -> list[dict[str, float]]:
    """Traits of `number` equal batches of worlds; the worlds must divide by it."""
    found = jax.device_get(_by_batch(episodes, number))
    return [{name: float(found[name][b]) for name in TRAITS} for b in range(number)]


@dataclasses.dataclass(frozen=True)
class Rule:
    """A threshold for each trait that the rule asks about (see `SOCIETIES` for the order)."""

    joint: float
    movement: float
    looked_at: float
    top_act: float
    match: float

    def __call__(self, traits: Mapping[str, float]) -> str:
        """The society's name."""
        above = {f.name: traits[f.name] >= getattr(self, f.name) for f in dataclasses.fields(self)}
        if above["joint"]:
            return "cooperators"
        if above["looked_at"] and not above["movement"]:
            return "staring ring"
        if above["top_act"]:
            return "chorus"
        if above["match"]:
            return "unison"
        return "wanderers" if above["movement"] else "bystanders"

    def vote(self, parts: list[dict[str, float]]) -> tuple[str, dict[str, int]]:
        """The commonest name over batches (in the order of `SOCIETIES` where names tie), and all votes."""
        votes = Counter(self(p) for p in parts)
        return max(SOCIETIES, key=lambda s: votes[s]), dict(votes)


def halfway(scripted: Mapping[str, Mapping[str, float]], *, least: float) -> Rule:
    """The rule that follows from what scripted societies show.

    least: the smallest rate of joint success that the random team's episodes could have shown above 0.
    """
    random = scripted["random team"]

    def between(trait: str, society: str) -> float:
        return 0.5 * (random[trait] + scripted[society][trait])

    return Rule(
        joint=math.sqrt(max(random["joint"], least) * max(scripted["scripted team"]["joint"], least)),
        movement=between("movement", "staring ring"),
        looked_at=between("looked_at", "staring ring"),
        top_act=between("top_act", "chorus of no-ops"),
        match=between("match", "fast oscillators"),
    )


class OneOf(Bot):
    """The `which`-th of several scripted teams. All decide, one is heeded: they share a compilation."""

    bots: tuple[Bot, ...]
    which: Int[Array, ""]

    def begin(self, scene: Scene) -> Any:
        return tuple(b.begin(scene) for b in self.bots)

    def __call__(self, key: Key[Array, ""], scene: Scene, memory: Any) -> tuple[Array, Any]:
        decided = [b(key, scene, m) for b, m in zip(self.bots, memory, strict=True)]
        actions = jnp.stack([a for a, _ in decided])
        chosen = (jnp.arange(len(self.bots)) == self.which).reshape(-1, *[1] * (actions.ndim - 1))
        return (actions * chosen).sum(0).astype(actions.dtype), tuple(m for _, m in decided)


def mean_traits(parts: list[dict[str, float]]) -> dict[str, float]:
    return {t: float(np.mean([p[t] for p in parts])) for t in TRAITS}


def scripted_societies(
    env: Simulation, key: Key[Array, ""], *, worlds: int, number: int, steps: int | None = None
) -> dict[str, list[dict[str, float]]]:
    """Every scripted society of `SCRIPTED` played in `number` batches of `worlds` worlds: their traits."""
    made = (
        scripted_team(env),
        random_team(env),
        staring_ring(env),
        noop_chorus(env),
        noop_chorus(env, Act.GESTURE_2),
        fast_oscillators(env),
        slow_oscillators(env),
        mirror_pair(env),
    )
    out = {}
    for i, name in enumerate(SCRIPTED):
        bot = OneOf(made, jnp.int32(i))
        episodes = play(env, bot, jax.random.fold_in(key, i), worlds=worlds * number, steps=steps)
        out[name] = batches(episodes, number)
    return out
