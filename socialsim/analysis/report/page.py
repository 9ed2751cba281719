"""The page around the sections, and its way to disk."""

import contextlib
import importlib.resources
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from socialsim.analysis.plots.curves import Curves
from socialsim.analysis.report.markup import Entry, plain, text
from socialsim.analysis.report.parts import FOUNDING, Part, Players

EMPTY: Curves = {}


def render(
    summary: Mapping,
    curves: Curves | None = None,
    players: Players = (),
    parts: Sequence[Part] = FOUNDING,
) -> str:
    """The report as one self-contained HTML page.

    Parameters
    ----------
    summary : what `summary.json` holds. Entries that are missing, None or NaN read "not measured".
    curves : arrays by name: "training/joint" and "training/entropy" `[seed, update]`, "training/signal" and
        "training/explained_variance" `[seed, update, channel]`, "training/agent_steps" `[update]`,
        "transfer/<arm>" `[seed, time]`, "transfer/agent_steps" `[time]`.
    players : (title, HTML of a replay player); the HTML is put in as it is.
    parts : the sections, in their order.
    """
    data = Entry(plain(summary))
    curves = EMPTY if curves is None else curves
    question = text(data["question"].value or "Do values emerge from social signals?")
    kind = " · ".join(text(v) for v in ("socialsim", data["experiment"].value, data["preset"].value) if v)
    links = "".join(f'<li><a href="#{p.anchor}">{text(p.short)}</a></li>' for p in parts)
    body = "".join(
        f'<section id="{p.anchor}"><h2>{text(p.title)}</h2>{p.body(data, curves, players)}</section>'
        for p in parts
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
    players: Players = (),
    parts: Sequence[Part] = FOUNDING,
) -> None:
    """`render` to `path`, atomically: a reader sees the old page or the new one, never half of one."""
    path = Path(path)
    page = render(summary, curves, players, parts)
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
