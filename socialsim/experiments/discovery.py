"""discovery: curated demonstrations or self-directed exploration, and what it is worth to be able to ask."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from socialsim.agents.bots import random_team
from socialsim.agents.bots.exploring import Explorers
from socialsim.agents.cloning import Cloning
from socialsim.agents.networks import NetworkConfig
from socialsim.agents.ppo import PPOConfig
from socialsim.agents.team import Team, new_team
from socialsim.agents.training import TrainConfig, Trained, train
from socialsim.analysis.recording import play
from socialsim.core.errors import integer, number
from socialsim.core.simulation import Simulation
from socialsim.experiments.contrasts import TEST, Contrast, contrasted, estimates, verdicts
from socialsim.experiments.discovering.answer import answer, caveats
from socialsim.experiments.discovering.arms import (
    ARMS,
    BONUSES,
    NOT_TRAINED,
    YOKED,
    at,
    bonuses,
    copies,
    plan,
    simulation,
    with_help,
)
from socialsim.experiments.discovering.page import PARTS
from socialsim.experiments.discovering.tasks import DISTANCES, tasks
from socialsim.experiments.discovering.trials import Trial, only, trials
from socialsim.experiments.experiment import Experiment, Result, Study

EVERY = (*ARMS, *NOT_TRAINED)
DISCOVERY_ARM = "any bonus"
MEAN_OF_BONUSES = "discovery as such: the mean of the five arms with a bonus, seed by seed"
FEW = ("new", "near", "far")

CONTRASTS = (
    Contrast(
        "learned",
        "sparse",
        "random",
        "zero_new",
        "Sparse joint success alone teaches something that carries over to new tasks",
        "Learning from sparse joint success does worse on new tasks than no learning at all",
    ),
    Contrast(
        "shown_or_found_new",
        "demonstrations",
        DISCOVERY_ARM,
        "zero_new",
        "On new tasks, learning from demonstrations does better than discovery",
        "On new tasks, discovery does better than learning from demonstrations",
    ),
    Contrast(
        "shown_or_sparse_new",
        "demonstrations",
        "sparse",
        "zero_new",
        "On new tasks, learning from demonstrations does better than finding out by joint success alone",
        "On new tasks, finding out by joint success alone does better than learning from demonstrations",
    ),
    Contrast(
        "shown_or_found_near",
        "demonstrations",
        DISCOVERY_ARM,
        "few_near",
        "Nearby rules are learned better after demonstrations than after discovery",
        "Nearby rules are learned better after discovery than after demonstrations",
    ),
    Contrast(
        "shown_or_found_far",
        "demonstrations",
        DISCOVERY_ARM,
        "few_far",
        "Far rules are learned better after demonstrations than after discovery",
        "Far rules are learned better after discovery than after demonstrations",
    ),
    Contrast(
        "bonus",
        DISCOVERY_ARM,
        "sparse",
        "zero_new",
        "Intrinsic bonuses help on new tasks",
        "Intrinsic bonuses hurt on new tasks",
    ),
    Contrast(
        "ask",
        "asking",
        "counts",
        "zero_new",
        "Being able to ask helps on new tasks",
        "Being able to ask hurts on new tasks",
    ),
    Contrast(
        "both",
        "both",
        "demonstrations",
        "few_far",
        "Going on to discover after demonstrations helps with far rules",
        "Going on to discover after demonstrations hurts with far rules",
    ),
    Contrast(
        "passive",
        YOKED,
        "counts",
        "zero_new",
        "Living through another's experience teaches more than acting oneself",
        "Living through another's experience teaches less than acting oneself",
    ),
)

WORDS = {
    "zero_new": "joint events on new tasks, without learning there",
    "few_near": "joint events while learning nearby rules",
    "few_far": "joint events while learning far rules",
}


@dataclasses.dataclass(frozen=True)
class Preset:
    """Seeds and budget. The floor is small because random acts succeed too seldom on larger ones (0.1 to 0.3
    times in an episode at size 7); that was seen before any arm was trained. A pilot of two other seeds
    showed that joint success alone, and demonstrations, teach something within the budget of the demo.

    seeds: of every arm.  train: the same budget for every arm, environment and gradient steps alike.  shown:
    chunks of it in which a scripted team acts, where there are demonstrations.  few: learning on tasks of
    another distance, joint success alone.  number: tasks that are learned on.  worlds: episodes of a trial.
    bonus: drive of an intrinsic reward at first.  price: of a question, where a joint success has drive 1;
    all channels are on one scale (PopArt).
    """

    seeds: int = 10
    train: TrainConfig = dataclasses.field(
        default=TrainConfig(
            PPOConfig(network=NetworkConfig(width=32), worlds=64, steps=16, learning_rate=2e-3),
            agent_steps=60 * 64 * 16 * 3,
            chunks=6,
        )
    )
    shown: int = 2
    few: TrainConfig = dataclasses.field(
        default=TrainConfig(
            PPOConfig(network=NetworkConfig(width=32), worlds=64, steps=16, learning_rate=2e-3),
            agent_steps=5 * 64 * 16 * 3,
            chunks=1,
        )
    )
    number: int = 256
    size: int = 6
    worlds: int = 32
    bonus: float = 0.3
    price: float = 0.02

    def __post_init__(self):
        for name in ("seeds", "shown", "number", "size", "worlds"):
            integer(name, getattr(self, name), low=1)
        integer("shown", self.shown, low=1, high=self.train.chunks)
        for name in ("bonus", "price"):
            number(name, getattr(self, name), low=0.0)


_GPU = PPOConfig(worlds=512, steps=16, minibatches=8, learning_rate=1e-3)
_TINY = PPOConfig(network=NetworkConfig(width=8), worlds=8, steps=8, minibatches=2)
PRESETS = {
    "demo": Preset(),
    "paper": Preset(
        seeds=32,
        train=TrainConfig(_GPU, agent_steps=10_000_000, chunks=12),
        shown=4,
        few=TrainConfig(_GPU, agent_steps=1_000_000, chunks=4),
        number=4096,
        size=10,
        worlds=256,
    ),
    "test": Preset(
        seeds=2,
        train=TrainConfig(_TINY, agent_steps=6 * 8 * 8 * 3, chunks=3),
        shown=1,
        few=TrainConfig(_TINY, agent_steps=2 * 8 * 8 * 3, chunks=1),
        number=8,
        size=6,
        worlds=2,
    ),
}


def measure(study: Study, preset: Preset) -> Result:
    """All stages: learning, trials at every distance, a little more learning there, and what was asked."""
    env = simulation(tasks(size=preset.size, number=preset.number))
    trained = study.timed("learning: all arms", lambda: _train(study, preset, env))
    teams = _teams(study, preset, env, trained)
    tried = study.stage("trials at every distance", lambda: _tried(study, preset, env, teams))
    few = study.timed("learning on a little elsewhere", lambda: _few(study, preset, env, teams))
    yardstick = study.stage("yardsticks", lambda: _yardsticks(study, preset, env))
    found = _found(preset, trained, tried, few)
    summary = {
        "seeds": preset.seeds,
        "agent_steps": float(trained.agent_steps[-1]),
        "few_steps": float(few.agent_steps[-1]),
        "tasks": preset.number,
        "price": preset.price,
        "yardsticks": yardstick,
        "asked": _asked(study, preset, trained, tried),
        "measures": estimates(found, seed=study.seed),
        "contrasts": contrasted(CONTRASTS, found, seed=study.seed, words=WORDS),
    }
    summary["verdicts"] = verdicts(summary["contrasts"])
    summary["answer"], summary["caveats"] = answer(summary), caveats(summary)
    return Result(summary, _curves(preset, trained, tried, few), [])


def _train(study: Study, preset: Preset, env: Simulation) -> Trained:
    p = _plan(preset, env)
    seeds = jax.random.split(study.key(1), preset.seeds)
    return train(
        env,
        preset.train,
        seeds[np.repeat(np.arange(preset.seeds), len(ARMS))],  # arms of a seed start alike
        p.drives,
        intrinsic=bonuses(preset.train.ppo),
        auxiliary=Cloning(),
        given=p.given,
        worlds=p.worlds,
        schedule=p.schedule,
        run=study.run.part("learning"),
        title=f"{len(ARMS)} arms x {preset.seeds} seeds",
        checked=False,
        quiet=study.quiet,
    )


def _plan(preset: Preset, env: Simulation):
    return plan(
        env,
        preset.seeds,
        chunks=preset.train.chunks,
        shown=preset.shown,
        bonus=preset.bonus,
        price=preset.price,
    )


def _teams(study: Study, preset: Preset, env: Simulation, trained: Trained) -> Team:
    """Teams of EVERY arm, `[S x arms, ...]`, arm within seed, with the value heads of the signals."""
    active = only(trained.teams, env.channels)
    passive = _at(trained.kept[-1].team, np.arange(preset.seeds) * len(ARMS) + list(ARMS).index("counts"))
    t = trained.teams
    fresh = jax.vmap(lambda k: new_team(k, t.config, t.actions, env.channels, env.num_agents))(
        jax.random.split(study.key(2), preset.seeds)
    )
    order = []
    for s in range(preset.seeds):
        first = s * len(ARMS)
        order += [*range(first, first + len(ARMS)), preset.seeds * len(ARMS) + s]
        order.append(preset.seeds * (len(ARMS) + 1) + s)
    parts = [jax.tree.map(np.asarray, x) for x in (active, passive, fresh)]
    joined = jax.tree.map(lambda *x: np.concatenate(x), *parts)
    return _at(joined, np.array(order))


def _at(tree: Any, index: np.ndarray) -> Any:
    return jax.tree.map(lambda x: np.asarray(x)[index], tree)


def _places(env: Simulation, distance: str, preset: Preset, runs: int, *, answers: bool = True) -> Simulation:
    """The tasks of a distance for each of `runs` teams; only arms that ask are answered."""
    asks = np.tile([a in ARMS and ARMS[a].asks and answers for a in EVERY], preset.seeds)
    return with_help(copies(at(env, distance, preset.number), runs), acts=np.zeros(runs, bool), answers=asks)


def _tried(study: Study, preset: Preset, env: Simulation, teams: Team) -> dict:
    """distance -> Trial, `[S, arms, ...]` each; "unanswered": new tasks where nobody answers."""
    runs, out = preset.seeds * len(EVERY), {}
    keys = jax.random.split(study.key(3), preset.seeds)[np.repeat(np.arange(preset.seeds), len(EVERY))]
    where = [(d, d, True) for d in DISTANCES] + [("unanswered", "new", False)]
    places = [_places(env, distance, preset, runs, answers=answers) for _, distance, answers in where]
    many = jax.tree.map(lambda *x: np.concatenate([np.asarray(y) for y in x]), *places)
    again = np.tile(np.arange(runs), len(where))
    found = trials(_at(teams, again), many, keys[again], preset.worlds)
    for i, (name, _, _) in enumerate(where):
        part = jax.tree.map(lambda x, i=i: x[i * runs : (i + 1) * runs], found)
        out[name] = {
            f.name: np.asarray(getattr(part, f.name), float)
            .reshape(preset.seeds, len(EVERY), *np.shape(getattr(part, f.name))[1:])
            .tolist()
            for f in dataclasses.fields(Trial)
        }
    return out


def _few(study: Study, preset: Preset, env: Simulation, teams: Team) -> Trained:
    """Learning on from every team at every other distance, `[distances x S x arms]` runs."""
    runs = preset.seeds * len(EVERY)
    again = np.tile(np.arange(runs), len(FEW))
    places = [_places(env, d, preset, runs) for d in FEW]
    many = jax.tree.map(lambda *x: jnp.concatenate(x), *places)
    drives = np.zeros((len(again), env.num_agents, len(env.channels)), np.float32)
    drives[..., env.channels.index("coordination")] = 1.0
    asks = np.tile([a in ARMS and ARMS[a].asks for a in EVERY], preset.seeds * len(FEW))
    drives[asks, :, env.channels.index("asking")] = -preset.price
    seeds = jax.random.split(study.key(4), preset.seeds)
    return train(
        env,
        preset.few,
        seeds[np.repeat(np.arange(preset.seeds), len(EVERY))][again],
        drives,
        teams=jax.tree.map(jnp.asarray, _at(teams, again)),
        worlds=many,
        run=study.run.part("elsewhere"),
        title=f"{len(EVERY)} arms x {preset.seeds} seeds x {len(FEW)} distances",
        checked=False,
        quiet=study.quiet,
    )


def _yardsticks(study: Study, preset: Preset, env: Simulation) -> dict[str, dict[str, float]]:
    """Joint events per agent-step at each distance: random acts, and scripted teams that know the rules."""
    out: dict[str, dict[str, float]] = {"random acts": {}, "scripted": {}}
    for distance in DISTANCES:
        there = at(env, distance, preset.number)
        known = distance in ("same", "new")
        expert = with_help(there, acts=True) if known else there
        bots = {"random acts": (there, random_team(env)), "scripted": (expert, Explorers())}
        for name, (world, bot) in bots.items():
            episodes = play(world, bot, study.key(5), worlds=2 * preset.worlds)
            out[name][distance] = float(episodes.joint.mean())
    return out


def _found(
    preset: Preset, trained: Trained, tried: Mapping, few: Trained
) -> dict[str, dict[str, np.ndarray]]:
    """measure -> arm -> one figure per seed."""
    out: dict[str, dict[str, np.ndarray]] = {}
    for distance in DISTANCES:
        joint = np.asarray(tried[distance]["joint"])
        out[f"zero_{distance}"] = {a: joint[:, i] for i, a in enumerate(EVERY)}
    gained = few.metrics["joint"].mean(1).reshape(len(FEW), preset.seeds, len(EVERY))
    for i, distance in enumerate(FEW):
        out[f"few_{distance}"] = {a: gained[i, :, j] for j, a in enumerate(EVERY)}
    for arms in out.values():
        arms[DISCOVERY_ARM] = np.mean([arms[b] for b in BONUSES], axis=0)
    return out


def _asked(study: Study, preset: Preset, trained: Trained, tried: Mapping) -> dict:
    """What was asked and when, by the arm that may ask."""
    i = EVERY.index("asking")
    new, mute = tried["new"], tried["unanswered"]
    found = {
        "all": {"asking": np.asarray(new["asked"])[:, i].mean(-1)},
        "answer_in_sight": {"asking": np.asarray(new["asked_again"])[:, i]},
        "no_answer_in_sight": {"asking": np.asarray(new["asked_unseen"])[:, i]},
        "answered": {"asking": np.asarray(new["joint"])[:, i]},
        "unanswered": {"asking": np.asarray(mute["joint"])[:, i]},
        "unanswered_asked": {"asking": np.asarray(mute["asked"])[:, i].mean(-1)},
        "same": {"asking": np.asarray(tried["same"]["asked"])[:, i].mean(-1)},
        "near": {"asking": np.asarray(tried["near"]["asked"])[:, i].mean(-1)},
        "far": {"asking": np.asarray(tried["far"]["asked"])[:, i].mean(-1)},
    }
    return estimates(found, seed=study.seed)["asking"]


def _curves(preset: Preset, trained: Trained, tried: Mapping, few: Trained) -> dict[str, np.ndarray]:
    joint = trained.metrics["joint"].reshape(preset.seeds, len(ARMS), -1)
    asked = trained.metrics["signal"].reshape(preset.seeds, len(ARMS), joint.shape[-1], -1)
    out = {f"learning/{a}": joint[:, i] for i, a in enumerate(ARMS)}
    out["learning/agent_steps"] = trained.agent_steps
    out["asked/training"] = asked[:, list(ARMS).index("asking"), :, trained.channels.index("asking")]
    out["asked/episode"] = np.asarray(tried["new"]["asked"])[:, EVERY.index("asking")]
    for a, i in (("counts", EVERY.index("counts")), ("asking", EVERY.index("asking"))):
        out[f"episode/{a}"] = np.asarray(tried["new"]["progress"])[:, i]
    gained = few.metrics["joint"].reshape(len(FEW), preset.seeds, len(EVERY), -1)
    for i, distance in enumerate(FEW):
        out |= {f"few_{distance}/{a}": gained[i, :, j] for j, a in enumerate(EVERY)}
    out["few/agent_steps"] = few.agent_steps
    return out


DISCOVERY = Experiment(
    name="discovery",
    question="A task's rule is hidden. Does one who was shown it, or one who had to find it out, do better "
    "on related tasks; and what is it worth to be able to ask?",
    arms={a: arm.what for a, arm in ARMS.items()} | NOT_TRAINED | {DISCOVERY_ARM: MEAN_OF_BONUSES},
    outcome="joint events per agent-step in whole episodes without learning (zero-shot) on tasks at four "
    "distances: the same, new ones, nearby rules, far rules; and their mean over a short learning there "
    "(few-shot)",
    test=f"{TEST} (arms of a seed meet the same tasks and start from the same weights, but for '{YOKED}' and "
    "'random', which are other networks)",
    presets=PRESETS,
    measure=measure,
    parts=PARTS,
)
