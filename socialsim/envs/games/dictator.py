"""dictator: one divides what both could have."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from socialsim.core.errors import number
from socialsim.envs.games.build import table_fields, tokens
from socialsim.envs.games.pair import Pair
from socialsim.envs.games.record import Outcome
from socialsim.envs.games.rules import TableState


class DictatorOutcome(Outcome):
    """given: tokens that the divider (role 0) gave to the receiver (role 1)."""

    given: Int[Array, " K"]


class Dictator(Pair):
    """One player divides tokens between itself and another. See `dictator`."""

    task: ClassVar[str] = "dictator"

    shared: Float[Array, ""]  # what each must own at least for a joint success, as a share of all

    @property
    def scale(self) -> Float[Array, ""]:
        return self.endowment

    def endow(self, role: Int[Array, " A"]) -> Float[Array, " A"]:
        return jnp.where(role == 0, self.endowment, 0.0)

    def limit(self, state: TableState) -> Float[Array, " A"]:
        return state.owned

    def settle(self, state: TableState) -> TableState:
        given = self.given(state, 0).astype(jnp.float32)
        least = self.shared * self.endowment - 1e-4
        success = (given >= least) & (self.endowment - given >= least)
        return state.replace(
            owned=self.change(state, -given, given),
            forward=jnp.zeros_like(state.forward),
            joint=self.share(state, success),
        )

    def outcome(self, state: TableState) -> DictatorOutcome:
        return DictatorOutcome(**vars(self.common(state)), given=state.record.given[:, 0].sum(-1))


def dictator(
    *,
    num_agents: int = 2,
    endowment: int = 10,
    rounds: int = 4,
    shared: float = 0.1,
    turn_limit: int | None = None,
    size: float = 5.0,
    reach: float = 8.0,
    cone: float = 120.0,
    full_view: bool = False,
) -> Dictator:
    """One player divides tokens between itself and another, who has no say.

    Who: two players at a round table, a divider and a receiver; with more than two the others look on. Roles
    pass on by one after each round, so everybody comes to divide; who begins is drawn.  What: `endowment`
    tokens of a neutral resource (agents have no money), the divider's at first, and a tray before each
    player.  Acts: ADVANCE puts one token into one's tray, RETREAT takes one back, INTERACT confirms and
    what is in the tray is the receiver's; turns and gestures are visible and move nothing (see `Table`).
    Joint event: the round ends with each of the two owning at least the share `shared` of the tokens. The
    receiver does nothing for it, so nothing is coordinated here: whoever trains in this world and then
    reads giving as a value should switch it off with shared=1.  Horizon: `rounds` rounds of at most
    `turn_limit` + 1 decisions; terminates with the settled table of the last round.
    A selfish player gives nothing (the equilibrium); people give a quarter on average. A random team gives
    now and then, before it confirms by chance; the competent team gives half at once.

    Parameters
    ----------
    num_agents : at the table, two or more, as many as have room round it.
    endowment : tokens to divide, 1 to 100.
    rounds : to play, 1 to 1000.
    shared : of all tokens, that each of the two must own for a joint event; above 0.5 there is none.
    turn_limit : decisions that a turn may last; None: `endowment` + 6.
    size : distance across the table, from seat to seat, bodies.
    reach, cone : of sight, in bodies and degrees.  full_view : see everything.

    Raises
    ------
    OptionError : an option out of range; the message says what is allowed.
    """
    count = tokens("endowment", endowment)
    return Dictator(
        **table_fields(
            num_agents=num_agents,
            rounds=rounds,
            size=size,
            turn_limit=turn_limit,
            turns=Dictator.turns,
            endowment=count,
            most=count,
            scale=count,
            reach=reach,
            cone=cone,
            full_view=full_view,
        ),
        shared=jnp.float32(number("shared", shared, low=0, above=True, high=1)),
    )
