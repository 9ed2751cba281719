"""The commands. Heavy imports happen inside them, so that `--help` is quick."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import tyro

from socialsim.cli.saying import say
from socialsim.cli.strangers import Runs, strangers

EXPERIMENTS = (
    "coherence, discovery, emergent-values, reward-density, somatic-markers, value-atlas or value-drift."
)
PRESETS = (
    "demo (minutes on two cores), paper (one GPU) or test (seconds; no conclusions); of value-atlas: hour "
    "(two cores), gpu or test."
)
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
    ppo: Repeated = (),
    hosts: int = 1,
    host: int | None = None,
    coordinator: str = "",
    quiet: bool = False,
) -> None:
    """Train teams on social signals alone; resumes a run that was stopped.

    Args:
        world: id of the world; 'socialsim worlds' lists them.
        out: run folder; default runs/WORLD.
        agent_steps: agent-steps to train for, per seed.
        seeds: number of independently trained teams.
        seed: random seed.
        chunks: number of checkpoints, each with a check of the value heads.
        drives: weight of each signal; default "attention=0.05,imitation=0.05,coordination=1".
        option: option of the world, such as size=12; repeat for several.
        ppo: option of the learner, such as worlds=8192 (large GPUs) or network.width=128; repeat for several.
        hosts: number of hosts; all must see the run folder; 0: ask the cluster (Slurm, TPU pod, MPI).
        host: index of this host, from 0; default: ask the cluster.
        coordinator: ADDRESS:PORT of host 0; default: JAX_COORDINATOR_ADDRESS, or ask the cluster.
        quiet: show no progress.
    """
    from socialsim.cli import training

    training.join(hosts, host, coordinator)
    budget = {"agent_steps": agent_steps, "seeds": seeds, "seed": seed, "chunks": chunks, "quiet": quiet}
    training.train(world, out, drives=drives, option=option, ppo=ppo, **budget)


def experiment(
    name: Annotated[str, tyro.conf.Positional, tyro.conf.arg(help=EXPERIMENTS)],
    preset: Annotated[str, tyro.conf.arg(help=PRESETS)] = "demo",
    out: Path | None = None,
    seed: int = 0,
    quiet: bool = False,
) -> None:
    """Run one of the built-in experiments; writes report.html and summary.json, and resumes where it stopped.

    Args:
        out: run folder; default runs/NAME-PRESET, for emergent-values runs/PRESET.
        seed: random seed.
        quiet: show no progress.
    """
    from socialsim.experiments import run_experiment

    path = run_experiment(name, preset, path=out, seed=seed, quiet=quiet)
    say(path, "summary", "report")


def survey(
    worlds: tuple[str, ...] = (),
    out: Path = Path("runs/survey"),
    agent_steps: int = 262_144,
    seeds: int = 2,
    episodes: int = 64,
    seed: int = 0,
    quiet: bool = False,
) -> None:
    """Compare random, scripted and briefly trained teams in every world; resumes where it stopped.

    Args:
        worlds: ids of the worlds; default: all.
        out: run folder.
        agent_steps: agent-steps to train for, per seed.
        seeds: number of trained teams per world.
        episodes: number of episodes that each team is measured on.
        seed: random seed.
        quiet: show no progress.
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
        run: folder of a 'socialsim train' run.
        out: folder to write into; default RUN/probe.
        concepts: names of the concepts to probe for; default: all that are built in.
        episodes: number of episodes played, per team.
        every: probe one step in so many.
        scenes: number of scenes to edit.
        seed: random seed.
        quiet: show no progress.
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
    """Put a trained run through the human-likeness battery; writes assay.html, assay.json and assay.nc.

    Args:
        run: folder of a 'socialsim train' run.
        out: folder to write into; default RUN/assay.
        assays: names of the assays; default: all of the battery.
        tables: number of games played, of each kind.
        episodes: number of episodes played in the team's own world, for the assays of looking.
        temperature: temperature of the choices read out of value heads, in units of each head's scale.
        seed: random seed.
        quiet: show no progress.
    """
    from socialsim.experiments.assaying import assay as measure

    more: dict = {"assays": assays} if assays else {}
    more |= {"tables": tables, "episodes": episodes, "temperature": temperature}
    say(measure(run, out=out, seed=seed, quiet=quiet, **more), "assay")


def transfer(
    sources: Runs,
    targets: tuple[str, ...],
    out: Path = Path("runs/transfer"),
    arms: tuple[str, ...] = (),
    alone: tuple[str, ...] = (),
    zero_shot_only: bool = False,
    seeds: int = 5,
    agent_steps: int = 400_000,
    episodes: int = 48,
    seed: int = 0,
    quiet: bool = False,
) -> None:
    """Move the values of trained runs into other worlds; writes transfer.html, transfer.json, netCDF files.

    Args:
        sources: folders of 'socialsim train' runs.
        targets: ids of the worlds to move the values into.
        out: folder to write into; the same command resumes where it stopped.
        arms: what new learners are given beside the world's own signals; default: scratch and every carrier
            with its controls, unless alone is given.
        alone: what new learners are given and rewarded with, and nothing else; default: scratch (no reward),
            the distilled reward, its controls and the world's own signals, unless arms is given.
        zero_shot_only: read the values in the other worlds and train nobody.
        seeds: number of learners per arm.
        agent_steps: agent-steps that each learner trains for.
        episodes: number of episodes played in each world.
        seed: random seed.
        quiet: show no progress.
    """
    from socialsim.experiments.moving import move

    options: dict = {"seeds": seeds, "agent_steps": agent_steps, "episodes": episodes}
    options |= {"seed": seed, "quiet": quiet} | ({"arms": arms} if arms else {})
    options |= ({"alone": alone} if alone else {}) | ({"arms": (), "alone": ()} if zero_shot_only else {})
    say(move(sources, targets, out=out, **options), "transfer")


def report(run: Annotated[Path, tyro.conf.Positional]) -> None:
    """Print the answer of a finished run, and where its report is.

    Args:
        run: folder of an experiment, or of what probe, assay, transfer or strangers wrote.
    """
    from socialsim.cli import reporting

    reporting.report(run)


def replay(
    run: Annotated[Path, tyro.conf.Positional],
    out: Path = Path("replay.html"),
    world: str = "",
    team: int = 0,
    seed: int = 0,
) -> None:
    """Play one episode of a trained team and write it as .html, .gif or .mp4.

    Args:
        run: folder of a 'socialsim train' run.
        out: file to write; its ending chooses the format.
        world: id of another world to play in; default: the one it was trained in.
        team: index of the team, from 0: one for each seed.
        seed: random seed of the episode.
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
    ppo: Repeated = (),
    signals: tuple[str, ...] = ("attention", "imitation", "coordination"),
    devices: bool = False,
) -> None:
    """Measure steps per second, with all signals, observations written and read, and auto-reset.

    Args:
        world: id of the world.
        worlds: number of worlds simulated at once (training: see ppo).
        steps: number of decisions per timed call (training: eight updates).
        repeats: number of timed calls; the median counts.
        json: print one JSON object as the last line.
        what: random actions, the learner, or the learner with values and rewards carried in from elsewhere.
        option: option of the world, such as num_agents=16; repeat for several.
        ppo: option of the learner, such as worlds=8192; repeat for several.
        signals: names of the signals to compute.
        devices: measure on 1, 2, 4, ... devices instead: strong and weak scaling.
    """
    from socialsim.cli import bench as benchmark

    benchmark.main(world, worlds, steps, repeats, json, what, option, signals, devices, ppo)


def doctor() -> None:
    """Print what this machine offers (devices, versions, rendering) and whether a world runs on it."""
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
        COMMANDS,
        prog="socialsim",
        args=arguments,
        description="Social signals instead of rewards: train teams, probe and move their values.",
    )
