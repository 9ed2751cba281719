"""Known types of players for the table games: they decide once a turn, then push tokens until it is so."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Int, Key

from socialsim.agents.bots.base import Bot
from socialsim.agents.bots.plan import feature
from socialsim.core.acts import Act
from socialsim.core.errors import choose
from socialsim.core.scene import Scene

TYPES: dict[str, dict[str, float]] = {
    "fair": {"give": 0.5, "back": 0.5, "least": 0.3},
    "selfish": {},
    "altruist": {"give": 1.0, "back": 1.0},
    "conditional": {"give": 0.5, "match": 1.0, "back": 0.5, "least": 0.4},
    "random": {"wild": 1.0},
}
"""Options of `Players` by type; those not named are 0. `least` of a selfish player is 0: something is better
than nothing, and nothing is no worse than nothing."""


class GamesMemory(struct.PyTreeNode):
    """target: units each wants to put forward in its turn.  active: could act when last seen.

    share: of what it could, each put forward in its last turn.  known: it has had one.
    last: acted in the turn that is on or was last.
    """

    target: Int[Array, " A"]
    active: Bool[Array, " A"]
    share: Float[Array, " A"]
    known: Bool[Array, " A"]
    last: Bool[Array, " A"]


class Players(Bot):
    """Players of the table games by their types; options are `[A]`, one for each player, 0 to 1.

    give: share of what one could, that one puts forward when nothing is known of the others (in the stag
        hunt: half or more is to hunt).
    match: weight of what the others gave when they last could, against `give`: 1 is a conditional cooperator.
        A trustee with match 1 scales what it returns by the share that was sent.
    back: share of what arrived, that a trustee returns.
    least: share of all that a responder accepts.
    wild: chance that a choice is drawn at random instead, uniformly over all options.

    Experts: they read the whole Scene, also what is covered, but use it only once a turn is over.
    """

    give: Float[Array, " A"]
    match: Float[Array, " A"]
    back: Float[Array, " A"]
    least: Float[Array, " A"]
    wild: Float[Array, " A"]
    scale: Float[Array, ""]  # tokens that a feature of 1 means
    endowment: Float[Array, ""]
    task: str = struct.field(pytree_node=False)

    def begin(self, scene: Scene) -> GamesMemory:
        none = jnp.zeros(scene.num_agents, bool)
        return GamesMemory(jnp.zeros(none.shape, jnp.int32), none, jnp.zeros(none.shape), none, none)

    def __call__(
        self, key: Key[Array, ""], scene: Scene, memory: GamesMemory
    ) -> tuple[Int[Array, " A"], GamesMemory]:
        players = scene.num_agents

        def tray(name: str) -> Float[Array, " A"]:
            return feature(scene, name)[:players]

        active = tray("active") > 0
        sign = active & (tray("needed") == 1)  # a sign of consent is asked for, not tokens
        limit = jnp.where(sign, 1.0, jnp.round(tray("load") * self.scale))
        forward = jnp.where(sign, tray("present"), jnp.round(tray("resource") * self.scale))
        share = self._choice(memory, tray("resource").sum() * self.scale, sign, tray("needed") == 2)
        chance, draw = jax.random.uniform(key, (2, players))
        target = jnp.floor(share * limit + 0.5)
        target = jnp.where(chance < self.wild, jnp.floor(draw * (limit + 1)), target)
        begins = active & ~memory.active
        target = jnp.where(begins, jnp.minimum(target, limit).astype(jnp.int32), memory.target)
        way = jnp.where(forward < target, Act.ADVANCE, jnp.where(forward > target, Act.RETREAT, Act.INTERACT))
        # What counts as giving: tokens where there are some to give, and going along to hunt.
        counts = active & (limit > 0) & ~(sign & (self.task == "ultimatum"))
        memory = GamesMemory(
            target=target,
            active=active,
            share=jnp.where(counts, forward / jnp.maximum(limit, 1.0), memory.share),
            known=memory.known | counts,
            last=jnp.where(begins.any(), active, memory.last),
        )
        return jnp.where(active, way, Act.STILL).astype(jnp.int32), memory

    def _choice(self, memory, offer, sign, dealing) -> Float[Array, " A"]:
        """The share each would put forward if its turn began now. offer: tokens in trays."""
        seen = _mean_of_others(memory.share, memory.known, self.give)
        share = self.give + self.match * (seen - self.give)
        if self.task == "ultimatum":
            agrees = offer >= self.least * self.endowment - 1e-4
            return jnp.where(sign, agrees.astype(jnp.float32), share)
        if self.task == "trust":
            sent = _mean_of_others(memory.share, memory.last, jnp.zeros_like(self.give))
            return jnp.where(dealing, self.back * (1 - self.match + self.match * sent), share)
        return share


def _mean_of_others(
    share: Float[Array, " A"], known: Bool[Array, " A"], otherwise: Float[Array, " A"]
) -> Float[Array, " A"]:
    """The mean share of the others that are known; `otherwise` where none is."""
    count = known.sum() - known
    total = (share * known).sum() - share * known
    return jnp.where(count > 0, total / jnp.maximum(count, 1), otherwise)


def players(world, kind: str | Sequence[str] = "fair", **options: float) -> Players:
    """Players of known types for a table game.

    kind : one of `TYPES` for all, or one for each player; a shorter sequence is repeated.
    options : fields of `Players` that shall differ from the type's, for all players.

    Raises OptionError for an unknown type or option.
    """
    kinds = [kind] if isinstance(kind, str) else list(kind)
    chosen = [TYPES[choose("type of player", k, TYPES)] for k in kinds]
    names = ("give", "match", "back", "least", "wild")
    for name in options:
        choose("option of players", name, names)
    seats = [{**chosen[i % len(chosen)], **options} for i in range(world.num_agents)]
    leaves = {name: jnp.array([seat.get(name, 0.0) for seat in seats]) for name in names}
    return Players(**leaves, scale=world.scale, endowment=world.endowment, task=world.task)


def dealers(world) -> Players:
    """The competent team: fair players that give as much as the game's joint success takes."""
    team = players(world, "fair", least=0.0)
    if world.task == "stag-hunt":
        return team.replace(give=jnp.ones_like(team.give))
    if world.task == "trust":
        return team.replace(back=jnp.maximum(team.back, 1 / world.multiplier))
    if world.task == "public-goods":
        enough = jnp.ceil(world.goal * world.endowment - 1e-4) / world.endowment
        return team.replace(give=jnp.maximum(team.give, enough))
    return team
