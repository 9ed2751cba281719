"""A library of concepts that a value head may or may not encode: pure functions `Scene -> [A]`.

Each is computed from the Scene and not from the observation, per agent, safe under jit and vmap. NaN marks
agents for which it is undefined (the distance of a partner nobody sees): such rows are left out, so that a
distance is never decoded from visibility alone. One Scene has no past: what takes one (who copied me lately)
is in `histories`.
"""

import dataclasses
from collections.abc import Callable, Iterable

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from socialsim.core import errors, geometry
from socialsim.core.acts import Act
from socialsim.core.scene import OBJECT_FEATURES, Scene

FAR = jnp.inf


@dataclasses.dataclass(frozen=True)
class Concept:
    """kind: "regression" or "binary" (0/1).  function: `Scene -> [A]` floats, NaN where undefined."""

    name: str
    kind: str
    function: Callable[[Scene], Float[Array, " A"]]
    summary: str

    def __post_init__(self):
        errors.choose("kind of concept", self.kind, ("regression", "binary"))


CONCEPTS: dict[str, Concept] = {}


def register_concept(name: str, kind: str, summary: str) -> Callable:
    """Decorator: add a function `Scene -> [A]` to the library.

    Raises OptionError for a name that is taken or another kind.
    """

    def add(function):
        if name in CONCEPTS:
            raise errors.OptionError(f"concept {name!r} is registered already ({CONCEPTS[name].summary})")
        CONCEPTS[name] = Concept(name, kind, function, summary)
        return function

    return add


def distances(scene: Scene) -> tuple[Float[Array, "A A"], Float[Array, "A M"]]:
    """To every agent (inf to oneself) and every object, in bodies."""
    agents = geometry.norm(scene.position[None] - scene.position[:, None])
    agents = jnp.where(jnp.eye(scene.num_agents, dtype=bool), FAR, agents)
    return agents, geometry.norm(scene.object_position[None] - scene.position[:, None])


def visible_objects(scene: Scene):
    """`[A, M]`: objects that are there and in my sight."""
    return scene.sees_object & scene.object_present[None]


def _nearest(distance, seen):
    """`[A]` distance of the nearest that is seen, NaN where none is, and its one-hot `[A, N]`."""
    if distance.shape[1] == 0:
        return jnp.full(distance.shape[0], jnp.nan), jnp.zeros(distance.shape)
    masked = jnp.where(seen, distance, FAR)
    first = jax.nn.one_hot(masked.argmin(-1), distance.shape[1]) * seen.any(-1, keepdims=True)
    return jnp.where(seen.any(-1), masked.min(-1), jnp.nan), first


def _feature(scene: Scene, name: str) -> Float[Array, " M"]:
    return scene.object_features[:, OBJECT_FEATURES.index(name)]


def _of_nearest_object(scene: Scene, value: Float[Array, " M"]) -> Float[Array, " A"]:
    seen = visible_objects(scene)
    _, first = _nearest(distances(scene)[1], seen)
    return jnp.where(seen.any(-1), first @ value, jnp.nan)


@register_concept("looked_at", "binary", "any agent sees me")
def looked_at(scene: Scene):
    return scene.sees_agent.any(0).astype(float)


@register_concept("num_watchers", "regression", "how many agents see me")
def num_watchers(scene: Scene):
    return scene.sees_agent.sum(0).astype(float)


@register_concept("mutual_gaze", "binary", "an agent that I see sees me")
def mutual_gaze(scene: Scene):
    return (scene.sees_agent & scene.sees_agent.T).any(-1).astype(float)


@register_concept("partner_visible", "binary", "I see a partner")
def partner_visible(scene: Scene):
    return scene.sees_agent.any(-1).astype(float)


@register_concept("nearest_partner_distance", "regression", "bodies to the nearest partner I see")
def nearest_partner_distance(scene: Scene):
    return _nearest(distances(scene)[0], scene.sees_agent)[0]


@register_concept("partner_approaching", "binary", "a partner I see moves nearer to an object I see")
def partner_approaching(scene: Scene):
    offset = scene.object_position[None] - scene.position[:, None]  # [partner, object]
    speed = (offset * scene.velocity[:, None]).sum(-1) / jnp.maximum(geometry.norm(offset), 1e-6)
    nears = (speed > 0.1).astype(float)
    pairs = scene.sees_agent.astype(float) @ nears * visible_objects(scene)
    return (pairs.sum(-1) > 0).astype(float)


@register_concept("object_visible", "binary", "I see an object")
def object_visible(scene: Scene):
    return visible_objects(scene).any(-1).astype(float)


@register_concept("nearest_object_distance", "regression", "bodies to the nearest object I see")
def nearest_object_distance(scene: Scene):
    return _nearest(distances(scene)[1], visible_objects(scene))[0]


@register_concept("object_occupancy", "regression", "present / needed at the nearest object I see")
def object_occupancy(scene: Scene):
    return _of_nearest_object(scene, _feature(scene, "present") / jnp.maximum(_feature(scene, "needed"), 1.0))


@register_concept("missing_participants", "regression", "what the nearest object I see lacks")
def missing_participants(scene: Scene):
    return _of_nearest_object(scene, jnp.maximum(_feature(scene, "needed") - _feature(scene, "present"), 0.0))


@register_concept("on_object", "binary", "I take part at an object")
def on_object(scene: Scene):
    return (scene.takes_part & scene.object_present[None]).any(-1).astype(float)


@register_concept("partner_on_object", "binary", "a partner I see takes part at an object")
def partner_on_object(scene: Scene):
    busy = (scene.takes_part & scene.object_present[None]).any(-1)
    return (scene.sees_agent & busy[None]).any(-1).astype(float)


@register_concept("one_more_needed", "binary", "an object I see lacks exactly one participant")
def one_more_needed(scene: Scene):
    lacks = _feature(scene, "needed") - _feature(scene, "present")
    return (visible_objects(scene) & (lacks == 1)[None]).any(-1).astype(float)


@register_concept("wall_ahead", "binary", "less than one body and a half is free ahead")
def wall_ahead(scene: Scene):
    return (scene.clear[:, 0] < 1.5).astype(float)


@register_concept("mean_partner_distance", "regression", "bodies to the partners I see, on average")
def mean_partner_distance(scene: Scene):
    return _partners_apart(scene)[0]


@register_concept(
    "partner_spread", "regression", "how unequal the distances of partners I see are (SD, bodies)"
)
def partner_spread(scene: Scene):
    return _partners_apart(scene)[1]


def _partners_apart(scene: Scene):
    """Mean and standard deviation `[A]` of the distances of partners in sight; NaN below one and two."""
    seen = scene.sees_agent
    count = seen.sum(-1)
    distance = jnp.where(seen, distances(scene)[0], 0.0)
    mean = distance.sum(-1) / jnp.maximum(count, 1)
    square = jnp.where(seen, (distance - mean[:, None]) ** 2, 0.0).sum(-1) / jnp.maximum(count, 1)
    return jnp.where(count > 0, mean, jnp.nan), jnp.where(count > 1, jnp.sqrt(square), jnp.nan)


@register_concept("partner_nears_me", "binary", "a partner I see comes nearer to me")
def partner_nears_me(scene: Scene):
    offset = scene.position[:, None] - scene.position[None]  # [me, partner], from the partner to me
    relative = scene.velocity[None] - scene.velocity[:, None]
    speed = (offset * relative).sum(-1) / jnp.maximum(geometry.norm(offset), 1e-6)
    return (scene.sees_agent & (speed > 0.1)).any(-1).astype(float)


@register_concept("leading", "binary", "of me and the partners I see, I am foremost along our mean heading")
def leading(scene: Scene):
    """NaN where I see nobody. Whether anyone follows takes more than one Scene."""
    group = scene.sees_agent | jnp.eye(scene.num_agents, dtype=bool)
    course = geometry.unit(group.astype(scene.heading.dtype) @ scene.heading)
    along = (scene.position[None] * course[:, None]).sum(-1)  # [me, member]
    front = jnp.where(scene.sees_agent, along, -FAR).max(-1)
    return jnp.where(scene.sees_agent.any(-1), jnp.diagonal(along) > front, jnp.nan)


@register_concept("same_act", "binary", "a partner I see does the act that I do")
def same_act(scene: Scene):
    return (scene.sees_agent & (scene.act[:, None] == scene.act[None])).any(-1).astype(float)


@register_concept("load", "regression", "what I carry")
def load(scene: Scene):
    return scene.load.astype(float)


@register_concept("partner_loaded", "binary", "a partner I see carries something")
def partner_loaded(scene: Scene):
    return (scene.sees_agent & (scene.load > 0)[None]).any(-1).astype(float)


@register_concept("strength", "regression", "for how many I count at a joint event")
def strength(scene: Scene):
    return scene.strength.astype(float)


@register_concept("object_present", "regression", "how many are at the nearest object I see (pad occupancy)")
def object_present(scene: Scene):
    return _of_nearest_object(scene, _feature(scene, "present"))


def _nearest_object(feature: str, kind: str, summary: str):
    @register_concept(f"object_{feature}", kind, f"the nearest object I see {summary}")
    def of(scene: Scene):
        value = _of_nearest_object(scene, _feature(scene, feature))
        return jnp.where(jnp.isnan(value), value, value > 0) if kind == "binary" else value


_nearest_object("active", "binary", "is active (lit, open, switched on)")
_nearest_object("resource", "regression", "has so much left to give")
_nearest_object("progress", "regression", "is so far along in its joint event")
_nearest_object("load", "regression", "carries so much")


def _own_act(act: Act):
    @register_concept(f"own_act_{act.name.lower()}", "binary", f"my act is {act.name.lower()}")
    def own(scene: Scene):
        return (scene.act == act).astype(float)


for _act in (Act.STILL, Act.ADVANCE, Act.INTERACT):
    _own_act(_act)

DEFAULT_CONCEPTS = (
    "looked_at",
    "num_watchers",
    "partner_visible",
    "nearest_partner_distance",
    "partner_approaching",
    "object_visible",
    "nearest_object_distance",
    "object_occupancy",
    "missing_participants",
    "on_object",
    "partner_on_object",
    "wall_ahead",
)
"""The twelve of the demo."""


def concepts(names: Iterable[str] = DEFAULT_CONCEPTS) -> tuple[Concept, ...]:
    """Concepts by name. Raises OptionError for an unknown name, naming the nearest."""
    return tuple(CONCEPTS[errors.choose("concept", n, CONCEPTS)] for n in names)


def scenes_of(recording: xr.Dataset) -> Scene:
    """The Scene, with leading axes `[step, world]`, from a recording's `scene_<field>` variables.

    Raises OptionError where a field is missing.
    """
    names = [f.name for f in dataclasses.fields(Scene)]
    lacking = [n for n in names if f"scene_{n}" not in recording]
    if lacking:
        raise errors.OptionError(f"recording lacks the scene fields {lacking}; allowed: all of them")
    return Scene(**{n: jnp.asarray(recording[f"scene_{n}"].values) for n in names})


def measure_concepts(scenes: Scene, names: Iterable[str] = DEFAULT_CONCEPTS) -> dict[str, np.ndarray]:
    """Concepts of a batch of scenes `[..., A]`, by name."""
    chosen = concepts(names)
    lead = scenes.position.shape[:-2]
    flat = jax.tree.map(lambda x: x.reshape(-1, *x.shape[len(lead) :]), scenes)
    found = jax.jit(jax.vmap(lambda s: {c.name: c.function(s) for c in chosen}))(flat)
    return {k: np.asarray(v, float).reshape(*lead, v.shape[-1]) for k, v in found.items()}


TYPE_CONCEPTS = (
    "num_watchers",
    "partner_visible",
    "nearest_object_distance",
    "missing_participants",
    "on_object",
)
"""What makes two scenes of one discrete type, for the control task (`probes.scene_types`)."""
