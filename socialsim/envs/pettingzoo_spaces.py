"""Spaces at the doors, and observations as members of them.

`A` agents, `M` object slots; `S`, `P`, `Q` features of oneself, of another agent, of an object (names in
`socialsim.core.senses.feature_names()`).

"flat": one float32 Box per agent,
    self [S] | others [A-1, P] | others_mask [A-1] | objects [M, Q] | objects_mask [M]
    in a row (row-major); features lie in [-2, 2], masks are 0 or 1.
"sets": a Dict with those five entries in their own shapes; masks are int8.

`rows` of either class keep the leading axes of an Observation (`[A, ...]`, or `[E, A, ...]` of a batch) and
take the array module to compute in: NumPy on the host, `jax.numpy` inside jit.
"""

from typing import Any

import gymnasium
import jax
import numpy as np
from gymnasium import spaces
from jaxtyping import Array, Key

from socialsim.core.senses import Observation, Senses
from socialsim.core.simulation import Simulation
from socialsim.core.world import World

BOUND = 2.0
PARTS = ("self", "others", "others_mask", "objects", "objects_mask")


def action_space(simulation: Simulation) -> gymnasium.spaces.Space:
    """Discrete, or a Box [-1, 1] of the world's motor commands."""
    kind = simulation.actions
    if kind.continuous:
        return spaces.Box(-1.0, 1.0, (kind.size,), np.float32)
    return spaces.Discrete(kind.choices)


def _shapes(simulation: Simulation) -> dict[str, tuple[int, ...]]:
    """Part -> its shape for one agent; nothing is computed or compiled, and worlds alike are traced once."""
    seen = jax.eval_shape(_first, simulation.world, jax.random.key(0))
    return {part: getattr(seen, part).shape[1:] for part in PARTS}


@jax.jit
def _first(world: World, key: Key[Array, ""]) -> Observation:
    return Senses()(world.scene(world.reset(key)))


class Flat:
    """Observation -> `[D]` float32 per agent."""

    def __init__(self, simulation: Simulation):
        self.shapes = _shapes(simulation)

    def space(self, agents: int = 1) -> spaces.Box:
        """Box of one agent's observation, or of several agents' in a row."""
        low, high = [], []
        for part, shape in self.shapes.items():
            mask = part.endswith("_mask")
            low.append(np.full(shape, 0.0 if mask else -BOUND, np.float32).ravel())
            high.append(np.full(shape, 1.0 if mask else BOUND, np.float32).ravel())
        return spaces.Box(np.tile(np.concatenate(low), agents), np.tile(np.concatenate(high), agents))

    @staticmethod
    def rows(observation: Observation, xp: Any = np) -> Any:
        """`[..., A, D]` float32."""
        leading = observation.self.shape[:-1]
        parts = [xp.asarray(getattr(observation, p), xp.float32).reshape(*leading, -1) for p in PARTS]
        return xp.concatenate(parts, axis=-1)

    def __call__(self, observation: Observation) -> list[np.ndarray]:
        return list(self.rows(observation))


class Sets:
    """Observation -> dict of arrays per agent."""

    def __init__(self, simulation: Simulation):
        self.shapes = _shapes(simulation)

    def space(self) -> gymnasium.spaces.Space:
        def box(part, shape):
            if part.endswith("_mask"):
                return spaces.Box(0, 1, shape, np.int8)
            return spaces.Box(-BOUND, BOUND, shape, np.float32)

        return spaces.Dict({part: box(part, shape) for part, shape in self.shapes.items()})

    @staticmethod
    def rows(observation: Observation, xp: Any = np) -> dict[str, Any]:
        """Part -> `[..., A, *shape]`."""
        dtype = {p: xp.int8 if p.endswith("_mask") else xp.float32 for p in PARTS}
        return {p: xp.asarray(getattr(observation, p)).astype(dtype[p]) for p in PARTS}

    def __call__(self, observation: Observation) -> list[dict[str, np.ndarray]]:
        parts = self.rows(observation)
        return [{p: rows[i] for p, rows in parts.items()} for i in range(len(parts["self"]))]


OBSERVATIONS = {"flat": Flat, "sets": Sets}
