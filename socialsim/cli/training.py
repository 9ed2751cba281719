"""What `socialsim train` and `socialsim replay` do."""

from pathlib import Path

import jax
import numpy as np

from socialsim.agents.loading import load_run
from socialsim.agents.training import TrainConfig
from socialsim.agents.training import train as run_training
from socialsim.analysis.recording import play
from socialsim.cli.commands import parse_options
from socialsim.core.drives import drive_matrix
from socialsim.core.errors import OptionError, integer
from socialsim.core.registry import make
from socialsim.core.simulation import Simulation
from socialsim.envs.replay import record_replay
from socialsim.runs import Run


def _config(world, agent_steps, seeds, seed, chunks, drives, options) -> dict:
    return {
        "command": "train",
        "world": world,
        "options": options,
        "agent_steps": agent_steps,
        "seeds": seeds,
        "seed": seed,
        "chunks": chunks,
        "drives": drives,
    }


def _weights(text: str, env: Simulation) -> np.ndarray:
    pairs = parse_options([p for p in text.split(",") if p])
    for name, value in pairs.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise OptionError(f"drives: {name}={value!r}; allowed: a number, such as attention=0.05")
    return drive_matrix(pairs or None, env.channels, env.num_agents)


def train(world, out, agent_steps, seeds, seed, chunks, drives, option) -> None:
    options = parse_options(option)
    env = make(world, **options)
    weights = _weights(drives, env)
    count = integer("seeds", seeds, low=1)
    config = TrainConfig(agent_steps=agent_steps, chunks=chunks)
    path = Path("runs") / world if out is None else out
    stored = _config(world, agent_steps, count, seed, chunks, drives, options)
    with Run.open_or_create(path, stored) as run:
        trained = run_training(
            env,
            config,
            jax.random.split(jax.random.key(seed), count),
            np.stack([weights] * count),
            run=run,
            title=f"{count} teams, {world}",
        )
        joint = trained.metrics["joint"][:, -8:].mean(1)
        health = trained.metrics["health_spearman"][:, -1]
    print("joint events per agent-step, by seed: " + ", ".join(f"{j:.4f}" for j in joint))
    for c, name in enumerate(env.channels):
        print(f"rank agreement of the {name} head, by seed: " + ", ".join(f"{h:.2f}" for h in health[:, c]))
    print(f"run: {path}")


def replay(path: Path, out: Path, world: str, team: int, seed: int) -> Path:
    found = load_run(path)
    chosen = found.teams[integer("team", team, low=0, high=len(found.teams) - 1)]
    env = make(world) if world else found.env
    if env.actions != chosen.actions:
        raise OptionError(f"world {world!r} takes other actions than the team was trained to give")
    episodes = play(env, chosen, jax.random.key(seed), worlds=1, states=True)
    states, signals = jax.tree.map(lambda x: x[:, 0], (episodes.state, episodes.signals))
    return record_replay(env, states, signals=signals, title=f"{env.id}, team {team}").save(out)
