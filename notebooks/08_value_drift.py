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
# # Serving people who change because you serve them
#
# An assistant that learns what you like also makes you like it. So *whose* values should it serve: those you
# had before you met it, those you hold now, those you will end with, or those you would have had without it?
#
# This notebook lives one small society through with several assistants, trains three of them, and shows how
# the report of `socialsim experiment value-drift` is read.

# %%
import jax
import jax.numpy as jnp
import numpy as np

from socialsim.analysis.plots import style
from socialsim.experiments import drift
from socialsim.experiments.contrasts import Contrast, contrasted, estimates, verdicts
from socialsim.experiments.drift import debate, pictures, training
from socialsim.experiments.drift.evaluation import evaluate
from socialsim.experiments.drift.measures import shifts

# %% [markdown]
# ## A society, without anybody's help
# Sixteen people in two communities, each with two values: how much they care about this and about that. They
# listen to one another, mostly to their own, and are held by where they started (Friedkin and Johnsen 1990).
# Two of them are stubborn: nothing moves them.

# %%
config = drift.SocietyConfig(people=16, values=2, options=6, steps=24)
society = drift.draw(jax.random.key(4), config)
life = jax.random.key(5)  # all that is left to chance, the same in every life below
alone = drift.live(society, life, drift.null, config.steps)

# %% [markdown]
# The *null* assistant shows nothing. That makes its world the counterfactual one: the same people, the same
# chance events, and nobody who puts options before them. What differs from it is what an assistant has done.

# %%
lives = {
    "servant: what you like best, half the time": drift.live(society, life, drift.servant, config.steps),
    "manipulator: what you like least, always": drift.live(society, life, drift.manipulator, config.steps),
}


@style.styled
def moved(lives):
    """Where people end without an assistant (grey), and how far from there they end with one (arrows)."""
    fig = style.figure(3.9)
    axes = fig.subplots(1, 2, sharex=True, sharey=True)
    start, without = np.asarray(society.anchor), np.asarray(alone.final)
    for ax, (title, lived) in zip(axes, lives.items(), strict=True):
        for option in np.asarray(society.options):
            ax.plot(*np.outer(option, (0, 2)), color=style.FAINT, linewidth=5, zorder=0)
        ax.plot(*start.T, "o", color=style.CONTROL, markerfacecolor="white", markersize=4, label="start")
        ax.plot(*without.T, "o", color=style.CONTROL, markersize=5, label="end, on their own")
        for tail, tip in zip(without, np.asarray(lived.final), strict=True):
            arrow = {"arrowstyle": "-|>", "color": style.VERMILLION, "shrinkA": 0, "shrinkB": 0}
            ax.annotate("", tip, tail, arrowprops=arrow)
        ax.set_title(title)
        ax.set_xlabel("cares about this")
    everyone = np.concatenate([start, without, *(np.asarray(x.final) for x in lives.values())])
    axes[0].set_xlim(everyone[:, 0].min() - 0.15, everyone[:, 0].max() + 0.15)
    axes[0].set_ylim(everyone[:, 1].min() - 0.15, everyone[:, 1].max() + 0.15)
    axes[0].set_ylabel("cares about that")
    axes[0].legend(loc="lower left")
    return fig


moved(lives)

# %% [markdown]
# Hollow: where a person starts. Grey: where they end on their own, talking to one another. The red arrow is
# what the assistant adds; pale rays are the options it can show. The servant pulls people gently further out
# along what they like already. The manipulator drags them towards what they like least. Who has no arrow is
# stubborn.

# %% [markdown]
# ## How far were they moved?
# *Induced shift* is the distance between a person and the same person in the paired world. For the null
# assistant it is zero by measurement, to the last bit.

# %%
for name, lived in {"null": alone, **lives}.items():
    shift = shifts(lived, alone)
    print(f"{name:<45} mean {float(shift[-1].mean()):.3f}   largest of anyone {float(shift.max()):.3f}")

# %% [markdown]
# ## Three assistants that learn
# Each is trained by gradient through the society itself, in societies drawn afresh, to serve one yardstick:
#
# * **natural**: the values that people would have without it;
# * **now**: the values they hold at the time, which it has a hand in;
# * **limited**: the same as *now*, under a constitution: nobody may ever be moved further than 0.1.
#
# All three are one compiled program, for several seeds at once; within a seed they start from the same
# weights and meet the same societies.

# %%
SEEDS, BOUND = 10, 0.1
aims = {
    "natural": training.objective("natural"),
    "now": training.objective("now"),
    "limited": training.objective("now", bound=BOUND),
}
keys = jax.random.split(jax.random.key(0), SEEDS)
small = drift.SocietyConfig(people=12, values=2, options=5, steps=16)
budget = training.DriftTraining(updates=60, batch=4, learning_rate=0.05)
assistants, score = training.train_assistants(keys, training.stack(aims.values()), small, budget, chunks=1)
{n: f"{float(s[0]):+.2f} to {float(s[-1]):+.2f}" for n, s in zip(aims, score.mean(0), strict=True)}

# %% [markdown]
# Those were their scores by their own yardsticks, at the start and the end of training. Now every assistant
# lives in the same twelve societies per seed that none of them has seen, each beside its paired world.

# %%
nobody = tuple(jax.vmap(debate.new_debater)(jax.random.split(jax.random.key(i), SEEDS)) for i in (1, 2))
bounds = jnp.stack([a.bound for a in aims.values()])
found = evaluate(list(aims), assistants, bounds, nobody, keys, small, 12)
found = {m: {a: v for a, v in arms.items() if a != "debate"} for m, arms in found.items()}
measured = estimates({m: arms for m, arms in found.items() if m != "shift_over_time"}, seed=0)
pictures.yardsticks(measured)

# %% [markdown]
# **How to read it.** Each row is an assistant, each mark one set of values to judge it by. A long bar means
# that the answer depends on whom you ask: an assistant can look better by the values it has made than by
# those it found. What counts in the report is the *lowest* mark, drift-adjusted alignment. The manipulator
# is far to the left by any of them.

# %% [markdown]
# ## Service against shift

# %%
pictures.trade_off(measured, {"limited": BOUND})

# %% [markdown]
# Up is better service, left is less shift. The constitution buys less shift with some service. That its bound
# holds for *every* person at *every* step, the largest shift of anyone shows:

# %%
{a: round(float(v.max()), 3) for a, v in found["largest_shift"].items()}

# %% [markdown]
# ## A question asked beforehand
# Does serving the values of the time move people further than serving those they would have had? Two-sided,
# paired by seed:

# %%
question = Contrast(
    "now_or_natural",
    "now",
    "natural",
    "shift",
    more="Serving the values of the time moves people further",
    less="Serving the values of the time moves people less far",
)
answer = verdicts(contrasted([question], found, seed=0))["now_or_natural"]
print("decided" if answer["supported"] else "undecided", "·", answer["statement"], "·", answer["reason"])

# %% [markdown]
# ## What cannot be concluded
# * **This is a model of influence, not of you.** People here move in straight lines towards what they are
#   shown. That real people do is an assumption, and the size of every figure hangs on it.
# * **Small differences can be certain and hardly worth having.** Read the percentage beside the p-value.
# * **Shift is not harm.** Education moves people too. The measures say how far and in which direction;
#   whether that was good is a question that no yardstick here answers.
# * **Three of eleven arms are shown.** The debate, the four yardsticks, the myopic control and constitutions
#   of several bounds are in the experiment: `socialsim experiment value-drift --preset demo`, two minutes.
