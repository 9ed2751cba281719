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
# # Shown, found out, or asked?
#
# A rule is hidden. One learner is shown by somebody who knows it, one has to find it out, one may ask. Which
# of them does better where the rule is a little different? The experiment is one command, `socialsim
# experiment discovery`; this notebook shows its parts in small, and how to read the report.

# %%
import jax
import numpy as np

from socialsim.agents.bots import random_team
from socialsim.agents.cloning import Cloning
from socialsim.agents.empowerment import empowerment
from socialsim.agents.networks import NetworkConfig
from socialsim.agents.ppo import PPOConfig
from socialsim.agents.training import TrainConfig, train
from socialsim.analysis import plots
from socialsim.analysis.recording import play
from socialsim.core.acts import Act
from socialsim.core.scene import OBJECT_FEATURES
from socialsim.experiments.discovering import DISTANCES, tasks
from socialsim.experiments.discovering.arms import at, bonuses, copies, plan, simulation, with_help
from socialsim.experiments.discovering.trials import only, trials

# %% [markdown]
# ## The hidden rule
# Landmarks look alike. Two of three agents must be at the right one at once, then it is another one's turn,
# in an order that is drawn for each task and never shown. A scripted team that knows the order does well,
# random acts hardly ever succeed.

# %%
env = simulation(tasks(size=6))
for name, place in {"random acts": env, "a team that knows": with_help(env, acts=True)}.items():
    episodes = play(place, random_team(env), jax.random.key(0), worlds=32)
    print(f"{name:18s} {float(episodes.joint.mean()):.4f} joint events per agent-step")

# %% [markdown]
# ## A question
# GESTURE_0 asks. Where somebody answers, the landmark whose turn it is shows a full `resource` for eight
# decisions: a column that every world shares, so nothing is sensed that is not in the table. Asking has a
# price, as a signal with a negative drive.

# %%
answered = with_help(env, answers=True)
state, _ = answered.reset(jax.random.key(1))
pointed = OBJECT_FEATURES.index("resource")
for act in (Act.STILL, Act.GESTURE_0):
    after, told = answered.step(jax.random.key(2), state, np.array([act, 0, 0], np.int32))
    column = np.asarray(answered.scene(after).object_features[:, pointed])
    print(f"{act.name:10s} pointed at: {column}   price paid by: {np.asarray(told.signals[:, 1])}")

# %% [markdown]
# ## What a bonus is made of
# Five bonuses are compared: counts, the elliptical bonus, distillation of a random network, disagreement of
# forward models, and empowerment. The last is exact: how many outcomes are in reach of each agent, in bits.

# %%
bits = empowerment(env.world, jax.random.key(0), state.world, steps=2)
print("two acts ahead:", np.round(np.asarray(bits), 2), "bits; on a free floor it would be 4")

# %% [markdown]
# ## A small live run
# Four arms, two seeds, a fraction of the budget. All arms are one compiled program: who is shown, who is
# answered and which bonus moves whom are data.

# %%
ARMS = ("demonstrations", "sparse", "counts", "asking")
CHUNKS, SEEDS = 3, 2
ppo = PPOConfig(network=NetworkConfig(width=16), worlds=32, steps=16, learning_rate=2e-3)
config = TrainConfig(ppo, agent_steps=24 * 32 * 16 * 3, chunks=CHUNKS)
arms = plan(env, SEEDS, chunks=CHUNKS, shown=1, bonus=0.3, price=0.02, arms=ARMS)
keys = jax.random.split(jax.random.key(7), SEEDS)[np.repeat(np.arange(SEEDS), len(ARMS))]
trained = train(
    env,
    config,
    keys,
    arms.drives,
    intrinsic=bonuses(ppo),
    auxiliary=Cloning(),
    given=arms.given,
    worlds=arms.worlds,
    schedule=arms.schedule,
    quiet=True,
)
joint = trained.metrics["joint"].reshape(SEEDS, len(ARMS), CHUNKS, -1).mean((0, 3))
for arm, row in zip(ARMS, joint, strict=True):
    print(f"{arm:15s}", "  ".join(f"{x:.4f}" for x in row))

# %% [markdown]
# In the first third the scripted team acts in the arm 'demonstrations': that is its figure, not the
# learner's.
#
# ## How far does it carry?
# The same teams, without learning, on tasks at four distances. With two seeds and so little learning,
# differences between arms mean nothing here; that rates differ between distances is the point of comparing
# arms within each.

# %%
print("\n".join(f"{d:5s} {what}" for d, what in DISTANCES.items()))
teams, runs = only(trained.teams, env.channels), len(arms.names)
rows = []
for distance in DISTANCES:
    there = with_help(
        copies(at(env, distance, 256), runs),
        acts=np.zeros(runs, bool),
        answers=np.array(arms.names) == "asking",
    )
    found = trials(teams, there, jax.random.split(jax.random.key(8), runs), 16)
    for i, arm in enumerate(ARMS):
        values = found.joint.reshape(SEEDS, -1)[:, i]
        spread = dict(estimate=values.mean(), low=values.min(), high=values.max())
        rows.append({"label": arm, "panel": distance, **spread})
plots.forest(rows, panel="panel", panels=list(DISTANCES))

# %% [markdown]
# ## Reading the report
# - **The short answer** says which of the questions asked beforehand have an answer. Tests are two-sided,
#   paired by seed and corrected for their number; "no difference that stands was found" is a result.
# - **How far does it carry?** sets each arm against a scripted team at the same distance.
# - **What was asked, and when?** A learner for whom questions are worth their price asks where no answer is
#   in sight and not where one is.
# - All arms spend the same environment and gradient steps. The yoked learner never acts: it learns from what
#   'counts' lives through.
