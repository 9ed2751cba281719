"""What makes a folder a run: its `config.json`, and the errors when it is missing, foreign or damaged."""

import dataclasses
import difflib
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from socialsim.core.errors import RunError
from socialsim.runs import files, lock

CONFIG = "config.json"
FORMAT = "socialsim-run"
SCHEMA = 2
"""Version of the layout on disk; raised when an older socialsim could no longer read a run."""


def normal(config: Any) -> dict[str, Any]:
    """A mapping or dataclass as plain JSON types, so that what is read back compares equal.

    Raises RunError naming an option that JSON cannot hold exactly.
    """
    if dataclasses.is_dataclass(config) and not isinstance(config, type):
        config = dataclasses.asdict(config)
    for name, value in _flat(config):
        if isinstance(value, float) and files.plain(value) is None:
            raise RunError(f"option {name}={value!r}; allowed in a run's configuration: finite numbers")
    try:
        return files.plain(config)
    except TypeError as error:
        raise RunError(f"a run's configuration holds what JSON cannot: {error}") from None


def claim(path: Path) -> lock.Lock:
    """Make the folder of a new run and lock it. Raises RunError unless it is new or empty."""
    if path.exists() and not path.is_dir():
        raise RunError(f"{str(path)!r} is a file; name a folder for the run")
    try:
        path.mkdir(parents=True, exist_ok=True)
        others = [p.name for p in path.iterdir() if not _ours(p)]
        if not others:
            held = lock.Lock(path)
            # Another process may have made the run between our look and our lock.
            others = [p.name for p in path.iterdir() if not _ours(p)]
    except OSError as error:
        raise RunError(f"no run can be made at {str(path)!r}: {error.strerror}") from None
    if CONFIG in others:
        raise RunError(f"there is a run at {str(path)!r} already; resume it or name another folder")
    if others:
        raise RunError(
            f"{str(path)!r} is not empty and is not a socialsim run (it holds {others[0]!r}); "
            "name another folder"
        )
    return held


def _ours(path: Path) -> bool:
    return path.name == lock.NAME or path.name.startswith(files.TEMPORARY)


def write_config(path: Path, config: Mapping[str, Any]) -> None:
    body = {"format": FORMAT, "schema": SCHEMA, "versions": versions(), "config": config}
    files.write_sealed(path / CONFIG, body)


def read_config(path: Path) -> dict[str, Any]:
    """The configuration of the run at `path`. Raises RunError; see `Run.open`."""
    if not path.is_dir():
        if path.exists():
            raise RunError(f"{str(path)!r} is a file, not a run folder")
        near = _nearest(path) or f"; 'socialsim train WORLD --out {path}' makes one"
        raise RunError(f"no run at {str(path)!r}{near}")
    if not (path / CONFIG).exists():
        raise RunError(f"{str(path)!r} is not a socialsim run: it has no {CONFIG}{_nearest(path)}")
    try:
        body = files.read_sealed(path / CONFIG)
    except (files.Damaged, OSError) as error:
        raise RunError(
            f"the run at {str(path)!r} is damaged or foreign: {error}; "
            "put the file back or name another folder"
        ) from None
    if body.get("format") != FORMAT:
        raise RunError(f"{str(path)!r} is not a socialsim run; name another folder")
    if body.get("schema") != SCHEMA:
        made = body.get("versions", {}).get("socialsim", "unknown")
        raise RunError(
            f"the run at {str(path)!r} has schema {body.get('schema')} (socialsim {made}); "
            f"this socialsim reads schema {SCHEMA}; use the version that made it or start a new run"
        )
    return body["config"]


def same(path: Path, there: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    """Raise RunError, naming the first option that differs, unless both configurations are the same."""
    old, new = dict(_flat(there)), dict(_flat(asked))
    odd = [n for n in {**new, **old} if n not in old or n not in new or old[n] != new[n]]
    if odd:
        first = odd[0]
        more = f" (and {len(odd) - 1} more)" if len(odd) > 1 else ""
        raise RunError(
            f"the run at {str(path)!r} was made with {first}={old.get(first, 'nothing')!r}, asked for "
            f"{new.get(first, 'nothing')!r}{more}; use the same options or name another folder"
        )


def versions() -> dict[str, str]:
    """Installed versions of what results depend on."""
    found = {}
    for name in ("socialsim", "jax", "jaxlib", "flax", "optax", "numpy", "mujoco", "mujoco-mjx"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "none"
    return found


def _flat(config: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted name, value) of every leaf; empty containers are leaves."""
    if isinstance(config, Mapping) and config:
        for key, value in config.items():
            yield from _flat(value, f"{prefix}{key}.")
    elif isinstance(config, list | tuple) and config:
        for index, value in enumerate(config):
            yield from _flat(value, f"{prefix}{index}.")
    else:
        yield prefix[:-1], config


def _nearest(path: Path) -> str:
    """'; did you mean ...?' if a run of a similar name lies beside `path`."""
    try:
        runs = [p.name for p in path.parent.iterdir() if (p / CONFIG).exists() and p != path]
    except OSError:
        return ""
    near = difflib.get_close_matches(path.name, runs, n=1, cutoff=0.4)
    return f"; did you mean {str(path.with_name(near[0]))!r}?" if near else ""
