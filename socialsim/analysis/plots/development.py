"""Values as they grow, and what becomes of them when what they were learned from stops."""

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure

from socialsim.analysis.plots import style
from socialsim.analysis.plots.curves import seed_mean
from socialsim.analysis.plots.matrix import DIVERGING

GROWTH = {
    "returns": "agreement with\nreturns (Spearman)",
    "order": "agreement with\nthe final head",
    "strength": "spread, share of\nthe final head's",
}
CONDITIONS = {
    "kept": (style.INK, "o", "-", "all goes on"),
    "unmoved": (style.GREEN, "s", (0, (5, 2)), "drives at zero"),
    "withdrawn": (style.VERMILLION, "D", "-", "signals withdrawn"),
    "untrained": (style.CONTROL, "^", (0, (2, 1.5)), "signals withdrawn, untrained"),
}


def _line(ax: Axes, x: Sequence[float], cells: Sequence[object], colour: str, marker: str) -> None:
    """Estimates joined, with their intervals as a band; what was not measured leaves a gap."""
    known = [(at, found) for at, cell in zip(x, cells, strict=True) if (found := style.interval(cell))]
    if not known:
        style.unmeasured(ax)
        return
    at, found = [k[0] for k in known], np.array([k[1] for k in known])
    ax.fill_between(at, found[:, 1], found[:, 2], color=colour, alpha=0.16, linewidth=0)
    ax.plot(at, found[:, 0], color=colour, marker=marker, markersize=4)


@style.styled
def growth(data: Mapping, channels: Sequence[str]) -> Figure:
    """Three rows of curves over training time, a column per channel.

    data : "agent_steps" `[K]` and "channels" -> channel -> "returns" (from the second checkpoint on),
        "order", "strength": one estimate with interval per checkpoint.
    """
    fig = style.figure(5.0)
    grid = fig.subplots(len(GROWTH), max(len(channels), 1), squeeze=False, sharex=True, sharey="row")
    x = data["agent_steps"]
    for c, channel in enumerate(channels):
        colour = style.channel_colour(channel, c)
        grid[0, c].set_title(channel, color=style.channel_colour(channel, c, contrast=4.5))
        for ax, (name, label) in zip(grid[:, c], GROWTH.items(), strict=True):
            cells = data["channels"][channel][name]
            ax.axhline(0, color=style.MUTED, linewidth=0.8)
            if name != "returns":
                ax.axhline(1, color=style.FAINT, linewidth=0.8)
            _line(ax, x[len(x) - len(cells) :], cells, colour, style.channel_marker(channel))
            if c == 0:
                ax.set_ylabel(label)
        style.steps_axis(grid[-1, c])
    return fig


@style.styled
def responses(rows: Sequence[Mapping], channels: Sequence[str], agent_steps: Sequence[float]) -> Figure:
    """What each head responds to, from before training (first column) to its end; a panel per channel.

    rows : "summary" of an edit, "channel", "change": one estimate per checkpoint, in shares of the final
        value's spread.
    """
    labels = list(dict.fromkeys(str(r["summary"]) for r in rows))
    fig = style.figure(1.2 + 0.4 * len(labels))
    axes = fig.subplots(1, max(len(channels), 1), squeeze=False, sharey=True)[0]
    for c, (ax, channel) in enumerate(zip(axes, channels, strict=False)):
        mine = {str(r["summary"]): r["change"] for r in rows if r["channel"] == channel}
        cells = np.array([[_estimate(e) for e in mine[n]] for n in labels], float)
        largest = np.nanmax(np.abs(cells)) if np.isfinite(cells).any() else 0.0
        top = max(float(largest), 0.1)
        ax.imshow(np.ma.masked_invalid(cells), cmap=DIVERGING, norm=TwoSlopeNorm(0, -top, top), aspect="auto")
        for (i, j), v in np.ndenumerate(cells):
            if np.isfinite(v):
                said = f"{v:.1f}".replace("-0.0", "0.0").replace("-", "\u2212")
                dark = abs(v) > 0.66 * top
                ax.text(j, i, said, ha="center", va="center", fontsize=6.5,
                        color="white" if dark else style.INK)  # fmt: skip
        ax.set_title(channel, color=style.channel_colour(channel, c, contrast=4.5))
        ax.set_yticks(range(len(labels)), [textwrap.fill(n, 30) for n in labels], color=style.INK)
        ends = (0, len(agent_steps) - 1)
        ax.set_xticks(ends, ["before", _steps(agent_steps[-1])])
        ax.tick_params(length=0)
        ax.grid(False)
        ax.spines[:].set_visible(False)
    fig.supxlabel("checkpoint, agent-steps", fontsize=8.5, color=style.MUTED)
    return fig


def _estimate(cell: object) -> float:
    found = style.interval(cell)
    return np.nan if found is None else found[0]


def _steps(value: float) -> str:
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.2g} {unit}"
    return f"{value:g}"


@style.styled
def extinction(data: Mapping, channels: Sequence[str]) -> Figure:
    """Behaviour and values after what they were learned from has stopped; thin lines are teams.

    data : "joint" condition -> `[S, U]`; "agent_steps"; "stages" `[K]`; "values" condition -> channel ->
        "order_by_stage" and "strength_by_stage" `[K, S]`.
    """
    fig = style.figure(4.4)
    grid = fig.subplots(2, 1 + len(channels), squeeze=False)
    behaviour, legend = grid[0, 0], grid[1, 0]
    shown = [n for n in CONDITIONS if n in data["values"]]
    for name in shown:
        colour, _, dash, _ = CONDITIONS[name]
        joint = np.asarray(data["joint"][name], float)
        x = np.linspace(0, data["agent_steps"], joint.shape[1] + 1)[1:]
        behaviour.plot(x, seed_mean(joint), color=colour, linestyle=dash)
    behaviour.set_title("what they do")
    behaviour.set_ylabel("joint events\nper agent-step")
    behaviour.set_ylim(bottom=0)
    style.steps_axis(behaviour)
    for c, channel in enumerate(channels):
        for ax, measure in zip(grid[:, c + 1], ("order", "strength"), strict=True):
            for name in shown:
                colour, marker, dash, _ = CONDITIONS[name]
                by_team = np.asarray(data["values"][name][channel][f"{measure}_by_stage"], float)
                for team in by_team.T:
                    ax.plot(data["stages"], team, color=colour, linewidth=0.7, alpha=0.3)
                ax.plot(data["stages"], by_team.mean(1), color=colour, linestyle=dash, marker=marker,
                        markersize=4)  # fmt: skip
            ax.axhline(0, color=style.MUTED, linewidth=0.8)
            ax.set_ylim(top=max(1.05, min(ax.get_ylim()[1], 2.5)))
            style.steps_axis(ax)
        grid[0, c + 1].set_title(channel, color=style.channel_colour(channel, c, contrast=4.5))
    grid[0, 1].set_ylabel("order: agreement\nwith before")
    grid[1, 1].set_ylabel("strength: spread,\nshare of before")
    for name in shown:
        colour, marker, dash, label = CONDITIONS[name]
        legend.plot([], [], color=colour, linestyle=dash, marker=marker, markersize=4, label=label)
    legend.legend(loc="center", handlelength=2.6)
    legend.axis("off")
    return fig
