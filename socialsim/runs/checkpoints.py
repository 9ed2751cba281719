"""Checkpoints: pytrees of arrays and typed keys, restored to the last bit. The only user of Orbax.

A checkpoint is a folder named by its step: Orbax's own files and a sealed `manifest.json` with the
checksum of each and the shape and type of every leaf. No pickle; reading runs no code from the folder.
"""

import contextlib
import functools
import logging
import os
import re
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from socialsim.core.errors import RunError
from socialsim.runs import files

MANIFEST = "manifest.json"
_SYSTEM = re.compile(r"os_error_code='(\d+)'")


def steps(folder: Path) -> list[int]:
    """Steps that have a checkpoint in `folder`, oldest first; damaged ones included."""
    if not folder.is_dir():
        return []
    return sorted(int(p.name) for p in folder.iterdir() if p.name.isdecimal() and p.is_dir())


def place(folder: Path, step: int) -> Path:
    return folder / f"{step:08d}"


def save(folder: Path, step: int, tree: Any) -> None:
    """Write `tree` as the checkpoint of `step`: whole or not at all. Raises OSError if the disk refuses."""
    target, writing = place(folder, step), folder / f"{files.TEMPORARY}{os.getpid()}-{step:08d}"
    folder.mkdir(parents=True, exist_ok=True)
    leaves = _named(tree)
    try:
        if arrays := {name: _numbers(x) for name, x in leaves.items() if _size(x)}:
            _write(writing, arrays)
        else:
            writing.mkdir()
        manifest = {
            "step": step,
            "leaves": {name: _describe(x) for name, x in leaves.items()},
            "files": files.inventory(writing),
        }
        files.write_sealed(writing / MANIFEST, manifest)
        files.remove(target)
        os.replace(writing, target)
        files.sync(folder)
    finally:
        for left in folder.glob(f"{writing.name}*"):  # Orbax writes under longer names of its own
            files.remove(left)


def load(folder: Path, step: int, template: Any) -> Any:
    """The tree saved at `step`, with the structure, types and device placement of `template`.

    Leaves of `template` are arrays, `jax.ShapeDtypeStruct`s or Python numbers. Raises `files.Damaged` if
    the checkpoint is not what was written, RunError if it holds another tree than `template`.
    """
    source = place(folder, step)
    try:
        manifest = files.read_sealed(source / MANIFEST)
        files.check(source, manifest["files"])
    except OSError as error:
        raise files.Damaged(f"{Path(error.filename or MANIFEST).name} is missing or unreadable") from None
    wanted = _named(template)
    _compare(source, manifest["leaves"], wanted)
    asked = {name: _abstract(x) for name, x in wanted.items() if _size(x)}
    try:
        with _alone():
            found = _orbax().load(str(source.resolve()), asked) if asked else {}
    except (ValueError, KeyError, OSError) as error:
        raise files.Damaged(f"Orbax cannot read it: {error}") from error
    given, structure = jax.tree.flatten(template)
    leaves = [_like(x, found.get(name)) for x, name in zip(given, wanted, strict=True)]
    return jax.tree.unflatten(structure, leaves)


def _write(target: Path, arrays: dict[str, Any]) -> None:
    place = str(target.resolve())
    _quiet_threads()
    try:
        if jax.process_count() > 1:
            _write_alone(place, arrays)
            return
        try:
            _orbax().save(place, arrays)
        except TimeoutError:  # Orbax counts by the clock on the wall, which can jump: once more
            _orbax().save(place, arrays, overwrite=True)
    except (ValueError, RuntimeError) as error:
        # TensorStore tells what the system said in words only.
        if (told := _SYSTEM.search(str(error))) is None:
            raise
        raise OSError(int(told[1]), os.strerror(int(told[1])), str(target)) from error


@functools.cache
def _quiet_threads() -> None:
    """Orbax's threads print and log with a traceback, at any time, what they hand to their caller as well;
    TensorStore's print that they find nobody to tell, once the first refusal has ended the writing."""
    shown, ignored = threading.excepthook, sys.unraisablehook

    def show(args):
        if not type(args.thread).__module__.startswith("orbax"):
            shown(args)

    def told_anyway(record: logging.LogRecord) -> bool:
        return bool(record.exc_info) and "orbax" in record.pathname

    def ignore(args):
        if not (isinstance(args.exc_value, RuntimeError) and "Event loop is closed" in str(args.exc_value)):
            ignored(args)

    threading.excepthook, sys.unraisablehook = show, ignore
    logging.getLogger("absl").addFilter(lambda record: not told_anyway(record))


def _orbax():
    """Orbax's v1 interface, which lives under `experimental` in the versions that exist so far."""
    try:
        import orbax.checkpoint.v1 as v1  # type: ignore[import-not-found]
    except ImportError:
        import orbax.checkpoint.experimental.v1 as v1
    return v1


def _alone() -> contextlib.AbstractContextManager:
    """Where hosts train together, each reads whole arrays for itself: Orbax waits for no other."""
    if jax.process_count() == 1:
        return contextlib.nullcontext()
    options = _orbax().options.MultiprocessingOptions(**_only_me())
    return _orbax().Context(multiprocessing_options=options)


def _write_alone(place: str, arrays: dict[str, Any]) -> None:
    """Where hosts train together, one of them writes whole arrays. Orbax's v1 asks all hosts whether they
    write to the same folder, whoever is to write; what it is built on does not."""
    import orbax.checkpoint as v0

    options = v0.options.MultiprocessingOptions(**_only_me())
    handler = v0.PyTreeCheckpointHandler(multiprocessing_options=options)
    with v0.Checkpointer(handler, multiprocessing_options=options) as writer:
        writer.save(place, args=v0.args.PyTreeSave({k: np.asarray(x) for k, x in arrays.items()}), force=True)


def _only_me() -> dict[str, Any]:
    me = jax.process_index()
    return {"primary_host": me, "active_processes": {me}, "barrier_sync_key_prefix": f"host-{me}"}


def _named(tree: Any) -> dict[str, Any]:
    """Leaves by their path; NumPy scalars and Python numbers as arrays (Orbax takes arrays only)."""
    leaves = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        name = jax.tree_util.keystr(path) or "value"
        if isinstance(leaf, bool | int | float | np.generic):
            leaf = np.asarray(leaf)
        if not hasattr(leaf, "dtype") or leaf.dtype == object:
            raise TypeError(f"checkpoint leaf {name} is {type(leaf).__name__}; allowed: arrays and numbers")
        leaves[name] = leaf
    return leaves


def _size(leaf) -> int:
    return int(np.prod(leaf.shape))


def _describe(leaf) -> str:
    return f"{leaf.dtype}{list(leaf.shape)}"


def _abstract(leaf):
    if isinstance(leaf, np.ndarray):
        return leaf
    sharding = leaf.sharding or jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    if isinstance(sharding, NamedSharding):
        # A sharded array of typed keys names its bits' axis too, which the keys themselves do not have.
        sharding = NamedSharding(sharding.mesh, PartitionSpec(*sharding.spec[: len(leaf.shape)]))
    numbers = jax.eval_shape(_numbers, leaf)
    return jax.ShapeDtypeStruct(numbers.shape, numbers.dtype, sharding=sharding)


def _is_key(leaf) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _numbers(leaf):
    """A typed key's bits: what is stored of it. Anything else is stored as it is."""
    return jax.random.key_data(leaf) if _is_key(leaf) else leaf


def _like(leaf, found):
    """The restored array as the kind of leaf that the template has."""
    if isinstance(leaf, bool | int | float | np.generic):
        return type(leaf)(found.item())
    if found is None:  # an array of size zero: nothing was stored
        return np.zeros(leaf.shape, leaf.dtype) if isinstance(leaf, np.ndarray) else jnp.empty_like(leaf)
    if not _is_key(leaf):
        return found
    impl = jax.random.key_impl(jnp.empty((), leaf.dtype))  # a shape does not tell
    return jax.random.wrap_key_data(found, impl=impl)


def _compare(source: Path, saved: Mapping[str, str], wanted: Mapping[str, Any]) -> None:
    asked = {name: _describe(x) for name, x in wanted.items()}
    if asked == saved:
        return
    odd = [n for n in {**asked, **saved} if asked.get(n) != saved.get(n)]
    first = odd[0]
    raise RunError(
        f"checkpoint {str(source)!r} holds {first} as {saved.get(first, 'nothing')}, asked for "
        f"{asked.get(first, 'nothing')} ({len(odd)} of {len(asked)} leaves differ); open it with the "
        "options it was made with"
    )
