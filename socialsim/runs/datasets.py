"""Labelled arrays on disk: xarray datasets as Zarr v3, whole or absent, checked when they are read.

What fits into memory is sealed by a checksum of its content (`save`); what is written piece by piece, so that
memory does not grow with its length, by one of every file (`stream`).
"""

import contextlib
import hashlib
import json
import os
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from socialsim.runs import files

_SEAL = "socialsim_sha256"
_FILES = "socialsim.json"

_KNOWN = (
    "Object at socialsim.json is not recognized",
    "The codec `vlen-utf8` is currently not part",
    "The dtype `StringDType",
)
"""Warnings of Zarr's: our seal lies beside its arrays; before 3.1 it had no specification for text."""


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        for told in _KNOWN:
            warnings.filterwarnings("ignore", told)
        yield


def save(path: Path, data: xr.Dataset) -> None:
    """Write `data` to the Zarr folder `path`, replacing an older one.

    Attributes must be plain JSON. Text goes as variable-length strings, which Zarr has a specification
    for (NumPy's fixed-width text has none).
    """
    data = data.assign_attrs({k: files.plain(v) for k, v in data.attrs.items()})
    data = _texts(_widen(data.load()), object)
    data = data.assign_attrs({_SEAL: _digest(data)}).drop_encoding()
    writing = path.with_name(f"{files.TEMPORARY}{os.getpid()}-{path.name}")
    try:
        with _quiet():
            data.to_zarr(writing, mode="w", zarr_format=3, consolidated=False)
        files.inventory(writing)  # flushes every file
        files.remove(path)
        os.replace(writing, path)
        files.sync(path.parent)
    finally:
        files.remove(writing)


def stream(path: Path, pieces: Iterable[xr.Dataset], dim: str) -> int:
    """Write pieces one behind the other along `dim`, replacing an older folder; returns how many there were.

    Only one piece is in memory at a time. Variables without `dim` are those of the first piece. Raises
    ValueError if there is none.
    """
    writing, count = path.with_name(f"{files.TEMPORARY}{os.getpid()}-{path.name}"), 0
    try:
        for piece in pieces:
            data = piece.assign_attrs({k: files.plain(v) for k, v in piece.attrs.items()})
            data = _texts(_widen(data.load()), object).drop_encoding()
            with _quiet():
                if count == 0:
                    data.to_zarr(writing, mode="w", zarr_format=3, consolidated=False)
                else:
                    fixed = [n for n, v in data.variables.items() if dim not in v.dims]
                    data.drop_vars(fixed).to_zarr(writing, append_dim=dim, zarr_format=3, consolidated=False)
            count += 1
        if count == 0:
            raise ValueError("no pieces; allowed: one or more")
        files.write_sealed(writing / _FILES, {"files": files.inventory(writing)})
        files.remove(path)
        os.replace(writing, path)
        files.sync(path.parent)
    finally:
        files.remove(writing)
    return count


def view(path: Path) -> xr.Dataset:
    """What `stream` wrote, checked, and read only where it is looked at. Raises `files.Damaged`."""
    try:
        files.check(path, files.read_sealed(path / _FILES)["files"])
        with _quiet():
            data = xr.open_zarr(path, zarr_format=3, consolidated=False, chunks=None)
            return _texts(_texts(_sorted(data), object), str)
    except files.Damaged as error:
        raise files.Damaged(f"{path.name}: {error}") from None
    except Exception as error:  # whatever a broken store makes Zarr and its codecs raise
        raise files.Damaged(f"{path.name} cannot be read ({type(error).__name__}: {error})") from None


def load(path: Path) -> xr.Dataset:
    """Read what `save` or `stream` wrote, into memory. Raises `files.Damaged`."""
    if (path / _FILES).exists():
        with view(path) as opened:
            return opened.load().drop_encoding()
    try:
        with _quiet(), xr.open_zarr(path, zarr_format=3, consolidated=False, chunks=None) as opened:
            data = _sorted(opened.load())
    except Exception as error:  # whatever a broken store makes Zarr and its codecs raise
        raise files.Damaged(f"{path.name} cannot be read ({type(error).__name__}: {error})") from None
    data = _texts(data.drop_encoding(), object)
    seal = data.attrs.pop(_SEAL, None)
    if seal != _digest(data):
        raise files.Damaged(f"{path.name} is truncated or altered (its checksum does not match)")
    return _texts(data, str)


def _sorted(data: xr.Dataset) -> xr.Dataset:
    """Variables by name. Zarr lists them as its answers come, and the order of dimensions hangs on it."""
    coords = {n: data[n].variable for n in sorted(data.coords, key=str)}
    return xr.Dataset({n: data[n].variable for n in sorted(data.data_vars, key=str)}, coords, data.attrs)


def _widen(data: xr.Dataset) -> xr.Dataset:
    """bfloat16 and its kin, which Zarr does not know, as float32 (exact)."""
    return data.assign({n: v.astype(np.float32) for n, v in data.data_vars.items() if v.dtype.kind == "V"})


def _texts(data: xr.Dataset, kind: type) -> xr.Dataset:
    """Text variables as objects (to store) or as NumPy text (to use)."""
    new = {n: v.astype(kind) for n, v in data.variables.items() if v.dtype.kind in "OUT"}
    return data.assign({n: v for n, v in new.items() if n in data.data_vars}).assign_coords(
        {n: v for n, v in new.items() if n in data.coords}
    )


def _digest(data: xr.Dataset) -> str:
    """Checksum of names, dims, types, values and attributes, whatever the layout on disk."""
    total = hashlib.sha256()

    def add(value: Any) -> None:
        total.update(json.dumps(value, sort_keys=True).encode())

    add({k: v for k, v in data.attrs.items() if k != _SEAL})
    for name in sorted(map(str, data.variables)):
        variable = data.variables[name]
        add([name, name in data.coords, list(map(str, variable.dims)), list(variable.shape)])
        if variable.dtype.kind == "O":
            add([str(v) for v in variable.values.ravel()])
        else:
            total.update(str(variable.dtype).encode())
            total.update(np.ascontiguousarray(variable.values).tobytes())
    return total.hexdigest()
