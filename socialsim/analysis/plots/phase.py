"""A phase diagram: which society arises from which mixture of three drives, as a triangle of cells."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch, RegularPolygon

from socialsim.analysis.plots import style
from socialsim.analysis.plots.maps import SEQUENTIAL

SOCIETIES = {
    "cooperators": ("C", style.BLUE),
    "staring ring": ("R", style.PURPLE),
    "chorus": ("H", style.VERMILLION),
    "unison": ("U", style.ORANGE),
    "bystanders": ("B", style.CONTROL),
    "wanderers": ("W", "#BFE3F5"),
}
"""Name -> its letter and colour; the letter makes the map readable without the colour."""

MAPS = {
    "joint": "succeeding together\n(joint events per agent-step)",
    "movement": "moving\n(bodies per decision)",
    "looked_at": "being seen\n(share of agents)",
    "top_act": "sameness\n(share of the commonest act)",
}
HEIGHT = 3**0.5 / 2


def _place(drives: Mapping[str, float], sides: Sequence[str]) -> tuple[float, float]:
    """Left corner: all of the first drive; right: of the second; top: of the third."""
    _, right, top = (drives[s] for s in sides)
    return right + 0.5 * top, HEIGHT * top


def _cells(teams: Sequence[Mapping], sides: Sequence[str]) -> dict[tuple[float, float], list[Mapping]]:
    cells: dict[tuple[float, float], list[Mapping]] = {}
    for team in teams:
        x, y = _place(team["drives"], sides)
        cells.setdefault((round(x, 6), round(y, 6)), []).append(team)
    return cells


def _frame(ax: Axes, sides: Sequence[str], size: float) -> None:
    ax.set_xlim(-0.18, 1.18)
    ax.set_ylim(-0.16, HEIGHT + 0.13)
    ax.set_aspect("equal")
    ax.axis("off")
    left, right, top = sides
    gap = 0.075
    ax.text(0, -gap, f"only {left}", ha="center", va="top", fontsize=size, color=style.INK)
    ax.text(1, -gap, f"only {right}", ha="center", va="top", fontsize=size, color=style.INK)
    ax.text(0.5, HEIGHT + gap, f"only {top}", ha="center", va="bottom", fontsize=size, color=style.INK)


def _hexagon(ax: Axes, place: tuple[float, float], spacing: float, colour, edge: str = "white") -> None:
    ax.add_patch(
        RegularPolygon(place, 6, radius=spacing / 3**0.5, facecolor=colour, edgecolor=edge, linewidth=0.6)
    )


@style.styled
def societies(
    teams: Sequence[Mapping],
    sides: Sequence[str],
    parts: int,
    *,
    default: Mapping[str, float] | None = None,
) -> Figure:
    """The map of societies, and beside it maps of the traits that name them.

    Parameters
    ----------
    teams : "drives" (side -> share), "society", "agreed" (share of batches that got this name), traits.
    sides : the three drives: left corner, right corner, top.
    parts : the mixtures are multiples of 1 / parts.
    default : the drives of the founding experiment, shares; marked with a ring.
    """
    spacing = 1 / parts
    fig = style.figure(4.9)
    layout = fig.add_gridspec(2, 4, width_ratios=(1, 1, 0.95, 0.95))
    big = fig.add_subplot(layout[:, :2])
    cells, present = _cells(teams, sides), Counter(str(t["society"]) for t in teams)
    for place, here in cells.items():
        name, times = Counter(str(t["society"]) for t in here).most_common(1)[0]
        sure = times / len(here) * float(np.mean([t["agreed"] for t in here if t["society"] == name]))
        letter, colour = SOCIETIES[name]
        rgb = np.array(to_rgb(colour))
        pale = tuple(rgb) if sure >= 0.75 else tuple(0.45 * rgb + 0.55)
        _hexagon(big, place, spacing, pale)
        dark = float(np.array(pale) @ (0.299, 0.587, 0.114)) < 0.6
        big.text(*place, letter, ha="center", va="center", fontsize=7.5, fontweight="bold",
                 color="white" if dark else style.INK)  # fmt: skip
    if default:
        big.plot(*_place(default, sides), "o", markersize=15, markerfacecolor="none",
                 markeredgecolor=style.INK, markeredgewidth=1.6)  # fmt: skip
    _frame(big, sides, 9)
    handles = [Patch(color=colour, label=f"{letter}  {name}: {present[name]}")
               for name, (letter, colour) in SOCIETIES.items() if present[name]]  # fmt: skip
    big.legend(handles=handles, loc="upper left", bbox_to_anchor=(-0.05, 1.02), handlelength=1.1)
    for index, (trait, label) in enumerate(MAPS.items()):
        _trait(fig, fig.add_subplot(layout[index // 2, 2 + index % 2]), cells, sides, spacing, trait, label)
    return fig


def _trait(
    fig: Figure, ax: Axes, cells, sides: Sequence[str], spacing: float, trait: str, label: str
) -> None:
    means = {place: float(np.mean([t[trait] for t in here])) for place, here in cells.items()}
    top = max(max(means.values()), 1e-6)
    scale = Normalize(0, top)
    for place, value in means.items():
        _hexagon(ax, place, spacing, SEQUENTIAL(scale(value)), style.FAINT)
    _frame(ax, [s[:5] + "." for s in sides], 6.5)
    ax.set_title(label, fontsize=7.5, loc="center", fontweight="normal", color=style.INK)
    bar = fig.colorbar(ScalarMappable(scale, SEQUENTIAL), ax=ax, shrink=0.7, pad=0.02, aspect=16)
    bar.outline.set_visible(False)  # type: ignore[operator]
    bar.ax.tick_params(labelsize=6.5, length=2)
