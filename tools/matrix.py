"""Run the tests on every Python, with the lowest and with the newest versions: `python tools/matrix.py`.

Builds an environment for each cell under `--folder` (kept: a second run is quick), installs socialsim[dev]
with the lowest versions that pyproject.toml allows, or the newest that there are, runs the tests in it and
prints the table for docs/reliability.md. Pythons are looked for on the PATH and under pyenv.

    python tools/matrix.py --python 3.13 --versions newest -- -q tests/core/test_geometry.py
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHONS = ("3.11", "3.12", "3.13")
KEPT = Path(tempfile.gettempdir()) / "socialsim-matrix"
SHOWN = ("jax", "flax", "orbax-checkpoint", "pettingzoo", "mujoco", "mujoco-mjx", "numpy", "zarr")


def interpreter(version: str) -> str | None:
    """The newest interpreter of a version such as '3.12'."""
    for name in (f"python{version}", "python3"):
        others = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/{name}"))
        for found in (*others, shutil.which(name)):
            if found is None:
                continue
            asked = [found, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
            told = subprocess.run(asked, capture_output=True, text=True).stdout.strip()
            if told == version:
                return str(found)
    return None


def lowest(requirement: str) -> str | None:
    """'jax>=0.10' as the constraint 'jax==0.10.*' of pip; None where no lower bound is given.

    A bound with three numbers is one version, one with fewer the newest of that series: `0.10` says that no
    patch of it is asked for.
    """
    found = re.match(r"([\w.-]+)(?:\[.*\])?>=([\d.]+)(\s*;.*)?", requirement)
    if found is None:
        return None
    name, version, marker = found.groups(default="")
    return f"{name}=={version}{'' if version.count('.') >= 2 else '.*'}{marker}"


def constraints(versions: str) -> list[str]:
    if versions == "newest":
        return []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [c for r in project["dependencies"] if (c := lowest(r)) is not None]


def build(place: Path, python: str, versions: str) -> Path:
    """The environment of a cell; raises CalledProcessError with pip's words."""
    pip = [place / "bin/python", "-m", "pip", "--disable-pip-version-check", "-q", "install"]
    if not (place / ".installed").exists():
        shutil.rmtree(place, ignore_errors=True)
        subprocess.run([python, "-m", "venv", place], check=True, capture_output=True, text=True)
        (place / "constraints.txt").write_text("\n".join(constraints(versions)) + "\n")
        asked = ["-c", place / "constraints.txt", "-e", f"{ROOT}[dev]"]
        subprocess.run([*pip, *asked], check=True, capture_output=True, text=True)
        (place / ".installed").touch()
    return place


def installed(place: Path) -> str:
    code = f"from importlib.metadata import version as v; print(', '.join(n + ' ' + v(n) for n in {SHOWN}))"
    return subprocess.run([place / "bin/python", "-c", code], capture_output=True, text=True).stdout.strip()


def run(place: Path, pytest: list[str]) -> tuple[str, float]:
    """What pytest says last, and how long it took."""
    begin, environment = time.monotonic(), os.environ | {"JAX_PLATFORMS": "cpu", "MUJOCO_GL": "egl"}
    # Compiled programs are kept by cell: other versions make others.
    command = [place / "bin/python", "-m", "pytest", "-o", f"cache_dir={place / 'cache'}", *pytest]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    (place / "tests.log").write_text(done.stdout + done.stderr)
    last = lines[-1].strip("= ") if lines else (done.stderr.strip().splitlines() or ["nothing said"])[-1]
    return f"{'passed' if done.returncode == 0 else 'FAILED'}: {last}", time.monotonic() - begin


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--python", action="append", choices=PYTHONS, help="default: all that are found")
    parser.add_argument("--versions", action="append", choices=("lowest", "newest"), help="default: both")
    parser.add_argument("--folder", type=Path, default=KEPT, help="environments, kept")
    parser.add_argument("pytest", nargs="*", help="arguments of pytest, after --")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    fine = True
    print("| Python | versions | installed | tests | seconds |\n|---|---|---|---|---|")
    for version in given.python or PYTHONS:
        python = interpreter(version)
        for versions in given.versions or ("lowest", "newest"):
            if python is None:
                print(f"| {version} | {versions} | no such Python on this machine | not run | |", flush=True)
                continue
            try:
                place = build(given.folder / f"{version}-{versions}", python, versions)
            except subprocess.CalledProcessError as error:
                fine, said = False, (error.stderr or str(error)).strip().splitlines()[-1]
                print(f"| {version} | {versions} | FAILED to install: {said} | not run | |", flush=True)
                continue
            told, seconds = run(place, given.pytest or ["-q", "-m", "not browser and not clients", "tests"])
            fine &= told.startswith("passed")
            print(f"| {version} | {versions} | {installed(place)} | {told} | {seconds:.0f} |", flush=True)
    return int(not fine)


if __name__ == "__main__":
    sys.exit(main())
