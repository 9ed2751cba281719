"""Scene counterfactuals: change one thing in the Scene, sense again, read the change of value. Exact.

An edit is made from one agent's point of view ("a partner looks at *me*"); all agents take their turn. Since
senses are pure, what the edit changes in that agent's observation is exactly what it says. Two limits remain:
the Scene holds no walls, so an edit that moves something keeps to lines of sight that are known to be free,
and what *other* agents would see afterwards is kept consistent only where the agent itself could perceive it.
"""

import dataclasses
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Bool, Int
from numpy.typing import ArrayLike

from socialsim.analysis import statistics
from socialsim.analysis.edits import Edit
from socialsim.core.errors import OptionError
from socialsim.core.scene import Scene
from socialsim.core.senses import Observation, Senses

Values = Callable[[Observation], Array]
"""Observation with a leading batch axis `[B, A, ...]` -> values `[B, A, C]`."""


@dataclasses.dataclass(frozen=True)
class Counterfactual:
    """Effect of scene edits on values, per channel, with cluster bootstrap intervals.

    edits: see `socialsim.analysis.edits`.  channels: names of the last axis of the values.  batch: scenes
    per call.  confidence, resamples, seed: of the bootstrap over clusters (worlds).
    """

    edits: Sequence[Edit]
    channels: tuple[str, ...]
    batch: int = 1024
    confidence: float = 0.95
    resamples: int = 1000
    seed: int = 0

    def __post_init__(self):
        names = [e.name for e in self.edits]
        if not names or len(set(names)) < len(names):
            raise OptionError(f"edits={names}; allowed: one or more, each name once")
        statistics.check_confidence(self.confidence)
        statistics.check_resamples(self.resamples)

    def __call__(self, scenes: Scene, values: Values, *, groups: ArrayLike, senses: Senses | None = None):
        """dV = V(senses(edited)) - V(senses(scene)), averaged over the pairs to which an edit applies.

        Parameters
        ----------
        scenes : Scene with leading axis `[B]`.
        values : `Observation [B, A, ...] -> [B, A, C]`, pure; it is compiled once.
        groups : `[B]`, the world (or episode) each scene is from: resampled whole.

        Returns
        -------
        Dataset `[edit, channel]`: estimate, low, high (mean dV); n, worlds (pairs and clusters it applies
        to); largest (the largest |dV|, exactly 0 for an edit that cannot be perceived); standardised
        (estimate / std of the unedited values); reason.
        """
        groups = np.asarray(groups)
        size = scenes.position.shape[0]
        if scenes.position.ndim != 3 or groups.shape != (size,):
            shape = tuple(scenes.position.shape)
            raise OptionError(f"scenes {shape}, groups {groups.shape}; allowed: [B, A, 2] and [B]")
        effects = self._compile(values, senses or Senses())
        parts = []
        for start in range(0, size, self.batch):
            # The last batch is filled up by repetition: one shape, one compilation, the same arithmetic.
            rows = np.minimum(np.arange(start, start + min(self.batch, size)), size - 1)
            keep = min(self.batch, size - start)
            found = effects(jax.tree.map(lambda x, rows=rows: x[rows], scenes))
            parts.append(jax.tree.map(lambda x, keep=keep: np.asarray(x)[:keep], found))
        base = np.concatenate([p[0] for p in parts])
        if base.shape[-1] != len(self.channels):
            raise OptionError(f"values have {base.shape[-1]} channels; allowed: {self.channels}")
        rows = []
        for i in range(len(self.edits)):
            change = np.concatenate([p[1][i] for p in parts]).astype(float)
            applies = np.concatenate([p[2][i] for p in parts])
            rows.append(self._summary(change, applies, groups, base.reshape(-1, base.shape[-1]).std(0)))
        names = xr.DataArray([e.name for e in self.edits], dims="edit", name="edit")
        summaries = ("edit", [e.summary for e in self.edits])
        return xr.concat(rows, names).assign_coords(summary=summaries)

    def _compile(self, values: Values, senses: Senses):
        # One executable reads every scene, edited or not: equal scenes give equal values to the last bit,
        # which is what makes the change by an imperceptible edit exactly zero.
        read = jax.jit(lambda scenes: values(jax.vmap(lambda views: perceived(views, senses))(scenes)))
        edits = (_unchanged, *self.edits)
        change = jax.jit(jax.vmap(lambda s: [edit_for_each(s, e) for e in edits]))

        def effects(scenes: Scene):
            (same, _), *others = change(scenes)
            before = read(same)
            return before, [read(s) - before for s, _ in others], [applies for _, applies in others]

        return effects

    def _summary(self, change, applies, groups, scale) -> xr.Dataset:
        _, cluster = np.unique(groups, return_inverse=True)
        pairs = np.bincount(cluster, applies.sum(-1))
        kept = pairs > 0
        rng = np.random.default_rng(self.seed)
        draws = statistics.cluster_counts(max(int(kept.sum()), 1), self.resamples, rng)
        out: dict[str, xr.Dataset] = {}
        for c, name in enumerate(self.channels):
            moved = np.where(applies, change[..., c], 0.0)
            sums = np.bincount(cluster, moved.sum(-1))[kept]
            n, worlds = int(pairs.sum()), int(kept.sum())
            if worlds < 2:
                e = statistics.undefined(worlds, f"applies in {worlds} worlds, 2 are needed")
            else:
                drawn = (draws @ sums) / (draws @ pairs[kept])
                low, high = statistics.percentiles(drawn, self.confidence, size=worlds)
                e = statistics.Estimate(float(sums.sum() / n), float(low), float(high), worlds)
            row = e.to_dataset()[["estimate", "low", "high", "reason"]]
            standard = e.estimate / scale[c] if scale[c] > 1e-12 else np.nan
            facts = {
                "n": n,
                "worlds": worlds,
                "largest": float(np.abs(moved).max()),
                "standardised": standard,
            }
            out[name] = row.assign({k: ((), v) for k, v in facts.items()})
        return xr.concat(list(out.values()), xr.DataArray(list(out), dims="channel", name="channel"))


def _unchanged(scene: Scene, me: Int[Array, ""]) -> tuple[Scene, Bool[Array, ""]]:
    return scene, jnp.ones((), bool)


def edit_for_each(scene: Scene, edit: Callable) -> tuple[Scene, Bool[Array, " A"]]:
    """The scene edited from each agent's point of view (leading axis A), and where the edit applies."""
    return jax.vmap(lambda me: edit(scene, me))(jnp.arange(scene.num_agents))


def perceived(views: Scene, senses: Senses) -> Observation:
    """What agent i senses in `views[i]`, for all A agents: an Observation of one team."""
    number = views.position.shape[0]
    return jax.vmap(lambda s, me: jax.tree.map(lambda x: x[me], senses(s)))(views, jnp.arange(number))
