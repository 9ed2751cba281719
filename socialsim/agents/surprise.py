"""Intrinsic rewards for what is not yet predicted: random network distillation, disagreement of an ensemble.

Each is a `ppo.Intrinsic` that rewards arriving, like those of `novelty`: the last row of an episode has 0. A
bonus is told before its networks learn from the batch.

Where what follows is noise (the "noisy TV"): members of an ensemble all come to predict its mean, so that
their disagreement fades, and with it the reward for watching noise. The error of distillation depends on
what is sensed and not on whether it could have been foreseen: it fades once the noise's values have been
met, and stays where the noise never repeats itself.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jaxtyping import Array, Float, Key, PyTree

from socialsim.agents.novelty import WIDTH, arrived, pooled
from socialsim.agents.rollout import Trajectory
from socialsim.core.errors import integer, number
from socialsim.core.senses import Observation
from socialsim.core.simulation import Simulation

Layers = dict[str, Array]


def layers(key: Key[Array, ""], inputs: int, hidden: int, outputs: int) -> Layers:
    """Weights of a network with one hidden layer."""
    first, last = jax.random.split(key)
    return {
        "in": jax.random.normal(first, (inputs, hidden)) * (2 / inputs) ** 0.5,
        "bias": jnp.zeros(hidden),
        "out": jax.random.normal(last, (hidden, outputs)) / hidden**0.5,
        "shift": jnp.zeros(outputs),
    }


def apply(weights: Layers, x: Float[Array, "... I"]) -> Float[Array, "... O"]:
    return jax.nn.relu(x @ weights["in"] + weights["bias"]) @ weights["out"] + weights["shift"]


def _descend(loss, weights: PyTree, memory: Any, rate: float, steps: int):
    """`steps` of Adam down `loss(weights, number)`."""
    adam = optax.adam(rate)

    def step(carry, number):
        weights, memory = carry
        change, memory = adam.update(jax.grad(loss)(weights, number), memory, weights)
        return (optax.apply_updates(weights, change), memory), None

    return jax.lax.scan(step, (weights, memory), jnp.arange(steps))[0]


class Distilled(struct.PyTreeNode):
    """target: the random network.  guess: the one that learns to say the same.  memory: of its optimiser."""

    target: Layers
    guess: Layers
    memory: Any


@dataclasses.dataclass(frozen=True)
class Distillation:
    """mean (f(s') - f_hat(s'))^2 with f a fixed random network (RND, Burda et al. 2019).

    hidden, features: of both networks.  rate, steps: Adam on each batch.  s' is `pooled` senses.
    """

    hidden: int = 32
    features: int = 16
    rate: float = 1e-3
    steps: int = 2
    channels: tuple[str, ...] = ("surprise",)

    def __post_init__(self):
        for name in ("hidden", "features", "steps"):
            integer(name, getattr(self, name), low=1)
        number("rate", self.rate, low=0.0, above=True)

    def init(self, key: Key[Array, ""], env: Simulation) -> Distilled:
        one, other = (layers(k, WIDTH, self.hidden, self.features) for k in jax.random.split(key))
        return Distilled(one, other, optax.adam(self.rate).init(other))

    def __call__(self, kept: Distilled, key: Key[Array, ""], path: Trajectory, last: Observation):
        sensed = pooled(arrived(path, last))
        wanted = apply(kept.target, sensed)

        def error(guess):
            return ((apply(guess, sensed) - wanted) ** 2).mean(-1)

        inside = jnp.broadcast_to(~path.done[..., None], sensed.shape[:-1])
        bonus = jnp.where(inside, error(kept.guess), 0.0)
        guess, memory = _descend(
            lambda g, _: (error(g) * inside).mean(), kept.guess, kept.memory, self.rate, self.steps
        )
        told = {"distillation_error": bonus.mean()}
        return kept.replace(guess=guess, memory=memory), bonus[..., None], told


class Ensemble(struct.PyTreeNode):
    """members: forward models, leading axis N.  memory: of their optimiser."""

    members: Layers
    memory: Any


@dataclasses.dataclass(frozen=True)
class Disagreement:
    """Variance over an ensemble of forward models of what they expect to be sensed next (Pathak et al. 2019).

    members: N of them. Each predicts the change of `pooled` senses from them and the action taken, and learns
    from a random half of the rows, drawn anew for each step.  hidden, rate, steps: as in `Distillation`.
    """

    members: int = 4
    hidden: int = 32
    rate: float = 2e-3
    steps: int = 2
    channels: tuple[str, ...] = ("disagreement",)

    def __post_init__(self):
        integer("members", self.members, low=2)
        for name in ("hidden", "steps"):
            integer(name, getattr(self, name), low=1)
        number("rate", self.rate, low=0.0, above=True)

    def init(self, key: Key[Array, ""], env: Simulation) -> Ensemble:
        inputs = WIDTH + (env.actions.size or env.actions.choices)
        keys = jax.random.split(key, self.members)
        members = jax.vmap(lambda k: layers(k, inputs, self.hidden, WIDTH))(keys)
        return Ensemble(members, optax.adam(self.rate).init(members))

    def __call__(self, kept: Ensemble, key: Key[Array, ""], path: Trajectory, last: Observation):
        before, after = pooled(path.observation), pooled(arrived(path, last))
        acts = kept.members["in"].shape[1] - WIDTH
        taken = path.action if path.action.ndim == 4 else jax.nn.one_hot(path.action.astype(jnp.int32), acts)
        given = jnp.concatenate([before, taken], -1)
        inside = jnp.broadcast_to(~path.done[..., None], before.shape[:-1])

        def expected(members):
            return jax.vmap(lambda m: apply(m, given))(members)  # [N, T, E, A, F]

        def loss(members, number):
            half = jax.random.bernoulli(jax.random.fold_in(key, number), 0.5, (self.members, *inside.shape))
            error = ((expected(members) - (after - before)) ** 2).mean(-1)
            return (error * half * inside).mean((1, 2, 3)).sum()

        guessed = expected(kept.members)
        bonus = jnp.where(inside, guessed.var(0).mean(-1), 0.0)
        error = ((guessed.mean(0) - (after - before)) ** 2).mean(-1)
        members, memory = _descend(loss, kept.members, kept.memory, self.rate, self.steps)
        told = {"disagreement": bonus.mean(), "prediction_error": (error * inside).mean()}
        return kept.replace(members=members, memory=memory), bonus[..., None], told
