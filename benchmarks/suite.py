"""Speed of every world, in one run: `python benchmarks/suite.py [--worlds 1024] [--json FILE]`.

Each row is a process of its own (`socialsim bench`), so that its peak memory is its own. Prints Markdown:
all worlds; what signals cost; agents from 2 to 256. The JSON serves to compare two commits.
"""

import argparse
import json
import platform
import subprocess
import sys

import socialsim

COUNTS = (2, 4, 8, 16, 32, 64, 128, 256)


def bench(world: str, *arguments: str) -> dict:
    """One row, or the reason why there is none."""
    command = [sys.executable, "-m", "socialsim", "bench", world, "--json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        return {"world": world, "error": done.stderr.strip().splitlines()[-1]}
    return json.loads(done.stdout.strip().splitlines()[-1])


def show(rows: list[dict], label) -> None:
    print(
        "| what | agents | agent-steps/s | world-steps/s | compile s | peak MB |\n|---|---|---|---|---|---|"
    )
    for row in rows:
        if "error" in row:
            print(f"| {label(row)} | {row['error']} |")
            continue
        print(
            f"| {label(row)} | {row['agents']} | {row['agent_steps_per_s']:,} | {row['world_steps_per_s']:,} "
            f"| {row['compile_s']} | {row['peak_memory_mb']:.0f} |",
            flush=True,
        )
    print()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=1024)
    parser.add_argument("--json", default="")
    parser.add_argument("--only", nargs="*", choices=("worlds", "signals", "agents", "memory"))
    given = parser.parse_args()
    parts = given.only or ("worlds", "signals", "agents", "memory")
    many = ("--worlds", str(given.worlds))
    found: dict[str, list[dict]] = {}
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}\n")
    if "worlds" in parts:
        found["worlds"] = [bench(id, *many) for id in socialsim.worlds()]
        show(found["worlds"], lambda r: r["world"])
    if "signals" in parts:
        # Alternately, so that both see the same machine.
        settings = [("all signals", ()), ("coordination alone", ("--signals", "coordination"))] * 3
        found["signals"] = [bench("rendezvous-v0", *many, *chosen) for _, chosen in settings]
        show(found["signals"], lambda r: "rendezvous-v0, " + ", ".join(r["signals"]))
    if "agents" in parts:
        found["agents"] = []
        for count in COUNTS:
            side = max(10, int((8 * count) ** 0.5) + 2)
            chosen = (f"num_agents={count}", f"needed={min(count, 3)}", f"size={side}")
            size = [part for option in chosen for part in ("--option", option)]
            found["agents"].append(bench("rendezvous-v0", "--worlds", str(max(8, 4096 // count)), *size))
        show(found["agents"], lambda r: "rendezvous-v0, " + ", ".join(r["options"]))
    if "memory" in parts:
        found["memory"] = [bench("rendezvous-v0", "--worlds", "4096")]
        show(found["memory"], lambda r: "rendezvous-v0, 4,096 worlds")
    if given.json:
        with open(given.json, "w", encoding="utf-8") as file:
            json.dump(found, file, indent=1)


if __name__ == "__main__":
    main()
