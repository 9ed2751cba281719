"""How fast are value heads read? A million scenes of the laboratory, every head of one team.

python benchmarks/reading.py [--scenes 1000000] [--agents 4] [--all] [--seeds 1] [--json]

The team is untrained: reading costs the same. Times are of the second reading (compiled), the first is given
beside it; the peak of memory is the process's own.
"""

import argparse
import json
import os
import platform
import resource
import sys
import time

import jax
import numpy as np

import socialsim
from socialsim.agents.networks import NetworkConfig
from socialsim.agents.team import new_team
from socialsim.analysis.laboratory import Bearing, Distance, Lab, Present, Watchers


def million(agents: int, scenes: int) -> Lab:
    """Distance x bearing x watchers x participants, about as many as asked for."""
    lab = Lab.empty(num_agents=agents, num_objects=2, size=21).place(0, (0, -2), heading=90)
    for k in range(1, agents):
        lab = lab.place(k, (2 * k - agents, 2)).look_at(k, 0)
    lab = lab.pad((0, 4), needed=3).pad((4, 0), needed=2)
    side = max(1, round((scenes / (agents * 4)) ** 0.5))
    return lab.sweep(
        Distance(1, np.linspace(1, 8, side)),
        Bearing(1, np.linspace(-180, 180, side)),
        Watchers(range(agents)),
        Present(range(4)),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=1_000_000)
    parser.add_argument("--agents", type=int, default=4)
    parser.add_argument("--all", action="store_true", help="values of all agents, not of one")
    parser.add_argument("--seeds", type=int, default=1, help="teams read at once")
    parser.add_argument("--batch", type=int, default=16_384)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    env = socialsim.make("rendezvous-v0", num_agents=given.agents)
    keys = jax.random.split(jax.random.key(0), given.seeds)
    teams = [new_team(k, NetworkConfig(), env.actions, env.channels, given.agents) for k in keys]
    lab = million(given.agents, given.scenes)
    who = None if given.all else (0,)
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        values = lab.read(teams, agents=who, batch=given.batch).values
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 if sys.platform == "darwin" else 1024)
    found = {
        "scenes": lab.size,
        "values": values.size,
        "seconds": round(seconds[1], 2),
        "seconds_with_compilation": round(seconds[0], 2),
        "scenes_per_second": round(lab.size / seconds[1]),
        "peak_MiB": round(peak),
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2),
        "jax": jax.__version__,
        "python": platform.python_version(),
    }
    print(json.dumps(found) if given.json else "\n".join(f"{k:>26}  {v}" for k, v in found.items()))


if __name__ == "__main__":
    main()
