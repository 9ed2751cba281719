"""Rows for probes: what the agents of recorded episodes sensed, with their concepts, episodes and types."""

import dataclasses

import jax
import numpy as np
from numpy.typing import NDArray

from socialsim.analysis.concepts import CONCEPTS, TYPE_CONCEPTS, concepts, measure_concepts
from socialsim.analysis.probes.controls import scene_types
from socialsim.analysis.probes.probe import Target
from socialsim.analysis.recording import Episodes, flat, moments
from socialsim.core.errors import integer
from socialsim.core.scene import Scene
from socialsim.core.senses import Observation


@dataclasses.dataclass(frozen=True)
class Rows:
    """`N` rows, one agent at one moment each, in the order of `[M, A]` (A = 1 where one was asked for).

    observation, scene: leaves with the leading axis `[M]`, moments before the end of their episode.
    moments: `[M]`, their places in the flattened `[T, E]`.  flat: `[N, F]`, the observation as one vector.
    groups: `[N]`, world.  types: `[N]`, discrete scene type.  targets: concept -> Target.
    """

    observation: Observation
    scene: Scene
    moments: NDArray
    flat: NDArray
    groups: NDArray
    types: NDArray
    targets: dict[str, Target]


def rows_of(episodes: Episodes, names: tuple[str, ...], *, every: int = 8, agent: int | None = None) -> Rows:
    """Every n-th moment of episodes, up to the end of each. names: of concepts.  agent: only this one's
    rows."""
    integer("every", every, low=1)
    concepts(names)
    live = np.asarray(episodes.live)
    chosen = np.flatnonzero(live & (np.arange(len(live)) % every == 0)[:, None])
    observation, scene = moments((episodes.observation, episodes.scene), chosen)
    measured = measure_concepts(scene, {**dict.fromkeys(names), **dict.fromkeys(TYPE_CONCEPTS)})
    if agent is not None:
        one = slice(agent, agent + 1)
        measured = {k: v[..., one] for k, v in measured.items()}
        observation = jax.tree.map(lambda x: x[:, one], observation)
    lead = observation.self.shape[:-1]
    return Rows(
        observation=observation,
        scene=scene,
        moments=chosen,
        flat=np.asarray(flat(observation)).reshape(int(np.prod(lead)), -1),
        groups=np.repeat(chosen % live.shape[1], lead[1]),
        types=scene_types(*(measured[k].ravel() for k in TYPE_CONCEPTS)),
        targets={k: Target(measured[k].ravel(), CONCEPTS[k].kind) for k in names},
    )
