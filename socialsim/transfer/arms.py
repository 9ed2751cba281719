"""Arms of a transfer experiment: what each learner in the target world is given of the source.

Every arm learns from the target's own signals with the same drives and the same fresh parameters per seed;
arms differ only in the carried reward and in which parameters are replaced. That is data, so one compiled
program runs all arms and seeds.
"""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array

from socialsim.agents.networks import NetworkConfig
from socialsim.agents.ppo import CARRIED
from socialsim.agents.team import Team, new_team
from socialsim.core.errors import OptionError, choose
from socialsim.core.simulation import Simulation
from socialsim.transfer import carriers
from socialsim.transfer.carriers import Carrier, Source


@dataclasses.dataclass(frozen=True)
class Arm:
    """label: for figures.  carrier(source, rng, fresh) -> Carrier.  part: parameters to move, if any.
    same_actions: only where source and target take the same actions."""

    label: str
    carrier: Callable[[Source, np.random.Generator, Team], Carrier]
    part: str | None = None
    same_actions: bool = False


def _none(source, rng, fresh):
    return carriers.nothing(source)


ARMS: dict[str, Arm] = {
    "scratch": Arm("from scratch", _none),
    "shaping": Arm("value shaping", lambda s, rng, fresh: carriers.shaping(s)),
    "random": Arm("shaping by a random head", lambda s, rng, fresh: carriers.shaping(s, team=fresh)),
    "shuffled": Arm(
        "shaping by a weight-shuffled head",
        lambda s, rng, fresh: carriers.shaping(s, team=carriers.shuffle_weights(s.team, rng)),
    ),
    "flipped": Arm("shaping, sign flipped", lambda s, rng, fresh: carriers.shaping(s, sign=-1.0)),
    "distilled": Arm("distilled reward", lambda s, rng, fresh: carriers.distilled(s)),
    "permuted": Arm(
        "distilled reward, weights permuted", lambda s, rng, fresh: carriers.distilled(s, permute=rng)
    ),
    "critic": Arm("critic as initialisation", _none, part="critic"),
    "encoder": Arm("encoders only", _none, part="encoder"),
    "policy": Arm("policy only", _none, part="policy", same_actions=True),
}


class Plan(struct.PyTreeNode):
    """All runs of a transfer experiment, stacked: R = arms x seeds, arm by arm."""

    teams: Team
    carriers: Carrier
    drives: Array  # [R, A, C + 1]
    arms: tuple[str, ...] = struct.field(pytree_node=False)
    seeds: int = struct.field(pytree_node=False)


def plan(
    sources: list[Source],
    target: Simulation,
    network: NetworkConfig,
    *,
    arms: tuple[str, ...] = tuple(ARMS),
    seeds: int,
    seed: int,
    drives: np.ndarray,
    weight: float = 1.0,
) -> Plan:
    """Prepare every run. Seed i takes source i (modulo their number).

    drives: `[A, C]` of the target's own signals.  weight: drive of the carried reward, in arms that carry
    one. Arms that need equal actions are left out where source and target act differently.
    """
    for name in arms:
        choose("arm", name, ARMS)
    if seeds < 1 or not sources:
        raise OptionError(f"seeds={seeds}, {len(sources)} sources; allowed: at least one of each")
    kept = tuple(a for a in arms if not ARMS[a].same_actions or sources[0].team.actions == target.actions)
    channels = (*target.channels, CARRIED)
    rows = []
    for name in kept:
        for i in range(seeds):
            source = sources[i % len(sources)]
            # One stream per seed, the same in all arms, so that arms are paired; controls get their own.
            key = jax.random.fold_in(jax.random.key(seed), i)
            rng = np.random.default_rng([seed, i, list(ARMS).index(name)])
            fresh = new_team(key, network, target.actions, channels, target.num_agents)
            stranger = _stranger(jax.random.fold_in(key, 1), source)
            part = ARMS[name].part
            team = carriers.graft(fresh, source.team, part) if part else fresh
            carried = ARMS[name].carrier(source, rng, stranger)
            own = weight if ARMS[name].carrier is not _none else 0.0
            rows.append((team, carried, jnp.concatenate([drives, jnp.full((len(drives), 1), own)], 1)))
    teams, carried, weights = jax.tree.map(lambda *xs: jnp.stack(xs), *rows)
    return Plan(teams, carried, weights, kept, seeds)


def _stranger(key, source: Source) -> Team:
    """An untrained team of the source's shape, its value heads as large as its hidden layers."""
    team = source.team
    agents = source.episodes.observation.self.shape[-2]
    fresh = new_team(key, team.config, team.actions, team.channels, agents)
    return fresh
