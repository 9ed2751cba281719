"""Put an experiment's report and figures under docs/results: `python tools/publish.py RUN`.

Of `emergent-values` the picture of the README is drawn too, from the run's own metrics.
"""

import argparse
import json
import shutil
from pathlib import Path

import numpy as np

from socialsim.analysis import plots

ROOT = Path(__file__).resolve().parents[1]


def publish(run: Path) -> None:
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    name = summary["experiment"]
    for kind in ("report.html", "summary.json"):
        shutil.copyfile(run / kind, ROOT / f"docs/results/reports/{name}-{kind}")
    if name == "emergent-values":
        picture = plots.hero(curves(run, summary), summary)
        picture.savefig(ROOT / "docs/images/hero.png", dpi=150)
    print(f"{name}: docs/results/reports; its page docs/results/{name}.md is written by hand")


def curves(run: Path, summary: dict) -> dict[str, np.ndarray]:
    """What `report.write` was given: joint successes `[seeds, updates]` of the source and of each arm."""
    config = summary["config"]
    found = {"training/joint": _joint(run / "metrics/source")}
    found["training/agent_steps"] = _steps(config["train"], found["training/joint"])
    for name, kept in (("transfer", "moved"), ("alone", "alone")):
        moved = _joint(run / "metrics" / name)
        for i, (arm, told) in enumerate(summary[name]["arms"].items()):
            seeds = len(told["per_seed"])
            found[f"{name}/{arm}"] = score = moved[i * seeds : (i + 1) * seeds]
            area = np.trapezoid(score, axis=1) / (score.shape[1] - 1)
            np.testing.assert_allclose(area, told["per_seed"], rtol=1e-5, err_msg=f"arm {arm} is another's")
        found[f"{name}/agent_steps"] = _steps(config[kept]["learning"], moved)
    return found


def _joint(folder: Path) -> np.ndarray:
    return np.concatenate([np.load(p)["joint"] for p in sorted(folder.glob("*.npz"))], axis=1)


def _steps(config: dict, joint: np.ndarray) -> np.ndarray:
    updates = joint.shape[1]
    return config["agent_steps"] / updates * np.arange(1, updates + 1)


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    asked.add_argument("run", type=Path, help="folder of a finished experiment")
    publish(asked.parse_args().run)
