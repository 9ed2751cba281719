"""Values over training time: from innate drives to what each head has come to respond to."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from socialsim.agents.team import Team
from socialsim.agents.training import Trained
from socialsim.analysis.counterfactual import Counterfactual
from socialsim.analysis.edits import Edit, default_edits
from socialsim.core.scene import Scene
from socialsim.core.senses import Observation
from socialsim.core.simulation import Simulation
from socialsim.experiments import measures
from socialsim.experiments.answer import TRACKS
from socialsim.experiments.developing.battery import order, strength, valued


def growth(
    trained: Trained,
    beginners: Sequence[Team],
    env: Simulation,
    observation: Observation,
    scene: Scene,
    source: np.ndarray,
    *,
    seed: int,
) -> dict:
    """One battery of scenes valued at every checkpoint, the first of which is before any learning.

    Per channel: `order`, rank agreement with the final head; `strength`, spread as a share of the final
    head's; `returns`, rank agreement with the returns that followed in held-out episodes of that time's own
    (none for the beginning); `responses`, what scene edits do to the value, averaged over teams, as shares
    of the final value's spread; `age`, agent-steps from which `returns` stays at `TRACKS` to the end, by
    team.
    """
    number, c = len(beginners), len(env.channels)
    history = [list(beginners), *([_of(s, i) for i in range(number)] for s in trained.snapshots)]
    values = np.stack([valued(teams, observation, c) for teams in history])
    same, spread = order(values, values[-1:]), strength(values, values[-1:])
    steps = trained.agent_steps.reshape(len(trained.snapshots), -1)[:, -1]
    health = trained.metrics["health_spearman"][..., :c]  # [S, K, C]
    rows = {}
    for i, channel in enumerate(env.channels):
        rows[channel] = {
            "order": [measures.mean(x, seed=seed) for x in same[..., i]],
            "strength": [measures.mean(x, seed=seed) for x in spread[..., i]],
            "returns": [_mean(x, seed) for x in health[..., i].T],
            "age": [lasting(h, steps) for h in health[..., i]],
        }
    return {
        "agent_steps": [0.0, *map(float, steps)],
        "scenes": int(observation.self.shape[0]),
        "channels": rows,
        "responses": responses(history, env, scene, source, values[-1].std(1).mean(0), seed=seed),
    }


def responses(
    history: Sequence[Sequence[Team]],
    env: Simulation,
    scene: Scene,
    source: np.ndarray,
    scale: Float[np.ndarray, " C"],
    *,
    seed: int,
) -> list[dict]:
    """Every scene edit at every checkpoint: change of each value, mean over teams, in units of `scale`.

    All checkpoints are read in one call, as if they were further channels.
    """
    c = len(env.channels)
    grid = getattr(env.world, "eyes", None) is not None
    edits: tuple[Edit, ...] = default_edits(
        directions=4 if grid else 0, neck=not grid, eyes=getattr(env.world, "eyes", None)
    )
    # The controls of the report (what cannot be perceived) are exactly zero for any head.
    edits = tuple(e for e in edits if e.name not in _UNPERCEIVED)
    stacked = jax.tree.map(lambda *xs: jnp.stack(xs), *[t for teams in history for t in teams])
    names = tuple(f"{k}/{channel}" for k in range(len(history)) for channel in env.channels)

    def values(observation):
        each = jax.vmap(lambda t: t.values(observation))(stacked)[..., :c]  # [K S, B, A, C]
        means = each.reshape(len(history), -1, *each.shape[1:]).mean(1)
        return jnp.moveaxis(means, 0, -2).reshape(*means.shape[1:-1], len(names))

    found = Counterfactual(edits, names, seed=seed, batch=len(source))(
        scene, values, groups=source, senses=env.senses
    )
    rows = []
    for edit in found.edit.values:
        for i, channel in enumerate(env.channels):
            cells = [found.sel(edit=edit, channel=f"{k}/{channel}") for k in range(len(history))]
            rows.append(
                {
                    "edit": str(edit),
                    "summary": str(found.summary.sel(edit=edit).item()),
                    "channel": channel,
                    "change": [
                        {n: float(x[n]) / max(float(scale[i]), 1e-9) for n in ("estimate", "low", "high")}
                        for x in cells
                    ],
                }
            )
    return rows


_UNPERCEIVED = {"look_elsewhere", "unseen_look_at_me", "unseen_remove_object"}


def lasting(health: Float[np.ndarray, " K"], steps: np.ndarray) -> float | None:
    """Agent-steps of the checkpoint from which rank agreement with returns stays at the mark; None where the
    last one is below it. One lucky checkpoint out of several noisy ones does not count."""
    low = np.flatnonzero(~(np.nan_to_num(health, nan=-1.0) >= TRACKS))
    first = int(low[-1]) + 1 if len(low) else 0
    return float(steps[first]) if first < len(health) else None


def _mean(values: np.ndarray, seed: int) -> dict:
    """Mean over the teams whose returns varied."""
    return measures.mean(values[np.isfinite(values)], seed=seed)


def _of(teams: Team, i: int) -> Team:
    return jax.tree.map(lambda x: x[i], teams)
