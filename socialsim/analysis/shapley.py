"""Exact Shapley values: how much does each group of senses contribute to a value?

All 2^M coalitions of at most ten feature groups are read; nothing is sampled. Shapley 1953; as attribution of
a model's output after Lundberg & Lee 2017 [M]. phi sums to V(x) - V(x0) in each row.
"""

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from socialsim.analysis import statistics
from socialsim.analysis.clusters import cluster_bootstrap
from socialsim.core.errors import OptionError, choose, integer
from socialsim.core.senses import Observation, feature_names

MOST = 10
MASKS = {"others": "others_mask", "objects": "objects_mask"}


def shapley_values(game: ArrayLike) -> NDArray:
    """phi `[M, ...]` of a game `[2^M, ...]`; bit i of the first index says whether player i takes part.

    phi_i = sum over S without i of |S|! (M - |S| - 1)! / M! (v(S + i) - v(S)).
    """
    game = np.asarray(game, float)
    players = int(math.log2(len(game)))
    if 2**players != len(game):
        raise OptionError(f"game {game.shape}; allowed: [2^M, ...]")
    index = np.arange(len(game))
    size = np.bitwise_count(index)
    weights = np.array(
        [
            math.factorial(s) * math.factorial(players - s - 1) / math.factorial(players)
            for s in range(players)
        ]
    )
    out = []
    for i in range(players):
        without = index[(index >> i) & 1 == 0]
        out.append(np.tensordot(weights[size[without]], game[without | (1 << i)] - game[without], axes=1))
    return np.stack(out)


Groups = Mapping[str, Mapping[str, tuple[str, ...]]]
"""Group -> part of the Observation ("self", "others", "objects") -> its columns by name; the name "mask" is
which slots are in sight."""


def default_groups() -> dict[str, dict[str, tuple[str, ...]]]:
    """Ten groups that hold every column once: what I do, what surrounds me, who and what is there and where,
    how it moves and looks, what it does or affords."""
    names = feature_names()

    def some(part: str, *words: str, no: tuple[str, ...] = ()) -> tuple[str, ...]:
        return tuple(
            n for n in names[part] if n.startswith(words) and not (no and n.startswith(no))
        )  # by prefix: a column added to a family joins its group

    groups = {
        "own motion and gaze": {"self": some("self", "speed_", "gaze_")},
        "own load and strength": {"self": ("load", "strength")},
        "free space": {"self": some("self", "clear_")},
        "own act": {"self": some("self", "act_")},
        "partners: who and where": {"others": ("mask", *some("others", "ahead", "left", "near_"))},
        "partners: gaze": {"others": some("others", "heading_", "gaze_", "looks_at_me")},
        "partners: motion and act": {"others": some("others", "speed_", "act_", "load", "strength")},
        "objects: which and where": {"objects": ("mask", *some("objects", "ahead", "left", "near_"))},
        "objects: participants": {"objects": some("objects", "takes_part", "needed", "present")},
    }
    taken = {n for parts in groups.values() for n in parts.get("objects", ())}
    groups["objects: state"] = {"objects": tuple(n for n in names["objects"] if n not in taken)}
    return groups


@dataclasses.dataclass(frozen=True)
class Shapley:
    """Exact Shapley values of groups of senses for every value head.

    groups: at most ten; together they must hold every column of the observation exactly once.
    channels: names of the last axis of the values.  batch: coalitions read per call.  rows: teams read at
    once, which bounds memory to 2^M x rows values: it must not matter to a value what others are read with.

    x0, where a group that takes no part comes from: by default the mean of one's own columns and nobody and
    nothing in sight. Entities keep their slots, so a group of an entity's columns without "who and where"
    reaches the network as an empty slot: part of what it adds is credited to the group that says it is there.
    """

    channels: tuple[str, ...]
    groups: Groups = dataclasses.field(default_factory=default_groups)
    batch: int = 32
    rows: int = 2048
    confidence: float = 0.95
    resamples: int = 1000
    seed: int = 0

    def __post_init__(self):
        if not 1 <= len(self.groups) <= MOST:
            raise OptionError(f"{len(self.groups)} feature groups; allowed: 1 to {MOST} (2^M coalitions)")
        integer("rows", self.rows, low=1)
        names = feature_names()
        held = [(p, c) for parts in self.groups.values() for p, columns in parts.items() for c in columns]
        for part, column in held:
            choose("part of an observation", part, names)
            choose(f"column of {part}", column, (*names[part], *(("mask",) if part in MASKS else ())))
        every = {(p, c) for p, columns in names.items() for c in columns} | {(p, "mask") for p in MASKS}
        if len(held) != len(set(held)) or set(held) != every:
            odd = sorted({h for h in held if held.count(h) > 1} | (every - set(held)))
            raise OptionError(f"columns held twice or by no group: {odd[:5]}; allowed: each exactly once")

    def reference(self, observation: Observation) -> Observation:
        """The default x0: mean of the self columns, nothing in sight."""
        lead = tuple(range(observation.self.ndim - 1))
        mine = jnp.broadcast_to(observation.self.mean(lead), observation.self.shape)
        nothing = {f: jnp.zeros_like(v) for f, v in vars(observation).items()}
        return Observation(**{**nothing, "self": mine.astype(observation.self.dtype)})

    def explain(
        self,
        values: Callable[[Observation], Array],
        observation: Observation,
        reference: Observation | None = None,
    ) -> xr.DataArray:
        """phi `[group, ..., channel]` of observations with any leading axes; sums over groups to
        V(x) - V(x0). values: `Observation [..., A, ...] -> [..., A, C]`, pure."""
        reference = self.reference(observation) if reference is None else reference
        count = len(self.groups)
        table = (np.arange(2**count)[:, None] >> np.arange(count)) & 1  # [2^M, M]
        coalitions = jnp.asarray(table, jnp.float32)
        selectors = {k: jnp.asarray(v) for k, v in self._selectors().items()}

        @jax.jit
        def game(x, x0):
            def one(coalition):
                taken = {k: (coalition @ v) > 0.5 for k, v in selectors.items()}
                return values(_mixed(taken, x, x0))

            return jax.lax.map(one, coalitions, batch_size=self.batch)

        parts = [shapley_values(np.asarray(game(*pair))) for pair in self._parts(observation, reference)]
        found = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)  # behind the groups
        if found.shape[-1] != len(self.channels):
            raise OptionError(f"values have {found.shape[-1]} channels; allowed: {self.channels}")
        lead = [f"axis_{i}" for i in range(found.ndim - 2)]
        return xr.DataArray(
            found,
            dims=("group", *lead, "channel"),
            coords={"group": list(self.groups), "channel": list(self.channels)},
        )

    def __call__(
        self,
        values: Callable[[Observation], Array],
        observation: Observation,
        *,
        groups: ArrayLike,
        reference: Observation | None = None,
    ) -> xr.Dataset:
        """Mean |phi| over rows: estimate, low, high, n; share, its part of the sum over groups with its
        interval `[group, channel]`. groups: what rows belong to (world), with the observation's leading axes
        or those before the agents, resampled whole. null: of share, 1 / M, all groups alike."""
        phi = self.explain(values, observation, reference)
        lead = phi.shape[1:-1]
        labels = np.asarray(groups)
        labels = np.broadcast_to(labels[..., None] if labels.ndim < len(lead) else labels, lead).ravel()
        sizes = np.abs(phi.values).reshape(len(self.groups), len(labels), -1)
        options = {
            "groups": labels,
            "seed": self.seed,
            "confidence": self.confidence,
            "resamples": self.resamples,
        }
        ones = np.ones(len(labels))
        cells: list[xr.Dataset] = []
        for c in range(len(self.channels)):
            total = sizes[..., c].sum(0)
            mean, share = {}, {}
            for i, name in enumerate(self.groups):
                mine = sizes[i, :, c]
                mean[name] = cluster_bootstrap(np.column_stack([mine, ones]), _ratio, **options)
                share[name] = cluster_bootstrap(np.column_stack([mine, total]), _ratio, **options)
            parts = statistics.combine(share, "group")[["estimate", "low", "high"]]
            renamed = parts.rename({"estimate": "share", "low": "share_low", "high": "share_high"})
            cells.append(xr.merge([statistics.combine(mean, "group"), renamed]))
        found = xr.concat(cells, xr.DataArray(list(self.channels), dims="channel", name="channel"))
        return found.assign(null=xr.full_like(found.null, 1 / len(self.groups)))

    def plot(self, found: xr.Dataset) -> Figure:
        """Shares with intervals, one panel per channel, against all groups alike."""
        from socialsim.analysis.plots import forest

        rows = [
            {"label": g, "channel": c}
            | {
                k: float(found[v].sel(group=g, channel=c))
                for k, v in (("estimate", "share"), ("low", "share_low"), ("high", "share_high"))
            }
            for c in self.channels
            for g in self.groups
        ]
        return forest(
            rows,
            panel="channel",
            panels=self.channels,
            xlabel="share of the mean |Shapley value|",
            reference=1 / len(self.groups),
        )

    def _parts(self, x: Observation, x0: Observation) -> Iterator[tuple[Observation, Observation]]:
        """Both in pieces of the first axis with at most `rows` teams, or as they are where they fit."""
        lead = x.self.shape[:-2]
        step = max(1, self.rows // max(math.prod(lead[1:]), 1))
        if not lead or lead[0] <= step:
            yield x, x0
            return
        x0 = jax.tree.map(lambda then, now: jnp.broadcast_to(then, now.shape), x0, x)
        for start in range(0, lead[0], step):
            yield jax.tree.map(lambda v, start=start: v[start : start + step], (x, x0))

    def _selectors(self) -> dict[str, NDArray]:
        """Part -> `[M, columns]` 0/1: which group holds each column; masks as one column."""
        names = feature_names()
        out = {}
        for part, columns in names.items():
            for key, listed in ((part, columns), (MASKS.get(part, ""), ("mask",))):
                if key:
                    out[key] = np.array(
                        [[float(c in g.get(part, ())) for c in listed] for g in self.groups.values()],
                        np.float32,
                    )
        return out


def _mixed(taken: dict[str, Array], x: Observation, x0: Observation) -> Observation:
    fields = {}
    for field in dataclasses.fields(Observation):
        now, then = getattr(x, field.name), getattr(x0, field.name)
        fields[field.name] = jnp.where(taken[field.name], now, then)
    return Observation(**fields)


def _ratio(sums: NDArray) -> statistics.Numbers:
    with np.errstate(invalid="ignore", divide="ignore"):
        return sums[..., 0] / sums[..., 1]
