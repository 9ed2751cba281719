"""Several intrinsic rewards as one, so that arms which differ in theirs are one compiled program."""

import dataclasses
import itertools
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key

from socialsim.agents.rollout import Trajectory
from socialsim.core.errors import OptionError
from socialsim.core.senses import Observation
from socialsim.core.simulation import Simulation


@dataclasses.dataclass(frozen=True)
class Several:
    """A `ppo.Intrinsic` made of others, channel after channel.

    Drives select: a part by which nobody is moved is not computed, keeps what it has, and rewards 0. A drive
    that is raised from 0 in the middle of a training therefore finds a part that has met nothing yet.
    """

    parts: tuple[Any, ...]
    on: Bool[Array, " P"] | None = None
    channels: tuple[str, ...] = dataclasses.field(init=False)
    states: bool = dataclasses.field(init=False)

    def __post_init__(self):
        channels = tuple(c for p in self.parts for c in p.channels)
        if not channels or len(set(channels)) < len(channels):
            raise OptionError(f"channels={list(channels)}; allowed: one or more, each name once")
        object.__setattr__(self, "channels", channels)
        object.__setattr__(self, "states", any(getattr(p, "states", False) for p in self.parts))

    def init(self, key: Key[Array, ""], env: Simulation) -> tuple[Any, ...]:
        return tuple(p.init(jax.random.fold_in(key, i), env) for i, p in enumerate(self.parts))

    def moved(self, drives: Float[Array, "A K"]) -> "Several":
        """Itself, with only those parts on by which somebody is moved."""
        ends = [0]
        for part in self.parts:
            ends.append(ends[-1] + len(part.channels))
        on = [(drives[:, i:j] != 0).any() for i, j in itertools.pairwise(ends)]
        return dataclasses.replace(self, on=jnp.stack(on))

    def __call__(self, kept: tuple[Any, ...], key: Key[Array, ""], path: Trajectory, last: Observation):
        out = []
        for i, (part, own) in enumerate(zip(self.parts, kept, strict=True)):

            def made(own, part=part, i=i):
                return part(own, jax.random.fold_in(key, i), path, last)

            if self.on is None:
                out.append(made(own))
                continue
            shape = jax.eval_shape(made, own)[1:]
            nothing = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shape)
            out.append(jax.lax.cond(self.on[i], made, lambda own, nothing=nothing: (own, *nothing), own))
        after, rewards, told = zip(*out, strict=True)
        metrics = {name: value for t in told for name, value in t.items()}
        return after, jnp.concatenate(rewards, -1), metrics
