"""public_goods: what all put together is multiplied and shared by all."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from socialsim.core.errors import number
from socialsim.envs.games.build import table_fields, tokens
from socialsim.envs.games.record import Outcome
from socialsim.envs.games.rules import TableState
from socialsim.envs.games.table import Table


class PublicGoodsOutcome(Outcome):
    """contributions: tokens that each put into the pot.  share: of all tokens, that were put there."""

    contributions: Int[Array, "K A"]
    share: Float[Array, " K"]


class PublicGoods(Table):
    """All contribute to a pot that is multiplied and shared equally. See `public_goods`."""

    task: ClassVar[str] = "public-goods"

    multiplier: Float[Array, ""]
    goal: Float[Array, ""]  # share of all tokens that makes the good a joint success

    @property
    def scale(self) -> Float[Array, ""]:
        free_ride = 1 + self.multiplier * (self.agents - 1) / self.agents
        return self.endowment * jnp.maximum(free_ride, self.multiplier)

    def endow(self, role: Int[Array, " A"]) -> Float[Array, " A"]:
        return jnp.broadcast_to(self.endowment, role.shape)

    def plays(self, state: TableState) -> Bool[Array, " A"]:
        return jnp.ones(self.agents, bool)

    def limit(self, state: TableState) -> Float[Array, " A"]:
        return state.owned

    def settle(self, state: TableState) -> TableState:
        given = state.given[0].astype(jnp.float32)
        good = self._share(state.given[0]) >= self.goal - 1e-4
        return state.replace(
            owned=state.owned - given + self.multiplier * given.sum() / self.agents,
            forward=jnp.zeros_like(state.forward),
            joint=(good & (given > 0)).astype(jnp.float32),
        )

    def pot(self, state: TableState) -> dict[str, Array]:
        """While trays are covered it shows only how many have confirmed; settled, what came together."""
        settled = state.turn >= 1
        lies = jnp.where(settled, state.given[0], jnp.where(self.covered, 0, state.forward))
        share = self._share(lies)
        return {
            "needed": jnp.float32(self.agents),
            "present": jnp.where(settled, lies > 0, state.done).sum().astype(jnp.float32),
            "progress": jnp.minimum(share / self.goal, 1.0),
            "resource": share,
            "active": (settled & (share >= self.goal - 1e-4)).astype(jnp.float32),
        }

    def outcome(self, state: TableState) -> PublicGoodsOutcome:
        given = state.record.given[:, 0]
        share = given.sum(-1) / (self.agents * self.endowment)
        return PublicGoodsOutcome(**vars(self.common(state)), contributions=given, share=share)

    def _share(self, given: Int[Array, " A"]) -> Float[Array, ""]:
        return given.sum() / (self.agents * self.endowment)


def public_goods(
    *,
    num_agents: int = 4,
    endowment: int = 10,
    multiplier: float = 1.6,
    goal: float = 0.5,
    covered: bool = True,
    rounds: int = 10,
    turn_limit: int | None = None,
    size: float = 5.0,
    reach: float = 8.0,
    cone: float = 120.0,
    full_view: bool = False,
) -> PublicGoods:
    """All put tokens into a pot at the same time; it is multiplied and shared equally.

    Who: `num_agents` players at a round table, all alike.  What: `endowment` tokens of a neutral resource
    (agents have no money) for each in each round, a tray before each player, a pot in the centre. What the
    trays hold in the end goes into the pot, times `multiplier`, and every player gets an equal part of it,
    whatever it gave.  Acts: ADVANCE puts one token into one's tray, RETREAT takes one back, INTERACT
    confirms; the turn ends when all have. Turns and gestures are visible and move nothing (see `Table`).
    Trays are `covered` until then: nobody sees into another's, only what it does and, at the pot, how many
    have confirmed; afterwards what each owns tells what it gave.
    Joint event: the share `goal` of all tokens comes together; all who gave something share it.
    Horizon: `rounds` rounds of at most `turn_limit` + 1 decisions; terminates with the settled table of the
    last round.
    With 1 < multiplier < num_agents, giving nothing is the equilibrium and giving all is best for all; people
    begin at about half and give less from round to round. Random teams confirm before much has come
    together; the competent team gives half of its tokens, or `goal` if that is more.

    Parameters
    ----------
    num_agents : at the table, two or more, as many as have room round it.
    endowment : tokens of each player in each round, 1 to 100.
    multiplier : of the pot, 0 to 100.
    goal : share of all tokens, above 0 and at most 1, that makes the good a joint success.
    covered : trays are hidden from others until the turn ends. False: contributions are made in the open.
    rounds : to play, 1 to 1000.
    turn_limit : decisions that a turn may last; None: `endowment` + 6.
    size : distance across the table, from seat to seat, bodies.
    reach, cone : of sight, in bodies and degrees.  full_view : see everything but what is covered.

    Raises
    ------
    OptionError : an option out of range; the message says what is allowed.
    """
    count = tokens("endowment", endowment)
    factor = number("multiplier", multiplier, low=0, high=100)
    return PublicGoods(
        **table_fields(
            num_agents=num_agents,
            rounds=rounds,
            size=size,
            turn_limit=turn_limit,
            turns=PublicGoods.turns,
            endowment=count,
            most=count,
            scale=count * max(1 + factor, 1),
            covered=covered,
            reach=reach,
            cone=cone,
            full_view=full_view,
        ),
        multiplier=jnp.float32(factor),
        goal=jnp.float32(number("goal", goal, low=0, above=True, high=1)),
    )
