"""Labelled arrays on disk: xarray datasets as Zarr v3, whole or absent, checked when they are read."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from socialsim.runs import files

_SEAL = "socialsim_sha256"


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
        data.to_zarr(writing, mode="w", zarr_format=3, consolidated=False)
        files.inventory(writing)  # flushes every file
        files.remove(path)
        os.replace(writing, path)
        files.sync(path.parent)
    finally:
        files.remove(writing)


def load(path: Path) -> xr.Dataset:
    """Read what `save` wrote, into memory. Raises `files.Damaged`."""
    try:
        with xr.open_zarr(path, zarr_format=3, consolidated=False, chunks=None) as opened:
            data = opened.load()
    except Exception as error:  # whatever a broken store makes Zarr and its codecs raise
        raise files.Damaged(f"{path.name} cannot be read ({type(error).__name__}: {error})") from None
    data = _texts(data.drop_encoding(), object)
    seal = data.attrs.pop(_SEAL, None)
    if seal != _digest(data):
        raise files.Damaged(f"{path.name} is truncated or altered (its checksum does not match)")
    return _texts(data, str)


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
