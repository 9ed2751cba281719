"""The look of every figure: one width, one palette, and SVG that can stand beside others in one page.

Arms have Okabe and Ito's colours, which people with any common colour blindness tell apart; channels have
those of the replay player and differ by marker too. No colour stands without a label. Nothing here touches
pyplot's global state.
"""

import functools
import io
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from socialsim.envs.view import CHANNEL

WIDTH = 9.0  # inches; every report figure has it, so that letters have one size throughout the page
INK = "#1f2933"
MUTED = "#66727f"
FAINT = "#d5dbe1"
CONTROL = "#8a94a0"
BLUE, VERMILLION, GREEN, SKY, PURPLE, ORANGE = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#56B4E9",
    "#AA4499",
    "#E69F00",
)

ORDER = ("attention", "imitation", "coordination")
MARKERS = {"attention": "o", "imitation": "s", "coordination": "D"}
ARMS = {
    "scratch": INK,
    "shaping": BLUE,
    "distilled": VERMILLION,
    "critic": GREEN,
    "encoder": SKY,
    "policy": PURPLE,
    "oracle": ORANGE,
    "direct": GREEN,
}

RC: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 8.5,
    "text.color": INK,
    "text.parse_math": False,  # a label is a label, whatever signs it holds
    "axes.edgecolor": "#9aa5b1",
    "axes.labelcolor": MUTED,
    "axes.labelsize": 8.5,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#eceff2",
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "lines.linewidth": 1.6,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.fonttype": "none",  # text stays text: searchable, selectable, in the reader's own font
    "svg.hashsalt": "socialsim",  # the same data give the same bytes
}


def styled(function: Callable[..., Figure]) -> Callable[..., Figure]:
    """Run a plot function under the house style and leave matplotlib's settings as they were."""

    @functools.wraps(function)
    def run(*args, **kwargs):
        with matplotlib.rc_context(RC):
            return function(*args, **kwargs)

    return run


class ShownFigure(Figure):
    """A figure that a notebook shows when it is named: without pyplot, IPython would print its type."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        with matplotlib.rc_context(RC):
            self.savefig(buffer, format="png", dpi=120)
        return buffer.getvalue()


def figure(height: float | int, width: float | int = WIDTH) -> ShownFigure:
    """An empty figure, inches, laid out without overlaps."""
    return ShownFigure(figsize=(width, height), layout="constrained")


def legible(colour: str, contrast: float = 3.0) -> str:
    """The colour, darkened until it stands out from white by `contrast` (WCAG: 3 for marks, 4.5 for text)."""
    rgb = np.array(to_rgb(colour))
    while True:
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        if 1.05 / (float(linear @ (0.2126, 0.7152, 0.0722)) + 0.05) >= contrast:
            return to_hex(tuple(rgb))
        rgb = rgb * 0.97


def channel_colour(name: str, order: int = 0, *, contrast: float = 3.0) -> str:
    """The channel's colour in the replay player, dark enough for lines and marks; 4.5 for letters.

    order : the place of a channel that is none of the three that come with the package.
    """
    place = ORDER.index(name) if name in ORDER else max(order, len(ORDER))
    return legible(CHANNEL[place % len(CHANNEL)], contrast)


def channel_marker(name: str) -> str:
    return MARKERS.get(name, "^")


def arm_colour(name: str) -> str:
    """Carriers in colour, controls in grey: the eye finds what is claimed and what it is held against."""
    return ARMS.get(name, CONTROL)


def number(value: object) -> float | None:
    """A finite float, or None where nothing was measured."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
        return None
    return float(value) if np.isfinite(value) else None


def interval(value: object) -> tuple[float, float, float] | None:
    """(estimate, low, high) from a number or a mapping that holds them; None where nothing was measured.

    A missing bound is the estimate itself: the figure then shows a bare point (see `bounded`).
    """
    if isinstance(value, Mapping):
        estimate = number(value.get("estimate"))
        if estimate is None:
            return None
        low, high = number(value.get("low")), number(value.get("high"))
        return estimate, estimate if low is None else low, estimate if high is None else high
    bare = number(value)
    return None if bare is None else (bare, bare, bare)


def bounded(value: object) -> bool:
    """Whether both ends of an interval were measured."""
    return isinstance(value, Mapping) and None not in (number(value.get("low")), number(value.get("high")))


def unmeasured(ax: Axes, what: str = "not measured") -> None:
    """Say so in an empty panel instead of showing bare axes."""
    ax.text(0.5, 0.5, what, transform=ax.transAxes, ha="center", va="center", color=MUTED, style="italic")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.grid(False)


def end_labels(ax: Axes, ends: Sequence[tuple[float, str, str]], apart: float = 0.075) -> None:
    """Name lines where they end, at the right edge: (height, text, colour) of each.

    Labels of lines that end close together are pushed upwards. apart: share of the axis between two.
    """
    bottom, top = ax.get_ylim()
    gap = apart * abs(top - bottom)
    height = -np.inf
    for end, text, colour in sorted(ends):
        height = max(end, height + gap)
        ax.annotate(
            text,
            (1, height),
            xycoords=("axes fraction", "data"),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            color=colour,
            annotation_clip=False,
        )


def steps_axis(ax: Axes, label: str = "agent-steps") -> None:
    """Agent-steps in thousands or millions, as people say them."""
    top = max(abs(v) for v in ax.get_xlim())
    scale, unit = (1e6, "millions of ") if top >= 1e6 else (1e3, "thousands of ") if top >= 5e3 else (1, "")
    ax.xaxis.set_major_formatter(lambda v, _: f"{v / scale:g}")
    ax.set_xlabel(unit + label)


def svg(fig: Figure, name: str, description: str) -> str:
    """The figure as an inline `<svg>` element that scales to its column.

    Parameters
    ----------
    name : prefixed to every id, so that figures in one page never share a clip path or a marker.
    description : read aloud in place of the picture; escaped here.
    """
    buffer = io.StringIO()
    with matplotlib.rc_context(RC):
        fig.savefig(
            buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
        )
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r"url\(#", f"url(#{name}-", text)
    text = re.sub(r'href="#', f'href="#{name}-', text)
    label = description.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
    opening, rest = text.split(">", 1)
    opening = re.sub(r'\s(width|height)="[^"]*"', "", opening)
    return f'{opening} role="img" aria-label="{label}" class="plot">{rest}'
