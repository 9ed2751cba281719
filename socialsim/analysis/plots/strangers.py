"""Teams among strangers: the cross-play matrix, newcomers in a population, an expert who leaves."""

import numpy as np
import xarray as xr
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from socialsim.analysis.plots import style
from socialsim.analysis.plots.forest import absent, dot, label_rows

SHADES = LinearSegmentedColormap.from_list("socialsim-blue", ["#ffffff", style.SKY, style.BLUE, "#003b5c"])
UNIT = "joint successes per agent-step"
TEAMS = (style.BLUE, style.VERMILLION, style.GREEN, style.PURPLE, style.ORANGE, style.SKY)
CONDITIONS = {
    "expert": (style.CONTROL, (0, (1, 1)), "experts only"),
    "full": (style.GREEN, "-", "expert stays"),
    "half": (style.VERMILLION, "-", "expert leaves"),
    "never": (style.INK, (0, (5, 2)), "never there"),
    "alone": (style.SKY, (0, (2, 1.5)), "learner in its seat"),
}


def _found(cell: xr.Dataset, null: bool = False) -> dict[str, float]:
    names = ("null", "null_low", "null_high") if null else ("estimate", "low", "high")
    keys = ("estimate", "low", "high")
    return {k: float(cell[n]) for k, n in zip(keys, names, strict=True) if np.isfinite(float(cell[n]))}


@style.styled
def cross_play(matrix: xr.Dataset, summary: xr.Dataset) -> Figure:
    """matrix `[team, partner]`, summary `[statistic]`: those of `transfer.strangers.CrossPlay`."""
    names = [str(t) for t in matrix.team.values]
    fig = style.figure(max(2.6, 1.2 + 0.5 * len(names)))
    left, right = fig.subplots(1, 2, width_ratios=(1.7, 1))
    values = matrix.estimate.transpose("team", "partner").values
    top = float(np.nanmax(values)) or 1.0
    left.imshow(values, cmap=SHADES, vmin=0, vmax=top, aspect="auto")
    for (i, j), v in np.ndenumerate(values):
        cell = matrix.isel(team=i, partner=j)
        text = f"{v:.3f}" if len(names) > 6 else f"{v:.3f}\n[{float(cell.low):.3f}, {float(cell.high):.3f}]"
        left.text(j, i, text, ha="center", va="center", fontsize=6.5 if len(names) > 4 else 7.5,
                  color="white" if v > 0.5 * top else style.INK)  # fmt: skip
    for i in range(len(names)):
        left.add_patch(Rectangle((i - 0.5, i - 0.5), 1, 1, fill=False, edgecolor=style.INK, linewidth=1.4))
    left.set_yticks(range(len(names)), names, color=style.INK)
    left.set_xticks(range(len(names)), names, rotation=20, ha="right", color=style.INK)
    left.grid(False)
    left.spines[:].set_visible(False)
    left.tick_params(length=0)
    left.set_ylabel(f"holds {matrix.attrs['seats']} of the seats")
    left.set_xlabel("holds the other seats")
    left.set_title(UNIT)
    rows = [str(s) for s in summary.statistic.values]
    label_rows(right, rows)
    right.axvline(0, color=style.MUTED, linewidth=0.9)
    for y, name in enumerate(rows):
        cell = summary.sel(statistic=name)
        dot(right, y + 0.22, _found(cell, null=True), style.CONTROL, "|", size=6, width=1.2)
        clear = float(cell.low) > 0 and float(cell.estimate) > float(cell.null_high)
        dot(right, y, _found(cell), style.BLUE, "D", hollow=not clear)
    right.set_title("over teams")
    right.set_xlabel("grey: by chance; gap: partners permuted")
    return fig


def _beyond(row: xr.DataArray) -> np.ndarray:
    """Values at each k, and those of its ends a little beyond them."""
    return np.concatenate([row.values[:1], row.values, row.values[-1:]])


@style.styled
def focal_play(table: xr.Dataset) -> Figure:
    """table `[measure, team, focal_agents]`: that of `transfer.strangers.FocalPlay`."""
    fig = style.figure(3.1)
    left, right = fig.subplots(1, 2)
    k = table.focal_agents.values
    wide = np.concatenate([k[:1] - 0.4, k, k[-1:] + 0.4])  # bands and lines have a width for a single k too
    names = [str(t) for t in table.team.values]
    titles = {"focal": "focal agents, each", "advantage": "less residents in their seats"}
    for ax, (measure, title) in zip((left, right), titles.items(), strict=True):
        here = table.sel(measure=measure)
        null = here.isel(team=0)
        band = [_beyond(null[n]) for n in ("null_low", "null_high")]
        ax.fill_between(wide, *band, color=style.CONTROL, alpha=0.25, linewidth=0)
        ax.plot(
            wide, _beyond(null.null), color=style.CONTROL, linestyle=(0, (2, 1.5)), label="acting at random"
        )
        for order, name in enumerate(names):
            row, colour = here.sel(team=name), TEAMS[order % len(TEAMS)]
            aside = k + 0.06 * (order - (len(names) - 1) / 2)
            ax.vlines(aside, row.low, row.high, color=colour, linewidth=1.6)
            ax.plot(aside, row.estimate, "o-", color=colour, markersize=4, linewidth=1.2, label=name)
        ax.set_xticks(k)
        ax.set_xlim(wide[0], wide[-1])
        ax.set_xlabel("focal agents")
        ax.set_title(title)
    home = table.sel(measure="resident").isel(team=0)
    band = [_beyond(home[n]) for n in ("low", "high")]
    left.fill_between(wide, *band, color=style.INK, alpha=0.12, linewidth=0)
    left.plot(
        wide, _beyond(home.estimate), color=style.INK, linestyle=(0, (5, 2)), label="residents in their seats"
    )
    right.axhline(0, color=style.INK, linestyle=(0, (5, 2)), linewidth=1.2)
    left.set_ylabel(UNIT)
    handles, labels = left.get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 5))
    return fig


@style.styled
def expert_dropout(course: xr.Dataset, indices: xr.Dataset) -> Figure:
    """course `[team, condition, decision]`, indices `[team, index]`: those of `transfer.strangers.Dropout`.
    One row for each team."""
    names = [str(t) for t in course.team.values]
    fig = style.figure(0.9 + 2.3 * len(names))
    axes = fig.subplots(len(names), 2, squeeze=False, width_ratios=(1.8, 1), sharex="col")
    at = course.decision.values
    width = float(at[1] - at[0]) if len(at) > 1 else 1.0
    for (left, right), name in zip(axes, names, strict=True):
        for condition, (colour, dash, label) in CONDITIONS.items():
            row = course.sel(team=name, condition=condition)
            left.fill_between(at + width / 2, row.low, row.high, color=colour, alpha=0.15, linewidth=0)
            left.plot(at + width / 2, row.estimate, color=colour, linestyle=dash, label=label)
        left.axvline(course.attrs["leave"], color=style.VERMILLION, linewidth=0.9)
        left.set_ylim(bottom=0)
        left.set_title(name)
        left.set_ylabel("per learner-step")
        shares = ("transmission", "retained")
        label_rows(right, shares)
        for mark in (0, 1):
            right.axvline(mark, color=style.MUTED, linewidth=0.9)
        for y, index in enumerate(shares):
            cell = indices.sel(team=name, index=index)
            dot(right, y + 0.22, _found(cell, null=True) or None, style.CONTROL, "|", size=6, width=1.2)
            clear = float(cell.low) > 0
            if not dot(right, y, _found(cell) or None, style.BLUE, "D", hollow=not clear):
                absent(right, y)
        right.set_xlim(-0.5, 1.5)
    axes[-1, 0].set_xlabel("decision; the line: where the expert leaves")
    axes[-1, 1].set_xlabel("grey: learners that act at random")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=5)
    return fig
