"""The one learner: proximal policy optimisation with a value head, an advantage and a drive per channel.

`make_update(env, config)` returns pure functions; seeds, drives and carried rewards are data and can be
mapped over. Rewards that are no signals enter as more channels, each with its value head: those that a
learner makes itself (`Intrinsic`), and last what a transfer arm brings along (`Score`). A further loss on the
same batch is an `Auxiliary`.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import optax
from flax import nnx, struct
from jaxtyping import Array, Float, Key

from socialsim.agents.networks import NetworkConfig
from socialsim.agents.popart import update_scale
from socialsim.agents.returns import gae
from socialsim.agents.rollout import Actors, Trajectory, rollout, start
from socialsim.agents.team import Team, new_team
from socialsim.agents.watch import watch
from socialsim.core.autoreset import AutoReset, Pool
from socialsim.core.errors import OptionError, integer
from socialsim.core.senses import Observation
from socialsim.core.simulation import Simulation

CARRIED = "carried"
"""Channel of the reward that a transfer arm carries in from elsewhere; zero in ordinary training."""

ROWS, ROWS_ALONE = 128, 1024
"""Rows (agents at a moment) that a CPU differentiates at once, at least: where each core is a device of its
own, and where one device has the threads of all cores."""

POOL = 256
"""Fresh worlds that an update has at most, for those that end in it."""


@dataclasses.dataclass(frozen=True)
class PPOConfig:
    """Options of the learner (Schulman et al. 2017).

    worlds, steps: size of a batch.  discount: per decision.  decay: lambda of the advantage estimate.
    critic_speed: the critic's learning rate over the actor's.  scale_rate, scale_floor: of PopArt.
    """

    network: NetworkConfig = NetworkConfig()
    worlds: int = 256
    steps: int = 32
    epochs: int = 2
    minibatches: int = 4
    learning_rate: float = 1e-3
    critic_speed: float = 4.0
    discount: float = 0.96
    decay: float = 0.9
    clip: float = 0.2
    entropy: float = 0.02
    max_grad_norm: float = 1.0
    scale_rate: float = 0.1
    scale_floor: float = 0.05

    def __post_init__(self):
        for name in ("worlds", "steps", "epochs", "minibatches"):
            integer(name, getattr(self, name), low=1)
        if self.worlds % self.minibatches:
            raise OptionError(f"worlds={self.worlds} must be a multiple of minibatches={self.minibatches}")
        for name in ("discount", "decay"):
            if not 0 <= getattr(self, name) <= 1:
                raise OptionError(f"{name}={getattr(self, name)}; allowed: 0 to 1")
        for name in ("learning_rate", "critic_speed", "clip", "max_grad_norm", "scale_rate", "scale_floor"):
            if not getattr(self, name) > 0:
                raise OptionError(f"{name}={getattr(self, name)}; allowed: more than 0")

    @property
    def batch(self) -> int:
        """World-steps per update."""
        return self.worlds * self.steps


class Learner(struct.PyTreeNode):
    """All that changes while learning, as one pytree; a checkpoint is exactly this."""

    team: Team
    optimiser: Any
    actors: Actors
    key: Key[Array, ""]
    updates: Array  # [] int32
    intrinsic: Any = ()  # what an `Intrinsic` keeps


Score = Callable[[Observation], tuple[Array, Array, Array]]
"""What a carrier says of an observation s: potential Phi(s), reward b(s) on leaving it and a(s) on arriving
in it, `[..., A]` each. The carried reward of a step is gamma Phi(s') - Phi(s) + b(s) + a(s')."""


Spread = Callable[[Any, int], Any]
"""(tree, axis) -> the same tree, its leaves' `axis`, that of the worlds, placed (`devices.spread_worlds`)."""


def nowhere(tree: Any, axis: int) -> Any:
    """One device has all worlds."""
    del axis
    return tree


def no_score(obs: Observation) -> tuple[Array, Array, Array]:
    nothing = jnp.zeros(obs.self.shape[:-1])
    return nothing, nothing, nothing


@runtime_checkable
class Intrinsic(Protocol):
    """Rewards that a learner makes itself of what it met: novelty, surprise, how well it predicts.

    `channels` names them. `init(key, env)` is what it keeps between updates, a pytree. A call sees a batch
    before it is learned from, and the observation that follows its last row; it returns what to keep, rewards
    `[T, E, A, K]` in the order of `channels`, and metrics to log. Rows where `path.done` have no successor in
    the batch: the observation after them begins another episode.

    Two attributes it may have: `states = True` asks for `path.after`, the states of the worlds; a method
    `moved(drives [A, K]) -> Intrinsic` tells it by what the agents are moved, and whose making can be saved.
    """

    @property
    def channels(self) -> tuple[str, ...]: ...

    def init(self, key: Key[Array, ""], env: Simulation) -> Any: ...

    def __call__(
        self, kept: Any, key: Key[Array, ""], path: Trajectory, last: Observation
    ) -> tuple[Any, Float[Array, "T E A K"], dict[str, Array]]: ...


@runtime_checkable
class Auxiliary(Protocol):
    """A further loss on each minibatch: (team, part, key, given) -> (loss [], metrics to log).

    `team` holds the parameters that are differentiated; `given` is data of the run, such as its weight.
    """

    def __call__(
        self, team: Team, part: "Batch", key: Key[Array, ""], given: Any
    ) -> tuple[Array, dict[str, Array]]: ...


class PPO(NamedTuple):
    """init(key, team=None) -> Learner; update(learner, drives [A, C], score, given) -> (Learner, metrics).

    Both need fresh worlds, and take as `fresh` what `pool` makes of the same key (`init`: of its own,
    `update`: the learner's), so that it can be compiled once for both. `shared`: whether it fits `init`.
    """

    init: Callable[..., Learner]
    pool: Callable[[Key[Array, ""]], Pool]
    update: Callable[..., tuple[Learner, dict[str, Array]]]
    channels: tuple[str, ...]
    shared: bool


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


def make_update(
    env: Simulation,
    config: PPOConfig,
    *,
    carried: bool = False,
    intrinsic: Intrinsic | None = None,
    auxiliary: Auxiliary | None = None,
    spread: Spread = nowhere,
) -> PPO:
    """The learner for one environment, as pure functions.

    intrinsic: rewards of its own; `update` then wants their drives behind those of the signals.
    carried: add the channel of carried rewards; its drive is the last column.  auxiliary: a further loss.
    spread: told which axis of what is the worlds, so that several devices can share them.
    """
    worlds = AutoReset(env, config.worlds, pool_size=min(config.worlds, POOL))
    optimiser = make_optimiser(config)
    own = () if intrinsic is None else intrinsic.channels
    channels = (*env.channels, *own, *((CARRIED,) if carried else ()))

    def pool(key: Key[Array, ""]) -> Pool:
        return worlds.pool(jax.random.split(key, 3)[1])

    def init(key: Key[Array, ""], team: Team | None = None, fresh: Pool | None = None) -> Learner:
        team_key, start_key, key = jax.random.split(key, 3)
        fresh = Pool(*worlds.reset(start_key)) if fresh is None else fresh
        if team is None:
            team = new_team(team_key, config.network, env.actions, channels, env.num_agents)
        return Learner(
            team=team,
            optimiser=optimiser.init(nnx.to_pure_dict(team.params)),
            actors=spread(start(team, worlds, fresh, config.steps), 0),
            key=key,
            updates=jnp.zeros((), jnp.int32),
            intrinsic=() if intrinsic is None else intrinsic.init(jax.random.fold_in(team_key, 1), env),
        )

    def update(
        learner: Learner,
        drives: Float[Array, "A C"],
        score: Score = no_score,
        given: Any = None,
        fresh: Pool | None = None,
    ):
        key, _, rollout_key = jax.random.split(learner.key, 3)
        team, first = learner.team, learner.actors

        def at_end(obs, hidden):
            return team.forward(obs, hidden).value, score(obs)

        fresh, states = pool(learner.key) if fresh is None else fresh, getattr(intrinsic, "states", False)
        actors, path = rollout(team, worlds, fresh, first, rollout_key, config.steps, at_end, states=states)
        actors, path = spread(actors, 0), spread(path, 1)
        following = team.forward(actors.observation, actors.hidden).value
        end_value, end_score = path.at_end
        over = path.done[..., None, None]
        next_value = jnp.where(over, end_value, jnp.concatenate([path.value[1:], following[None]]))
        next_value = jnp.where(path.terminated[..., None, None], 0.0, next_value)
        signals, kept, told = path.signals, learner.intrinsic, {}
        if intrinsic is not None:
            made, own_key = intrinsic, jax.random.fold_in(learner.key, 1)
            if hasattr(made, "moved"):
                made = made.moved(drives[:, len(env.channels) :][:, : len(own)])  # type: ignore[attr-defined]
            kept, rewards, told = made(kept, own_key, path, actors.observation)
            signals = jnp.concatenate([signals, rewards], -1)
        felt = signals.mean((0, 1, 2))
        if carried:
            extra = _carried(score, path, actors.observation, end_score, config.discount)
            signals = jnp.concatenate([signals, extra[..., None]], -1)
        advantage = gae(
            signals, path.value, next_value, path.done, discount=config.discount, decay=config.decay
        )
        target = advantage + path.value
        team = rescale(team, target, config)
        mixed = (advantage / team.scale * drives).sum(-1)
        mixed = mixed / jnp.maximum(mixed.std(), config.scale_floor)
        batch = Batch(path.observation, path.start, path.action, path.log_prob, target, mixed)
        loss_key = jax.random.fold_in(learner.key, 2)

        def further(learning: Team, part: Batch, number: Array):
            assert auxiliary is not None
            return auxiliary(learning, part, jax.random.fold_in(loss_key, number), given)

        more = None if auxiliary is None else further
        team, opt_state, losses = learn(
            team, learner.optimiser, optimiser, batch, first.hidden, config, more, spread
        )
        metrics = {
            "joint": path.joint.mean(),
            "signal": felt,
            "target_mean": target.mean((0, 1, 2)),
            "explained_variance": _explained(path.value, target),
            "value_std": path.value.std((0, 1, 2)),
            **losses,
            **watch(path),
            **told,
        }
        learner = Learner(team, opt_state, actors, key, learner.updates + 1, kept)
        return learner, metrics

    return PPO(init, pool, update, channels, config.worlds <= POOL)


class Batch(NamedTuple):
    """What is learned from, `[T, E, A, ...]`; target: of the value heads, `[..., C]`, in signal units."""

    observation: Observation
    start: Array
    action: Array
    log_prob: Array
    target: Array
    advantage: Array


def _carried(score: Score, path: Trajectory, last: Observation, end, discount: float):
    """gamma Phi(s') - Phi(s) + b(s) + a(s') along a trajectory `[T, E, A]` (see `Score`).

    Phi is zero after termination, as potential-based shaping asks (Ng et al. 1999).
    """
    cached = jax.default_backend() == "cpu"  # a moment at a time stays in a core's cache (see `_parts`)
    potential, leaving, arriving = jax.lax.map(score, path.observation) if cached else score(path.observation)
    done = path.done[..., None]

    def following(now, after_last, at_end):
        return jnp.where(done, at_end, jnp.concatenate([now[1:], after_last[None]]))

    last_potential, _, last_arriving = score(last)
    after = following(potential, last_potential, end[0])
    after = jnp.where(path.terminated[..., None], 0.0, after)
    return discount * after - potential + leaving + following(arriving, last_arriving, end[2])


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


def learn(
    team,
    opt_state,
    optimiser,
    batch: Batch,
    hidden,
    config: PPOConfig,
    further=None,
    spread: Spread = nowhere,
):
    """Epochs over contiguous blocks of worlds: worlds are exchangeable, so no shuffle is paid for.

    further: a loss on top, (team, part, number of the minibatch) -> (loss, metrics)."""
    blocks = (config.minibatches, config.worlds // config.minibatches)
    scale = team.scale
    # Every device then has its share of each block.
    batch = spread(jax.tree.map(lambda x: x.reshape(len(x), *blocks, *x.shape[2:]), batch), 2)
    hidden = spread(hidden.reshape(*blocks, *hidden.shape[1:]), 1)
    parts = 1 if spread is not nowhere else _parts(blocks[1], len(batch.action) * batch.action.shape[3])

    def added(params, part: Batch, number):
        assert further is not None
        return further(team.replace(params=params), part, number)

    def loss(params, part: Batch, hidden):
        learning = team.replace(params=params)
        out = learning.unroll(part.observation, hidden, part.start)
        ratio = jnp.exp(out.policy.log_prob(part.action) - part.log_prob)
        clipped = jnp.clip(ratio, 1 - config.clip, 1 + config.clip)
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
        return actor + critic.sum() - config.entropy * entropy, aux

    def gradients(params, part: Batch, hidden):
        """Of the loss over a minibatch: the mean of those over equal parts of its worlds, part after part."""

        def of_part(at):
            own = jax.tree.map(lambda x: jax.lax.dynamic_index_in_dim(x, at, 1, keepdims=False), apart)
            memory = jax.lax.dynamic_index_in_dim(memories, at, 0, keepdims=False)
            return jax.grad(loss, has_aux=True)(params, own, memory)

        if parts == 1:
            return jax.grad(loss, has_aux=True)(params, part, hidden)
        shares = (parts, blocks[1] // parts)
        apart = jax.tree.map(lambda x: x.reshape(len(x), *shares, *x.shape[2:]), part)
        memories = hidden.reshape(*shares, *hidden.shape[1:])
        total, _ = jax.lax.scan(
            lambda total, at: (jax.tree.map(jnp.add, total, of_part(at)), None),
            jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), jax.eval_shape(of_part, 0)),
            jnp.arange(parts),
        )
        return jax.tree.map(lambda x: x / parts, total)

    def step(carry, at):
        (params, opt_state), (index, number) = carry, at
        part = jax.tree.map(lambda x: jax.lax.dynamic_index_in_dim(x, index, 1, keepdims=False), batch)
        memory = jax.lax.dynamic_index_in_dim(hidden, index, 0, keepdims=False)
        grads, aux = gradients(params, part, memory)
        if further is not None:
            more, told = jax.grad(added, has_aux=True)(params, part, number)
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


def _parts(worlds: int, rows: int) -> int:
    """In how many parts a minibatch of so many worlds, `rows` rows each, is differentiated.

    On CPUs what a part needs should stay in a core's cache: a training is then up to twice as fast
    (measured: benchmarks/options.py). Accelerators take it whole.
    """
    if jax.default_backend() != "cpu":
        return 1
    least = ROWS if len(jax.devices()) > 1 else ROWS_ALONE
    return max(n for n in range(1, worlds + 1) if worlds % n == 0 and (n == 1 or worlds // n * rows >= least))


def _explained(value, target):
    """1 - Var(target - value) / Var(target) per channel; NaN where the target does not vary."""
    spread = target.var((0, 1, 2))
    return jnp.where(spread > 1e-8, 1 - (target - value).var((0, 1, 2)) / jnp.maximum(spread, 1e-8), jnp.nan)
