"""Somatic markers: a cache of what was worth doing, read instead of computing anew where it can be trusted.

After Damasio's hypothesis that learned associations of worth bias attention and choice before, and often
instead of, full deliberation (Damasio 1996). The cache is a pytree of fixed size, shared by all rows of a
batch that have the same network. Its key is a hash of cheap features of the senses: the signs of a random
projection (locality-sensitive hashing: Charikar 2002). An entry holds how the full network chose there, how
well the entry did when it was last checked against it, and an average of the realised return of each act.
Buckets are set-associative: a new key takes the place of the one in its bucket not used for longest.
"""

import dataclasses

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Int, Key, UInt32

from socialsim.core.errors import integer, number
from socialsim.core.senses import OBJECT_SENSE_FEATURES, OTHER_FEATURES, SELF_FEATURES, Observation


@dataclasses.dataclass(frozen=True)
class MarkerConfig:
    """bits: of the key.  features: random ones by which others, and objects, enter it.
    buckets, ways: the cache holds buckets x ways entries.  rate: of its averages, once they have filled.
    visits: full computations before an entry is trusted."""

    bits: int = 24
    features: int = 12
    buckets: int = 2048
    ways: int = 4
    rate: float = 0.1
    visits: int = 3

    def __post_init__(self):
        integer("bits", self.bits, low=1, high=32)
        for name in ("features", "buckets", "ways", "visits"):
            integer(name, getattr(self, name), low=1)
        number("rate", self.rate, low=0.0, high=1.0, above=True)

    @property
    def slots(self) -> int:
        return self.buckets * self.ways


class Cache(struct.PyTreeNode):
    """`S` slots of `K` acts.

    tag: its key.  preference: mean of the full network's choice probabilities.  doubt: running mean of the
    total variation between both at checks, the share of decisions that may differ.  visits: full
    computations.  since: uses after the last of these.  used: time of last use, -1 in an empty slot.
    marker, tried: mean realised return after each act, and how often it was credited.  worth: the same over
    all acts.  mean, square: of all returns, for a scale, after so many batches of `credits`.
    """

    other_plane: Float[Array, "P+1 D"]
    object_plane: Float[Array, "Q+1 D"]
    plane: Float[Array, "F B"]
    tag: UInt32[Array, " S"]
    preference: Float[Array, "S K"]
    doubt: Float[Array, " S"]
    visits: Int[Array, " S"]
    since: Int[Array, " S"]
    used: Int[Array, " S"]
    marker: Float[Array, "S K"]
    tried: Int[Array, "S K"]
    worth: Float[Array, " S"]
    mean: Float[Array, ""]
    square: Float[Array, ""]
    credits: Int[Array, ""]
    time: Int[Array, ""]
    config: MarkerConfig = struct.field(pytree_node=False)


class Entry(struct.PyTreeNode):
    """What the cache says of `N` rows. Where `known` is False all of it is that of an empty slot.

    urge: per act, realised return beyond what is usual here, in standard deviations, within [-1, 1].
    stake: how far what is usual here lies from what is usual anywhere, in standard deviations, at most 2.
    """

    slot: Int[Array, " N"]
    known: Bool[Array, " N"]
    preference: Float[Array, "N K"]
    doubt: Float[Array, " N"]
    visits: Int[Array, " N"]
    since: Int[Array, " N"]
    urge: Float[Array, "N K"]
    stake: Float[Array, " N"]


def new_cache(key: Key[Array, ""], config: MarkerConfig, acts: int) -> Cache:
    """An empty cache for choices among `acts`."""
    other_key, object_key, key = jax.random.split(key, 3)
    d, s = config.features, config.slots
    wide = len(SELF_FEATURES) + 2 * d + 1

    def plane(key, shape):
        return jax.random.normal(key, shape) / shape[0] ** 0.5

    return Cache(
        other_plane=plane(other_key, (len(OTHER_FEATURES) + 1, d)),
        object_plane=plane(object_key, (len(OBJECT_SENSE_FEATURES) + 1, d)),
        plane=plane(key, (wide, config.bits)),
        tag=jnp.zeros(s, jnp.uint32),
        preference=jnp.full((s, acts), 1 / acts),
        doubt=jnp.ones(s),
        visits=jnp.zeros(s, jnp.int32),
        since=jnp.zeros(s, jnp.int32),
        used=jnp.full(s, -1, jnp.int32),
        marker=jnp.zeros((s, acts)),
        tried=jnp.zeros((s, acts), jnp.int32),
        worth=jnp.zeros(s),
        mean=jnp.zeros(()),
        square=jnp.zeros(()),
        credits=jnp.zeros((), jnp.int32),
        time=jnp.zeros((), jnp.int32),
        config=config,
    )


def calibrated(cache: Cache, obs: Observation, floor: float = 0.25) -> Cache:
    """The same planes, laid through the middle of these senses and scaled to their spread (at least `floor`):
    signs then tell apart what is met here, where all senses may lie on one side of the origin."""
    features = _features(cache, obs)
    plane = cache.plane[:-1] / jnp.maximum(features.std(0), floor)[:, None]
    return cache.replace(plane=jnp.concatenate([plane, -(features.mean(0) @ plane)[None]]))


def key_of(cache: Cache, obs: Observation) -> UInt32[Array, " N"]:
    """Signs of a random projection of cheap features of the senses. obs leaves `[N, ...]`."""
    sides = _features(cache, obs) @ cache.plane[:-1] + cache.plane[-1] > 0
    bit = jnp.uint32(1) << jnp.arange(sides.shape[-1], dtype=jnp.uint32)
    return (sides * bit).sum(-1, dtype=jnp.uint32)


def _features(cache: Cache, obs: Observation) -> Float[Array, "N F"]:
    """`[self, sum over others, sum over objects]` of rectified random features: with plain sums it would be
    lost which of several objects has which property."""

    def pooled(entities, mask, plane):
        made = jax.nn.relu(entities.astype(jnp.float32) @ plane[:-1] + plane[-1])
        return (made * mask[..., None]).sum(-2)

    others = pooled(obs.others, obs.others_mask, cache.other_plane)
    objects = pooled(obs.objects, obs.objects_mask, cache.object_plane)
    return jnp.concatenate([obs.self.astype(jnp.float32), others, objects], -1)


def _ways(cache: Cache, code: Array) -> Int[Array, "N W"]:
    """Slots of the bucket of each key (multiplicative hashing: signs are not uniform)."""
    mixed = (code ^ (code >> 15)) * jnp.uint32(2654435769)
    bucket = ((mixed >> 8) % jnp.uint32(cache.config.buckets)).astype(jnp.int32)
    return bucket[:, None] * cache.config.ways + jnp.arange(cache.config.ways)


def _find(cache: Cache, code: Array) -> tuple[Array, Array, Array]:
    """slot `[N]`, known `[N]`, ways `[N, W]`."""
    ways = _ways(cache, code)
    hit = (cache.tag[ways] == code[:, None]) & (cache.used[ways] >= 0)
    way = jnp.argmax(hit, -1)
    return jnp.take_along_axis(ways, way[:, None], -1)[:, 0], hit.any(-1), ways


def look_up(cache: Cache, code: UInt32[Array, " N"]) -> Entry:
    """What is known of these keys."""
    slot, known, _ = _find(cache, code)
    acts = cache.preference.shape[-1]
    scale = jnp.sqrt(jnp.maximum(cache.square - cache.mean**2, 1e-12)) + 1e-6
    tried = cache.tried[slot]
    sure = tried / (tried + 4.0)  # an act credited once says little
    urge = jnp.clip(sure * (cache.marker[slot] - cache.worth[slot][:, None]) / scale, -1, 1)
    stake = jnp.clip(jnp.abs(cache.worth[slot] - cache.mean) / scale, 0, 2)
    return Entry(
        slot=slot,
        known=known,
        preference=jnp.where(known[:, None], cache.preference[slot], 1 / acts),
        doubt=jnp.where(known, cache.doubt[slot], 1.0),
        visits=jnp.where(known, cache.visits[slot], 0),
        since=jnp.where(known, cache.since[slot], 0),
        urge=jnp.where(known[:, None], urge, 0.0),
        stake=jnp.where(known, stake, 0.0),
    )


def _weight(count: Array, before: Array, rate: float) -> Array:
    """Weight of `count` values at once in a running mean of `before`: a plain mean until it has filled."""
    fast = 1 - (1 - rate) ** count
    return jnp.maximum(fast, count / jnp.maximum(before + count, 1))


def _counted(size: int, slot: Array, mask: Array) -> tuple[Array, Array]:
    """Where to write (`size`, which is dropped, for masked rows), and how many rows write there."""
    where = jnp.where(mask, slot, size)
    count = jnp.zeros(size, jnp.int32).at[where].add(1, mode="drop")
    return where, count[jnp.minimum(where, size - 1)]


def remember(
    cache: Cache,
    code: UInt32[Array, " N"],
    computed: Bool[Array, " N"],
    probability: Float[Array, "N K"],
    writes: Bool[Array, ""],
) -> Cache:
    """Take in a batch of decisions. Rows that share a key count as so many values; their order is nothing.

    computed : rows where the full network was asked; only these make entries and change preferences.
    probability : its choice probabilities there.  writes : False leaves all as it is but the clock.
    """
    size = cache.config.slots
    cache = _make_room(cache, code, computed & writes)
    slot, known, _ = _find(cache, code)
    used = jnp.where(known & writes, slot, size)
    taught, count = _counted(size, slot, known & computed & writes)
    safe = jnp.minimum(taught, size - 1)
    before = cache.visits[safe]
    weight = (_weight(count, before, cache.config.rate) / jnp.maximum(count, 1)).astype(jnp.float32)
    apart = 0.5 * jnp.abs(probability - cache.preference[safe]).sum(-1)
    # The first computation of an entry checks nothing: there was no preference to compare, and doubt stays.
    checks = jnp.where(before > 0, apart, 1.0)
    share = _weight(count, jnp.maximum(before - 1, 0), cache.config.rate) / jnp.maximum(count, 1)
    return cache.replace(
        preference=cache.preference.at[taught].add(
            weight[:, None] * (probability - cache.preference[safe]), mode="drop"
        ),
        doubt=cache.doubt.at[taught].add(share * (checks - cache.doubt[safe]), mode="drop"),
        visits=cache.visits.at[taught].add(1, mode="drop"),
        since=cache.since.at[used].add(1, mode="drop").at[taught].set(0, mode="drop"),
        used=cache.used.at[used].set(cache.time, mode="drop"),
        time=cache.time + 1,
    )


def _make_room(cache: Cache, code: Array, wanted: Array) -> Cache:
    """An empty entry for every wanted key that has none; of new keys that would replace the same entry the
    first row's is let in, the others try again next time."""
    size, row = cache.config.slots, jnp.arange(len(code), dtype=jnp.int32)
    _, known, ways = _find(cache, code)
    new = wanted & ~known
    victim = jnp.take_along_axis(ways, jnp.argmin(cache.used[ways], -1)[:, None], -1)[:, 0]
    first = jnp.full(size, len(code), jnp.int32).at[jnp.where(new, victim, size)].min(row, mode="drop")
    at = jnp.where(new & (first[victim] == row), victim, size)
    acts = cache.preference.shape[-1]
    fresh = {
        **{"tag": code, "used": cache.time, "visits": 0, "since": 0, "doubt": 1.0, "worth": 0.0},
        **{"preference": 1 / acts, "marker": 0.0, "tried": 0},
    }
    return cache.replace(**{k: getattr(cache, k).at[at].set(v, mode="drop") for k, v in fresh.items()})


def credit(
    cache: Cache,
    code: UInt32[Array, " N"],
    act: Int[Array, " N"],
    gain: Float[Array, " N"],
    mask: Bool[Array, " N"],
) -> Cache:
    """Realised returns of earlier acts under these keys; entries replaced since then get nothing."""
    slot, known, _ = _find(cache, code)
    size, acts, rate = cache.config.slots, cache.preference.shape[-1], cache.config.rate
    mask = mask & known
    where, count = _counted(size, slot, mask)
    safe = jnp.minimum(where, size - 1)
    share = _weight(count, cache.tried[safe].sum(-1), rate) / jnp.maximum(count, 1)
    worth = cache.worth.at[where].add(share * (gain - cache.worth[safe]), mode="drop")
    cell, times = _counted(size * acts, slot * acts + act, mask)
    flat, tried = cache.marker.reshape(-1), cache.tried.reshape(-1)
    near = jnp.minimum(cell, size * acts - 1)
    share = _weight(times, tried[near], rate) / jnp.maximum(times, 1)
    marker = flat.at[cell].add(share * (gain - flat[near]), mode="drop")
    tried = tried.at[cell].add(1, mode="drop")
    number = mask.sum()
    slow = jnp.where(number > 0, jnp.maximum(0.01, 1 / (cache.credits + 1.0)), 0.0)

    def averaged(old, new):
        return old + slow * ((new * mask).sum() / jnp.maximum(number, 1) - old)

    return cache.replace(
        worth=worth,
        marker=marker.reshape(cache.marker.shape),
        tried=tried.reshape(cache.tried.shape),
        mean=averaged(cache.mean, gain),
        square=averaged(cache.square, gain**2),
        credits=cache.credits + (number > 0),
    )
