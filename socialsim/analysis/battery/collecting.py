"""Choices of a team, trained or scripted, from game worlds: what the scoring is then applied to.

Every function takes the player (a Team or a Bot), a key and options, plays one round in each of `worlds`
tables and gives plain NumPy. Rounds that ran out of time are no choices and are left out.
"""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key
from numpy.typing import NDArray

from socialsim.agents.bots import Bot
from socialsim.agents.team import Team
from socialsim.analysis.battery import slider
from socialsim.analysis.battery.menu import menu
from socialsim.analysis.battery.playing import FREE, begin, finish, first_mover, outcome
from socialsim.envs.games.dictator import dictator
from socialsim.envs.games.public_goods import public_goods
from socialsim.envs.games.stag_hunt import stag_hunt
from socialsim.envs.games.table import Table
from socialsim.envs.games.trust import trust
from socialsim.envs.games.ultimatum import ultimatum

Player = Team | Bot
Cast = Callable[[Table], Bot] | Player
"""A player, or what makes one for a given game (bots know their game)."""


def cast(player: Cast, world: Table) -> Player:
    """The player for this game."""
    if isinstance(player, (Team, Bot)):
        return player
    return player(world)


@dataclasses.dataclass(frozen=True)
class Games:
    """The games as the battery sets them. worlds: tables played.  endowment: tokens.  rounds: of the repeated
    public goods game.  players: of the games of many.  patience: decisions that a turn may last; people had
    no clock, so this is long."""

    worlds: int = 256
    endowment: int = 10
    rounds: int = 10
    players: int = 4
    patience: int = 100

    @property
    def percent(self) -> NDArray:
        """What there is to give, in percent."""
        return 100 * np.arange(self.endowment + 1) / self.endowment

    def dictator(self, player: Cast, key: Key[Array, ""]) -> NDArray:
        """Given, percent `[n]`."""
        world = dictator(endowment=self.endowment, rounds=1, turn_limit=self.patience)
        end = self._end(world, player, key)
        return 100 * end["given"][:, 0][end["confirmed"][:, 0]] / self.endowment

    def offers(self, player: Cast, key: Key[Array, ""]) -> tuple[NDArray, NDArray]:
        """(offered in percent `[n]`, accepted `[n]`) of ultimatum games."""
        world = ultimatum(endowment=self.endowment, rounds=1, turn_limit=self.patience)
        end = self._end(world, player, key)
        kept = end["confirmed"][:, 0]
        return 100 * end["offer"][:, 0][kept] / self.endowment, end["accepted"][:, 0][kept]

    def answers(self, player: Cast, key: Key[Array, ""]) -> NDArray:
        """Accepted `[E, O]`: every responder is made every offer. Who lets time run out over one refuses it,
        as the game has it."""
        world = ultimatum(endowment=self.endowment, rounds=1, turn_limit=self.patience)
        return self._answers(world, player, key, self.endowment)["accepted"]

    def trust(self, player: Cast, key: Key[Array, ""]) -> tuple[NDArray, NDArray]:
        """(sent `[n]`, returned `[m]`) as shares, of the endowment and of what arrived, where it did."""
        world = trust(endowment=self.endowment, rounds=1, turn_limit=self.patience)
        end = self._end(world, player, key)
        kept, sent = end["confirmed"][:, 0], end["sent"][:, 0]
        arrived = np.maximum(end["received"][:, 0], 1e-9)
        return sent[kept] / self.endowment, (end["returned"][:, 0] / arrived)[kept & (sent > 0)]

    def contributions(self, player: Cast, key: Key[Array, ""]) -> NDArray:
        """Shares contributed in repeated public goods games `[E, round, player]`; NaN where time ran out."""
        world = public_goods(
            num_agents=self.players,
            endowment=self.endowment,
            rounds=self.rounds,
            multiplier=1.6,
            turn_limit=self.patience,
        )
        end = self._end(world, player, key)
        share = end["contributions"] / self.endowment
        return np.where(end["confirmed"][..., None], share, np.nan)

    def schedules(self, player: Cast, key: Key[Array, ""], *, levels: int = 21) -> tuple[NDArray, NDArray]:
        """(others `[L]`, own `[n, L]`) by the strategy method: the others have confirmed, in the open, and
        all put the same forward; what does the player do? Shares; those who let time run out are left out."""
        tokens = levels - 1
        world = public_goods(
            num_agents=self.players, endowment=tokens, rounds=1, covered=False, turn_limit=self.patience
        )
        state = begin(world, key, worlds=self.worlds)
        me = np.asarray(first_mover(state))
        rows = np.arange(self.worlds)
        own, valid = [], np.ones(self.worlds, bool)
        mine = jnp.asarray(np.eye(self.players, dtype=bool)[me])
        who = cast(player, world)
        for level in range(levels):
            start = state.replace(forward=jnp.where(mine, 0, level), done=~mine)
            end = finish(world, who, start, jax.random.fold_in(key, level))
            own.append(np.asarray(end.record.given)[rows, 0, 0, me] / tokens)
            valid &= np.asarray(end.record.confirmed)[:, 0, 0]
        return np.arange(levels) / tokens, np.stack(own, -1)[valid]

    def conformity(self, player: Cast, key: Key[Array, ""]) -> tuple[NDArray, NDArray]:
        """(conforms `[n]`, changes anyway `[n]`): one player is watched, all others have confirmed the
        opposite of what it did when their signs were covered. Stag and hare pay alike: nothing is gained.

        The second is how often it changes its choice without seeing anything, the control.
        """
        world = stag_hunt(
            num_agents=self.players,
            needed=self.players,
            stag=3,
            hare=3,
            alone=3,
            rounds=1,
            turn_limit=self.patience,
        )
        first, again, third = jax.random.split(key, 3)
        state = begin(world, key, worlds=self.worlds)
        me = np.asarray(first_mover(state))
        mine = jnp.asarray(np.eye(self.players, dtype=bool)[me])
        who, rows = cast(player, world), np.arange(self.worlds)

        def choice(others, covered: bool, key):
            start = state.replace(forward=jnp.where(mine, 0, jnp.asarray(others)[:, None]), done=~mine)
            end = finish(world.replace(covered=jnp.asarray(covered)), who, start, key)
            given = np.asarray(end.record.given)[rows, 0, 0, me] > 0
            return given, np.asarray(end.record.confirmed)[:, 0, 0]

        coin = np.asarray(jax.random.bernoulli(key, 0.5, (self.worlds,))).astype(int)
        alone, ok = choice(coin, True, first)
        retest, ok2 = choice(coin, True, again)
        crowd, ok3 = choice((~alone).astype(int), False, third)
        kept = ok & ok2 & ok3
        return (crowd != alone)[kept], (retest != alone)[kept]

    def slider(self, player: Cast, key: Key[Array, ""], *, items: int = 15) -> NDArray:
        """Options taken `[E, items]` of the SVO slider items; -1 where time ran out."""
        chosen = []
        for item, table in enumerate(slider.payoffs()[:items]):
            world = menu(table, turn_limit=self.patience)
            end = self._end(world, player, jax.random.fold_in(key, item))
            chosen.append(np.where(end["confirmed"][:, 0], end["option"][:, 0], -1))
        return np.stack(chosen, -1).astype(int)

    def _end(self, world: Table, player: Cast, key) -> dict[str, NDArray]:
        start, run = jax.random.split(key)
        state = begin(world, start, worlds=self.worlds)
        end = finish(world, cast(player, world), state, run)
        return outcome(world, end)

    def _answers(self, world: Table, player: Cast, key, tokens: int) -> dict[str, NDArray]:
        """Outcomes `[E, O]` as the first mover is held to put 0, 1, ..., tokens forward."""
        start, run = jax.random.split(key)
        state = begin(world, start, worlds=self.worlds)
        first = jax.nn.one_hot(first_mover(state), world.num_agents, dtype=bool)
        who, parts = cast(player, world), []
        for k in range(tokens + 1):
            end = finish(world, who, state, jax.random.fold_in(run, k), script=jnp.where(first, k, FREE))
            parts.append(outcome(world, end))
        return {n: np.stack([p[n][:, 0] for p in parts], 1) for n in parts[0]}


def least_accepted(accepted: NDArray, percent: NDArray) -> NDArray:
    """The lowest offer from which on all are accepted, `[n]` of accepted `[n, O]`; 100 where even the last
    is not."""
    run = np.logical_and.accumulate(accepted[:, ::-1], axis=1).sum(1)
    return percent[np.minimum(accepted.shape[1] - run, accepted.shape[1] - 1)]
