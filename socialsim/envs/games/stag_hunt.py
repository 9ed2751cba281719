"""stag_hunt: enough together catch a stag; a hare one catches alone."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from socialsim.core.errors import OptionError, integer, number
from socialsim.envs.games.build import MAX_TOKENS, table_fields
from socialsim.envs.games.record import Outcome
from socialsim.envs.games.rules import TableState
from socialsim.envs.games.table import Table


class StagHuntOutcome(Outcome):
    """hunted: who went for the stag; the others took a hare.  caught: the stag was."""

    hunted: Bool[Array, "K A"]
    caught: Bool[Array, " K"]


class StagHunt(Table):
    """Each goes for the stag, which takes `needed`, or for a hare. See `stag_hunt`."""

    task: ClassVar[str] = "stag-hunt"

    needed: Int[Array, ""]
    stag: Float[Array, ""]  # tokens for each hunter of a stag that was caught
    hare: Float[Array, ""]  # for who did not hunt the stag
    alone: Float[Array, ""]  # for each hunter of a stag that got away

    @property
    def scale(self) -> Float[Array, ""]:
        return jnp.maximum(jnp.maximum(self.stag, self.hare), jnp.maximum(self.alone, 1.0))

    def endow(self, role: Int[Array, " A"]) -> Float[Array, " A"]:
        return jnp.zeros(role.shape, jnp.float32)

    def plays(self, state: TableState) -> Bool[Array, " A"]:
        return jnp.ones(self.agents, bool)

    def limit(self, state: TableState) -> Float[Array, " A"]:
        return jnp.ones(self.agents, jnp.float32)

    def tokens(self, state: TableState) -> Bool[Array, " A"]:
        return jnp.zeros(self.agents, bool)

    def settle(self, state: TableState) -> TableState:
        hunts = state.given[0] > 0
        caught = hunts.sum() >= self.needed
        return state.replace(
            owned=jnp.where(hunts, jnp.where(caught, self.stag, self.alone), self.hare),
            forward=jnp.zeros_like(state.forward),
            joint=(hunts & caught).astype(jnp.float32),
        )

    def deal(self, state: TableState) -> dict[str, Array]:
        """Each tray holds the sign of going along."""
        choosing = state.turn < 1
        sign = state.forward.astype(jnp.float32)
        return {"needed": jnp.ones(self.agents, jnp.float32) * choosing, "present": sign, "progress": sign}

    def pot(self, state: TableState) -> dict[str, Array]:
        """The stag. While trays are covered nobody is seen to hunt it."""
        settled = state.turn >= 1
        hunt = jnp.where(settled, state.given[0], jnp.where(self.covered, 0, state.forward))
        count = (hunt > 0).sum().astype(jnp.float32)
        caught = (settled & (count >= self.needed)).astype(jnp.float32)
        return {
            "needed": self.needed.astype(jnp.float32),
            "present": count,
            "progress": jnp.minimum(count / self.needed, 1.0),
            "resource": self.stag / self.scale,
            "active": caught,
        }

    def outcome(self, state: TableState) -> StagHuntOutcome:
        hunted, common = state.record.given[:, 0] > 0, self.common(state)
        caught = (hunted.sum(-1) >= self.needed) & common.played
        return StagHuntOutcome(**vars(common), hunted=hunted, caught=caught)


def stag_hunt(
    *,
    num_agents: int = 4,
    needed: int = 3,
    stag: float = 4.0,
    hare: float = 3.0,
    alone: float = 0.0,
    covered: bool = True,
    rounds: int = 10,
    turn_limit: int | None = None,
    size: float = 5.0,
    reach: float = 8.0,
    cone: float = 120.0,
    full_view: bool = False,
) -> StagHunt:
    """Each decides at the same time: the stag, which takes `needed` hunters, or a hare, which takes one.

    Who: `num_agents` players at a round table, all alike.  What: a stag in the centre and a tray before
    each player for the sign of going along; tokens of a neutral resource (agents have no money) come with
    the catch: `stag` for each hunter if at least `needed` hunt it, `alone` for each if they are fewer,
    `hare` for everybody else.  Acts: ADVANCE gives the sign, RETREAT takes it back, INTERACT confirms; the
    turn ends when all have, and whoever has not given the sign takes a hare. Turns and gestures are visible
    and move nothing (see `Table`). Trays are `covered` until then, as in `public_goods`.
    Joint event: the stag is caught; its hunters share it.  Horizon: `rounds` rounds of at most `turn_limit`
    + 1 decisions; terminates with the settled table of the last round.
    With stag > hare > alone all stag and all hare are equilibria: the one pays more, the other is safe.
    Random teams catch a stag when enough happen to give the sign; the competent team hunts at once.

    Parameters
    ----------
    num_agents : at the table, two or more, as many as have room round it.
    needed : hunters that the stag takes, at most `num_agents`.
    stag, hare, alone : tokens, 0 to 100; the defaults are those of Skyrms (2004).
    covered : signs are hidden from others until the turn ends. False: the hunt forms in the open.
    rounds : to play, 1 to 1000.
    turn_limit : decisions that a turn may last; None: 7.
    size : distance across the table, from seat to seat, bodies.
    reach, cone : of sight, in bodies and degrees.  full_view : see everything but what is covered.

    Raises
    ------
    OptionError : an option out of range; the message says what is allowed.
    """
    hunters, agents = integer("needed", needed, low=1), integer("num_agents", num_agents, low=2)
    if hunters > agents:
        raise OptionError(f"needed={hunters}; allowed: at most num_agents={agents}")
    pay = {
        name: number(name, value, low=0, high=MAX_TOKENS)
        for name, value in (("stag", stag), ("hare", hare), ("alone", alone))
    }
    return StagHunt(
        **table_fields(
            num_agents=num_agents,
            rounds=rounds,
            size=size,
            turn_limit=turn_limit,
            turns=StagHunt.turns,
            endowment=0,
            most=1,
            scale=max(1, *pay.values()),
            covered=covered,
            reach=reach,
            cone=cone,
            full_view=full_view,
        ),
        needed=jnp.int32(hunters),
        **{name: jnp.float32(value) for name, value in pay.items()},
    )
