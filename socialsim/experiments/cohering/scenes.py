"""One moment of a place in several contexts: exact changes of a grid's state, sensed anew.

`changed(world, key, state, me)` gives the state in every context of `CONTEXTS`. Only what should have no
bearing on the worth of the moment to agent `me` changes; whether that is so is measured (`evaluation.lived`).
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from socialsim.agents.team import Team
from socialsim.core.acts import Act
from socialsim.core.senses import Observation
from socialsim.core.simulation import Simulation
from socialsim.envs.grid import layout
from socialsim.envs.grid.cells import same
from socialsim.envs.grid.engine import Grid, GridState
from socialsim.envs.grid.gather import Gather
from socialsim.experiments.cohering.world import grid

CONTEXTS = {
    "as it is": "the scene itself",
    "mirror": "viewpoint: the whole scene reflected, left for right",
    "partners": "partner identity: the others' badges drawn anew",
    "decoys": "irrelevant features of the map: objects that afford nothing lie elsewhere",
    "all": "all three at once",
}


def mirrored(world: Grid, state: GridState) -> GridState:
    """Reflected about the north-south line through the middle of the floor."""
    edge = world.width - 1

    def flip(x):
        return jnp.stack([edge - x[..., 0], x[..., 1]], -1)

    act = state.act
    turned = jnp.where(act == Act.TURN_LEFT, Act.TURN_RIGHT, Act.TURN_LEFT)
    turns = (act == Act.TURN_LEFT) | (act == Act.TURN_RIGHT)
    x0, y0, x1, y1 = jnp.moveaxis(state.walls, -1, 0)
    return state.replace(
        position=flip(state.position),
        heading=(2 - state.heading) % 4,
        velocity=state.velocity * jnp.array([-1, 1]),
        act=jnp.where(turns, turned, act).astype(act.dtype),
        object_position=flip(state.object_position),
        object_goal=flip(state.object_goal),
        walls=jnp.stack([edge - x1, y0, edge - x0, y1], -1),
    )


def other_partners(world: Grid, key: Key[Array, ""], state: GridState, me: Int[Array, ""]) -> GridState:
    """Everybody else's badge drawn anew."""
    drawn = jax.random.randint(key, state.strength.shape, 1, world.strongest + 1)
    mine = jnp.arange(world.agents) == me
    return state.replace(strength=jnp.where(mine, state.strength, drawn).astype(state.strength.dtype))


def other_decoys(world: Grid, key: Key[Array, ""], state: GridState) -> GridState:
    """Decoys on other free cells: off the walls, off what matters, each its own."""
    matters = on(world)
    cells = jnp.stack(jnp.meshgrid(*map(jnp.arange, world.shape), indexing="ij"), -1).reshape(-1, 2)
    free = (cells < jnp.stack([world.width, world.height])).all(-1) & ~layout.in_walls(cells, state.walls)
    free &= ~(same(cells, state.object_position) & matters).any(-1)
    score = jnp.where(free, jax.random.uniform(key, (len(cells),)), -1.0)
    drawn = cells[jax.lax.top_k(score, world.num_objects)[1]].astype(state.object_position.dtype)
    return state.replace(object_position=jnp.where(matters[:, None], state.object_position, drawn))


def on(world: Grid):
    """Which objects matter: `[M]` bool."""
    (rule,) = (m for m in world.mechanisms if isinstance(m, Gather))
    return rule.on


def changed(world: Grid, key: Key[Array, ""], state: GridState, me: Int[Array, ""]) -> GridState:
    """The state in each of `CONTEXTS`, leading axis K."""
    partner_key, decoy_key, both_partner, both_decoy = jax.random.split(key, 4)
    both = other_decoys(world, both_decoy, other_partners(world, both_partner, state, me))
    each = [
        state,
        mirrored(world, state),
        other_partners(world, partner_key, state, me),
        other_decoys(world, decoy_key, state),
        mirrored(world, both),
    ]
    return jax.tree.map(lambda *x: jnp.stack(x), *each)


def sensed(
    env: Simulation, key: Key[Array, ""], states: GridState, me: Int[Array, " N"]
) -> tuple[GridState, Observation]:
    """N moments in K contexts: states and observations, leading axes `[K, N]`."""
    keys = jax.random.split(key, len(me))
    world = grid(env)

    def one(key, state, me):
        edited = changed(world, key, state, me)
        return edited, jax.vmap(lambda s: env.senses(world.scene(s)))(edited)

    return jax.vmap(one, out_axes=1)(keys, states, me)


def worth(team: Team, obs: Observation, me: Int[Array, " N"]) -> Float[Array, "K N"]:
    """What a team's value head says to `me`."""
    value = team.values(obs)[..., 0]
    return jnp.take_along_axis(value, me[None, :, None], -1)[..., 0]
