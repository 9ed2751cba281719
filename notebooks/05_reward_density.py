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
# # Dense rewards first, sparse ones later?
#
# Success together is rare before it is learned, and a reward that is rare teaches little. Something that
# pays at every step could bridge the gap: here, *predicting well* what others do next and what one will
# sense next. The question of the experiment `reward-density` is how the dense reward should give way to the
# sparse one: fade, switch, the other way round, or as measured to be of help? And it is asked where it
# matters, in tasks that no team has met.
#
# This notebook runs it in small, to show how it is read. At full size: `socialsim experiment reward-density
# --preset demo`.

# %%
import dataclasses

import jax
import numpy as np

from socialsim.agents.training import train
from socialsim.experiments.density import Alignment, Schedules, measures, moving, pictures
from socialsim.experiments.density.schedules import CHANNELS
from socialsim.experiments.density.societies import earnings
from socialsim.experiments.reward_density import Preset, worlds

preset = Preset()
env = worlds(preset)["source"]
preset.world, preset.rules, preset.new_rules

# %% [markdown]
# ## What pays, and the dark room
# A model learns beside the team and says what comes next. Paid for being right, a team is best off where
# nothing ever happens. So the three dense rewards pay for being *better than habit*: than knowing which act
# follows which, or than saying that nothing will change. Scripted societies show the difference; the model
# learns from each and is judged on episodes that it has not seen.

# %%
made = earnings(env, preset.prediction, jax.random.key(0), worlds=16, rounds=40)
pictures.dark_room(made, {})

# %% [markdown]
# Look at *still*: plain predictability pays it best and skill pays it nothing. That door is shut. Another
# is not: who turns on the spot changes what it senses in a way that is easy to learn. It is a known
# weakness, and the report shows how much trained teams move.
#
# ## The arms
# A schedule is a pure function: it is asked before each chunk of training and answers with every run's
# drives. All arms and seeds are therefore one compiled program. The *learned* arm gives a reward more
# weight where its policy gradient points along that of the sparse reward, measured on worlds that the two
# do not share.

# %%
ARMS, SEEDS, CHUNKS = ("linear", "reversed", "sparse", "learned"), 2, 4
schedule = Schedules(SEEDS, CHUNKS, env.num_agents, arms=ARMS)
learning = dataclasses.replace(preset.source, agent_steps=10_000, chunks=CHUNKS)
keys = jax.numpy.concatenate([jax.random.split(jax.random.key(1), SEEDS)] * len(ARMS))
trained = train(
    env,
    learning,
    keys,
    np.zeros((len(keys), env.num_agents, len(CHANNELS)), np.float32),
    intrinsic=preset.prediction,
    auxiliary=Alignment(),
    schedule=schedule,
    quiet=True,
)
shares = measures.by_arm(schedule.history(trained.metrics["alignment"]), ARMS)
pictures.shares({arm: share.mean(0) for arm, share in shares.items()})

# %% [markdown]
# ## Going on in held-out tasks
# Now every team learns under rules that it has not met, from the sparse reward alone, beside a team that
# starts from nothing in the same worlds.

# %%
new = worlds(preset)["rules"]
going_on = dataclasses.replace(preset.target, agent_steps=20_000)
fresh = moving.newcomers(jax.random.split(jax.random.key(2), SEEDS), going_on.ppo.network, new)
moved = moving.narrowed(trained.teams, moving.stacked(*[fresh] * len(ARMS)))
teams, names = moving.stacked(fresh, moved), (measures.SCRATCH, *ARMS)
found = train(
    new,
    going_on,
    jax.numpy.concatenate([jax.random.split(jax.random.key(3), SEEDS)] * len(names)),
    np.ones((len(names) * SEEDS, new.num_agents, 1), np.float32),
    teams=teams,
    quiet=True,
)
success = measures.by_arm(found.metrics["joint"], names)
pictures.curves(success, found.agent_steps, baseline=measures.SCRATCH)

# %% [markdown]
# A panel is an arm, the dashed line the team from nothing. The first point is what a team can do before it
# has learned anything here. What counts is the whole curve, per sample spent, as a multiple of what scratch
# reaches:

# %%
target = measures.of_target(success, found.agent_steps, float(trained.agent_steps[-1]))
{arm: np.round(multiple, 2).tolist() for arm, multiple in target["relative"].items()}

# %% [markdown]
# ## What cannot be concluded
# * **Nothing, from two seeds and a minute of training.** Ten seeds and a correction for all questions stand
#   behind what the experiment claims, and it may claim nothing.
# * **Either direction is a result.** There is published evidence that sparse before dense is better (arXiv
#   2501.17842). The tests are two-sided.
# * **Predicting well is one dense reward of many.** That it helps is not assumed: the report shows how its
#   gradient lies to that of the sparse reward.
