"""The page around the sections, and its way to disk."""

import contextlib
import importlib.resources
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from socialsim.analysis.plots.curves import Curves
from socialsim.analysis.report import findings, methods, sections
from socialsim.analysis.report.markup import Entry, plain, text

EMPTY: Curves = {}


def render(summary: Mapping, curves: Curves | None = None, players: Sequence[tuple[str, str]] = ()) -> str:
    """The report as one self-contained HTML page.

    Parameters
    ----------
    summary : what `summary.json` holds. Entries that are missing, None or NaN read "not measured".
    curves : arrays by name: "training/joint" and "training/entropy" `[seed, update]`, "training/signal" and
        "training/explained_variance" `[seed, update, channel]`, "training/agent_steps" `[update]`,
        "transfer/<arm>" `[seed, time]`, "transfer/agent_steps" `[time]`.
    players : (title, HTML of a replay player); the HTML is put in as it is.
    """
    data = Entry(plain(summary))
    curves = EMPTY if curves is None else curves
    parts = {
        "answer": ("Short answer", "The short answer", sections.answer(data)),
        "setup": ("What we did", "What we did", sections.setup(data)),
        "watch": ("Watch them", "Watch them", sections.watch(players)),
        "learning": ("Learning", "Do they learn to act together?", sections.learning(data, curves)),
        "values": ("The values", "What do the values respond to?", findings.values(data)),
        "stability": ("Stability", "Are the values stable?", findings.stability(data)),
        "zero-shot": ("New worlds", "Do the values make sense in new worlds?", findings.zero_shot(data)),
        "transfer": (
            "Transfer",
            "What are the values worth in a new world?",
            findings.transfer(data, curves),
        ),
        "caveats": ("Caveats", "What this does not show", methods.caveats(data)),
        "methods": ("Methods", "Methods and reproduction", methods.methods(data)),
    }
    question = text(data["question"].value or "Do values emerge from social signals?")
    kind = " · ".join(text(v) for v in ("socialsim", data["experiment"].value, data["preset"].value) if v)
    links = "".join(f'<li><a href="#{name}">{short}</a></li>' for name, (short, _, _) in parts.items())
    body = "".join(
        f'<section id="{name}"><h2>{title}</h2>{content}</section>'
        for name, (_, title, content) in parts.items()
    )
    css = importlib.resources.files("socialsim.analysis.report").joinpath("report.css").read_text("utf-8")
    embedded = json.dumps(data.value, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{question}</title><link rel="icon" href="data:,"><style>{css}</style></head>'
        '<body><div class="page">'
        f'<header><p class="kind">{kind}</p><h1>{question}</h1></header>'
        f'<nav aria-label="Contents"><ol>{links}</ol></nav><main>{body}</main></div>'
        f'<script type="application/json" id="summary">{embedded}</script></body></html>\n'
    )


def write(
    path: str | os.PathLike,
    summary: Mapping,
    curves: Curves | None = None,
    players: Sequence[tuple[str, str]] = (),
) -> None:
    """`render` to `path`, atomically: a reader sees the old page or the new one, never half of one."""
    path = Path(path)
    page = render(summary, curves, players)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(page)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise
