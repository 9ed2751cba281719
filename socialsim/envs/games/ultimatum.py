"""ultimatum: an offer that the other may refuse."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from socialsim.envs.games.build import table_fields, tokens
from socialsim.envs.games.pair import Pair
from socialsim.envs.games.record import Outcome
from socialsim.envs.games.rules import TableState


class UltimatumOutcome(Outcome):
    """offer: tokens that the proposer (role 0) offered.  accepted: by the responder (role 1)."""

    offer: Int[Array, " K"]
    accepted: Bool[Array, " K"]


class Ultimatum(Pair):
    """One player offers a division, the other accepts it or refuses it for both. See `ultimatum`."""

    task: ClassVar[str] = "ultimatum"
    turns: ClassVar[int] = 2

    @property
    def scale(self) -> Float[Array, ""]:
        return self.endowment

    def endow(self, role: Int[Array, " A"]) -> Float[Array, " A"]:
        return jnp.where(role == 0, self.endowment, 0.0)

    def limit(self, state: TableState) -> Float[Array, " A"]:
        return jnp.where(state.turn == 0, state.owned, 1.0)

    def tokens(self, state: TableState) -> Bool[Array, " A"]:
        return self.role(state) == 0

    def settle(self, state: TableState) -> TableState:
        offer = self.given(state, 0).astype(jnp.float32)
        answered = state.turn == 1
        accepted = (self.given(state, 1) > 0) & state.confirmed[1]  # a sign that is not confirmed is none
        paid = jnp.where(accepted, self.change(state, -offer, offer), 0.0)
        return state.replace(
            owned=jnp.where(answered, paid, state.owned),
            # The offer lies in the tray until it is answered.
            forward=jnp.where(answered, 0, state.forward),
            joint=self.share(state, answered & accepted),
        )

    def deal(self, state: TableState) -> dict[str, Array]:
        """The deal at the proposer's tray needs both; at the responder's there is its consent."""
        role = self.role(state)
        proposal = (role == 0) & (state.turn < 2)
        answering = (state.turn == 1).astype(jnp.float32)
        consent = (state.forward * (role == 1)).sum() * answering
        answer = (role == 1) * answering
        return {
            "needed": jnp.where(proposal, 2.0, answer),
            "present": jnp.where(proposal, answering + consent, answer * consent),
            "progress": jnp.where(proposal, (answering + consent) / 2, answer * consent),
        }

    def outcome(self, state: TableState) -> UltimatumOutcome:
        given = state.record.given.sum(-1)
        accepted = (given[:, 1] > 0) & state.record.confirmed[:, 1]
        return UltimatumOutcome(**vars(self.common(state)), offer=given[:, 0], accepted=accepted)


def ultimatum(
    *,
    num_agents: int = 2,
    endowment: int = 10,
    rounds: int = 4,
    turn_limit: int | None = None,
    size: float = 5.0,
    reach: float = 8.0,
    cone: float = 120.0,
    full_view: bool = False,
) -> Ultimatum:
    """One player offers a division of tokens, the other accepts it, or refuses and both get nothing.

    Who: two players at a round table, a proposer and a responder; with more than two the others look on.
    Roles pass on by one after each round; who begins is drawn.  What: `endowment` tokens of a neutral
    resource (agents have no money), the proposer's at first, and a tray before each player.  Acts: in the
    first turn the proposer's ADVANCE puts one token into its tray, RETREAT takes one back, INTERACT makes
    the offer; when time runs out, what lies in the tray is offered. In the second the responder's ADVANCE
    gives the sign of consent, RETREAT takes it back, INTERACT ends the turn: with the sign the offer is
    accepted, without it it is refused. When time runs out it is refused, sign or not. Turns and gestures
    are visible and move nothing (see `Table`).
    Joint event: an offer is accepted, whatever its size; the two share it.  Horizon: `rounds` rounds of
    at most 2 `turn_limit` + 1 decisions; terminates with the settled table of the last round.
    Selfish players offer next to nothing and accept everything (the subgame-perfect equilibrium); people
    offer some 40 % and refuse low offers. Random teams agree by chance and after long turns; the
    competent team offers half and accepts it.

    Parameters
    ----------
    num_agents : at the table, two or more, as many as have room round it.
    endowment : tokens to divide, 1 to 100.
    rounds : to play, 1 to 1000.
    turn_limit : decisions that a turn may last; None: `endowment` + 6.
    size : distance across the table, from seat to seat, bodies.
    reach, cone : of sight, in bodies and degrees.  full_view : see everything.

    Raises
    ------
    OptionError : an option out of range; the message says what is allowed.
    """
    count = tokens("endowment", endowment)
    return Ultimatum(
        **table_fields(
            num_agents=num_agents,
            rounds=rounds,
            size=size,
            turn_limit=turn_limit,
            turns=Ultimatum.turns,
            endowment=count,
            most=count,
            scale=count,
            reach=reach,
            cone=cone,
            full_view=full_view,
        )
    )
