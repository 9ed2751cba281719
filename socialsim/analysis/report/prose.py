"""The words of the report, read from `prose.toml`."""

import functools
import importlib.resources
import tomllib


@functools.cache
def words() -> dict:
    """All of `prose.toml`."""
    return tomllib.loads(
        importlib.resources.files("socialsim.analysis.report").joinpath("prose.toml").read_text("utf-8")
    )


def say(name: str, **parts: str) -> str:
    """The named text as HTML; `parts` are HTML too, so what comes from outside is escaped before."""
    return " ".join(words()[name].split()).format(**parts)


def paragraph(name: str, **parts: str) -> str:
    return f"<p>{say(name, **parts)}</p>"
