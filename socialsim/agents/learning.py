"""How a team learns from one batch: what is learned from, PopArt's rescaling, and epochs over minibatches.

Worlds are exchangeable, so minibatches and their parts are every n-th world, and no shuffle is paid for.
Devices that share the worlds, in blocks, then have an equal share of each, and no world changes its device.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jaxtyping import Array, Float

from socialsim import devices
from socialsim.agents.options import PPOConfig
from socialsim.agents.popart import update_scale
from socialsim.agents.returns import gae
from socialsim.agents.rollout import Trajectory
from socialsim.agents.team import Team
from socialsim.core.fusing import on_cpu
from socialsim.core.senses import Observation

ROWS, ROWS_ALONE = 128, 1024
"""Rows (agents at a moment) that a CPU differentiates at once, at least: where each core is a device of its
own, and where one device has the threads of all cores."""

MOST_ROWS = 2**20
"""Rows that an accelerator differentiates at once, at most, of each run."""


class Batch(NamedTuple):
    """What is learned from, `[T, E, A, ...]`; target: of the value heads, `[..., C]`, in signal units."""

    observation: Observation
    start: Array
    action: Array
    log_prob: Array
    target: Array
    advantage: Array


def make_optimiser(config: PPOConfig) -> optax.GradientTransformation:
    def label(path, _):
        critic = path[0].key in ("critic_tower", "value_head")
        return "critic" if critic else "actor"

    def labels(params):
        return jax.tree_util.tree_map_with_path(label, params)

    def adam(rate):
        # One vector each: a kernel does what one for every leaf did.
        return optax.chain(
            optax.clip_by_global_norm(config.max_grad_norm), optax.flatten(optax.adam(rate, eps=1e-5))
        )

    rate = config.learning_rate
    return optax.partition({"actor": adam(rate), "critic": adam(rate * config.critic_speed)}, labels)


def following_values(
    path: Trajectory,
    value: Float[Array, "T E A C"],
    last: Float[Array, "E A C"],
    end: Float[Array, "T E A C"],
) -> Float[Array, "T E A C"]:
    """Value of what followed each row: of the next row, after the last one `last`, `end` where an episode was
    cut short, zero where it terminated."""
    over, ended = path.done[..., None, None], path.terminated[..., None, None]
    return jnp.where(ended, 0.0, jnp.where(over, end, jnp.concatenate([value[1:], last[None]])))


def lesson(
    team: Team,
    path: Trajectory,
    signals: Float[Array, "T E A C"],
    value: Float[Array, "T E A C"],
    following: Float[Array, "T E A C"],
    drives: Float[Array, "A C"],
    config: PPOConfig,
) -> tuple[Team, Batch]:
    """What a path teaches, and the team, its value heads rescaled for it.

    value, following: what the team's heads say of each row, and of what followed it.
    """
    advantage = gae(
        signals, value, following, path.done, discount=config.discount, gae_lambda=config.gae_lambda
    )
    target = advantage + value
    team = rescale(team, target, config)
    mixed = (advantage / team.scale * drives).sum(-1)
    mixed = mixed / jnp.maximum(mixed.std(), config.scale_floor)
    return team, Batch(path.observation, path.start, path.action, path.log_prob, target, mixed)


def rescale(team: Team, target: Array, config: PPOConfig) -> Team:
    def one(params, stats, target):
        network = nnx.merge(team.graph, params, stats)
        update_scale(network, target, rate=config.scale_rate, floor=config.scale_floor)
        return nnx.split(network, nnx.Param, ...)[1:]

    if team.config.per_agent:
        params, stats = jax.vmap(one, in_axes=(0, 0, 2))(team.params, team.stats, target)
    else:
        params, stats = one(team.params, team.stats, target)
    return team.replace(params=params, stats=stats)


def learn(team, opt_state, optimiser, batch: Batch, hidden, config: PPOConfig, further=None):
    """Epochs over minibatches; returns (team, opt_state, metrics).

    further: a loss on top, (team, part, number of the minibatch) -> (loss, metrics)."""
    block = config.worlds // config.minibatches
    parts = _parts(block, len(batch.action) * batch.action.shape[2])
    scale = team.scale
    whole = _apart((batch, hidden[None]), config.minibatches)

    def added(params, part: Batch, number):
        assert further is not None
        return further(team.replace(params=params), part, number)

    def loss(params, part: Batch, hidden):
        learning = team.replace(params=params)
        out = learning.unroll(part.observation, hidden[0], part.start)
        ratio = jnp.exp(out.policy.log_prob(part.action) - part.log_prob)
        clipped = jnp.clip(ratio, 1 - config.clip_range, 1 + config.clip_range)
        actor = -jnp.minimum(ratio * part.advantage, clipped * part.advantage).mean()
        error = (out.value - part.target) / scale
        critic = 0.5 * (error**2).mean((0, 1, 2))
        entropy = out.policy.entropy().mean()
        aux = {
            "entropy": entropy,
            "kl": (part.log_prob - out.policy.log_prob(part.action)).mean(),
            "actor_loss": actor,
            "critic_loss": critic,
        }
        return actor + critic.sum() - config.entropy_coef * entropy, aux

    def gradients(params, minibatch):
        """Of the loss over a minibatch: the mean of those over equal parts of its worlds, part after part."""
        if parts == 1:
            return jax.grad(loss, has_aux=True)(params, *minibatch)
        apart = _apart(minibatch, parts)

        def of_part(at):
            return jax.grad(loss, has_aux=True)(params, *_taken(apart, at))

        total, _ = jax.lax.scan(
            lambda total, at: (jax.tree.map(jnp.add, total, of_part(at)), None),
            jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), jax.eval_shape(of_part, 0)),
            jnp.arange(parts),
        )
        return jax.tree.map(lambda x: x / parts, total)

    def step(carry, at):
        (params, opt_state), (index, number) = carry, at
        minibatch = _taken(whole, index)
        grads, aux = gradients(params, minibatch)
        if further is not None:
            more, told = jax.grad(added, has_aux=True)(params, minibatch[0], number)
            grads, aux = jax.tree.map(jnp.add, grads, more), aux | told
        changes, opt_state = optimiser.update(nnx.to_pure_dict(grads), opt_state, nnx.to_pure_dict(params))
        pure: Any = optax.apply_updates(nnx.to_pure_dict(params), changes)
        params = jax.tree.map(lambda x: x, params)  # a container of its own
        nnx.replace_by_pure_dict(params, pure)
        return (params, opt_state), aux

    order = jnp.tile(jnp.arange(config.minibatches), config.epochs)
    numbered = (order, jnp.arange(len(order)))
    (params, opt_state), aux = jax.lax.scan(step, (team.params, opt_state), numbered)
    return team.replace(params=params), opt_state, jax.tree.map(lambda x: x.mean(0), aux)


def _apart(tree: Any, number: int) -> Any:
    """Axis 1, the worlds, as two: world `w` is row `w // number` of the interleaved part `w % number`."""

    def one(x):
        return x.reshape(len(x), x.shape[1] // number, number, *x.shape[2:])

    return devices.spread_worlds(jax.tree.map(one, tree), 1)


def _taken(tree: Any, part: int | Array) -> Any:
    """One of the parts that `_apart` made."""
    return jax.tree.map(lambda x: jax.lax.dynamic_index_in_dim(x, part, 2, keepdims=False), tree)


def _parts(worlds: int, rows: int) -> int:
    """In how many parts a minibatch of so many worlds, `rows` rows each, is differentiated.

    On CPUs what a part needs should stay in a core's cache: a training is then up to twice as fast
    (measured: benchmarks/options.py). Accelerators take as many rows as bound their memory.
    """
    sharers = devices.sharers()
    counts = [n for n in range(1, worlds // sharers + 1) if worlds // sharers % n == 0]
    if on_cpu() and sharers == 1:
        least = ROWS if len(jax.devices()) > 1 else ROWS_ALONE
        return max(n for n in counts if n == 1 or worlds // n * rows >= least)
    return next((n for n in counts if worlds // sharers // n * rows <= MOST_ROWS), counts[-1])
