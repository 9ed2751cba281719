"""The command line: bad input gives one clear line and status 2, and touches nothing."""

import json
import subprocess
import sys

import jax
import pytest

import socialsim
from socialsim.cli import main
from socialsim.cli.roofline import bytes_per_agent_step


@pytest.fixture(autouse=True)
def no_device_setup(monkeypatch):
    monkeypatch.setattr("socialsim.devices.use_all_cores", lambda: None)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train", "rendevous-v0"], "did you mean 'rendezvous-v0'"),
        (["train", "rendezvous-v0", "--option", "siez=3"], "did you mean 'size'"),
        (["train", "rendezvous-v0", "--option", "needed=9"], "needed=9; allowed: at most num_agents=4"),
        (["train", "rendezvous-v0", "--option", "size"], "allowed: name=value"),
        (["train", "rendezvous-v0", "--drives", "atention=1"], "did you mean 'attention'"),
        (["train", "rendezvous-v0", "--drives", "attention=-1"], "0 or more"),
        (["train", "rendezvous-v0", "--seeds", "0"], "seeds=0; allowed: an integer from 1 to 4096"),
        (["experiment", "emergent-value"], "did you mean 'emergent-values'"),
        (["experiment", "emergent-values", "--preset", "dmeo"], "did you mean 'demo'"),
        (["report", "/nowhere/at/all"], "/nowhere/at/all"),
        (["bench", "haul-v0", "--worlds", "0"], "worlds=0"),
    ],
)
def test_bad_input_is_one_line_and_status_two(arguments, says, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_foreign_folder_is_left_alone(tmp_path, capsys):
    (tmp_path / "thesis.txt").write_text("mine")
    assert main(["experiment", "emergent-values", "--preset", "test", "--out", str(tmp_path)]) == 2
    assert str(tmp_path) in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_unknown_options_end_with_status_two():
    with pytest.raises(SystemExit) as stopped:
        main(["train", "--no-such-option"])
    assert stopped.value.code == 2


def test_worlds_are_listed(capsys):
    assert main(["worlds"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("rendezvous-v0", "haul-v0", "rendezvous-mujoco-v0", "beam-v0"))


def test_bench_prints_json_as_its_last_line():
    command = [sys.executable, "-m", "socialsim", "bench", "rendezvous-v0", "--json"]
    small = ["--worlds", "16", "--steps", "4", "--repeats", "1"]
    out = subprocess.run([*command, *small], capture_output=True, text=True, check=True).stdout
    row = json.loads(out.splitlines()[-1])
    assert {"agent_steps_per_s", "world_steps_per_s", "compile_s", "peak_memory_mb"} <= set(row)
    assert row["agent_steps_per_s"] > 0 and row["agents"] == 4


def test_the_bytes_of_a_step_are_those_of_its_arrays():
    env = socialsim.make("stag-hunt-v0")
    state, timestep = env.reset(jax.random.key(0))
    state, step, seen = (
        sum(x.nbytes for x in jax.tree.leaves(t)) for t in (state, timestep, timestep.observation)
    )
    actions = 4 * env.num_agents  # an int32 each
    assert bytes_per_agent_step(env) == (2 * state + step - seen + actions) // env.num_agents
