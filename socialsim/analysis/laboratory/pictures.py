"""Pictures of a Lab: one scene, or a contact sheet of a sweep."""

import io

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from socialsim.analysis.plots import style
from socialsim.core.geometry import FAR
from socialsim.envs.drawing import Drawing
from socialsim.envs.view import Moment, around, view_scene

SHEET = 5  # scenes on a contact sheet


def moment(lab) -> Moment:
    """The scene of a lab without sweep axes, for drawing."""
    return Moment(**{k: np.asarray(v) for k, v in vars(lab.scenes).items()})


def corners(lab, scene: Moment) -> tuple[np.ndarray, np.ndarray]:
    """Of what is drawn: the floor, or around what is there where it has no border."""
    low, high = lab.floor.low, lab.floor.high
    if (np.abs([low, high]) < FAR).all():
        return low, high
    there = lab.stage.there
    return around(Moment(**{**vars(scene), "position": scene.position[there]}))


def draw(lab, ax: Axes | None = None, *, without=(), plain: bool = False) -> Axes:
    """The scene from above; agents that are not there, or left out, do not show. plain: no cones, no grid."""
    ax = Figure(figsize=(4, 4), layout="tight").add_subplot() if ax is None else ax
    scene = moment(lab)
    low, high = corners(lab, scene)
    gone = ~np.asarray(lab.stage.there)
    gone[list(without)] = True
    seen = scene.sees_agent & ~gone[:, None] & ~gone[None]
    far = high + 10 * (high - low) + 100  # outside the frame, which clips it
    position = np.where(gone[:, None], far, scene.position)
    part = scene.takes_part & ~gone[:, None]
    shown = Moment(**{**vars(scene), "position": position, "sees_agent": seen, "takes_part": part})
    drawing = Drawing(ax)
    drawing.update(view_scene(shown, extent=(low, high), walls=lab.floor.walls, eyes=lab.floor.eyes))
    if plain:
        drawing.layer["cones"].set_paths([])
        drawing.grid.set_segments([])
    return ax


@style.styled
def sheet(lab) -> Figure:
    """One scene; of a sweep, a few evenly spaced along its axes."""
    if not lab.axes:
        fig = style.figure(3.6, 3.6)
        draw(lab, fig.add_subplot())
        return fig
    picks = np.unique(np.linspace(0, lab.size - 1, min(SHEET, lab.size)).round().astype(int))
    fig = style.figure(2.1, 1.85 * len(picks))
    for ax, flat in zip(fig.subplots(1, len(picks), squeeze=False)[0], picks, strict=True):
        place = np.unravel_index(flat, lab.shape)
        at = dict(zip(lab.axes, map(int, place), strict=True))
        draw(lab.isel(**at), ax)
        labels = [f"{name} {_label(lab.axes[name][k])}" for name, k in at.items()]
        ax.set_title("\n".join(labels), fontsize=8, fontweight="normal", color=style.INK, loc="center")
    return fig


def _label(value) -> str:
    return f"{value:.3g}" if np.issubdtype(type(value), np.floating) else str(value)


def png(lab) -> bytes:
    """The sheet as PNG, for notebooks."""
    buffer = io.BytesIO()
    sheet(lab).savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()
