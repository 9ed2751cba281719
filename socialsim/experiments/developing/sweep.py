"""Which societies arise from which drives? All mixtures of three drives, trained as one population."""

import dataclasses
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from socialsim.agents.networks import NetworkConfig
from socialsim.agents.ppo import PPOConfig
from socialsim.agents.training import TrainConfig, Trained, train
from socialsim.analysis.recording import play
from socialsim.core.errors import integer
from socialsim.core.registry import make
from socialsim.core.simulation import Simulation
from socialsim.experiments.developing.societies import (
    SCRIPTED,
    SOCIETIES,
    batches,
    halfway,
    mean_traits,
    scripted_societies,
)
from socialsim.experiments.experiment import Study
from socialsim.progress import bar

WORLD = "rendezvous-v0"
SIDES = ("attention", "imitation", "coordination")


@dataclasses.dataclass(frozen=True)
class SweepConfig:
    """A population of teams, one or more for each mixture of drives.

    parts: the drives are multiples of 1/parts that sum to 1, (parts + 1)(parts + 2) / 2 mixtures. Advantages
    are normalised once mixed, so that only the ratios of drives matter and the mixtures are all there is.
    replicates: teams per mixture.  options: of the world, smaller than the founding one so that success is
    found within the budget (a pilot on other seeds chose floor and budget: success is then common
    where coordination weighs much).  train: of each team.  batches, worlds, steps: of the
    episodes by which a society is named; who stands still is seen or unseen for a whole episode, so that a
    batch wants many worlds rather than long episodes.
    """

    parts: int = 10
    replicates: int = 1
    options: tuple[tuple[str, int], ...] = (("size", 8), ("walls", 1))
    train: TrainConfig = dataclasses.field(
        default=TrainConfig(
            PPOConfig(network=NetworkConfig(width=32), worlds=64, steps=16, minibatches=4),
            agent_steps=131_072,
            chunks=1,
        )
    )
    batches: int = 3
    worlds: int = 24
    steps: int = 48

    def __post_init__(self):
        for name in ("parts", "replicates", "batches", "worlds", "steps"):
            integer(name, getattr(self, name), low=1)


def mixtures(parts: int) -> Float[np.ndarray, "N 3"]:
    """All drives over `SIDES` that are multiples of 1/parts and sum to 1."""
    steps = range(parts + 1)
    return np.array([(a, i, parts - a - i) for a in steps for i in steps if a + i <= parts], float) / parts


def sweep(study: Study, config: SweepConfig) -> dict:
    """Train the population, play it, name every society; and the scripted ones by the same rule."""
    env = make(WORLD, **dict[str, Any](config.options))
    # Scripted societies wait for nobody: they are played while the population trains.
    scripted = study.background(
        lambda: scripted_societies(
            env, study.key(71), worlds=config.worlds, number=2 * config.batches, steps=config.steps
        )
    )
    drives = np.repeat(mixtures(config.parts), config.replicates, 0)
    trained = study.timed("a population of drives", lambda: _train(study, config, env, drives))
    parts = _observed(study, config, env, trained)
    return named(config, env, drives, parts, scripted.result(), trained)


def named(config: SweepConfig, env: Simulation, drives, parts, scripted, trained: Trained) -> dict:
    """Every society's name, votes and traits; the rule; and how it names the scripted ones."""
    # Half of the scripted batches set the thresholds, the other half are named by them.
    half = config.batches
    agent_steps = half * config.worlds * env.num_agents * config.steps
    rule = halfway({n: mean_traits(p[:half]) for n, p in scripted.items()}, least=1 / agent_steps)
    entropy = trained.metrics["entropy"][:, -5:].mean(1)
    teams = []
    for i, (mixture, seen) in enumerate(zip(drives, parts, strict=True)):
        name, votes = rule.vote(seen)
        teams.append(
            {
                "drives": dict(zip(SIDES, mixture.tolist(), strict=True)),
                "society": name,
                "agreed": votes[name] / len(seen),
                "votes": votes,
                "entropy": float(entropy[i]),
                **mean_traits(seen),
            }
        )
    return {
        "world": f"{WORLD}, {dict(config.options)}",
        "parts": config.parts,
        "mixtures": len(mixtures(config.parts)),
        "replicates": config.replicates,
        "agent_steps": float(trained.agent_steps[-1]),
        "network_width": config.train.ppo.network.width,
        "thresholds": dataclasses.asdict(rule),
        "teams": teams,
        "counts": {s: sum(t["society"] == s for t in teams) for s in SOCIETIES},
        "scripted": {
            n: {
                "expected": SCRIPTED[n],
                "right": float(np.mean([rule(p) == SCRIPTED[n] for p in seen[half:]])),
                **mean_traits(seen),
            }
            for n, seen in scripted.items()
        },
    }


def _train(study: Study, config: SweepConfig, env: Simulation, drives) -> Trained:
    order = [SIDES.index(c) for c in env.channels]
    each = np.repeat(drives[:, None, order], env.num_agents, 1).astype(np.float32)
    return train(
        env,
        config.train,
        jax.random.split(study.key(70), len(drives)),
        each,
        run=study.run.part("drives"),
        title=f"{len(drives)} teams, {len(mixtures(config.parts))} mixtures of drives",
        checked=False,
        quiet=study.quiet,
    )


def _observed(study: Study, config: SweepConfig, env: Simulation, trained: Trained) -> list:
    """Traits of `batches` batches of fresh episodes of every team."""
    teams, out = jax.tree.leaves(trained.teams)[0].shape[0], []
    keys = jax.random.split(study.key(72), teams)
    with bar("watching every society", teams, quiet=study.quiet) as progress:
        for i in range(teams):
            episodes = play(
                env, trained.team(i), keys[i], worlds=config.batches * config.worlds, steps=config.steps
            )
            out.append(batches(episodes, config.batches))
            progress(1)
    return out
