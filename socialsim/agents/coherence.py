"""Coherence: a loss on values that one scene gets in several contexts that have no bearing on its worth.

    L = mean over pairs k != l of (V(g_k s) - stop_grad V(g_l s))^2 / max(Var_batch V, floor)

Its control asks the same scenes for ordinary targets G instead, in the same units, so that a weight means the
same in both:

    L_augmentation = mean over k > 0 of (V(g_k s) - G)^2 / max(Var_batch V, floor)

A target is a sampled return, so what is left to correct, and with it the pull of this loss, is larger than
that of L: it can crowd out the learning of the task. `examples` is the gentle form, as the critic counts its
errors: mean of 1/2 (V(g_k s) - G)^2 in the scale of returns.

A context g changes what is sensed and nothing that matters (see `Context`). Each agent is held to agree with
itself; agents are never held to agree with one another, as their situations may differ in truth.
"""

import dataclasses
from typing import Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array, Float, Key

from socialsim.agents.ppo import Batch
from socialsim.agents.team import Team
from socialsim.core.acts import Act
from socialsim.core.errors import OptionError, integer, number
from socialsim.core.scene import NUM_RAYS
from socialsim.core.senses import OBJECT_SENSE_FEATURES, OTHER_FEATURES, RADII, SELF_FEATURES, Observation


@runtime_checkable
class Context(Protocol):
    """Another context for what was sensed, any leading axes: (key, observation) -> observation."""

    @property
    def name(self) -> str: ...

    def __call__(self, key: Key[Array, ""], obs: Observation) -> Observation: ...


def reflection(names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Order and sign of feature columns seen in a mirror along the body's axis: reflected = x[order] * sign.

    What points left changes its sign, rays and turns on the left trade places with those on the right.
    """
    left, right = f"act_{Act.TURN_LEFT.name.lower()}", f"act_{Act.TURN_RIGHT.name.lower()}"
    across = {left: right, right: left}
    for r in range(1, NUM_RAYS):
        across[f"clear_{360 * r // NUM_RAYS}"] = f"clear_{360 * (NUM_RAYS - r) // NUM_RAYS}"
    order = np.array([names.index(across.get(n, n)) for n in names])
    sign = np.array([-1.0 if n == "left" or (n.endswith("_left") and n != left) else 1.0 for n in names])
    return order, sign.astype(np.float32)


_MIRROR = {
    "self": reflection(SELF_FEATURES),
    "others": reflection(OTHER_FEATURES),
    "objects": reflection(OBJECT_SENSE_FEATURES),
}


@dataclasses.dataclass(frozen=True)
class Mirror:
    """Viewpoint: the same scene seen from its mirror image. No world here knows left from right."""

    name: str = dataclasses.field(default="mirror", init=False)

    def __call__(self, key: Key[Array, ""], obs: Observation) -> Observation:
        seen = {part: getattr(obs, part)[..., order] * sign for part, (order, sign) in _MIRROR.items()}
        return dataclasses.replace(obs, **seen)  # a column set is called self: `obs.replace` cannot


@dataclasses.dataclass(frozen=True)
class Partners:
    """Partner identity: badges of the others are drawn anew, strengths from 1 to `badges`.

    Legitimate only where strength counts for nothing.
    """

    badges: int
    name: str = dataclasses.field(default="partners", init=False)

    def __post_init__(self):
        integer("badges", self.badges, low=1)

    def __call__(self, key: Key[Array, ""], obs: Observation) -> Observation:
        drawn = jax.random.randint(key, obs.others_mask.shape, 0, self.badges)
        badge = (0.25 * drawn * obs.others_mask).astype(obs.others.dtype)  # in quarters, as senses tell it
        return obs.replace(others=obs.others.at[..., OTHER_FEATURES.index("strength")].set(badge))


@dataclasses.dataclass(frozen=True)
class Decoys:
    """Irrelevant features of the map: objects that afford nothing appear, vanish and move.

    Every slot that shows none of the objects that matter (those that need someone) shows a decoy with
    probability `share`, on a whole cell within `cone` degrees and `reach` bodies ahead. Which slot a thing is
    in carries no meaning. Walls that would hide it are not known from what is sensed, so this is a little
    wider than the world; scenes are changed exactly in `experiments.cohering`.
    """

    share: float = 0.3
    reach: float = 8.0
    cone: float = 120.0
    name: str = dataclasses.field(default="decoys", init=False)

    def __post_init__(self):
        number("share", self.share, low=0.0, high=1.0)
        number("reach", self.reach, low=1.0)
        number("cone", self.cone, low=0.0, high=360.0, above=True)

    def __call__(self, key: Key[Array, ""], obs: Observation) -> Observation:
        names = OBJECT_SENSE_FEATURES
        matters = obs.objects_mask & (obs.objects[..., names.index("needed")] > 0)
        there_key, angle_key, far_key = jax.random.split(key, 3)
        shape = matters.shape
        there = ~matters & jax.random.bernoulli(there_key, self.share, shape)
        half = np.pi * self.cone / 360
        angle = jax.random.uniform(angle_key, shape, minval=-half, maxval=half)
        # Even over the area in view, and nearer ones therefore rarer.
        far = jnp.maximum(self.reach * jnp.sqrt(jax.random.uniform(far_key, shape)), 1.0)
        ahead, left = jnp.round(far * jnp.cos(angle)), jnp.round(far * jnp.sin(angle))
        distance = jnp.maximum(jnp.sqrt(ahead**2 + left**2), 1e-6)
        told = {"ahead": ahead / distance, "left": left / distance}
        told |= {f"near_{r:g}": jnp.exp(-distance / r) for r in RADII}
        nothing = jnp.zeros(shape)
        decoy = jnp.stack([told.get(n, nothing) for n in names], -1).astype(obs.objects.dtype)
        objects = jnp.where(matters[..., None], obs.objects, jnp.where(there[..., None], decoy, 0))
        return obs.replace(objects=objects, objects_mask=matters | there)


class Weights(struct.PyTreeNode):
    """What a run is trained with, `given` to `train`; `[]` each, so that arms are data.

    coherence: of the loss above.  augmentation: of its control, ordinary targets for the same transformed
    inputs.  mismatch: of the loss above between scenes that have nothing to do with each other. These three
    count squared differences of values over one and the same variance.  examples: of ordinary targets for the
    transformed inputs, as the critic counts its errors.
    """

    coherence: Float[Array, ""]
    augmentation: Float[Array, ""]
    mismatch: Float[Array, ""]
    examples: Float[Array, ""]


@dataclasses.dataclass(frozen=True)
class Coherence:
    """The loss as a `ppo.Auxiliary`, with its controls; `given` is a `Weights`.

    contexts: g_1 to g_K; g_0 leaves a scene as it is.  rows: steps of a minibatch that it is taken over.
    floor: least Var_batch V, in units of the squared scale of returns: a head that shrinks gains nothing by
    it beyond this. The variance is a yardstick and is not itself differentiated.
    """

    contexts: tuple[Context, ...]
    rows: int = 4
    floor: float = 0.01

    def __post_init__(self):
        if not self.contexts:
            raise OptionError("contexts=(); allowed: one context or more")
        integer("rows", self.rows, low=1)
        number("floor", self.floor, low=0.0, above=True)

    def __call__(self, team: Team, part: Batch, key: Key[Array, ""], given: Weights):
        if team.config.recurrent:
            raise OptionError("coherence asks for values of single moments; allowed: recurrent=False")
        row_key, roll_key, *keys = jax.random.split(key, 2 + len(self.contexts))
        steps = part.target.shape[0]
        rows = min(self.rows, steps)
        first = jax.random.randint(row_key, (), 0, steps - rows + 1)
        obs, target = jax.tree.map(
            lambda x: jax.lax.dynamic_slice_in_dim(x, first, rows), (part.observation, part.target)
        )
        seen = [obs, *(g(k, obs) for g, k in zip(self.contexts, keys, strict=True))]
        value = team.values(jax.tree.map(lambda *x: jnp.stack(x), *seen)) / team.scale  # [K+1, T, E, A, C]
        spread = jax.lax.stop_gradient(jnp.maximum(value[0].var((0, 1, 2)), self.floor))
        within = (disagreement(value, value) / spread).mean()
        between = (disagreement(value, shifted(roll_key, value)) / spread).mean()
        error = (value[1:] - target / team.scale) ** 2
        loss = given.coherence * within + given.mismatch * between
        loss = loss + given.augmentation * (error / spread).mean() + given.examples * 0.5 * error.mean()
        return loss, {"incoherence": within, "mismatch": between, "value_variance": value[0].var((0, 1, 2))}


def shifted(key: Key[Array, ""], value: Float[Array, "K T E A C"]) -> Float[Array, "K T E A C"]:
    """Each row's values replaced by those of another world, the same agent: never its own."""
    worlds = value.shape[2]
    by = jax.random.randint(key, (), 1, max(worlds, 2))
    return jnp.roll(value, by, axis=2)


def disagreement(value: Float[Array, "K ..."], other: Float[Array, "K ..."]) -> Float[Array, "..."]:
    """Mean over pairs k != l of (value_k - stop_grad other_l)^2."""
    other, count = jax.lax.stop_gradient(other), len(value)
    # Contexts are few; sums of squares over all pairs at once would cancel in float32.
    pairs = [(value[k] - other[m]) ** 2 for k in range(count) for m in range(count) if k != m]
    return jnp.stack(pairs).mean(0)
