"""The outer loop: jitted chunks of updates, with progress, held-out health, checkpoints and finite checks.

Runs are seeds, drive settings and transfer arms alike: whatever differs between them is data with a
leading axis R, and one compiled program serves them all (see `program`).
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from flax import struct
from jaxtyping import Array, Float, Key

from socialsim import devices, hosts
from socialsim.agents.ppo import Auxiliary, Intrinsic, Learner, PPOConfig, no_score
from socialsim.agents.program import Program
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

    def score(self, obs: Observation) -> tuple[Array, Array]:
        return no_score(obs)


@dataclasses.dataclass(frozen=True)
class Trained:
    """What training gives. `R` runs, `U` updates, `K` chunks, `C` channels.

    teams: Team with a leading axis R.  snapshots: the same after each chunk (the last is `teams`); of a run
    that has a folder they are read from its checkpoints as they are asked for.
    metrics: name -> `[R, U, ...]`; where checked, `health_*`: `[R, K, C]`.  agent_steps: `[U]`, per run.
    kept: what an `Intrinsic` keeps, at the end.
    """

    teams: Team
    snapshots: Sequence[Team]
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
        config.ppo,
        config.updates_per_chunk(env.num_agents),
        len(keys),
        carried is not None,
        intrinsic=intrinsic,
        auxiliary=auxiliary,
        checked=checked,
    )
    now = np.asarray(drives, np.float32)
    carried = NothingCarried() if carried is None else carried
    learners = program.init(keys, teams, _of_chunk(worlds, 0))
    template, stored = program.template(learners), run is not None and not hosts.several()
    done, parts, whole = 0, [], None
    snapshots: Any = []
    if run is not None and (found := _resumed(run, program, template, stored)) is not None:
        learners, snapshots, parts = program.apart(found[0]), *found[1:]
        whole, done = program.whole(learners), len(parts)
    lost = hosts.watched(lambda: f"the checkpoint after chunk {len(parts)}" if parts else "nothing yet")
    with lost, bar(title, config.chunks, quiet=quiet or not hosts.first()) as progress:
        if done:
            progress(done, "resumed")
        for chunk in range(done + 1, config.chunks + 1):
            if schedule is not None:
                weights = schedule(chunk - 1, np.asarray(drives), _joined(parts))
                now = np.asarray(weights, np.float32)
            data, places = (_of_chunk(x, chunk - 1) for x in (given, worlds))
            learners, metrics = program.chunk(learners, now, carried, data, places)
            _check_finite(metrics, program.ppo.channels, chunk - 1, program.updates)
            whole = program.whole(learners)
            parts.append(metrics)
            if not stored:
                snapshots.append(whole.team)
            if run is not None and hosts.first():
                run.append_metrics(chunk, metrics)
                run.save(chunk, whole)
            devices.trim_memory()
            progress(1, _figures(metrics, env.channels))
    steps = np.arange(1, config.chunks * program.updates + 1) * config.ppo.batch * env.num_agents
    assert whole is not None  # one chunk at least
    if run is not None and stored:
        snapshots = _Stored(run, template, config.chunks)
    return Trained(whole.team, snapshots, _joined(parts), steps, program.ppo.channels, whole.intrinsic)


class _Stored(Sequence[Team]):
    """The teams of a run's checkpoints 1 to `count`, in order."""

    def __init__(self, run: Run, template: Learner, count: int):
        self._run, self._template, self._count = run, template, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index):
        if isinstance(index, slice):
            return [self[i] for i in range(len(self))[index]]
        found = self._run.restore(self._template, range(1, len(self) + 1)[index])
        assert found is not None  # it raises where that step is missing
        return jax.device_get(found[1].team)


def _resumed(run: Run, program: Program, template: Learner, stored: bool):
    """The last good checkpoint, the teams of each (None where `stored`), their figures; None at the start."""
    return hosts.first_then_others(
        "resuming",
        lambda: run.resume(template, lambda learner: None if stored else jax.device_get(learner.team)),
    )


def _of_chunk(data: Any, chunk: int) -> Any:
    return data(chunk) if callable(data) else data


def _joined(parts: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([p[name] for p in parts], axis=1) for name in parts[0]} if parts else {}


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
