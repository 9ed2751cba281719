"""trust: what is sent grows on the way; what comes back is up to the other."""

import math
from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from socialsim.core.errors import integer, number
from socialsim.envs.games.build import MAX_TOKENS, table_fields, tokens
from socialsim.envs.games.pair import Pair
from socialsim.envs.games.record import Outcome
from socialsim.envs.games.rules import TableState


class TrustOutcome(Outcome):
    """sent: tokens that the truster (role 0) sent.  received: what arrived at the trustee (role 1).
    returned: what the trustee sent back."""

    sent: Int[Array, " K"]
    received: Float[Array, " K"]
    returned: Int[Array, " K"]


class Trust(Pair):
    """One player sends tokens that multiply on the way, the other returns what it likes. See `trust`."""

    task: ClassVar[str] = "trust"
    turns: ClassVar[int] = 2

    multiplier: Float[Array, ""]
    reserve: Float[Array, ""]  # the trustee's own tokens; they cannot be sent

    @property
    def scale(self) -> Float[Array, ""]:
        grown = self.multiplier * self.endowment
        return jnp.maximum(self.endowment, grown) + jnp.maximum(self.reserve, 0.0)

    def endow(self, role: Int[Array, " A"]) -> Float[Array, " A"]:
        return jnp.where(role == 0, self.endowment, jnp.where(role == 1, self.reserve, 0.0))

    def limit(self, state: TableState) -> Float[Array, " A"]:
        return jnp.where(state.turn == 0, state.owned, self.multiplier * self.given(state, 0))

    def settle(self, state: TableState) -> TableState:
        sent, returned = (self.given(state, turn).astype(jnp.float32) for turn in (0, 1))
        sending = state.turn == 0
        success = ~sending & (sent > 0) & (returned >= sent)
        there = self.change(state, -sent, self.multiplier * sent)
        back = self.change(state, returned, -returned)
        return state.replace(
            owned=jnp.where(sending, there, back),
            forward=jnp.zeros_like(state.forward),
            joint=self.share(state, success),
        )

    def deal(self, state: TableState) -> dict[str, Array]:
        """At the trustee's tray: trust is one of two, a return of at least as much the other."""
        sent = self.given(state, 0).astype(jnp.float32)
        back = state.forward / jnp.maximum(sent, 1.0)
        at = ((self.role(state) == 1) & (state.turn == 1)).astype(jnp.float32)
        trusted = (sent > 0).astype(jnp.float32)
        return {
            "needed": 2 * at,
            "present": at * trusted * (1 + (back >= 1)),
            "progress": at * trusted * jnp.minimum(back, 1.0),
        }

    def outcome(self, state: TableState) -> TrustOutcome:
        given = state.record.given.sum(-1)
        return TrustOutcome(
            **vars(self.common(state)),
            sent=given[:, 0],
            received=self.multiplier * given[:, 0],
            returned=given[:, 1],
        )


def trust(
    *,
    num_agents: int = 2,
    endowment: int = 10,
    multiplier: float = 3.0,
    reserve: int = 10,
    rounds: int = 4,
    turn_limit: int | None = None,
    size: float = 5.0,
    reach: float = 8.0,
    cone: float = 120.0,
    full_view: bool = False,
) -> Trust:
    """One player sends tokens that are multiplied on the way, the other returns as many as it likes.

    Who: two players at a round table, a truster and a trustee; with more than two the others look on. Roles
    pass on by one after each round; who begins is drawn.  What: `endowment` tokens of a neutral resource
    (agents have no money) of the truster, `reserve` of the trustee, and a tray before each player. Each
    token sent arrives as `multiplier` tokens; up to all that arrived can be returned, one for one (the
    rules of Berg, Dickhaut & McCabe 1995).  Acts: ADVANCE puts one token into one's tray, RETREAT takes one
    back, INTERACT confirms and sends what is in it; first the truster's turn, then the trustee's. Turns and
    gestures are visible and move nothing (see `Table`).
    Joint event: something was sent, and at least as much returned; the two share it.  Horizon: `rounds`
    rounds of at most 2 `turn_limit` + 1 decisions; terminates with the settled table of the last round.
    Selfish players send and return nothing (the subgame-perfect equilibrium); people send about half and
    return somewhat more than a third of what arrived. Random teams seldom return enough; the competent
    team sends half and returns half of what arrived, which is more than was sent.

    Parameters
    ----------
    num_agents : at the table, two or more, as many as have room round it.
    endowment : tokens of the truster, 1 to 100.
    multiplier : of tokens sent, 1 to 10.
    reserve : tokens of the trustee, 0 to 100, kept whatever happens.
    rounds : to play, 1 to 1000.
    turn_limit : decisions that a turn may last; None: what can be returned at most + 6.
    size : distance across the table, from seat to seat, bodies.
    reach, cone : of sight, in bodies and degrees.  full_view : see everything.

    Raises
    ------
    OptionError : an option out of range; the message says what is allowed.
    """
    count, own = tokens("endowment", endowment), integer("reserve", reserve, low=0, high=MAX_TOKENS)
    factor = number("multiplier", multiplier, low=1, high=10)
    return Trust(
        **table_fields(
            num_agents=num_agents,
            rounds=rounds,
            size=size,
            turn_limit=turn_limit,
            turns=Trust.turns,
            endowment=count,
            most=math.floor(factor * count + 1e-4),
            scale=factor * count + own,
            reach=reach,
            cone=cone,
            full_view=full_view,
        ),
        multiplier=jnp.float32(factor),
        reserve=jnp.float32(own),
    )
