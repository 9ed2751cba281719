"""When may one say that values transferred? A rule fixed before the experiment, tested on planted cases.

"Values transferred" is said only where the distilled-reward arm beats the random, shuffled, encoder-only
*and* policy-only arms, each with the 95 % interval of the probability of improvement above one half. All
comparisons must succeed (an intersection-union test: Berger 1982), so comparing with more controls makes
false claims rarer and no correction for multiplicity is due.

The interval is that of `statistics.probability_of_improvement(method="score")`. Simulated for this project
(20,000 planted nulls per cell; `tests/transfer/test_claims.py` repeats it smaller):

* One comparison falsely claims in 1.4 % of nulls at 4 seeds, 2.0 % at 6, 2.3 % at 10 (nominal 2.5 %); at most
  2.8 % where the spreads differ threefold, less with many ties. Worst found: an arm without any spread
  against a wide one at 4 seeds, 6 % (one half to the fourth: no rule that can ever claim at 4 v 4 escapes
  it). The percentile bootstrap gives 9 % at 3 seeds and 4 to 7 % at 4.
* The whole rule, distilled equal to one control and far above the others: 1.4 % at 4 seeds, 2.1 % at 10. All
  arms equal: below 0.1 %.
* Planted transfers, distilled d standard deviations above all four controls, are found at 10 seeds in 94 %
  (d = 2) and 99.7 % (d = 2.5); at 4 seeds in 19 %, 39 % and 92 % (d = 4); d = 1 needs more than 20 seeds.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from socialsim.analysis.statistics import Estimate, probability_of_improvement
from socialsim.analysis.wording import listed
from socialsim.core.errors import OptionError, choose

ENOUGH_SEEDS = 10
"""Below this many seeds per arm a verdict is marked as indicative."""


@dataclasses.dataclass(frozen=True)
class Verdict:
    """supported: True, False, or None where the claim was not tested.  reason: plain words.
    comparisons: control arm -> P(improvement) over it with its interval."""

    claim: str
    supported: bool | None
    reason: str
    comparisons: dict[str, Estimate]

    def to_dict(self) -> dict:
        """Plain numbers and strings for `summary.json`."""
        return {
            "claim": self.claim,
            "supported": self.supported,
            "reason": self.reason,
            "comparisons": {
                k: {"estimate": e.estimate, "low": e.low, "high": e.high, "n": e.n}
                for k, e in self.comparisons.items()
            },
        }


@dataclasses.dataclass(frozen=True)
class ClaimRule:
    """`treatment` must beat every one of `controls`; options: confidence of the interval.

    across_physics drops the controls in `policy_controls`, since no policy can move between action spaces.
    """

    claim: str
    treatment: str
    controls: tuple[str, ...]
    policy_controls: tuple[str, ...] = ()
    confidence: float = 0.95

    def __post_init__(self):
        if not self.controls or self.treatment in self.controls:
            raise OptionError(
                f"controls={self.controls}; allowed: one or more arms other than {self.treatment!r}"
            )
        for name in self.policy_controls:
            choose("policy control", name, self.controls)

    def __call__(self, auc: Mapping[str, ArrayLike], *, across_physics: bool = False) -> Verdict:
        """auc: arm -> area under the curve of each independent seed `[n]`. Other arms are ignored.

        A missing control or treatment leaves the claim untested: `supported` is None, never True.
        """
        dropped = self.policy_controls if across_physics else ()
        controls = [c for c in self.controls if c not in dropped]
        note = (
            f" The {listed(dropped)} arm is dropped: no policy moves between action spaces."
            if dropped
            else ""
        )
        missing = [a for a in (self.treatment, *controls) if a not in auc]
        if missing:
            present = {c: self._compare(auc, c) for c in controls if c in auc and self.treatment in auc}
            return Verdict(self.claim, None, f"Not tested: no {listed(missing)} arm was run.{note}", present)
        comparisons = {c: self._compare(auc, c) for c in controls}
        undefined = [c for c, e in comparisons.items() if np.isnan(e.estimate)]
        if undefined:
            why = comparisons[undefined[0]].reason
            return Verdict(
                self.claim, None, f"Not tested against {listed(undefined)}: {why}.{note}", comparisons
            )
        beaten = [c for c, e in comparisons.items() if e.low > 0.5]
        supported = len(beaten) == len(controls)
        if supported:
            reason = f"{self.treatment} beats {listed(controls)}"
        else:
            failed = [c for c in controls if c not in beaten]
            reason = f"{self.treatment} is not shown to beat {listed(failed)}"
            reason += f" (it beats {listed(beaten)})" if beaten else ""
        rows = ", ".join(f"{c} {e.estimate:.2f} [{e.low:.2f}, {e.high:.2f}]" for c, e in comparisons.items())
        reason += f"; P(improvement) with {self.confidence:.0%} interval: {rows}."
        fewest = min(e.n for e in comparisons.values())
        if fewest < ENOUGH_SEEDS:
            reason += f" Indicative: fewer than {ENOUGH_SEEDS} seeds ({fewest})."
        if fewest < 4:
            reason += " With fewer than 4 seeds no result could have supported the claim."
        return Verdict(self.claim, supported, reason + note, comparisons)

    def _compare(self, auc, control) -> Estimate:
        x, y = (np.asarray(auc[a], float) for a in (self.treatment, control))
        if x.ndim != 1 or y.ndim != 1:
            raise OptionError(
                f"{self.treatment} {x.shape}, {control} {y.shape}; allowed: one score per seed, [n]"
            )
        return probability_of_improvement(x, y, confidence=self.confidence)


VALUES_TRANSFERRED = ClaimRule(
    claim="values transferred",
    treatment="distilled",
    controls=("random", "shuffled", "encoder", "policy"),
    policy_controls=("policy",),
)
"""The claim rule of the suite: the distilled reward beats every arm that carries no values."""

SHAPING_HELPS = ClaimRule(claim="shaping helps", treatment="shaping", controls=("scratch", "shuffled"))
"""Value shaping learns faster than scratch and than a shuffled head. It shows speed, never transferred
values: potential-based shaping leaves the optimal policy alone (Ng et al. 1999)."""
