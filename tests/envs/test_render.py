"""Pictures and replays: what changes in the world changes in the picture, and pages stand alone."""

import json
import math
import re
import subprocess

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import socialsim
from socialsim.core.acts import Act
from socialsim.core.errors import OptionError
from socialsim.core.scene import NUM_RAYS, Scene, object_features
from socialsim.core.sight import Eyes
from socialsim.envs.render import Picture, Screen, draw, render, show
from socialsim.envs.replay import player_html, record_replay, replay_data, to_gif, to_html, to_mp4
from socialsim.envs.view import FLASH, cone, in_numpy, view_scene

EXTENT = ((0.0, 0.0), (10.0, 10.0))
EAST, WEST = (1.0, 0.0), (-1.0, 0.0)


def scene(position=((5.0, 5.0), (8.0, 5.0)), gaze=(EAST, WEST), joint=(0.0, 0.0), act=Act.STILL, **features):
    """Two agents and one object at (2, 8)."""
    a = len(position)
    gaze = jnp.array(gaze)
    features = {"needed": 2, **features}
    return Scene(
        position=jnp.array(position),
        velocity=jnp.zeros((a, 2)),
        heading=gaze,
        gaze=gaze,
        act=jnp.full(a, act),
        load=jnp.zeros(a),
        strength=jnp.ones(a),
        clear=jnp.ones((a, NUM_RAYS)),
        object_position=jnp.array([[2.0, 8.0]]),
        object_goal=jnp.array([[7.0, 2.0]]),
        object_features=object_features(1, **features),
        object_present=jnp.ones(1, bool),
        takes_part=jnp.zeros((a, 1), bool),
        sees_agent=~jnp.eye(a, dtype=bool),
        sees_object=jnp.zeros((a, 1), bool),
        joint=jnp.array(joint),
    )


def pixels(s, **hints):
    """The scene at 40 pixels a body, row 0 at the top."""
    figure = Figure(figsize=(4, 4), dpi=100)
    canvas = FigureCanvasAgg(figure)
    ax = figure.add_axes((0, 0, 1, 1))
    draw(s, ax, extent=EXTENT, **hints)
    ax.set_xlim(0, 10)
    ax.set_ylim(0, 10)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].astype(int)


def patch(image, x, y, half=6):
    """Mean colour around a place in bodies."""
    row, column = round((10 - y) * 40), round(x * 40)
    return image[row - half : row + half, column - half : column + half].mean((0, 1))


def changed(a, b, x, y):
    return np.abs(patch(a, x, y) - patch(b, x, y)).max()


@pytest.fixture(scope="module")
def episode():
    env = socialsim.make("rendezvous-v0", num_agents=3, size=6, walls=1, horizon=2**31 - 1).replace(id="")
    key = jax.random.key(0)
    state, timestep = env.reset(key)
    states, signals = [state], [timestep.signals]
    for t in range(5):
        state, timestep = env.step(key, state, np.array([1, 3, 1 + t], np.int32))
        states.append(state)
        signals.append(timestep.signals)
    return env, states, np.stack(signals)


def test_an_agent_that_moves_is_seen_to_move():
    before, after = pixels(scene()), pixels(scene(position=((5.0, 7.0), (8.0, 5.0))))
    assert changed(before, after, 5, 5) > 50
    assert changed(before, after, 5, 7) > 50
    assert changed(before, after, 2, 2) < 1


def test_gaze_cone_is_on_the_side_of_gaze():
    away = ((8.0, 9.5), (0.0, 1.0))  # the other agent is out of the way and looks out of the picture
    east = pixels(scene(position=((5.0, 5.0), away[0]), gaze=(EAST, away[1])), eyes=Eyes(reach=4, cone=90))
    west = pixels(scene(position=((5.0, 5.0), away[0]), gaze=(WEST, away[1])), eyes=Eyes(reach=4, cone=90))
    assert patch(east, 6.7, 4.5)[0] < patch(east, 3.3, 4.5)[0] - 5
    assert patch(west, 3.3, 4.5)[0] < patch(west, 6.7, 4.5)[0] - 5
    assert changed(east, west, 9.7, 4.5) < 1  # beyond reach


def test_cone_ends_at_reach_walls_and_borders():
    low, high = (np.array(e) for e in EXTENT)
    eyes = Eyes(reach=4.0, cone=90.0)
    here, wall = np.array([5.0, 5.0]), np.array([[6.5, 4.0, 7.0, 6.0]])
    outline = cone(here, np.array(EAST), eyes, low, high, np.zeros((0, 4)))
    offset = outline[1:] - here
    assert np.allclose(np.hypot(*offset.T), 4.0)
    assert np.degrees(np.arctan2(offset[:, 1], offset[:, 0])) == pytest.approx(
        np.linspace(-45, 45, len(offset))
    )
    blocked = cone(here, np.array(EAST), eyes, low, high, wall)
    assert blocked[len(blocked) // 2] == pytest.approx([6.5, 5.0], abs=0.05)
    assert cone(here, np.array(EAST), Eyes(reach=99), low, high, wall[:0])[:, 0].max() == pytest.approx(10.0)


def test_joint_events_flash():
    calm, joint = pixels(scene()), pixels(scene(joint=(1.0, 0.0)))
    rim = 5 - 0.75 * math.sqrt(0.5)  # between body and halo's edge, away from nose and gaze
    assert changed(calm, joint, 8, 5.75) < 1
    halo = patch(joint, rim, rim, half=2)
    assert changed(calm, joint, rim, rim) > 30
    yellow = np.array([int(FLASH[i : i + 2], 16) for i in (1, 3, 5)])
    assert np.abs(halo - yellow).max() < np.abs(halo - 255).max()


def test_objects_are_drawn_by_what_they_afford():
    pad, half = pixels(scene()), pixels(scene(present=1))
    load = pixels(scene(movable=1, placed=1))
    assert changed(pad, half, 2.62, 8) > 30  # the first of two segments is filled ...
    assert changed(pad, half, 1.38, 8) < 1  # ... and the other is not
    assert changed(pad, load, 2, 8) > 30
    assert np.abs(pad - load)[290:350, 250:310].max() > 30  # where it belongs, around (7, 2)


def test_walls_zones_and_solids_are_drawn():
    square = np.array([[[1.0, 1.0], [3.0, 1.0], [3.0, 3.0], [1.0, 3.0]]])
    bare = pixels(scene())
    for hint in ({"walls": [[1, 1, 3, 3]]}, {"zones": square}, {"solids": square}):
        assert changed(bare, pixels(scene(), **hint), 2.2, 2.2) > 5
    assert np.array_equal(bare, pixels(scene(), walls=[[1e6, 1e6, -1e6, -1e6]]))  # an empty slot


def test_solids_show_where_they_belong():
    bar = np.array(
        [[[1.0, 7.7], [3.0, 7.7], [3.0, 8.3], [1.0, 8.3]]]
    )  # around the object, which goes by (5, -6)
    free, bound = (pixels(scene(movable=1, placed=p), solids=bar) for p in (0, 1))
    assert np.abs(free - bound)[290:350, 235:325].max() > 30
    data = replay_data([scene(movable=1, placed=1)] * 2, solids=bar)
    assert np.array(data["ghosts"]["points"]).reshape(4, 2).mean(0) / 100 == pytest.approx([7.0, 2.0])


def test_acts_have_signs():
    assert not np.array_equal(pixels(scene()), pixels(scene(act=Act.INTERACT)))


def test_a_screen_forgets_what_it_showed():
    one, two = view_scene(scene()), view_scene(scene(position=((1.0, 1.0), (3.0, 2.0)), joint=(1.0, 1.0)))
    picture = Picture(one, size=160, channels=("attention", "imitation"))
    picture.update(one, np.ones((2, 2)))
    first = picture.pixels()
    picture.update(two, -np.ones((2, 2)))
    assert not np.array_equal(first, picture.pixels())
    picture.update(one, np.ones((2, 2)))
    assert np.array_equal(first, picture.pixels())


def test_render_and_show(episode):
    env, states, signals = episode
    image = render(env, states[0], size=120)
    assert image.shape == (120, 120, 3) and image.dtype == np.uint8
    assert np.array_equal(image, render(env.world, states[0].world, size=120))
    assert render(env, states[0], signals[0], size=120).shape[1] > 120
    assert not np.array_equal(image, render(env, states[-1], size=120))
    shown = show(env, states[0], size=120)
    assert shown._repr_png_().startswith(b"\x89PNG")
    assert 'src="data:image/png;base64,' in shown._repr_html_()


def test_bad_modes(episode):
    env, *_ = episode
    with pytest.raises(OptionError, match="did you mean 'rgb_array'"):
        Screen(env, mode="rgb_aray")
    with pytest.raises(OptionError, match="third dimension"):
        Screen(env, mode="rgb_array_3d")


def test_replay_data_goes_through_json(episode):
    env, states, signals = episode
    data = record_replay(env, states, signals=signals, title="a </script> title").data
    assert json.loads(json.dumps(data, allow_nan=False)) == json.loads(json.dumps(data))
    scenes = in_numpy([env.scene(s) for s in states])
    position = np.array(data["position"]).reshape(6, 3, 2) / 100
    assert np.abs(position - scenes.position).max() <= 0.005
    heading = np.array(data["heading"]).reshape(6, 3) / 100
    assert np.abs(np.cos(heading) - scenes.heading[..., 0]).max() < 0.01
    assert np.abs(np.array(data["signals"]).reshape(-1, 3, 3) / 1000 - signals).max() <= 0.0005
    seen = np.zeros((6, 9), bool)
    for t, pairs in enumerate(data["sees"]):
        seen[t, pairs] = True
    assert np.array_equal(seen.reshape(6, 3, 3), scenes.sees_agent)
    assert len(data["features"]["needed"]) == data["objects"]  # what never changes is kept once
    assert data["extent"] == [-0.5, -0.5, 5.5, 5.5] and len(data["walls"]) == 1


def test_a_replay_is_of_one_episode(episode):
    env, states, _ = episode
    other = env.reset(jax.random.key(7))[0]
    shifted = other.replace(world=other.world.replace(walls=states[0].world.walls + 1.0))
    with pytest.raises(OptionError, match="state 2 has other walls.*allowed: the states of one episode"):
        record_replay(env, [states[0], states[1], shifted])


def test_replay_of_scenes_alone():
    data = replay_data([scene(), scene(position=((4.0, 4.0), (8.0, 5.0)))])
    assert data["steps"] == 2 and data["channels"] == [] and data["walls"] == []
    x0, y0, x1, y1 = data["extent"]
    assert x0 < 2 and y0 < 4 and x1 > 8 and y1 > 8
    with pytest.raises(OptionError, match=r"\[2, 2, 0\]"):
        replay_data([scene(), scene()], np.zeros((2, 2, 3)))


def no_outside(page):
    return not re.search(
        r"""https?:|//cdn|(src|href)\s*=\s*["'](?!data:)|@import|url\(|fetch\(|import\s""", page
    )


def test_pages_refer_to_nothing_outside(episode, tmp_path):
    env, states, signals = episode
    replay = record_replay(env, states, signals=signals, title="a </script> title")
    page = replay.save(tmp_path / "replay.html").read_text(encoding="utf-8")
    assert no_outside(page) and page.count("</script>") == 2
    assert no_outside(player_html(replay.data, "one"))
    assert "socialsimPlayer = " not in player_html(replay.data, "two", script=False)
    assert "srcdoc=" in replay._repr_html_()
    with pytest.raises(OptionError, match="player id"):
        player_html(replay.data, 'x" onload="')
    with pytest.raises(OptionError, match="did you mean '.html'"):
        replay.save(tmp_path / "replay.htm")


def test_films(episode, tmp_path):
    env, states, signals = episode
    replay = record_replay(env, states, signals=signals)
    frames = list(replay.frames(size=96))
    assert len(frames) == len(replay) == 6
    assert to_gif(frames, tmp_path / "a.gif").read_bytes().startswith(b"GIF8")
    with pytest.raises(OptionError, match="no frames"):
        to_gif([], tmp_path / "b.gif")
    pytest.importorskip("imageio_ffmpeg")
    assert b"ftyp" in to_mp4(frames, tmp_path / "a.mp4").read_bytes()[:16]


PROBE = """
<script>
const errors = [];
window.onerror = (message) => errors.push(message);
// Under virtual time the compositor makes hardly any frames.
window.requestAnimationFrame = (f) => setTimeout(() => f(performance.now()), 16);
</script>
%s
<script>
const [one, two] = ["one", "two"].map((id) => document.getElementById(id));
const buttons = one.querySelectorAll("button"), slider = two.querySelector("input[type=range]");
const told = [one.dataset.step];
buttons[2].click(); told.push(one.dataset.step);
buttons[1].click(); told.push(one.dataset.step);
slider.value = 4; slider.oninput(); told.push(two.dataset.step);
const inked = (c) => c.getContext("2d").getImageData(0, 0, c.width, c.height).data.some((v) => v > 0);
told.push([...document.querySelectorAll("canvas")].map(inked).join(""));
buttons[0].click();
setTimeout(() => {
  told.push(one.dataset.step, one.dataset.playing, errors.length);
  const p = document.createElement("p"); p.id = "told"; p.textContent = "told:" + told.join(",");
  document.body.append(p);
}, 4000);
</script>
"""


@pytest.mark.browser
def test_two_players_on_a_page_play_and_scrub(episode, tmp_path, chromium):
    env, states, signals = episode
    data = record_replay(env, states, signals=signals).data
    path = to_html(data, tmp_path / "page.html")
    path.write_text(
        "<!doctype html><meta charset=utf-8>"
        + PROBE.replace("%s", player_html(data, "one") + player_html(data, "two"))
    )
    quiet = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    command = [chromium, "--headless", *quiet.split(), "--disable-component-update", "--disable-sync"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr"]
    command += ["--virtual-time-budget=8000", "--dump-dom", path.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert "CONSOLE" not in done.stderr, done.stderr
    told = re.search(r"told:([^<]*)</p>", done.stdout)
    assert told and told.group(1) == "0,1,0,4," + "true" * 4 + ",5,false,0"
