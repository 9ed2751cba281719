"""What a command says when it is done."""

import json
from pathlib import Path


def say(path: Path, figures: str, page: str = "") -> None:
    """The answer that `path/FIGURES.json` holds, and where the report is; its page has the same name, or
    that given."""
    for line in json.loads((path / f"{figures}.json").read_text(encoding="utf-8"))["answer"]:
        print(line)
    print(f"\nreport: {path / f'{page or figures}.html'}   figures: {path / f'{figures}.json'}")
