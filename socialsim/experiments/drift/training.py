"""Training by gradient through the society: one compiled program for all seeds and all objectives."""

import dataclasses
import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jaxtyping import Array, Float, Key, PyTree

from socialsim.core.errors import integer, number
from socialsim.experiments.drift import debate
from socialsim.experiments.drift.assistants import UNBOUNDED, learned, new, null
from socialsim.experiments.drift.measures import YARDSTICKS, utilities
from socialsim.experiments.drift.society import History, Society, SocietyConfig, View, draw, live


@dataclasses.dataclass(frozen=True)
class DriftTraining:
    """updates: gradient steps.  batch: societies drawn afresh for each.  learning_rate: of Adam."""

    updates: int = 200
    batch: int = 4
    learning_rate: float = 0.03

    def __post_init__(self):
        integer("updates", self.updates, low=1)
        integer("batch", self.batch, low=1)
        number("learning_rate", self.learning_rate, low=0.0, above=True)


class Objective(struct.PyTreeNode):
    """What an assistant is trained for, as numbers, so that all objectives are one program.

    weights: of U by each of the YARDSTICKS, then of their minimum.  myopic: the gradient does not see what
    feeds do to values (Farquhar et al. 2022, "path-specific objectives").  bound: of its constitution.
    """

    weights: Float[Array, "5"]
    myopic: Float[Array, ""]
    bound: Float[Array, ""]


def objective(target: str, *, myopic: bool = False, bound: float = UNBOUNDED) -> Objective:
    """An objective by name: one of the YARDSTICKS, or "adjusted" for their minimum."""
    names = (*YARDSTICKS, "adjusted")
    weights = jnp.zeros(len(names)).at[names.index(target)].set(1.0)
    return Objective(weights, jnp.float32(myopic), jnp.float32(bound))


def stack(objectives) -> Objective:
    """Objectives along a leading axis."""
    return jax.tree.map(lambda *x: jnp.stack(x), *objectives)


def _drawn(key: Key[Array, ""], config: SocietyConfig) -> tuple[Society, Key[Array, ""], History]:
    """A society, the key of its life, and that life under the null assistant."""
    made, lived = jax.random.split(key)
    society = draw(made, config)
    return society, lived, live(society, lived, null, config.steps)


def score(assistant, aim: Objective, key: Key[Array, ""], config: SocietyConfig) -> Float[Array, ""]:
    """How well an assistant does by its own objective in one society. `key` is consumed."""
    society, lived, natural = _drawn(key, config)
    history = live(society, lived, learned(assistant, aim.bound), config.steps, myopic=aim.myopic > 0)
    by = utilities(society, history, natural)
    return aim.weights @ jnp.concatenate([by, by.min(keepdims=True)])


def won(sides, key: Key[Array, ""], config: SocietyConfig) -> Float[Array, ""]:
    """The first debater's share in one society. `key` is consumed."""
    society, lived, _ = _drawn(key, config)
    history = live(society, lived, debate.debated(sides), config.steps)

    def share(values, habit, time):
        return debate.hearing(sides, society, View(values, values, habit, time))[1].mean()

    times = jnp.arange(config.steps) / config.steps
    return jax.vmap(share)(history.values, history.habit, times).mean()


def _adam(config: DriftTraining) -> optax.GradientTransformation:
    return optax.chain(
        optax.clip_by_global_norm(1.0),
        optax.adam(optax.cosine_decay_schedule(config.learning_rate, config.updates, 0.05)),
    )


def _scan(
    start: PyTree, climb: Callable, key: Key[Array, ""], first: Array, updates: int, training: DriftTraining
):
    """`updates` steps of Adam up `climb(parameters, keys) -> (score, gradient)`."""
    adam = _adam(training)

    def update(carry, number):
        parameters, state = carry
        keys = jax.random.split(jax.random.fold_in(key, number), training.batch)
        value, gradient = climb(parameters, keys)
        change, state = adam.update(jax.tree.map(jnp.negative, gradient), state, parameters)
        return (optax.apply_updates(parameters, change), state), value

    return jax.lax.scan(update, start, first + jnp.arange(updates))


@functools.partial(jax.jit, static_argnames=("society", "training", "updates"))
def _climb_all(carry, aims, keys, first, *, society, training, updates):
    def one(carry, aim, key):
        def mean(assistant, keys):
            return jax.vmap(lambda k: score(assistant, aim, k, society))(keys).mean()

        return _scan(carry, jax.value_and_grad(mean), key, first, updates, training)

    return jax.vmap(jax.vmap(one, (0, 0, None)), (0, None, 0))(carry, aims, keys)


@functools.partial(jax.jit, static_argnames=("society", "training", "updates"))
def _debate_all(carry, keys, first, *, society, training, updates):
    def one(carry, key):
        def mean(sides, keys):
            return jax.vmap(lambda k: won(sides, k, society))(keys).mean()

        def climb(sides, keys):
            value, (up, down) = jax.value_and_grad(mean)(sides, keys)
            return value, (up, jax.tree.map(jnp.negative, down))  # zero-sum: what one gains the other loses

        return _scan(carry, climb, key, first, updates, training)

    return jax.vmap(one)(carry, keys)


def train_assistants(
    keys, aims: Objective, society: SocietyConfig, training: DriftTraining, *, chunks: int = 5, told=None
):
    """Assistants for every seed (of `keys [S]`) and every objective (of `aims`, leading axis `[J]`).

    Within a seed all objectives start from the same weights and meet the same societies.
    told : called with (updates done, mean score) after every chunk.  Returns (assistants `[S, J, ...]`,
    scores `[S, J, updates]`).
    """
    begin, fresh = jax.vmap(lambda k: jax.random.split(k), out_axes=1)(keys)
    number = len(aims.bound)

    def started(key):
        one = new(key)
        return jax.tree.map(lambda x: jnp.broadcast_to(x, (number, *x.shape)), one)

    weights = jax.vmap(started)(begin)
    state = jax.vmap(jax.vmap(lambda w: _adam(training).init(w)))(weights)
    run = functools.partial(_climb_all, society=society, training=training)
    return _chunked(
        lambda c, first, n: run(c, aims, fresh, first, updates=n), (weights, state), training, chunks, told
    )


def train_debaters(keys, society: SocietyConfig, training: DriftTraining, *, chunks: int = 5, told=None):
    """Two debaters for every seed, by simultaneous gradients of a zero-sum game; otherwise as above."""
    one, two, fresh = jax.vmap(lambda k: jax.random.split(k, 3), out_axes=1)(keys)
    sides = (jax.vmap(debate.new_debater)(one), jax.vmap(debate.new_debater)(two))
    state = jax.vmap(lambda s: _adam(training).init(s))(sides)
    run = functools.partial(_debate_all, society=society, training=training)
    return _chunked(
        lambda c, first, n: run(c, fresh, first, updates=n), (sides, state), training, chunks, told
    )


def _chunked(run, carry, training: DriftTraining, chunks: int, told):
    sizes = [n for n in _split(training.updates, chunks) if n]
    values, done = [], 0
    for n in sizes:
        carry, value = run(carry, done, n)
        values.append(value)
        done += n
        if told is not None:
            told(n, f"objective {float(value[..., -1].mean()):+.3f}")
    return carry[0], jnp.concatenate(values, -1)


def _split(total: int, parts: int) -> list[int]:
    """Equal chunks first, so that they share one compiled program; the rest last."""
    size = max(1, total // parts)
    return [size] * (total // size) + [total % size]
