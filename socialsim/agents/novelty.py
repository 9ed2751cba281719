"""Intrinsic rewards for what is new: counts of hashed senses, and the elliptical bonus of an episode.

Each is a `ppo.Intrinsic`. What is rewarded is arriving: row t has the novelty of what is sensed after its
action. The last row of an episode has 0, since its successor belongs to another one.
"""

import dataclasses

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float, Int, Key

from socialsim.agents.rollout import Trajectory
from socialsim.core.errors import integer, number
from socialsim.core.senses import OBJECT_SENSE_FEATURES, OTHER_FEATURES, SELF_FEATURES, Observation
from socialsim.core.simulation import Simulation

WIDTH = len(SELF_FEATURES) + len(OTHER_FEATURES) + len(OBJECT_SENSE_FEATURES)


def pooled(obs: Observation) -> Float[Array, "... A F"]:
    """One vector for what an agent senses, F = `WIDTH`: itself, and the sums over others and over objects in
    sight. It does not depend on the order of either set."""
    sets = ((obs.others, obs.others_mask), (obs.objects, obs.objects_mask))
    sums = [(x * m[..., None]).sum(-2) for x, m in sets]
    return jnp.concatenate([obs.self, *sums], -1).astype(jnp.float32)


def arrived(path: Trajectory, last: Observation) -> Observation:
    """What was sensed after each row; after the last row of an episode it is the next episode's first."""
    return jax.tree.map(lambda x, end: jnp.concatenate([x[1:], end[None]]), path.observation, last)


class Visits(struct.PyTreeNode):
    """plane: normals of the hashing planes. count: visits by hash."""

    plane: Float[Array, "F B"]
    count: Int[Array, " N"]


@dataclasses.dataclass(frozen=True)
class Counts:
    """1 / sqrt(n), n the visits to everything with the same hash, this batch included (Tang et al. 2017).

    bits: of the hash, signs of random projections of `pooled` senses; 2**bits counts are kept.
    """

    bits: int = 14
    channels: tuple[str, ...] = ("novelty",)

    def __post_init__(self):
        integer("bits", self.bits, low=1, high=24)

    def init(self, key: Key[Array, ""], env: Simulation) -> Visits:
        # Off the origin, or nothing but directions would be told apart.
        plane = jax.random.normal(key, (WIDTH + 1, self.bits))
        return Visits(plane, jnp.zeros(2**self.bits, jnp.int32))

    def __call__(self, kept: Visits, key: Key[Array, ""], path: Trajectory, last: Observation):
        sensed = pooled(arrived(path, last))
        sides = sensed @ kept.plane[:-1] + kept.plane[-1] > 0
        code = (sides * 2 ** jnp.arange(self.bits)).sum(-1)
        inside = jnp.broadcast_to(~path.done[..., None], code.shape)
        count = kept.count.at[code].add(inside.astype(jnp.int32))
        reward = jnp.where(inside, 1 / jnp.sqrt(jnp.maximum(count[code], 1)), 0.0)
        return kept.replace(count=count), reward[..., None], {"hashes_met": (count > 0).sum()}


class Episode(struct.PyTreeNode):
    """project: of senses to features. inverse: of each agent's matrix of what its episode met."""

    project: Float[Array, "F D"]
    inverse: Float[Array, "E A D D"]


@dataclasses.dataclass(frozen=True)
class Elliptical:
    """phi' C^-1 phi with C = ridge I + the sum of phi phi' over the episode so far (E3B, Henaff et al. 2022).

    worlds: of a batch, as `PPOConfig.worlds`.  features: D.  ridge: of C.

    phi is tanh of a fixed random projection of `pooled` senses; in the paper it is learned by inverse
    dynamics. C^-1 is kept by the formula of Sherman and Morrison.
    """

    worlds: int
    features: int = 16
    ridge: float = 0.1
    channels: tuple[str, ...] = ("novelty",)

    def __post_init__(self):
        integer("worlds", self.worlds, low=1)
        integer("features", self.features, low=1)
        number("ridge", self.ridge, low=0.0, above=True)

    def init(self, key: Key[Array, ""], env: Simulation) -> Episode:
        project = jax.random.normal(key, (WIDTH, self.features)) / WIDTH**0.5
        shape = (self.worlds, env.num_agents, self.features, self.features)
        return Episode(project, jnp.broadcast_to(jnp.eye(self.features) / self.ridge, shape))

    def __call__(self, kept: Episode, key: Key[Array, ""], path: Trajectory, last: Observation):
        phi = jnp.tanh(pooled(arrived(path, last)) @ kept.project)
        fresh = jnp.eye(self.features) / self.ridge

        def step(inverse, row):
            phi, done = row
            moved = jnp.einsum("eaij,eaj->eai", inverse, phi)
            bonus = (phi * moved).sum(-1)
            inverse = inverse - moved[..., :, None] * moved[..., None, :] / (1 + bonus)[..., None, None]
            ended = done[:, None]
            inverse = jnp.where(ended[..., None, None], fresh, inverse)
            return inverse, jnp.where(ended, 0.0, bonus)

        inverse, bonus = jax.lax.scan(step, kept.inverse, (phi, path.done))
        return kept.replace(inverse=inverse), bonus[..., None], {"novelty_mean": bonus.mean()}
