"""A passive learner, yoked to an active one: it learns from all that the other lives through, and acts
never."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from flax import nnx, struct
from jaxtyping import Array, Key

from socialsim.agents.learning import following_values, learn, lesson, make_optimiser
from socialsim.agents.networks import init_hidden
from socialsim.agents.options import PPOConfig
from socialsim.agents.rollout import Trajectory
from socialsim.agents.team import Team, new_team
from socialsim.core.drives import drive_matrix
from socialsim.core.errors import OptionError
from socialsim.core.senses import Observation
from socialsim.core.simulation import Simulation


class Passive(struct.PyTreeNode):
    """The passive learner: its own team, fresh at the start, and its optimiser."""

    team: Team
    optimiser: Any
    drives: Array


@dataclasses.dataclass(frozen=True)
class Tandem:
    """A `ppo.Intrinsic` that rewards nothing and keeps a passive learner (Ostrovski et al. 2021).

    After Held and Hein's yoked kittens (1963): same path, same steps of the same optimiser on the same
    batches, but another start and no say in what is done. What the active one did counts by the ratio of
    their probabilities, clipped as ever.  config: of both learners; without memory.  drives: channel ->
    weight, what the passive one is moved by among the signals of the world.

    The last sense of an episode that ran out of time is not on record; its value is taken from the one
    before."""

    config: PPOConfig
    drives: Mapping[str, float]
    channels: tuple[str, ...] = ("yoked",)

    def __post_init__(self):
        if self.config.network.recurrent:
            raise OptionError("network.recurrent=True; allowed: False, for a passive learner")

    def init(self, key: Key[Array, ""], env: Simulation) -> Passive:
        team = new_team(key, self.config.network, env.actions, env.channels, env.num_agents)
        optimiser = make_optimiser(self.config).init(nnx.to_pure_dict(team.params))
        return Passive(team, optimiser, jnp.asarray(drive_matrix(self.drives, env.channels, env.num_agents)))

    def __call__(self, kept: Passive, key: Key[Array, ""], path: Trajectory, last: Observation):
        config, team = self.config, kept.team
        value, following = team.forward(path.observation).value, team.forward(last).value
        next_value = following_values(path, value, following, value)
        team, batch = lesson(team, path, path.signals, value, next_value, kept.drives, config)
        hidden = init_hidden(team.config, path.log_prob.shape[1:])
        optimiser = make_optimiser(config)
        team, opt_state, losses = learn(team, kept.optimiser, optimiser, batch, hidden, config)
        told = {f"passive_{name}": losses[name] for name in ("entropy", "kl")}
        return kept.replace(team=team, optimiser=opt_state), jnp.zeros((*path.log_prob.shape, 1)), told
