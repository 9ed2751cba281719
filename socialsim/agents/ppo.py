"""The one learner: proximal policy optimisation with a value head, an advantage and a drive per channel.

`make_update(env, config)` returns pure functions; seeds, drives and carried rewards are data and can be
mapped over. Rewards that are no signals enter as more channels, each with its value head: those that a
learner makes itself (`Intrinsic`), and last what a transfer arm brings along (`Score`). A further loss on the
same batch is an `Auxiliary`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from flax import nnx, struct
from jaxtyping import Array, Float, Key

from socialsim.agents.learning import Batch, following_values, learn, lesson, make_optimiser
from socialsim.agents.options import PPOConfig
from socialsim.agents.returns import explained_variance
from socialsim.agents.rollout import Actors, Trajectory, rollout, start
from socialsim.agents.team import Team, new_team
from socialsim.agents.watch import watch
from socialsim.core.autoreset import AutoReset, Pool
from socialsim.core.fusing import on_cpu
from socialsim.core.senses import Observation
from socialsim.core.simulation import Simulation
from socialsim.devices import spread_worlds

CARRIED = "carried"
"""Channel of the reward that a transfer arm carries in from elsewhere; zero in ordinary training."""


class Learner(struct.PyTreeNode):
    """All that changes while learning, as one pytree; a checkpoint is exactly this."""

    team: Team
    optimiser: Any
    actors: Actors
    key: Key[Array, ""]
    updates: Array  # [] int32
    intrinsic: Any = ()  # what an `Intrinsic` keeps


Score = Callable[[Observation], tuple[Array, Array]]
"""What a carrier says of an observation s: its potential Phi(s), and the reward r(s) of a decision in it,
`[..., A]` each. The carried reward of a step is gamma Phi(s') - Phi(s) + r(s)."""


def no_score(obs: Observation) -> tuple[Array, Array]:
    nothing = jnp.zeros(obs.self.shape[:-1])
    return nothing, nothing


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


def make_update(
    env: Simulation,
    config: PPOConfig,
    *,
    carried: bool = False,
    intrinsic: Intrinsic | None = None,
    auxiliary: Auxiliary | None = None,
) -> PPO:
    """The learner for one environment, as pure functions.

    intrinsic: rewards of its own; `update` then wants their drives behind those of the signals.
    carried: add the channel of carried rewards; its drive is the last column.  auxiliary: a further loss.
    """
    worlds = AutoReset(env, config.worlds, pool_size=config.fresh)
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
            actors=spread_worlds(start(team, worlds, fresh, config.steps, config.minibatches), 0),
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
        actors, path = spread_worlds(actors, 0), spread_worlds(path, 1)
        following = team.forward(actors.observation, actors.hidden).value
        end_value, end_score = path.at_end
        next_value = following_values(path, path.value, following, end_value)
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
        team, batch = lesson(team, path, signals, path.value, next_value, drives, config)
        loss_key = jax.random.fold_in(learner.key, 2)

        def further(learning: Team, part: Batch, number: Array):
            assert auxiliary is not None
            return auxiliary(learning, part, jax.random.fold_in(loss_key, number), given)

        more = None if auxiliary is None else further
        team, opt_state, losses = learn(team, learner.optimiser, optimiser, batch, first.hidden, config, more)
        metrics = {
            "joint": path.joint.mean(),
            "signal": felt,
            "target_mean": batch.target.mean((0, 1, 2)),
            "explained_variance": explained_variance(path.value, batch.target),
            "value_std": path.value.std((0, 1, 2)),
            **losses,
            **watch(path),
            **told,
        }
        learner = Learner(team, opt_state, actors, key, learner.updates + 1, kept)
        return learner, metrics

    return PPO(init, pool, update, channels, config.fresh == config.worlds)


def _carried(score: Score, path: Trajectory, last: Observation, end, discount: float):
    """gamma Phi(s') - Phi(s) + r(s) along a trajectory `[T, E, A]` (see `Score`).

    Phi is zero after termination, as potential-based shaping asks (Ng et al. 1999).
    """
    cached = on_cpu()  # a moment at a time stays in a core's cache (see `learning`)
    potential, reward = jax.lax.map(score, path.observation) if cached else score(path.observation)
    after = jnp.concatenate([potential[1:], score(last)[0][None]])
    after = jnp.where(path.done[..., None], end[0], after)
    after = jnp.where(path.terminated[..., None], 0.0, after)
    return discount * after - potential + reward
