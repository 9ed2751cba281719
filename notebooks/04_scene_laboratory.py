# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The scene laboratory
#
# A value head answers one question: *what is it worth to be here, now?* In the laboratory we set up the
# here and now ourselves, one scene or a million of them, and read the answers. Nothing is acted out: who
# sees whom, who takes part and what each agent senses follow from where things are placed, exactly as in
# the worlds.

# %%
import time

import jax
import numpy as np
import xarray as xr

import socialsim
from socialsim.agents.ppo import PPOConfig
from socialsim.agents.training import TrainConfig, train
from socialsim.analysis import Lab, Occasions, StabilityDossier, Thurstone, choices
from socialsim.analysis.laboratory import Bearing, Distance, Present, Watchers
from socialsim.analysis.occasions import untrained
from socialsim.core.acts import Act
from socialsim.core.drives import drive_matrix

# %% [markdown]
# ## A scene by hand
# An empty floor, a pad that needs three, and agents that are there once they are placed. Every edit gives a
# new laboratory, so a scene can be a starting point for many. Naming it draws it.

# %%
lab = Lab.empty(num_agents=4, num_objects=1, size=11, grid=True).pad((0, 2), needed=3)
lab = lab.place(0, (0, -2), heading=90).place(1, (2, 0)).place(2, (-2, 0)).place(3, (4, 4))
lab = lab.look_at(1, 0).look_away(2, 0).look_at(3, 1).act(1, Act.GESTURE_0)
lab

# %% [markdown]
# Agent 1 looks at agent 0, agent 2 looks away. A wall between them changes who sees whom, and nothing else
# has to be said:

# %%
lab.wall(0.5, -1.5, 1.5, -0.5)

# %% [markdown]
# The moment may also come from a world, with its walls and its eyes.

# %%
env = socialsim.make("rendezvous-v0")
state, _ = env.reset(jax.random.key(4))
Lab.at(env, state, grid=True).remove(3)

# %% [markdown]
# ## Somebody to ask
# Four seeds, trained for a short while on social signals alone. Raise `AGENT_STEPS` to a million for heads
# worth interpreting: these are here to show the tools. Beside them, fresh networks of the same shape:
# whatever they "value" comes from the architecture.

# %%
AGENT_STEPS = 60_000
weights = {"attention": 0.05, "imitation": 0.05, "coordination": 1.0}
drives = np.stack([drive_matrix(weights, env.channels, env.num_agents)] * 4)
config = TrainConfig(PPOConfig(worlds=64), agent_steps=AGENT_STEPS, chunks=3)
trained = train(env, config, jax.random.split(jax.random.key(0), 4), drives, quiet=True)
teams = [trained.team(k) for k in range(4)]
fresh = untrained(teams[0], jax.random.key(1), 4, env.num_agents)

# %% [markdown]
# ## What is it worth to be watched, and from how far?
# Two sweeps, crossed: agent 1 at 1 to 8 bodies, and none, one or two of the others looking at me.

# %%
swept = lab.sweep(Distance(1, np.linspace(1, 8, 40)), Watchers(range(3), who=(1, 2)))
swept

# %% [markdown]
# Lines are means over seeds with 95 % intervals, less each head's own mean: what changes along the sweep.
# Grey is the untrained control, for which nothing should matter. With four seeds at this budget, expect
# wide bands: that is what an honest answer looks like here.

# %%
read = swept.read(teams, agents=(0,))
read.centred().plot("distance", hue="watchers", control=swept.read(fresh, agents=(0,)).centred())

# %%
read.sel(distance=2.0, channel="coordination").over_seeds().estimate.to_pandas()

# %% [markdown]
# ## A landscape
# Two others already stand on a pad that needs three. What would it be worth to stand at each place of the
# floor, averaged over four headings?

# %%
waiting = Lab.empty(num_agents=3, num_objects=2, size=11, grid=True)
waiting = waiting.pad((-2, 2), needed=3).pad((3, -3), needed=3)
waiting = waiting.place(1, (-3, 2)).place(2, (-1, 2)).look_at(1, 2).look_at(2, 1).wall(0.5, -0.5, 3.5, 0.5)
waiting.landscape(teams, me=0, step=1.0).plot()

# %% [markdown]
# ## In bulk
# Sweeps are not spelled out in memory: scenes are made, seen, sensed and valued in compiled chunks. Raise
# `SIDE` to 250 for a million scenes.

# %%
SIDE = 60
bulk = lab.sweep(
    Distance(1, np.linspace(1, 8, SIDE)),
    Bearing(1, np.linspace(-180, 180, SIDE)),
    Watchers(range(4)),
    Present(range(4)),
)
start = time.perf_counter()
values = bulk.read(teams[0], agents=(0,)).values
print(f"{bulk.size:,} scenes in {time.perf_counter() - start:.1f} s, compilation included")
values.mean(("distance", "bearing", "agent", "seed")).sel(channel="coordination").to_pandas().round(4)

# %% [markdown]
# ## Which scenes are preferred?
# Six situations, judged by every seed from eight headings. Thurstone's model asks whether one scale of
# worth stands behind all these choices; held-out accuracy and cyclic triads say how far to believe it.

# %%
alone = Lab.empty(num_agents=4, num_objects=1, size=11).place(0, (0, 0))
pad, friend = alone.pad((0, 2), needed=3), alone.place(1, (2, 0))
situations = {
    "alone": alone,
    "a pad in reach": pad,
    "a partner who looks away": friend.look_away(1, 0),
    "a partner who looks at me": friend.look_at(1, 0),
    "two wait on the pad": pad.place(1, (-0.5, 2)).place(2, (0.5, 2)).look_at(1, 0).look_at(2, 0),
    "I wait on the pad, alone": pad.place(0, (0, 2)),
}
angles = np.arange(0, 360, 45)
judged = xr.concat(
    [
        s.spread("heading", angles).turn(0, angles).read(teams, agents=(0,)).values
        for s in situations.values()
    ],
    xr.DataArray(list(situations), dims="item", name="item"),
)
judged = (
    judged.sel(channel="coordination", agent=0).stack(judge=("seed", "heading")).transpose("judge", "item")
)
preferences = Thurstone(resamples=200)(choices(judged.reset_index("judge", drop=True)))
preferences.plot()

# %% [markdown]
# ## Are these values stable?
# The same scenes valued again: at other checkpoints, by other seeds, through noise, in fresh episodes. The
# dossier sets ICC and Kendall's W against shuffled and untrained controls and a human figure. A high ICC
# with next to no spread between scenes (MSR) means nothing, so that stands beside it.

# %%
history = [[jax.tree.map(lambda x, k=k: x[k], s) for k in range(4)] for s in trained.snapshots]
occasions = Occasions(env, worlds=48, steps=64, times=3)
dossier = StabilityDossier(resamples=300, shuffles=50).measure(
    occasions, teams, checkpoints=history, axes=("checkpoint", "seed", "noise", "retest")
)
dossier.plot()

# %%
dossier.to_dataframe()[["estimate", "low", "high", "null_high", "untrained_high", "msr", "beyond_controls"]]
