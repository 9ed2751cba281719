"""Values along a sweep of scenes, and over the floor."""

from collections.abc import Callable, Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from socialsim.analysis.plots import style
from socialsim.analysis.plots.curves import band

DASHES = ("-", (0, (5, 2)), (0, (2, 1.5)), (0, (5, 1.5, 1, 1.5)))


def _shades(colour: str, count: int) -> list[tuple]:
    """From light to the colour itself."""
    rgb, white = np.array(to_rgb(colour)), np.ones(3)
    return (
        [tuple(rgb * w + white * (1 - w)) for w in np.linspace(0.45, 1.0, count)]
        if count > 1
        else [tuple(rgb)]
    )


def _line(ax: Axes, x: xr.DataArray, values: np.ndarray, colour, **kwargs) -> None:
    """Interquartile mean over seeds with its pointwise 95 % interval; values `[seed, x]`."""
    middle, low, high = band(values)
    places = x.values if x.dtype.kind in "if" else np.arange(len(x))
    if len(values) > 1:
        ax.fill_between(places, low, high, color=colour, alpha=0.18, linewidth=0)
    marker = "o" if len(places) <= 12 else None
    ax.plot(places, middle, color=colour, marker=marker, markersize=3.5, **kwargs)


@style.styled
def sweep(
    values: xr.DataArray, x: str, *, hue: str | None = None, control: xr.DataArray | None = None
) -> Figure:
    """One panel per channel, each on its own scale, in signal units.

    Parameters
    ----------
    values : `[(hue,) channel, seed, x]`; lines are interquartile means over seeds, bands 95 % intervals.
    control : of the same dims, averaged over hue and drawn in grey.
    """
    channels = [str(c) for c in values.channel.values]
    fig = style.figure(2.9 if hue is None else 3.2)
    axes = fig.subplots(1, len(channels), squeeze=False, sharex=True)[0]
    labels = [] if hue is None else [_label(v) for v in values[hue].values]
    for order, (ax, channel) in enumerate(zip(axes, channels, strict=True)):
        colour = style.channel_colour(channel, order)
        ax.set_title(channel, color=style.channel_colour(channel, order, contrast=4.5))
        here = values.sel(channel=channel)
        if control is not None:
            grey = control.sel(channel=channel)
            grey = grey if hue is None or hue not in grey.dims else grey.mean(hue)
            _line(ax, grey[x], grey.transpose("seed", x).values, style.CONTROL, linewidth=1.2)
        shades = _shades(colour, max(len(labels), 1))
        for k in range(max(len(labels), 1)):
            row = here if hue is None else here.isel({hue: k})
            style_ = DASHES[0 if len(labels) <= 1 else (len(labels) - 1 - k) % len(DASHES)]
            _line(ax, row[x], row.transpose("seed", x).values, shades[k], linestyle=style_)
        if values[x].dtype.kind not in "if":
            ax.set_xticks(range(values.sizes[x]), [str(v) for v in values[x].values], rotation=45, ha="right")
        ax.set_xlabel(x)
    axes[0].set_ylabel("value, signal units")
    handles = []
    for k, label in enumerate(labels):
        dash = DASHES[0 if len(labels) <= 1 else (len(labels) - 1 - k) % len(DASHES)]
        handles.append(
            Line2D([], [], color=_shades(style.INK, len(labels))[k], linestyle=dash, label=f"{hue} {label}")
        )
    if control is not None:
        handles.append(Line2D([], [], color=style.CONTROL, linewidth=1.2, label="control"))
    if handles:
        fig.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 6), handlelength=2.6)
    return fig


def _label(value) -> str:
    return f"{value:.3g}" if isinstance(value, (float, np.floating)) else str(value)


@style.styled
def landscape(data: xr.Dataset, draw: Callable[[Axes], object], *, channels: Sequence[str] = ()) -> Figure:
    """A heat map of `data.estimate [y, x, channel]` per channel, each on its own scale, in signal units.

    draw : draws the scene into Axes, on top of the map.  channels : those shown, by default all.
    """
    names = [str(c) for c in data.channel.values if not channels or str(c) in channels]
    x, y = data.x.values, data.y.values
    step = [float(v[1] - v[0]) if len(v) > 1 else 1.0 for v in (x, y)]
    edges = (x[0] - step[0] / 2, x[-1] + step[0] / 2, y[0] - step[1] / 2, y[-1] + step[1] / 2)
    tall = float(np.clip((edges[3] - edges[2]) / (edges[1] - edges[0]), 0.4, 2.0))
    width = min(style.WIDTH, 3.0 * len(names))
    fig = style.figure(0.9 + tall * (width / len(names) - 0.1), width)
    for order, (ax, name) in enumerate(
        zip(fig.subplots(1, len(names), squeeze=False)[0], names, strict=True)
    ):
        draw(ax)
        colour = style.channel_colour(name, order)
        shades = LinearSegmentedColormap.from_list(name, ["#ffffff", colour, style.legible(colour, 9.0)])
        image = ax.imshow(
            data.estimate.sel(channel=name).transpose("y", "x").values,
            extent=edges,
            origin="lower",
            cmap=shades,
            zorder=0.5,
            interpolation="nearest",
        )
        ax.set_title(name, color=style.channel_colour(name, order, contrast=4.5))
        bar = fig.colorbar(image, ax=ax, orientation="horizontal", shrink=0.8, pad=0.02, aspect=28)
        bar.outline.set_visible(False)  # type: ignore[operator]
        bar.locator = MaxNLocator(4)
        bar.update_ticks()
        bar.ax.tick_params(labelsize=7, length=2)
    fig.supxlabel("value of standing there, signal units", fontsize=8.5, color=style.MUTED)
    return fig
