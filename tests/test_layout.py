"""The shape of the repository itself."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).resolve().parent.parent
HEAVY = ("mujoco", "matplotlib", "pettingzoo", "gymnasium", "sklearn", "xarray", "zarr", "orbax")
# Built from pieces so that this file does not hold what it forbids.
MACHINE_PATH = re.compile(r"(?<![\w.~])/(" + "|".join(("home", "root", "work", "Users", "opt")) + r")/\w")
INDEXES = ("py" + "pi", "python" + "hosted", "npm" + "js", "ana" + "conda", "mir" + "ror", "deb" + "ian")
HOST = re.compile(r"https?://[\w.-]*(" + "|".join(INDEXES) + ")")


def tracked() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    names = (
        subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
        )
        .stdout.decode()
        .split("\0")
    )
    return [ROOT / n for n in names if n and (ROOT / n).is_file() and not (ROOT / n).is_symlink()]


def test_no_file_over_500_lines():
    long = {
        str(p.relative_to(ROOT)): n
        for p in tracked()
        if p.suffix == ".py" and (n := len(p.read_text("utf-8").splitlines())) > 500
    }
    assert not long


@pytest.mark.parametrize("name", ["envs", "agents", "analysis"])
def test_links_at_the_root(name):
    assert os.readlink(ROOT / name) == f"socialsim/{name}"
    assert (ROOT / name / "__init__.py").is_file()


@pytest.mark.parametrize("builder", [SdistBuilder, WheelBuilder])
def test_what_is_installed_is_whole(builder):
    packed = {f.distribution_path for f in builder(str(ROOT)).recurse_included_files()}
    ours = {str(p.relative_to(ROOT)) for p in tracked() if p.is_relative_to(ROOT / "socialsim")}
    assert len(ours) > 200 and ours <= packed, sorted(ours - packed)[:10]


def test_no_machine_paths_or_package_hosts():
    found = []
    for path in tracked():
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue  # pictures
        for number, line in enumerate(text.splitlines(), 1):
            if MACHINE_PATH.search(line) or HOST.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}")
    assert not found


def test_pins_are_plain():
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        assert re.fullmatch(r"#.*|[\w.-]+==[\w.]+( ; .+)?", line), line
        assert not re.match(r"(nvidia|cuda|torch|tensorflow|jax-cuda)", line), line


def test_import_is_light():
    script = f"import sys, socialsim; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
