"""What one assay found: a figure beside the human one, and a verdict in words."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure as Picture

from socialsim.analysis.statistics import Estimate, undefined

HUMAN = "human-like"
NEARER = "nearer to people than chance, not human-like"
UNLIKE = "unlike people"
CONSTANT = "constant chooser"
RANDOM = "random chooser"
UNINTERPRETABLE = "uninterpretable"
UNDECIDED = "undecided"
NOT_APPLICABLE = "not applicable"
VERDICTS = (HUMAN, NEARER, UNLIKE, CONSTANT, RANDOM, UNINTERPRETABLE, UNDECIDED, NOT_APPLICABLE)
DEGENERATE = (CONSTANT, RANDOM, UNINTERPRETABLE)
FLOOR, PUBLISHED = "95 % noise floor", "published 95 % interval"
HELD_AGAINST = ("human", "human_low", "human_high", "chance")
"""What the figure stands beside, numbers of a Finding."""
TEXTS = ("unit", "verdict", "reason", "human_range", "source", "status")


@dataclasses.dataclass(frozen=True, eq=False)
class Finding:
    """One assay in one form.

    form: "behaviour", or "value of CHANNEL" for a readout.  figure: of the agents, with interval; its null is
    what chance or human sampling noise gives (see the assay).  human: the figure to hold it against, NaN
    where there is none.  human_low, human_high: where that of as many people lies by chance (the noise
    floor) or, as `human_range` says, its published interval; NaN where neither is known.  chance: the figure
    of a random chooser.  verdict: one of `VERDICTS`.  reason: why, in words.  source, status: of the human
    figure.  detail: more numbers by name.  table: what the verdict was made from.
    """

    assay: str
    form: str
    unit: str
    figure: Estimate
    verdict: str
    reason: str
    human: float = float("nan")
    human_low: float = float("nan")
    human_high: float = float("nan")
    human_range: str = ""
    chance: float = float("nan")
    source: str = ""
    status: str = ""
    detail: Mapping[str, float] = dataclasses.field(default_factory=dict)
    table: xr.Dataset | None = None

    @property
    def mark(self) -> str:
        return " (unverified)" if self.status == "unverified" else ""

    def __str__(self) -> str:
        f = self.figure
        title = f"{self.assay.replace('_', ' ')}, {self.form}"
        if not np.isfinite(f.estimate):
            return f"{title}: {self.verdict} ({self.reason})."
        interval = f" [{f.low:.3g}, {f.high:.3g}]" if np.isfinite(f.low) else ""
        people = f"; people {self.human:.3g}{self.mark}" if np.isfinite(self.human) else ""
        found = f"{self.unit} {f.estimate:.3g}{interval}, n = {f.n}{people}"
        return f"{title}: {self.verdict} ({self.reason}). {found}."

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and words, for JSON; None where there is no number."""
        plain = {k: getattr(self, k) for k in ("assay", "form", *TEXTS)}
        numbers = dataclasses.asdict(self.figure) | {k: getattr(self, k) for k in HELD_AGAINST}
        known = {k: _plain(v) for k, v in (numbers | dict(self.detail)).items()}
        if self.table is not None and "people" in self.table:
            names = {"option": "options", "share": "shares", "people": "people"}
            known |= {new: self.table[old].values.tolist() for old, new in names.items()}
        return {**known, **plain, "sentence": str(self)}

    def to_dataset(self) -> xr.Dataset:
        """Scalars: estimate, low, high, n, null, null_low, null_high; `HELD_AGAINST`; `TEXTS`."""
        rows = dataclasses.asdict(self.figure) | {k: getattr(self, k) for k in (*HELD_AGAINST, *TEXTS)}
        data = xr.Dataset({k: ((), v) for k, v in rows.items()})
        return data.assign_coords(assay=self.assay, form=self.form)

    def plot(self) -> Picture:
        """The distribution beside the human one where there is one, else the figure with its interval."""
        from socialsim.analysis.battery import pictures

        return pictures.finding(self)


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value


def none(assay: str, form: str, verdict: str, reason: str, *, n: int = 0, unit: str = "") -> Finding:
    """A verdict without a number."""
    return Finding(assay, form, unit, undefined(n, reason), verdict, reason)
