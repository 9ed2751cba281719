"""Distances between rewards that ignore shaping and scale: EPIC, DARD and STARC-VAL, for tabular rewards.

Rewards are arrays `R[s, a, s']`. A value head is not a reward: V(s) - gamma V(s') is pure shaping, which
these distances are made to ignore. Passing one is an error, not a number.
"""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from socialsim.core.errors import OptionError, choose


class ValueAsRewardError(OptionError):
    """A value head, or pure shaping, was passed to a distance between rewards."""


def refuse_values(*rewards: object) -> None:
    """Raise where an object says it is a value: an attribute `is_value`, or `attrs["kind"] == "value"`."""
    for reward in rewards:
        attributes = getattr(reward, "attrs", None)
        kind = attributes.get("kind") if isinstance(attributes, dict) else None
        if getattr(reward, "is_value", False) is True or kind == "value":
            raise ValueAsRewardError(
                f"{type(reward).__name__} is a value head; allowed: rewards. V(s) - gamma V(s') is pure "
                "shaping and its canonical form is identically 0: compare values with RankAgreement"
            )


@dataclasses.dataclass(frozen=True)
class RewardDistance:
    """Distance of two rewards `[S, A, S]` in a known tabular world.

    transition: `P[s, a, s']`.  gamma: discount.  method: "starc" (VAL with the uniform policy; Skalse et
    al. 2024), "epic" (Gleave et al. 2021; all transitions, states and actions uniform) or "dard" (Wulfe
    et al. 2022; over the transitions that can happen, actions uniform).

    0 for rewards that differ by potential shaping and positive scale only, 1 for a reward and its negation.
    """

    transition: NDArray
    gamma: float
    method: str = "starc"

    def __post_init__(self):
        choose("method", self.method, ("starc", "epic", "dard"))
        p = np.asarray(self.transition)
        square = p.ndim == 3 and p.shape[0] == p.shape[2]
        if not square or (p < 0).any() or not np.allclose(p.sum(-1), 1):
            raise OptionError(f"transition {p.shape}; allowed: P[s, a, s'], each row a distribution")
        if not 0 <= self.gamma < 1:
            raise OptionError(f"gamma={self.gamma}; allowed: 0 <= gamma < 1")

    def canonical(self, reward: object) -> NDArray:
        """The form in which rewards that differ by shaping alone coincide: `[S, A, S]`, for STARC `[S, A]`.

        Raises ValueAsRewardError for a value, OptionError for another shape.
        """
        refuse_values(reward)
        r, p, g = np.asarray(reward, float), np.asarray(self.transition, float), self.gamma
        if r.shape != p.shape:
            raise OptionError(f"reward {r.shape}; allowed: {p.shape}, R[s, a, s']")
        if self.method == "starc":
            # C(R)(s, a) = E[R - V(s) + gamma V(S')], V the value of the uniform policy.
            expected = (p * r).sum(-1)
            value = np.linalg.solve(np.eye(len(p)) - g * p.mean(1), expected.mean(1))
            return expected - value[:, None] + g * p @ value
        if self.method == "epic":
            # C(R) = R + gamma E[R(s', A, S')] - E[R(s, A, S')] - gamma E[R(S, A, S')]
            mean = r.mean((1, 2))
            return r + g * mean[None, None, :] - mean[:, None, None] - g * mean.mean()
        # C(R) = R + E[gamma R(s', A, S'') - R(s, A, S') - gamma R(S', A, S'')],
        # S' ~ T(s, A), S'' ~ T(s', A)
        reach = p.mean(1)  # from s with a uniform action
        onward = (p * r).sum(-1).mean(1)
        average = r.mean(1)  # over actions: [s, s']
        cross = reach @ average @ reach.T  # [s, s']: E R(S', A, S'') with S' from s, S'' from s'
        return r + g * onward[None, None, :] - onward[:, None, None] - g * cross[:, None, :]

    def __call__(self, first: object, second: object) -> float:
        """Distance in [0, 1]. Raises ValueAsRewardError for a value head, or for pure shaping."""
        refuse_values(first, second)
        forms = [self.canonical(r) for r in (first, second)]
        if self.method == "starc":
            weight = np.ones(forms[0].shape)
        else:
            # Pearson's distance sqrt((1 - rho) / 2) is half the distance of the centred unit vectors.
            possible = np.ones(self.transition.shape) if self.method == "epic" else self.transition
            weight = possible / possible.sum()
            forms = [f - (weight * f).sum() for f in forms]
        units = []
        for form, reward in zip(forms, (first, second), strict=True):
            norm = float(np.sqrt((weight * form**2).sum()))
            if norm <= 1e-10 * max(1.0, float(np.abs(np.asarray(reward, float)).max())):
                raise ValueAsRewardError(
                    f"{self.method}: a reward is pure shaping (its canonical form is 0); "
                    "allowed: rewards that tell policies apart"
                )
            units.append(form / norm)
        return float(0.5 * np.sqrt((weight * (units[0] - units[1]) ** 2).sum()))
