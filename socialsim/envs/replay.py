"""Replays: an episode as plain data, as a self-contained HTML player, or as a film.

replay = record_replay(env, states, signals=signals)   # states stacked, or a list
replay                                                 # plays in a notebook
replay.save("episode.html")                            # or .gif, .mp4
"""

import dataclasses
import html
import json
import re
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

import jax
import numpy as np

from socialsim.core import errors
from socialsim.core.acts import Act
from socialsim.core.scene import Scene
from socialsim.core.sight import Eyes
from socialsim.envs import view as look

FORMAT = "socialsim-replay-1"
_FEATURES = ("needed", "present", "movable", "placed", "active", "resource")
_PLAYER = Path(__file__).with_name("player.js")


def one_by_one(states) -> list:
    """States as a list: of a sequence itself, of stacked ones (leaves `[T, ...]`) each in turn."""
    if isinstance(states, Sequence):
        return list(states)
    steps = len(jax.tree.leaves(states)[0])
    return [jax.tree.map(lambda x, t=t: x[t], states) for t in range(steps)]


def replay_data(
    scenes: Scene | Sequence[Scene | look.Moment],
    signals=None,
    walls=None,
    extent=None,
    *,
    channels: Sequence[str] = (),
    eyes: Eyes | None = None,
    zones=None,
    solids=None,
    title: str = "",
) -> dict:
    """An episode as a small JSON-able dict, the input of the player.

    Parameters
    ----------
    scenes : `T` scenes, stacked or in a sequence.
    signals : `[T, A, C]`, or None.  channels : the C names (needed if signals are given).
    walls : boxes `[W, 4]`.  extent : `(low, high)`, `[2]` each; by default around all scenes.
    zones, solids : polygons `[N, P, 2]` or `[T, N, P, 2]`, see `socialsim.envs.view`.
    eyes : for the fields of view.  title : shown above the player.

    Lengths and angles are rounded to 0.01 (bodies, radians), signals to 0.001; what never changes is kept
    once. Raises OptionError if the shapes do not belong together.
    """
    s = look.in_numpy(scenes)
    eyes = eyes if eyes is not None else Eyes()
    steps, agents = s.position.shape[:2]
    given = np.zeros((steps, agents, 0)) if signals is None else np.asarray(signals, float)
    if given.shape != (steps, agents, len(channels)):
        expected = f"[T, A, C] = [{steps}, {agents}, {len(channels)}]"
        raise errors.OptionError(f"signals of shape {list(given.shape)}; scenes and channels want {expected}")
    low, high = look.around(s) if extent is None else extent
    boxes = np.zeros((0, 4)) if walls is None else np.asarray(walls, float).reshape(-1, 4)
    boxes = boxes[(boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])]
    sees = s.sees_agent.reshape(steps, -1)
    return {
        "format": FORMAT,
        "title": title,
        "steps": steps,
        "agents": agents,
        "objects": s.object_position.shape[1],
        "extent": np.round(np.concatenate([low, high]).astype(float), 2).tolist(),
        "walls": np.round(boxes, 2).tolist(),
        "eyes": dataclasses.asdict(eyes),
        "channels": list(channels),
        "acts": [a.name.lower() for a in Act],
        "glyphs": list(look.GLYPH.values()),
        "palette": {
            "identity": look.IDENTITY,
            "channel": look.CHANNEL,
            **{n.lower(): getattr(look, n) for n in ("INK", "WALL", "FLOOR", "LINE", "FLASH", "LOAD")},
            **{n.lower(): getattr(look, n) for n in ("RING", "RING_ON")},
        },
        "position": _flat(s.position, 100),
        "heading": _flat(_angle(s.heading), 100),
        "gaze": _flat(_angle(s.gaze), 100),
        "act": _flat(s.act, 1),
        "load": _flat(s.load, 100),
        "joint": _flat(s.joint, 100),
        "signals": _flat(given, 1000),
        "sees": [np.flatnonzero(row).tolist() for row in sees],
        "object_position": _flat(s.object_position, 100),
        "object_goal": _flat(s.object_goal, 100),
        "object_present": _flat(s.object_present, 1),
        "features": {f: _flat(look.feature(s, f), 100) for f in _FEATURES},
        "zones": _polygons(zones, steps),
        "solids": _polygons(solids, steps),
        "ghosts": _polygons(_ghosts(s, solids), steps),
    }


def player_html(data: dict, id: str, *, script: bool = True, autoplay: bool = False) -> str:
    """An embeddable player: a `<div>` and its `<script>`, with no reference to anything outside.

    data : from `replay_data`.
    id : of the div, unique on the page; letters, digits, "-" and "_", a letter first.
    script : bring the player's code along; needed at least once on a page, harmless more often.
    autoplay : begin to play at once (unless the reader prefers reduced motion).
    """
    if not re.fullmatch(r"[A-Za-z][\w-]*", id):
        raise errors.OptionError(f"player id {id!r}; allowed: letters, digits, '-' and '_', a letter first")
    # "<" is escaped, so that no text in the data can end the script element.
    text = json.dumps({**data, "autoplay": autoplay}, separators=(",", ":"), allow_nan=False)
    text = text.replace("<", "\\u003c")
    code = f"<script>{_PLAYER.read_text(encoding='utf-8')}</script>\n" if script else ""
    start = f'socialsimPlayer(document.getElementById("{id}"),{text});'
    return f'<div id="{id}"></div>\n{code}<script>{start}</script>\n'


def to_html(data: dict, path: str | Path, *, autoplay: bool = False) -> Path:
    """Write a self-contained page with one player."""
    title = html.escape(data["title"] or "socialsim replay")
    page = (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"></head>\n'
        f'<body style="margin:24px;background:#f6f7f8">\n{player_html(data, "replay", autoplay=autoplay)}'
        "</body></html>\n"
    )
    path = Path(path)
    path.write_text(page, encoding="utf-8")
    return path


def to_gif(frames: Iterable[np.ndarray], path: str | Path, *, fps: int = 8) -> Path:
    """Write frames (`[H, W, 3]` uint8 each) as an animated GIF that repeats."""
    from PIL import Image

    images = [Image.fromarray(np.asarray(f)) for f in frames]
    if not images:
        raise errors.OptionError("no frames to write; allowed: one or more")
    images[0].save(path, save_all=True, append_images=images[1:], duration=round(1000 / fps), loop=0)
    return Path(path)


def to_mp4(frames: Iterable[np.ndarray], path: str | Path, *, fps: int = 8) -> Path:
    """Write frames (`[H, W, 3]` uint8 each) as an H.264 film. Needs the package imageio-ffmpeg."""
    try:
        import imageio_ffmpeg
    except ImportError:
        raise errors.OptionError(
            "writing .mp4 needs imageio-ffmpeg (extra 'video'); .gif and .html do not"
        ) from None
    writer = None
    for frame in frames:
        # H.264 wants even sides.
        frame = np.ascontiguousarray(frame[: frame.shape[0] // 2 * 2, : frame.shape[1] // 2 * 2])
        if writer is None:
            size = (frame.shape[1], frame.shape[0])
            writer = imageio_ffmpeg.write_frames(str(path), size, fps=fps, macro_block_size=2)
            with warnings.catch_warnings():
                # JAX warns of forks; this one becomes ffmpeg at once and touches none of JAX's threads.
                warnings.filterwarnings("ignore", message="os.fork", category=RuntimeWarning)
                writer.send(None)
        writer.send(frame)
    if writer is None:
        raise errors.OptionError("no frames to write; allowed: one or more")
    writer.close()
    return Path(path)


class Replay:
    """An episode that plays in notebooks and can be saved. Made by `record_replay`."""

    def __init__(self, env, states, signals, data: dict):
        self.env, self.states, self.signals, self.data = env, states, signals, data

    def __len__(self) -> int:
        return self.data["steps"]

    def frames(self, size: int = 480) -> Iterable[np.ndarray]:
        """Pictures `[H, W, 3]` uint8, one per step."""
        from socialsim.envs.render import Screen

        channels = () if self.signals is None else self.env.channels
        screen = Screen(self.env, size=size, channels=channels)
        for t, state in enumerate(self.states):
            yield screen.pixels(state, None if self.signals is None else self.signals[t])

    def save(self, path: str | Path, *, fps: int = 8, size: int = 480) -> Path:
        """Write .html (a player), .gif or .mp4."""
        ending = errors.choose("file ending", Path(path).suffix, (".html", ".gif", ".mp4"))
        if ending == ".html":
            return to_html(self.data, path)
        return {".gif": to_gif, ".mp4": to_mp4}[ending](self.frames(size), path, fps=fps)

    def _repr_html_(self) -> str:
        page = (
            f'<!doctype html><meta charset="utf-8"><body style="margin:0">{player_html(self.data, "replay")}'
        )
        height = 190 + max(60 * self.data["agents"], 420)
        # A frame of its own, so that players and notebook cells cannot disturb one another.
        frame = f'<iframe title="replay" width="100%" height="{height}" frameborder="0" srcdoc='
        return f'{frame}"{html.escape(page, quote=True)}"></iframe>'


def record_replay(env, states, *, signals=None, title: str = "") -> Replay:
    """A replay of `T` states of one world.

    env : a Simulation with its states, or a World with its own.
    states : stacked (`[T, ...]` leaves) or a sequence.
    signals : `[T, A, C]`, in the order of `env.channels`.

    Raises OptionError where walls or the floor change: the states of several episodes.
    """
    states = one_by_one(states)
    if signals is not None:
        signals = np.asarray(signals)
    views = [look.view(env, s) for s in states]
    for t, v in enumerate(views):
        if not all(np.array_equal(getattr(v, f), getattr(views[0], f)) for f in ("walls", "low", "high")):
            raise errors.OptionError(
                f"state {t} has other walls, or another floor, than state 0; allowed: the states of one "
                "episode, whose walls stand still (a batch that restarts by itself holds several)"
            )
    data = replay_data(
        [v.scene for v in views],
        signals,
        views[0].walls,
        (views[0].low, views[0].high),
        channels=() if signals is None else env.channels,
        eyes=views[0].eyes,
        zones=np.stack([v.zones for v in views]),
        solids=np.stack([v.solids for v in views]),
        title=title or getattr(env, "id", ""),
    )
    return Replay(env, states, signals, data)


def _angle(direction: np.ndarray) -> np.ndarray:
    return np.arctan2(direction[..., 1], direction[..., 0])


def _flat(values: np.ndarray, scale: int) -> list[int]:
    """`[T, ...]` as integers in a row; one frame if all are equal."""
    whole = np.rint(np.asarray(values, float) * scale).astype(int)
    if (whole == whole[:1]).all():
        whole = whole[:1]
    return whole.ravel().tolist()


def _ghosts(s: look.Moment, solids) -> np.ndarray | None:
    if solids is None or not np.size(solids):
        return None
    still = np.ndim(solids) == 3
    each = (np.asarray(solids if still else solids[t]) for t in range(len(s.position)))
    return np.stack([look.ghosts(s.at(t), polygons) for t, polygons in enumerate(each)])


def _polygons(given, steps: int) -> dict | None:
    if given is None:
        return None
    points = np.asarray(given, float)
    if points.ndim == 3:
        points = points[None]
    if points.ndim != 4 or points.shape[-1] != 2 or len(points) not in (1, steps):
        raise errors.OptionError(
            f"polygons of shape {list(points.shape)}; allowed: [N, P, 2] or [T, N, P, 2]"
        )
    return {"count": points.shape[1], "corners": points.shape[2], "points": _flat(points, 100)}
