"""The arms of `discovery`, as data: one compiled program trains them all."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from socialsim.agents.demonstrated import Demonstrated
from socialsim.agents.empowerment import Empowerment
from socialsim.agents.novelty import Counts, Elliptical
from socialsim.agents.ppo import PPOConfig
from socialsim.agents.several import Several
from socialsim.agents.surprise import Disagreement, Distillation
from socialsim.agents.tandem import Tandem
from socialsim.core.senses import Senses
from socialsim.core.signals import Coordination
from socialsim.core.simulation import Simulation
from socialsim.experiments.discovering.asking import Asked, Asking, Knowing, in_the_know
from socialsim.experiments.discovering.tasks import Tasks

BONUSES = ("counts", "elliptical", "distillation", "disagreement", "empowerment")
YOKED = "yoked"


@dataclasses.dataclass(frozen=True)
class Arm:
    """shown: a scripted team acts first and is cloned.  bonus: an intrinsic reward.  asks: questions are
    answered, at a price.  yoked: a passive learner lives through all that this one does."""

    what: str
    shown: bool = False
    bonus: str | None = None
    asks: bool = False
    yoked: bool = False


ARMS: Mapping[str, Arm] = {
    "demonstrations": Arm(
        "curated: a scripted team that knows the rule acts first and is cloned, then joint success is the "
        "only reward",
        shown=True,
    ),
    "sparse": Arm("control: joint success is the only reward from the start"),
    "counts": Arm(
        "discovery: and 1/sqrt(n) for what is sensed for the n-th time", bonus="counts", yoked=True
    ),
    "elliptical": Arm(
        "discovery: and a bonus for what is unlike the episode so far (E3B)", bonus="elliptical"
    ),
    "distillation": Arm("discovery: and the error in guessing a random network (RND)", bonus="distillation"),
    "disagreement": Arm(
        "discovery: and how far an ensemble of forward models disagrees", bonus="disagreement"
    ),
    "empowerment": Arm("discovery: and how many outcomes are in reach, exactly counted", bonus="empowerment"),
    "asking": Arm(
        "as 'counts', and a question, which costs, makes a demonstrator point at what is to be done next",
        bonus="counts",
        asks=True,
    ),
    "both": Arm(
        "curated, then discovery: demonstrations first, then as 'counts'", shown=True, bonus="counts"
    ),
}
NOT_TRAINED = {
    YOKED: "control: a passive learner that lives through all that 'counts' does, and never acts",
    "random": "control: fresh networks, never trained",
}


@dataclasses.dataclass(frozen=True)
class Plan:
    """`R` runs, arm within seed.  names: arm of each run.  drives `[R, A, C]`.  given, worlds, schedule: as
    `agents.training.train` takes them."""

    names: tuple[str, ...]
    drives: np.ndarray
    given: Callable[[int], dict[str, Any]]
    worlds: Callable[[int], Simulation]
    schedule: Callable[..., np.ndarray]


def simulation(world: Tasks, *, lasts: int = 8, horizon: int = 64) -> Simulation:
    """The tasks with their demonstrator, who neither acts nor answers; `with_help` changes that."""
    off = jnp.zeros((), bool)
    asked = Asked(world, off, jnp.int32(lasts))
    shown = Demonstrated(asked, Knowing(), off, in_the_know)
    return Simulation(shown, Senses(), (Coordination(), Asking()), horizon, "discovery")


def with_help(env: Simulation, *, acts: Any = False, answers: Any = False) -> Simulation:
    """`env` where the demonstrator acts, or answers."""
    world: Any = env.world
    asked = world.world.replace(on=jnp.asarray(answers))
    return env.replace(world=world.replace(world=asked, on=jnp.asarray(acts)))


def at(env: Simulation, distance: str, number: int) -> Simulation:
    """`env` with the tasks at a distance."""
    world: Any = env.world
    inner = world.world.world.at(distance, number)
    return env.replace(world=world.replace(world=world.world.replace(world=inner)))


def bonuses(config: PPOConfig) -> Several:
    """All intrinsic rewards, of which each run is moved by its own; and the passive learner."""
    return Several(
        (
            Counts(bits=12, channels=("counts",)),
            Elliptical(config.worlds, channels=("elliptical",)),
            Distillation(channels=("distillation",)),
            Disagreement(channels=("disagreement",)),
            Empowerment(channels=("empowerment",)),
            Tandem(config, {"coordination": 1.0}, channels=(YOKED,)),
        )
    )


def copies(env: Simulation, runs: int) -> Simulation:
    """The same tasks for each run."""
    return jax.tree.map(lambda x: jnp.broadcast_to(x, (runs, *jnp.shape(x))), env)


def plan(
    env: Simulation,
    seeds: int,
    *,
    chunks: int,
    shown: int,
    bonus: float,
    price: float,
    arms: Sequence[str] = tuple(ARMS),
) -> Plan:
    """All arms of all seeds.

    shown: chunks for which demonstrations last.  bonus: drive of an intrinsic reward at the start; it falls
    linearly to 0 in the last chunk.  price: of a question, where a joint success has drive 1.
    """
    names = tuple(arms) * seeds
    rows = [ARMS[n] for n in names]
    signals, channels = len(env.channels), (*env.channels, *BONUSES, YOKED)
    drives = np.zeros((len(rows), env.num_agents, len(channels)), np.float32)
    drives[..., channels.index("coordination")] = 1.0
    for i, arm in enumerate(rows):
        drives[i, :, channels.index("asking")] = -price * arm.asks
        drives[i, :, channels.index(YOKED)] = float(arm.yoked)
        if arm.bonus is not None:
            drives[i, :, channels.index(arm.bonus)] = bonus
    taught = np.array([a.shown for a in rows])
    everywhere = copies(env, len(rows))

    def worlds(chunk: int) -> Simulation:
        return with_help(everywhere, acts=taught & (chunk < shown), answers=np.array([a.asks for a in rows]))

    def given(chunk: int) -> dict[str, Any]:
        return {"cloning": jnp.asarray(taught & (chunk < shown), jnp.float32)}

    def schedule(chunk: int, start: np.ndarray, measured) -> np.ndarray:
        now = start.copy()
        now[..., signals : signals + len(BONUSES)] *= 1 - chunk / max(chunks - 1, 1)
        now[taught & (chunk < shown)] = 0.0  # what the learner would have done had no consequences yet
        return now

    return Plan(names, drives, given, worlds, schedule)
