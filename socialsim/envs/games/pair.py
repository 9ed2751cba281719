"""Games of two: role 0 moves first, role 1 answers; whoever else sits at the table looks on."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from socialsim.envs.games.rules import TableState
from socialsim.envs.games.table import Table


class Pair(Table):
    """Two players with tokens between them."""

    def plays(self, state: TableState) -> Bool[Array, " A"]:
        return self.role(state) == state.turn

    def towards(self, state: TableState) -> Bool[Array, "A A"]:
        first, second = self.role(state) == 0, self.role(state) == 1
        return (first[:, None] & second) | (second[:, None] & first)

    def given(self, state: TableState, turn: int) -> Int[Array, ""]:
        """Units that went forward in a turn of this round: its player's."""
        return state.given[turn].sum()

    def change(
        self, state: TableState, first: Float[Array, ""], second: Float[Array, ""]
    ) -> Float[Array, " A"]:
        """What is owned once the two have gained so many tokens (or lost them)."""
        role = self.role(state)
        return state.owned + jnp.where(role == 0, first, 0.0) + jnp.where(role == 1, second, 0.0)

    def share(self, state: TableState, success: Bool[Array, ""]) -> Float[Array, " A"]:
        """A joint success of the two is one of each."""
        return (success & (self.role(state) < 2)).astype(jnp.float32)
