"""One top-down picture for every world, in matplotlib; artists are made once and moved from frame to frame.

Every length is in bodies, so pictures scale. No pyplot and no global state.
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.path import Path
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D

from socialsim.core.acts import Act
from socialsim.envs import view as look
from socialsim.envs.view import View

_CIRCLE = Path.unit_circle()
_NOSE = Path([(0.82, -0.42), (1.36, 0.0), (0.82, 0.42), (0.82, -0.42)])
_ARROW = Path([(0.0, 0.0), (-0.24, 0.1), (-0.24, -0.1), (0.0, 0.0)])


def _text(string: str, height: float) -> Path:
    """A string as a path, centred on the origin."""
    if not string:
        return Path(np.zeros((1, 2)))
    path = TextPath((0, 0), string, size=1.0)
    box = path.get_extents()
    scale = height / max(box.height, 1e-6)
    return (
        Affine2D().translate(-(box.x0 + box.x1) / 2, -(box.y0 + box.y1) / 2).scale(scale).transform_path(path)
    )


_GLYPHS = [_text(glyph, 0.2) for glyph in look.GLYPH.values()]


def place(path: Path, offset, *, scale: float = 1.0, direction=(1.0, 0.0)) -> Path:
    """`path` scaled, turned to `direction` (unit vector) and moved to `offset`."""
    cos, sin = float(direction[0]) * scale, float(direction[1]) * scale
    turn = np.array([[cos, sin], [-sin, cos]])
    return Path(path.vertices @ turn + np.asarray(offset), path.codes)


def box(x0: float, y0: float, x1: float, y1: float) -> Path:
    return Path([(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)])


def _closed(polygon: np.ndarray) -> Path:
    return Path(np.concatenate([polygon, polygon[:1]]))


def _segments(centre, count: int, inner: float, outer: float) -> list[Path]:
    """A ring in `count` equal segments, the first at the top, clockwise."""
    gap = 0.0 if count == 1 else 9.0
    paths = []
    for i in range(count):
        a, b = 90 - (i + 1) * 360 / count + gap, 90 - i * 360 / count - gap
        angle = np.radians(np.linspace(a, b, 24))
        rim = np.stack([np.cos(angle), np.sin(angle)], -1)
        paths.append(_closed(np.concatenate([rim * outer, rim[::-1] * inner]) + centre))
    return paths


def _glyph(act: int, position, heading) -> Path:
    """The act's sign beside an agent; steps point where they lead."""
    steps = act in (Act.ADVANCE, Act.RETREAT)
    upright = (heading[1], -heading[0]) if steps else (1.0, 0.0)
    return place(_GLYPHS[act], np.add(position, 0.44), direction=upright)


class Drawing:
    """A picture of a world in one matplotlib Axes.

    Make it once per Axes and call `update` for each frame.
    """

    LAYERS = (  # from the floor up
        ("zones", {"facecolors": "#1F9E8914", "edgecolors": "#1F9E8955", "linewidths": 0.8}),
        ("cones", {"edgecolors": "none", "alpha": 0.1}),
        ("walls", {"facecolors": look.WALL, "edgecolors": look.WALL, "linewidths": 0.5}),
        (
            "goals",
            {"facecolors": "none", "edgecolors": look.LOAD, "linewidths": 1.6, "linestyles": (0, (3, 2))},
        ),
        ("halos", {"edgecolors": "none", "facecolors": look.FLASH + "90"}),
        ("rings", {"edgecolors": "none"}),
        ("solids", {"facecolors": look.LOAD, "edgecolors": "#6F573B", "linewidths": 1.0}),
        ("loads", {"facecolors": look.LOAD, "edgecolors": "#6F573B", "linewidths": 1.0}),
        ("dots", {"facecolors": "#FFFFFF", "edgecolors": "#6F573B", "linewidths": 0.8}),
        ("noses", {"edgecolors": "white", "linewidths": 0.8}),
        ("bodies", {"edgecolors": "white", "linewidths": 1.0}),
        ("eyes", {"facecolors": "white", "edgecolors": "none"}),
        ("pupils", {"facecolors": look.INK, "edgecolors": "none"}),
        ("numbers", {"facecolors": "white", "edgecolors": "none"}),
        ("carried", {"facecolors": look.LOAD, "edgecolors": "#6F573B", "linewidths": 0.8}),
        ("arrows", {"edgecolors": "none", "alpha": 0.85}),
        ("glyphs", {"facecolors": look.INK, "edgecolors": "none"}),
    )

    def __init__(self, ax: Axes):
        ax.set_axis_off()
        ax.set_aspect("equal")
        self.ax = ax

        def add(artist, zorder):
            ax.add_collection(artist, autolim=False)
            artist.set_zorder(zorder)
            return artist

        self.layer = {n: add(PathCollection([], **s), 3 + z) for z, (n, s) in enumerate(self.LAYERS)}
        self.floor = add(PathCollection([], facecolors=look.FLOOR, edgecolors=look.WALL), 0)
        self.grid = add(LineCollection([], colors=look.LINE, linewidths=0.7), 1)
        self.ways = add(LineCollection([], colors=look.LOAD, linewidths=0.9, linestyles=(0, (1, 2.5))), 5)
        self.gazes = add(LineCollection([], linewidths=1.1, alpha=0.75), 12.5)
        self._frame: tuple | None = None

    def update(self, v: View) -> None:
        """Show `v`; nothing is kept of what was shown before."""
        self._floor(v)
        self._objects(v)
        self._agents(v)
        self._gaze(v)

    def _set(self, name: str, paths: list[Path], colours=None) -> None:
        self.layer[name].set_paths(paths)
        if colours is not None:
            self.layer[name].set_facecolor(colours)

    def _floor(self, v: View) -> None:
        self._set("walls", [box(*w) for w in v.walls.tolist()])
        frame = (*v.low.tolist(), *v.high.tolist())
        if frame == self._frame:
            return
        self._frame = frame
        x0, y0, x1, y1 = frame
        self.floor.set_paths([box(*frame)])
        # Lines one body apart from the lower corner: the cells of a grid, a scale elsewhere.
        lines = [[(x, y0), (x, y1)] for x in np.arange(x0 + 1, x1 - 1e-3)]
        self.grid.set_segments(lines + [[(x0, y), (x1, y)] for y in np.arange(y0 + 1, y1 - 1e-3)])
        margin = 0.03 * max(x1 - x0, y1 - y0)
        self.ax.set_xlim(x0 - margin, x1 + margin)
        self.ax.set_ylim(y0 - margin, y1 + margin)

    def _objects(self, v: View) -> None:
        s = v.scene
        here = np.flatnonzero(s.object_present)
        needed, present = (np.rint(look.feature(s, f)).astype(int).tolist() for f in ("needed", "present"))
        movable, placed = look.feature(s, "movable") > 0, look.feature(s, "placed") > 0
        resource, active = look.feature(s, "resource"), look.feature(s, "active")
        rings, colours, loads, dots, goals, ways = [], [], [], [], [], []
        for m in here:
            at = s.object_position[m]
            if movable[m] and len(v.solids):
                dots.append(place(_CIRCLE, at, scale=0.09))
            elif movable[m]:
                loads.append(place(box(-0.36, -0.36, 0.36, 0.36), at))
                count = max(needed[m], 1)  # one dot for each agent it takes
                spread = min(0.2, 0.6 / count)
                for k in range(count):
                    dots.append(place(_CIRCLE, np.add(at, ((k - (count - 1) / 2) * spread, 0)), scale=0.07))
            elif needed[m] > 0:
                rings += _segments(at, needed[m], 0.52, 0.72)
                colours += [look.RING_ON if k < present[m] else look.RING for k in range(needed[m])]
            else:
                # What is offered as a disc of that area in a thin rim; open or lit things are full.
                level = float(resource[m] if resource[m] > 0 else active[m])
                rings += [place(_CIRCLE, at, scale=0.4), place(_CIRCLE, at, scale=0.36)]
                rings.append(place(_CIRCLE, at, scale=0.36 * level**0.5))
                colours += [look.RING, look.FLOOR, look.RING_ON]
            if needed[m] > 0 and active[m] > 0 and not movable[m]:
                rings.append(place(_CIRCLE, at, scale=0.2))
                colours.append(look.FLASH)
            if placed[m] and not len(v.solids):
                goals.append(place(box(-0.42, -0.42, 0.42, 0.42), s.object_goal[m]))
                ways.append([at, s.object_goal[m]])
        self._set("zones", [_closed(p) for p in v.zones])
        self._set("solids", [_closed(p) for p in v.solids])
        self._set("rings", rings, colours)
        self._set("loads", loads)
        self._set("dots", dots)
        self._set("goals", goals + [_closed(p) for p in look.ghosts(s, v.solids)])
        self.ways.set_segments(ways)

    def _agents(self, v: View) -> None:
        s, r = v.scene, look.BODY_RADIUS
        colours = [look.IDENTITY[i % len(look.IDENTITY)] for i in range(s.num_agents)]
        at = list(zip(s.position, s.heading, s.gaze, strict=True))
        self._set("bodies", [place(_CIRCLE, p, scale=r) for p, _, _ in at], colours)
        self._set("noses", [place(_NOSE, p, scale=r, direction=h) for p, h, _ in at], colours)
        self._set("eyes", [place(_CIRCLE, p + 0.27 * g, scale=0.12) for p, _, g in at])
        self._set("pupils", [place(_CIRCLE, p + 0.31 * g, scale=0.065) for p, _, g in at])
        self._set("numbers", [place(_text(str(i), 0.24), p - 0.08 * g) for i, (p, _, g) in enumerate(at)])
        self._set("glyphs", [_glyph(int(a), p, h) for a, (p, h, _) in zip(s.act, at, strict=True)])
        side = [p + 0.42 * np.array([h[1], -h[0]]) for p, h, _ in at]
        sizes = [0.1 + 0.12 * min(float(x), 1.0) for x in s.load]
        loads = [(p, k) for p, k, x in zip(side, sizes, s.load, strict=True) if x > 0]
        self._set("carried", [place(box(-k, -k, k, k), p) for p, k in loads])
        flashing = [p for p, j in zip(s.position, s.joint, strict=True) if j > 0]
        self._set("halos", [place(_CIRCLE, p, scale=k) for p in flashing for k in (0.66, 0.9)])
        self._set(
            "cones", [_closed(look.cone(p, g, v.eyes, v.low, v.high, v.walls)) for p, _, g in at], colours
        )

    def _gaze(self, v: View) -> None:
        s, r = v.scene, look.BODY_RADIUS
        lines, arrows, colours = [], [], []
        for i, j in np.argwhere(s.sees_agent):
            offset = s.position[j] - s.position[i]
            length = float(np.hypot(*offset))
            if length < 2 * r:
                continue
            way = offset / length
            aside = 0.06 * np.array([-way[1], way[0]])  # so that mutual gaze shows as two lines
            start, end = s.position[i] + r * way + aside, s.position[j] - (r + 0.06) * way + aside
            lines.append([start, end - 0.2 * way])
            arrows.append(place(_ARROW, end, direction=way))
            colours.append(look.IDENTITY[i % len(look.IDENTITY)])
        self.gazes.set_segments(lines)
        self.gazes.set_colors(colours)
        self._set("arrows", arrows, colours)
