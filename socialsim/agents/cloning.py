"""Behaviour cloning from what the senses show: learn to do what one's body was seen to do."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Bool, Int, Key

from socialsim.agents.networks import init_hidden
from socialsim.agents.ppo import Batch
from socialsim.agents.team import Team
from socialsim.core.acts import NUM_ACTS
from socialsim.core.senses import SELF_FEATURES

_FIRST = SELF_FEATURES.index("act_still")


def done_acts(part: Batch) -> tuple[Int[Array, "N E A"], Bool[Array, "N E A"]]:
    """The acts carried out after each row but the last (N = T - 1), and where that is known.

    An agent senses its own last act. In a world that lets a scripted team act (`Demonstrated`) this is what
    the team did, not what the learner asked for. It is unknown where the next row begins another episode.
    """
    shown = part.observation.self[1:, ..., _FIRST : _FIRST + NUM_ACTS]
    known = jnp.broadcast_to(~part.start[1:, ..., None], shown.shape[:-1])
    return shown.argmax(-1), known


@dataclasses.dataclass(frozen=True)
class Cloning:
    """A `ppo.Auxiliary`: weight times -log pi of the acts that were carried out (discrete acts only).

    given[name]: the weight of a run, a number; 0 switches it off.
    """

    name: str = "cloning"

    def __call__(
        self, team: Team, part: Batch, key: Key[Array, ""], given: Mapping[str, Any]
    ) -> tuple[Array, dict[str, Array]]:
        acts, known = done_acts(part)
        out = team.unroll(part.observation, init_hidden(team.config, part.log_prob.shape[1:]), part.start)
        policy: Any = out.policy
        likely = policy.log_prob(jnp.concatenate([acts, acts[-1:]]))[:-1]
        total = jnp.maximum(known.sum(), 1)
        loss = -(likely * known).sum() / total
        agree = ((policy.logits[:-1].argmax(-1) == acts) & known).sum() / total
        return given[self.name] * loss, {"cloning_loss": loss, "cloning_agreement": agree}
