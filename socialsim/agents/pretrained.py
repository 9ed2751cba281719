"""Trained teams that ship with the package, and the file they are kept in: arrays and JSON, no pickle."""

import dataclasses
import importlib.resources
import io
import json
import os
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from socialsim.agents.networks import NetworkConfig
from socialsim.agents.team import Team, new_team
from socialsim.core.errors import OptionError, RunError, choose
from socialsim.core.world import Actions
from socialsim.runs import files

FORMAT = 1
_UNREADABLE = (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile, zlib.error)


def pretrained() -> tuple[str, ...]:
    """Ids of the worlds that trained teams ship for."""
    return tuple(sorted(p.name.removesuffix(".npz") for p in _folder().iterdir() if p.name.endswith(".npz")))


def load_pretrained(id: str, seed: int = 0) -> Team:
    """A team trained in world `id` on social signals alone, under the default drives; no code is run from it.

    seed : which of the independently trained teams; `model_card(id)` says how many there are, how they
        were made, and what they reach (a short budget: not all of them learned the task).

    Raises OptionError for a world or seed that none ships for, CarrierError where the senses have changed.
    """
    teams, _ = _shipped(id)
    if not 0 <= seed < len(teams):
        raise OptionError(f"seed={seed}; allowed: 0 to {len(teams) - 1}, the teams that ship for {id}")
    return teams[seed]


def load_pretrained_teams(id: str) -> list[Team]:
    """All the teams that ship for a world, by seed; see `load_pretrained`."""
    return _shipped(id)[0]


def model_card(id: str) -> dict[str, Any]:
    """How the teams of a world were made and what was measured of them: the facts behind weights/ID.md."""
    return _shipped(id)[1]


def _folder():
    return importlib.resources.files("socialsim.agents") / "weights"


def _shipped(id: str) -> tuple[list[Team], dict[str, Any]]:
    known = pretrained()
    choose("pretrained world", id.removesuffix(".npz"), known)
    with importlib.resources.as_file(_folder() / f"{id}.npz") as path:
        return read_teams(path)


def write_teams(path: str | os.PathLike, teams: Sequence[Team], about: Mapping[str, Any]) -> None:
    """Write teams of one kind, whole or not at all. Parameters are kept in 16 bits, so read them back
    before measuring them. `about` is plain JSON."""
    first = teams[0]
    head = {
        "format": FORMAT,
        "teams": len(teams),
        "config": dataclasses.asdict(first.config),
        "actions": dataclasses.asdict(first.actions),
        "channels": list(first.channels),
        "features": first.features,
        "num_agents": _num_agents(first),
        "about": files.plain(about),
    }
    stacked = jax.tree.map(lambda *xs: np.stack([np.asarray(x, np.float32) for x in xs]), *teams)
    halved = stacked.replace(params=jax.tree.map(lambda x: x.astype(np.float16), stacked.params))
    arrays = {f"leaf{name}": x for name, x in _leaves(halved)}
    text = np.frombuffer(json.dumps(head, sort_keys=True).encode(), np.uint8)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, head=text, **arrays)
    files.write_bytes(Path(path), buffer.getvalue())


def read_teams(path: str | os.PathLike) -> tuple[list[Team], dict[str, Any]]:
    """Teams and what was written about them. Raises RunError for a file that is missing or damaged,
    CarrierError where its features are not those of this version."""
    try:
        # Read whole first: numpy leaves a file it cannot make sense of open.
        with np.load(io.BytesIO(Path(path).read_bytes()), allow_pickle=False) as stored:
            head = json.loads(stored["head"].tobytes())
            template = _template(head)
            leaves = [_leaf(stored[f"leaf{name}"], x, head["teams"]) for name, x in _leaves(template)]
    except _UNREADABLE as error:
        raise RunError(
            f"{os.fspath(path)!r} is not a complete socialsim team file ({type(error).__name__}: {error}); "
            "write or install it again"
        ) from None
    template.check_features()
    structure = jax.tree.structure(template)
    return [structure.unflatten([x[i] for x in leaves]) for i in range(head["teams"])], head["about"]


def _template(head: Mapping[str, Any]) -> Team:
    actions = Actions(**{**head["actions"], "names": tuple(head["actions"]["names"])})
    config = NetworkConfig(**head["config"])
    channels = tuple(head["channels"])
    team = jax.eval_shape(
        lambda key: new_team(key, config, actions, channels, head["num_agents"]), jax.random.key(0)
    )
    return team.replace(features=head["features"])


def _leaf(found: np.ndarray, wanted: jax.ShapeDtypeStruct, teams: int) -> np.ndarray:
    if found.shape != (teams, *wanted.shape):
        raise ValueError(f"shape {found.shape} for {(teams, *wanted.shape)}")
    return found.astype(wanted.dtype)


def _leaves(team: Team) -> list[tuple[str, Any]]:
    return [(jax.tree_util.keystr(path), x) for path, x in jax.tree_util.tree_leaves_with_path(team)]


def _num_agents(team: Team) -> int:
    """Agents that have parameters of their own; 1 where they share them."""
    return int(jax.tree.leaves(team.params)[0].shape[0]) if team.config.per_agent else 1
