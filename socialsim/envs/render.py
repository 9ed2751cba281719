"""Pictures of states: `draw` into any Axes, `render` as pixels, `show` in a notebook.

image = render(env, state)                       # [H, W, 3] uint8
draw(env.scene(state), ax)                       # into a figure of yours
show(env, state, timestep.signals)               # the last line of a notebook cell
"""

import base64
import io
import warnings

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.registry import BackendFilter, backend_registry
from matplotlib.figure import Figure

from socialsim.core import errors
from socialsim.core.scene import Scene
from socialsim.envs.drawing import Drawing
from socialsim.envs.panel import Panel
from socialsim.envs.view import View, inner, view, view_scene

MODES = ("rgb_array", "rgb_array_3d", "human")
_DPI = 100
_PANEL = 0.42  # width of the signals beside the picture, as a share of the height


def draw(
    scene: Scene, ax: Axes | None = None, *, extent=None, walls=None, zones=None, solids=None, eyes=None
) -> Axes:
    """Draw a scene from above.

    Parameters
    ----------
    scene : of any world.
    ax : where to; by default a new figure's.
    extent : lower and upper corner of the floor, `[2]` each; by default around what the scene holds.
    walls : boxes `[W, 4]`.  zones, solids : polygons `[N, P, 2]`, see `socialsim.envs.view`.
    eyes : `Eyes`, for the gaze cones.

    Returns the Axes.
    """
    if ax is None:
        ax = Figure(figsize=(5, 5), layout="tight").add_subplot()
    Drawing(ax).update(view_scene(scene, extent=extent, walls=walls, zones=zones, solids=solids, eyes=eyes))
    return ax


class Picture:
    """A figure, `size` pixels high, to be drawn again and again; beside it the signals of `channels`."""

    def __init__(
        self, v: View, *, size: int = 480, channels: tuple[str, ...] = (), figure: Figure | None = None
    ):
        wide, high = v.high - v.low
        share = float(np.clip(wide / high, 0.4, 2.5))
        total = share + (_PANEL if channels else 0.0)
        self.figure = Figure(dpi=_DPI) if figure is None else figure
        self.figure.set_size_inches(round(size * total) / _DPI, size / _DPI)
        self.figure.set_facecolor("white")
        self.canvas = FigureCanvasAgg(self.figure) if figure is None else figure.canvas
        self.drawing = Drawing(self.figure.add_axes((0.0, 0.0, share / total, 1.0)))
        self.panel = None
        if channels:
            axes = self.figure.add_axes((share / total, 0.02, _PANEL / total - 0.01, 0.96))
            self.panel = Panel(axes, v.scene.num_agents, channels)

    def update(self, v: View, signals=None) -> None:
        self.drawing.update(v)
        if self.panel is not None:
            none = np.zeros((v.scene.num_agents, self.panel.channels))
            self.panel.update(none if signals is None else np.asarray(signals))

    def pixels(self) -> np.ndarray:
        """`[H, W, 3]` uint8."""
        self.canvas.draw()
        return np.array(np.asarray(self.canvas.buffer_rgba())[..., :3])  # pyright: ignore[reportAttributeAccessIssue]


class Screen:
    """Where one environment's states are shown again and again. Modes: see `render`."""

    def __init__(
        self, env, *, mode: str = "rgb_array", size: int = 480, channels: tuple[str, ...] | None = None
    ):
        self.env, self.size = env, size
        self.mode = errors.choose("render mode", mode, MODES)
        self.channels = getattr(env, "channels", ()) if channels is None else tuple(channels)
        if self.mode == "rgb_array_3d" and not hasattr(getattr(env, "world", env), "render_3d"):
            raise errors.OptionError("render mode 'rgb_array_3d': this world has no third dimension")
        self._picture: Picture | None = None
        self._window = None

    def show(self, state, signals=None) -> np.ndarray | None:
        """Draw `state`, and `signals` `[A, C]` beside it. Returns pixels, in mode "human" None."""
        if self.mode != "human":
            return self.pixels(state, signals)
        self._draw(state, signals).canvas.draw()
        if self._window is not None:
            self._window.pause()
        return None

    def pixels(self, state, signals=None) -> np.ndarray:
        """The picture as `[H, W, 3]` uint8, whatever the mode."""
        if self.mode == "rgb_array_3d":
            world, state = inner(self.env, state)
            return np.asarray(world.render_3d(state, self.size, self.size))
        return self._draw(state, signals).pixels()

    def _draw(self, state, signals) -> Picture:
        v = view(self.env, state)
        if self._picture is None:
            self._window = _open_window() if self.mode == "human" else None
            figure = None if self._window is None else self._window.figure
            self._picture = Picture(v, size=self.size, channels=self.channels, figure=figure)
        self._picture.update(v, signals)
        return self._picture

    def close(self) -> None:
        if self._window is not None:
            self._window.close()
        self._picture = self._window = None


def render(env, state, signals=None, *, mode: str = "rgb_array", size: int = 480) -> np.ndarray | None:
    """A state as pixels `[H, W, 3]` uint8.

    env, state : a Simulation with its state, or a World with its own.
    signals : `[A, C]`, drawn as bars beside the picture where given.
    mode : "rgb_array" (from above), "rgb_array_3d" (worlds with a `render_3d` method), "human" (a window;
        nothing is returned).
    size : height in pixels.

    For many frames of one environment make a `Screen` once: it keeps its artists.
    """
    channels = getattr(env, "channels", ()) if signals is not None else ()
    return Screen(env, mode=mode, size=size, channels=channels).show(state, signals)


class Snapshot:
    """A state that shows itself in a notebook."""

    def __init__(self, env, state, signals=None, size: int = 360):
        channels = getattr(env, "channels", ()) if signals is not None else ()
        self.image = Screen(env, size=size, channels=channels).pixels(state, signals)

    def _repr_png_(self) -> bytes:
        from PIL import Image

        buffer = io.BytesIO()
        Image.fromarray(self.image).save(buffer, format="png")
        return buffer.getvalue()

    def _repr_html_(self) -> str:
        data = base64.b64encode(self._repr_png_()).decode()
        return f'<img alt="state seen from above" src="data:image/png;base64,{data}">'


def show(env, state, signals=None, *, size: int = 360) -> Snapshot:
    """A picture of a state for the last line of a notebook cell."""
    return Snapshot(env, state, signals, size)


class _Window:
    """A matplotlib window; the only place where pyplot is used."""

    def __init__(self):
        import matplotlib.pyplot as plt

        self._plt = plt
        self.figure = plt.figure("socialsim", dpi=_DPI)
        self.figure.clear()

    def pause(self) -> None:
        self._plt.pause(0.001)

    def close(self) -> None:
        self._plt.close(self.figure)


def _open_window() -> _Window | None:
    chosen = matplotlib.get_backend(auto_select=False)  # None: nobody has chosen one
    name = (chosen or matplotlib.get_backend()).lower()
    windows = backend_registry.list_builtin(BackendFilter.INTERACTIVE)
    if name in (w.lower() for w in windows):
        return _Window()
    if chosen is None:
        warnings.warn(
            "render_mode='human': no display found, so pictures are drawn off screen; "
            "use render_mode='rgb_array', or set MPLBACKEND=Agg if this is meant",
            stacklevel=2,
        )
    return None
