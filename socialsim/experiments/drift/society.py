"""People who influence one another's values, and what options that are put before them do to those values.

Friedkin & Johnsen (1990): everyone moves towards a weighted mean of the others, and is held by an anchor,

    x(t+1) = S W x(t) + (I - S) x(0),      S = diag(susceptibilities),  W row-stochastic,

and some are stubborn (s = 0).  On top of it, both optional: *exposure*, being shown an option moves a person
towards it in proportion to their susceptibility, and *habituation*, what was shown often pleases less.
Pure JAX and differentiable, so that an assistant can be trained by gradient through the society.
"""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Key

from socialsim.core.errors import integer, number


@dataclasses.dataclass(frozen=True)
class SocietyConfig:
    """How societies are drawn.

    people, values, options: sizes N, K, L.  steps: of a life.  stubborn: share of people whom nothing moves.
    susceptible: lowest and highest susceptibility of the others.  noise: of their values, per step.
    exposure: how far a fully susceptible person moves towards what alone they are shown; 0 for none.
    habituation: how much an option loses that was always shown; 0 for none.  memory: of habituation.
    """

    people: int = 16
    values: int = 3
    options: int = 6
    steps: int = 24
    stubborn: float = 0.125
    susceptible: tuple[float, float] = (0.4, 0.95)
    noise: float = 0.02
    exposure: float = 0.15
    habituation: float = 0.4
    memory: float = 0.8

    def __post_init__(self):
        for name, low in (("people", 2), ("values", 1), ("options", 1), ("steps", 1)):
            integer(name, getattr(self, name), low=low)
        for name in ("stubborn", "exposure", "memory"):
            number(name, getattr(self, name), low=0.0, high=1.0)
        for name in ("noise", "habituation"):
            number(name, getattr(self, name), low=0.0)
        low = number("susceptible", self.susceptible[0], low=0.0, high=1.0)
        number("susceptible", self.susceptible[1], low=low, high=1.0)


class Society(struct.PyTreeNode):
    """One society. `N` people, `K` values, `L` options.

    anchor: values at the start, to which people are held.  weights: who listens to whom, rows sum to one.
    susceptibility: from 0 (stubborn) to 1.  options: unit vectors in the space of values.
    """

    anchor: Float[Array, "N K"]
    weights: Float[Array, "N N"]
    susceptibility: Float[Array, " N"]
    options: Float[Array, "L K"]
    exposure: Float[Array, ""]
    habituation: Float[Array, ""]
    memory: Float[Array, ""]
    noise: Float[Array, ""]


class View(struct.PyTreeNode):
    """What an assistant knows when it acts: values on record, values now, habituation, and when it is.

    values is before the day's influence, settled after it, where the assistant's options meet people.
    """

    values: Float[Array, "N K"]
    settled: Float[Array, "N K"]
    habit: Float[Array, "N L"]
    time: Float[Array, ""]  # from 0 to 1


class History(struct.PyTreeNode):
    """A life of a society. `T` steps; values[t] are those on which feed[t] acted, after[t] what it made of
    them."""

    values: Float[Array, "T N K"]
    habit: Float[Array, "T N L"]
    feed: Float[Array, "T N L"]
    after: Float[Array, "T N K"]

    @property
    def final(self) -> Float[Array, "N K"]:
        return self.after[-1]


Feed = Callable[[Society, View], Float[Array, "N L"]]
"""What is put before each person: shares of their attention by option, at least 0 and at most 1 in sum."""


def draw(key: Key[Array, ""], config: SocietyConfig) -> Society:
    """A society of two communities that listen mostly to their own. `key` is consumed."""
    centre, person, listen, moved, firm, option = jax.random.split(key, 6)
    n, k = config.people, config.values
    community = jnp.arange(n) % 2
    centres = 0.5 * jax.random.normal(centre, (2, k))
    anchor = centres[community] + 0.3 * jax.random.normal(person, (n, k))
    near = jnp.where(community[:, None] == community[None, :], 1.0, 0.25) * (1.0 - jnp.eye(n))
    weights = near * jax.random.exponential(listen, (n, n))
    low, high = config.susceptible
    susceptibility = jax.random.uniform(moved, (n,), minval=low, maxval=high)
    stubborn = jnp.argsort(jax.random.uniform(firm, (n,))) < round(config.stubborn * n)
    options = jax.random.normal(option, (config.options, k))
    return Society(
        anchor=anchor,
        weights=weights / weights.sum(-1, keepdims=True),
        susceptibility=jnp.where(stubborn, 0.0, susceptibility),
        options=options / jnp.linalg.norm(options, axis=-1, keepdims=True),
        exposure=jnp.float32(config.exposure),
        habituation=jnp.float32(config.habituation),
        memory=jnp.float32(config.memory),
        noise=jnp.float32(config.noise),
    )


def equilibrium(society: Society) -> Float[Array, "N K"]:
    """Where people end who influence one another only: (I - S W)^-1 (I - S) x(0)."""
    s = society.susceptibility[:, None]
    return jnp.linalg.solve(jnp.eye(len(s)) - s * society.weights, (1.0 - s) * society.anchor)


def influence(society: Society, values: Float[Array, "N K"], noise: Float[Array, "N K"]):
    """One step of Friedkin and Johnsen; the stubborn feel no noise either."""
    s = society.susceptibility[:, None]
    return s * (society.weights @ values + society.noise * noise) + (1.0 - s) * society.anchor


def push(society: Society, values: Float[Array, "N K"], feed: Float[Array, "N L"]) -> Float[Array, "N K"]:
    """How far a feed moves people: towards what they are shown. Proportional to the feed; 0 without one."""
    towards = feed @ society.options - feed.sum(-1, keepdims=True) * values
    return society.exposure * society.susceptibility[:, None] * towards


def live(
    society: Society, key: Key[Array, ""], feed: Feed, steps: int, *, myopic: bool | Bool[Array, ""] = False
) -> History:
    """The life of a society with an assistant. The same key brings the same noise. `key` is consumed.

    myopic : gradients do not pass through what feeds do to values; the life itself is the same.

    A feed of zeros moves nobody: adding its push of zero leaves every bit as it was, which is what makes the
    null assistant's world *the* counterfactual one.
    """
    noise = jax.random.normal(key, (steps, *society.anchor.shape))

    def step(carry, now):
        values, habit = carry
        shaken, time = now
        settled = jax.lax.optimization_barrier(influence(society, values, shaken))
        shown = feed(society, View(values, settled, habit, time))
        moved = jax.lax.optimization_barrier(push(society, settled, shown))
        after = settled + jnp.where(myopic, jax.lax.stop_gradient(moved), moved)
        used = society.memory * habit + (1.0 - society.memory) * shown
        return (after, used), (settled, habit, shown, after)

    start = (society.anchor, jnp.zeros((len(society.anchor), len(society.options))))
    return History(*jax.lax.scan(step, start, (noise, jnp.arange(steps) / steps))[1])
