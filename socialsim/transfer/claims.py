"""When may one say that values transferred? A rule fixed before the experiment, tested on planted cases.

"Values transferred" is a claim about learners that are rewarded by what is carried and by nothing else
(`arms.ALONE`). It is said only where the distilled-reward arm beats every control, each with the 95 %
interval of the probability of improvement above one half: the random, shuffled, encoder-only *and*
policy-only arms, and the two of its own kind, which are distilled too: with permuted weights, and from an
untrained head. All comparisons must succeed (an intersection-union test: Berger 1982), so comparing with
more controls makes false claims rarer and no correction for multiplicity is due. (Beside the target's own
signals no reward could show it: right ones reach every learner anyway, and given twice they change nothing
but their share.)

The unit is the source team. Learners that were given the same team are no replicates of it: they are averaged
first, and below `ENOUGH_SOURCES` teams nothing is said about values. Where the claim fails the positive
control says what that is worth: if not even a reward that is right by construction beats having none, the
test could not have shown it.

The interval is that of `statistics.probability_of_improvement(method="score")`. Simulated for this project
(20,000 planted nulls per cell; `tests/transfer/test_claims.py` repeats it smaller):

* One comparison falsely claims in 1.4 % of nulls at 4 seeds, 2.0 % at 6, 2.3 % at 10 (nominal 2.5 %); at most
  2.8 % where the spreads differ threefold, less with many ties. Worst found: an arm without any spread
  against a wide one at 4 seeds, 6 % (one half to the fourth: no rule that can ever claim at 4 v 4 escapes
  it). The percentile bootstrap gives 9 % at 3 seeds and 4 to 7 % at 4.
* The whole rule, distilled equal to one control and far above the others: 1.4 % at 4 seeds, 2.1 % at 10. All
  arms equal: below 0.1 %.
* Planted transfers, distilled d standard deviations above all six controls, are found at 10 seeds in 91 %
  (d = 2) and 99.5 % (d = 2.5); at 4 seeds in 13 %, 28 % and 87 % (d = 4); d = 1 needs more than 20 seeds.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from socialsim.analysis.statistics import Estimate, probability_of_improvement
from socialsim.analysis.wording import listed
from socialsim.core.errors import OptionError, choose

ENOUGH_SEEDS = 10
"""Below this many seeds per arm a verdict is marked as indicative."""
ENOUGH_SOURCES = 4
"""Below this many source teams nothing is claimed: at 3 against 3 no interval can leave one half out."""


@dataclasses.dataclass(frozen=True)
class Verdict:
    """supported: True, False, or None where the claim was not tested.  reason: plain words.
    comparisons: control arm -> P(improvement) over it with its interval.  positive: the same of the positive
    control over learning from scratch; None where the rule has none or it was not run."""

    claim: str
    supported: bool | None
    reason: str
    comparisons: dict[str, Estimate]
    positive: Estimate | None = None

    def to_dict(self) -> dict:
        """Plain numbers and strings for `summary.json`."""
        return {
            "claim": self.claim,
            "supported": self.supported,
            "reason": self.reason,
            "comparisons": {k: _row(e) for k, e in self.comparisons.items()},
            "positive": None if self.positive is None else _row(self.positive),
        }


def _row(e: Estimate) -> dict:
    return {"estimate": e.estimate, "low": e.low, "high": e.high, "n": e.n}


@dataclasses.dataclass(frozen=True)
class ClaimRule:
    """`treatment` must beat every one of `controls`; options: confidence of the interval.

    where_run: further controls, which count where they were run.  positive: the arm that ought to beat
    `baseline` (in words: `unaided`) if the test can show anything. across_physics drops the
    controls in `policy_controls`, since no policy can move between action spaces.
    """

    claim: str
    treatment: str
    controls: tuple[str, ...]
    policy_controls: tuple[str, ...] = ()
    confidence: float = 0.95
    where_run: tuple[str, ...] = ()
    positive: str | None = None
    baseline: str = "scratch"
    unaided: str = "scratch"

    def __post_init__(self):
        if not self.controls or self.treatment in (*self.controls, *self.where_run):
            raise OptionError(
                f"controls={self.controls}; allowed: one or more arms other than {self.treatment!r}"
            )
        for name in self.policy_controls:
            choose("policy control", name, self.controls)

    def __call__(
        self,
        auc: Mapping[str, ArrayLike],
        *,
        across_physics: bool = False,
        sources: Sequence[int] | None = None,
    ) -> Verdict:
        """auc: arm -> area under the curve of each seed `[n]`. Other arms are ignored.

        sources: which source team each seed was given `[n]`; None: each its own. A missing control or
        treatment, or too few source teams, leave the claim untested: `supported` is None, never True.
        """
        auc = by_source(auc, sources)
        dropped = self.policy_controls if across_physics else ()
        controls = [c for c in self.controls if c not in dropped]
        controls += [c for c in self.where_run if c in auc]
        note = (
            f" The {listed(dropped)} arm is dropped: no policy moves between action spaces."
            if dropped
            else ""
        )
        found = {c: self._compare(auc, c) for c in controls if c in auc and self.treatment in auc}
        positive = self._positive(auc)

        def verdict(supported: bool | None, reason: str) -> Verdict:
            tested = supported is not None
            said = reason + note + (self._said(positive, supported) if tested else "")
            return Verdict(self.claim, supported, said, found, positive)

        if missing := [a for a in (self.treatment, *controls) if a not in auc]:
            return verdict(None, f"Not tested: no {listed(missing)} arm was run.")
        teams = None if sources is None else len(set(sources))
        if teams is not None and teams < ENOUGH_SOURCES:
            plural = "s" if teams != 1 else ""
            return verdict(None, f"Not tested: {teams} source team{plural}; {ENOUGH_SOURCES} needed.")
        if undefined := [c for c, e in found.items() if np.isnan(e.estimate)]:
            why = found[undefined[0]].reason
            return verdict(None, f"Not tested against {listed(undefined)}: {why}.")
        beaten = [c for c, e in found.items() if e.low > 0.5]
        return verdict(len(beaten) == len(controls), self._reason(found, beaten))

    def _reason(self, found: Mapping[str, Estimate], beaten: Sequence[str]) -> str:
        if len(beaten) == len(found):
            reason = f"{self.treatment} beats {listed(found)}"
        else:
            failed = [c for c in found if c not in beaten]
            reason = f"{self.treatment} is not shown to beat {listed(failed)}"
            reason += f" (it beats {listed(beaten)})" if beaten else ""
        rows = ", ".join(f"{c} {e.estimate:.2f} [{e.low:.2f}, {e.high:.2f}]" for c, e in found.items())
        reason += f"; P(improvement) with {self.confidence:.0%} interval: {rows}."
        fewest = min(e.n for e in found.values())
        if fewest < ENOUGH_SEEDS:
            reason += f" Indicative: fewer than {ENOUGH_SEEDS} seeds ({fewest})."
        if fewest < 4:
            reason += " With fewer than 4 seeds no result could have supported the claim."
        return reason

    def _positive(self, auc: Mapping[str, np.ndarray]) -> Estimate | None:
        """The positive control over the baseline; None where there is none."""
        if self.positive is None or not {self.positive, self.baseline} <= set(auc):
            return None
        return probability_of_improvement(auc[self.positive], auc[self.baseline], confidence=self.confidence)

    def _said(self, positive: Estimate | None, supported: bool | None) -> str:
        """What the positive control says about a claim that was tested."""
        if self.positive is None:
            return ""
        if positive is None:
            lost = "" if supported else ", so whether the test could have shown it is not known"
            return f" No positive control ({self.positive}) was run{lost}."
        shown = f"{positive.estimate:.2f} [{positive.low:.2f}, {positive.high:.2f}]"
        if positive.low > 0.5:
            return f" The positive control ({self.positive}) beats {self.unaided}: {shown}."
        if supported:
            return f" The positive control ({self.positive}) is not shown to beat {self.unaided}: {shown}."
        return (
            f" The positive control failed ({self.positive} over {self.unaided} {shown}): a reward that is "
            "right by construction did not help either, so the test could not have shown it."
        )

    def _compare(self, auc: Mapping[str, np.ndarray], control: str) -> Estimate:
        return probability_of_improvement(auc[self.treatment], auc[control], confidence=self.confidence)


def by_source(auc: Mapping[str, ArrayLike], sources: Sequence[int] | None) -> dict[str, np.ndarray]:
    """Arm -> one score per source team, the mean of the learners that were given it; as given for None.

    Raises OptionError where scores are not `[n]`, or `sources` does not name one for each.
    """
    scores = {a: np.asarray(x, float) for a, x in auc.items()}
    for arm, x in scores.items():
        if x.ndim != 1 or (sources is not None and len(sources) != len(x)):
            given = "" if sources is None else f", {len(sources)} sources"
            raise OptionError(f"{arm} {x.shape}{given}; allowed: one score per seed, [n], and its source")
    if sources is None or len(set(sources)) == len(sources):
        return scores
    names, index = np.unique(np.asarray(sources), return_inverse=True)
    return {a: np.array([x[index == i].mean() for i in range(len(names))]) for a, x in scores.items()}


VALUES_TRANSFERRED = ClaimRule(
    claim="values transferred",
    treatment="distilled",
    controls=("random", "shuffled", "encoder", "policy", "permuted", "distilled-untrained"),
    policy_controls=("policy",),
    positive="oracle",
    unaided="no reward at all",
)
"""The claim rule of the suite, of learners left alone with what is carried: the distilled reward beats every
arm that carries no values. Its baseline `scratch` has no reward at all."""

SHAPING_HELPS = ClaimRule(
    claim="shaping helps",
    treatment="shaping",
    controls=("scratch", "shuffled"),
    where_run=("random", "flipped"),
)
"""Value shaping learns faster than scratch and than a shuffled head, and than a random and a sign-flipped one
where these were run. It shows speed, never transferred values: potential-based shaping leaves the optimal
policy alone (Ng et al. 1999)."""
