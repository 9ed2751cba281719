"""Settings of the whole suite: reproducible, CPU only, warnings are errors (pyproject.toml)."""

import os
from importlib import metadata
from pathlib import Path

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("MPLBACKEND", "Agg")
# Tests compile much and run little: no LLVM optimisation makes the suite a quarter shorter.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")
# As `socialsim.devices.avoid_faults` does; the package must not be imported before its checker is there.
if metadata.version("jaxlib") == "0.10.2" and "ynn_fusion" not in os.environ["XLA_FLAGS"]:
    os.environ["XLA_FLAGS"] += " --xla_cpu_experimental_ynn_fusion_type=dot"
    # The simpler way to write a fusion's code compiles in half the time; tests of several devices, which
    # start processes with flags of their own, keep to the other.
    os.environ["XLA_FLAGS"] += " --xla_cpu_use_fusion_emitters=false"

import shutil

import hypothesis
import jax
import pytest

GROUP = pytest.StashKey[tuple[str, ...]]()

hypothesis.settings.register_profile(
    "socialsim",
    deadline=None,  # the first example compiles
    derandomize=True,  # the same examples everywhere; HYPOTHESIS_PROFILE=search looks for new ones
    max_examples=50,
    print_blob=True,
)
hypothesis.settings.register_profile("search", deadline=None, max_examples=1000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "socialsim"))


def pytest_configure(config: pytest.Config) -> None:
    """Compiled programs are shared by all workers, by the processes and notebooks that tests start, and by
    the next run of the suite."""
    if hasattr(config, "cache"):
        settings = {
            "jax_compilation_cache_dir": str(config.cache.mkdir("jax")),
            "jax_persistent_cache_min_compile_time_secs": 1.0,
        }
        for name, value in settings.items():
            jax.config.update(name, value)
            os.environ[name.upper()] = str(value)


def pytest_itemcollected(item: pytest.Item) -> None:
    """What shares compiled programs: a file's tests; in the files about all worlds, those of one world."""
    given = getattr(item, "callspec", None)
    world = [v for f, v in given.params.items() if f in ("played", "small")] if given else []
    item.stash[GROUP] = (item.nodeid.partition("::")[0], *world)


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Between groups, compiled programs are given back once they take much: small ones serve all groups."""
    if nextitem is not None and nextitem.stash[GROUP] != item.stash[GROUP] and crowded():
        jax.clear_caches()


def crowded() -> bool:
    """Whether this process has more memory, or more of the 65,530 mappings Linux allows, than it should."""
    own = Path("/proc/self")
    if not own.exists():
        return True
    memory = int((own / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return memory > 2.5e9 or (own / "maps").read_bytes().count(b"\n") > 20_000


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a headless-capable Chromium; tests that ask for it carry `@pytest.mark.browser`."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    pytest.skip("no Chromium on this machine; .ci/run installs it")
