# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Somatic markers: choosing without computing everything anew
#
# A network that values a scene in full does the same work again and again for scenes that it has met
# many times. People do not: what a situation was worth comes to mind at once, biases what they attend to
# and choose, and full deliberation is kept for what is unfamiliar (Damasio's somatic markers). Here such
# a memory is a cache beside a trained network. Two questions: **how much computing does it save, and at
# how many wrong decisions?** And **what happens when what was worth something no longer is**, the point
# where a habit and a computed value part?

# %%
import jax
import numpy as np

from socialsim.agents.markers import MarkerConfig
from socialsim.agents.ppo import PPOConfig
from socialsim.agents.training import TrainConfig, train
from socialsim.experiments.markers import LifeConfig, WorldConfig, condition, lives, settings, two_ways
from socialsim.experiments.markers.arms import ARMS, Intact, stack
from socialsim.experiments.markers.cost import paid, price_list
from socialsim.experiments.markers.outcomes import binned
from socialsim.experiments.markers.pictures import over_life

# %% [markdown]
# ## A world with two things to do
# Two agents can succeed together at a lit object, by interacting beside it at the same time, or at a
# dark one, by gesturing. Physics never changes. Drives say which of the two is worth anything, so a
# reversal of drives is a reversal of what every act is worth.

# %%
config = WorldConfig(size=5, horizon=48)
env, drives = two_ways(config), settings(config)
print(env.channels, drives[:, 0].tolist())

# %% [markdown]
# One network learns under each setting. The second is the ideal to hold a habit against: it is what full
# computation says once drives have reversed. Raise `AGENT_STEPS` for teams that are really good.

# %%
AGENT_STEPS = 300_000
learning = TrainConfig(PPOConfig(worlds=64), agent_steps=AGENT_STEPS, chunks=3)
trained = train(env, learning, jax.random.split(jax.random.key(0), 2), drives, quiet=True)
teams = jax.tree.map(lambda x: np.asarray(x)[None], trained.teams)
success = trained.metrics["signal"][:, -4:].mean(1)
print("success per decision:", [round(float(success[i, i]), 3) for i in (0, 1)])

# %% [markdown]
# ## A life with a cache
# The key of an entry is a hash of what is sensed, 24 signs of a random projection. An entry holds how
# the network chose there, in how many decisions that turned out to differ, and what return each act had.
# Sure entries answer. The rest is gathered into a buffer, and the network runs on the buffer alone:
# under `vmap` a `cond` would compute everything and save nothing.
#
# All arms meet the same worlds with the same noise, so they differ in what they remember and in nothing
# else.

# %%
shown = ("off", "on", "zeroed", "shuffled", "stale")
for arm in shown:
    print(f"{arm:9s} {ARMS[arm]}")
life, markers = LifeConfig(warm=8, steady=4, after=8), MarkerConfig()
keys = jax.random.split(jax.random.key(1), 1)[np.zeros(len(shown), int)]
told = stack([condition(arm, Intact()) for arm in shown])
lived = lives(env, teams, drives, told, keys, np.zeros(len(shown), int), life, markers)

# %%
bins = 16
curves = {
    f"{name}/{arm}": binned(getattr(lived, name)[i], bins)[None]
    for name in ("agree", "success", "computed")
    for i, arm in enumerate(shown)
}
curves["decisions"] = (np.arange(curves["agree/on"].shape[1]) + 0.5) * bins
frozen, reversal = life.warm * config.horizon, (life.warm + life.steady) * config.horizon
over_life(curves, reversal, frozen)

# %% [markdown]
# **How to read it.** Left of the solid line the world is stationary. *off* computes everything and
# agrees with itself. *on* starts ignorant, asks the network wherever it may, and comes to agree. *stale*
# stops learning at the dotted line; as long as nothing changes, that costs little. *zeroed* and
# *shuffled* compute as often, but read nothing, or another scene's memory: what they lack is what the
# cache knows.
#
# Right of the line worth has reversed. *off* is told and changes at once. *on* goes on with its habit
# wherever it is sure of itself, and comes back as it looks again; *stale* never does.

# %% [markdown]
# ## What did it cost?
# XLA counts the FLOPs of the compiled program, everything included: keys, look-up, sorting, the network
# on the buffer, writing back.

# %%
before = slice(frozen, reversal)
levels = lived.level[shown.index("on"), before]
used = np.bincount(levels, minlength=9) > 0
one = jax.tree.map(lambda x: x[0, 0], teams)
prices = price_list(env, one, life, markers, used.tolist())
spent = paid(levels, prices).mean()
agreement = lived.agree[shown.index("on"), before].mean()
kept = lived.success[:, before].mean(1)
print(f"FLOPs per decision: {prices['full']:.0f} in full, {spent:.0f} with the cache")
print(f"saved {1 - spent / prices['full']:.0%} at {agreement:.1%} agreement")
print(f"success: {kept[0]:.3f} computing everything, {kept[1]:.3f} with the cache")

# %% [markdown]
# One seed shows how it works, not that it is so. The experiment has ten, controls for what markers do to
# choice and to attention, the trade-off between both sides, networks of other widths, and time beside
# FLOPs:
#
# ```
# socialsim experiment somatic-markers --preset demo
# ```
