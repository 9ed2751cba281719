"""Choices of a value head: softmax(V(scene after option) / T) over what a player could do in a game."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key
from numpy.typing import NDArray

from socialsim.agents.team import Team
from socialsim.analysis.battery import slider
from socialsim.analysis.battery.collecting import Games
from socialsim.analysis.battery.menu import menu
from socialsim.analysis.battery.playing import begin, first_mover
from socialsim.core.errors import OptionError, choose
from socialsim.core.senses import Senses
from socialsim.envs.games.dictator import dictator
from socialsim.envs.games.public_goods import public_goods
from socialsim.envs.games.table import Table
from socialsim.envs.games.trust import trust
from socialsim.envs.games.ultimatum import ultimatum


@functools.partial(jax.jit, static_argnames=("senses",))
def _options(world: Table, state, agent, others, *, senses: Senses):
    """Allowed `[E, O]`, states and observations `[E, O]` after each option."""
    many = jax.vmap(lambda s, a, o: world.options(s, a, o), in_axes=(0, 0, None if others is None else 0))
    found = many(state, agent, others)
    return found.allowed, found.state, jax.vmap(jax.vmap(senses))(found.scene)


@jax.jit
def _values(team: Team, observation, agent) -> Array:
    """V `[E, O, C]` of `agent [E]`."""
    value = team.values(observation)
    return jnp.take_along_axis(value, agent[:, None, None, None], axis=2)[:, :, 0]


def after(world: Table, team: Team, state, agent, others=None):
    """(allowed `[E, O]`, V `[E, O, C]`, states `[E, O]`) of every option of `agent [E]` in states `[E]`."""
    agent = jnp.asarray(agent)
    allowed, states, observed = _options(world, state, agent, others, senses=Senses())
    return np.asarray(allowed), np.asarray(_values(team, observed, agent), float), states


@dataclasses.dataclass(frozen=True)
class Readout:
    """What one value head of a team would choose in the games of `games`.

    channel: of the head.  temperature: T in units of the head's own scale of returns; 0 takes the best option
    (ties fall to chance).  The head is asked about the scene after each option as the chooser senses it.
    """

    channel: str
    games: Games = dataclasses.field(default_factory=Games)
    temperature: float = 0.1

    def __post_init__(self):
        if not (np.isfinite(self.temperature) and self.temperature >= 0):
            raise OptionError(f"temperature={self.temperature}; allowed: 0 or more")

    def probabilities(self, team: Team, allowed: NDArray, values: NDArray) -> NDArray:
        """`[..., O]` of V `[..., O, C]`; T is scaled by the mean over agents where each has a scale."""
        place = team.channels.index(choose("value head", self.channel, team.channels))
        v = np.where(allowed, values[..., place], -np.inf)
        v = v - v.max(-1, keepdims=True)
        scale = float(np.asarray(team.scale, float)[..., place].mean()) * self.temperature
        if scale > 0:
            p = np.exp(v / scale)
        else:
            p = (v >= -1e-9 * np.maximum(1.0, np.abs(values[..., place]).max(-1, keepdims=True))).astype(
                float
            )
        return p / p.sum(-1, keepdims=True)

    def choose(self, team: Team, allowed: NDArray, values: NDArray, key) -> NDArray:
        """Options drawn `[...]`."""
        p = self.probabilities(team, allowed, values)
        seed = np.asarray(jax.random.key_data(key)).ravel()
        draw = np.random.default_rng(seed).random(p.shape[:-1])[..., None]
        return np.minimum((draw > p.cumsum(-1)).sum(-1), p.shape[-1] - 1)

    def _first(self, world: Table, team: Team, key):
        state = begin(world, key, worlds=self.games.worlds)
        return after(world, team, state, first_mover(state))

    def dictator(self, team: Team, key: Key[Array, ""]) -> NDArray:
        """Given, percent `[n]`."""
        world = dictator(endowment=self.games.endowment, rounds=1)
        allowed, values, _ = self._first(world, team, key)
        return self.games.percent[self.choose(team, allowed, values, key)]

    def ultimatum(self, team: Team, key: Key[Array, ""]) -> tuple[NDArray, NDArray]:
        """(offered `[n]` in percent, accepted `[n, O]` of every offer)."""
        world = ultimatum(endowment=self.games.endowment, rounds=1)
        first, second = jax.random.split(key)
        allowed, values, states = self._first(world, team, key)
        offers = self.choose(team, allowed, values, first)
        can, worth = self._second(world, team, states)
        accepted = self.choose(team, can, worth, second) > 0
        return self.games.percent[offers], accepted

    def trust(self, team: Team, key: Key[Array, ""]) -> tuple[NDArray, NDArray]:
        """(sent `[n]`, returned of what arrived `[n]`), shares; returned as the truster sent what it chose,
        left out where that was nothing."""
        world = trust(endowment=self.games.endowment, rounds=1)
        first, second = jax.random.split(key)
        allowed, values, states = self._first(world, team, key)
        sent = self.choose(team, allowed, values, first)
        can, worth = self._second(world, team, states)
        rows = np.arange(len(sent))
        back = self.choose(team, can[rows, sent], worth[rows, sent], second)
        arrived = np.floor(float(world.multiplier) * sent + 1e-4)
        some = sent > 0
        return sent / self.games.endowment, back[some] / arrived[some]

    def contributions(self, team: Team, key: Key[Array, ""]) -> NDArray:
        """Shares contributed `[n]` to a public good while the others have not decided yet."""
        world = public_goods(
            num_agents=self.games.players, endowment=self.games.endowment, rounds=1, multiplier=1.6
        )
        allowed, values, _ = self._first(world, team, key)
        return self.choose(team, allowed, values, key) / self.games.endowment

    def schedules(self, team: Team, key: Key[Array, ""], *, levels: int = 21) -> tuple[NDArray, NDArray]:
        """(others `[L]`, own `[n, L]`), shares, by the strategy method."""
        tokens, players = levels - 1, self.games.players
        world = public_goods(num_agents=players, endowment=tokens, rounds=1)
        state = begin(world, key, worlds=self.games.worlds)
        own = []
        for level in range(levels):
            others = jnp.full(state.forward.shape, level)
            allowed, values, _ = after(world, team, state, first_mover(state), others)
            own.append(self.choose(team, allowed, values, jax.random.fold_in(key, level)) / tokens)
        return np.arange(levels) / tokens, np.stack(own, -1)

    def slider(self, team: Team, key: Key[Array, ""], *, items: int = 15) -> NDArray:
        """Options taken `[n, items]`."""
        chosen = []
        for item, table in enumerate(slider.payoffs()[:items]):
            each = jax.random.fold_in(key, item)
            allowed, values, _ = self._first(menu(table), team, each)
            chosen.append(self.choose(team, allowed, values, each))
        return np.stack(chosen, -1)

    def _second(self, world: Table, team: Team, states):
        """Options of the second mover after each option of the first: `[E, O, O2]`, `[E, O, O2, C]`."""
        lead = states.forward.shape[:2]
        flat = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), states)
        other = (first_mover(flat) + 1) % world.num_agents
        allowed, values, _ = after(world, team, flat, other)
        return allowed.reshape(*lead, -1), values.reshape(*lead, *values.shape[1:])
