"""Real clients on real worlds: run by `make clients`, in an environment of their own; see the marker.

Elsewhere nothing here is collected. The clients warn of matters of their own, which are let pass here, each
for its reason; warnings of socialsim stay errors.
"""

import importlib
import importlib.util
import os
import sys
import warnings
from pathlib import Path

import pytest

os.environ.setdefault("RAY_AUTH_MODE", "disabled")  # else Ray writes a token into the home directory
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # Ray's announcement of a change of default

CLIENTS = ("stable_baselines3", "supersuit", "torchrl", "ray", "jaxmarl")
if all(importlib.util.find_spec(name) for name in CLIENTS):
    with warnings.catch_warnings():
        # Their imports use interfaces that their dependencies, or they themselves, have deprecated.
        warnings.simplefilter("ignore")
        for name in (
            "jaxmarl",
            "ray.rllib.algorithms.ppo",
            "supersuit",
            "torchrl.collectors",
            "torchrl.objectives",
        ):
            importlib.import_module(name)
else:
    collect_ignore_glob = ["test_*.py"]

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "examples"))

IGNORED = (
    # They also call such interfaces.
    "ignore::DeprecationWarning",
    "ignore::PendingDeprecationWarning",
    "ignore::FutureWarning",
    # TorchRL names the PettingZoo that it was tested with.
    "ignore:PettingZoo in TorchRL is tested using:UserWarning",
    # RLlib registers the same name with gymnasium for each algorithm that it builds.
    "ignore:.*Overriding environment rllib:UserWarning",
    # Ray leaves its sockets and files to the interpreter.
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("clients")
            for rule in IGNORED:
                item.add_marker(pytest.mark.filterwarnings(rule))
