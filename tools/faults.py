"""Break runs on purpose and count what happens: `python tools/faults.py [--trials N] [FAULT ...]`.

Each trial ends in a named outcome; those that begin with FAILED make the exit status 1. Children are forked
before JAX is used here, so a trial costs no imports. Linux only; mounting small disks needs root (faults that
cannot be tried say so). Prints a table for docs/reliability.md; `--json FILE` keeps the counts.
"""

import argparse
import collections
import contextlib
import hashlib
import io
import json
import os
import platform
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

from fault_bench import (
    Bench,
    Child,
    bits,
    cautious,
    command,
    committed,
    figures,
    refusal,
    tree,
    write_on,
    wrote,
)

from socialsim.core.errors import RunError
from socialsim.runs import Run, RunWarning

TINY = ("--option", "num_agents=2", "--option", "needed=2", "--option", "size=6", "--option", "walls=1")
TRAIN = ("train", "rendezvous-v0", "--agent-steps", "3000", "--chunks", "6", "--seeds", "1", *TINY)
Outcomes = collections.Counter


# -- kill -9 ---------------------------------------------------------------------------------------------


def kill(bench: Bench, name: str, arguments, same: Callable[[Path], str], trials: int) -> Outcomes:
    """Kill a command up to three times at random moments, let it end, compare with one never interrupted."""
    whole = bench.fresh(f"{name}-whole")
    if bench.done(command(*arguments, "--out", str(whole))).status != 0:  # also fills the compilation cache
        return Outcomes({"FAILED: the command itself": 1})
    begin = time.monotonic()
    again = bench.fresh(f"{name}-again")
    bench.done(command(*arguments, "--out", str(again)))
    lasts, wanted, outcomes = time.monotonic() - begin, same(whole), Outcomes()
    if same(again) != wanted:
        return Outcomes({"FAILED: two whole runs differ": 1})
    for _ in range(trials):
        path, kept, kills = bench.fresh(name), set(), 0
        while True:
            child = bench.start(command(*arguments, "--out", str(path)))
            if child.wait(bench.random.uniform(0.02, 1.0) * lasts if kills < 3 else 3600):
                break
            child.kill()
            kills += 1
            now = committed(path)
            if lost := kept - now:
                outcomes[f"FAILED: lost {sorted(lost)[:2]}"] += 1
            kept = now
        if child.status != 0:
            outcomes[f"FAILED: status {child.status}: {child.said[-300:]!r}"] += 1
        elif same(path) != wanted:
            outcomes["FAILED: other bits"] += 1
        else:
            outcomes[f"same bits after {kills} kill{'s' * (kills != 1)}"] += 1
        shutil.rmtree(path, ignore_errors=True)
    return outcomes


def kill_train(bench: Bench) -> Outcomes:
    return kill(bench, "train", TRAIN, bits, bench.trials)


def kill_transfer(bench: Bench) -> Outcomes:
    source = bench.fresh("source")
    bench.done(command(*TRAIN, "--out", str(source)))
    small = ("--seeds", "2", "--agent-steps", "3000", "--episodes", "8", "--arms", "scratch", "shaping")
    moved = ("transfer", str(source), "--targets", "stag-hunt-v0", *small, "--quiet")
    return kill(bench, "transfer", moved, figures, max(bench.trials // 4, 1))


def kill_experiment(bench: Bench) -> Outcomes:
    arguments = ("experiment", "value-drift", "--preset", "test", "--quiet")
    return kill(bench, "experiment", arguments, figures, max(bench.trials // 4, 1))


def kill_writer(bench: Bench) -> Outcomes:
    """Kill the writer at random moments of writing; each next one checks what the last one left."""
    path, outcomes, reached = bench.fresh("writer"), Outcomes(), 0
    for _ in range(20 * bench.trials):
        child = bench.start(cautious(path))
        while "begins" not in child.said and not child.wait(0.01):
            pass
        if child.wait(bench.random.uniform(0.0, 0.3)):
            outcomes[f"FAILED: {child.said[-300:]!r}"] += 1
            break
        child.kill()
        lost = wrote(child) < reached
        reached = max(reached, wrote(child))
        outcomes["FAILED: lost" if lost else "whole; nothing lost"] += 1
        if reached > 40:
            path, reached = bench.fresh("writer"), 0
    return outcomes


# -- disks -----------------------------------------------------------------------------------------------


def full_disk(bench: Bench) -> Outcomes:
    """A disk of a random size fills up while a run is written; it is made larger, and the run goes on."""
    outcomes = Outcomes()
    for _ in range(5 * bench.trials):
        size = bench.random.randint(8, 2500)
        with bench.disk(size) as disk:
            child = bench.done(cautious(disk / "run", 12))
            if child.status == 0:
                outcomes["there was room enough"] += 1
                continue
            told, reached = refusal(child, "No space left on device", "same command"), wrote(child)
            if told.startswith("FAILED"):
                outcomes[told] += 1
                continue
            subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
            later = bench.done(cautious(disk / "run", 12))
            begins = (f"begins {reached}\n", f"begins {reached + 1}\n")
            fine = later.status == 0 and any(b in later.said for b in begins)
            outcomes[f"{told}; with room again it goes on" if fine else f"FAILED: {later.said[-300:]!r}"] += 1
    return outcomes


def file_limit(bench: Bench) -> Outcomes:
    """No file may grow beyond a random size (RLIMIT_FSIZE), as under a quota."""
    outcomes = Outcomes()
    for _ in range(5 * bench.trials):
        path, size = bench.fresh("limit"), int(10 ** bench.random.uniform(1.5, 5.5))

        def limited(path=path, size=size) -> int:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
            out = cautious(path, 4)()
            return out

        child = Child(limited, Path("/dev/shm") / f"faults-{os.getpid()}.txt")
        child.wait()
        if child.status == 0:
            outcomes["no file was that large"] += 1
        elif size < 400 and child.status == 2:  # its own words do not fit into its log
            outcomes["refused in one line, status 2"] += 1
        else:
            outcomes[refusal(child, "File too large", "same command")] += 1
        later = bench.done(cautious(path, 4))
        if later.status != 0:
            outcomes[f"FAILED: {later.said[-300:]!r}"] += 1
        shutil.rmtree(path, ignore_errors=True)
    return outcomes


def full_disk_train(bench: Bench) -> Outcomes:
    """`socialsim train` on a disk that fills up; then with room."""
    whole, outcomes = bench.fresh("train-whole"), Outcomes()
    bench.done(command(*TRAIN, "--out", str(whole)))
    wanted, size = bits(whole), sum(p.stat().st_size for p in whole.rglob("*")) // 1024
    for _ in range(max(bench.trials // 4, 1)):
        with bench.disk(bench.random.randint(16, size)) as disk:
            child = bench.done(command(*TRAIN, "--out", str(disk / "run")))
            told = refusal(child, "No space left on device")
            if told.startswith("FAILED"):
                outcomes[told] += 1
                continue
            subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
            bench.done(command(*TRAIN, "--out", str(disk / "run")))
            same = bits(disk / "run") == wanted
            outcomes[f"{told}; then the same bits" if same else "FAILED: other bits"] += 1
    return outcomes


def read_only(bench: Bench) -> Outcomes:
    """A run on a read-only disk: reading works, each command that writes refuses in one line."""
    outcomes = Outcomes()
    with bench.disk(64_000) as disk:
        bench.done(command(*TRAIN, "--out", str(disk / "run")))
        (disk / "empty").mkdir()
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        run = str(disk / "run")
        for arguments in (
            (*TRAIN, "--out", run),
            (*TRAIN, "--out", str(disk / "new")),
            (*TRAIN, "--out", str(disk / "empty")),
            ("probe", run, "--quiet"),
            ("assay", run, "--quiet"),
            ("experiment", "value-drift", "--preset", "test", "--out", str(disk / "e")),
            ("transfer", run, "--targets", "stag-hunt-v0", "--out", str(disk / "t")),
            ("replay", run, "--out", str(disk / "replay.html")),
        ):
            outcomes[refusal(bench.done(command(*arguments)), "Read-only file system")] += 1
        reader = bench.done(lambda: print(len(Run.open(run).steps())))
        outcomes["reading works" if reader.said.strip() == "6" else f"FAILED: {reader.said!r}"] += 1
    return outcomes


# -- damage ----------------------------------------------------------------------------------------------


def damage(chance: random.Random, path: Path) -> str:
    """Truncate, flip a bit, zero a block, delete, or put another file's bytes in its place."""
    how = chance.choice(("truncated", "bit flipped", "bit flipped", "block zeroed", "deleted"))
    data = bytearray(path.read_bytes())
    if how == "deleted" or not data:
        path.unlink()
        return "deleted"
    place = chance.randrange(len(data))
    if how == "truncated":
        data = data[:place]
    elif how == "bit flipped":
        data[place] ^= 1 << chance.randrange(8)
    else:
        data[place : place + 512] = bytes(len(data[place : place + 512]))
    path.write_bytes(data)
    return how


def damaged(bench: Bench) -> Outcomes:
    """Damage one file of a run; whatever is then read is either right, or refused, or told to be older."""
    source = bench.fresh("damaged")
    bench.done(lambda: write_on(source, 3))

    def work() -> None:
        with open(bench.folder / "damaged.json", "w") as out:
            json.dump(_damaged(bench, source), out)

    child = bench.done(work)  # a process that has read with TensorStore must not fork
    if child.status != 0:
        return Outcomes({f"FAILED: {child.said[-300:]!r}": 1})
    return Outcomes(json.loads((bench.folder / "damaged.json").read_text()))


def _damaged(bench: Bench, source: Path) -> Outcomes:
    outcomes = Outcomes()
    places = [p.relative_to(source) for p in source.rglob("*") if p.is_file() and p.name != ".lock"]
    truth = look(source)
    for _ in range(50 * bench.trials):
        path = bench.folder / "copy"
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(source, path)
        place = bench.random.choice(places)
        before = (path / place).read_bytes()
        how = damage(bench.random, path / place)
        if (path / place).exists() and (path / place).read_bytes() == before:
            continue  # zeros were zeroed
        kind = place.parts[0] if place.parts[0] != "checkpoints" else "checkpoint"
        try:
            found = look(path)
        except Exception:
            outcomes[f"FAILED: {kind} {how}: {traceback.format_exc()[-300:]!r}"] += 1
            continue
        wrong = [k for k in truth if found[k] not in (truth[k], "refused", "older, with a warning")]
        if wrong:
            outcomes[f"FAILED: {kind} {how}: {wrong} read as good"] += 1
        elif found == truth:
            outcomes["no difference: a byte that nothing reads"] += 1
        else:
            outcomes["refused in one line, or older with a warning; nothing wrong was read"] += 1
    return outcomes


def look(path: Path) -> dict[str, object]:
    """All that a reader can ask of a run; typed refusals and warnings by name."""

    def asked(read):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            try:
                value = read()
            except RunError as error:
                assert "\n" not in str(error), error
                return "refused"
        return "older, with a warning" if any(w.category is RunWarning for w in told) else value

    def opened():
        return Run.open(path)

    def steps():
        found = opened().resume(tree(0), lambda t: hashlib.sha256(t["w"].tobytes()).hexdigest())
        return repr(found and (found[1], found[2]))

    quiet = io.StringIO()
    with contextlib.redirect_stderr(quiet):
        return {
            "config": asked(lambda: opened().config),
            "history": asked(steps),
            "checkpoint": asked(lambda: repr(opened().restore(tree(0)))),
            "recording": asked(lambda: opened().recording("a").x.values.tobytes()),
            "stage": asked(lambda: opened().read_json("stages/a.json")),
        }


def damaged_train(bench: Bench) -> Outcomes:
    """Damage one file of a trained run; the same command mends it to the same bits, or says what to do."""
    whole, outcomes = bench.fresh("train-whole"), Outcomes()
    bench.done(command(*TRAIN, "--out", str(whole)))
    wanted = bits(whole)
    places = [p.relative_to(whole) for p in whole.rglob("*") if p.is_file() and p.name != ".lock"]
    for _ in range(bench.trials):
        path, place = bench.fresh("train-damaged"), bench.random.choice(places)
        shutil.copytree(whole, path)
        damage(bench.random, path / place)
        child = bench.done(command(*TRAIN, "--out", str(path)))
        if child.status == 0:
            outcomes["mended to the same bits" if bits(path) == wanted else "FAILED: other bits"] += 1
        else:
            outcomes[refusal(child)] += 1
    return outcomes


# -- others ----------------------------------------------------------------------------------------------


def two_writers(bench: Bench) -> Outcomes:
    """The same command twice at once on one folder: one writes, the other refuses, the result is right."""
    outcomes = Outcomes()
    for _ in range(5 * bench.trials):
        path = bench.fresh("two")
        pair = [bench.start(cautious(path, 6)) for _ in range(2)]
        for child in pair:
            child.wait()
        told = sorted(c.status or 0 for c in pair)
        if told == [0, 0]:
            outcomes["one after the other"] += 1
        elif told == [0, 2]:
            (late,) = (c for c in pair if c.status == 2)
            outcomes[refusal(late, "being written by process")] += 1
        else:
            outcomes[f"FAILED: {pair[0].said[-200:]!r} {pair[1].said[-200:]!r}"] += 1
        if bench.done(cautious(path, 6)).status != 0:
            outcomes["FAILED: not whole afterwards"] += 1
    return outcomes


def clock(bench: Bench) -> Outcomes:
    """The clock jumps by up to ten days at a random moment, back or forth; files bear times of any year."""
    outcomes = Outcomes()
    for _ in range(2 * bench.trials):
        path, seed = bench.fresh("clock"), bench.random.random()

        def jumping(path=path, seed=seed, last=3) -> int:
            chance, now, begin = random.Random(seed + last), time.time, time.monotonic()
            moment, jump = chance.uniform(0, 0.6), chance.uniform(-1e6, 1e6)
            time.time = lambda: now() + jump * (time.monotonic() > begin + moment)
            time.time_ns = lambda: int(time.time() * 1e9)
            return cautious(path, last)()

        first = bench.done(jumping)
        for file in path.rglob("*"):
            os.utime(file, times=(bench.random.uniform(0, 4e9),) * 2)
        second = bench.done(lambda jumping=jumping: jumping(last=6))
        fine = (first.status, second.status) == (0, 0) and "begins 3" in second.said
        outcomes["goes on" if fine else f"FAILED: {second.said[-300:]!r}"] += 1
    return outcomes


FAULTS = {
    f.__name__.replace("_", "-"): f
    for f in (
        *(kill_writer, full_disk, file_limit, damaged, two_writers, clock),
        *(read_only, kill_train, damaged_train, full_disk_train, kill_transfer, kill_experiment),
    )
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("faults", nargs="*", help=f"default: all of {', '.join(FAULTS)}")
    parser.add_argument("--trials", type=int, default=8, help="of the dearest faults; cheap ones get more")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if odd := [f for f in given.faults if f not in FAULTS]:
        parser.error(f"unknown fault {odd[0]!r}; allowed: {', '.join(FAULTS)}")
    from socialsim.cli import commands  # noqa: F401  imported once, for all children

    table = {}
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        cache = os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", f"{folder}/jax")
        import jax

        jax.config.update("jax_compilation_cache_dir", cache)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        for name in given.faults or FAULTS:
            begin = time.monotonic()
            try:
                table[name] = dict(FAULTS[name](Bench(Path(folder) / name, given.seed, given.trials)))
            except subprocess.CalledProcessError as error:
                table[name] = {f"not tried: {error.stderr or error}": 1}
            for outcome, count in table[name].items():
                print(f"| {name} | {count} | {outcome} |", flush=True)
            print(f"{name}: {time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)
            if given.json:
                known = json.loads(given.json.read_text()) if given.json.exists() else {}
                given.json.write_text(json.dumps({**known, name: table[name]}, indent=1) + "\n")
    print(f"Python {platform.python_version()}, {platform.platform()}", file=sys.stderr)
    return int(any(o.startswith("FAILED") for each in table.values() for o in each))


if __name__ == "__main__":
    sys.exit(main())
