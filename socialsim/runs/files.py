"""Files that are either whole or absent: atomic writes, JSON that knows its own checksum, sealed folders.

A write goes to a temporary name beside its target, is flushed to the disk and then renamed, so a process
killed at any moment leaves the old file or the new one, and at worst a temporary that `sweep` removes.
"""

import dataclasses
import hashlib
import json
import math
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

TEMPORARY = ".writing-"
"""Prefix of everything that is not finished yet."""


class Damaged(Exception):
    """A file or folder is not what was written; the message says which and how."""


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file atomically and durably; its folder must exist."""
    temporary = path.with_name(f"{TEMPORARY}{os.getpid()}-{path.name}")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    sync(path.parent)


def sync(path: Path) -> None:
    """Flush a file or a folder's entries to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sweep(folder: Path) -> None:
    """Remove what an earlier process did not finish."""
    for left in folder.glob(f"{TEMPORARY}*"):
        shutil.rmtree(left) if left.is_dir() else left.unlink()


def remove(folder: Path) -> None:
    """Remove a folder so that no half of it can be taken for a whole one."""
    if folder.exists():
        doomed = folder.with_name(f"{TEMPORARY}removing-{os.getpid()}-{folder.name}")
        os.replace(folder, doomed)
        shutil.rmtree(doomed)


def plain(value: Any) -> Any:
    """Value as strict JSON: dataclasses become objects, NumPy becomes plain, non-finite becomes null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(v) for v in (sorted(value) if isinstance(value, set | frozenset) else value)]
    if isinstance(value, np.ndarray | np.generic) or hasattr(value, "__array__"):
        return plain(np.asarray(value).tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"{type(value).__name__} {value!r} cannot be written as JSON")


def to_json(value: Any) -> bytes:
    """Strict JSON, indented; see `plain`."""
    return (json.dumps(plain(value), indent=2, allow_nan=False, ensure_ascii=False) + "\n").encode()


def write_sealed(path: Path, body: Any) -> None:
    """Write a JSON object with a checksum of its content; `read_sealed` holds it to that."""
    write_bytes(path, sealed(body))


def sealed(body: Any) -> bytes:
    """A mapping or dataclass as a JSON object whose last entry, `sha256`, is the checksum of the others."""
    body = plain(body)
    if not isinstance(body, dict) or "sha256" in body:
        raise TypeError("allowed: a mapping or dataclass without an entry 'sha256'")
    return to_json({**body, "sha256": _digest(body)})


def read_sealed(path: Path) -> dict[str, Any]:
    """Read what `write_sealed` wrote. Raises Damaged, or OSError."""
    try:
        body = json.loads(path.read_bytes())
        seal = body.pop("sha256")
    except (ValueError, KeyError, AttributeError, TypeError):
        raise Damaged(f"{path.name} is not valid JSON, or not written by socialsim") from None
    if seal != _digest(body):
        raise Damaged(f"{path.name} was changed after it was written (its checksum does not match)")
    return body


def _digest(body: Mapping[str, Any]) -> str:
    text = json.dumps(body, sort_keys=True, allow_nan=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def inventory(folder: Path) -> dict[str, str]:
    """Checksum of every file below `folder` (relative path -> sha256), each flushed to the disk."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found[path.relative_to(folder).as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest()
        sync(path)
    return found


def check(folder: Path, known: Mapping[str, str]) -> None:
    """Raise Damaged unless every known file is there, byte for byte."""
    for name, digest in known.items():
        path = folder / name
        if not path.is_file():
            raise Damaged(f"{name} is missing")
        if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            raise Damaged(f"{name} is truncated or altered")
