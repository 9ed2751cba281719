"""Agreement with its shuffled control beside it: between seeds, between checkpoints, and in new worlds."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from socialsim.analysis.plots import style
from socialsim.analysis.plots.forest import absent, dot, label_rows

MEASURES = {"icc": "ICC (absolute agreement)", "kendall_w": "Kendall's W (agreement of rankings)"}
AXES = {"seeds": "between seeds", "checkpoints": "between checkpoints"}


def shuffled(entry: Mapping, measure: str) -> object:
    """The shuffled control of a measure: beside it, or one for both."""
    own = entry.get(measure)
    if isinstance(own, Mapping) and own.get("shuffled") is not None:
        return own["shuffled"]
    control = entry.get("shuffled")
    if isinstance(control, Mapping) and "estimate" not in control:
        return control.get(measure)
    return control


@style.styled
def stability(data: Mapping, *, channels: Sequence[str] = ()) -> Figure:
    """Do differently seeded networks, and earlier and later ones, value the same scenes alike?

    data : the `stability` of `summary.json`: "seeds" and "checkpoints" -> channel -> "icc", "kendall_w",
        "shuffled"; "anchor" {"name", "value"}, a human figure for comparison.
    """
    rows = [(axis, c, entry) for axis in AXES for c, entry in _ordered(data.get(axis) or {}, channels)]
    fig = style.figure(1.1 + 0.36 * max(len(rows), 1))
    axes = fig.subplots(1, 2, sharey=True)
    for ax, (measure, title) in zip(axes, MEASURES.items(), strict=True):
        label_rows(ax, [f"{channel}, {AXES[axis]}" for axis, channel, _ in rows])
        for y, (_, channel, entry) in enumerate(rows):
            dot(ax, y + 0.2, shuffled(entry, measure), style.CONTROL, "|", size=7)
            if not dot(
                ax, y, entry.get(measure), style.channel_colour(channel), style.channel_marker(channel)
            ):
                absent(ax, y)
        ax.set_title(title)
        ax.set_xlim(min(-0.05, ax.get_xlim()[0]), 1.02)
        ax.axvline(0, color=style.MUTED, linewidth=0.9)
    axes[1].tick_params(axis="y", labelleft=False)
    anchor = data.get("anchor") or {}
    value = style.number(anchor.get("value"))
    if value is not None:
        axes[0].axvline(value, color=style.INK, linewidth=1, linestyle=(0, (3, 2)))
        axes[0].annotate("people", (value, 0), xycoords=("data", "axes fraction"), xytext=(3, 4),
                         textcoords="offset points", color=style.INK, fontsize=7.5)  # fmt: skip
    _control_legend(fig, axes[0])
    return fig


def _ordered(entries: Mapping, channels: Sequence[str]):
    first = [(c, entries[c]) for c in channels if c in entries]
    return [(c, e or {}) for c, e in first + [(c, e) for c, e in entries.items() if c not in channels]]


def _control_legend(fig: Figure, ax: Axes) -> None:
    handles = [
        ax.plot([], [], "D", color=style.INK, markersize=5, label="value head, 95 % interval")[0],
        ax.plot([], [], "|", color=style.CONTROL, markersize=7, label="shuffled control")[0],
    ]
    fig.legend(handles=handles, loc="outside lower center", ncols=2, handletextpad=0.3)


@style.styled
def zero_shot(data: Mapping, *, channels: Sequence[str] = ()) -> Figure:
    """Rank agreement of the source's values with returns in worlds that they never saw.

    data : the `zero_shot` of `summary.json`: world -> channel -> "spearman", "shuffled" and "untrained", with
        intervals.
    """
    fig = style.figure(1.15 + 0.36 * max((len(v or {}) for v in data.values()), default=1))
    axes = fig.subplots(1, max(len(data), 1), squeeze=False, sharex=True, sharey=True)[0]
    names = list(dict.fromkeys([*channels, *(c for v in data.values() for c in (v or {}))]))
    for order, (ax, (world, entries)) in enumerate(zip(axes, data.items(), strict=False)):
        label_rows(ax, names)
        ax.axvline(0, color=style.MUTED, linewidth=0.9)
        for y, channel in enumerate(names):
            entry = (entries or {}).get(channel) or {}
            dot(ax, y + 0.2, entry.get("shuffled"), style.CONTROL, "|", size=7)
            dot(ax, y + 0.34, entry.get("untrained"), style.CONTROL, "^", size=4)
            colour, marker = style.channel_colour(channel, y), style.channel_marker(channel)
            if not dot(ax, y, entry.get("spearman"), colour, marker):
                absent(ax, y)
        ax.set_title(world)
        ax.set_xlabel("Spearman correlation")
        ax.xaxis.set_major_locator(MaxNLocator(5))
        ax.tick_params(axis="y", labelleft=order == 0)
        ax.margins(x=0.08)
    _control_legend(fig, axes[0])
    return fig
