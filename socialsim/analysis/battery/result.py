"""What a battery found, and what has to be known with all of it."""

import dataclasses
from collections import Counter
from collections.abc import Iterator

import xarray as xr
from matplotlib.figure import Figure

from socialsim.analysis.battery import finding as words
from socialsim.analysis.battery import pictures
from socialsim.analysis.battery.finding import Finding
from socialsim.core.errors import choose

DISCLOSED = (
    "Agents have no money: they divide a neutral resource token. Nothing says that they want it.",
    "People's choices were moved to the nearest number of tokens before distances were taken.",
    "The choices of one team are draws from one policy, not those of as many persons.",
    "Figures marked (unverified) are from memory or secondary sources.",
)


@dataclasses.dataclass(frozen=True, eq=False)
class BatteryResult:
    """What a battery found, assay by assay."""

    items: tuple[Finding, ...]

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def plus(self, *more: Finding) -> "BatteryResult":
        return BatteryResult((*self.items, *more))

    def sel(self, **wanted: str) -> "BatteryResult":
        """Those of the given assay, form or verdict."""
        for name in wanted:
            choose("field", name, ("assay", "form", "verdict"))
        return BatteryResult(tuple(f for f in self if all(getattr(f, k) == v for k, v in wanted.items())))

    def counts(self) -> dict[str, int]:
        """How many of each verdict."""
        found = Counter(f.verdict for f in self)
        return {v: found.get(v, 0) for v in words.VERDICTS}

    def sentences(self) -> list[str]:
        """One sentence or two for each assay, and what has to be known with all of them."""
        human = self.counts()[words.HUMAN]
        first = f"Human-like in {human} of {len(self)} assays."
        return [first, *map(str, self), *DISCLOSED]

    def to_dataset(self) -> xr.Dataset:
        """Dataset `[row]` with coordinates assay and form."""
        return xr.concat([f.to_dataset() for f in self], "row")

    def plot(self) -> Figure:
        return pictures.battery(self.items)
