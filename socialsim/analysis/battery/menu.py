"""A table game whose tokens move along a line of allocations: the slider measure as something to do."""

from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from numpy.typing import ArrayLike

from socialsim.core.errors import OptionError
from socialsim.core.scene import Scene
from socialsim.envs.games.build import table_fields
from socialsim.envs.games.pair import Pair
from socialsim.envs.games.record import Outcome
from socialsim.envs.games.rules import TableState


class MenuOutcome(Outcome):
    """option: which of the menu the chooser (role 0) took."""

    option: Int[Array, " K"]


class Menu(Pair):
    """One player picks an allocation of tokens to itself and another from a line of them; see `menu`."""

    task: ClassVar[str] = "menu"

    table: Float[Array, "O 2"]
    tokens_of_one: Float[Array, ""]

    @property
    def scale(self) -> Float[Array, ""]:
        return self.tokens_of_one

    def endow(self, role: Int[Array, " A"]) -> Float[Array, " A"]:
        return jnp.where(role == 0, self.table[0, 0], jnp.where(role == 1, self.table[0, 1], 0.0))

    def limit(self, state: TableState) -> Float[Array, " A"]:
        return jnp.full(self.agents, float(self.most))

    def settle(self, state: TableState) -> TableState:
        owned = self._allocated(state, self.given(state, 0))
        return state.replace(
            owned=owned,
            forward=jnp.zeros_like(state.forward),
            joint=self.share(state, jnp.zeros((), bool)),
        )

    def scene(self, state: TableState) -> Scene:
        """While the choice is on, everybody is seen to own what the option laid out would give them."""
        mine = (self.role(state) == 0) & (state.turn == 0)
        laid = self._allocated(state, (state.forward * mine).sum())
        return super().scene(state.replace(owned=jnp.where(state.turn == 0, laid, state.owned)))

    def outcome(self, state: TableState) -> MenuOutcome:
        return MenuOutcome(**vars(self.common(state)), option=state.record.given[:, 0].sum(-1))

    def _allocated(self, state: TableState, option: Int[Array, ""]) -> Float[Array, " A"]:
        chosen = self.table[jnp.clip(option, 0, self.most)]
        role = self.role(state)
        return jnp.where(role == 0, chosen[0], jnp.where(role == 1, chosen[1], 0.0))


def menu(allocations: ArrayLike, *, scale: float = 100.0, turn_limit: int | None = None) -> Menu:
    """A `Menu` of two players. allocations: `[O, 2]`, tokens to the chooser and to the other.
    turn_limit: decisions, by default a few more than the longest way takes.

    ADVANCE goes on to the next option, RETREAT back, INTERACT takes the one laid out; who would own what
    is seen all the time. Nothing is a joint event.
    """
    table = np.asarray(allocations, float)
    if table.ndim != 2 or table.shape[1] != 2 or len(table) < 2 or table.min() < 0 or table.max() > scale:
        raise OptionError(f"allocations {table.shape}; allowed: [O, 2], 2 or more, from 0 to scale={scale:g}")
    most = len(table) - 1
    fields = table_fields(
        num_agents=2,
        rounds=1,
        size=5.0,
        turn_limit=turn_limit,
        turns=Menu.turns,
        endowment=most,
        most=most,
        scale=scale,
        reach=8.0,
        cone=120.0,
        full_view=False,
    )
    return Menu(**fields, table=jnp.asarray(table, jnp.float32), tokens_of_one=jnp.float32(scale))
