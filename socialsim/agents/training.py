"""The outer loop: jitted chunks of updates, with progress, held-out health, checkpoints and finite checks.

Runs are seeds, drive settings and transfer arms alike: whatever differs between them is data with a
leading axis R, and one compiled program serves them all. They are spread over the devices, and on each
mapped one after the other (CPU) or side by side (accelerators).
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax.sharding import PartitionSpec
from jaxtyping import Array, Float, Key

from socialsim import devices
from socialsim.agents import health
from socialsim.agents.ppo import PPO, Auxiliary, Intrinsic, Learner, PPOConfig, make_update, no_score
from socialsim.agents.team import Team
from socialsim.core.errors import DivergenceError, integer
from socialsim.core.senses import Observation
from socialsim.core.simulation import Simulation
from socialsim.progress import bar
from socialsim.runs import Run


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """agent_steps: to train for, per run (rounded up to whole chunks).  chunks: checkpoints and health
    checks on the way."""

    ppo: PPOConfig = PPOConfig()
    agent_steps: int = 2_000_000
    chunks: int = 10

    def __post_init__(self):
        integer("agent_steps", self.agent_steps, low=1)
        integer("chunks", self.chunks, low=1)

    def updates_per_chunk(self, num_agents: int) -> int:
        return -(-self.agent_steps // (self.ppo.batch * num_agents * self.chunks))


Schedule = Callable[[int, np.ndarray, Mapping[str, np.ndarray]], np.ndarray]
"""(chunk from 0, drives `[R, A, C]` as given, metrics of the chunks before `[R, U, ...]`) -> drives of the
chunk. Pure: a run that goes on asks again."""


class NothingCarried(struct.PyTreeNode):
    """The carrier of ordinary training."""

    def score(self, obs: Observation) -> tuple[Array, Array, Array]:
        return no_score(obs)


@dataclasses.dataclass(frozen=True)
class Trained:
    """What training gives. `R` runs, `U` updates, `K` chunks, `C` channels.

    teams: Team with a leading axis R.  snapshots: the same after each chunk (the last is `teams`).
    metrics: name -> `[R, U, ...]`; where checked, `health_*`: `[R, K, C]`.  agent_steps: `[U]`, per run.
    kept: what an `Intrinsic` keeps, at the end.
    """

    teams: Team
    snapshots: list[Team]
    metrics: dict[str, np.ndarray]
    agent_steps: np.ndarray
    channels: tuple[str, ...]
    kept: Any = ()

    def team(self, run: int) -> Team:
        return jax.tree.map(lambda x: x[run], self.teams)


def train(
    env: Simulation,
    config: TrainConfig,
    keys: Key[Array, " R"],
    drives: Float[np.ndarray, "R A C"],
    *,
    teams: Team | None = None,
    carried: Any = None,
    intrinsic: Intrinsic | None = None,
    auxiliary: Auxiliary | None = None,
    given: Any = None,
    worlds: Any = None,
    schedule: Schedule | None = None,
    checked: bool = True,
    run: Run | None = None,
    title: str = "training",
    quiet: bool = False,
) -> Trained:
    """Train R runs of one environment.

    Parameters
    ----------
    keys : one per run.
    drives : weights per run, agent and channel; with `carried`, its own weight in a last column.
    teams : agents to start from, leading axis R; fresh ones if None.
    carried : a pytree with a method `score(obs)` (see `ppo.Score`), leaves with a leading axis R.
    intrinsic : rewards that the learner makes itself (see `ppo.Intrinsic`); their drives stand behind those
        of the signals.
    auxiliary : a further loss (see `ppo.Auxiliary`); given : its data, leaves with a leading axis R, or a
        function of the chunk (from 0) that tells them.
    worlds : a task of its own for each run: a Simulation of the structure of `env`, leaves with a leading
        axis R, or a function of the chunk that tells it.
    schedule : drives by chunk, as a pure function of the drives and of what was measured before; without it
        they stay.
    checked : play held-out episodes after each chunk for the health of the value heads. That is half of what
        there is to compile; it changes nothing in what is learned.
    run : where to checkpoint; a run that was killed resumes to the bit-identical result.

    Raises
    ------
    DivergenceError : a non-finite value; names channel, run and update. The last checkpoint stays.
    """
    program = Program(
        env,
        config,
        len(keys),
        carried is not None,
        intrinsic=intrinsic,
        auxiliary=auxiliary,
        checked=checked,
    )
    # Wherever these were made or restored: each run's share goes to the device it runs on.
    now = program.place(jnp.asarray(drives, jnp.float32))
    carried = program.place(NothingCarried() if carried is None else carried)
    learners = program.init(
        program.place(keys),
        None if teams is None else program.place(teams),
        program.place(_of_chunk(worlds, 0)),
    )
    done, parts, snapshots = 0, [], []
    if run is not None and (found := run.resume(learners, lambda learner: learner.team)) is not None:
        learners, snapshots, parts = found
        done = len(parts)
    with bar(title, config.chunks, quiet=quiet) as progress:
        if done:
            progress(done, "resumed")
        for chunk in range(done + 1, config.chunks + 1):
            if schedule is not None:
                weights = schedule(chunk - 1, np.asarray(drives), _joined(parts))
                now = program.place(jnp.asarray(weights, jnp.float32))
            data, places = (program.place(_of_chunk(x, chunk - 1)) for x in (given, worlds))
            learners, metrics = program.chunk(learners, now, carried, data, places)
            metrics = jax.device_get(metrics)
            _check_finite(metrics, program.ppo.channels, chunk - 1, program.updates)
            parts.append(metrics)
            snapshots.append(jax.device_get(learners.team))
            if run is not None:
                run.append_metrics(chunk, metrics)
                run.save(chunk, learners)
            progress(1, _figures(metrics, env.channels))
    steps = np.arange(1, config.chunks * program.updates + 1) * config.ppo.batch * env.num_agents
    kept = jax.device_get(learners.intrinsic)
    return Trained(snapshots[-1], snapshots, _joined(parts), steps, program.ppo.channels, kept)


def _of_chunk(data: Any, chunk: int) -> Any:
    return data(chunk) if callable(data) else data


def _joined(parts: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([p[name] for p in parts], axis=1) for name in parts[0]} if parts else {}


class Program:
    """The compiled parts of one training: `init` and `chunk`, mapped over runs and devices."""

    def __init__(
        self,
        env: Simulation,
        config: TrainConfig,
        runs: int,
        carried: bool,
        *,
        intrinsic: Intrinsic | None = None,
        auxiliary: Auxiliary | None = None,
        checked: bool = True,
    ):
        block = config.ppo.worlds // config.ppo.minibatches
        mesh = devices.layout(runs, block, waits=env.world.waits)

        def learns(world: Simulation | None) -> PPO:
            return make_update(
                env if world is None else world,
                config.ppo,
                carried=carried,
                intrinsic=intrinsic,
                auxiliary=auxiliary,
                spread=lambda tree, axis: devices.spread_worlds(tree, mesh, axis),
            )

        self.ppo = learns(None)
        self.updates = config.updates_per_chunk(env.num_agents)
        self.place = functools.partial(devices.shard_leading, mesh=mesh)
        each = _map if jax.default_backend() == "cpu" else jax.vmap
        spec = PartitionSpec(devices.AXIS)

        def spread(function):
            def local(*args):
                return each(function)(*args)

            return jax.jit(
                jax.shard_map(
                    local,
                    mesh=mesh,
                    in_specs=spec,
                    out_specs=spec,
                    axis_names={devices.AXIS},  # where worlds are spread is XLA's to work out
                    check_vma=False,
                )
            )

        def chunk(learner: Learner, drives, carried, given=None, world=None):
            ppo = learns(world)

            def update(learner, _):
                return ppo.update(learner, drives, carried.score, given)

            learner, metrics = jax.lax.scan(update, learner, None, length=self.updates)
            if not checked:
                return learner, metrics
            key = jax.random.fold_in(learner.key, 0)  # the learner's own stream is not touched
            place = env if world is None else world
            found = health.held_out(learner.team, place, key, discount=config.ppo.discount)
            return learner, {**metrics, **{f"health_{k}": v[None] for k, v in vars(found).items()}}

        self.chunk = spread(chunk)
        self._fresh = spread(lambda key, world=None: learns(world).init(key))
        self._from = spread(lambda key, team, world=None: learns(world).init(key, team))

    def template(self, keys) -> Learner:
        """Shapes and types of the learners, for reading a checkpoint without training."""
        return jax.eval_shape(self._fresh, keys)

    def init(self, keys, teams: Team | None, worlds: Simulation | None = None) -> Learner:
        return self._fresh(keys, worlds) if teams is None else self._from(keys, teams, worlds)


def _map(function):
    return lambda *args: jax.lax.map(lambda xs: function(*xs), args)


def _check_finite(metrics, channels, before: int, updates: int) -> None:
    """Raise DivergenceError naming the first non-finite channel: the earliest update, its cause first."""
    names = ("signal", "target_mean", "actor_loss", "critic_loss", "entropy")
    bad = {name: ~np.isfinite(metrics[name]) for name in names}
    anywhere = functools.reduce(np.logical_or, [b.reshape(*b.shape[:2], -1).any(-1) for b in bad.values()])
    if not anywhere.any():
        return
    run, update = min(np.argwhere(anywhere), key=lambda ru: ru[1])
    for name, b in bad.items():
        here = np.atleast_1d(b[run, update])
        if here.any():
            every = here.all() and len(here) > 1
            where = "every channel" if every else f"channel {channels[int(here.argmax())]!r}"
            where = where if name in ("signal", "target_mean", "critic_loss") else "the policy"
            raise DivergenceError(
                f"non-finite {name} in {where}, run {run}, update {before * updates + update + 1}; kept: the "
                f"checkpoint after chunk {before}; try a smaller learning_rate or drive for that channel"
            )


def _figures(metrics, channels) -> str:
    joint = f"joint/agent-step {metrics['joint'][:, -8:].mean():.4f}"
    if "health_spearman" not in metrics:
        return joint
    spearman = _mean(metrics["health_spearman"][:, -1])
    heads = " ".join(f"{c[:5]} {r:+.2f}" for c, r in zip(channels, spearman, strict=False))
    return f"{joint} · rank agreement of V: {heads}"


def _mean(x: np.ndarray) -> np.ndarray:
    """Mean over runs of what is not NaN; NaN where all are."""
    known = np.isfinite(x)
    return np.where(known.any(0), np.where(known, x, 0.0).sum(0) / np.maximum(known.sum(0), 1), np.nan)
