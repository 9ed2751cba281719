"""The table: rounds, turns and moves of all economic games."""

from typing import TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from socialsim.core.acts import Act
from socialsim.core.scene import Scene
from socialsim.envs.games import seats, showing
from socialsim.envs.games.record import Options, Outcome, Record
from socialsim.envs.games.rules import Rules, TableState
from socialsim.envs.games.showing import Shown

Tree = TypeVar("Tree")


def choose(condition: Bool[Array, ""], this: Tree, that: Tree) -> Tree:
    """`this` where the condition holds, else `that`, leaf by leaf."""
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), this, that)


class Table(Rules):
    """Players round a table with a tray before each; a neutral resource token takes the place of money.

    Acts are moves. ADVANCE puts one unit forward, into one's own tray, RETREAT takes one back, INTERACT
    confirms; they count only for those whose turn it is and who have not confirmed yet, within what the
    rules admit. A unit is one token or, where there is only yes or no, the sign of consent. The turn ends
    when all whose turn it is have confirmed, or after `turn_limit` decisions: what is forward then stands,
    but for consent in `ultimatum`, which has to be confirmed.
    TURN_LEFT and TURN_RIGHT turn the body by an eighth; they and the gestures are visible and move nothing.

    When the last turn of a round ends, tokens change hands at once, and the settled table is shown for one
    decision; then a new round begins with fresh tokens and roles passed on by one. The episode terminates
    with the settled table of the last round.

    What is seen: an agent's `load` is what it owns, as a share of `scale`, the most that the game lets one
    player own. Object i is player i's tray: `resource` are the tokens in it and `load` those that may be put
    forward in this turn (both / `scale`), `active` tells that its player may act now (who then
    `takes_part` in it), and its goal is where the tokens will go. Where only a sign of consent is asked
    for, `needed` is 1 and `present` is the sign. The last object is the pot in the centre, where there is
    one.
    """

    def reset(self, key: Key[Array, ""]) -> TableState:
        seat_key, first_key = jax.random.split(key)
        a, none = self.agents, jnp.zeros(self.agents, jnp.int32)
        state = TableState(
            seat=jax.random.permutation(seat_key, a).astype(jnp.int32),
            turned=none,
            act=jnp.full(a, int(Act.STILL), jnp.int32),
            joint=jnp.zeros(a, jnp.float32),
            first=jax.random.randint(first_key, (), 0, a, jnp.int32),
            round=jnp.zeros((), jnp.int32),
            turn=jnp.zeros((), jnp.int32),
            clock=jnp.zeros((), jnp.int32),
            owned=jnp.zeros(a, jnp.float32),
            forward=none,
            done=jnp.zeros(a, bool),
            given=jnp.zeros((self.turns, a), jnp.int32),
            confirmed=jnp.zeros(self.turns, bool),
            record=Record.blank(self.most_rounds, self.turns, a),
        )
        return self._begin(state, state.round)

    def step(self, key: Key[Array, ""], state: TableState, action: Int[Array, " A"]) -> TableState:
        act = action.astype(jnp.int32)
        spin = (act == Act.TURN_LEFT).astype(jnp.int32) - (act == Act.TURN_RIGHT).astype(jnp.int32)
        turned = (state.turned + spin) % seats.EIGHTHS
        state = state.replace(act=act, turned=turned, joint=jnp.zeros(self.agents, jnp.float32))
        settled = state.turn >= self.turns
        after = choose(settled, self._begin(state, state.round + 1), self._play(state))
        return choose(self.terminated(state), state, after)

    def terminated(self, state: TableState) -> Bool[Array, ""]:
        return (state.turn >= self.turns) & (state.round >= self.rounds - 1)

    def options(
        self, state: TableState, agent: int | Int[Array, ""], others: Int[Array, " A"] | None = None
    ) -> Options:
        """Every option of `agent` in a state where it may act: put k units forward and confirm.

        For value readouts: `softmax(V(scene after option) / T)` over the allowed options, V from the
        agent's own observation. Option k leads to the state that pushing or taking back until k units are
        forward, then confirming, leads to, but for the clock, which nobody senses. Pure; vmap it over
        states and agents.

        others : units that the others whose turn it is put forward (entry `agent` is ignored); they
            confirm too, so the turn ends: give a schedule of them for conditional choices (the strategy
            method). Without it the others stay as they are, and a turn of several may go on.
        """
        mine = jnp.arange(self.agents) == agent
        act = jnp.where(mine, int(Act.INTERACT), int(Act.STILL)).astype(jnp.int32)
        state = state.replace(act=act, joint=jnp.zeros(self.agents, jnp.float32))
        may, units = self.to_move(state), self.units(state)
        if others is not None:
            forward = jnp.where(may & ~mine, jnp.clip(others, 0, units), state.forward)
            state = state.replace(forward=forward, done=state.done | (may & ~mine))
        option = jnp.arange(self.most + 1)

        def after(k):
            return self._play(state.replace(forward=jnp.where(mine & may, k, state.forward)))

        states = jax.vmap(after)(option)
        return Options(
            allowed=(may & mine).any() & (option <= jnp.where(mine, units, 0).sum()),
            state=states,
            scene=jax.vmap(self.scene)(states),
        )

    def bounds(self, state: TableState):
        """Lower left and upper right corner of the floor, in bodies: `[2]` each."""
        return showing.corners(self.size)

    def boxes(self, state: TableState) -> Float[Array, "W 4"]:
        return jnp.zeros((0, 4), jnp.float32)

    def zones(self, state: TableState) -> Float[Array, "1 P 2"]:
        """The table top, for pictures."""
        return seats.disc(self.size / 2 - 0.5)

    def solids(self, state: TableState) -> Float[Array, "N P 2"]:
        """Tokens, for pictures: in trays, and kept beside each player."""
        staked = self._staked(state)
        return showing.piles(state.seat, state.owned - staked, staked, self.size, self.drawn)

    def scene(self, state: TableState) -> Scene:
        may, token, staked = self.to_move(state), self.tokens(state), self._staked(state)
        trays = {
            "active": may,
            "resource": staked / self.scale,
            "load": self.units(state) * (may & token) / self.scale,
            "placed": token & (may | (staked > 0)),
            **self.deal(state),
        }
        shown = Shown(
            load=state.owned / self.scale,
            may=may,
            joins=(state.forward > 0) | (state.given > 0).any(0),
            towards=self.towards(state),
            hidden=self.covered & (state.turn < self.turns) & ~jnp.eye(self.agents, dtype=bool),
            trays=trays,
            pot=self.pot(state),
        )
        return showing.scene(state, shown, self.size, self.eyes)

    def _staked(self, state: TableState) -> Float[Array, " A"]:
        """Tokens in trays."""
        return (state.forward * self.tokens(state)).astype(jnp.float32)

    def _begin(self, state: TableState, round: Int[Array, ""]) -> TableState:
        """The start of a round."""
        state = state.replace(round=round)
        return state.replace(
            turn=jnp.zeros_like(state.turn),
            clock=jnp.zeros_like(state.clock),
            owned=self.endow(self.role(state)).astype(jnp.float32),
            forward=jnp.zeros_like(state.forward),
            done=jnp.zeros_like(state.done),
            given=jnp.zeros_like(state.given),
            confirmed=jnp.zeros_like(state.confirmed),
        )

    def _play(self, state: TableState) -> TableState:
        """One decision of a turn; `state.act` are the acts."""
        may, act = self.to_move(state), state.act
        push = (act == Act.ADVANCE).astype(jnp.int32) - (act == Act.RETREAT).astype(jnp.int32)
        moved = jnp.clip(state.forward + push, 0, self.units(state))
        state = state.replace(
            forward=jnp.where(may, moved, state.forward),
            done=state.done | (may & (act == Act.INTERACT)),
            clock=state.clock + 1,
        )
        agreed = (state.done | ~self.plays(state)).all()
        return choose(agreed | (state.clock >= self.turn_limit), self._close(state, agreed), state)

    def _close(self, state: TableState, agreed: Bool[Array, ""]) -> TableState:
        """The turn has ended; with the last one, the round."""
        this = jnp.arange(self.turns) == state.turn
        given = jnp.where(self.plays(state), state.forward, 0)
        state = state.replace(
            given=jnp.where(this[:, None], given, state.given),
            confirmed=jnp.where(this, agreed, state.confirmed),
        )
        state = self.settle(state)
        state = state.replace(
            turn=state.turn + 1, clock=jnp.zeros_like(state.clock), done=jnp.zeros_like(state.done)
        )
        record = state.record.written(state.round, state.given, state.confirmed, state.owned)
        return state.replace(record=choose(state.turn >= self.turns, record, state.record))

    def common(self, state: TableState) -> Outcome:
        """What all games tell of their rounds."""
        record, rounds = state.record, jnp.arange(self.most_rounds)
        return Outcome(
            played=record.played,
            role=(jnp.arange(self.agents) - state.first - rounds[:, None]) % self.agents,
            payoff=record.payoff,
            confirmed=record.confirmed.all(-1) & record.played,
        )
