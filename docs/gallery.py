"""Pages of the worlds gallery, made from the registry when the docs are built; called by conf.py."""

import inspect
import textwrap
from pathlib import Path

from socialsim import worlds
from socialsim.core.registry import Entry, entry

HERE = Path(__file__).parent
WEIGHTS = HERE.parent / "socialsim" / "agents" / "weights"
FAMILIES = {"grid": "Grid", "plane": "Plane", "mujoco": "MuJoCo", "games": "Games"}


def family(known: Entry) -> str:
    """Which physics a world has, by the package it is made in."""
    return FAMILIES[known.entry_point.split(".")[2]]


def page(known: Entry) -> str:
    """A world's page: its clip, its specification, its options."""
    text = inspect.getdoc(known.factory()) or ""
    summary, _, rest = text.partition("\n\n")
    specification, _, parameters = rest.partition("Parameters\n----------\n")
    door = known.id.replace("-", "_")
    options = "\n".join(f"| `{name}` | `{option.default!r}` |" for name, option in known.options().items())
    parts = [
        f"# {known.id}",
        " ".join(summary.split()),
        f"![a scripted team in {known.id}](../clips/{known.id}.gif)",
        specification.strip(),
        "```python\nimport socialsim\n\n"
        f'env = socialsim.make("{known.id}")  # JAX\n\n'
        f"from socialsim.envs import {door}\n\n"
        f"env = {door}.parallel_env()  # PettingZoo\n```",
        f"| option | default |\n|---|---|\n{options}",
    ]
    if parameters:
        parts.append("```text\n" + textwrap.dedent(parameters).strip() + "\n```")
    card = WEIGHTS / f"{known.id}.md"
    if card.exists():
        _, _, body = card.read_text(encoding="utf-8").partition("\n\n")
        parts.append(f"## Trained teams\n\n{body.strip()}")
    return "\n\n".join(parts) + "\n"


def write() -> None:
    """Write docs/worlds/*.md anew."""
    folder = HERE / "worlds"
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.md"):
        old.unlink()
    cards: dict[str, list[str]] = {name: [] for name in FAMILIES.values()}
    for id in worlds():
        known = entry(id)
        (folder / f"{id}.md").write_text(page(known), encoding="utf-8")
        cards[family(known)].append(
            f"### [{id}]({id}.md)\n\n{known.summary.partition(': ')[2]}\n\n"
            f"[![{id}](../clips/{id}.gif)]({id}.md)\n"
        )
    body = "\n".join(f"## {name}\n\n" + "\n".join(cards[name]) for name in cards if cards[name])
    toc = "\n".join(worlds())
    index = (
        "# Worlds\n\nEvery world, played by its scripted team (`python docs/make_clips.py`). All are "
        "perceived through the same senses; none hands out a reward.\n\n"
        f"{body}\n```{{toctree}}\n:hidden:\n\n{toc}\n```\n"
    )
    (folder / "index.md").write_text(index, encoding="utf-8")
