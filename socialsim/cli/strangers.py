"""`socialsim strangers`."""

from pathlib import Path
from typing import Annotated

import tyro

from socialsim.cli.saying import say


def strangers(
    runs: Annotated[tuple[Path, ...], tyro.conf.Positional],
    newcomers: tuple[Path, ...] = (),
    world: str = "",
    out: Path = Path("runs/strangers"),
    episodes: int = 64,
    steps: int = 0,
    seed: int = 0,
    quiet: bool = False,
) -> None:
    """Let teams play with teams they never met; writes strangers.html, strangers.json and netCDF files.

    Args:
        runs: folders of `socialsim train` runs, whose teams are at home.
        newcomers: runs whose teams come among them; default: each team at home among the others.
        world: id of the world they meet in; default: that of the first run.
        out: folder to write into; the same command goes on where it stopped.
        episodes: played of each mixture.
        steps: of each episode; default: the world's horizon.
        seed: of all randomness.
        quiet: no progress.
    """
    from socialsim.experiments.strangers import meet

    options = {"world": world, "episodes": episodes, "steps": steps, "seed": seed, "quiet": quiet}
    say(meet(runs, newcomers=newcomers, out=out, **options), "strangers")
