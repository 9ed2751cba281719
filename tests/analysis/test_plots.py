"""What figures must not do: drop a row, call significant what has no interval, print label on label."""

import numpy as np
import pytest

from socialsim.analysis import plots
from socialsim.analysis.plots import style


def row(label, estimate, half=None, **more):
    ends = {} if half is None else {"low": estimate - half, "high": estimate + half}
    return {"label": label, "estimate": estimate, **ends, **more}


def points(ax):
    """(x, filled) of each dot."""
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    return [(float(d.get_xdata()[0]), d.get_markerfacecolor() != "white") for d in dots]


def labels(ax):
    return [t.get_text() for t in ax.get_yticklabels()]


def test_rows_of_one_label_are_all_drawn():
    ax = plots.forest([row("a", 1, 0.5), row("a", -1, 0.5), row("a (2)", 3, 0.5), row("b", 2, 0.5)]).axes[0]
    assert [x for x, _ in points(ax)] == [1, -1, 3, 2]
    assert len(set(labels(ax))) == 4 and labels(ax)[0] == "a" and labels(ax)[3] == "b"


def test_rows_of_one_label_in_two_panels_share_a_line():
    rows = [row("a", 1, 0.5, p="x"), row("a", 2, 0.5, p="y"), row("a", 3, 0.5, p="y")]
    left, right = plots.forest(rows, panel="p").axes
    assert labels(left) == ["a", "a (2)"]
    assert [x for x, _ in points(left)] == [1] and [x for x, _ in points(right)] == [2, 3]


@pytest.mark.parametrize(
    ("half", "filled"), [(0.5, True), (0.0, True), (1.5, False), (None, False), (np.nan, False)]
)
def test_a_dot_is_filled_where_an_interval_leaves_the_reference_out(half, filled):
    assert points(plots.forest([row("a", 1.0, half)]).axes[0]) == [(1.0, filled)]


def test_half_an_interval_is_none():
    one_end = {"label": "a", "estimate": 1.0, "low": 0.5}
    assert points(plots.forest([one_end]).axes[0]) == [(1.0, False)]


@pytest.mark.parametrize("ends", [(0, 1), (-5, -1), (-1, 0), (99, 100), (1, 0)])
def test_labels_at_the_ends_of_lines_keep_their_distance_on_any_axis(ends):
    ax = style.figure(3).subplots()
    ax.set_ylim(*ends)
    middle = sum(ends) / 2
    style.end_labels(ax, [(middle, name, "k") for name in "abc"], apart=0.1)
    np.testing.assert_allclose(np.diff([t.xy[1] for t in ax.texts]), 0.1 * abs(ends[1] - ends[0]))


def test_titles_break_between_words():
    rows = [{"label": "a", "panel": f"contradictions, changed place {i}", "estimate": i} for i in range(5)]
    titles = [ax.get_title(loc="left").split("\n") for ax in plots.forest(rows, panel="panel").axes]
    assert len(titles) == 5 and all(lines[0] == "contradictions," for lines in titles)


def test_titles_of_arms_keep_to_their_panels():
    arms = {f"arm{i}": f"distilled reward, weights permuted {i}" for i in range(8)}
    fig = plots.transfer_curves({f"transfer/{a}": np.ones((2, 3)) for a in arms}, arms)
    fig.draw_without_rendering()
    for ax in fig.axes:
        title, panel = (x.get_window_extent() for x in (ax._left_title, ax))
        assert title.width < 1.1 * panel.width


def test_one_large_row_hides_no_small_ones():
    rows = [{"label": n, "estimate": x, "low": x - 0.1, "high": x + 0.1} for n, x in (("a", 40), ("b", 0.5))]

    def width(figure):
        (ax,) = figure.axes
        ax.get_xlim()  # settles it
        left, right = ax.transAxes.inverted().transform(ax.transData.transform([(0.4, 0), (0.6, 0)]))[:, 0]
        return right - left

    assert width(plots.forest(rows)) < 0.01
    assert width(plots.forest(rows, linear_to=1.0)) > 0.05
