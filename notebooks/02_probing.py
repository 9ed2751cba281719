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
# # Probing value heads, honestly
#
# A linear probe nearly always finds *something*. This notebook asks four questions of a trained critic, each
# with the control that can say no: is a concept **represented**, is it **used**, do **other seeds** agree,
# and does all this find the truth where we **know** the truth? The whole battery, over all teams and layers,
# is `socialsim probe RUN`.

# %%
import jax
import numpy as np
import pandas as pd
import xarray as xr

import socialsim
from socialsim.agents.pretrained import load_pretrained_teams, model_card
from socialsim.analysis import (
    OnlineCode,
    Probe,
    Recovery,
    Shapley,
    Similarity,
    SuccessorFeatures,
    SuccessorProbe,
    certify,
    default_edits,
)
from socialsim.analysis.occasions import untrained
from socialsim.analysis.probes.maps import units_of
from socialsim.analysis.probes.rows import rows_of
from socialsim.analysis.recording import play
from socialsim.core.drives import drive_matrix

# %% [markdown]
# ## Whom we ask
# Two teams that ship with the package. They were trained for a short while on social signals alone, and the
# card says how far they got: joint events per agent-step, and how well each head ranks moments by what
# follows them.

# %%
env = socialsim.make("rendezvous-v0")
teams = load_pretrained_teams("rendezvous-v0")
team, card = teams[0], model_card("rendezvous-v0")
print("joint events per agent-step:", {k: card["joint_per_agent_step"][k] for k in ("random", "trained")})
print("rank agreement by head:", card["rank_agreement"])

# %% [markdown]
# One in eight moments of 24 episodes, with concepts measured on the scene (never on the network).

# %%
CONCEPTS = ("looked_at", "partner_visible", "object_occupancy", "nearest_object_distance")
episodes = play(env, team, jax.random.key(1), worlds=24)
rows = rows_of(episodes, CONCEPTS, every=8)
{name: int(np.isfinite(t.values).sum()) for name, t in rows.targets.items()}

# %% [markdown]
# ## Is it represented?
# `score` is held out by episode. `selectivity` takes away what the same probe reaches on meaningless labels
# (Hewitt & Liang's control task); `advantage` what it reaches from untrained twins, the raw observation or
# random projections, whichever leaves least. Several twins and projections tell how much luck is in one. A
# probe that only beats zero has shown nothing.

# %%
twins = untrained(team, jax.random.key(2), 5, env.num_agents)
twin = twins[0]
probe = Probe()
found = probe(
    units_of(team, rows),
    rows.targets,
    groups=rows.groups,
    types=rows.types,
    observation=rows.flat,
    untrained=[units_of(t, rows) for t in twins],
)
found[["score", "selectivity", "advantage", "advantage_low"]].sel(layer="trunk").to_pandas().round(2)

# %% [markdown]
# How many bits does the layer save when the concept is sent down a wire, one batch of moments after the
# other? Compression of 1 means: none.

# %%
coded = OnlineCode()(units_of(team, rows), rows.targets, groups=rows.groups)
coded[["compression", "compression_low", "compression_high", "null"]].sel(layer="trunk").to_pandas().round(2)

# %% [markdown]
# ## Is it used?
# A concept may lie in a layer without any head asking for it. A certificate sets reading beside changing:
# edits of the activations, erasure, and edits of the scene itself, each beside random changes of the same
# size. *Undecided* means that these disagree: it is the commonest verdict on teams this young, and the
# honest one.

# %%
edits = default_edits(directions=4, neck=False, eyes=env.world.eyes)
issued = certify(team, env, episodes, concepts=CONCEPTS[:2], layers=("trunk",), edits=edits, every=16)
issued.plot()

# %%
for certificate in issued:
    print(f"{certificate.channel:>13} · {certificate.concept}: {certificate.verdict} ({certificate.reason})")

# %% [markdown]
# ## Which senses does a value come from?
# Exact Shapley values over ten groups of senses: what each adds to the value, averaged over all orders in
# which they could be revealed. They sum to V(scene) - V(nothing in sight), to rounding.

# %%
few = jax.tree.map(lambda x: x[::32], episodes.observation)
shapley = Shapley(env.channels)
world = np.broadcast_to(np.arange(few.self.shape[1]), few.self.shape[:2])
shapley.plot(shapley(team.values, few, groups=world))

# %% [markdown]
# ## Do seeds see alike?
# Similarity of the two teams' layers on the same moments, and of the first with an untrained network. The
# null shuffles whole episodes.

# %%
compare = Similarity(method="cka", cap=300)
others = {"the other seed": teams[1], "an untrained team": twin}
xr.concat(
    [
        compare({"trunk": units_of(team, rows)["trunk"]}, units_of(t, rows), groups=rows.groups).sel(
            other="trunk", layer="trunk"
        )
        for t in others.values()
    ],
    xr.DataArray(list(others), dims="with", name="with"),
)[["estimate", "low", "high", "null_high"]].to_pandas().round(2)

# %% [markdown]
# ## A case where the truth is known
# Drives say exactly how much each signal moved these agents. Discounted futures, simulated from the team's
# own states, are the successor features; regressing the *sum of the driven values* on what observations tell
# of them should give the drives back. With three signals even heads that know nothing have a cosine anywhere
# between -1 and 1 (an untrained twin below), so the same heads are also weighed by 20 random drives of both
# signs: only a mean cosine far from 0 and from the null (values of other episodes) says that they know.

# %%
drives = drive_matrix(None, env.channels, env.num_agents)[0]
successor = SuccessorFeatures(discount=card["ppo"]["discount"], worlds=16, futures=12)
data = successor(env, team, jax.random.key(3))
recovered = successor.recover(data, drives)
judged = {
    "own drives": recovered,
    "random drives": Recovery()(data),
    "random drives, untrained twin": Recovery()(successor(env, twin, jax.random.key(3))),
}
columns = ["estimate", "low", "high", "null_low", "null_high"]
pd.DataFrame([[float(f[c]) for c in columns] for f in judged.values()], list(judged), columns).round(2)

# %%
SuccessorProbe().plot(recovered)
