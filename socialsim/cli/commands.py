"""The commands. Heavy imports happen inside them, so that `--help` is quick."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import tyro

from socialsim.cli.saying import say
from socialsim.cli.strangers import strangers

Repeated = tyro.conf.UseAppendAction[tuple[str, ...]]  # `--option a=1 --option b=2`


def worlds() -> None:
    """List the worlds, one line each."""
    from rich.console import Console

    from socialsim import worlds as ids
    from socialsim.core.registry import entry

    console, width = Console(soft_wrap=True, highlight=False), max(map(len, ids()))
    for id in ids():
        console.print(f"[bold]{id:<{width}}[/]  {entry(id).summary}")


def train(
    world: Annotated[str, tyro.conf.Positional] = "rendezvous-v0",
    out: Path | None = None,
    agent_steps: int = 2_000_000,
    seeds: int = 2,
    seed: int = 0,
    chunks: int = 10,
    drives: str = "",
    option: Repeated = (),
    hosts: int = 1,
    host: int | None = None,
    coordinator: str = "",
) -> None:
    """Train teams on social signals alone; go on with a run that was stopped.

    Args:
        world: id of the world.
        out: run folder; default runs/WORLD.
        agent_steps: to train for, per seed.
        seeds: independent teams.
        seed: of all randomness.
        chunks: checkpoints and health checks on the way.
        drives: weights such as "attention=0.05,coordination=1"; default: see `socialsim.core.drives`.
        option: options of the world, such as size=12 (repeat for several).
        hosts: that train together; 0: as the cluster says (Slurm, TPU pod, MPI). All see the run folder.
        host: number of this one, from 0; default: as the cluster says.
        coordinator: ADDRESS:PORT of host 0; default: JAX_COORDINATOR_ADDRESS, or as the cluster says.
    """
    from socialsim.cli import training

    training.join(hosts, host, coordinator)
    training.train(world, out, agent_steps, seeds, seed, chunks, drives, option)


def experiment(
    name: Annotated[str, tyro.conf.Positional],
    preset: str = "demo",
    out: Path | None = None,
    seed: int = 0,
    quiet: bool = False,
) -> None:
    """Run an experiment of the programme; writes report.html and summary.json into the run folder.

    Args:
        name: such as emergent-values or value-drift.
        preset: demo (minutes on two cores), paper (one GPU), test (seconds; says nothing).
        out: run folder; default runs/NAME-PRESET, for emergent-values runs/PRESET.
        seed: of all randomness.
        quiet: no progress.
    """
    from socialsim.experiments import run_experiment

    path = run_experiment(name, preset, path=out, seed=seed, quiet=quiet)
    summary = json.loads((path / "summary.json").read_text())
    for line in summary["answer"]:
        print(line)
    print(f"\nreport: {path / 'report.html'}   figures: {path / 'summary.json'}")


def survey(
    worlds: tuple[str, ...] = (),
    out: Path = Path("runs/survey"),
    agent_steps: int = 262_144,
    seeds: int = 2,
    episodes: int = 64,
    seed: int = 0,
    quiet: bool = False,
) -> None:
    """Random, scripted and shortly trained teams in every world, in one table; goes on where it stopped.

    Args:
        worlds: ids; default: all.
        out: run folder.
        agent_steps: training per seed.
        seeds: trained teams per world.
        episodes: each team is measured on.
        seed: of all randomness.
        quiet: no progress.
    """
    from socialsim.experiments.survey import survey as measure

    options = {"agent_steps": agent_steps, "seeds": seeds, "episodes": episodes, "seed": seed, "quiet": quiet}
    path = measure(worlds, path=out, **options)
    print((path / "survey.md").read_text())
    print(f"figures: {path / 'survey.json'}")


def probe(
    run: Annotated[Path, tyro.conf.Positional],
    out: Path | None = None,
    concepts: tuple[str, ...] = (),
    episodes: int = 48,
    every: int = 8,
    scenes: int = 600,
    seed: int = 0,
    quiet: bool = False,
) -> None:
    """Probe the value heads of a trained run; writes probe.html, probe.json and netCDF files.

    Args:
        run: folder of a `socialsim train` run.
        out: folder to write into; default RUN/probe.
        concepts: to probe for; default: all of the built-in ones.
        episodes: played per team.
        every: one in so many steps is probed.
        scenes: to edit.
        seed: of all randomness.
        quiet: no progress.
    """
    from socialsim.experiments.probing import probe as measure

    more = {"concepts": concepts} if concepts else {}
    path = measure(
        run, out=out, episodes=episodes, every=every, scenes=scenes, seed=seed, quiet=quiet, **more
    )
    say(path, "probe")


def assay(
    run: Annotated[Path, tyro.conf.Positional],
    out: Path | None = None,
    assays: tuple[str, ...] = (),
    tables: int = 256,
    episodes: int = 48,
    temperature: float = 0.1,
    seed: int = 0,
    quiet: bool = False,
) -> None:
    """Put a trained run to the human-likeness battery; writes assay.html, assay.json and assay.nc.

    Args:
        run: folder of a `socialsim train` run.
        out: folder to write into; default RUN/assay.
        assays: some of the battery's; default: all.
        tables: games played of each kind.
        episodes: played in the team's own world, for assays of looking.
        temperature: of choices read out of value heads, in units of each head's scale.
        seed: of all randomness.
        quiet: no progress.
    """
    from socialsim.experiments.assaying import assay as measure

    more: dict = {"assays": assays} if assays else {}
    more |= {"tables": tables, "episodes": episodes, "temperature": temperature}
    say(measure(run, out=out, seed=seed, quiet=quiet, **more), "assay")


def transfer(
    sources: Annotated[tuple[Path, ...], tyro.conf.Positional],
    targets: tuple[str, ...],
    out: Path = Path("runs/transfer"),
    arms: tuple[str, ...] = ("scratch", "shaping", "random", "shuffled", "distilled", "encoder", "policy"),
    zero_shot_only: bool = False,
    seeds: int = 5,
    agent_steps: int = 400_000,
    episodes: int = 48,
    seed: int = 0,
    quiet: bool = False,
) -> None:
    """Move the values of trained runs into other worlds; writes transfer.html, transfer.json, netCDF files.

    Args:
        sources: folders of `socialsim train` runs.
        targets: ids of worlds.
        out: folder to write into; the same command goes on where it stopped.
        arms: what new learners are given.
        zero_shot_only: read the values there and train nobody.
        seeds: learners per arm.
        agent_steps: each learns for.
        episodes: played in each world.
        seed: of all randomness.
        quiet: no progress.
    """
    from socialsim.experiments.moving import move

    options = {"seeds": seeds, "agent_steps": agent_steps, "episodes": episodes, "seed": seed, "quiet": quiet}
    say(move(sources, targets, out=out, arms=() if zero_shot_only else arms, **options), "transfer")


def report(run: Annotated[Path, tyro.conf.Positional]) -> None:
    """Say where a finished run's report is, and its answer.

    Args:
        run: run folder.
    """
    from socialsim.core.errors import RunError
    from socialsim.runs import Run

    opened = Run.open(run)
    if not opened.file("report.html").exists():
        raise RunError(
            f"{str(run)!r} has no report yet: run the experiment again, it goes on where it stopped"
        )
    for line in opened.read_json("summary.json")["answer"]:
        print(line)
    print(opened.file("report.html"))


def replay(
    run: Annotated[Path, tyro.conf.Positional],
    out: Path = Path("replay.html"),
    world: str = "",
    team: int = 0,
    seed: int = 0,
) -> None:
    """Play one episode of a trained team and write it as .html, .gif or .mp4.

    Args:
        run: folder of a `socialsim train` run.
        out: file to write; its ending says how.
        world: another world to play in; default: the one it was trained in.
        team: which seed's team.
        seed: of the episode.
    """
    from socialsim.cli import training

    print(training.replay(run, out, world, team, seed))


def bench(
    world: Annotated[str, tyro.conf.Positional] = "rendezvous-v0",
    worlds: int = 2048,
    steps: int = 64,
    repeats: int = 5,
    json: bool = False,
    what: Literal["simulation", "training", "transfer"] = "simulation",
    option: Repeated = (),
    signals: tuple[str, ...] = ("attention", "imitation", "coordination"),
    devices: bool = False,
) -> None:
    """Measure steps per second, all signals on, observations consumed, auto-reset on.

    Args:
        world: id of the world.
        worlds: simulated at once.
        steps: decisions per timed call.
        repeats: timed calls; the median counts.
        json: print one JSON object as the last line.
        what: bare simulation under random actions, training with the demo's network, or the same with
            values and rewards carried in from elsewhere.
        option: options of the world, such as num_agents=16 (repeat for several).
        signals: which are computed.
        devices: measure on 1, 2, 4, ... devices instead: strong and weak scaling.
    """
    from socialsim.cli import bench as benchmark

    benchmark.main(world, worlds, steps, repeats, json, what, option, signals, devices)


def doctor() -> None:
    """Say what this machine offers: devices, versions, rendering; and whether a world runs."""
    from socialsim.cli import doctor as check

    check.main()


COMMANDS = {
    f.__name__: f
    for f in (
        *(worlds, train, experiment, survey, probe, assay, transfer, strangers),
        *(report, replay, bench, doctor),
    )
}


def dispatch(arguments: Sequence[str]) -> None:
    """Parse and run. Help and unknown options end the process as tyro does (status 0 and 2)."""
    from socialsim import devices

    devices.use_all_cores()
    tyro.extras.subcommand_cli_from_dict(
        COMMANDS, prog="socialsim", args=arguments, description="Social signals, values, transfer."
    )


def parse_options(pairs: Sequence[str]) -> dict:
    """`name=value` strings as keyword options; values are read as JSON where they can be."""
    from socialsim.core.errors import OptionError

    out = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or not name:
            raise OptionError(f"option {pair!r}; allowed: name=value, such as size=12")
        try:
            out[name] = json.loads(value.lower() if value in ("True", "False") else value)
        except json.JSONDecodeError:
            out[name] = value
    return out
