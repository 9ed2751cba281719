"""Progress on anything that takes longer than two seconds: one bar, time left, a few live figures."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

_console = Console(stderr=True)


Bar = Callable[..., None]
"""`step(advance=1, figures="")`: that many more units are done; short text shown beside the bar."""


@contextmanager
def bar(title: str, total: float, *, quiet: bool = False) -> Iterator[Bar]:
    """A progress bar on standard error; plain lines where it is not a terminal."""
    if quiet:
        yield lambda advance=1, figures="": None
        return
    if not _console.is_terminal:
        yield _lines(title, total)
        return
    columns = (
        TextColumn("{task.description:<34}"),
        BarColumn(24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("[dim]{task.fields[figures]}"),
    )
    with Progress(*columns, console=_console) as progress:
        task = progress.add_task(title, total=total, figures="")

        def step(advance=1, figures=""):
            progress.update(task, advance=advance, figures=figures)

        yield step


def _lines(title: str, total: float) -> Bar:
    import time

    start, done = time.monotonic(), 0.0
    _console.print(f"{title}: started", highlight=False)

    def step(advance=1, figures=""):
        nonlocal done
        done += advance
        spent = time.monotonic() - start
        left = spent / done * (total - done) if done else float("nan")
        text = f"{title}: {done:g}/{total:g}, {spent:.0f} s, {left:.0f} s left  {figures}"
        _console.print(text, highlight=False, soft_wrap=True)

    return step


def note(text: str) -> None:
    """One line on standard error."""
    _console.print(text, highlight=False, soft_wrap=True)
