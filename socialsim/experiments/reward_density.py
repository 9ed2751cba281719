"""reward-density: does a smooth dense-to-sparse curriculum transfer better than an abrupt switch?"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from socialsim.agents.networks import NetworkConfig
from socialsim.agents.ppo import PPOConfig
from socialsim.agents.prediction import Prediction
from socialsim.agents.training import TrainConfig, Trained, train
from socialsim.core.errors import OptionError, integer
from socialsim.core.registry import make
from socialsim.core.simulation import Simulation
from socialsim.experiments.contrasts import TEST, contrasted, estimates
from socialsim.experiments.density import measures
from socialsim.experiments.density.alignment import Alignment
from socialsim.experiments.density.answer import answer, caveats, verdicts
from socialsim.experiments.density.claims import CONTRASTS, WORDS
from socialsim.experiments.density.measures import SCRATCH, SPLITS
from socialsim.experiments.density.moving import narrowed, newcomers, stacked
from socialsim.experiments.density.page import PARTS
from socialsim.experiments.density.schedules import ARMS, CHANNELS, SPARSE, Schedules
from socialsim.experiments.density.societies import earnings
from socialsim.experiments.experiment import Experiment, Result, Study

NOT_TAUGHT = (
    "control: a team that learns in the held-out tasks from nothing; fresh weights of its own, with one "
    "value head, where the arms began with several"
)


@dataclasses.dataclass(frozen=True)
class Preset:
    """Seeds and budget.

    seeds: of every arm.  world: bounds of what the procedural world draws.  rules: families at the source;
    new_rules: families of the held-out rules.  horizon: of an episode.  source, target: learning at the
    source (an even number of chunks from 4: see `dense_share`) and in each kind of held-out tasks.
    prediction: its model.  rate: of the learned shares.  worlds: episodes of each scripted society.

    World and budget were chosen by two pilots of the sparse reward alone, on other seeds, as a size at which
    the task can be learned at all within the budget of the demo; no arms were compared.
    """

    seeds: int = 10
    world: tuple[tuple[str, int], ...] = (
        ("num_agents", 2),
        ("max_objects", 2),
        ("min_size", 5),
        ("max_size", 7),
        ("max_walls", 0),
    )
    rules: tuple[str, ...] = ("meet", "work")
    new_rules: tuple[str, ...] = ("look", "weigh")
    horizon: int = 64
    source: TrainConfig = dataclasses.field(
        default=TrainConfig(
            PPOConfig(network=NetworkConfig(width=32), worlds=64, learning_rate=2e-3),
            agent_steps=8 * 6 * 4096,
            chunks=8,
        )
    )
    target: TrainConfig = dataclasses.field(
        default=TrainConfig(
            PPOConfig(network=NetworkConfig(width=32), worlds=64, learning_rate=2e-3),
            agent_steps=8 * 4096,
            chunks=1,
        )
    )
    prediction: Prediction = dataclasses.field(default=Prediction())
    rate: float = 8.0
    worlds: int = 32

    def __post_init__(self):
        for name in ("seeds", "horizon", "worlds"):
            integer(name, getattr(self, name), low=1)
        if self.source.chunks % 2 or self.source.chunks < 4:
            raise OptionError(
                f"source.chunks={self.source.chunks}; allowed: even numbers from 4 (with 2 the linear fade "
                "is the abrupt switch); give another number of chunks"
            )
        if set(self.rules) & set(self.new_rules):
            raise OptionError(f"new_rules={self.new_rules}; allowed: none of rules={self.rules}")


_GPU = PPOConfig(network=NetworkConfig(width=64), worlds=1024, minibatches=8)
_TINY = PPOConfig(network=NetworkConfig(width=8), worlds=8, steps=8, minibatches=2)
PRESETS = {
    "demo": Preset(),
    "paper": Preset(
        seeds=24,
        world=(
            ("num_agents", 3),
            ("max_objects", 3),
            ("min_size", 7),
            ("max_size", 10),
            ("max_walls", 1),
        ),
        rules=("meet", "work", "push", "carry"),
        horizon=128,
        source=TrainConfig(_GPU, agent_steps=20_000_000, chunks=20),
        target=TrainConfig(_GPU, agent_steps=5_000_000, chunks=2),
        prediction=Prediction(width=64, steps=8),
        rate=4.0,
        worlds=256,
    ),
    "test": Preset(
        seeds=2,
        world=(
            ("num_agents", 2),
            ("max_objects", 1),
            ("min_size", 5),
            ("max_size", 5),
            ("max_walls", 0),
        ),
        horizon=16,
        source=TrainConfig(_TINY, agent_steps=4 * 128, chunks=4),
        target=TrainConfig(_TINY, agent_steps=3 * 128, chunks=1),
        prediction=Prediction(width=8, steps=2),
        worlds=4,
    ),
}


def worlds(preset: Preset) -> dict[str, Simulation]:
    """The source and both kinds of held-out tasks."""

    def one(split: str, rules: tuple[str, ...]) -> Simulation:
        options: dict[str, Any] = {**dict(preset.world), "families": rules, "split": split}
        return make("procedural-v0", signals=(SPARSE,), horizon=preset.horizon, **options)

    return {
        "source": one("train", preset.rules),
        "tasks": one("test", preset.rules),
        "rules": one("test", preset.new_rules),
    }


def measure(study: Study, preset: Preset) -> Result:
    """All stages: learning at the source, going on in held-out tasks, and the scripted societies."""
    envs, seeds = worlds(preset), preset.seeds
    env = envs["source"]
    schedule = Schedules(seeds, preset.source.chunks, env.num_agents, study.seed, preset.rate)
    trained = study.timed(
        "learning at the source",
        lambda: train(
            env,
            preset.source,
            _keys(study, 1, seeds, len(ARMS)),
            np.zeros((len(ARMS) * seeds, env.num_agents, len(CHANNELS)), np.float32),
            intrinsic=preset.prediction,
            auxiliary=Alignment(),
            schedule=schedule,
            run=study.run.part("source"),
            title=f"{len(ARMS)} arms x {seeds} seeds",
            checked=False,
            quiet=study.quiet,
        ),
    )
    network = preset.target.ppo.network
    scratch = newcomers(jax.random.split(study.key(2), seeds), network, env)
    moved = narrowed(trained.teams, stacked(*[scratch] * len(ARMS)))
    teams, arms = stacked(scratch, moved), len(ARMS) + 1
    found = {
        split: study.timed(
            f"learning in held-out {split}",
            lambda split=split, number=number: train(
                envs[split],
                preset.target,
                _keys(study, 3 + number, seeds, arms),
                np.ones((arms * seeds, env.num_agents, 1), np.float32),
                teams=teams,
                run=study.run.part(split),
                title=f"{arms} arms x {seeds} seeds, new {split}",
                checked=False,
                quiet=study.quiet,
            ),
        )
        for number, split in enumerate(SPLITS)
    }
    made = study.stage(
        "what scripted societies would be paid",
        lambda: earnings(env, preset.prediction, study.key(5), worlds=preset.worlds),
    )
    shares = schedule.history(trained.metrics["alignment"])
    return concluded(preset, study.seed, trained, found, made, shares)


def concluded(
    preset: Preset,
    seed: int,
    trained: Trained,
    moved: Mapping[str, Trained],
    societies: Mapping[str, Mapping[str, float]],
    shares: Float[np.ndarray, "R K C"],
) -> Result:
    """What follows from the learning curves. trained: runs arm by arm.  moved: by split, scratch before the
    arms.  shares: of the drives, by run and chunk."""
    targets, curves = {}, _source_curves(trained, shares)
    for split, found in moved.items():
        success = measures.by_arm(found.metrics["joint"], (SCRATCH, *ARMS))
        spent = float(trained.agent_steps[-1])
        targets[split] = measures.of_target(success, found.agent_steps, spent)
        curves |= {f"{split}/{a}": c for a, c in success.items()}
        curves[f"{split}/agent_steps"] = found.agent_steps
    found = measures.joined(measures.of_source(trained, tuple(ARMS)), targets)
    summary = {
        "seeds": preset.seeds,
        "chunks": preset.source.chunks,
        "world": _world(preset),
        "chance": float(np.mean(trained.metrics["joint"][:, 0])),
        "societies": societies,
        "dense_share": _dense(shares),
        "measures": estimates(found, seed=seed),
        "contrasts": contrasted(CONTRASTS, found, seed=seed, words=WORDS),
    }
    summary["verdicts"] = verdicts(summary)
    summary["answer"], summary["caveats"] = answer(summary), caveats(summary)
    return Result(summary, curves, [])


def _keys(study: Study, purpose: int, seeds: int, arms: int):
    """One key per run, arm by arm: arms share the seeds' worlds and, at the source, fresh parameters."""
    return jax.numpy.concatenate([jax.random.split(study.key(purpose), seeds)] * arms)


def _dense(shares: np.ndarray) -> dict[str, float]:
    """Mean share of the predictive tasks over all of the source training, by arm."""
    spent = shares[:, :, 1:].sum(-1).mean(1)
    return {a: float(v.mean()) for a, v in measures.by_arm(spent, tuple(ARMS)).items()}


def _source_curves(trained: Trained, shares: np.ndarray) -> dict[str, np.ndarray]:
    arms = tuple(ARMS)
    out = {f"source/{a}": v for a, v in measures.by_arm(trained.metrics["joint"], arms).items()}
    out["source/agent_steps"] = trained.agent_steps
    for arm, v in measures.by_arm(shares, arms).items():
        out[f"shares/{arm}"] = v[0] if arm == "random order" else v.mean(0)
    told = measures.by_arm(trained.metrics["alignment"], arms)
    return out | {f"alignment/{a}": v for a, v in told.items()}


def _world(preset: Preset) -> str:
    w = dict(preset.world)
    return (
        f"{w['num_agents']} agents, up to {w['max_objects']} objects, {w['min_size']} to {w['max_size']} "
        f"cells wide, rules {', '.join(preset.rules)}, held out {', '.join(preset.new_rules)}"
    )


REWARD_DENSITY = Experiment(
    name="reward-density",
    question="Does a smooth fade from dense rewards for predicting well to sparse joint success transfer "
    "better than an abrupt switch, the reverse order, or either reward alone?",
    arms={**ARMS, SCRATCH: NOT_TAUGHT},
    outcome="joint events per agent-step in held-out tasks, mean over the whole curve of learning there, as "
    "a multiple of what a team reaches that starts from nothing, mean of two splits: new tasks, new rules",
    test=f"{TEST} (arms of a seed share worlds and the parameters they begin with at the source; '{SCRATCH}' "
    "shares the worlds and begins with others)",
    presets=PRESETS,
    measure=measure,
    parts=PARTS,
)
