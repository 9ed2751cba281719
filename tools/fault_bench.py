"""Where `tools/faults.py` does its trials: children that can be killed, small disks, a writer that checks."""

import contextlib
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np
import xarray as xr

from socialsim.core.errors import RunError
from socialsim.runs import Run, files

# -- children --------------------------------------------------------------------------------------------


class Child:
    """A forked process that runs `function` and ends with its status; what it says goes to a file."""

    def __init__(self, function: Callable[[], int | None], log: Path):
        self.log, self.status = log, None
        sys.stdout.flush()
        said = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        self.pid = os.fork()
        if self.pid == 0:
            os.dup2(said, 1)
            os.dup2(said, 2)
            status = 1
            try:
                status = function() or 0
            except BaseException:
                traceback.print_exc()
            finally:
                with contextlib.suppress(Exception):
                    sys.stdout.flush()
                    sys.stderr.flush()
                os._exit(status)
        os.close(said)

    def wait(self, seconds: float = 3600.0) -> bool:
        """Whether it has ended within that time."""
        end = time.monotonic() + seconds
        while self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
            elif time.monotonic() >= end:
                return False
            else:
                time.sleep(0.002)
        return True

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        self.wait()

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")


def command(*arguments: str) -> Callable[[], int]:
    def run() -> int:
        from socialsim.cli import main

        return main(arguments)

    return run


def refusal(child: Child, *words: str) -> str:
    """The outcome of a command that had to refuse: status 2, one line of its own, no traceback."""
    lines = [line for line in child.said.splitlines() if line.startswith("socialsim: ")]
    if child.status == 2 and len(lines) == 1 and "Traceback" not in child.said:
        if all(w in lines[0] for w in words):
            return "refused in one line, status 2"
        return f"FAILED: says only {lines[0]!r}"
    return f"FAILED: status {child.status}, {child.said[-400:]!r}"


# -- what a run holds ------------------------------------------------------------------------------------


def bits(path: Path) -> str:
    """Checksum of all that training left: every leaf of every checkpoint, every figure."""

    def work() -> None:
        import jax
        import orbax.checkpoint.experimental.v1 as ocp

        total = hashlib.sha256()
        for step in sorted((path / "checkpoints").iterdir()):
            if step.name.isdecimal():
                for name, leaf in sorted(ocp.load(str(step.resolve())).items()):
                    key = jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)
                    data = np.asarray(jax.random.key_data(leaf) if key else leaf)
                    total.update(f"{step.name}{name}{data.dtype}{data.shape}".encode() + data.tobytes())
        for file in sorted((path / "metrics").glob("[0-9]*.npz")):
            with np.load(file, allow_pickle=False) as stored:
                for name in sorted(stored.files):
                    total.update(f"{file.name}{name}".encode() + stored[name].tobytes())
        print(total.hexdigest())

    child = Child(work, path.parent / f"{path.name}.bits")
    child.wait()
    return child.said.strip().splitlines()[-1]


def figures(path: Path) -> str:
    """Checksum of an experiment's or a transfer's results but for how long they took."""
    (name,) = (n for n in ("summary.json", "transfer.json") if (path / n).exists())
    body = files.read_sealed(path / name)
    return hashlib.sha256(json.dumps({**body, "timings": 0}, sort_keys=True).encode()).hexdigest()


def committed(path: Path) -> set[str]:
    """Everything whole that a run holds: checkpoints, figures, stages, recordings."""
    found = [*path.glob("checkpoints/**/*[0-9]"), *path.glob("metrics/**/*.npz"), *path.glob("stages/*.json")]
    found += path.glob("recordings/*.zarr")
    kept = {str(p.relative_to(path)) for p in found if not p.name.startswith(".")}
    return {k for k in kept if not k.startswith("checkpoints") or (path / k / "manifest.json").exists()}


class Bench:
    """Where trials take place."""

    def __init__(self, folder: Path, seed: int, trials: int):
        self.folder, self.trials, self.random = folder, trials, random.Random(seed)
        self.number = 0
        folder.mkdir()

    def fresh(self, name: str) -> Path:
        self.number += 1
        return self.folder / f"{name}-{self.number:04d}"

    def start(self, function) -> Child:
        self.number += 1
        return Child(function, self.folder / f"log-{self.number:04d}.txt")

    def done(self, function) -> Child:
        child = self.start(function)
        child.wait()
        return child

    @contextlib.contextmanager
    def disk(self, kilobytes: int):
        """A file system of that size."""
        place = self.fresh("disk")
        place.mkdir()
        size = f"size={kilobytes}k"
        subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", place], check=True, capture_output=True)
        try:
            yield place
        finally:
            subprocess.run(["umount", "-l", place], check=True)


# -- a writer ------


def tree(step: int) -> dict[str, np.ndarray]:
    return {"w": noise(step, 20_000), "step": np.asarray(step)}


def noise(step: int, size: int) -> np.ndarray:
    """Numbers that no codec makes shorter."""
    return np.random.default_rng(step).normal(size=size)


def write_on(path: Path, last: int | None = None) -> int:
    """A writer of everything a run holds, as fast as it can; first it checks what it finds."""
    with Run.open_or_create(path, {"a": 1}) as run:
        found = run.resume(tree(0), lambda t: int(t["step"]))
        step = 0 if found is None else len(found[1])
        if found is not None:
            assert found[1] == [int(m["step"]) for m in found[2]] == list(range(1, step + 1))
            assert (found[0]["w"] == tree(step)["w"]).all()
        for name in run.recordings():
            data = run.recording(name)
            assert (data.x == noise(data.attrs["step"], 5_000)).all()
        if (kept := run.kept("stages/a.json")) is not None:
            assert set(kept["x"]) == {kept["step"]}
        print("begins", step, flush=True)
        while last is None or step < last:
            step += 1
            run.append_metrics(step, {"step": step, "x": np.full(100, step)})
            run.save(step, tree(step))
            run.save_recording("a", xr.Dataset({"x": ("t", noise(step, 5_000))}, attrs={"step": step}))
            run.write_json("stages/a.json", {"step": step, "x": [step] * 500})
            print("wrote", step, flush=True)
    return 0


def wrote(child: Child) -> int:
    lines = (line.split() for line in child.said.splitlines())
    return max((int(w[1]) for w in lines if len(w) == 2 and w[0] in ("begins", "wrote")), default=0)


def cautious(path: Path, last: int | None = None) -> Callable[[], int]:
    """`write_on` as the command line would end it."""

    def run() -> int:
        try:
            return write_on(path, last)
        except RunError as error:
            print(f"socialsim: {error}", file=sys.stderr)
            return 2

    return run
