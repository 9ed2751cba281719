"""A life with a cache: warm-up, a stationary stretch, then what was worth something no longer is.

Beside every decision stands, not counted as its cost, what the full network would have chosen with the same
noise. All worlds and agents of a life share one network and one cache.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax.sharding import PartitionSpec
from jaxtyping import Array, Bool, Float, Int, Key, UInt32

from socialsim import devices
from socialsim.agents.markers import Cache, MarkerConfig, calibrated, credit, new_cache
from socialsim.agents.team import Team
from socialsim.core.errors import integer, number
from socialsim.core.senses import Observation
from socialsim.core.simulation import Simulation
from socialsim.experiments.markers.deciding import Condition, decide, gumbel

FRACTIONS = (1 / 16, 1 / 8, 3 / 16, 1 / 4, 5 / 16, 3 / 8, 1 / 2, 3 / 4, 1)
"""Sizes of the buffer of full computations, as shares of the rows."""


@dataclasses.dataclass(frozen=True)
class LifeConfig:
    """worlds: side by side.  warm, steady, after: episodes of warm-up, before and after the reversal.
    window, discount: decisions that a realised return reaches over, and what each step takes off."""

    worlds: int = 64
    warm: int = 10
    steady: int = 6
    after: int = 10
    window: int = 12
    discount: float = 0.9

    def __post_init__(self):
        for name in ("worlds", "warm", "steady", "after", "window"):
            integer(name, getattr(self, name), low=1)
        number("discount", self.discount, low=0.0, high=1.0)

    @property
    def episodes(self) -> int:
        return self.warm + self.steady + self.after


class Record(struct.PyTreeNode):
    """Means over all rows, `[decisions]` each.

    agree, greedy: chose as the full network would with the same noise; preferred the same act.  success: at
    what counts.  wasted: at what does not count.  known, wanted, computed: shares.  level: of the buffer.
    """

    agree: Float[Array, " T"]
    greedy: Float[Array, " T"]
    success: Float[Array, " T"]
    wasted: Float[Array, " T"]
    known: Float[Array, " T"]
    wanted: Float[Array, " T"]
    computed: Float[Array, " T"]
    level: Int[Array, " T"]


class Trail(struct.PyTreeNode):
    """The last `W` decisions of each row, newest first."""

    code: UInt32[Array, "W N"]
    act: Int[Array, "W N"]
    reward: Float[Array, "W N"]


def new_trail(window: int, rows: int) -> Trail:
    shape = (window, rows)
    return Trail(jnp.zeros(shape, jnp.uint32), jnp.zeros(shape, jnp.int32), jnp.zeros(shape))


def follow(
    cache: Cache,
    trail: Trail,
    code: UInt32[Array, " N"],
    act: Int[Array, " N"],
    reward: Float[Array, " N"],
    discount: float,
    full: Bool[Array, ""],
    writes: Bool[Array, ""],
) -> tuple[Cache, Trail]:
    """Add a decision and credit the oldest with what has followed. full: the trail is that long by now."""
    trail = jax.tree.map(
        lambda new, old: jnp.concatenate([new[None], old[:-1]]), Trail(code, act, reward), trail
    )
    window = len(trail.reward)
    gain = (discount ** jnp.arange(window - 1, -1, -1.0)) @ trail.reward
    mask = jnp.broadcast_to(full & writes, gain.shape)
    return credit(cache, trail.code[-1], trail.act[-1], gain, mask), trail


def sizes(rows: int) -> tuple[int, ...]:
    return tuple(sorted({max(1, round(f * rows)) for f in FRACTIONS}))


def live(
    env: Simulation,
    teams: Team,
    drives: Float[Array, "2 A C"],
    condition: Condition,
    key: Key[Array, ""],
    config: LifeConfig,
    markers: MarkerConfig,
) -> Record:
    """One life; its keys are calibrated once, on what was met in its first episode.

    teams: leading axis 2, trained under each of the two settings of `drives`. The full network of the time is
    that of the drives of the time, so recomputed values change when drives do.
    """
    cache_key, key = jax.random.split(key)
    rows = config.worlds * env.num_agents
    cache = new_cache(cache_key, markers, env.actions.choices)

    def episode(cache: Cache, at):
        number, key = at
        phase = (number >= config.warm + config.steady).astype(jnp.int32)
        team, wants = jax.tree.map(lambda x: x[phase], (teams, drives))
        writes = condition.cached & (condition.learns | (number < config.warm))
        reset_key, key = jax.random.split(key)
        state, timestep = jax.vmap(env.reset)(jax.random.split(reset_key, config.worlds))

        def step(carry, at):
            cache, trail, state, obs = carry
            time, key = at
            lesion_key, noise_key, step_key = jax.random.split(key, 3)
            noise = gumbel(noise_key, (rows, env.actions.choices))

            def full(obs):
                return team.forward(obs).policy.logits

            cache, made = decide(cache, lesion_key, obs, full, noise, condition, writes, sizes(rows))
            audit = full(obs)
            keys = jax.random.split(step_key, config.worlds)
            action = made.act.reshape(config.worlds, env.num_agents)
            state, timestep = jax.vmap(env.step)(keys, state, action)
            reward = (timestep.signals * wants).sum(-1)
            other = (timestep.signals * (1 - wants)).sum(-1)
            ready = time >= config.window - 1
            cache, trail = follow(
                cache, trail, made.code, made.act, reward.reshape(-1), config.discount, ready, writes
            )
            record = Record(
                agree=(made.act == jnp.argmax(audit + noise, -1)).mean(),
                greedy=(jnp.argmax(made.logits, -1) == jnp.argmax(audit, -1)).mean(),
                success=reward.mean(),
                wasted=other.mean(),
                known=(cache.used >= 0).mean(),
                wanted=made.wanted.mean(),
                computed=made.computed.mean(),
                level=made.level,
            )
            return (cache, trail, state, _rows(timestep.observation)), record

        carry = (cache, new_trail(config.window, rows), state, _rows(timestep.observation))
        keys = jax.random.split(key, env.horizon)
        (cache, *_, met), record = jax.lax.scan(step, carry, (jnp.arange(env.horizon), keys))
        # What was kept before is under other keys then; it is never found again and gives way.
        fitted = calibrated(cache, met)
        return jax.tree.map(lambda new, old: jnp.where(number == 0, new, old), fitted, cache), record

    numbers = jnp.arange(config.episodes)
    record = jax.lax.scan(episode, cache, (numbers, jax.random.split(key, config.episodes)))[1]
    return jax.tree.map(lambda x: x.reshape(-1), record)


def _rows(obs: Observation) -> Observation:
    """Worlds and agents as one axis."""
    return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), obs)


@functools.cache
def _program(env_tree, count: int, config: LifeConfig, markers: MarkerConfig):
    mesh = devices.mesh(devices.divide(count))
    spec, whole = PartitionSpec(devices.AXIS), PartitionSpec()

    def local(env, teams, drives, conditions, keys, seed):
        # Mapped one after the other: side by side, the switch over buffers would compute them all.
        def one(xs):
            condition, key, at = xs
            mine = jax.tree.map(lambda x: x[at], teams)
            return live(env, mine, drives, condition, key, config, markers)

        return jax.lax.map(one, (conditions, keys, seed))

    program = jax.shard_map(
        local, mesh=mesh, in_specs=(whole, whole, whole, spec, spec, spec), out_specs=spec, check_vma=False
    )
    return jax.jit(program), mesh


def lives(
    env: Simulation,
    teams: Team,
    drives: Float[np.ndarray, "2 A C"],
    conditions: Condition,
    keys: Key[Array, " R"],
    seed: Int[np.ndarray, " R"],
    config: LifeConfig,
    markers: MarkerConfig,
) -> Record:
    """`R` lives in one compiled program, spread over the devices: leaves `[R, decisions]`.

    teams: leading axes `[seeds, 2]`.  seed: whose team each life has; lives of one seed that are given the
    same key meet the same worlds and the same noise.
    """
    program, mesh = _program(jax.tree.structure(env), len(seed), config, markers)
    spread = functools.partial(devices.shard_leading, mesh=mesh)
    env, teams, drives = devices.replicate((env, teams, jnp.asarray(drives)), mesh)
    return jax.device_get(
        program(env, teams, drives, spread(conditions), spread(keys), spread(jnp.asarray(seed)))
    )
