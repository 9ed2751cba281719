"""Whether training holds its memory flat for hours: `python tools/long_run.py [--hours 2]`.

Starts `socialsim train` in a process of its own, reads its resident memory every ten seconds (Linux), and
ends it after that much time; time in which it is stopped (SIGSTOP, to measure something else) does not count.
The first sixth is warming up: compiling, first checkpoints. Flat is what is said of less than `FLAT` growth
from the first to the last third of the rest, by medians. Prints the row for docs/reliability.md; the exit
status is 1 if memory was not flat or the training ended by itself.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from scipy import stats

from socialsim.runs import Run

EVERY = 10.0
"""Seconds between two readings."""

FLAT = 0.02
"""Growth, as a share, that counts as none: of the order of what the allocator keeps back and gives again."""


def resident(pid: int) -> tuple[str, float]:
    """(state, resident MB) of a process."""
    told = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return told["State"].split()[0], int(told.get("VmRSS", "0 kB").split()[0]) / 1024


def watch(child: subprocess.Popen, hours: float) -> list[tuple[float, float]]:
    """(hours, MB) until the time is over or the child ends."""
    rows, spent, last = [], 0.0, time.monotonic()
    while child.poll() is None and spent < hours:
        time.sleep(EVERY)
        now = time.monotonic()
        state, size = resident(child.pid)
        if state not in "TZX":
            spent += (now - last) / 3600
            rows.append((spent, size))
            if len(rows) % 60 == 0:
                print(f"{spent:.2f} h: {size:.0f} MB", file=sys.stderr, flush=True)
        last = now
    return rows


def told(rows: list[tuple[float, float]]) -> tuple[str, bool]:
    """What to say of the readings, and whether memory was flat."""
    warm = rows[len(rows) // 6 :]
    third = len(warm) // 3
    first, last = (statistics.median(size for _, size in part) for part in (warm[:third], warm[-third:]))
    slope, _, low, high = stats.theilslopes([size for _, size in warm], [hour for hour, _ in warm])
    flat = last / first - 1 < FLAT
    return (
        f"{'flat' if flat else 'FAILED: grows'}: {first:.0f} MB, at the end {last:.0f} MB "
        f"({100 * (last / first - 1):+.1f} %), highest {max(size for _, size in rows):.0f} MB; "
        f"slope {slope:+.1f} MB an hour [{low:+.1f}, {high:+.1f}]"
    ), flat


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("world", nargs="?", default="rendezvous-v0")
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--chunks", type=int, default=1_000, help="of 100 updates each, if it went on")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="long-run-"))
    command = [
        sys.executable,
        "-m",
        "socialsim",
        "train",
        given.world,
        "--seeds",
        "1",
        "--out",
        folder / "run",
    ]
    steps = ["--agent-steps", str(given.chunks * 100 * 32_768), "--chunks", str(given.chunks)]
    with open(folder / "log.txt", "w") as log:
        child = subprocess.Popen([*command, *steps], stdout=log, stderr=log)
        try:
            rows = watch(child, given.hours)
        finally:
            alone = child.poll()
            child.kill()
            child.wait()
    if alone is not None:
        print(f"FAILED: ended by itself with status {alone}:\n{(folder / 'log.txt').read_text()[-2000:]}")
        return 1
    words, flat = told(rows)
    updates = len(Run.open(folder / "run").steps())
    size = sum(path.stat().st_size for path in (folder / "run").rglob("*") if path.is_file()) / 2**20
    print(f"| {given.world}, {rows[-1][0]:.1f} hours, {updates} chunks on disk ({size:.0f} MB) | {words} |")
    shutil.rmtree(folder)
    return int(not flat)


if __name__ == "__main__":
    sys.exit(main())
