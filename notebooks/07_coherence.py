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
# # Coherence: one scene, one worth?
#
# What a moment is worth should not hang on what has no bearing on it: from which side one looks, which of
# several equal partners is near, what else lies about. Ordinary training does not ask for that. The
# experiment `coherence` does, by a loss that penalises different values for one scene in different contexts,
# and asks whether that makes for more robust generalisation. This is the experiment in small.

# %%
import jax
import jax.numpy as jnp
import numpy as np

from socialsim.agents.coherence import Coherence, Decoys, Mirror, Partners, Weights
from socialsim.agents.networks import NetworkConfig
from socialsim.agents.ppo import PPOConfig
from socialsim.agents.training import TrainConfig, train
from socialsim.analysis import plots
from socialsim.analysis.recording import play
from socialsim.experiments.cohering import PlaceConfig, measures, place
from socialsim.experiments.cohering.evaluation import asked, battery, lived, true_shares
from socialsim.experiments.cohering.scenes import CONTEXTS

# %% [markdown]
# ## A place with things that do not matter
# Pads light up when two of three agents stand on one. Beside them lie *decoys*, objects that afford nothing,
# and partners wear *badges*: a strength that counts for nothing here. A scene can then be put into other
# contexts, by changing the world itself and sensing it anew:

# %%
home = place(PlaceConfig(size=7, walls=0))
CONTEXTS

# %% [markdown]
# ## Three ways to learn, one program
# The penalty is a further loss of the learner, and its weight is data of the run. So arms are rows of an
# array: ordinary training, the penalty, and as a control the same penalty between scenes that have nothing
# to do with each other. The last one asks for what cannot be had, unless a head always says the same.

# %%
ARMS = ("without", "with", "mismatched")
loss = Coherence((Mirror(), Partners(badges=2), Decoys()))
weights = Weights(
    coherence=jnp.array([0.0, 0.5, 0.0]),
    augmentation=jnp.zeros(3),
    mismatch=jnp.array([0.0, 0.0, 0.5]),
    examples=jnp.zeros(3),
)
network = NetworkConfig(width=32, shared_encoder=True)
config = TrainConfig(PPOConfig(network, worlds=64, learning_rate=2e-3), agent_steps=150_000, chunks=1)
keys = jax.random.split(jax.random.key(0), 1)[np.zeros(3, int)]  # all arms begin alike
trained = train(home, config, keys, np.ones((3, 3, 1)), auxiliary=loss, given=weights, quiet=True)
joint = trained.metrics["joint"][:, -5:].mean(1)
{a: f"{j:.4f} joint successes per agent-step" for a, j in zip(ARMS, joint, strict=True)}

# %% [markdown]
# ## What do the heads say?
# The same 200 moments are put to all of them, each in five contexts. A head contradicts itself where one
# context makes it prefer the first of two moments and another the second.

# %%
teams = {a: trained.team(i) for i, a in enumerate(ARMS)}
episodes = [play(home, t, jax.random.key(1), worlds=8, states=True) for t in teams.values()]
states, me = battery(jax.random.key(2), episodes, 200, home.num_agents)
values, _ = asked(home, trained.teams, jax.random.key(3), states, me)
table = {
    arm: {
        "contradictions": measures.contradictions(v),
        "cyclic triads": measures.cycles(v, scenes=60, draws=4, seed=0),
        "scene's share of variance": measures.coherence(v),
        "values vary by": float(v[0].std()),
    }
    for arm, v in zip(ARMS, np.asarray(values, float), strict=True)
}
{arm: {name: round(x, 4) for name, x in row.items()} for arm, row in table.items()}

# %%
shares = [
    {"label": context, "panel": arm, "estimate": x}
    for arm, v in zip(ARMS, np.asarray(values, float), strict=True)
    for context, x in zip(list(CONTEXTS)[1:], measures.within_share(v), strict=True)
]
plots.forest(
    shares, panel="panel", panels=ARMS, xlabel="change of values, as a share of their variance between scenes"
)

# %% [markdown]
# ## And what is true?
# Agreement may be asked for only where the truth agrees. So teams live on from every moment in every
# context, several times, and what follows is compared: 0 means that the context changes nothing, 1 that two
# moments have nothing to do with each other. With so few lives the intervals are wide.

# %%
few = jax.tree.map(lambda x: x[:40], states)
returns = lived(home, teams["without"], jax.random.key(4), few, me[:40], 0.96, steps=60, rollouts=12)
truth = true_shares(np.asarray(returns), seed=0)
{c: f"{e.estimate:+.3f} [{e.low:+.3f}, {e.high:+.3f}]" for c, e in truth.items()}

# %% [markdown]
# ## How to read the result
# The whole experiment is one command, `socialsim experiment coherence`: ten seeds of five arms, a changed
# place that nobody has learned in, and questions that were fixed beforehand, with two-sided tests. In its
# report:
#
# - *contradictions* and *cyclic triads* say whether the penalty does what it is for;
# - *success* and *miscalibration in the changed place* say whether that is of any use. The arms that count
#   are **augmented** and **examples**: they see the same transformed scenes as mere examples, as strong as
#   the penalty or as light as the critic's own. A penalty that does no more than both has taught nothing
#   about coherence;
# - *spread of values* unmasks collapse. A head that always says the same never contradicts itself, so orders
#   that it leaves open count as the toss of a coin, and heads that hardly vary are named.
#
# One run of each arm, as here, shows how it is done and decides nothing.
