"""One table of what matters: `python benchmarks/table.py [--json FILE] [--against FILE]`.

Simulation, training, transfer and reading: rate, seconds of compilation, peak memory; each row is a process
of its own. The JSON keeps machine and versions; `--against` the JSON of another commit prints the ratio of
rates (which means something only on one machine that was quiet both times).
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
BENCH = ("-m", "socialsim", "bench")
ROWS = {
    "simulation, rendezvous-v0": (*BENCH, "rendezvous-v0", "--worlds", "1024"),
    "simulation, spread-v0": (*BENCH, "spread-v0", "--worlds", "1024"),
    "simulation, rendezvous-mujoco-v0": (*BENCH, "rendezvous-mujoco-v0", "--worlds", "256", "--steps", "8"),
    "training, rendezvous-v0": (*BENCH, "rendezvous-v0", "--what", "training"),
    "training, spread-v0": (*BENCH, "spread-v0", "--what", "training"),
    "transfer, rendezvous-v0": (*BENCH, "rendezvous-v0", "--what", "transfer"),
    "reading value heads of scenes": (str(HERE / "reading.py"),),
}
ABOUT = """
import json
from socialsim import devices
devices.use_all_cores()
print(json.dumps(devices.describe()))
"""


def measure(arguments: tuple[str, ...]) -> dict:
    """A row: rate, unit, compile_s, peak_MB; or the last line of what went wrong."""
    done = subprocess.run([sys.executable, *arguments, "--json"], capture_output=True, text=True)
    if done.returncode:
        return {"error": (done.stderr.strip() or "no word").splitlines()[-1]}
    found = json.loads(done.stdout.strip().splitlines()[-1])
    if "scenes_per_second" in found:
        compiling = found["seconds_with_compilation"] - found["seconds"]
        rate, unit, peak = found["scenes_per_second"], "scenes/s", found["peak_MiB"] * 1.048576
    else:
        compiling, peak = found["compile_s"], found["peak_memory_mb"]
        rate, unit = found["agent_steps_per_s"], "agent-steps/s"
    return {"rate": rate, "unit": unit, "compile_s": round(compiling, 1), "peak_MB": round(peak)}


def machine() -> dict:
    told = subprocess.run([sys.executable, "-c", ABOUT], capture_output=True, text=True, check=True).stdout
    return json.loads(told) | {"cores": os.cpu_count(), "system": platform.platform()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, help="keep the figures in this file")
    parser.add_argument("--against", type=Path, help="figures of another commit")
    given = parser.parse_args()
    before = json.loads(given.against.read_text())["rows"] if given.against else {}
    about = machine()
    print("; ".join(f"{k} {v}" for k, v in about.items()), f"load {os.getloadavg()[0]:.1f}", sep="; ")
    print("\n| what | rate | compile s | peak MB |" + (" against |" if before else ""))
    print("|---|---|---|---|" + ("---|" if before else ""))
    rows = {}
    for name, arguments in ROWS.items():
        row = rows[name] = measure(arguments)
        if "error" in row:
            print(f"| {name} | {row['error']} | | |" + (" |" if before else ""))
            continue
        line = f"| {name} | {row['rate']:,} {row['unit']} | {row['compile_s']} | {row['peak_MB']:,} |"
        old = before.get(name, {}).get("rate")
        print(line + (f" {row['rate'] / old:.2f} x |" if old else " new |" if before else ""), flush=True)
    if given.json:
        given.json.write_text(json.dumps({"machine": about, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
