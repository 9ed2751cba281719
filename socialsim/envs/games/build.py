"""Checked construction of table games: one place for the options that all of them share."""

import math
from typing import Any

import jax.numpy as jnp

from socialsim.core.errors import OptionError, integer, number
from socialsim.core.sight import Eyes
from socialsim.envs.games import seats

MAX_AGENTS, MAX_ROUNDS, MAX_TOKENS = 64, 1000, 100
SPARE = 6  # decisions that a turn leaves beyond what its longest move takes
MAX_DRAWN = 60  # tokens of one player in a picture


def table_fields(
    *,
    num_agents: object,
    rounds: object,
    size: object,
    turn_limit: int | None,
    turns: int,
    endowment: float,
    most: int,
    scale: float,
    covered: bool = False,
    reach: float,
    cone: float,
    full_view: bool,
) -> dict[str, Any]:
    """Fields that all games share.

    turns: of a round.  most: units that can be put forward in one of them.  scale: tokens one can own.

    Raises OptionError, naming the option: too many for the table, a turn too short for its longest move.
    """
    agents = integer("num_agents", num_agents, low=2, high=MAX_AGENTS)
    across = number("size", size, low=4, high=64)
    room = math.floor(math.pi / math.asin(seats.ROOM / across) + 1e-6)
    if agents > room:
        raise OptionError(
            f"num_agents={agents}; allowed: at most {room} at a table of size={across:g}, or a larger size"
        )
    limit = most + SPARE if turn_limit is None else integer("turn_limit", turn_limit, low=1, high=10_000)
    if limit <= most:
        raise OptionError(
            f"turn_limit={limit}; allowed: at least {most + 1} decisions, for {most} units can be put "
            "forward one by one before they are confirmed"
        )
    count = integer("rounds", rounds, low=1, high=MAX_ROUNDS)
    return dict(
        endowment=jnp.float32(endowment),
        rounds=jnp.int32(count),
        turn_limit=jnp.int32(limit),
        covered=jnp.asarray(bool(covered)),
        size=jnp.float32(across),
        agents=agents,
        most_rounds=count,
        most=most,
        drawn=min(math.ceil(scale), MAX_DRAWN),
        horizon=count * (turns * limit + 1),
        eyes=Eyes(reach=reach, cone=cone, full_view=bool(full_view)),
    )


def tokens(name: str, value: object) -> int:
    """A number of tokens, checked."""
    return integer(name, value, low=1, high=MAX_TOKENS)
