"""Small pieces of HTML, and numbers that remember where in the summary they stand."""

import dataclasses
import html
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

MISSING = '<span class="missing">not measured</span>'


def plain(value: object) -> object:
    """Anything a summary may hold as JSON has it: numpy becomes Python, what is not finite becomes None."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = dataclasses.asdict(value)
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if hasattr(value, "tolist"):  # numpy scalars and arrays, xarray and jax arrays
        return plain(np.asarray(value).tolist())
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)


def text(value: object) -> str:
    """Escaped text."""
    return html.escape(str(value), quote=True)


def decimal(value: float | int, places: int | None = None) -> str:
    """A number as it is read, with a true minus sign and without a programmer's exponents.

    places : decimals; three significant digits, without trailing zeros, where nothing is said.
    """
    if places is None and value != 0 and abs(value) < 1e-5:
        mantissa, exponent = f"{value:.1e}".split("e")
        shown = f"{mantissa} \u00d7 10^{int(exponent)}"
    elif places is None and not isinstance(value, int) and 0 < abs(value) < 1000:
        shown = f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"
        shown = shown.rstrip("0").rstrip(".") if "." in shown else shown
    else:
        shown = f"{value:,.{places or 0}f}"
    if not any(digit in shown for digit in "123456789"):
        shown = shown.lstrip("-")
    return shown.replace("-", "\u2212")


def places_for(low: float | int, high: float | int) -> int | None:
    """Decimals that an interval justifies: two significant digits of its width."""
    width = abs(high - low)
    return min(8, max(0, 1 - math.floor(math.log10(width)))) if width > 0 else None


@dataclasses.dataclass(frozen=True)
class Entry:
    """A value of the summary with the JSON pointer to it; looking up what is absent gives an empty entry."""

    value: Any
    path: str = ""

    def __getitem__(self, key: str | int) -> "Entry":
        path = f"{self.path}/{str(key).replace('~', '~0').replace('/', '~1')}"
        if isinstance(self.value, Mapping):
            return Entry(self.value.get(key), path)
        if isinstance(self.value, list) and isinstance(key, int) and key < len(self.value):
            return Entry(self.value[key], path)
        return Entry(None, path)

    def __bool__(self) -> bool:
        return self.value not in (None, {}, [], "")

    def __iter__(self) -> Iterator["Entry"]:
        return (self[key] for key in self.keys())

    def keys(self) -> list:
        if isinstance(self.value, Mapping):
            return list(self.value)
        return list(range(len(self.value))) if isinstance(self.value, list) else []

    def items(self) -> list[tuple[object, "Entry"]]:
        return [(key, self[key]) for key in self.keys()]

    def mapping(self) -> dict:
        return dict(self.value) if isinstance(self.value, Mapping) else {}

    def texts(self) -> list[str]:
        """Sentences: a list of them, or one."""
        if isinstance(self.value, list):
            return [str(v) for v in self.value if v]
        return [str(self.value)] if self.value else []

    def number(self, places: int | None = None) -> str:
        """The figure, marked with where it stands; "not measured" where it is absent."""
        if isinstance(self.value, bool) or not isinstance(self.value, (int, float)):
            return MISSING
        shown = decimal(self.value, places)
        return f'<data value="{self.value!r}" data-path="{text(self.path)}">{shown}</data>'

    def interval(self, key: str = "estimate") -> str:
        """`estimate [low, high]` of a mapping whose figure is called `key`, or the bare figure."""
        if not isinstance(self.value, Mapping):
            return self.number()
        low, high = self["low"], self["high"]
        if not (isinstance(low.value, (int, float)) and isinstance(high.value, (int, float))):
            return self[key].number()
        places = places_for(low.value, high.value)
        if self[key].value is None:
            return MISSING
        bounds = f'<span class="ci">[{low.number(places)}, {high.number(places)}]</span>'
        return f"{self[key].number(places)} {bounds}"


def paragraphs(sentences: Sequence[str], css: str = "") -> str:
    marked = f' class="{css}"' if css else ""
    return "".join(f"<p{marked}>{text(s)}</p>" for s in sentences)


def bullets(sentences: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{text(s)}</li>' for s in sentences)}</ul>" if sentences else ""


def table(head: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "") -> str:
    """Cells are HTML; the first column is the row's heading."""
    if not rows:
        return f"<p>{MISSING}</p>"
    top = "".join(f'<th scope="col">{text(h)}</th>' for h in head)
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>{"".join(f"<td>{cell}</td>" for cell in row[1:])}</tr>'
        for row in rows
    )
    title = f"<caption>{text(caption)}</caption>" if caption else ""
    return f'<div class="wide"><table>{title}<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def figure(picture: str, caption: str) -> str:
    """A numbered figure; `caption` is HTML."""
    return f"<figure>{picture}<figcaption>{caption}</figcaption></figure>"


def tiles(shown: Mapping[str, str]) -> str:
    """Up to four figures at a glance: name -> HTML."""
    each = "".join(f"<div><dt>{text(name)}</dt><dd>{figure}</dd></div>" for name, figure in shown.items())
    return f'<dl class="tiles">{each}</dl>'


def details(title: str, body: str) -> str:
    return f"<details><summary>{text(title)}</summary>{body}</details>"
