"""Arms of a transfer experiment: what each learner in the target world is given of the source.

They are compared in one of two ways. *Beside* the target's own signals, with the same drives in every arm,
what is carried can make learning faster (`BESIDE`). *Alone* it is all that a learner is rewarded with
(`ALONE`): whoever then comes to succeed has learned it from the values, which is the test of whether these
transferred. All arms have the same fresh parameters per seed; they differ in the carried reward, in which
parameters are replaced and in drives. That is data, so one compiled program runs all arms and seeds.
"""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array

from socialsim.agents.bots import scripted_team
from socialsim.agents.networks import NetworkConfig
from socialsim.agents.ppo import CARRIED
from socialsim.agents.team import Team, new_team
from socialsim.analysis.recording import Episodes, play
from socialsim.core.errors import OptionError, choose
from socialsim.core.simulation import Simulation
from socialsim.transfer import carriers
from socialsim.transfer.carriers import Carrier, Source

WEIGHT = 1.0  # drive of what is carried, beside the learner's own drives
SLIP = 0.3  # how often the scripted team slips on whose episodes the oracle is made
THERE = 10_007  # its key, apart from those of the seeds


@dataclasses.dataclass(frozen=True)
class Given:
    """What a carrier may be made of. rng: of this run.  stranger: an untrained team of the source's shape.
    there: episodes of the target; `oracle` alone asks for them."""

    source: Source
    rng: np.random.Generator
    stranger: Team
    there: Episodes | None = None


@dataclasses.dataclass(frozen=True)
class Arm:
    """label: for figures.  carrier: makes what is carried.  part: parameters to move, if any.
    same_actions: only where source and target take the same actions.  sees_target: needs `Given.there`.
    own_signals: gets the target's own signals, even where the others are left alone with what is carried."""

    label: str
    carrier: Callable[[Given], Carrier]
    part: str | None = None
    same_actions: bool = False
    sees_target: bool = False
    own_signals: bool = False


def _none(given: Given) -> Carrier:
    return carriers.nothing(given.source)


def _oracle(given: Given) -> Carrier:
    assert given.there is not None  # `plan` has seen to it
    return carriers.oracle(given.source, given.there)


def _shuffled(given: Given) -> Carrier:
    return carriers.shaping(given.source, team=carriers.shuffle_weights(given.source.team, given.rng))


ARMS: dict[str, Arm] = {
    "scratch": Arm("from scratch", _none),
    "shaping": Arm("value shaping", lambda g: carriers.shaping(g.source)),
    "random": Arm("shaping by a random head", lambda g: carriers.shaping(g.source, team=g.stranger)),
    "shuffled": Arm("shaping by a weight-shuffled head", _shuffled),
    "flipped": Arm("shaping, sign flipped", lambda g: carriers.shaping(g.source, sign=-1.0)),
    "distilled": Arm("distilled reward", lambda g: carriers.distilled(g.source)),
    "permuted": Arm(
        "distilled reward, weights permuted", lambda g: carriers.distilled(g.source, permute=g.rng)
    ),
    "critic": Arm("critic as initialisation", _none, part="critic"),
    "encoder": Arm("encoders only", _none, part="encoder"),
    "policy": Arm("policy only", _none, part="policy", same_actions=True),
    "distilled-untrained": Arm(
        "distilled from an untrained head", lambda g: carriers.distilled(g.source, team=g.stranger)
    ),
    "oracle": Arm("oracle: fitted to the world's own signals", _oracle, sees_target=True),
    "direct": Arm("the world's own signals", _none, own_signals=True),
}
BESIDE = ("scratch", "shaping", "random", "shuffled", "flipped", "critic", "encoder", "policy")
"""Arms to compare beside the target's own signals."""
ALONE = (
    "scratch",
    "distilled",
    "permuted",
    "distilled-untrained",
    "random",
    "shuffled",
    "encoder",
    "policy",
    "oracle",
    "direct",
)
"""Arms to compare without them; `direct` gets them all the same and says what could be reached."""
UNREWARDED = "no reward at all"


def label(arm: str, *, alone: bool = False) -> str:
    """For figures. Raises OptionError for an unknown arm."""
    return UNREWARDED if alone and arm == "scratch" else ARMS[choose("arm", arm, ARMS)].label


class Plan(struct.PyTreeNode):
    """All runs of a transfer experiment, stacked: R = arms x seeds, arm by arm."""

    teams: Team
    carriers: Carrier
    drives: Array  # [R, A, C + 1]
    arms: tuple[str, ...] = struct.field(pytree_node=False)
    seeds: int = struct.field(pytree_node=False)
    sources: tuple[int, ...] = struct.field(pytree_node=False)  # which source each seed was given
    weight: float = struct.field(pytree_node=False)  # drive of what is carried
    alone: bool = struct.field(pytree_node=False, default=False)


def plan(
    sources: list[Source],
    target: Simulation,
    network: NetworkConfig,
    *,
    arms: tuple[str, ...] | None = None,
    alone: bool = False,
    seeds: int,
    seed: int,
    drives: np.ndarray,
    weight: float = WEIGHT,
    there: Episodes | None = None,
) -> Plan:
    """Prepare every run. Seed i takes source i (modulo their number).

    alone: learners get none of the target's signals (see above).  arms: None takes `ALONE` or `BESIDE`.
    drives: `[A, C]` of the target's own signals.  weight: drive of the carried reward, in arms that carry
    one.  there: episodes of the target, which the arm `oracle` is made of; None plays some of a scripted team
    that slips. Arms that need equal actions are left out where source and target act differently.
    """
    arms = (ALONE if alone else BESIDE) if arms is None else arms
    for name in arms:
        choose("arm", name, ARMS)
    if seeds < 1 or not sources:
        raise OptionError(f"seeds={seeds}, {len(sources)} sources; allowed: at least one of each")
    kept = tuple(a for a in arms if not ARMS[a].same_actions or sources[0].team.actions == target.actions)
    if there is None and any(ARMS[a].sees_target for a in kept):
        key = jax.random.fold_in(jax.random.key(seed), THERE)
        there = play(target, scripted_team(target, epsilon=SLIP), key, worlds=24)
    channels = (*target.channels, CARRIED)
    owners = tuple(i % len(sources) for i in range(seeds))
    rows = []
    for name in kept:
        for i in range(seeds):
            source = sources[owners[i]]
            # One stream per seed, the same in all arms, so that arms are paired; controls get their own.
            key = jax.random.fold_in(jax.random.key(seed), i)
            rng = np.random.default_rng([seed, i, list(ARMS).index(name)])
            fresh = new_team(key, network, target.actions, channels, target.num_agents)
            stranger = _stranger(jax.random.fold_in(key, 1), source)
            part = ARMS[name].part
            team = carriers.graft(fresh, source.team, part) if part else fresh
            carried = ARMS[name].carrier(Given(source, rng, stranger, there))
            own = np.zeros_like(drives) if alone and not ARMS[name].own_signals else drives
            brought = weight if ARMS[name].carrier is not _none else 0.0
            rows.append((team, carried, jnp.concatenate([own, jnp.full((len(drives), 1), brought)], 1)))
    teams, carried, weights = jax.tree.map(lambda *xs: jnp.stack(xs), *rows)
    return Plan(teams, carried, weights, kept, seeds, owners, weight, alone)


def _stranger(key, source: Source) -> Team:
    """An untrained team of the source's shape, its value heads as large as its hidden layers."""
    team = source.team
    agents = source.episodes.observation.self.shape[-2]
    return new_team(key, team.config, team.actions, team.channels, agents)
