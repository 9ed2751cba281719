"""What an experiment declares before it runs, where experiments are found, and how their stages resume."""

import dataclasses
import importlib
import platform
import re
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jax
import numpy as np

import socialsim
from socialsim import devices
from socialsim.analysis import report
from socialsim.core.errors import OptionError, choose
from socialsim.progress import note
from socialsim.runs import Run


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A declaration.  `measure(study, preset)` runs it and returns a Result.

    arms: name -> what it is, controls included.  outcome: the measure.  test: the statistical rule.
    presets: name -> configuration (a frozen dataclass): seeds and budget.  parts: sections of the report.
    """

    name: str
    question: str
    arms: Mapping[str, str]
    outcome: str
    test: str
    presets: Mapping[str, Any]
    measure: Callable[["Study", Any], "Result"]
    parts: Sequence[report.Part] = report.FOUNDING


@dataclasses.dataclass(frozen=True)
class Result:
    """summary: every figure the report states, plain.  curves: name -> array.  players: (title, HTML)."""

    summary: dict[str, Any]
    curves: dict[str, np.ndarray]
    players: list[tuple[str, str]]


_EXPERIMENTS = {
    "emergent-values": "socialsim.experiments.emergent_values:EMERGENT_VALUES",
    "value-atlas": "socialsim.experiments.value_atlas:VALUE_ATLAS",
    "reward-density": "socialsim.experiments.reward_density:REWARD_DENSITY",
    "discovery": "socialsim.experiments.discovery:DISCOVERY",
    "coherence": "socialsim.experiments.coherence:COHERENCE",
    "value-drift": "socialsim.experiments.value_drift:VALUE_DRIFT",
    "somatic-markers": "socialsim.experiments.somatic_markers:SOMATIC_MARKERS",
}
FOUNDING = "emergent-values"
SITTINGS = "stages/sittings.json"
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def experiments() -> tuple[str, ...]:
    """Names of all experiments."""
    return tuple(_EXPERIMENTS)


def register_experiment(name: str, entry_point: str) -> None:
    """Register an experiment. `entry_point` is `module:ATTRIBUTE`, its `Experiment`, imported when it is run.

    Raises OptionError for a name that is not lower-case words joined by hyphens, or is taken.
    """
    if not _NAME.fullmatch(name):
        raise OptionError(f"experiment {name!r}; allowed: lower-case words, like 'value-drift'")
    if name in _EXPERIMENTS:
        raise OptionError(f"experiment {name!r} is registered already ({_EXPERIMENTS[name]})")
    _EXPERIMENTS[name] = entry_point


def experiment(name: str) -> Experiment:
    """An experiment's declaration. Raises OptionError for an unknown name."""
    module, _, attribute = _EXPERIMENTS[choose("experiment", name, _EXPERIMENTS)].partition(":")
    return getattr(importlib.import_module(module), attribute)


class Study:
    """A running experiment: its folder, its seed, its stages and their times.

    A stage that has finished is read back from the folder, so a study that was killed goes on where it was.
    """

    def __init__(self, run: Run, seed: int, quiet: bool):
        self.run, self.seed, self.quiet = run, seed, quiet
        self.timings: dict[str, float] = {}
        self._pool = ThreadPoolExecutor(1)
        # Seconds of earlier sittings: of what is timed and not kept as a stage, and of all.
        self._before = run.kept(SITTINGS) or {"timings": {}, "total": 0.0}
        self._begun = time.monotonic()

    def key(self, purpose: int):
        """A random key of this study for one purpose."""
        return jax.random.fold_in(jax.random.key(self.seed), purpose)

    def stage(self, name: str, function: Callable[[], Any]) -> Any:
        """The JSON result of a stage: read back if it is there, else computed, kept and timed."""
        file = f"stages/{name}.json"
        if (kept := self.run.kept(file)) is not None:
            self.timings[name] = kept["seconds"]
            return kept["result"]
        result = self.timed(name, function)
        self.run.write_json(file, {"seconds": self.timings[name], "result": result})
        devices.release_programs()  # an atlas compiles thousands
        return self.run.read_json(file)["result"]

    def done(self, name: str) -> bool:
        """Whether a stage's result is in the folder already."""
        return self.run.kept(f"stages/{name}.json") is not None

    def background(self, function: Callable[[], Any]) -> Future:
        """Start something that waits for nothing, beside the stages; `.result()` when it is needed.

        Compiling occupies one core; this is where the others come in.
        """
        return self._pool.submit(function)

    def timed(self, name: str, function: Callable[[], Any]) -> Any:
        if not self.quiet:
            note(f"[bold]{name}[/]")
        start = time.monotonic()
        result = function()
        self.timings[name] = self._before["timings"].get(name, 0.0) + time.monotonic() - start
        self.run.write_json(SITTINGS, {"timings": self.timings, "total": self.total()})
        return result

    def total(self) -> float:
        """Seconds of all sittings: of one that was stopped up to its last stage, of this one till now."""
        return self._before["total"] + time.monotonic() - self._begun


def run_experiment(
    name: str, preset: str = "demo", *, path: str | Path | None = None, seed: int = 0, quiet: bool = False
) -> Path:
    """Run an experiment into a run folder; resume it if it is there.

    The folder is by default `runs/<name>-<preset>`, for the founding experiment `runs/<preset>`.

    Writes `summary.json` and `report.html`; returns the folder. Raises OptionError for unknown names,
    RunError for a folder that is foreign, damaged or of another configuration.
    """
    chosen = experiment(name)
    config = chosen.presets[choose(f"preset of {name}", preset, chosen.presets)]
    folder = preset if name == FOUNDING else f"{name}-{preset}"
    path = Path("runs") / folder if path is None else Path(path)
    declared = {"experiment": name, "preset": preset, "seed": seed, "config": config}
    with Run.open_or_create(path, declared) as run:
        study = Study(run, seed, quiet)
        result = chosen.measure(study, config)
        total = {**study.timings, "total": study.total()}
        summary = {
            "experiment": name,
            "preset": preset,
            "question": chosen.question,
            "arms": dict(chosen.arms),
            "measure": chosen.outcome,
            "test": chosen.test,
            "command": f"socialsim experiment {name} --preset {preset} --seed {seed}",
            **result.summary,
            "config": run.config["config"],
            "timings": total,
            "versions": versions(),
        }
        run.write_json("summary.json", summary)
        summary = run.read_json("summary.json")
        report.write(run.file("report.html"), summary, result.curves, result.players, chosen.parts)
        return run.path


def versions() -> dict[str, str]:
    """Versions of what the figures depend on, and the machine's kind."""
    from importlib.metadata import version

    names = ("jax", "flax", "optax", "numpy", "scipy", "scikit-learn", "mujoco", "mujoco-mjx", "pettingzoo")
    device = jax.devices()[0]
    return {
        "socialsim": socialsim.__version__,
        "python": platform.python_version(),
        **{n: version(n) for n in names},
        "device": f"{len(jax.devices())} x {device.device_kind}",
    }
