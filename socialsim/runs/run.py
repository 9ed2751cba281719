"""A run's folder: configuration, checkpoints, metrics, recordings, figures, report.

    runs/NAME/config.json             what it was made with; sealed by a checksum
              checkpoints/00000012/   the learner after chunk 12 (see `checkpoints`)
              metrics/00000012.npz    the figures of chunk 12
              recordings/NAME.zarr    labelled arrays
              stages/NAME.json        finished stages of an experiment, each sealed by a checksum
              figures/NAME.png        report.html, summary.json: whatever the experiment states

Per chunk: `append_metrics` first, then `save`. A process killed in between redoes the chunk, and `restore`
drops the metrics that no checkpoint vouches for. (Metrics are a file per chunk and not one Zarr store:
appending to a store is not atomic.)
"""

import contextlib
import io
import os
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from socialsim.core.errors import OptionError, RunError, choose
from socialsim.runs import checkpoints, datasets, files, folder
from socialsim.runs.lock import Lock

_PART = re.compile(r"[A-Za-z][\w.-]*")


class RunWarning(UserWarning):
    """A run folder was damaged in part and could be used all the same."""


class Run:
    """One run folder. Make it with `create`, `open` or `open_or_create`; usable in a `with` block.

    Attributes
    ----------
    path : the folder.
    config : what the run was made with, as plain JSON types.
    """

    def __init__(self, path: Path, config: dict[str, Any], lock: Lock | None, name: str = ""):
        self.path, self.config, self._lock, self._name = path, config, lock, name
        self._checkpoints = path / "checkpoints" / name
        self._metrics = path / "metrics" / name
        if lock is not None:
            inside = (path, self._checkpoints, self._metrics, path / "recordings", path / "figures")
            with _refused(f"{self} cannot be written"):
                for made in inside:
                    made.mkdir(parents=True, exist_ok=True)
                for swept in (*inside, path / "stages"):
                    files.sweep(swept)

    # -- making and opening ------------------------------------------------------------------------

    @classmethod
    def create(cls, path: str | os.PathLike, config: Any) -> "Run":
        """Make a new run folder and hold its lock. `config`: a mapping or a dataclass, plain JSON types.

        Raises RunError if the folder has anything in it, or cannot be written.
        """
        path, config = Path(path), folder.normal(config)
        lock = folder.claim(path)
        with _refused(f"no run can be made at {str(path)!r}"):
            folder.write_config(path, config)
        return cls(path, config, lock)

    @classmethod
    def open(cls, path: str | os.PathLike, *, write: bool = False) -> "Run":
        """Open a run folder: to read (no lock), or with `write` to go on with it.

        Raises RunError, and touches nothing, if the folder is missing, foreign, damaged, of another
        schema, or in use.
        """
        path = Path(path)
        config = folder.read_config(path)
        return cls(path, config, Lock(path) if write else None)

    @classmethod
    def open_or_create(cls, path: str | os.PathLike, config: Any) -> "Run":
        """Go on with the run at `path` if it was made with the same `config`; make it if there is none.

        Raises RunError as `create` and `open` do, and if an option differs, naming it.
        """
        path, config = Path(path), folder.normal(config)
        if not (path / folder.CONFIG).exists():
            return cls.create(path, config)
        folder.same(path, folder.read_config(path), config)
        return cls.open(path, write=True)

    def part(self, name: str) -> "Run":
        """The same run with checkpoints and metrics of their own, in sub-folders called `name`."""
        if not _PART.fullmatch(name):
            raise RunError(f"part {name!r}; allowed: a letter, then letters, digits, '_', '.' and '-'")
        return Run(self.path, self.config, self._lock, name)

    def close(self) -> None:
        """Let go of the folder."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}{f', part {self._name!r}' if self._name else ''})"

    # -- checkpoints -------------------------------------------------------------------------------

    def steps(self) -> list[int]:
        """Steps that have a checkpoint, oldest first."""
        return checkpoints.steps(self._checkpoints)

    def save(self, step: int, tree: Any, *, keep: int | None = None) -> None:
        """Checkpoint `tree` (arrays, typed keys, numbers) as `step`; keep the last `keep`, or all.

        Two or more should be kept, so that there is one to fall back on. Raises RunError if the disk
        refuses; earlier checkpoints stay.
        """
        self._writable()
        try:
            checkpoints.save(self._checkpoints, step, tree)
        except OSError as error:
            last = max((s for s in self.steps() if s != step), default="none")
            raise RunError(
                f"checkpoint {step} of {self} not written: {_reason(error)}; last good: {last}; {REMEDY}"
            ) from error
        for old in self.steps()[: -max(keep, 1)] if keep is not None else ():
            files.remove(checkpoints.place(self._checkpoints, old))

    def restore(self, template: Any, step: int | None = None) -> tuple[int, Any] | None:
        """The newest good checkpoint as (step, tree), or that of `step`; None if there is none at all.

        A damaged checkpoint is passed over with a RunWarning. Where the run is open for writing, it is
        set aside (renamed to end in .damaged) and metrics later than the restored step are dropped.

        Parameters
        ----------
        template : a tree of the same structure whose leaves (arrays or instances of
            `jax.ShapeDtypeStruct`) have the shapes, types and device placement wanted.
        step : asks for one checkpoint and no other.

        Raises
        ------
        RunError : `step` is missing or damaged, every checkpoint is damaged, or the saved tree is another
            than `template`; names the first leaf that differs.
        """
        if step is not None:
            if step not in self.steps():
                raise RunError(f"{self} has no checkpoint {step}; there are: {self.steps() or 'none'}")
            try:
                return step, checkpoints.load(self._checkpoints, step, template)
            except files.Damaged as error:
                raise RunError(
                    f"checkpoint {step} of {self} is damaged: {error}; go on with the run (the command that "
                    "made it): it is made again"
                ) from None
        found: tuple[int, Any] | None = None
        bad: dict[int, str] = {}
        for candidate in reversed(self.steps()):
            try:
                found = candidate, checkpoints.load(self._checkpoints, candidate, template)
                break
            except files.Damaged as error:
                bad[candidate] = str(error)
        said = "; ".join(f"checkpoint {s} is damaged: {why}" for s, why in bad.items())
        if bad and found is None:
            raise RunError(f"{self}: {said}; no good one is left: start a new run in another folder")
        if bad and found is not None:
            warnings.warn(f"{self}: {said}; going on from checkpoint {found[0]}", RunWarning, stacklevel=2)
        self._set_aside(bad, found[0] if found else -1)
        return found

    def resume(
        self, template: Any, part: Callable[[Any], Any]
    ) -> tuple[Any, list[Any], list[dict[str, np.ndarray]]] | None:
        """Checkpoints 1, 2, ... of a run that keeps them all, as far as each one and its metrics are whole.

        Returns (the last tree, `part` of each tree, metrics of each), None where nothing can be gone on from.
        What comes after a damaged or missing one has to be made again, which gives the same bits; a
        RunWarning says so. Raises RunError as `restore` does, and where no checkpoint is good.
        """
        last, parts, metrics, there = None, [], [], self.steps()
        for step in range(1, max(there, default=0) + 1):
            try:
                if step not in there:
                    raise files.Damaged("it is missing")
                tree = checkpoints.load(self._checkpoints, step, template)
                try:
                    figures = self._chunk(step)
                except files.Damaged as error:
                    raise files.Damaged(f"its file of figures is {error}") from None
            except files.Damaged as error:
                if not parts and not any(self._good(s, template) for s in there):
                    raise RunError(
                        f"{self}: checkpoint {step} is damaged: {error}; no good one is left: start a new "
                        "run in another folder"
                    ) from None
                after = f"after checkpoint {step - 1}" if parts else "from the start"
                warnings.warn(
                    f"{self}: checkpoint {step} is damaged: {error}; going on {after}",
                    RunWarning,
                    stacklevel=2,
                )
                self._set_aside({step: str(error)} if step in there else {}, step - 1)
                break
            last = tree
            parts.append(part(tree))
            metrics.append(figures)
        else:
            self._set_aside({}, max(there, default=0))
        return (last, parts, metrics) if parts else None

    def _good(self, step: int, template: Any) -> bool:
        try:
            checkpoints.load(self._checkpoints, step, template)
        except files.Damaged:
            return False
        return True

    def _set_aside(self, bad: Mapping[int, str], restored: int) -> None:
        if self._lock is None:
            return
        with _refused(f"{self} cannot be written"):
            for step in bad:
                place = checkpoints.place(self._checkpoints, step)
                files.remove(place.with_suffix(".damaged"))
                os.replace(place, place.with_suffix(".damaged"))
            for path in self._metrics.glob("*.npz"):
                if int(path.stem) > restored:
                    path.unlink()

    # -- metrics -----------------------------------------------------------------------------------

    def append_metrics(self, step: int, values: Mapping[str, Any]) -> None:
        """Keep the figures of one chunk (name -> array or number); a step written before is replaced."""
        self._writable()
        arrays = {name: _storable(name, value) for name, value in values.items()}
        data = io.BytesIO()
        np.savez(data, **arrays)  # type: ignore[arg-type]
        with _refused(f"the figures of chunk {step} of {self} not written"):
            files.write_bytes(self._metrics / f"{step:08d}.npz", data.getvalue())

    def metrics(self, upto: int | None = None) -> list[dict[str, np.ndarray]]:
        """The figures of each chunk, oldest first, as they were given; up to and including step `upto`.

        Raises RunError if a chunk's file is damaged.
        """
        chunks = []
        for path in sorted(self._metrics.glob("[0-9]*.npz")):
            if upto is not None and int(path.stem) > upto:
                break
            try:
                chunks.append(self._chunk(int(path.stem)))
            except files.Damaged as error:
                raise RunError(f"{str(path)!r} is {error}; start a new run") from None
        return chunks

    def _chunk(self, step: int) -> dict[str, np.ndarray]:
        path = self._metrics / f"{step:08d}.npz"
        try:
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored:
                return {name: stored[name] for name in stored.files}
        except Exception as error:  # whatever a broken archive makes zipfile and NumPy raise
            why = "missing" if isinstance(error, FileNotFoundError) else f"damaged ({error})"
            raise files.Damaged(why) from None

    # -- results -----------------------------------------------------------------------------------

    def file(self, name: str) -> Path:
        """Where the file `name` of this run is or goes, such as 'figures/hero.png'; its folder is made
        where the run is open for writing. Raises RunError for a path that leads out of the run."""
        target = self.path / name
        if Path(name).is_absolute() or ".." in Path(name).parts or not Path(name).parts:
            raise RunError(f"file {name!r}; allowed: a path inside the run folder")
        if self._lock is not None:
            with _refused(f"{str(target)!r} not written"):
                target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def write(self, name: str, data: bytes | str) -> Path:
        """Write a file of the run atomically (text as UTF-8) and return its path."""
        self._writable()
        target = self.file(name)
        with _refused(f"{str(target)!r} not written"):
            files.write_bytes(target, data.encode() if isinstance(data, str) else data)
        return target

    def write_json(self, name: str, value: Any) -> Path:
        """Write a JSON object atomically, sealed by a checksum of its content (its entry `sha256`).

        Dataclasses become objects, NumPy becomes plain, non-finite becomes null.
        """
        return self.write(name, files.sealed(value))

    def read_json(self, name: str) -> dict[str, Any]:
        """Read a JSON file of the run, without its seal. Raises RunError if it is missing or damaged."""
        try:
            return files.read_sealed(self.file(name))
        except (OSError, files.Damaged) as error:
            raise RunError(
                f"{str(self.path / name)!r} cannot be read: {_reason(error)}; run the command that made it "
                "again, it goes on where it stopped"
            ) from None

    def kept(self, name: str) -> dict[str, Any] | None:
        """What `write_json` left in a file that can be made again; None where there is none.

        A damaged one is set aside with a RunWarning (renamed to end in .damaged) and counts as none.
        """
        path = self.file(name)
        try:
            return files.read_sealed(path)
        except FileNotFoundError:
            return None
        except (OSError, files.Damaged) as error:
            warnings.warn(f"{self}: {name}: {_reason(error)}; it is made again", RunWarning, stacklevel=2)
        if self._lock is not None:
            with _refused(f"{self} cannot be written"):
                os.replace(path, path.with_name(f"{path.name}.damaged"))
        return None

    def save_recording(self, name: str, data: xr.Dataset) -> Path:
        """Write a dataset to `recordings/NAME.zarr`, atomically; returns the path."""
        self._writable()
        target = self.file(f"recordings/{name}.zarr")
        with _refused(f"recording {name!r} of {self} not written"):
            datasets.save(target, data)
        return target

    def stream_recording(self, name: str, pieces: Iterable[xr.Dataset], dim: str) -> Path:
        """Write datasets one behind the other along `dim` to `recordings/NAME.zarr`, whole or not at all.

        One piece is in memory at a time; `recording(name, lazy=True)` reads it back in the same spirit.
        """
        self._writable()
        target = self.file(f"recordings/{name}.zarr")
        with _refused(f"recording {name!r} of {self} not written"):
            datasets.stream(target, pieces, dim)
        return target

    def recordings(self) -> list[str]:
        """Names of the recordings that there are."""
        return sorted(p.name.removesuffix(".zarr") for p in (self.path / "recordings").glob("[!.]*.zarr"))

    def recording(self, name: str, *, lazy: bool = False) -> xr.Dataset:
        """The recording `name`, in memory. Raises RunError if missing or damaged.

        lazy : checked, but read only where it is looked at (of one that was streamed).

        Where the run is open for writing a damaged one is set aside, so that the run makes it again.
        """
        try:
            path = self.file(f"recordings/{choose('recording', name, self.recordings())}.zarr")
            return datasets.view(path) if lazy else datasets.load(path)
        except OptionError as error:
            raise RunError(f"{self}: {error}") from None
        except files.Damaged as error:
            if self._lock is not None:
                with _refused(f"{self} cannot be written"):
                    files.remove(aside := path.with_suffix(".damaged"))
                    os.replace(path, aside)
            raise RunError(f"{self}: {error}; record it again (the command that made it does)") from None

    def _writable(self) -> None:
        if self._lock is None:
            raise RunError(f"{self} is open for reading only; open it with write=True")


REMEDY = "make room or name another folder; the same command then goes on where it stopped"


def _reason(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)


@contextlib.contextmanager
def _refused(what: str) -> Iterator[None]:
    """A disk that is full, read-only or out of order, in one line with the remedy."""
    try:
        yield
    except OSError as error:
        raise RunError(f"{what}: {_reason(error)}; {REMEDY}") from error


def _storable(name: str, value: Any) -> np.ndarray:
    array = np.asarray(value)
    if array.dtype.kind == "V":  # bfloat16 and its kin, which NumPy's format does not know
        array = array.astype(np.float32)
    if array.dtype == object:
        raise TypeError(f"metric {name!r} is {type(value).__name__}; allowed: arrays and numbers")
    return array
