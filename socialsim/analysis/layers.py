"""The rest of the network: from the activations of one layer on to values and policy.

Probes read a layer; interventions change it and must know what the network then says.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array
from numpy.typing import ArrayLike, NDArray

from socialsim.agents.distributions import Categorical, Gaussian, Policy
from socialsim.agents.networks import init_hidden
from socialsim.agents.team import Team
from socialsim.core.errors import OptionError, choose, integer
from socialsim.core.senses import Observation

LAYERS = ("encoder", "trunk")
TOWERS = ("critic", "actor")


def solo(team: Team, agent: int) -> Team:
    """One agent of a team with parameters per agent, as a Team of its own; other teams come back as they are.

    Probes of a population take its agents one by one: their units have nothing to do with each other.
    """
    if not team.config.per_agent:
        return team
    integer("agent", agent, low=0, high=len(jax.tree.leaves(team.params)[0]) - 1)
    params, stats = jax.tree.map(lambda x: x[agent], (team.params, team.stats))
    return team.replace(params=params, stats=stats, config=dataclasses.replace(team.config, per_agent=False))


def _module(team: Team):
    if team.config.per_agent:
        raise OptionError("a team with parameters per agent; allowed: one of its agents, see `layers.solo`")
    return nnx.merge(team.graph, team.params, team.stats)


def activations(team: Team, observation: Observation, tower: str = "critic") -> dict[str, Array]:
    """Activations by layer `[..., A, H]` of the "critic" or the "actor", at the start of an episode where
    the network has a memory."""
    choose("tower", tower, TOWERS)
    module = _module(team)
    hidden = init_hidden(team.config, observation.self.shape[:-1])
    memory = hidden[..., TOWERS.index("actor") if tower == "critic" else 0, :] if hidden.size else hidden
    return getattr(module, f"{tower}_tower")(observation, memory)[0]


@dataclasses.dataclass(frozen=True)
class Onward:
    """From activations `[N, H]` of `layer` ("encoder" or "trunk") to what the network makes of them.

    values: `[N, C]` from the critic's tower, signal units.  policy: from the actor's tower. With a shared
    encoder both follow from the same activations; otherwise an edit of the critic cannot move the policy,
    nor an edit of the actor the values, and asking for it is an error rather than a zero.
    """

    team: Team
    layer: str
    tower: str = "critic"

    def __post_init__(self):
        choose("layer", self.layer, LAYERS)
        choose("tower", self.tower, TOWERS)
        _module(self.team)

    def values(self, units: ArrayLike) -> NDArray:
        self._feeds("critic", "values")
        return np.asarray(_values(self.team, self.layer, jnp.asarray(units, jnp.float32)), float)

    def policy(self, units: ArrayLike) -> Policy:
        self._feeds("actor", "the policy")
        return _policy(self.team, self.layer, self.tower, jnp.asarray(units, jnp.float32))

    @property
    def feeds_policy(self) -> bool:
        return self.tower == "actor" or self.team.config.shared_encoder

    def _feeds(self, tower: str, what: str) -> None:
        if self.tower != tower and not self.team.config.shared_encoder:
            raise OptionError(
                f"the {self.tower}'s {self.layer} does not feed {what}; allowed: tower={tower!r}, or a team "
                "with a shared encoder"
            )


def _trunk(module: Any, tower: str, layer: str, units: Array) -> Array:
    return units if layer == "trunk" else nnx.relu(getattr(module, f"{tower}_tower").trunk(units))


def _values_of(team: Team, layer: str, units: Array) -> Array:
    module = _module(team)
    trunk = _trunk(module, "critic", layer, units)
    return module.value_head(trunk) * module.value_scale[...] + module.value_mean[...]


def _policy_of(team: Team, layer: str, tower: str, units: Array) -> Policy:
    module = _module(team)
    raw = module.actor_head(_trunk(module, tower, layer, units))
    if module.log_std is None:
        return Categorical(raw)
    return Gaussian(raw, jnp.broadcast_to(module.log_std[...], raw.shape))


_values = jax.jit(_values_of, static_argnames="layer")
_policy = jax.jit(_policy_of, static_argnames=("layer", "tower"))
