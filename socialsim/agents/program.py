"""The compiled parts of a training: begin, one update, held-out episodes.

Neither the number of updates nor, on CPUs, the number of runs is compiled in. There each device takes one run
at a time and runs take turns; accelerators have all runs side by side, as many on each. What was compiled for
one training serves every later one of the same world and learner in this process.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec
from jaxtyping import Array, Float, Key

from socialsim import devices, hosts
from socialsim.agents import health
from socialsim.agents.ppo import PPO, Auxiliary, Intrinsic, Learner, PPOConfig, make_update
from socialsim.agents.team import Team
from socialsim.core.autoreset import Pool
from socialsim.core.fusing import on_cpu
from socialsim.core.simulation import Simulation

Learners = Sequence[Learner]
"""Runs by turns: each entry has a leading axis of those that run at the same time."""


class Program:
    """One training's parts, mapped over R runs and all devices.

    env, config : the world and the learner.  updates : in a chunk.  among : of how many devices, if not of
    all.  The rest: see `training.train`.
    """

    def __init__(
        self,
        env: Simulation,
        config: PPOConfig,
        updates: int,
        runs: int,
        carried: bool = False,
        *,
        intrinsic: Intrinsic | None = None,
        auxiliary: Auxiliary | None = None,
        checked: bool = True,
        among: int | None = None,
    ):
        self.updates, self.checked, self._runs = updates, checked, runs
        block = config.worlds // config.minibatches
        self._mesh = devices.layout(runs, block, waits=env.world.waits, among=among)
        room = self._mesh.shape[devices.AXIS]
        each = 1 if on_cpu() else -(-runs // room)
        self._at_once = room * each
        recipe = (_Given(env), config, carried, _Given(intrinsic), _Given(auxiliary), self._mesh, each == 1)
        self._parts = _compiled(*recipe)
        self.ppo = self._parts.ppo

    def init(self, keys: Key[Array, " R"], teams: Team | None = None, worlds: Simulation | None = None):
        """Fresh learners, or those that begin with `teams` (leading axis R)."""
        parts, shared, begun = self._parts, self.ppo.shared, []
        for key, team, world in self._turns(keys, teams, worlds):
            begun.append(parts.begin(key, parts.pool(key, world) if shared else None, team, world))
        return begun

    def chunk(
        self,
        learners: Learners,
        drives: Float[np.ndarray, "R A C"],
        carried: Any,
        given: Any = None,
        worlds: Simulation | None = None,
    ) -> tuple[Learners, dict[str, np.ndarray]]:
        """`updates` updates of every run; metrics: name -> `[R, U, ...]`, `health_*` (checked) `[R, 1, C]`.

        drives, carried, given, worlds : leading axis R.
        """
        parts, after, rows, found = self._parts, [], [], []
        for learner, data in zip(learners, self._turns(drives, carried, given, worlds), strict=True):
            told = []
            for _ in range(self.updates):
                fresh = parts.pool(learner.key, data[-1])
                learner, metrics = parts.update(learner, fresh, *data)
                told.append(metrics)
            after.append(learner)
            rows.append(told)
            if self.checked:
                key = _held_out_key(learner.key)
                found.append(parts.held_out(learner.team, key, parts.pool(key, data[-1]), data[-1]))
        # Everything is on its way before anything is waited for.
        rows, found = jax.device_get(hosts.local((rows, found)))
        metrics = _rows([_columns(told) for told in rows])
        if found:
            told = _rows([vars(x) for x in found])
            metrics |= {f"health_{k}": v[:, None] for k, v in told.items()}
        return after, {name: v[: self._runs] for name, v in metrics.items()}

    def whole(self, learners: Learners) -> Learner:
        """All runs as one tree on the host, leading axis R."""
        joined = jax.tree.map(_joined, *hosts.local(learners))
        return jax.tree.map(lambda x: x[: self._runs], joined)

    def apart(self, whole: Learner) -> Learners:
        """The opposite of `whole`, on the devices."""
        return [turn for (turn,) in self._turns(whole)]

    def template(self, learners: Learners | Key[Array, " R"]) -> Learner:
        """Shapes and types of all runs' learners, for reading a checkpoint; from keys, without making any."""
        if not isinstance(learners, Sequence):
            learners = [jax.eval_shape(jax.vmap(lambda key: self.ppo.init(key)), learners)]
        shape = jax.ShapeDtypeStruct
        return jax.tree.map(lambda x: shape((self._runs, *x.shape[1:]), x.dtype), learners[0])

    def _turns(self, *trees: Any) -> list[tuple]:
        """Trees of leading axis R -> for each turn, its share of them, placed. Room that is left in the last
        turn is filled with copies of the last run, whose results nobody takes."""
        turns = []
        for start in range(0, self._runs, self._at_once):
            end = start + self._at_once
            full = end <= self._runs
            at = slice(start, end) if full else np.minimum(np.arange(start, end), self._runs - 1)
            mine = jax.tree.map(lambda x, at=at: x[at], trees)
            turns.append(tuple(devices.shard_leading(tree, self._mesh) for tree in mine))
        return turns


class _Parts(NamedTuple):
    ppo: PPO
    pool: Callable[..., Pool]
    begin: Callable[..., Learner]
    update: Callable[..., tuple[Learner, dict[str, Array]]]
    held_out: Callable[..., health.Health]


class _Given:
    """What a program is compiled for: a simulation by its value, anything else as the object it is."""

    def __init__(self, value: Any):
        self.value = value
        leaves, structure = jax.tree.flatten(value) if isinstance(value, Simulation) else ([], id(value))
        self._key = (
            structure,
            tuple((np.asarray(x).dtype, np.shape(x), np.asarray(x).tobytes()) for x in leaves),
        )

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Given) and self._key == other._key


@functools.lru_cache(maxsize=8)
def _compiled(
    env: _Given,
    config: PPOConfig,
    carried: bool,
    intrinsic: _Given,
    auxiliary: _Given,
    mesh: Mesh,
    single: bool,
) -> _Parts:
    """Functions of trees whose leading axis is the runs of one turn; single: a device has one of them."""

    def learns(world: Simulation | None) -> PPO:
        return make_update(
            env.value if world is None else world,
            config,
            carried=carried,
            intrinsic=intrinsic.value,
            auxiliary=auxiliary.value,
        )

    def one(function):
        def alone(*args):
            out = function(*jax.tree.map(lambda x: x[0], args))
            return jax.tree.map(lambda x: x[None], out)

        return alone

    def spread(function, options: Any = None):
        local = one(function) if single else jax.vmap(function)
        spec = PartitionSpec(devices.AXIS)
        program = jax.jit(
            jax.shard_map(
                local,
                mesh=mesh,
                in_specs=spec,
                out_specs=spec,
                axis_names={devices.AXIS},  # where worlds are spread is XLA's to work out
                check_vma=False,
            ),
            compiler_options=options,
        )
        shared = mesh.shape[devices.WORLDS] > 1
        return _alone(program) if shared and on_cpu() else program

    def update(learner: Learner, fresh, drives, carried, given, world):
        return learns(world).update(learner, drives, carried.score, given, fresh)

    def held_out(team: Team, key, fresh, world):
        place = env.value if world is None else world
        return health.held_out(team, place, key, discount=config.discount, fresh=fresh)

    return _Parts(
        learns(None),
        spread(lambda key, world: learns(world).pool(key)),
        spread(lambda key, fresh, team, world: learns(world).init(key, team, fresh), devices.in_haste()),
        spread(update),
        spread(held_out),
    )


def _alone(program: Callable) -> Callable:
    """One that ends before the next begins. CPU devices share one thread per core: programs that overlap and
    add up over devices could each hold threads that the other waits for."""
    return lambda *args: jax.block_until_ready(program(*args))


@jax.jit
def _held_out_key(keys: Key[Array, " n"]) -> Key[Array, " n"]:
    """The learner's own stream is not touched."""
    return jax.vmap(lambda key: jax.random.fold_in(key, 0))(keys)


def _joined(*leaves) -> Any:
    """One array on the host out of several along their first axis; typed keys stay such."""
    if jnp.issubdtype(leaves[0].dtype, jax.dtypes.prng_key):
        data = np.concatenate([np.asarray(jax.random.key_data(x)) for x in leaves])
        return jax.random.wrap_key_data(jnp.asarray(data), impl=jax.random.key_impl(leaves[0]))
    return np.concatenate([np.asarray(x) for x in leaves])


def _columns(told: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.stack([t[name] for t in told], axis=1) for name in told[0]}


def _rows(told: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([t[name] for t in told]) for name in told[0]}
