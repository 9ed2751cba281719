"""`socialsim strangers`."""

from pathlib import Path
from typing import Annotated

import tyro

from socialsim.cli.saying import say

# Tyro lets a tuple be empty and would call it optional; the commands refuse that.
Runs = Annotated[
    tuple[Path, ...],
    tyro.conf.Positional,
    tyro.conf.arg(metavar="PATH [PATH ...]", help_behavior_hint="(required)"),
]


def strangers(
    runs: Runs,
    newcomers: tuple[Path, ...] = (),
    world: str = "",
    out: Path = Path("runs/strangers"),
    episodes: int = 64,
    steps: int = 0,
    seed: int = 0,
    quiet: bool = False,
) -> None:
    """Let teams play with teams they have never met; writes strangers.html, strangers.json and netCDF files.

    Args:
        runs: folders of 'socialsim train' runs, whose teams are at home.
        newcomers: folders of runs whose teams join them; default: each team at home joins the others.
        world: id of the world they meet in; default: that of the first run.
        out: folder to write into; the same command resumes where it stopped.
        episodes: number of episodes played, of each mixture.
        steps: number of steps in each episode; 0: the world's horizon.
        seed: random seed.
        quiet: show no progress.
    """
    from socialsim.experiments.strangers import meet

    options = {"world": world, "episodes": episodes, "steps": steps, "seed": seed, "quiet": quiet}
    say(meet(runs, newcomers=newcomers, out=out, **options), "strangers")
