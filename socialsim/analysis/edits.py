"""Edits of a Scene, each from one agent's point of view: `edit(scene, me) -> (scene, applies)`.

Each keeps sight, participation and head counts consistent with what it changes. Where an edit does not apply
the scene comes back unchanged. `seen=False` makes the matched control: the same edit on what I cannot see,
which must leave my value exactly as it was.
"""

import abc
import dataclasses

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from socialsim.analysis.concepts import distances, visible_objects
from socialsim.core import errors, geometry
from socialsim.core.scene import OBJECT_FEATURES, Scene
from socialsim.core.sight import Eyes

PRESENT, NEEDED = OBJECT_FEATURES.index("present"), OBJECT_FEATURES.index("needed")


class Edit(abc.ABC):
    """A change of the scene. Subclasses are frozen dataclasses with a `name` and a `summary`."""

    name: str
    summary: str

    @abc.abstractmethod
    def __call__(self, scene: Scene, me: Int[Array, ""]) -> tuple[Scene, Bool[Array, ""]]: ...


def _pick(distance: Float[Array, " N"], allowed: Bool[Array, " N"], rank: int = 0):
    """Index of the rank-th nearest that is allowed, and whether there is one."""
    far = jnp.where(allowed, distance, jnp.inf)
    index = jnp.arange(distance.shape[0])
    before = (far[None] < far[:, None]) | ((far[None] == far[:, None]) & (index[None] < index[:, None]))
    return (before.sum(-1) == rank).argmax(), allowed.sum() > rank


def _partner(scene: Scene, me, allowed, rank: int = 0):
    others = jnp.arange(scene.num_agents) != me
    return _pick(distances(scene)[0][me], allowed & others, rank)


def _weight(scene: Scene, k) -> tuple[Float[Array, " M"], Bool[Array, " M"]]:
    """For how many agent k counts at each object, and whether that is known.

    Some objects count heads, others add up strengths, and their count of who is there tells which. It cannot
    where all who take part have strength 1, or nobody does.
    """
    present, part = scene.object_features[:, PRESENT], scene.takes_part
    heads, strengths = part.sum(0), (part * scene.strength[:, None]).sum(0)
    adds_up = (present == strengths) & (heads != strengths)
    one = scene.strength[k] == 1
    known = one | adds_up | ((present == heads) & (heads != strengths))
    return jnp.where(adds_up, scene.strength[k], 1.0), known


def _if(applies, edited: Scene, scene: Scene) -> Scene:
    return jax.tree.map(lambda new, old: jnp.where(applies, new, old), edited, scene)


@dataclasses.dataclass(frozen=True)
class TurnGaze(Edit):
    """Turn the nearest fitting partner's gaze: "at_me", "away" or "elsewhere" (from not at me to not at me).

    seen: whether it must be a partner I see.  directions: 4 where gazes are quarter turns (grids), 0 where
    any direction is possible.  neck: False where body and gaze are one, so that the body turns too.
    eyes: the world's, to know whether the new gaze takes me in.
    """

    to: str = "at_me"
    seen: bool = True
    directions: int = 0
    neck: bool = True
    eyes: Eyes = dataclasses.field(default_factory=Eyes)

    def __post_init__(self):
        errors.choose("direction of gaze", self.to, ("at_me", "away", "elsewhere"))
        errors.integer("directions", self.directions, low=0)

    @property
    def name(self) -> str:
        verb = {"at_me": "look_at_me", "away": "look_away", "elsewhere": "look_elsewhere"}[self.to]
        return verb if self.seen else f"unseen_{verb}"

    @property
    def summary(self) -> str:
        who = "a partner I see" if self.seen else "a partner I cannot see"
        what = {"at_me": "turns to look at me", "away": "looks off me", "elsewhere": "looks elsewhere"}
        return f"{who} {what[self.to]}"

    def __call__(self, scene: Scene, me):
        watched = scene.sees_agent[:, me]
        in_sight = scene.sees_agent[me] if self.seen else ~scene.sees_agent[me]
        j, applies = _partner(scene, me, in_sight & (watched if self.to == "away" else ~watched))
        toward = geometry.unit(scene.position[me] - scene.position[j])
        if self.to == "elsewhere":  # mirrored about the line between us: as far from me as before
            along = (scene.gaze[j] * toward).sum()
            wanted = 2 * along * toward - scene.gaze[j]
        else:
            wanted = toward if self.to == "at_me" else -toward
        gaze = geometry.snap(wanted, self.directions)
        applies &= geometry.norm(gaze - scene.gaze[j]) > 1e-3
        # Whether j can see me at all (walls) is known where I see j: sight is symmetric but for the cone.
        if self.eyes.full_view:
            sees = jnp.ones((), bool)
        else:
            nowhere = jnp.zeros((0, 4))
            sees = self.eyes.see(scene.position[j][None], gaze[None], scene.position[me][None], nowhere)[0, 0]
        sees = sees if self.seen else watched[j] | (self.to == "at_me")
        applies &= sees == (self.to == "at_me")
        edited = scene.replace(
            gaze=scene.gaze.at[j].set(gaze),
            heading=scene.heading if self.neck else scene.heading.at[j].set(gaze),
            sees_agent=scene.sees_agent.at[j, me].set(sees),
        )
        return _if(applies, edited, scene), applies


@dataclasses.dataclass(frozen=True)
class RemovePartner(Edit):
    """Take away the `rank`-th nearest partner I see: nobody sees it, it sees and takes part in nothing."""

    rank: int = 0

    def __post_init__(self):
        errors.integer("rank", self.rank, low=0)

    @property
    def name(self) -> str:
        return "remove_partner" if self.rank == 0 else f"remove_partner_{self.rank}"

    @property
    def summary(self) -> str:
        return f"the {_ordinal(self.rank)} partner I see is gone"

    def __call__(self, scene: Scene, me):
        k, applies = _partner(scene, me, scene.sees_agent[me], self.rank)
        before, stay = scene.object_features[:, PRESENT], scene.takes_part.at[k].set(False)
        # At plates, where one counts as much as two, those who stay still count.
        present = jnp.maximum(before - scene.takes_part[k] * _weight(scene, k)[0], 0.0)
        present = jnp.maximum(present, jnp.minimum(before, stay.sum(0)))
        edited = scene.replace(
            sees_agent=scene.sees_agent.at[:, k].set(False).at[k].set(False),
            sees_object=scene.sees_object.at[k].set(False),
            takes_part=stay,
            object_features=scene.object_features.at[:, PRESENT].set(present),
        )
        return _if(applies, edited, scene), applies


def _object(scene: Scene, me, allowed):
    return _pick(distances(scene)[1][me], allowed)


def _left(scene: Scene, m) -> Scene:
    """Nobody takes part at object m any more."""
    return scene.replace(
        takes_part=scene.takes_part.at[:, m].set(False),
        object_features=scene.object_features.at[m, PRESENT].set(0.0),
    )


@dataclasses.dataclass(frozen=True)
class MoveObject(Edit):
    """Move the nearest object I see along my line of sight to `distance` bodies: "near" only nearer, "far"
    only farther. Applies where nobody takes part at it, and to "far" only within the eyes' reach.

    Nearer, the line of sight is known to be free. Farther, a wall may stand there in truth: the senses of
    this edit are those of a world without it.
    """

    to: str = "near"
    distance: float = 2.0
    eyes: Eyes = dataclasses.field(default_factory=Eyes)

    def __post_init__(self):
        errors.choose("way to move", self.to, ("near", "far"))
        if not 0 < self.distance <= self.eyes.reach:
            raise errors.OptionError(f"distance={self.distance}; allowed: above 0, up to {self.eyes.reach}")

    @property
    def name(self) -> str:
        return f"move_object_{self.to}"

    @property
    def summary(self) -> str:
        return f"the nearest object I see is {self.distance:g} bodies away instead"

    def __call__(self, scene: Scene, me):
        if scene.num_objects == 0:
            return scene, jnp.zeros((), bool)
        m, applies = _object(scene, me, visible_objects(scene)[me])
        offset = scene.object_position[m] - scene.position[me]
        length = geometry.norm(offset)
        moves = length > self.distance + 0.5 if self.to == "near" else length < self.distance - 0.5
        applies &= moves & (length > 0.5) & ~scene.takes_part[:, m].any()
        place = scene.position[me] + geometry.unit(offset) * self.distance
        edited = scene.replace(object_position=scene.object_position.at[m].set(place))
        return _if(applies, edited, scene), applies


@dataclasses.dataclass(frozen=True)
class RemoveObject(Edit):
    """Take away the nearest object I see (or, seen=False, one that I cannot see)."""

    seen: bool = True

    @property
    def name(self) -> str:
        return "remove_object" if self.seen else "unseen_remove_object"

    @property
    def summary(self) -> str:
        return f"the nearest object I {'see' if self.seen else 'cannot see'} is gone"

    def __call__(self, scene: Scene, me):
        if scene.num_objects == 0:
            return scene, jnp.zeros((), bool)
        visible = visible_objects(scene)[me]
        m, applies = _object(scene, me, visible if self.seen else ~visible & scene.object_present)
        edited = _left(scene, m).replace(
            object_present=scene.object_present.at[m].set(False),
            sees_object=scene.sees_object.at[:, m].set(False),
        )
        return _if(applies, edited, scene), applies


@dataclasses.dataclass(frozen=True)
class PartnerOnObject(Edit):
    """Put the nearest idle partner I see onto the nearest object I see that still lacks participants.

    It stands there, still, its gaze as it was; whether it then sees me follows from `eyes`. The place lies
    in my sight, so the line between us is free.

    beside: bodies between it and the object's centre, on my side (for objects that are pushed).
    weighs: whether objects add up strengths (True) or count heads (False). None: as the object's own count
    tells; where a partner of strength other than 1 would join and it does not tell, the edit does not apply.
    """

    beside: float = 0.0
    eyes: Eyes = dataclasses.field(default_factory=Eyes)
    weighs: bool | None = None
    name: str = dataclasses.field(default="partner_on_object", init=False)
    summary: str = dataclasses.field(default="a partner I see joins the nearest object I see", init=False)

    def __call__(self, scene: Scene, me):
        if scene.num_objects == 0:
            return scene, jnp.zeros((), bool)
        lacks = scene.object_features[:, NEEDED] > scene.object_features[:, PRESENT]
        m, free = _object(scene, me, visible_objects(scene)[me] & lacks)
        busy = scene.takes_part.any(-1)
        k, known = _partner(scene, me, scene.sees_agent[me] & ~busy)
        centre = scene.object_position[m]
        place = centre + self.beside * geometry.unit(scene.position[me] - centre)
        position = scene.position.at[k].set(place)
        nowhere = jnp.zeros((0, 4))
        sees = self.eyes.see(place[None], scene.gaze[k][None], scene.position[me][None], nowhere)[0, 0]
        weight, told = (x[m] for x in _weight(scene, k))
        if self.weighs is not None:
            weight, told = scene.strength[k] if self.weighs else jnp.ones(()), jnp.ones((), bool)
        edited = scene.replace(
            position=position,
            velocity=scene.velocity.at[k].set(0.0),
            takes_part=scene.takes_part.at[k, m].set(True),
            object_features=scene.object_features.at[m, PRESENT].add(weight),
            sees_agent=scene.sees_agent.at[k, me].set(sees),
        )
        # Never behind me: the place must lie between me and the object.
        applies = free & known & told & (geometry.norm(centre - scene.position[me]) > self.beside)
        return _if(applies, edited, scene), applies


def default_edits(
    *,
    directions: int = 0,
    neck: bool = True,
    beside: float = 0.0,
    eyes: Eyes | None = None,
    weighs: bool | None = None,
) -> tuple[Edit, ...]:
    """The edits of the report, controls last. Grids: `directions=4, neck=False`. eyes: the world's.
    beside, weighs: of `PartnerOnObject`."""
    eyes = eyes or Eyes()
    gaze = {"directions": directions, "neck": neck, "eyes": eyes}
    return (
        TurnGaze("at_me", **gaze),
        TurnGaze("away", **gaze),
        RemovePartner(),
        PartnerOnObject(beside, eyes, weighs),
        MoveObject("near", min(2.0, eyes.reach), eyes),
        MoveObject("far", min(6.0, eyes.reach), eyes),
        RemoveObject(),
        TurnGaze("elsewhere", **gaze),
        TurnGaze("at_me", seen=False, **gaze),
        RemoveObject(seen=False),
    )


def _ordinal(rank: int) -> str:
    return "nearest" if rank == 0 else f"{rank + 1}. nearest"
