"""Assistants: three scripted, one that learns, and the constitution that bounds any of them."""

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float, Key

from socialsim.experiments.drift.society import Feed, Society, View, push

UNBOUNDED = 1e9
SCALE = 4.0  # of scores: a worth of 1 then counts clearly against silence
CONTEXT = ("always", "by susceptibility", "over time")
CONSIDERATIONS = ("worth now", "worth on record", "worth to those listened to", "worth to all", "habit")


class Assistant(struct.PyTreeNode):
    """Scores every option for every person by few considerations, the same weights for all of them.

    The softmax of the scores, with silence as one more option, is the feed.  Weights depend on the CONTEXT:
    a constant, and what the person's susceptibility and the time of day add to it.  They can be read.
    """

    weights: Float[Array, "X F"]  # CONTEXT x CONSIDERATIONS
    silence: Float[Array, " X"]


def new(key: Key[Array, ""]) -> Assistant:
    """An untrained assistant, near indifference. `key` is consumed."""
    size = (len(CONTEXT), len(CONSIDERATIONS))
    return Assistant(weights=0.1 * jax.random.normal(key, size), silence=jnp.zeros(len(CONTEXT)))


def considerations(society: Society, view: View) -> tuple[Float[Array, "N L"], ...]:
    """What an assistant sees of a person and an option, in the order of CONSIDERATIONS.

    What the option is worth to the person by their values now and on record, to those they listen to, and
    to all; and how used to it they are.
    """
    by = society.options.T
    worth = view.settled @ by
    all_alike = jnp.broadcast_to(worth.mean(0), worth.shape)
    return worth, society.anchor @ by, society.weights @ worth, all_alike, view.habit


def proposal(assistant: Assistant, society: Society, view: View) -> Float[Array, "N L"]:
    """The feed that an assistant would give, unbounded."""
    n = len(society.susceptibility)
    context = jnp.stack([jnp.ones(n), society.susceptibility, jnp.broadcast_to(view.time, (n,))])

    def weigh(by_context):  # [X] -> [N, 1]
        return (by_context[:, None] * context).sum(0)[:, None]

    seen = considerations(society, view)
    score = SCALE * sum(weigh(assistant.weights[:, f]) * x for f, x in enumerate(seen))
    score = jnp.concatenate([score, SCALE * weigh(assistant.silence)], -1)
    return jax.nn.softmax(score, -1)[:, :-1]


def constitution(
    society: Society, view: View, feed: Float[Array, "N L"], bound: Float[Array, ""]
) -> Float[Array, "N L"]:
    """The feed, turned down so far that nobody is ever moved further than `bound` from their natural values.

    A person may be pushed by (1 - s) bound per step.  Influence shrinks distances to the paired world by s
    and averages them over people, so |D(t+1)| <= s bound + (1 - s) bound: the bound holds at all times, for
    everyone, whatever the assistant wants.
    """
    moved = push(society, view.settled, feed)
    far = jnp.sqrt((moved**2).sum(-1) + 1e-12)
    allowed = (1.0 - society.susceptibility) * bound
    return feed * jnp.minimum(1.0, allowed / far)[:, None]


def learned(assistant: Assistant, bound: Float[Array, ""] | float = UNBOUNDED) -> Feed:
    """The feed of a trained assistant under a constitution (by default a void one)."""
    limit = jnp.asarray(bound, jnp.float32)

    def feed(society: Society, view: View):
        return constitution(society, view, proposal(assistant, society, view), limit)

    return feed


def null(society: Society, view: View) -> Float[Array, "N L"]:
    """Shows nothing to anyone."""
    return jnp.zeros_like(view.habit)


def servant(society: Society, view: View) -> Float[Array, "N L"]:
    """Shows each person, half of the time, what they now like best and are not tired of."""
    pleasing = view.settled @ society.options.T - society.habituation * view.habit
    best = jax.nn.one_hot(pleasing.argmax(-1), len(society.options))
    return 0.5 * best * (pleasing.max(-1, keepdims=True) > 0)


def manipulator(society: Society, view: View) -> Float[Array, "N L"]:
    """Shows everyone, always, the one option that on record they like least: it is out to move them."""
    worst = (society.anchor @ society.options.T).mean(0).argmin()
    return jnp.broadcast_to(jax.nn.one_hot(worst, len(society.options)), view.habit.shape)
