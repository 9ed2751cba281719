"""What a command says when it is done."""

import json
from pathlib import Path


def say(path: Path, name: str) -> None:
    """The answer that `path/NAME.json` holds, and where the report is."""
    for line in json.loads((path / f"{name}.json").read_text(encoding="utf-8"))["answer"]:
        print(line)
    print(f"\nreport: {path / f'{name}.html'}   figures: {path / f'{name}.json'}")
