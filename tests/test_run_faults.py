"""Runs on disk under a full disk and under kill -9; tools/faults.py does the same at length."""

import signal
import subprocess
import sys
import textwrap
import time

import numpy as np

from socialsim.runs import Run


def test_a_full_disk_is_one_line_and_loses_nothing(tmp_path):
    """Files may not grow beyond a kilobyte (RLIMIT_FSIZE stands in for a full disk)."""
    script = tmp_path / "child.py"
    script.write_text(
        textwrap.dedent(r"""
        import resource, sys, numpy as np, xarray as xr
        from socialsim.core.errors import RunError
        from socialsim.runs import Run
        run = Run.open_or_create(sys.argv[1], {"a": 1})
        big = np.random.default_rng(0).normal(size=100_000)
        run.append_metrics(1, {"x": big})
        run.save(1, {"w": big})
        run.save_recording("a", xr.Dataset({"x": ("step", big)}))
        run.write_json("a.json", {"x": big[:999]})
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
        for attempt in (
            lambda: run.append_metrics(2, {"x": big}),
            lambda: run.save(2, {"w": big}),
            lambda: run.save(1, {"w": big}),
            lambda: run.save_recording("a", xr.Dataset({"x": ("step", -big)})),
            lambda: run.write_json("a.json", {"x": -big}),
        ):
            try:
                attempt()
            except RunError as error:
                assert "not written: " in str(error) and "goes on where it stopped" in str(error), error
                assert "\n" not in str(error), error
            else:
                raise SystemExit("written beyond the limit")
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert (run.restore({"w": big})[1]["w"] == big).all() and run.steps() == [1]
        assert (run.recording("a").x == big).all() and run.read_json("a.json")["x"] == list(big[:999])
        run.save(2, {"w": big})
        print("fine")
        """)
    )
    child = subprocess.run([sys.executable, script, tmp_path / "run"], capture_output=True, text=True)
    assert child.stdout == "fine\n", child.stderr


def test_killed_at_any_moment_the_folder_is_whole(tmp_path):
    """A child saves as fast as it can and is killed at moments spread over a save, again and again."""
    script = tmp_path / "child.py"
    script.write_text(
        textwrap.dedent("""
        import sys, numpy as np
        from socialsim.runs import Run
        run = Run.open_or_create(sys.argv[1], {"a": 1})
        template = {"w": np.zeros(1000), "step": 0}
        found = run.restore(template)
        step = found[0] if found else 0
        assert found is None or (found[1]["w"] == step).all() and found[1]["step"] == step
        assert [int(c["step"]) for c in run.metrics()] == list(range(1, step + 1))
        print("ready", flush=True)
        while True:
            step += 1
            run.append_metrics(step, {"step": step})
            run.save(step, {"w": np.full(1000, float(step)), "step": step}, keep=3)
            print(step, flush=True)
        """)
    )
    reached = []
    for trial in range(3):
        child = subprocess.Popen(
            [sys.executable, "-W", "error", script, tmp_path / "run"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert child.stdout.readline() == "ready\n", child.stderr.read()
        first = int(child.stdout.readline())
        time.sleep(0.031 * trial)
        child.send_signal(signal.SIGKILL)
        out, err = child.communicate()
        assert "Error" not in err
        reached.append(max([first, *map(int, out.split())]))
    with Run.open_or_create(tmp_path / "run", {"a": 1}) as run:
        step, found = run.restore({"w": np.zeros(1000), "step": 0})
        assert step >= reached[-1] and (found["w"] == step).all()
        assert not list(run.path.rglob(".writing-*"))
    assert reached == sorted(set(reached))
