"""value-atlas: values learned in several worlds of all physics; stable, human-like, transferable where to?"""

import dataclasses
from functools import partial

import jax
import numpy as np

from socialsim.agents.bots import random_team, scripted_team
from socialsim.agents.loading import TrainedRun, load_run, train_run
from socialsim.agents.ppo import PPOConfig
from socialsim.agents.training import TrainConfig
from socialsim.analysis.recording import play
from socialsim.core.errors import OptionError, choose, integer
from socialsim.core.registry import worlds
from socialsim.experiments import measures
from socialsim.experiments.assaying import EVERY, assayed
from socialsim.experiments.atlas.answer import answer, caveats, verdicts
from socialsim.experiments.atlas.page import PARTS
from socialsim.experiments.experiment import Experiment, Result, Study
from socialsim.experiments.matrices import DEFAULT_ARMS, Moving, move_all
from socialsim.experiments.probing import dossier_of, stability_rows
from socialsim.transfer.arms import ALONE, label


@dataclasses.dataclass(frozen=True)
class Preset:
    """worlds: to train in, `(id, agent-steps per team)`.  seeds: teams of each.  ppo: fields that differ from
    the defaults.  episodes: that each team is measured on.  assays, tables: of the human-likeness battery.
    moving: where the values are read, and where learners are given them."""

    worlds: tuple[tuple[str, int], ...]
    moving: Moving
    seeds: int = 5
    chunks: int = 6
    ppo: tuple[tuple[str, int], ...] = ()
    episodes: int = 48
    assays: tuple[str, ...] = EVERY
    tables: int = 256

    def __post_init__(self):
        if not self.worlds:
            raise OptionError("no worlds; allowed: one or more to train in")
        for id, steps in self.worlds:
            choose("world", id, worlds())
            integer(f"agent_steps of {id}", steps, low=1)
        for name in ("seeds", "chunks", "episodes", "tables"):
            integer(name, getattr(self, name), low=1)


# One task in three physics, and another task in the first of them.
LEARNED_IN = ("rendezvous-v0", "forage-v0", "rendezvous-plane-v0", "rendezvous-mujoco-v0")
ELSEWHERE = (*LEARNED_IN, "haul-v0", "relay-v0", "flock-v0", "beam-v0")
PRESETS = {
    "hour": Preset(
        worlds=tuple((id, 600_000) for id in LEARNED_IN),
        moving=Moving(
            targets=ELSEWHERE,
            learn_in=("rendezvous-plane-v0",),
            learning=TrainConfig(agent_steps=400_000, chunks=2),
        ),
    ),
    "gpu": Preset(
        worlds=tuple((id, 50_000_000) for id in LEARNED_IN),
        seeds=16,
        chunks=10,
        ppo=(("worlds", 2048), ("minibatches", 8)),
        episodes=256,
        tables=1024,
        moving=Moving(
            targets=worlds(),
            learn_in=(*ELSEWHERE, "commons-v0", "spread-v0", "seesaw-v0"),
            seeds=16,
            learning=TrainConfig(PPOConfig(worlds=2048, minibatches=8), agent_steps=20_000_000, chunks=4),
            episodes=256,
        ),
    ),
    "test": Preset(
        worlds=(("stag-hunt-v0", 2_000),),
        seeds=2,
        chunks=3,
        ppo=(("worlds", 16), ("steps", 16), ("minibatches", 2)),
        episodes=4,
        assays=("dictator",),
        tables=16,
        moving=Moving(
            targets=("dictator-v0",),
            learn_in=("dictator-v0",),
            arms=("scratch", "shaping"),
            alone=("scratch", "distilled", "direct"),
            seeds=2,
            learning=TrainConfig(PPOConfig(worlds=16, steps=16, minibatches=2), agent_steps=2_000, chunks=1),
            episodes=4,
        ),
    ),
}


def measure(study: Study, preset: Preset) -> Result:
    """All stages: training, the team metric, stability, human-likeness, and the values elsewhere."""
    sources, curves = {}, {}
    for id, steps in preset.worlds:
        sources[id], joint = _train(study, preset, id, steps)
        curves |= {f"training/{id}/{k}": v for k, v in joint.items()}
    rows: dict[str, dict] = {}
    for id, source in sources.items():
        rows[id] = {
            "physics": _physics(id),
            "agent_steps": source.config["agent_steps"],
            **study.stage(f"team metric, {id}", partial(_level, study, preset, source)),
            "stability": study.stage(f"stability, {id}", partial(_stability, study, source)),
            "human": study.stage(f"human-likeness, {id}", partial(_human, study, preset, source)),
        }
    found = {
        "channels": list(next(iter(sources.values())).env.channels),
        "seeds": preset.seeds,
        "worlds": rows,
        "moved": move_all(study, sources, preset.moving).to_dict(),
    }
    found["verdicts"] = verdicts(found)
    found["answer"], found["caveats"] = answer(found), caveats(found)
    return Result(found, curves, [])


def _train(study: Study, preset: Preset, id: str, steps: int) -> tuple[TrainedRun, dict[str, np.ndarray]]:
    """A run of its own in the folder, as `socialsim train` makes it, so that it can be probed afterwards."""
    path = study.run.path / "teams" / id
    trained = study.timed(
        f"training in {id}",
        lambda: train_run(
            path,
            id,
            agent_steps=steps,
            seeds=preset.seeds,
            seed=study.seed,
            chunks=preset.chunks,
            ppo=dict(preset.ppo),
            quiet=study.quiet,
        ),
    )
    return load_run(path), {"joint": trained.metrics["joint"], "agent_steps": trained.agent_steps}


def _physics(id: str) -> str:
    from socialsim.core.registry import entry

    return entry(id).entry_point.split(".")[2]


def _level(study: Study, preset: Preset, source: TrainedRun) -> dict:
    """Joint events per agent-step, which no agent receives, and what the heads know of their returns."""
    env, number = source.env, preset.episodes
    keys = jax.random.split(study.key(20), len(source.teams))
    played = [play(env, t, k, worlds=number) for t, k in zip(source.teams, keys, strict=True)]
    chance = play(env, random_team(env), study.key(21), worlds=4 * number)
    expert = play(env, scripted_team(env), study.key(22), worlds=number)
    per_seed = [float(e.joint.mean()) for e in played]
    health = measures.head_health(
        source.teams, played, env.channels, discount=source.discount, seed=study.seed
    )
    return {
        "trained": measures.mean(per_seed, seed=study.seed, within=measures.RATE) | {"per_seed": per_seed},
        "random": measures.joint_rate(chance, seed=study.seed),
        "scripted": measures.joint_rate(expert, seed=study.seed),
        "health": health,
    }


def _stability(study: Study, source: TrainedRun) -> list[dict]:
    return stability_rows(dossier_of(source, seed=study.seed))


def _human(study: Study, preset: Preset, source: TrainedRun) -> list[dict]:
    return assayed(source, study.key(30), assays=preset.assays, worlds=preset.tables, seed=study.seed)


VALUE_ATLAS = Experiment(
    name="value-atlas",
    question="Values learned from social signals alone, in several worlds and all physics: are they stable, "
    "human-like, and transferable, and where to?",
    arms={a: label(a) for a in dict.fromkeys((*DEFAULT_ARMS, *ALONE))},
    outcome="ICC(2,1) of values measured again by seed, checkpoint, partner, noise and retest; verdicts of "
    "the human-likeness battery; Spearman of values with returns in other worlds; P(improvement) of learners "
    "there, on joint events per agent-step, which no agent receives",
    test="two-sided 95 % intervals against shuffled, untrained and random controls; claims of transfer by "
    "the claim rule of the transfer suite: its unit is the source team, its positive control an oracle",
    presets=PRESETS,
    measure=measure,
    parts=PARTS,
)
