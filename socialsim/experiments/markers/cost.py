"""What a decision costs: FLOPs as XLA counts them in the compiled program that is run, and time.

Counted is everything that deciding takes: keys, look-up, sorting, gathering, the full network on the buffer,
writing back, crediting returns. Not counted, in no arm: the noise of the choice and the world itself.
"""

import time
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int

from socialsim.agents.markers import MarkerConfig, new_cache
from socialsim.agents.networks import NetworkConfig
from socialsim.agents.team import Team, new_team
from socialsim.core.simulation import Simulation
from socialsim.experiments.markers.arms import Intact, condition
from socialsim.experiments.markers.deciding import decide, gumbel, uncompared
from socialsim.experiments.markers.life import LifeConfig, follow, new_trail, sizes

STEPS = 32  # decisions that are timed in one go
RARE = 0.02


class Bench:
    """One decision of all rows of a life, with and without the cache, for one network."""

    def __init__(self, env: Simulation, team: Team, config: LifeConfig, markers: MarkerConfig):
        self.team, self.config = team, config
        self.rows = config.worlds * env.num_agents
        acts = env.actions.choices
        _, first = jax.jit(jax.vmap(env.reset))(jax.random.split(jax.random.key(0), config.worlds))
        self.obs = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), first.observation)
        self.noise = gumbel(jax.random.key(1), (self.rows, acts))
        self.cache = new_cache(jax.random.key(2), markers, acts)
        self.trail = new_trail(config.window, self.rows)
        self.reward = jnp.zeros(self.rows)

    def plain(self, team, obs, noise):
        return uncompared(lambda obs: team.forward(obs).policy.logits, obs, noise)

    def cached(self, size: int):
        """One decision with a buffer of `size`, and the credit that belongs to it."""
        arm, on = condition("on", Intact()), jnp.array(True)

        def run(team, obs, noise, cache, trail, key, reward):
            def full(obs):
                return team.forward(obs).policy.logits

            cache, made = decide(cache, key, obs, full, noise, arm, on, (size,))
            cache, trail = follow(cache, trail, made.code, made.act, reward, self.config.discount, on, on)
            return cache, trail, made.act

        return run

    def flops(self, size: int | None) -> float:
        """Per decision; size None: without the cache."""
        if size is None:
            return _flops(self.plain, self.team, self.obs, self.noise) / self.rows
        key = jax.random.key(3)
        given = (self.team, self.obs, self.noise, self.cache, self.trail, key, self.reward)
        return _flops(self.cached(size), *given) / self.rows

    def seconds(self, size: int | None, repeats: int = 5) -> float:
        """Per decision, the fastest of some repeats; senses and noise differ from step to step."""
        scale = 1 + 0.01 * jnp.arange(STEPS)
        keys = jax.random.split(jax.random.key(4), STEPS)
        run = None if size is None else self.cached(size)

        @jax.jit
        def steps(team, obs, noise, cache, trail, reward):
            def step(carry, at):
                by, key = at
                seen = jax.tree.map(lambda x: x if x.dtype == bool else x * by, obs)
                if run is None:
                    return carry, self.plain(team, seen, noise * by)
                cache, trail = carry
                cache, trail, act = run(team, seen, noise * by, cache, trail, key, reward)
                return (cache, trail), act

            return jax.lax.scan(step, (cache, trail), (scale, keys))

        given = (self.team, self.obs, self.noise, self.cache, self.trail, self.reward)
        jax.block_until_ready(steps(*given))
        spent = []
        for _ in range(repeats):
            start = time.perf_counter()
            jax.block_until_ready(steps(*given))
            spent.append(time.perf_counter() - start)
        return min(spent) / STEPS / self.rows


def _flops(function, *args) -> float:
    analysis: Any = jax.jit(function).lower(*args).compile().cost_analysis()
    return float((analysis[0] if isinstance(analysis, list) else analysis)["flops"])


def price_list(
    env: Simulation, team: Team, config: LifeConfig, markers: MarkerConfig, used: Sequence[bool]
) -> dict[str, Any]:
    """FLOPs per decision: "full", without the cache, and "levels", with each size of the buffer that was used
    (0 elsewhere)."""
    bench = Bench(env, team, config, markers)
    each = zip(sizes(bench.rows), used, strict=True)
    return {"full": bench.flops(None), "levels": [bench.flops(s) if u else 0.0 for s, u in each]}


def paid(levels: Int[Array, "..."] | np.ndarray, prices: dict[str, Any]) -> np.ndarray:
    """FLOPs per decision of the buffers that were used."""
    return np.asarray(prices["levels"])[np.asarray(levels)]


def by_width(
    env: Simulation,
    widths: Sequence[int],
    levels: np.ndarray,
    config: LifeConfig,
    markers: MarkerConfig,
    *,
    timed: bool = True,
) -> list[dict[str, Any]]:
    """Costs for networks of other widths, had they used the buffers that were used here.

    levels : share of decisions of each size of the buffer; sizes of less than `RARE` of them are left out, as
        each has to be compiled.  Time is that of the size used most.
    """
    out, usual = [], int(np.argmax(levels))
    levels = np.where(levels < RARE, 0.0, levels) / levels[levels >= RARE].sum()
    for width in widths:
        team = new_team(
            jax.random.key(width), NetworkConfig(width=width), env.actions, env.channels, env.num_agents
        )
        bench = Bench(env, team, config, markers)
        each = sizes(bench.rows)
        full = bench.flops(None)
        with_cache = sum(share * bench.flops(each[i]) for i, share in enumerate(levels) if share > 0)
        row: dict[str, Any] = {
            "width": width,
            "full": full,
            "cached": with_cache,
            "saved": 1 - with_cache / full,
        }
        if timed:
            row["microseconds_full"] = 1e6 * bench.seconds(None)
            row["microseconds_cached"] = 1e6 * bench.seconds(each[usual])
        out.append(row)
    return out
