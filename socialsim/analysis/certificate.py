"""A probe certificate: all the evidence for one claim in one object, and what it amounts to."""

import dataclasses
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import xarray as xr
from matplotlib.figure import Figure

from socialsim.analysis.statistics import Estimate
from socialsim.core.errors import OptionError

USED = "represented and used"
UNUSED = "represented, not used"
ABSENT = "not represented"
UNDECIDED = "undecided"
VERDICTS = (USED, UNUSED, ABSENT, UNDECIDED)

PROBE_CHANCE = {"binary": 0.5, "regression": 0.0}


@dataclasses.dataclass(frozen=True)
class Certificate:
    """The claim "this layer represents this concept, and this value head uses it", with its evidence.

    score: held-out R^2 or balanced accuracy.  selectivity: score over that of a random labelling of scene
    types.  compression: by online MDL, its null that of label frequencies alone; gain: bits per label saved.
    advantage: score over the best of `baselines` (untrained twin, raw observation, random projection).
    edit, erasure: how far the intervention moves the value, as a multiple of random changes of like rank and
    norm; their null_low and null_high are the scatter of those.  completeness: of the edit.  shift,
    shift_completeness: the same of the edit along the concept's pattern.  rise: change of
    the value as the edit raises the concept, over the spread of the value.  scene: change of the value in
    spreads when the concept is changed in the Scene itself, None where no such edit was made.
    """

    concept: str
    channel: str
    layer: str
    kind: str
    score: Estimate
    selectivity: Estimate
    compression: Estimate
    gain: Estimate
    advantage: Estimate
    baselines: Mapping[str, float]
    edit: Estimate
    erasure: Estimate
    completeness: Estimate
    shift: Estimate
    shift_completeness: Estimate
    specificity: Estimate  # Canby et al.'s selectivity of the edit: other concepts unchanged
    rise: Estimate
    scene: Estimate | None
    verdict: str = UNDECIDED
    reason: str = ""

    @property
    def origin(self) -> str:
        """Whether the layer tells the concept better than what nobody learned. The verdict does not ask:
        what is plain in the observation can be represented and used all the same."""
        known = {k: v for k, v in self.baselines.items() if v == v}
        if not known or self.advantage.low != self.advantage.low:
            return "not compared with baselines"
        if self.advantage.low > 0:
            missing = "" if "untrained" in known else " (no untrained twin to compare with)"
            return "better than every baseline" + missing
        return f"no better than the baseline {max(known, key=lambda k: known[k])!r}"

    def __str__(self) -> str:
        claim = f"{self.concept} in {self.layer}, for the value of {self.channel}: {self.verdict}"
        return f"{claim} ({self.reason}; {self.origin})"

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and words, for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Certificate":
        """What `to_dict` gave, as it was or after JSON, where numbers that are not finite became None."""

        def estimate(value: Mapping[str, Any]) -> Estimate:
            finite: dict[str, Any] = {k: math.nan if v is None else v for k, v in value.items()}
            return Estimate(**finite)

        plain = {k: v for k, v in data.items() if k != "baselines"}
        kept: dict[str, Any] = {k: estimate(v) if isinstance(v, Mapping) else v for k, v in plain.items()}
        kept["baselines"] = {k: math.nan if v is None else v for k, v in data["baselines"].items()}
        return cls(**kept)

    def to_dataset(self) -> xr.Dataset:
        """Scalars: every Estimate as name, name_low, name_high, name_null_high; verdict, reason, origin."""
        data: dict = {
            "verdict": self.verdict,
            "reason": self.reason,
            "origin": self.origin,
            "kind": self.kind,
        }
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Estimate):
                data |= {field.name: value.estimate, f"{field.name}_low": value.low}
                data |= {f"{field.name}_high": value.high, f"{field.name}_null_high": value.null_high}
        data |= {f"baseline_{k}": v for k, v in self.baselines.items()} | {"n": self.score.n}
        coords = {"concept": self.concept, "channel": self.channel, "layer": self.layer}
        return xr.Dataset({k: ((), v) for k, v in data.items()}).assign_coords(coords)

    def plot(self) -> Figure:
        return Certificates((self,)).plot()


@dataclasses.dataclass(frozen=True)
class Rule:
    """From evidence to verdict. Fixed before anything was certified, but for additions to clause 4; every
    bound is that of an interval.

    1. *Represented* where the score's lower bound exceeds chance by `margin`, the selectivity's lower bound
       exceeds `margin`, and the activations save bits (gain's lower bound above 0).
       *Not represented* where the score's upper bound is below chance plus `margin`, or the score's lower
       bound is not above chance while the activations save no bits (gain's upper bound at most 0).
       Neither: *undecided*.
    2. Of what is represented: interventions say nothing unless the edit works, so completeness must have a
       lower bound above `completeness`. The shift counts as well if it passes, but only beside a scene
       edit: it moves, as erasure does, all that goes with the concept, and what that says alone the scene
       has to confirm. Where no edit passes: *undecided*. (The shift was added because edits along the
       probe alone are hardly ever complete in trained critics. In planted rectified layers they are
       complete in half of the cases, and then call 3 of 10 idle concepts idle, the shift 10 of 10.)
    3. *Represented and used* where edit (the shift, where the edit fails 2) and erasure both move the value
       more than 97.5 % of random changes of like rank and norm do (lower bound above null_high), and the
       scene edit, where there is one, moves it at all (interval off 0).
    4. *Represented, not used* where edit or shift moves the value less than the mean random change (upper
       bound below 1), and the same holds of the erasure or the scene edit moves it by less than `margin` of
       its spread (whole interval within). Erasing a concept also takes what goes with it, so erasure alone
       does not refute; a scene edit that does nothing settles it. A scene edit that does move the value
       (interval off 0) forbids this verdict: added, to the stricter side, after the first look at a
       trained network. Less than a random change is not little: beside one strong concept in few
       dimensions, a random change is mostly of that one. So the effect must be small as such, too: where
       no scene edit says so, the rise by the edit must lie within `margin` of 0 (whole interval). This was
       added, again to the stricter side, when planted concepts of a fifth of the strongest one's weight
       were called idle. The rise is a mean: what raises the value here and lowers it there may pass.
    5. Anything else is *undecided*, with the evidence that disagrees as the reason.

    The null of 1 is not chance: a random direction moves any value somewhat. A single random direction
    exceeds the mean one in a third of draws, hence the two thresholds and the undecided band between them.
    """

    margin: float = 0.05
    completeness: float = 0.5

    def __post_init__(self):
        if not (0 <= self.margin < 0.5 and 0 <= self.completeness < 1):
            given = f"margin={self.margin}, completeness={self.completeness}"
            raise OptionError(f"{given}; allowed: 0 to 0.5, 0 to 1")

    def __call__(self, c: Certificate) -> tuple[str, str]:
        """(verdict, reason)."""
        verdict, reason = self._represented(c)
        return (verdict, reason) if verdict else self._used(c)

    def _represented(self, c: Certificate) -> tuple[str, str]:
        """A verdict where the first step gives one, else empty."""
        chance = PROBE_CHANCE[c.kind]
        if c.score.estimate != c.score.estimate:
            return UNDECIDED, c.score.reason or "no score"
        if c.score.high < chance + self.margin:
            return ABSENT, "no linear readout tells it"
        if c.score.low <= chance and c.gain.high <= 0:
            return ABSENT, "no readout is shown to tell it, and no bits are saved"
        for name, low, bound in (
            ("score", c.score.low, chance + self.margin),
            ("selectivity", c.selectivity.low, self.margin),
            ("MDL gain", c.gain.low, 0.0),
        ):
            if not low > bound:
                return UNDECIDED, f"{name} is not shown to exceed {bound:g}"
        return "", ""

    def _used(self, c: Certificate) -> tuple[str, str]:
        scene = c.scene if c.scene is not None and c.scene.estimate == c.scene.estimate else None
        edits = {"edit": c.edit} if c.completeness.low > self.completeness else {}
        if scene is not None and c.shift_completeness.low > self.completeness:
            edits["shift"] = c.shift
        if not edits:
            reason = "the edit does not change the concept thoroughly enough"
            return UNDECIDED, reason + _because(c.completeness)
        name, edit = next(iter(edits.items()))
        if edit.estimate != edit.estimate:
            return UNDECIDED, edit.reason or "no effect measured"
        moved, erased = (e.low > e.null_high for e in (edit, c.erasure))
        if moved and erased:
            if scene is None or scene.excludes(0.0):
                more = "" if scene is None else ", and so does the scene"
                return USED, f"{name} and erasure move the value{more}"
            return UNDECIDED, f"{name} and erasure move the value, changing the scene does not"
        inert = scene is not None and self._small(scene)
        felt = scene is not None and scene.excludes(0.0) and not inert
        still = next((n for n, e in edits.items() if e.high < 1.0), None)
        if still and felt:
            return UNDECIDED, f"the {still} does not move the value, but changing the scene does"
        if still and (c.erasure.high < 1.0 or inert):
            other = "erasure" if c.erasure.high < 1.0 else "scene"
            if not inert and not (still == "edit" and self._small(c.rise)):
                bound = f"{self.margin:g} of its spread"
                return UNDECIDED, f"moves the value less than random changes, not shown to be within {bound}"
            return UNUSED, f"neither {still} nor {other} moves the value more than random changes"
        if still:
            return UNDECIDED, f"the {still} does not move the value, but erasure does"
        if moved:
            return UNDECIDED, f"the {name} moves the value, but erasure does not"
        return UNDECIDED, "the value moves about as much as under random changes"

    def _small(self, effect: Estimate) -> bool:
        """Whether the whole interval of an effect, in spreads of the value, lies within `margin` of 0."""
        return -self.margin < effect.low and effect.high < self.margin


def _because(estimate: Estimate) -> str:
    return f": {estimate.reason}" if estimate.reason else ""


@dataclasses.dataclass(frozen=True)
class Certificates:
    """Certificates of many claims (concepts x channels x layers)."""

    items: tuple[Certificate, ...]

    def __iter__(self) -> Iterator[Certificate]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def sel(self, **claim: str) -> "Certificates":
        """Those of the given concept, channel or layer."""
        unknown = set(claim) - {"concept", "channel", "layer", "verdict"}
        if unknown:
            raise OptionError(f"unknown {sorted(unknown)}; allowed: concept, channel, layer, verdict")
        kept = [c for c in self.items if all(getattr(c, k) == v for k, v in claim.items())]
        return Certificates(tuple(kept))

    def counts(self) -> dict[str, int]:
        """How many of each verdict."""
        found = Counter(c.verdict for c in self.items)
        return {v: found.get(v, 0) for v in VERDICTS}

    def to_dataset(self) -> xr.Dataset:
        """Dataset `[claim]` with the coordinates concept, channel and layer."""
        return xr.concat([c.to_dataset() for c in self.items], "claim")

    def plot(self) -> Figure:
        """Evidence and verdict, one row per claim: see `plots.certificates`."""
        from socialsim.analysis.plots import certificates

        return certificates(self.items)
