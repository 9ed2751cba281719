"""Rewards for predicting well: what others do next, and what one will sense next.

A model learns beside the team, from the team's own experience: given what an agent senses and the act it
chose, it says what others in sight do in this decision and what the agent will sense after it. Each task is
a channel of rewards of its own, so that drives can weigh them apart.

**The dark room.** Who is paid for plain predictability is best off where nothing ever happens: alone before a
wall, or in a team that stands still (Friston, Thornton & Clark 2012). The three skills therefore pay for
predicting *better than by habit*: better than a forecaster who knows how often an act follows an act, and
better than one who says that nothing will change. In a constant world habit is never wrong and nothing is
earned. `certainty` is the plain predictability that the skills avoid; it is there to be measured, and to show
what becomes of those who are moved by it. What the skills do not close: an agent that turns on the spot
changes what it senses in a way that is easy to learn.
"""

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jaxtyping import Array, Bool, Float, Key

from socialsim.agents.novelty import WIDTH, arrived, pooled
from socialsim.agents.rollout import Trajectory
from socialsim.core.acts import NUM_ACTS
from socialsim.core.errors import integer, number
from socialsim.core.senses import OBJECT_SENSE_FEATURES, OTHER_FEATURES, SELF_FEATURES, Observation
from socialsim.core.simulation import Simulation

TASKS = ("predict_others", "predict_self", "predict_objects")
CERTAINTY = "certainty"

_BODY = len(SELF_FEATURES) - NUM_ACTS  # one's own act is chosen, not predicted
_FLOOR = 0.01  # of squared changes of senses: smaller ones are worth less than they say
_BLUR = 0.05  # squared error at which a prediction counts as half certain


def skill_in_acts(
    model: Float[Array, "... J"], habit: Float[Array, "... J"], seen: Bool[Array, "... J"]
) -> Float[Array, "..."]:
    """(log p_model - log p_habit) / log N of what J others did, mean over those seen, each within [-1, 1].

    0 where nobody is seen. A perfect model of a partner whose acts are uniform on all N and independent of
    the last one earns 1, chance 0; of a constant partner, whom habit predicts as well, it earns 0.
    """
    each = jnp.clip((model - habit) / math.log(NUM_ACTS), -1.0, 1.0)
    return (each * seen).sum(-1) / jnp.maximum(seen.sum(-1), 1)


def skill_in_senses(error: Array, still: Array) -> Array:
    """(still - error) / (still + error + floor): squared error against that of "nothing changes", in [-1, 1].

    Perfect: near 1 where much changes, 0 where nothing does. No better than "nothing changes": 0.
    """
    return (still - error) / (still + error + _FLOOR)


class Model(struct.PyTreeNode):
    """What a `Prediction` keeps. params: of the networks.  optimiser: Adam's state.
    habit: how often an act followed an act, running share `[N, N]`, rows the earlier act."""

    params: dict[str, Array]
    optimiser: Any
    habit: Float[Array, "N N"]


class Forecast(struct.PyTreeNode):
    """others: log-probability of what each of J others did.  errors and what "nothing changes" would have
    missed by, mean squares over features; objects: over those in sight before and after.
    seen: others in sight before and after.  kept: objects likewise."""

    others: Float[Array, "... J"]
    error_self: Float[Array, "..."]
    still_self: Float[Array, "..."]
    error_objects: Float[Array, "..."]
    still_objects: Float[Array, "..."]
    seen: Bool[Array, "... J"]
    kept: Bool[Array, "... M"]


@dataclasses.dataclass(frozen=True)
class Prediction:
    """Rewards for predicting others' acts, one's own body and the objects; and `certainty`.

    width: of the model's layers.  steps: gradient steps on each batch, each on another part of the worlds.
    learning_rate: of Adam.  memory: batches over which habits are averaged.

    One model per run, shared by its agents. A batch is judged before it is learned from, so memorising it
    earns nothing. Rewards lie in [-1, 1], certainty in [0, 1]. The last row of an episode has 0.
    """

    width: int = 32
    steps: int = 4
    learning_rate: float = 3e-3
    memory: float = 10.0
    channels: tuple[str, ...] = (*TASKS, CERTAINTY)

    def __post_init__(self):
        integer("width", self.width, low=1)
        integer("steps", self.steps, low=1)
        number("learning_rate", self.learning_rate, low=0.0, above=True)
        number("memory", self.memory, low=1.0)

    @property
    def _adam(self) -> optax.GradientTransformation:
        return optax.chain(optax.clip_by_global_norm(1.0), optax.adam(self.learning_rate))

    def init(self, key: Key[Array, ""], env: Simulation) -> Model:
        own = env.actions.size or env.actions.choices
        w = self.width
        shapes = {
            "context": (WIDTH + own + 1, w),
            "others": (w + len(OTHER_FEATURES) + 1, w),
            "others_out": (w + 1, NUM_ACTS),
            "self": (w + 1, _BODY),
            "objects": (w + len(OBJECT_SENSE_FEATURES) + 1, w),
            "objects_out": (w + 1, len(OBJECT_SENSE_FEATURES)),
        }
        # What is said at first is chance and "nothing changes": the last layers start at zero.
        last = ("others_out", "self", "objects_out")
        params = {
            name: jnp.zeros(shape)
            if name in last
            else jax.random.normal(jax.random.fold_in(key, i), shape) * (2 / shape[0]) ** 0.5
            for i, (name, shape) in enumerate(shapes.items())
        }
        habit = jnp.full((NUM_ACTS, NUM_ACTS), 1 / NUM_ACTS, jnp.float32)
        return Model(params, self._adam.init(params), habit)

    def __call__(self, kept: Model, key: Key[Array, ""], path: Trajectory, last: Observation):
        after = arrived(path, last)
        inside = ~path.done
        said = forecast(kept.params, path.observation, path.action, after)
        before, now = _acts(path.observation), _acts(after)
        habit = kept.habit / kept.habit.sum(-1, keepdims=True)
        usual = jnp.log((before @ habit * now).sum(-1) + 1e-6)
        rewards = [
            skill_in_acts(said.others, usual, said.seen),
            skill_in_senses(said.error_self, said.still_self),
            skill_in_senses(said.error_objects, said.still_objects) * said.kept.any(-1),
            certainty(said),
        ]
        reward = jnp.stack(rewards, -1) * inside[..., None, None]
        params, optimiser, loss = self._learn(kept, path, after, inside)
        pairs = said.seen * inside[..., None, None]
        met = jnp.einsum("...i,...j,...->ij", before, now, pairs)
        # In shares of a batch, with a little of everything, so that no act is ever impossible.
        share = met / jnp.maximum(met.sum(), 1.0) + 1e-4
        model = Model(params, optimiser, kept.habit + (share - kept.habit) / self.memory)
        return model, reward, {"prediction_loss": loss}

    def _learn(self, kept: Model, path: Trajectory, after: Observation, inside):
        worlds = inside.shape[1]
        size = max(worlds // self.steps, 1)

        def step(carry, number):
            params, optimiser = carry
            at = (number * size) % max(worlds - size + 1, 1)

            def part(tree):
                return jax.tree.map(lambda x: jax.lax.dynamic_slice_in_dim(x, at, size, 1), tree)

            def loss(params):
                said = forecast(params, part(path.observation), part(path.action), part(after))
                live = part(inside)[..., None]
                seen = said.seen * live[..., None]
                acts = -(said.others * seen).sum() / jnp.maximum(seen.sum(), 1) / math.log(NUM_ACTS)
                senses = said.error_self + said.error_objects
                return acts + (senses * live).sum() / jnp.maximum(live.sum() * senses.shape[-1], 1)

            value, slope = jax.value_and_grad(loss)(params)
            change, optimiser = self._adam.update(slope, optimiser, params)
            learned: Any = optax.apply_updates(params, change)
            return (learned, optimiser), value

        begun: Any = (kept.params, kept.optimiser)
        (params, optimiser), losses = jax.lax.scan(step, begun, jnp.arange(self.steps))
        return params, optimiser, losses.mean()


def forecast(params: dict[str, Array], obs: Observation, action: Array, after: Observation) -> Forecast:
    """How well the model says what follows `obs`, where each agent takes `action`, against what did."""
    own = params["context"].shape[0] - WIDTH - 1
    chosen = action if action.ndim == obs.self.ndim else jax.nn.one_hot(action, own)
    context = jax.nn.relu(_affine(params["context"], jnp.concatenate([pooled(obs), chosen], -1)))

    def of_each(name, entities):
        around = jnp.broadcast_to(context[..., None, :], (*entities.shape[:-1], context.shape[-1]))
        hidden = jax.nn.relu(_affine(params[name], jnp.concatenate([entities, around], -1)))
        return _affine(params[f"{name}_out"], hidden)

    acts = jax.nn.log_softmax(of_each("others", obs.others.astype(jnp.float32)))
    seen = obs.others_mask & after.others_mask
    change = (after.self - obs.self)[..., :_BODY].astype(jnp.float32)
    moved = (after.objects - obs.objects).astype(jnp.float32)
    kept = obs.objects_mask & after.objects_mask
    missed = ((moved - of_each("objects", obs.objects.astype(jnp.float32))) ** 2).mean(-1)
    count = jnp.maximum(kept.sum(-1), 1)
    return Forecast(
        others=(acts * _acts(after)).sum(-1),
        error_self=((change - _affine(params["self"], context)) ** 2).mean(-1),
        still_self=(change**2).mean(-1),
        error_objects=(missed * kept).sum(-1) / count,
        still_objects=((moved**2).mean(-1) * kept).sum(-1) / count,
        seen=seen,
        kept=kept,
    )


def certainty(said: Forecast) -> Float[Array, "..."]:
    """Plain predictability in [0, 1], mean over what is there to predict: the reward with the dark room.

    Others' acts: 1 + log p / log N, within [0, 1].  Senses: 1 / (1 + error / blur).
    """
    acts = jnp.clip(1 + said.others / math.log(NUM_ACTS), 0.0, 1.0)
    here = [said.seen.any(-1), jnp.ones_like(said.error_self, bool), said.kept.any(-1)]
    how = [
        (acts * said.seen).sum(-1) / jnp.maximum(said.seen.sum(-1), 1),
        *(1 / (1 + e / _BLUR) for e in (said.error_self, said.error_objects)),
    ]
    there = jnp.stack(here, -1)
    return (jnp.stack(how, -1) * there).sum(-1) / there.sum(-1)


def _acts(obs: Observation) -> Float[Array, "... J N"]:
    """What each of the others was last seen to do, as a one-hot vector."""
    return obs.others[..., -NUM_ACTS:].astype(jnp.float32)


def _affine(weights: Array, x: Array) -> Array:
    return x @ weights[:-1] + weights[-1]
