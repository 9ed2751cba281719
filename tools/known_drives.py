"""Do shipped teams' heads give known drives back? `python tools/known_drives.py [WORLD...]`.

Measures every shipped team of some worlds, and untrained teams of the same shape, with the successor-feature
probe (see docs/analysing.md), and writes docs/results/known-drives.md and reports/known-drives.json. Goes on
where it was stopped: each world is a stage of runs/known-drives.
"""

import argparse
from pathlib import Path
from typing import Any

import jax
import numpy as np

import socialsim
from socialsim import devices
from socialsim.agents.pretrained import load_pretrained_teams, model_card
from socialsim.agents.team import Team
from socialsim.analysis.futures import SuccessorFeatures
from socialsim.analysis.occasions import untrained
from socialsim.analysis.recovery import Recovery
from socialsim.core.drives import drive_matrix
from socialsim.core.simulation import Simulation
from socialsim.experiments.experiment import Study, versions
from socialsim.runs import Run

ROOT = Path(__file__).resolve().parents[1]
# Fixed before the first run: worlds of both fast physics where, by their cards, shipped teams beat chance.
WORLDS = ("rendezvous-v0", "haul-v0", "forage-v0", "relay-v0", "rendezvous-plane-v0", "flock-v0")
FEATURES: dict[str, Any] = {"worlds": 64, "every": 16, "futures": 8}
UNTRAINED = 3
FIGURES = ("estimate", "low", "high", "n", "null", "null_low", "null_high")

PAGE = """# Are known drives recovered from value heads?

Every team was trained with drives that we know. The successor-feature probe regresses its values on the
discounted signals that really followed and should give the drives back (`analysing.md`). Two measures, both
1 for exact heads:

* **own drives**: cosine of found weights and the team's own drives. With three signals, one of which
  outweighs the others, values that know nothing have a cosine anywhere between -1 and 1: only many teams
  say something.
* **random drives**: the mean cosine over 20 random drives of both signs, by which the same heads are weighed.
  It is 0 on average for heads that know nothing.

| teams | own drives | random drives |
|---|---|---|
{summary}

Means over teams; in brackets intervals of Student's t over teams (teams of one world are no independent
draws of worlds). The goals were 0.8 for trained teams and at most 0.2 for untrained ones.

| team | own drives | shuffled | random drives | shuffled | seen: attention, imitation, coordination |
|---|---|---|---|---|---|
{rows}

In brackets 95 % over episodes, too narrow: what observations tell of returns is itself estimated, once.
Four other recordings of rendezvous-v0 gave 0.76 to 0.93 for seed 0 and 0.91 to 0.96 for seed 1. Judge by all
teams, not by one. *shuffled*: the 95 % range after values have traded episodes, which keeps
what a trend over the episode gives. *seen*: share of the variance of each signal's future that observations
tell of held-out episodes. Where it is 0, no head could know that signal, and drives that lean on it are not
recovered.

Made by `python tools/known_drives.py`: {features}; {versions}.
"""


def measured(env: Simulation, team: Team, discount: float, key) -> dict[str, Any]:
    successor = SuccessorFeatures(discount=discount, **FEATURES)
    data = successor(env, team, key)
    own = successor.recover(data, drive_matrix(None, env.channels, env.num_agents)[0])
    many = Recovery()(data)
    return {
        "own": {k: float(own[k]) for k in FIGURES},
        "random": {k: float(many[k]) for k in FIGURES},
        "matrix": many.matrix.values.tolist(),
        "seen": many.seen.values.tolist(),
        "reason": str(own.reason.item()),
    }


def of_world(study: Study, id: str, number: int) -> list[dict[str, Any]]:
    """All teams of a world: they share their programs, so they are one stage."""
    env, teams = socialsim.make(id), load_pretrained_teams(id)
    discount = model_card(id)["ppo"]["discount"]
    twins = untrained(teams[0], study.key(200 + number), UNTRAINED, env.num_agents)
    named = [(f"{id}, seed {i}", t) for i, t in enumerate(teams)]
    named += [(f"{id}, untrained {i}", t) for i, t in enumerate(twins)]
    keys = jax.random.split(study.key(100 + number), len(named))
    return [
        {"team": name, "trained": i < len(teams), **measured(env, team, discount, keys[i])}
        for i, (name, team) in enumerate(named)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("worlds", nargs="*", default=WORLDS)
    worlds = parser.parse_args().worlds
    devices.use_all_cores()
    results = ROOT / "docs" / "results"
    declared = {"command": "known-drives", "untrained": UNTRAINED, **FEATURES}
    with Run.open_or_create(ROOT / "runs" / "known-drives", declared) as run:
        study, rows = Study(run, 0, False), []
        for number, id in enumerate(worlds):
            rows += study.stage(id, lambda i=id, n=number: of_world(study, i, n))
        summary = {kind: _over([r for r in rows if r["trained"] is kind]) for kind in (True, False)}
        found = {"features": FEATURES, "trained": summary[True], "untrained": summary[False], "teams": rows}
        found |= {"versions": versions()}
        run.write_json("known-drives.json", found)
        (results / "reports" / "known-drives.json").write_bytes(run.file("known-drives.json").read_bytes())
        (results / "known-drives.md").write_text(_page(found), encoding="utf-8")
    print(_page(found))


def _over(rows: list[dict]) -> dict[str, Any]:
    """Mean over teams with the interval of Student's t."""
    from socialsim.transfer.strangers import Resampling

    out: dict[str, Any] = {"teams": len(rows)}
    for kind in ("own", "random"):
        x = np.array([r[kind]["estimate"] for r in rows])
        mean, low, high = (float(v) for v in Resampling()(x[np.isfinite(x)]))
        out[kind] = {"estimate": mean, "low": low, "high": high, "n": int(np.isfinite(x).sum())}
    return out


def _page(found: dict[str, Any]) -> str:
    def cell(e, low="low", high="high", mean=True):
        if not np.isfinite(e["estimate"]):
            return "not measured"
        return (f"{e['estimate']:.2f} " if mean else "") + f"[{e[low]:.2f}, {e[high]:.2f}]"

    summary = [
        f"| {found[k]['teams']} {k} | {cell(found[k]['own'])} | {cell(found[k]['random'])} |"
        for k in ("trained", "untrained")
    ]
    rows = []
    for r in found["teams"]:
        null = [cell(r[k], "null_low", "null_high", mean=False) for k in ("own", "random")]
        seen = ", ".join(f"{s:.2f}" for s in r["seen"])
        rows.append(
            f"| {r['team']} | {cell(r['own'])} | {null[0]} | {cell(r['random'])} | {null[1]} | {seen} |"
        )
    features = ", ".join(f"{k} {v}" for k, v in found["features"].items())
    made = ", ".join(f"{k} {v}" for k, v in found["versions"].items() if k in ("socialsim", "jax", "device"))
    return PAGE.format(summary="\n".join(summary), rows="\n".join(rows), features=features, versions=made)


if __name__ == "__main__":
    main()
