"""One battery of scenes, valued again and again: what persistence and growth are measured on."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
import scipy.stats
import xarray as xr
from jaxtyping import Array, Float, Key

from socialsim.agents.ppo import PPOConfig, make_update
from socialsim.agents.team import Team
from socialsim.analysis.recording import Episodes, read
from socialsim.core.scene import Scene
from socialsim.core.senses import Observation
from socialsim.core.simulation import Simulation


def scenes_of(played: Sequence[Episodes], number: int, *, seed: int) -> tuple[Observation, Scene, np.ndarray]:
    """About `number` moments at random, as many from each team's episodes, so that none is favoured.

    Returns observations and scenes, leaves `[N, ...]`, and the episode each is from `[N]`.
    """
    rng = np.random.default_rng(seed)
    each, parts, source = max(1, number // len(played)), [], []
    for i, episodes in enumerate(played):
        live = np.flatnonzero(~np.asarray(episodes.ended))
        pick = rng.choice(live, min(each, len(live)), replace=False)
        steps, worlds = episodes.ended.shape
        flat = (episodes.observation, episodes.scene)
        parts.append(jax.tree.map(lambda x, p=pick, n=steps * worlds: x.reshape(n, *x.shape[2:])[p], flat))
        source.append(i * worlds + pick % worlds)
    observation, scene = jax.tree.map(lambda *xs: jnp.concatenate(xs), *parts)
    return observation, scene, np.concatenate(source)


def valued(teams: Sequence[Team], observation: Observation, channels: int) -> Float[np.ndarray, "S N C"]:
    """What the first agent of each team says each scene is worth, signal units."""
    return np.stack([np.asarray(read(t, observation).value)[:, 0, :channels] for t in teams]).astype(float)


def order(
    values: Float[np.ndarray, "... N C"], held: Float[np.ndarray, "... N C"]
) -> Float[np.ndarray, "... C"]:
    """Rank agreement (Spearman) of two valuations of one battery; 0 where one of them does not vary."""
    a, b = (scipy.stats.rankdata(x, axis=-2) for x in np.broadcast_arrays(values, held))
    a, b = a - a.mean(-2, keepdims=True), b - b.mean(-2, keepdims=True)
    size = np.sqrt((a**2).sum(-2) * (b**2).sum(-2))
    return np.where(size > 0, (a * b).sum(-2) / np.maximum(size, 1e-12), 0.0)


def strength(
    values: Float[np.ndarray, "... N C"], held: Float[np.ndarray, "... N C"]
) -> Float[np.ndarray, "... C"]:
    """Spread over the battery as a share of what it is held against."""
    return values.std(-2) / np.maximum(held.std(-2), 1e-9)


def table(stages: Float[np.ndarray, "K S N C"], channels: Sequence[str]) -> xr.DataArray:
    """The same figures as `analysis.dossier` takes them: occasions are stages, a subject is one team's view
    of one scene."""
    k, s, n, c = stages.shape
    coords = {
        "channel": list(channels),
        "agent": ("subject", np.repeat(np.arange(s), n)),
        "scene": ("subject", np.tile(np.arange(n), s)),
    }
    return xr.DataArray(stages.reshape(k, s * n, c), dims=("occasion", "subject", "channel"), coords=coords)


def beginners(env: Simulation, config: PPOConfig, keys: Key[Array, " S"]) -> list[Team]:
    """The teams that training with these keys started from, before they had learned anything."""
    ppo = make_update(env, config)
    first = jax.jit(jax.vmap(lambda key: ppo.init(key).team))(keys)
    return [jax.tree.map(lambda x, i=i: x[i], first) for i in range(len(keys))]
