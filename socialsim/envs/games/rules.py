"""The rules of a table game, as a game states them: who plays when, for what, and how a turn is settled."""

import abc
from typing import ClassVar

import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Int

from socialsim.core.acts import NUM_ACTS, Act
from socialsim.core.sight import Eyes
from socialsim.core.world import Actions, World
from socialsim.envs.games.record import Outcome, Record
from socialsim.envs.games.showing import Seated


class TableState(Seated):
    """`A` players, `T` turns in a round.

    first: who has role 0 in round 0.  turn: index; `T` while the settled table is shown.
    clock: decisions since the turn began.  owned: tokens, those in one's tray included.
    forward: units in the tray (tokens, or the sign of consent).  done: has confirmed.
    given: units that were forward when this round's turns ended.  confirmed: by all, not by lapse of time.
    """

    first: Int[Array, ""]
    round: Int[Array, ""]
    turn: Int[Array, ""]
    clock: Int[Array, ""]
    owned: Float[Array, " A"]
    forward: Int[Array, " A"]
    done: Bool[Array, " A"]
    given: Int[Array, "T A"]
    confirmed: Bool[Array, " T"]
    record: Record


class Rules(World):
    """What a game has to say; `Table` plays by it. Numeric fields are leaves, so a batch may mix rules."""

    turns: ClassVar[int] = 1  # of a round

    endowment: Float[Array, ""]  # tokens
    rounds: Int[Array, ""]  # to play
    turn_limit: Int[Array, ""]  # decisions
    covered: Bool[Array, ""]  # trays are hidden from others until the turn ends
    size: Float[Array, ""]  # distance across the table, seat to seat, bodies
    agents: int = struct.field(pytree_node=False)
    most_rounds: int = struct.field(pytree_node=False)  # room in the record
    most: int = struct.field(pytree_node=False)  # units that can be put forward, in any turn
    drawn: int = struct.field(pytree_node=False)  # tokens of one player in a picture
    horizon: int = struct.field(pytree_node=False)  # the longest an episode can be
    eyes: Eyes = struct.field(pytree_node=False)

    @property
    @abc.abstractmethod
    def scale(self) -> Float[Array, ""]:
        """The most tokens that one player can own."""

    @abc.abstractmethod
    def endow(self, role: Int[Array, " A"]) -> Float[Array, " A"]:
        """Tokens at the start of a round."""

    @abc.abstractmethod
    def plays(self, state: TableState) -> Bool[Array, " A"]:
        """Whose turn it is, while a turn is on."""

    @abc.abstractmethod
    def limit(self, state: TableState) -> Float[Array, " A"]:
        """What each may put forward in this turn; whole units of it count."""

    @abc.abstractmethod
    def settle(self, state: TableState) -> TableState:
        """Turn `state.turn` ends and `given` is known: who owns what now, what stays forward, `joint`."""

    @abc.abstractmethod
    def outcome(self, state: TableState) -> Outcome:
        """What was chosen and what came of it, round by round; see the game's own class."""

    def tokens(self, state: TableState) -> Bool[Array, " A"]:
        """Whose tray holds tokens, not the sign of consent."""
        return jnp.ones(self.agents, bool)

    def deal(self, state: TableState) -> dict[str, Array]:
        """More features of the trays, `[A]` each: what a joint success needs and has."""
        return {}

    def pot(self, state: TableState) -> dict[str, Array] | None:
        """Features of the pot, or None: there is none."""
        return None

    def towards(self, state: TableState) -> Bool[Array, "A A"]:
        """[i, j]: what i puts forward goes to j. Without a j it goes to the centre."""
        return jnp.zeros((self.agents, self.agents), bool)

    # The same under all rules.

    @property
    def num_agents(self) -> int:
        return self.agents

    @property
    def actions(self) -> Actions:
        return Actions(choices=NUM_ACTS, names=tuple(a.name.lower() for a in Act))

    def role(self, state: TableState) -> Int[Array, " A"]:
        """Roles in this round: 0 moves first."""
        return (jnp.arange(self.agents) - state.first - state.round) % self.agents

    def to_move(self, state: TableState) -> Bool[Array, " A"]:
        """Who may act now."""
        return self.plays(state) & ~state.done & (state.turn < self.turns)

    def units(self, state: TableState) -> Int[Array, " A"]:
        """The most that each could put forward now; 0 for those whose turn it is not."""
        most = jnp.floor(self.limit(state) + 1e-4).astype(jnp.int32)
        return jnp.where(self.plays(state) & (state.turn < self.turns), jnp.clip(most, 0, self.most), 0)
