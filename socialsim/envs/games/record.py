"""What was played, round by round: data for assays, seen by no agent."""

import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Int

from socialsim.core.scene import Scene


class Record(struct.PyTreeNode):
    """`K` rounds of `T` turns of `A` players; zeros for rounds not yet settled.

    given: units put forward at the end of each turn by those whose turn it was.
    confirmed: the turn ended because all had confirmed, not because its time was up.
    payoff: tokens owned when the round was settled.
    """

    given: Int[Array, "K T A"]
    confirmed: Bool[Array, "K T"]
    payoff: Float[Array, "K A"]
    played: Bool[Array, " K"]

    @classmethod
    def blank(cls, rounds: int, turns: int, players: int) -> "Record":
        return cls(
            given=jnp.zeros((rounds, turns, players), jnp.int32),
            confirmed=jnp.zeros((rounds, turns), bool),
            payoff=jnp.zeros((rounds, players), jnp.float32),
            played=jnp.zeros(rounds, bool),
        )

    def written(
        self,
        round: Int[Array, ""],
        given: Int[Array, "T A"],
        confirmed: Bool[Array, " T"],
        payoff: Float[Array, " A"],
    ) -> "Record":
        """With row `round` filled in."""
        row = jnp.arange(self.played.shape[-1]) == round
        return Record(
            given=jnp.where(row[:, None, None], given, self.given),
            confirmed=jnp.where(row[:, None], confirmed, self.confirmed),
            payoff=jnp.where(row[:, None], payoff, self.payoff),
            played=self.played | row,
        )


class Outcome(struct.PyTreeNode):
    """What every game tells of its `K` rounds of `A` players; games add their own choices.

    played: False for rounds not yet settled; their other entries are zero (roles apart, which are known).
    role: 0 moves first, 1 second, higher ones look on; where all play alike it only numbers the players.
    payoff: tokens owned when the round was settled.
    confirmed: every turn of the round was ended by its players. False: time ran out in one of them, so its
        choice may be no choice; assays should leave it out.
    """

    played: Bool[Array, " K"]
    role: Int[Array, "K A"]
    payoff: Float[Array, "K A"]
    confirmed: Bool[Array, " K"]


class Options(struct.PyTreeNode):
    """What one player could do now: `O` options, option k to put k units forward and confirm.

    allowed: False where the rules do not admit option k (then `state` and `scene` mean nothing).
    state, scene: after it, stacked `[O, ...]`.
    """

    allowed: Bool[Array, " O"]
    state: struct.PyTreeNode
    scene: Scene
