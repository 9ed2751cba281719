"""Carriers: what is moved from a source world into a target world.

Two kinds of things travel. *Rewards* reach the learner as one more channel: the difference of a potential
(value shaping) or a distilled reward. *Parameters* are where the learner starts from: critic, encoder or
policy. A `Carrier` holds the first, `graft` makes the second; both are data, so that all arms of an
experiment run in one compiled program.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx, struct
from jaxtyping import Array, Float
from sklearn.linear_model import RidgeCV

from socialsim.agents.team import Team
from socialsim.analysis.recording import Episodes, read
from socialsim.core.errors import CarrierError, choose
from socialsim.core.senses import Observation
from socialsim.transfer.features import NUM_FEATURES, shared_features

ALPHAS = tuple(np.logspace(-1, 4, 11))
"""Ridge penalties of a distilled reward, chosen by generalised cross-validation."""


class Carrier(struct.PyTreeNode):
    """A potential and a reward over observations, to be carried into another world.

    team: whose value heads make the potential.  potential: weight of each head `[C]` (in units of the head's
    own standard deviation in its own world, `value_std`).  offset: added to the potential.
    reward: weights of the distilled reward on phi(s), `[P]`.
    """

    team: Team
    potential: Float[Array, " C"]
    offset: Float[Array, ""]
    reward: Float[Array, " P"]

    def phi(self, obs: Observation) -> Float[Array, "... A"]:
        """The potential of each agent's state."""
        return self.team.values(obs) @ self.potential + self.offset

    def score(self, obs: Observation):
        """(potential, reward), `[..., A]` each: see `agents.ppo.Score`."""
        return self.phi(obs), shared_features(obs) @ self.reward


@dataclasses.dataclass(frozen=True)
class Source:
    """A trained team, what its heads look like at home, and the drives it was trained with `[C]`."""

    team: Team
    episodes: Episodes
    drives: np.ndarray
    discount: float

    def __post_init__(self):
        self.team.check_features()
        if len(self.drives) != len(self.team.channels):
            raise CarrierError(
                f"{len(self.drives)} drives for value heads {self.team.channels}; allowed: one per head"
            )

    @property
    def weights(self) -> Float[Array, " C"]:
        """Drives over the scale of each channel's returns (the mean over agents that have their own)."""
        scale = self.team.scale.reshape(-1, len(self.drives)).mean(0)
        return jnp.asarray(self.drives) / scale


def _standard(team: Team, obs: Observation, weights) -> tuple[Array, Array]:
    """Weights and offset that give the weighted value mean 0 and standard deviation 1 on `obs`."""
    total = read(team, obs).value @ weights
    scale = 1.0 / jnp.maximum(total.std(), 1e-6)
    return weights * scale, -total.mean() * scale


def shaping(source: Source, *, team: Team | None = None, sign: float = 1.0) -> Carrier:
    """Potential-based shaping, F = gamma Phi(s') - Phi(s) with Phi the drive-weighted value (Ng et al. 1999).

    Each head counts in units of its own returns' scale, as in learning. Phi is standardised on the source's
    own episodes, whatever `team` provides the heads: controls match it in mean and variance.
    """
    team = source.team if team is None else team
    weights = source.weights
    weights, offset = _standard(team, source.episodes.observation, weights * sign)
    return Carrier(team, weights, offset, jnp.zeros(NUM_FEATURES))


def distilled(
    source: Source, *, team: Team | None = None, permute: np.random.Generator | None = None
) -> Carrier:
    """The reward that explains the values: V(s) - gamma V(s') ~ w_hat . phi(s), by ridge regression.

    Values that are right anticipate: E[V(s) - gamma V(s') | s] = E[r | s], and what the left side has beyond
    that is what s' brought unforeseen. So phi may hold nothing of s': a regression on phi(s) and phi(s')
    finds V(s) - gamma V(s') itself wherever V is linear in phi, and that is no reward but shaping with its
    sign flipped. Fitted on the source's own episodes and standardised there. team: whose value heads
    (default: the source's); an untrained one is a control. permute: shuffles w_hat, the control that keeps
    its weights' sizes and loses their meaning.
    """
    value = read(source.team if team is None else team, source.episodes.observation).value
    total = np.asarray(value @ source.weights)  # [T, E, A]
    return _reward(source, source.episodes, total[:-1] - source.discount * total[1:], permute)


def oracle(source: Source, there: Episodes) -> Carrier:
    """The positive control, w_true: what `distilled` would be if the values were right about the target.

    Where V is exact, V(s) - gamma V(s') is the expected reward. So phi(s) is fitted to the target's own
    signals, each weighted as the source weights it, on episodes `there` of the target: it is as right as a
    reward linear in phi can be. (Beside the target's own signals it has little to add: these reach every
    learner anyway.)
    """
    return _reward(source, there, np.asarray(there.signals @ source.weights)[:-1])


def _reward(source: Source, episodes: Episodes, wanted: np.ndarray, permute=None) -> Carrier:
    """`wanted [T-1, E, A]` as a reward linear in phi(s), standardised on the decisions of the episodes."""
    live = np.asarray(episodes.live[:-1] & episodes.live[1:])  # decisions whose successor is on record
    x = np.asarray(shared_features(episodes.observation))[:-1][live].reshape(-1, NUM_FEATURES)
    w = np.array(RidgeCV(alphas=ALPHAS).fit(x, wanted[live].ravel()).coef_)
    w[0] = 0.0  # of the constant feature
    if permute is not None:
        w[1:] = permute.permutation(w[1:])
    reward = x @ w
    scale = max(reward.std(), 1e-6)
    w = w / scale
    w[0] = -reward.mean() / scale
    heads = len(source.drives)
    return Carrier(source.team, jnp.zeros(heads), jnp.zeros(()), jnp.asarray(w, jnp.float32))


def nothing(source: Source) -> Carrier:
    """Carries nothing; of the same shape as the others."""
    heads = len(source.drives)
    return Carrier(source.team, jnp.zeros(heads), jnp.zeros(()), jnp.zeros(NUM_FEATURES))


def shuffle_weights(team: Team, rng: np.random.Generator) -> Team:
    """The same team with the entries of every weight array permuted: sizes kept, knowledge lost."""

    def shuffled(x):
        flat = np.asarray(x).ravel()
        return jnp.asarray(rng.permutation(flat).reshape(x.shape))

    return team.replace(params=jax.tree.map(shuffled, team.params))


PARTS = {
    "critic": ("critic_tower", "value_head"),
    "encoder": ("actor_tower", "critic_tower"),
    "policy": ("actor_tower", "actor_head", "log_std"),
}
"""Which modules each parameter carrier moves."""


def graft(fresh: Team, source: Team, part: str) -> Team:
    """`fresh` with one part of `source` in its place: "critic", "encoder" or "policy".

    Value heads that `fresh` has beyond the source's (the carried channel) stay as they are. Raises
    CarrierError where the parts do not fit (another width, another action space).
    """
    names = PARTS[choose("part", part, PARTS)]
    old, new = nnx.to_pure_dict(fresh.params), nnx.to_pure_dict(source.params)
    params = {k: _fit(k, old[k], new[k]) if k in names and k in new else v for k, v in old.items()}
    stats = fresh.stats
    if part == "critic":
        pure, moved = nnx.to_pure_dict(fresh.stats), nnx.to_pure_dict(source.stats)
        stats = _with(fresh.stats, {k: _fit(k, v, moved[k]) for k, v in pure.items()})
    return fresh.replace(params=_with(fresh.params, params), stats=stats)


def _with(state, pure):
    state = jax.tree.map(lambda x: x, state)
    nnx.replace_by_pure_dict(state, pure)
    return state


def _fit(name, old, new):
    def one(a, b):
        if a.shape == b.shape:
            return b
        if a.shape[:-1] == b.shape[:-1] and name in ("value_head", *_STATS) and a.shape[-1] > b.shape[-1]:
            return jnp.concatenate([b, a[..., b.shape[-1] :]], -1)
        raise CarrierError(f"{name}: the source has shape {b.shape}, the learner {a.shape}; train both alike")

    return jax.tree.map(one, old, new)


_STATS = ("value_mean", "value_square", "value_scale")
