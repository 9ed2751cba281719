"""Reading value heads on a laboratory's scenes, in compiled chunks, and what comes of it."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float
from matplotlib.figure import Figure
from numpy.typing import NDArray

from socialsim.agents.team import Team
from socialsim.analysis import plots, statistics
from socialsim.analysis.laboratory.stage import Floor, Rows, Stage, chunks, derive
from socialsim.core.errors import OptionError, choose, integer
from socialsim.core.senses import Senses
from socialsim.core.sight import Eyes


@dataclasses.dataclass(frozen=True, eq=False)
class Readout:
    """values: DataArray `[*sweep axes, agent, channel, seed]` in signal units; NaN for agents not there."""

    values: xr.DataArray

    def sel(self, **labels) -> "Readout":
        """The values at the nearest coordinates of numeric sweep axes, at the named ones of others."""
        out = self.values
        for name, label in labels.items():
            choose("axis", name, map(str, out.dims))
            near = out[name].dtype.kind == "f" and np.ndim(label) == 0
            out = out.sel({name: label}, method="nearest" if near else None)
        return Readout(out)

    def centred(self) -> "Readout":
        """Less each seed's own mean over the sweep: what changes along it, whatever level a head is at."""
        sweeps = [d for d in self.values.dims if d not in ("agent", "channel", "seed")]
        return Readout(self.values - self.values.mean(sweeps))

    def over_seeds(self, *, confidence: float = 0.95, resamples: int = 1000, seed: int = 0) -> xr.Dataset:
        """Mean over seeds: estimate, low, high (pointwise bootstrap; NaN for one seed) and n."""
        statistics.check_confidence(confidence)
        statistics.check_resamples(resamples)
        x = self.values.transpose("seed", ...)
        flat = x.values.reshape(len(x), -1).astype(float)
        low, high = flat.mean(0) * np.nan, flat.mean(0) * np.nan
        if len(flat) > 1:
            rng = np.random.default_rng(seed)
            counts = statistics.cluster_counts(len(flat), resamples, rng) / len(flat)
            step = max(1, 8_000_000 // resamples)
            for at in range(0, flat.shape[1], step):
                draws = counts @ flat[:, at : at + step]
                known = ~np.isnan(draws).any(0)
                low[at : at + step][known], high[at : at + step][known] = statistics.percentiles(
                    draws[:, known], confidence, size=len(flat)
                )
        like = x.isel(seed=0, drop=True)
        named = {"estimate": flat.mean(0), "low": low, "high": high}
        found = {k: like.copy(data=v.reshape(like.shape)) for k, v in named.items()}
        return xr.Dataset(found).assign(n=((), len(flat)))

    def plot(
        self,
        x: str | None = None,
        *,
        hue: str | None = None,
        agent: int | None = None,
        control: "Readout | None" = None,
    ) -> Figure:
        """Values along sweep axis `x`, one panel per channel and one line per value of `hue`.

        Axes that are neither are averaged over. agent: whose values, by default the first read.  control:
        another Readout of the same sweep, of untrained heads say, drawn in grey.
        """
        sweeps = [str(d) for d in self.values.dims if d not in ("agent", "channel", "seed")]
        if not sweeps:
            raise OptionError(
                "these values have no sweep axis; allowed: those of a lab with one (`Lab.sweep`)"
            )
        x = sweeps[0] if x is None else choose("axis", x, sweeps)
        rest = [d for d in sweeps if d != x]
        hue = choose("axis", hue, rest) if hue is not None else rest[0] if len(rest) == 1 else None
        tables = [_table(r.values, x, hue, agent) for r in (self, control) if r is not None]
        return plots.sweep(tables[0], x, hue=hue, control=tables[1] if control is not None else None)


def _table(values: xr.DataArray, x: str, hue: str | None, agent: int | None) -> xr.DataArray:
    if "agent" in values.dims:
        values = values.isel(agent=0) if agent is None else values.sel(agent=agent)
    kept = [d for d in (hue, "channel", "seed", x) if d is not None]
    return values.mean([d for d in values.dims if d not in kept]).transpose(*kept)


def stacked(teams: Team | Sequence[Team]) -> Team:
    """Teams with a leading axis over them. Raises OptionError where they are not of one kind."""
    many = [teams] if isinstance(teams, Team) else list(teams)
    kinds = {(t.channels, t.config, t.features) for t in many}
    if len(kinds) != 1:
        raise OptionError(
            f"{len(many)} teams of {len(kinds)} kinds (channels, networks); allowed: one or more of one kind"
        )
    return jax.tree.map(lambda *xs: jnp.stack(xs), *(t.check_features() for t in many))


@functools.partial(jax.jit, static_argnames=("eyes", "grid", "senses", "agents"))
def _read(
    teams: Team,
    found: Rows,
    walls: Array,
    low: Array,
    high: Array,
    *,
    eyes: Eyes,
    grid: bool,
    senses: Senses,
    agents: tuple[int, ...] | None,
) -> Float[Array, "S N A C"]:
    observed = found.map(lambda s: senses(derive(s, walls, low, high, eyes=eyes, grid=grid)))
    if agents is not None:
        observed = jax.tree.map(lambda x: x[:, jnp.array(agents)], observed)
    return jax.lax.map(lambda team: team.values(observed), teams)


def read(
    stage: Stage,
    floor: Floor,
    axes: Mapping[str, NDArray],
    teams: Team | Sequence[Team],
    *,
    agents: tuple[int, ...],
    senses: Senses,
    batch: int,
) -> Readout:
    """Values of every scene, `batch` at a time: placed by NumPy, then seen, sensed and valued in one call.

    Memory goes with `batch` and with the values themselves, not with the number of scenes. A team with a
    memory (GRU) is read as if each scene were the first of an episode.
    """
    batch = integer("batch", batch, low=1)
    many = stacked(teams)
    number = stage.scene.num_agents
    own, size = many.config.per_agent, jax.tree.leaves(many.params)[0].shape
    if own and size[1] != number:
        raise OptionError(f"{number} agents; allowed: {size[1]}, for each has parameters of its own")
    # Parameters of each agent's own go with its place, so then all are read first and chosen after.
    early = None if own or agents == tuple(range(number)) else agents
    shape = tuple(len(c) for c in axes.values())
    total = int(np.prod(shape))
    seeds, channels = size[0], many.channels
    out = np.empty((total, seeds, len(agents), len(channels)), np.float32)
    for start, kept, found in chunks(stage, shape, batch):
        value = _read(
            many, found, *floor.arrays, eyes=floor.eyes, grid=floor.grid, senses=senses, agents=early
        )
        value = np.moveaxis(np.asarray(value)[:, :kept], 0, 1)
        out[start : start + kept] = value if early is not None else value[:, :, list(agents)]
    values = xr.DataArray(
        np.moveaxis(out, 1, -1).reshape(*shape, len(agents), len(channels), seeds),
        dims=(*axes, "agent", "channel", "seed"),
        coords={**axes, "agent": list(agents), "channel": list(channels), "seed": np.arange(seeds)},
        name="value",
        attrs={"kind": "value", "units": "signal"},
    )
    there = stage.there[..., list(agents)]
    there = xr.DataArray(np.broadcast_to(there, (*shape, len(agents))), dims=(*axes, "agent"))
    return Readout(values if there.values.all() else values.where(there))
