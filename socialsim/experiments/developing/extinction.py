"""Extinction: what becomes of values when what they were learned from stops?

Trained teams go on learning in the world they know under three conditions. What every head says of one
battery of scenes is read before, after each part of the way, and at the end.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from socialsim.agents.team import Team
from socialsim.agents.training import TrainConfig, Trained, train
from socialsim.analysis.dossier import StabilityDossier
from socialsim.analysis.occasions import extinguished, untrained
from socialsim.core.senses import Observation
from socialsim.core.simulation import Simulation
from socialsim.experiments import measures
from socialsim.experiments.contrasts import above
from socialsim.experiments.developing.battery import order, strength, table, valued
from socialsim.experiments.experiment import Study

CONDITIONS = {
    "kept": "control: everything goes on as it was",
    "unmoved": "the drives are at zero: signals come and heads learn, but nobody is moved by them",
    "withdrawn": "the signals stop: agents are moved by nothing but their own values, whose targets vanish",
    "untrained": "control: the same as 'withdrawn', for heads that never learned anything",
}
PERSISTS = 0.5
"""Rank agreement with the values of before that a persisting value keeps at least; and, for `strong`, the
share of its spread."""


def stop(
    study: Study,
    env: Simulation,
    config: TrainConfig,
    teams: Team,
    fresh: Team,
    drives: Float[np.ndarray, "A C"],
) -> dict[str, tuple[list[Team], np.ndarray]]:
    """Condition -> teams after each part of the way (leading axis S), and joint success `[S, U]`.

    Two compiled programs: with signals ("kept", "unmoved") and without ("withdrawn", "untrained").
    """
    number = jax.tree.leaves(teams)[0].shape[0]
    keys = jax.random.split(study.key(61), number)
    moved, still = np.stack([drives] * number), np.stack([np.zeros_like(drives)] * number)

    def going_on(title: str, world: Simulation, starts: Team, weights: np.ndarray, quiet: bool) -> Trained:
        return train(
            world,
            config,
            jnp.concatenate([keys, keys]),  # a team has the same chances in all conditions
            weights,
            teams=starts,
            run=study.run.part(f"extinction-{title.replace(' ', '-')}"),
            title=f"training on, {title}",
            checked=False,
            quiet=quiet,
        )

    # Compiling occupies one core: the two programs are compiled side by side.
    signals = study.background(
        lambda: going_on("with signals", env, _join(teams, teams), np.concatenate([moved, still]), True)
    )
    silence = going_on(
        "without signals",
        extinguished(env),
        _join(teams, fresh),
        np.concatenate([moved, moved]),
        study.quiet,
    )
    out, names = {}, iter(CONDITIONS)
    for found in (signals.result(), silence):
        for half in (slice(0, number), slice(number, 2 * number)):
            parts = [jax.tree.map(lambda x, h=half: x[h], s) for s in found.snapshots]
            out[next(names)] = (parts, found.metrics["joint"][half])
    return out


def read_stages(
    before: Team,
    fresh: Team,
    found: Mapping[str, tuple[list[Team], Any]],
    battery: Observation,
    channels: int,
) -> dict[str, Float[np.ndarray, "K S N C"]]:
    """Condition -> what the battery is worth at every stage, the first of which is before."""
    out = {}
    for name, (parts, _) in found.items():
        stages = [fresh if name == "untrained" else before, *parts]
        out[name] = np.stack([valued(_apart(s), battery, channels) for s in stages])
    return out


def persistence(
    stages: Mapping[str, Float[np.ndarray, "K S N C"]], channels: tuple[str, ...], *, seed: int
) -> dict[str, dict]:
    """Condition -> channel -> order and strength at every stage, by team, and their means at the end;
    spread over the battery before and after, signal units.

    Every head is held against itself before. `persists`, for a condition other than the untrained control:
    the whole 95 % interval over teams of its rank agreement lies above `PERSISTS` and above the mean of the
    untrained control's. True: so; False: all of the interval lies below one of these; None: undecided.
    """
    rows: dict[str, dict] = {}
    for name, values in stages.items():
        kept, left = order(values, values[:1]), strength(values, values[:1])
        spread = values.std(-2)  # [K, S, C], signal units
        rows[name] = {
            c: {
                "order_by_stage": kept[..., i].tolist(),
                "strength_by_stage": left[..., i].tolist(),
                "order": measures.mean(kept[-1, :, i], seed=seed),
                "strength": measures.mean(left[-1, :, i], seed=seed),
                "spread_before": measures.mean(spread[0, :, i], seed=seed),
                "spread_after": measures.mean(spread[-1, :, i], seed=seed),
            }
            for i, c in enumerate(channels)
        }
    for name in rows:
        for c in channels if name != "untrained" else ():
            rest = rows["untrained"][c]["order"]["estimate"] if "untrained" in rows else 0.0
            rows[name][c]["persists"] = above(rows[name][c]["order"], max(PERSISTS, rest))
            rows[name][c]["strong"] = above(rows[name][c]["strength"], PERSISTS)
    return rows


def agreement(stages: Float[np.ndarray, "K S N C"], control, channels: tuple[str, ...], *, seed: int) -> dict:
    """Channel -> ICC(2,1) and Kendall's W over the stages, with the shuffled and the untrained control."""
    found = StabilityDossier(resamples=300, shuffles=60, seed=seed).axis(
        table(stages, channels), table(control, channels), fixed=True
    )
    out: dict[str, dict] = {c: {} for c in channels}
    for statistic, name in zip(found.statistic.values, ("icc", "kendall_w"), strict=True):
        for c in channels:
            cell = found.sel(statistic=statistic, channel=c)
            three = {"estimate": "", "low": "_low", "high": "_high"}
            out[c][name] = {k: float(cell[k]) for k in three} | {
                f: {k: float(cell[f + end]) for k, end in three.items()} for f in ("null", "untrained")
            }
    return out


def extinction(
    study: Study,
    env: Simulation,
    config: TrainConfig,
    teams: Team,
    drives: Float[np.ndarray, "A C"],
    battery: Observation,
) -> dict:
    """All of it: train on, read, judge."""
    number, channels = jax.tree.leaves(teams)[0].shape[0], env.channels
    fresh = _stack(untrained(_of(teams, 0), study.key(63), number, env.num_agents))
    found = stop(study, env, config, teams, fresh, drives)
    stages = read_stages(teams, fresh, found, battery, len(channels))
    rows = persistence(stages, channels, seed=study.seed)
    updates = next(iter(found.values()))[1].shape[1]
    steps = np.arange(1, updates + 1) * config.ppo.batch * env.num_agents
    return {
        "conditions": dict(CONDITIONS),
        "teams": number,
        "scenes": int(battery.self.shape[0]),
        "agent_steps": float(steps[-1]),
        "stages": [0.0, *(float(s[-1]) for s in np.array_split(steps, config.chunks))],
        "values": rows,
        "agreement": {
            n: agreement(stages[n], stages["untrained"], channels, seed=study.seed)
            for n in ("unmoved", "withdrawn")
        },
        "joint": {n: j.astype(float).tolist() for n, (_, j) in found.items()},
        "joint_at_end": {
            n: measures.mean(j[:, -max(1, updates // 8) :].mean(1), seed=study.seed)
            for n, (_, j) in found.items()
        },
    }


def _of(teams: Team, i: int) -> Team:
    return jax.tree.map(lambda x: x[i], teams)


def _apart(teams: Team) -> list[Team]:
    return [_of(teams, i) for i in range(jax.tree.leaves(teams)[0].shape[0])]


def _stack(teams: list[Team]) -> Team:
    return jax.tree.map(lambda *xs: jnp.stack(xs), *teams)


def _join(one: Team, other: Team) -> Team:
    return jax.tree.map(lambda a, b: jnp.concatenate([a, b]), one, other)
