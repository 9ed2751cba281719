"""Learning curves: of the source training, and of every transfer arm."""

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike, NDArray

from socialsim.analysis.plots import style
from socialsim.analysis.statistics import cluster_counts, interquartile_mean, percentiles

Curves = Mapping[str, ArrayLike] | xr.Dataset


def curve(curves: Curves, name: str, ndim: int) -> NDArray | None:
    """The named array, or None where it is absent, empty or of another rank."""
    if curves is None or name not in curves:
        return None
    array = np.asarray(curves[name], float)
    return array if array.ndim == ndim and array.size and np.isfinite(array).any() else None


def band(values: NDArray, resamples: int = 1000) -> tuple[NDArray, NDArray, NDArray]:
    """Interquartile mean of `values [seed, time]` with a pointwise 95 % bootstrap interval over seeds.

    Resamples means, the usual approximation for a band; below four seeds the two coincide.
    """
    values = values[np.isfinite(values).all(1)]  # a seed that broke off has no curve
    if not len(values):
        nothing = np.full(values.shape[1], np.nan)
        return nothing, nothing, nothing
    middle = np.asarray(interquartile_mean(values, axis=0))
    if len(values) < 2:
        return middle, middle, middle
    counts = cluster_counts(len(values), resamples, np.random.default_rng(0)) / len(values)
    low, high = percentiles(counts @ values, 0.95, size=len(values))
    return middle, np.minimum(low, middle), np.maximum(high, middle)


def _steps(curves: Curves, name: str, length: int) -> NDArray:
    steps = curve(curves, name, 1)
    return np.arange(length, dtype=float) if steps is None or len(steps) != length else steps


def seed_mean(values: NDArray) -> NDArray:
    """Mean over the seeds that have a figure; NaN where none has, as the explained variance of no signal."""
    return np.ma.masked_invalid(values).mean(axis=0).filled(np.nan)


def _draw_seeds(ax: Axes, x: NDArray, values: NDArray, colour: str) -> None:
    for row in values:
        ax.plot(x, row, color=colour, alpha=0.35, linewidth=0.8)
    ax.plot(x, seed_mean(values), color=colour, linewidth=2)


def _level(ax: Axes, estimate: float, low: float, high: float) -> None:
    """A horizontal line at a reference level, with its interval as a faint band."""
    ax.axhspan(low, high, color=style.MUTED, alpha=0.12, linewidth=0)
    ax.axhline(estimate, color=style.MUTED, linewidth=1, linestyle=(0, (5, 2)))


def draw_joint(ax: Axes, curves: Curves, levels: Mapping[str, object] | None = None) -> None:
    """Joint events per agent-step over training, one thin line per seed, with reference levels."""
    joint = curve(curves, "training/joint", 2)
    if joint is None:
        style.unmeasured(ax)
        return
    x = _steps(curves, "training/agent_steps", joint.shape[1])
    _draw_seeds(ax, x, joint, style.BLUE)
    ends = []
    for name, value in (levels or {}).items():
        if (found := style.interval(value)) is not None:
            _level(ax, *found)
            ends.append((found[0], f"{name} {found[0]:.2g}", style.MUTED))
    end = float(seed_mean(joint)[-1])
    if np.isfinite(end):
        ends.append((end, f"trained, {len(joint)} seeds", style.BLUE))
    ax.set_xlim(x[0], x[-1])
    ax.set_ylim(bottom=0)
    ax.margins(y=0.12)
    style.end_labels(ax, ends)
    ax.set_ylabel("joint events per agent-step")
    style.steps_axis(ax)


@style.styled
def learning_curves(curves: Curves, *, levels: Mapping[str, object] | None = None) -> Figure:
    """How often agents succeed together as they learn.

    Parameters
    ----------
    curves : holds "training/joint" `[seed, update]` and "training/agent_steps" `[update]`.
    levels : name -> number or {"estimate", "low", "high"}: reference levels, as of random and scripted teams.
    """
    fig = style.figure(3.3)
    draw_joint(fig.add_subplot(), curves, levels)
    return fig


@style.styled
def channel_curves(curves: Curves, channels: Sequence[str]) -> Figure:
    """Per channel: the signal received (upper row) and the explained variance of its value head (lower row).

    curves : "training/signal" and "training/explained_variance" `[seed, update, channel]`.
    """
    fig = style.figure(3.9)
    rows = (("signal", "signal per step"), ("explained_variance", "explained variance"))
    grid = fig.subplots(2, max(len(channels), 1), squeeze=False, sharex=True)
    for axes, (name, label) in zip(grid, rows, strict=True):
        values = curve(curves, f"training/{name}", 3)
        for c, (ax, channel) in enumerate(zip(axes, channels, strict=False)):
            if values is None or c >= values.shape[2] or not np.isfinite(values[:, :, c]).any():
                style.unmeasured(ax)
                continue
            x = _steps(curves, "training/agent_steps", values.shape[1])
            _draw_seeds(ax, x, values[:, :, c], style.channel_colour(channel, c))
            ax.set_xlim(x[0], x[-1])
            if name == "explained_variance":
                ax.axhline(0, color=style.MUTED, linewidth=0.8)
                ax.set_ylim(max(-0.5, min(-0.05, float(np.nanmin(values[:, :, c])) - 0.05)), 1.02)
                style.steps_axis(ax)
            if c == 0:
                ax.set_ylabel(label)
    for c, (ax, channel) in enumerate(zip(grid[0], channels, strict=False)):
        ax.set_title(channel, color=style.channel_colour(channel, c, contrast=4.5))
    return fig


def draw_arm(ax: Axes, x: NDArray, values: NDArray, colour: str, **line) -> float:
    """One arm with its band; the height at which it ends."""
    middle, low, high = band(values)
    ax.fill_between(x, low, high, color=colour, alpha=0.16, linewidth=0)
    ax.plot(x, middle, color=colour, **line)
    return float(middle[-1])


@style.styled
def transfer_curves(
    curves: Curves,
    arms: Mapping[str, str],
    *,
    baseline: str = "scratch",
    unit: str = "joint events per agent-step",
    name: str = "transfer",
) -> Figure:
    """One small panel per arm, each against the same baseline, on shared axes.

    Parameters
    ----------
    curves : "<name>/<arm>" `[seed, time]` and "<name>/agent_steps" `[time]`.
    arms : arm -> label, in the order shown.
    """
    shown = {a: label for a, label in arms.items() if a != baseline} or dict(arms)
    count = max(len(shown), 1)
    columns = 4 if count == 4 or count > 6 else min(3, count)
    rows = -(-count // columns)
    fig = style.figure(0.75 + 1.6 * rows)
    grid = fig.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    reference = curve(curves, f"{name}/{baseline}", 2) if baseline not in shown else None
    dashed = {"linewidth": 1.1, "linestyle": (0, (4, 2))}
    for ax, (arm, label) in zip(grid.flat, shown.items(), strict=False):
        colour = style.arm_colour(arm)
        ink = style.MUTED if colour == style.CONTROL else style.legible(colour, 4.5)
        ax.set_title(textwrap.fill(label, 88 // columns, break_long_words=False), color=ink)
        values = curve(curves, f"{name}/{arm}", 2)
        if values is None:
            ax.text(
                0.5,
                0.5,
                "not measured",
                transform=ax.transAxes,
                ha="center",
                color=style.MUTED,
                style="italic",
            )
            continue
        x = _steps(curves, f"{name}/agent_steps", values.shape[1])
        if reference is not None and reference.shape[1] == len(x):
            draw_arm(ax, x, reference, style.INK, **dashed)
        draw_arm(ax, x, values, colour, linewidth=2)
        ax.set_xlim(x[0], x[-1])
    grid.flat[0].set_ylim(bottom=0)  # shared: the top is that of all arms
    for ax in grid.flat[count:]:  # keeps its time axis, for the panel above it
        ax.spines["left"].set_visible(False)
        ax.tick_params(axis="y", length=0)
        ax.grid(False)
    for ax in grid[-1]:
        style.steps_axis(ax)
    fig.supylabel(unit, fontsize=8.5, color=style.MUTED)
    if reference is not None:
        lines = [Line2D([], [], color=style.MUTED, linewidth=2, label="this arm"),
                 Line2D([], [], color=style.INK, label=arms.get(baseline, baseline), **dashed)]  # fmt: skip
        fig.legend(handles=lines, loc="outside upper right", ncols=2, handlelength=2.4)
    return fig
