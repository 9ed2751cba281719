"""The stability dossier: are an agent's values the same when measured again, and along which axes?

ICC(2,1) and Kendall's W for each axis and channel, with their controls beside them and a human figure to hold
them against. The measurements themselves are made by `socialsim.analysis.occasions`.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from socialsim.agents.team import Team
from socialsim.analysis import plots, statistics
from socialsim.analysis.occasions import Occasions, untrained
from socialsim.analysis.stability import IntraclassCorrelation, KendallW, mean_squares
from socialsim.core.errors import OptionError, choose

AXES = ("checkpoint", "seed", "partner", "noise", "retest", "extinction")
STAGES = ("checkpoint", "extinction")
"""Axes whose occasions are the ones asked about; those of the others are a sample."""


@dataclasses.dataclass(frozen=True)
class Anchor:
    """A human figure. status: "verified" (read in its source) or "unverified"."""

    name: str
    statistic: str
    value: float
    n: int
    source: str
    status: str


SVO_RETEST = Anchor(
    name="people: SVO angle, six monthly waves",
    statistic="icc(2,1)",
    value=0.78,
    n=495,
    source="retest study of the SVO slider measure, 2022, from a secondary source",
    status="unverified",
)


@dataclasses.dataclass(frozen=True)
class StabilityDossier:
    """Statistics of tables `[occasion, subject, channel]` with coordinates `agent` and `scene` on subjects.

    Scenes are resampled whole (with all agents that valued them); the shuffled control permutes each
    occasion's values within an agent, so that differences *between* agents are never taken for stability.
    confidence, resamples, shuffles, seed: of both.
    """

    confidence: float = 0.95
    resamples: int = 1000
    shuffles: int = 200
    seed: int = 0

    def __call__(
        self,
        tables: Mapping[str, xr.DataArray],
        controls: Mapping[str, xr.DataArray] | None = None,
        *,
        anchor: Anchor = SVO_RETEST,
    ) -> "Dossier":
        """tables: axis -> table.  controls: the same measurements of untrained value heads, without which
        nothing on an axis is shown to be beyond controls."""
        if not tables:
            raise OptionError(f"no tables; allowed: one or more of {', '.join(AXES)}")
        controls = controls or {}
        for name in (*tables, *controls):
            choose("axis of stability", name, AXES)
        order = [a for a in AXES if a in tables]
        parts = [self.axis(tables[a], controls.get(a), fixed=a in STAGES) for a in order]
        return Dossier(xr.concat(parts, xr.DataArray(order, dims="axis", name="axis")), anchor)

    def axis(
        self, table: xr.DataArray, control: xr.DataArray | None = None, *, fixed: bool = False
    ) -> xr.Dataset:
        """One axis: estimate, low, high, n (scenes), null, null_low, null_high, untrained, untrained_low,
        untrained_high, reason `[statistic, channel]`; msr, msc, mse, subjects, occasions `[channel]`.

        fixed: the occasions are the ones asked about, not a sample.
        """
        found, squares = self._statistics(table, fixed)
        if control is not None and set(control.channel.values) != set(table.channel.values):
            given, allowed = list(control.channel.values), list(table.channel.values)
            raise OptionError(f"control has channels {given}; allowed: {allowed}")
        blank = found[["estimate", "low", "high"]] * np.nan
        plain = blank if control is None else self._statistics(control, fixed)[0]
        names = {"estimate": "untrained", "low": "untrained_low", "high": "untrained_high"}
        return xr.merge([found, plain[list(names)].rename(names), squares])

    def _statistics(self, table: xr.DataArray, fixed: bool) -> tuple[xr.Dataset, xr.Dataset]:
        if table.dims != ("occasion", "subject", "channel") or not {"agent", "scene"} <= set(table.coords):
            raise OptionError(
                f"table {table.dims} with coordinates {list(table.coords)}; allowed: (occasion, subject, "
                "channel) with `agent` and `scene` on subject"
            )
        options: dict[str, Any] = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        options["fixed"] = fixed
        names = [str(c) for c in table.channel.values]
        scene, agent = table["scene"].values, table["agent"].values
        rows: list[xr.Dataset] = []
        for measure in (IntraclassCorrelation(**options), KendallW(**options)):
            estimates = {
                c: measure.estimate(table.sel(channel=c).values.T, scene, within=agent) for c in names
            }
            rows.append(statistics.combine(estimates, "channel"))
        labels = [IntraclassCorrelation.name, KendallW.name]
        found = xr.concat(rows, xr.DataArray(labels, dims="statistic", name="statistic"))
        k, n = table.shape[:2]
        each = table.transpose("channel", "subject", "occasion").values.astype(float)
        squares = mean_squares(each) if min(k, n) > 1 else (np.nan,) * 3
        facts = dict(zip(("msr", "msc", "mse"), squares, strict=True)) | {"subjects": n, "occasions": k}
        data = {name: ("channel", np.broadcast_to(v, len(names)).copy()) for name, v in facts.items()}
        return found, xr.Dataset(data, coords={"channel": names})

    def measure(
        self,
        occasions: Occasions,
        teams: Sequence[Team],
        *,
        checkpoints: Sequence[Sequence[Team]] = (),
        extinction: Sequence[Sequence[Team]] = (),
        axes: Sequence[str] = AXES,
    ) -> "Dossier":
        """Measure and judge in one go.

        teams: seeds of one kind, two or more for `seed` and `partner`.  checkpoints: `[checkpoint][seed]`, of
        their training.  extinction: `[stage][seed]`, before and after training on in `extinguished` worlds.
        axes: those wanted; one for which nothing is given is left out.
        """
        fresh = untrained(teams[0], occasions.key(7), max(len(teams), 2), occasions.env.num_agents)
        battery = occasions.battery(teams[0])
        make = {
            "checkpoint": (len(checkpoints) > 1, lambda t, s: occasions.stages(s, battery), checkpoints),
            "seed": (len(teams) > 1, lambda t, s: occasions.seeds(t, battery), ()),
            "partner": (len(teams) > 1, lambda t, s: occasions.partners(t, t), ()),
            "noise": (True, lambda t, s: occasions.noises(t, battery), ()),
            "retest": (True, lambda t, s: occasions.retests(t), ()),
            "extinction": (len(extinction) > 1, lambda t, s: occasions.stages(s, battery), extinction),
        }
        tables, controls = {}, {}
        for name in axes:
            possible, run, stages = make[choose("axis of stability", name, AXES)]
            if not possible:
                continue
            tables[name] = run(list(teams), stages)
            # Untrained heads have no history: on every occasion of a training another fresh one stands in.
            count = len(stages) * len(stages[0]) if stages else 0
            heads = untrained(teams[0], occasions.key(8), count, occasions.env.num_agents) if count else []
            size = len(stages[0]) if stages else 1
            controls[name] = run(fresh, [heads[i : i + size] for i in range(0, count, size)])
        return self(tables, controls)


@dataclasses.dataclass(frozen=True, eq=False)
class Dossier:
    """table: Dataset `[axis, statistic, channel]`, see `StabilityDossier.axis`.  anchor: the human figure."""

    table: xr.Dataset
    anchor: Anchor

    @property
    def beyond_controls(self) -> xr.DataArray:
        """Where the whole interval is shown to lie above both the shuffled and the untrained control.

        False where a control is missing or undefined, too (untrained heads that do not vary): then nothing
        is shown. `untrained_high` is NaN there.
        """
        t = self.table
        return (t.low > t.null_high) & (t.low > t.untrained_high)

    def to_dataframe(self) -> pd.DataFrame:
        """One row for each axis, channel and statistic; the anchor in its own row, as channel "people"."""
        keys = ["axis", "channel", "statistic"]
        frame = self.table.assign(beyond_controls=self.beyond_controls).to_dataframe(dim_order=keys)
        a = self.anchor
        people = {"estimate": a.value, "n": a.n, "reason": f"{a.name} ({a.status})"}
        index = pd.MultiIndex.from_tuples([("retest", "people", a.statistic)], names=keys)
        return pd.concat([frame.astype(object), pd.DataFrame([people], index=index).astype(object)])

    def to_dataset(self) -> xr.Dataset:
        """For netCDF and JSON: the table, and the anchor as attributes."""
        return self.table.assign_attrs({f"anchor_{k}": v for k, v in dataclasses.asdict(self.anchor).items()})

    def _repr_html_(self) -> str:
        return self.to_dataframe().to_html(float_format="{:.3f}".format, na_rep="")

    def plot(self) -> Figure:
        """Both statistics and MSR for each axis and channel, with the controls and the human figure."""
        a = self.anchor
        return plots.dossier(self.table, a.value, f"people {a.value:g} (N = {a.n})")
