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
# # Emergent values, step by step
#
# Agents in `rendezvous-v0` receive no reward for the task, only social signals: being attended to, being
# imitated, succeeding together. This notebook trains a team for a short while, reads its value heads, and
# asks what they respond to. The full experiment is `socialsim experiment emergent-values`.

# %%
import jax
import numpy as np

import socialsim
from socialsim.agents.ppo import PPOConfig
from socialsim.agents.training import TrainConfig, train
from socialsim.analysis import plots, statistics
from socialsim.analysis.counterfactual import Counterfactual
from socialsim.analysis.edits import default_edits
from socialsim.analysis.recording import play, recording
from socialsim.core.drives import drive_matrix
from socialsim.envs.render import show

# %% [markdown]
# ## A world
# Naming a state draws it: discs are agents, cones what they see, rings pads that need three of them.

# %%
env = socialsim.make("rendezvous-v0")
state, timestep = env.reset(jax.random.key(0))
show(env, state)

# %% [markdown]
# ## Training on signals alone
# Drives say how much each signal moves an agent. The team metric, joint events per agent-step, is what *we*
# measure; no agent receives it. Raise `AGENT_STEPS` to a million for a team worth probing.

# %%
AGENT_STEPS = 60_000
drives = drive_matrix(
    {"attention": 0.05, "imitation": 0.05, "coordination": 1.0}, env.channels, env.num_agents
)
config = TrainConfig(PPOConfig(worlds=64), agent_steps=AGENT_STEPS, chunks=2)
trained = train(env, config, jax.random.split(jax.random.key(1), 1), drives[None], quiet=True)
team = trained.team(0)
print("joint events per agent-step:", trained.metrics["joint"][0, -4:].mean().round(4))

# %% [markdown]
# ## A recording
# Whole episodes as a labelled dataset: what was sensed and done, what followed, what each head said of it.

# %%
episodes = play(env, team, jax.random.key(2), worlds=24)
data = recording(env, episodes, team, discount=config.ppo.discount, every=4)
data

# %%
known = data.returns_valid.values
for channel in env.channels:
    value, returns = (data[k].sel(channel=channel).values[known] for k in ("value", "returns"))
    world = np.broadcast_to(data.episode.values[known][:, None], value.shape)
    rho = statistics.spearman(value.ravel(), returns.ravel(), groups=world.ravel(), seed=0)
    print(f"{channel:>13}: Spearman of V with returns {rho.estimate:+.2f} [{rho.low:+.2f}, {rho.high:+.2f}]")

# %% [markdown]
# ## What do the value heads respond to?
# Change one thing in a scene, sense again, read the change of value. Senses are pure, so this is exact; the
# last rows are controls: what an agent cannot see must change nothing.

# %%
steps, worlds = episodes.ended.shape
pick = np.random.default_rng(0).choice(steps * worlds, 200, replace=False)
scenes = jax.tree.map(lambda x: x.reshape(steps * worlds, *x.shape[2:])[pick], episodes.scene)
edits = default_edits(directions=4, neck=False, eyes=env.world.eyes)
effect = Counterfactual(edits, env.channels, batch=200)(scenes, team.values, groups=pick % worlds)
effect.estimate.to_pandas().round(3)

# %%
rows = [
    {
        "label": str(edit),
        "channel": channel,
        **{k: effect[k].sel(edit=edit, channel=channel).item() for k in ("estimate", "low", "high")},
    }
    for edit in effect.edit.values
    for channel in env.channels
]
plots.forest(rows, panel="channel", xlabel="change of value, signal units")
