"""Draw a clip of every world, played by its scripted team: `python docs/make_clips.py [ID ...]`.

Writes docs/clips/ID.gif. The pages of the gallery are made from the docstrings when the docs are built.
"""

import sys
from pathlib import Path

import jax
import numpy as np
from PIL import Image

import socialsim
from socialsim import devices
from socialsim.agents.bots import scripted_team
from socialsim.analysis.recording import play
from socialsim.envs.render import Screen

FOLDER = Path(__file__).parent / "clips"
STEPS, HEIGHT, FPS, COLOURS = 36, 240, 6, 128


def clip(id: str) -> Path:
    """One episode's busiest `STEPS` decisions, of eight episodes the one with most joint success."""
    env = socialsim.make(id)
    episodes = play(env, scripted_team(env), jax.random.key(7), worlds=8, states=True)
    joint = np.asarray(episodes.joint).mean(-1)  # [T, E]
    best = int(joint.sum(0).argmax())
    steps = min(STEPS, len(joint))
    inside = np.convolve(joint[:, best], np.ones(steps), "valid")
    start = int(inside.argmax())
    three = hasattr(env.world, "render_3d")
    screen = Screen(env, size=HEIGHT, mode="rgb_array_3d" if three else "rgb_array", channels=env.channels)
    frames = []
    for t in range(start, start + steps):
        state = jax.tree.map(lambda x, t=t: x[t, best], episodes.state)
        frames.append(Image.fromarray(screen.pixels(state, np.asarray(episodes.signals)[t, best])))
    # By coverage: a median cut greys what is small on the picture, such as the agents' colours.
    several = Image.fromarray(np.concatenate([np.asarray(f) for f in frames[::4]]))
    palette = several.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE)
    small = [f.quantize(COLOURS, palette=palette, dither=Image.Dither.NONE) for f in frames]
    path = FOLDER / f"{id}.gif"
    small[0].save(path, save_all=True, append_images=small[1:], duration=1000 // FPS, loop=0, optimize=True)
    return path


if __name__ == "__main__":
    devices.use_all_cores()
    FOLDER.mkdir(exist_ok=True)
    for name in sys.argv[1:] or socialsim.worlds():
        made = clip(name)
        print(f"{made.name}  {made.stat().st_size / 1e3:.0f} kB", flush=True)
