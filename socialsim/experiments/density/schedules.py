"""Drives by chunk of training: how each arm divides them between predicting well and joint success.

In chunk c the dense share lambda goes in equal parts to the predictive tasks and 1 - lambda to joint success:
lambda r_dense + (1 - lambda) r_sparse.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from socialsim.agents.prediction import CERTAINTY, TASKS
from socialsim.core.errors import integer, number

SPARSE = "coordination"
CHANNELS = (SPARSE, *TASKS, CERTAINTY)
"""What the source team is moved by, in the order of the learner's channels."""

ARMS = {
    "linear": "dense rewards for predicting well fade out in equal steps while the sparse one fades in",
    "abrupt": "dense rewards alone for the first half, the sparse one alone for the second",
    "reversed": "the linear fade backwards: from sparse to dense",
    "random order": "the steps of the linear fade in a random order, another one for each seed",
    "dense": "dense rewards alone, always",
    "sparse": "the sparse reward alone, always",
    "learned": "the share of each predictive task and of the sparse one follows what was found to help the "
    "sparse one (meta-gradient)",
    "dark room": "control: plain predictability alone, which pays most where nothing happens",
}
FIXED = ("linear", "abrupt", "reversed", "random order", "dense", "sparse")


def dense_share(arm: str, chunks: int, order: np.ndarray) -> Float[np.ndarray, " K"]:
    """lambda of each chunk. order: a permutation of the chunks, for the arm "random order".

    The first four arms spend the same in all, half of the chunks' worth (with an even number of chunks). With
    two chunks the fade is the abrupt switch: four are the fewest that tell them apart.
    """
    fade = np.linspace(1.0, 0.0, chunks)
    return {
        "linear": fade,
        "abrupt": (np.arange(chunks) < chunks / 2).astype(float),
        "reversed": fade[::-1],
        "random order": fade[order],
        "dense": np.ones(chunks),
        "sparse": np.zeros(chunks),
    }[arm]


@dataclasses.dataclass(frozen=True)
class Schedules:
    """Every arm's drives by chunk, as the `schedule` that `train` asks: runs are arm by arm, seed by seed.

    seeds: of each arm.  chunks: K.  agents: A.  seed: of the random orders.  rate: of the learned shares.

    **The learned arm** holds shares of the three predictive tasks and of the sparse one, equal at first.
    After each chunk `log share_k += rate * a_k`, renormalised, where a_k is how well the policy gradient of
    reward k points along that of the sparse reward (`Alignment`; the sparse one's own a_k says how much of
    its gradient is more than noise). To first order a_k is what a step on reward k adds to the sparse
    objective, so this is the meta-gradient of the shares, followed by exponentiated gradient (after Du et al.
    2018; Lin et al. 2019).
    """

    seeds: int
    chunks: int
    agents: int
    seed: int = 0
    rate: float = 8.0
    arms: tuple[str, ...] = tuple(ARMS)

    def __post_init__(self):
        for name in ("seeds", "chunks", "agents"):
            integer(name, getattr(self, name), low=1)
        number("rate", self.rate, low=0.0)

    def __call__(self, chunk: int, drives: np.ndarray, metrics: Mapping[str, np.ndarray]) -> np.ndarray:
        """`[R, A, C]`, channels in the order of `CHANNELS`; pure. drives: only their shape counts."""
        found = self.shares(chunk, metrics.get("alignment"))
        return np.repeat(found[:, None], self.agents, 1).astype(np.float32)

    def shares(self, chunk: int, alignment: np.ndarray | None) -> Float[np.ndarray, "R C"]:
        """Weight of each channel in a chunk. alignment: `[R, U, C]` of all updates before it."""
        rows = []
        for a, arm in enumerate(self.arms):
            for s in range(self.seeds):
                if arm == "learned":
                    run = a * self.seeds + s
                    before = None if alignment is None or not chunk else alignment[run]
                    rows.append(learned_shares(before, chunk, self.rate))
                else:
                    rows.append(self._fixed(arm, s, chunk))
        return np.stack(rows)

    def _fixed(self, arm: str, seed: int, chunk: int) -> np.ndarray:
        if arm == "dark room":
            return np.array([0.0, *[0.0] * len(TASKS), 1.0])
        order = np.random.default_rng((self.seed, seed)).permutation(self.chunks)
        dense = dense_share(arm, self.chunks, order)[chunk]
        return np.array([1 - dense, *[dense / len(TASKS)] * len(TASKS), 0.0])

    def history(self, alignment: np.ndarray) -> Float[np.ndarray, "R K C"]:
        """The shares of all chunks, from what was found over the whole training `[R, U, C]`."""
        per = alignment.shape[1] // self.chunks
        return np.stack([self.shares(k, alignment[:, : k * per]) for k in range(self.chunks)], 1)


def learned_shares(alignment: np.ndarray | None, chunk: int, rate: float) -> np.ndarray:
    """Shares of the sparse reward and the predictive tasks after `chunk` chunks. alignment: `[U, C]`."""
    count = 1 + len(TASKS)
    gained = np.zeros(count)
    if alignment is not None and chunk:
        parts = np.asarray(alignment, float)[:, :count].reshape(chunk, -1, count)
        gained = rate * parts.mean(1).sum(0)
    weight = np.exp(gained - gained.max())
    return np.array([*(weight / weight.sum()), 0.0])
