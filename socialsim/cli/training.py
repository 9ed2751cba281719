"""What `socialsim train` and `socialsim replay` do."""

from collections.abc import Sequence
from pathlib import Path

import jax

from socialsim import hosts
from socialsim.agents.loading import load_run, train_run
from socialsim.analysis.recording import play
from socialsim.cli.options import parse_drives, parse_options, parse_ppo
from socialsim.core.errors import OptionError, choose, integer
from socialsim.core.registry import make
from socialsim.envs.replay import record_replay

ENDINGS = (".html", ".gif", ".mp4")


def join(number: int, host: int | None, coordinator: str) -> None:
    """Several hosts train together where any of the options asks for it."""
    if number != 1 or host is not None or coordinator:
        hosts.connect(number, coordinator=coordinator, host=host)


def train(
    world: str,
    out: Path | None,
    *,
    drives: str,
    option: Sequence[str],
    ppo: Sequence[str],
    **budget,
) -> None:
    path = Path("runs") / world if out is None else out
    trained = train_run(
        path,
        world,
        drives=parse_drives(drives),
        options=parse_options(option),
        ppo=parse_ppo(ppo),
        **budget,
    )
    if not hosts.first():
        return
    joint = trained.metrics["joint"][:, -8:].mean(1)
    health = trained.metrics["health_spearman"][:, -1]
    print("joint events per agent-step, by seed: " + ", ".join(f"{j:.4f}" for j in joint))
    for c, name in enumerate(trained.channels):
        print(f"rank agreement of the {name} head, by seed: " + ", ".join(f"{h:.2f}" for h in health[:, c]))
    print(f"run: {path}")


def replay(path: Path, out: Path, world: str, team: int, seed: int) -> Path:
    choose("file ending", out.suffix, ENDINGS)
    found = load_run(path)
    chosen = found.teams[integer("team", team, low=0, high=len(found.teams) - 1)]
    env = make(world) if world else found.env
    if env.actions != chosen.actions:
        raise OptionError(
            f"world {world!r} takes other actions than the team was trained to give; allowed: a world "
            f"that takes the actions of {found.env.id!r}"
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    episodes = play(env, chosen, jax.random.key(seed), worlds=1, states=True)
    states, signals = jax.tree.map(lambda x: x[:, 0], (episodes.state, episodes.signals))
    return record_replay(env, states, signals=signals, title=f"{env.id}, team {team}").save(out)
