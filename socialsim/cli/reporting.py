"""What `socialsim report` does."""

from pathlib import Path

from socialsim.cli.saying import say
from socialsim.core.errors import RunError
from socialsim.runs import Run


def report(path: Path) -> None:
    """Print a finished run's answer, and where its report is. Raises RunError where there is none."""
    run = Run.open(path)
    command = run.config.get("command", "")
    if command == "train":
        raise RunError(
            f"{str(path)!r} is a training run and has no report of its own; 'socialsim probe {path}' or "
            f"'socialsim assay {path}' writes one"
        )
    if command == "survey":
        raise RunError(f"{str(path)!r} is a survey and has no report; its table is {path / 'survey.md'}")
    page, figures = (command, command) if command else ("report", "summary")
    if not run.file(f"{page}.html").exists():
        again = f"socialsim {command or 'experiment'}"
        raise RunError(f"{str(path)!r} has no report yet; the same {again!r} command goes on and writes it")
    run.read_json(f"{figures}.json")  # raises where it is damaged
    say(path, figures, page)
