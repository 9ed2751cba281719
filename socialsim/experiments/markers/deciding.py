"""One decision of a batch: read the cache, compute in full where it is uncertain, choose, remember.

Under `vmap` a `cond` computes both branches, so nothing here decides row by row whether to compute. The rows
that need it are gathered into a buffer of one of a few fixed sizes, and the full network runs on the buffer:
what is saved is really not computed.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Int, Key, UInt32

from socialsim.agents.markers import Cache, Entry, key_of, look_up, remember
from socialsim.core.senses import Observation

Full = Callable[[Observation], Float[Array, "N K"]]
"""The full network: senses `[N, ...]` to logits."""


class Condition(struct.PyTreeNode):
    """What differs between arms; all of it data.

    cached: False computes every decision in full.  reads: False finds nothing but zeros in the cache.
    shuffled: reads the entries of other rows.  learns: it goes on writing after warm-up.
    beta: weight of markers in choice.  attention: weight of what is at stake in who is computed in full.
    doubt: expected disagreement above which an entry is not trusted.  period: uses after which it is checked.
    budget: largest share of decisions computed in full.
    """

    cached: Bool[Array, ""]
    reads: Bool[Array, ""]
    shuffled: Bool[Array, ""]
    learns: Bool[Array, ""]
    beta: Float[Array, ""]
    attention: Float[Array, ""]
    doubt: Float[Array, ""]
    period: Float[Array, ""]
    budget: Float[Array, ""]


class Decision(struct.PyTreeNode):
    """act; logits: as chosen from.  code: keys.  computed: in full.  wanted: uncertain.  level: number of the
    buffer's size."""

    act: Int[Array, " N"]
    logits: Float[Array, "N K"]
    code: UInt32[Array, " N"]
    computed: Bool[Array, " N"]
    wanted: Bool[Array, " N"]
    level: Int[Array, ""]


def gumbel(key: Key[Array, ""], shape: tuple[int, ...]) -> Array:
    """The noise of a choice: argmax(logits + noise) is a sample, and with the same noise two choosers agree
    whenever they are of one mind."""
    return jax.random.gumbel(key, shape)


def uncompared(full: Full, obs: Observation, noise: Float[Array, "N K"]) -> Int[Array, " N"]:
    """The decision without any cache: what the saving is held against."""
    return jnp.argmax(full(obs) + noise, -1).astype(jnp.int32)


def decide(
    cache: Cache,
    key: Key[Array, ""],
    obs: Observation,
    full: Full,
    noise: Float[Array, "N K"],
    condition: Condition,
    writes: Bool[Array, ""],
    sizes: Sequence[int],
) -> tuple[Cache, Decision]:
    """Decide for `N` rows. sizes: of the buffer, ascending, the last N; `key` only shuffles.

    Uncertain are rows that the cache does not know, has seen computed too seldom, doubts, or has not checked
    for long. They are computed in full as far as the budget reaches, first those with most to lose: expected
    disagreement, raised by what is at stake there. The rest goes by habit.
    """
    code = key_of(cache, obs)
    entry = look_up(cache, code)
    read = _lesioned(key, entry, condition)
    wanted, order, number = _turns(cache, entry, read, condition)
    level = (number > jnp.array(sizes[:-1])).sum() if len(sizes) > 1 else jnp.zeros((), jnp.int32)
    rows = len(code)

    def buffered(size: int):
        def run(obs, order):
            mine = order[:size]
            part = jax.tree.map(lambda x: x[mine], obs)
            found = full(part)
            zeros = jnp.zeros((rows, found.shape[-1]))
            return zeros.at[mine].set(found), jnp.zeros(rows, bool).at[mine].set(True)

        return run

    branches = [buffered(s) for s in sizes]
    exact, computed = (
        jax.lax.switch(level, branches, obs, order) if len(sizes) > 1 else branches[0](obs, order)
    )
    habit = jnp.log(read.preference + 1e-6)
    logits = jnp.where(computed[:, None], exact, habit) + condition.beta * read.urge
    act = jnp.argmax(logits + noise, -1).astype(jnp.int32)
    cache = remember(cache, code, computed, jax.nn.softmax(exact), writes)
    return cache, Decision(act, logits, code, computed, wanted, level)


def _lesioned(key: Key[Array, ""], entry: Entry, condition: Condition) -> Entry:
    """What is read of preferences and markers. How sure the cache is of itself is not lesioned:
    lesioned arms compute by the same rule as the intact one."""
    other = jax.random.permutation(key, len(entry.slot))
    other = jnp.where(condition.shuffled, other, jnp.arange(len(other)))
    reads = condition.reads & condition.cached
    acts = entry.preference.shape[-1]
    return entry.replace(
        preference=jnp.where(reads, entry.preference[other], 1 / acts),
        urge=jnp.where(reads, entry.urge[other], 0.0),
        stake=jnp.where(reads, entry.stake[other], 0.0),
    )


def _turns(cache: Cache, entry: Entry, read: Entry, condition: Condition) -> tuple[Array, Array, Array]:
    """wanted `[N]`; rows in the order in which they are computed; how many of them are."""
    rows = len(entry.slot)
    late = entry.since / condition.period
    seldom = entry.visits < cache.config.visits
    wanted = ~entry.known | seldom | (entry.doubt > condition.doubt) | (late >= 1) | ~condition.cached
    risk = jnp.where(seldom, 1.0, entry.doubt) + condition.doubt * late
    order = jnp.argsort(-(risk * (1 + condition.attention * read.stake)))
    most = jnp.where(condition.cached, jnp.floor(condition.budget * rows), rows).astype(jnp.int32)
    # Of the sorted rows the wanted ones need not come first: a late check has less risk than a doubt.
    order = order[jnp.argsort(~wanted[order], stable=True)]
    return wanted, order, jnp.minimum(wanted.sum(), most)
