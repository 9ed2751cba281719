"""Stages to begin with: a floor with nobody on it, or a scene as some world shows it."""

from typing import Any

import numpy as np

from socialsim.analysis.laboratory.stage import NEEDED, OWN_AXES, PRESENT, PROGRESS, Stage
from socialsim.core.errors import OptionError
from socialsim.core.geometry import FAR
from socialsim.core.scene import NUM_OBJECT_FEATURES, NUM_RAYS, Scene

NOWHERE = ((-FAR, -FAR), (FAR, FAR))
"""Corners of a floor without a border."""


def nobody(agents: int, objects: int) -> Scene:
    """Everything at the origin and out of sight, all facing along x."""
    east = np.tile([1.0, 0.0], (agents, 1))
    numpy: dict[str, Any] = dict(
        position=np.zeros((agents, 2)),
        velocity=np.zeros((agents, 2)),
        heading=east,
        gaze=east,
        act=np.zeros(agents, int),
        load=np.zeros(agents),
        strength=np.ones(agents),
        clear=np.zeros((agents, NUM_RAYS)),
        object_position=np.zeros((objects, 2)),
        object_goal=np.zeros((objects, 2)),
        object_features=np.zeros((objects, NUM_OBJECT_FEATURES)),
        object_present=np.zeros(objects, bool),
        takes_part=np.zeros((agents, objects), bool),
        sees_agent=np.zeros((agents, agents), bool),
        sees_object=np.zeros((agents, objects), bool),
        joint=np.zeros(agents),
    )
    return Scene(**numpy)


def as_placed(scene: Scene, radius: float) -> tuple[Stage, int | None]:
    """The stage of a scene, or of scenes along one lead axis and then their number; nothing is new in it."""
    fields: dict[str, Any] = {f: np.asarray(getattr(scene, f)) for f in OWN_AXES}
    fields = {f: x.astype(np.float32) if x.dtype.kind == "f" else x for f, x in fields.items()}
    fields["act"] = fields["act"].astype(np.int32)
    position, features = fields["position"], fields["object_features"]
    if position.ndim not in (2, 3):
        raise OptionError(f"scenes: positions {position.shape}; allowed: [A, 2], or [N, A, 2] for many")
    lone = (1,) * (position.ndim - 2)
    agents, objects = (*lone, position.shape[-2]), (*lone, features.shape[-2])
    needed, present = features[..., NEEDED], features[..., PRESENT]
    ratio = np.minimum(present / np.maximum(needed, 1.0), 1.0)
    part = fields["takes_part"]
    heads, strengths = part.sum(-2), (part * fields["strength"][..., None]).sum(-2)
    # Whether strengths count shows where somebody stronger takes part; elsewhere it is as it shows there.
    adds_up = (present == strengths) & (heads != strengths)
    weighs = adds_up | ((heads == strengths) & adds_up.any())
    rest: dict[str, Any] = dict(
        there=np.ones(agents, bool),
        new_agent=np.zeros(agents, bool),
        moved=np.zeros(agents, bool),
        new_object=np.zeros(objects, bool),
        beside=present - np.where(weighs, strengths, heads).astype(np.float32),
        weighs=weighs,
        radius=np.full(objects, radius, np.float32),
        tied=(needed > 0) & (np.abs(features[..., PROGRESS] - ratio) < 1e-6),
    )
    return Stage(scene=Scene(**fields), **rest), len(position) if lone else None
