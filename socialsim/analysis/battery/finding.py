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


@dataclasses.dataclass(frozen=True, eq=False)
class Finding:
    """One assay in one form.

    form: "behaviour", or "value of CHANNEL" for a readout.  figure: of the agents, with interval; its null is
    what chance or human sampling noise gives (see the assay).  human: the figure to hold it against, NaN
    where there is none.  verdict: one of `VERDICTS`.  reason: why, in words.  source, status: of the human
    figure.  detail: more numbers by name.  table: what the verdict was made from.
    """

    assay: str
    form: str
    unit: str
    figure: Estimate
    verdict: str
    reason: str
    human: float = float("nan")
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
        plain = {
            k: getattr(self, k) for k in ("assay", "form", "unit", "verdict", "reason", "source", "status")
        }
        numbers = dataclasses.asdict(self.figure) | {"human": self.human} | dict(self.detail)
        known = {k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in numbers.items()}
        return {**known, **plain, "sentence": str(self)}

    def to_dataset(self) -> xr.Dataset:
        """Scalars: estimate, low, high, n, null, null_low, null_high, human, verdict, reason and others."""
        rows = dataclasses.asdict(self.figure) | {
            "human": self.human,
            "verdict": self.verdict,
            "reason": self.reason,
            "unit": self.unit,
            "source": self.source,
            "status": self.status,
        }
        data = xr.Dataset({k: ((), v) for k, v in rows.items()})
        return data.assign_coords(assay=self.assay, form=self.form)

    def plot(self) -> Picture:
        """The distribution beside the human one where there is one, else the figure with its interval."""
        from socialsim.analysis.battery import pictures

        return pictures.finding(self)


def none(assay: str, form: str, verdict: str, reason: str, *, n: int = 0, unit: str = "") -> Finding:
    """A verdict without a number."""
    return Finding(assay, form, unit, undefined(n, reason), verdict, reason)
