"""Focal agents among a frozen background: how newcomers fare in a population they did not grow up with."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
import xarray as xr
from jaxtyping import Array, Key
from matplotlib.figure import Figure
from numpy.typing import NDArray

from socialsim.agents.bots import random_team
from socialsim.analysis.plots import strangers as plots
from socialsim.core.errors import OptionError, integer
from socialsim.core.simulation import Simulation
from socialsim.transfer.strangers import mixing, tables
from socialsim.transfer.strangers.crossplay import RANDOM, ranks
from socialsim.transfer.strangers.mixing import Behaviour
from socialsim.transfer.strangers.tables import DEFAULT, Resampling

MEASURES = ("focal", "others", "all", "resident", "advantage")


@dataclasses.dataclass(frozen=True, eq=False)
class FocalPlay:
    """table `[measure, team, focal_agents]` of joint successes per agent-step; intervals over episodes.

    focal: shares of the focal agents, each. others: of the background agents beside them (NaN where there
    are none). all: of everybody, the team metric. resident: of residents in the seats of the focal agents,
    in the same episodes with background only. advantage: focal - resident, paired by episode.
    Null: the same with agents that act at random as the focal ones (for `resident` there is none).

    population `[measure, focal_agents]`: means over focal teams, intervals over these (NaN for one team).
    """

    table: xr.Dataset
    population: xr.Dataset

    def to_dict(self) -> dict[str, Any]:
        """Plain rows for JSON."""
        world = {k: self.table.attrs[k] for k in ("world", "background")}
        return world | {"table": tables.rows(self.table), "population": tables.rows(self.population)}

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> "FocalPlay":
        """What `to_dict` gave."""
        attrs = {k: kept[k] for k in ("world", "background")}
        return cls(
            tables.from_rows(kept["table"], ("measure", "team", "focal_agents"), **attrs),
            tables.from_rows(kept["population"], ("measure", "focal_agents")),
        )

    @classmethod
    def joined(cls, parts: Sequence["FocalPlay"], resampling: Resampling = DEFAULT) -> "FocalPlay":
        """Focal teams that had backgrounds of their own, as one. `null` stays that of each."""
        table = xr.concat([p.table for p in parts], "team", combine_attrs="drop_conflicts")
        means = table.estimate.transpose("measure", "focal_agents", "team").values
        null = tuple(table[k].mean("team").values for k in ("null", "null_low", "null_high"))
        coords = {k: table[k].values.tolist() for k in ("measure", "focal_agents")}
        population = tables.table(coords, resampling(means), null, n=means.shape[-1])
        background = list(dict.fromkeys(b for p in parts for b in p.table.attrs["background"]))
        return cls(table.assign_attrs(background=background), population)

    def plot(self) -> Figure:
        return plots.focal_play(self.table)


def focal_play(
    env: Simulation,
    teams: Mapping[str, Behaviour] | Sequence[Behaviour],
    background: Mapping[str, Behaviour] | Sequence[Behaviour],
    key: Key[Array, ""],
    *,
    focal_agents: Sequence[int] | None = None,
    episodes: int = 64,
    steps: int | None = None,
    resampling: Resampling = DEFAULT,
) -> FocalPlay:
    """k agents of a focal team amid A - k of a frozen background population, for several k.

    After Melting Pot (Leibo et al. 2021): the score is the focal agents' per-capita return, here their share
    in joint successes, which no agent receives. In each episode the seats of the focal agents are drawn at
    random (those of k agents are among those of k + 1), and each other seat is held by a background team
    drawn at random, one draw per seat. All teams and all k meet the same episodes and the same draws.

    Parameters
    ----------
    teams : focal ones by name, each evaluated by itself.  background : frozen residents; scripted ones too.
    focal_agents : the k, each 1 to A; by default 1 to A - 1. k = A is the focal team's plain play.
    episodes : of each k.  steps: of each, by default the horizon.

    Raises
    ------
    OptionError : no teams, no background, a k that is not allowed, or a team that cannot act in this world.
    """
    focal, residents = mixing.named(teams, "team"), mixing.named(background, "resident")
    tables.check_members(focal, "focal teams", least=1)
    tables.check_members(residents, "background teams", least=1)
    count = env.num_agents
    sizes = tuple(range(1, count)) if focal_agents is None else tuple(focal_agents)
    sizes = tuple(integer("focal_agents", k, low=1, high=count) for k in sizes)
    if not sizes or len(set(sizes)) < len(sizes):
        raise OptionError(f"focal_agents={sizes}; allowed: one or more numbers from 1 to {count}, each once")
    episodes = tables.check_episodes(episodes)
    # Keys apart, as a focal team and a resident may have one name.
    members = {("focal", k): v for k, v in focal.items()} | {("resident", k): v for k, v in residents.items()}
    crowd = {": ".join(k): v for k, v in members.items()} | {RANDOM: random_team(env)}
    play_key, seat_key = jax.random.split(key)
    place, drawn = _seating(seat_key, episodes, count, len(residents))
    mine = place < np.array(sizes)[:, None, None]  # [K, E, A]
    lines = [*range(len(focal)), len(crowd) - 1]  # the last focal team acts at random
    frozen = np.arange(len(focal), len(focal) + len(residents))
    cast = np.array([[t, *frozen] for t in lines for _ in sizes] + [[0, *frozen]])
    seats = np.concatenate([np.tile(np.where(mine, 0, drawn), (len(lines), 1, 1)), drawn[None]])
    joint = mixing.play_lines(
        env, mixing.pool(env, crowd), cast, seats.astype(np.int32), play_key, steps=steps
    ).mean(2)
    shares = joint[:-1].reshape(len(lines), len(sizes), episodes, count)
    values = _measured(shares, joint[-1], mine)  # [measure, line, K, E]
    null = resampling(values[:, -1:])
    null = tuple(np.where((np.array(MEASURES) == "resident")[:, None, None], np.nan, x) for x in null)
    coords = {"measure": list(MEASURES), "team": list(focal), "focal_agents": list(sizes)}
    table = tables.table(coords, resampling(values[:, :-1]), null, n=episodes)
    means = np.moveaxis(values[:, :-1].mean(-1), 1, -1)
    population = tables.table(
        {k: v for k, v in coords.items() if k != "team"},
        resampling(means),
        tuple(x[:, 0] for x in null),
        n=len(focal),
    )
    return FocalPlay(table.assign_attrs(world=env.id, background=list(residents)), population)


def _seating(key, episodes: int, agents: int, residents: int) -> tuple[NDArray, NDArray]:
    """`[E, A]` each: the order in which seats become focal, and the role (1 up) of the resident there."""
    order_key, draw_key = jax.random.split(key)
    drawn = jax.random.randint(draw_key, (episodes, agents), 1, residents + 1)
    return ranks(order_key, episodes, agents), np.asarray(drawn)


def _measured(shares: NDArray, home: NDArray, mine: NDArray) -> NDArray:
    """`MEASURES` per episode, `[measure, L, K, E]`, of shares `[L, K, E, A]`; home: `[E, A]`, background
    only; mine `[K, E, A]`: whose seats are focal."""
    k = mine.sum(-1)
    rest = mine.shape[-1] - k
    focal = (shares * mine).sum(-1) / k
    others = np.where(rest > 0, (shares * ~mine).sum(-1) / np.maximum(rest, 1), np.nan)
    resident = np.broadcast_to((home * mine).sum(-1) / k, focal.shape)
    return np.stack([focal, others, shares.mean(-1), resident, focal - resident])
