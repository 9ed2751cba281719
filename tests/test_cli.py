"""The command line: bad input gives one clear line and status 2, and touches nothing."""

import errno
import json
import subprocess
import sys

import jax
import pytest

import socialsim
from socialsim.agents.networks import NetworkConfig
from socialsim.agents.ppo import PPOConfig
from socialsim.cli import main
from socialsim.cli.options import as_ppo, parse_ppo
from socialsim.cli.roofline import bytes_per_agent_step, bytes_read_back
from socialsim.experiments import experiment, experiments
from socialsim.runs import Run


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
        (
            ["train", "--drives", "attention"],
            "drive 'attention'; allowed: name=weight",
        ),
        (["train", "--ppo", "wrlds=4"], "did you mean 'worlds'"),
        (["train", "--ppo", "worlds=1.5"], "worlds=1.5; allowed: an integer"),
        (["train", "--ppo", "worlds=6"], "worlds=6 must be a multiple of minibatches=4"),
        (["train", "--ppo", "network.recurrent=yes"], "network.recurrent='yes'; allowed: true or false"),
        (["train", "--seeds", "999999999"], "seeds=999999999; allowed: an integer from 1 to 4096"),
        (["survey", "--seeds", "999999999"], "seeds=999999999; allowed: an integer from 1 to 4096"),
        (["survey", "--worlds", "forage"], "did you mean 'forage-v0'"),
        (["transfer", "a", "--targets", "haul-v0", "--seeds", "9999"], "from 1 to 4096"),
        (["transfer", "--targets", "haul-v0"], "no sources; allowed: one folder"),
        (["strangers"], "no runs; allowed: one folder"),
        (["train", "rendezvous-v0", "--seeds", "0"], "seeds=0; allowed: an integer from 1 to 4096"),
        (["experiment", "emergent-value"], "did you mean 'emergent-values'"),
        (["experiment", "emergent-values", "--preset", "dmeo"], "did you mean 'demo'"),
        (["report", "nowhere"], "no run at 'nowhere'; 'socialsim train WORLD --out nowhere' makes one"),
        (["replay", "nowhere", "--out", "new/x.htm"], "did you mean '.html'"),
        (["bench", "haul-v0", "--worlds", "0"], "worlds=0"),
        (["bench", "haul-v0", "--ppo", "worlds=8"], "allowed: with --what training"),
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


def test_help_names_every_experiment_and_preset(capsys):
    with pytest.raises(SystemExit):
        main(["experiment", "--help"])
    shown = capsys.readouterr().out
    for name in experiments():
        assert name in shown
        assert all(preset in shown for preset in experiment(name).presets), name


def test_options_of_the_learner_are_those_that_differ():
    told = parse_ppo(["worlds=64", "steps=32", "entropy_coef=0", "network.width=8", "pool=null"])
    assert told == {"worlds": 64, "entropy_coef": 0.0, "network": {"width": 8}}, (
        "steps and pool are the defaults"
    )
    assert as_ppo(told) == PPOConfig(NetworkConfig(width=8), worlds=64, entropy_coef=0.0)


def test_a_run_remembers_the_options_of_its_learner(tmp_path, capsys, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("socialsim.agents.loading.train", stopped)
    command = ["train", "--out", str(tmp_path / "t1"), "--quiet"]
    learner = ["--ppo", "worlds=8", "--ppo", "network.width=8"]
    assert main([*command, *learner]) == 130
    assert Run.open(tmp_path / "t1").config["ppo"] == {"worlds": 8, "network": {"width": 8}}
    assert main([*command, *learner, "--ppo", "steps=32"]) == 130, "32 is the default: the same run goes on"
    assert main([*command, "--ppo", "worlds=16"]) == 2
    assert "was made with ppo.worlds=8, asked for 16" in capsys.readouterr().err


def test_a_training_run_says_who_reports_on_it(tmp_path, capsys):
    Run.create(tmp_path / "t1", {"command": "train"}).close()
    assert main(["report", str(tmp_path / "t1")]) == 2
    said = capsys.readouterr().err
    assert "is a training run and has no report of its own; 'socialsim probe" in said and "assay" in said


def test_reports_of_experiments_and_of_commands_are_found(tmp_path, capsys):
    for config, page, figures in (
        ({"experiment": "coherence"}, "report", "summary"),
        ({"command": "probe"}, "probe", "probe"),
    ):
        path = tmp_path / page
        with Run.create(path, config) as run:
            assert main(["report", str(path)]) == 2
            assert "has no report yet" in capsys.readouterr().err
            run.write_json(f"{figures}.json", {"answer": ["It is so."]})
            run.write(f"{page}.html", b"<html>")
        assert main(["report", str(path)]) == 0
        said = capsys.readouterr().out
        assert said.startswith("It is so.\n") and str(path / f"{page}.html") in said


@pytest.mark.parametrize(
    ("arguments", "raised", "status", "says"),
    [
        (["train"], KeyboardInterrupt(), 130, "interrupted; run the same command again to go on"),
        (["bench"], KeyboardInterrupt(), 130, "interrupted"),
        (["replay", "x"], FileNotFoundError(errno.ENOENT, "No such file", "a/b"), 2, "'a/b': No such file"),
        (["train"], OSError(errno.ENOSPC, "No space left"), 2, "make room or name another place; a run"),
        (["bench"], MemoryError(), 2, "not enough memory"),
        (["train"], RuntimeError("RESOURCE_EXHAUSTED: Out of memory"), 2, "fewer seeds, worlds or episodes"),
    ],
)
def test_what_stops_a_command_is_said_in_one_line(arguments, raised, status, says, capsys, monkeypatch):
    def stop(given):
        raise raised

    monkeypatch.setattr("socialsim.cli.commands.dispatch", stop)
    assert main(arguments) == status
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1
    assert ("again" in error or "goes on" in error) <= (arguments[0] == "train")


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
    assert bytes_read_back(env) == (seen + timestep.signals.nbytes) // env.num_agents
