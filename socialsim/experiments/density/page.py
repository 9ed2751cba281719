"""The report of reward-density."""

import numpy as np

from socialsim.analysis.plots.curves import Curves
from socialsim.analysis.report import Part, markup, of_summary
from socialsim.analysis.report.markup import Entry, text
from socialsim.experiments.arms_page import page, picture, prose
from socialsim.experiments.density import pictures
from socialsim.experiments.density.measures import MEASURES, SCRATCH
from socialsim.experiments.density.schedules import ARMS

SETUP = """Small teams live in a procedural world: every episode is another map with other objects and
rules, which are not told. Success together is the sparse reward. Dense rewards are paid for predicting
well: what the other does next, what one will sense of oneself, and of the objects. What is paid is being
better than habit, since plain predictability is had most easily where nothing happens. Each arm divides its
drives between dense and sparse in its own way over the same number of steps. All that differs is data, so
all arms and seeds are trained by one program. Then every team goes on in held-out tasks, from the sparse
reward alone: new tasks under the old rules, and new rules. There it is compared with a team that starts
from nothing, in the same worlds, with fresh weights of its own."""
SHARES = """What each arm is moved by over the source training. Random order has another order for every
seed; the first one is shown. For the learned arm it is the mean over seeds."""
SOURCE = """What is learned at the source, where arms are paid differently: joint success, which the
experimenter counts for all of them alike."""
SOURCE_CAPTION = """Joint success at the source. Interquartile mean over seeds with its 95 % interval;
dashed: the sparse reward alone."""
TASKS = """New tasks: maps, objects and needs that no team has met, under rules it has."""
RULES = """New rules: what makes a joint success is of a kind that no team has met."""
TARGET_CAPTION = """Joint success while learning from the sparse reward alone; dashed: a team that starts
from nothing. The first point is what a team can do before it has learned anything there."""
ALIGNED = """A reward helps the sparse task, to first order, if a step along its gradient is a step along
the sparse one's. This is measured all the time, between halves of the worlds that share nothing; the
learned arm follows it."""
ALIGNED_CAPTION = """Cosine of each reward's policy gradient with the sparse reward's. The sparse reward's
own is below 1 where its gradient is noisy. Above 0: it helps; below: it hinders."""
DARK = """Paying for predictability invites a society to do nothing, or something very regular. Left: what a
model that learned from a scripted society would pay it. Right: what became of the trained teams."""
DARK_CAPTION = """Skill pays for being better than habit, plain predictability for being right. Societies
that stand still live in the dark room. Bars on the right are 95 % intervals over seeds."""


def _shares(summary: Entry, curves: Curves, players) -> str:
    history = {a: np.asarray(curves[f"shares/{a}"]) for a in ARMS}
    drawn = pictures.shares(history)
    return picture(drawn, "density-shares", "What each arm is moved by over training", SHARES)


def _source(summary: Entry, curves: Curves, players) -> str:
    arms = {a: np.asarray(curves[f"source/{a}"]) for a in ARMS}
    steps = np.asarray(curves["source/agent_steps"])
    drawn = pictures.curves(arms, steps, baseline="sparse", smooth=max(1, len(steps) // 24))
    return prose(SOURCE) + picture(drawn, "density-source", "Joint success at the source", SOURCE_CAPTION)


def _target(split: str, words: str, title: str) -> Part:
    def body(summary: Entry, curves: Curves, players) -> str:
        arms = {a: np.asarray(curves[f"{split}/{a}"]) for a in (SCRATCH, *ARMS)}
        steps = np.asarray(curves[f"{split}/agent_steps"])
        drawn = pictures.curves(arms, steps, baseline=SCRATCH, smooth=max(1, len(steps) // 16))
        m = summary["measures"]
        keys = (split, f"{split}_zero_shot", f"{split}_end")
        rows = [[text(a), *(m[a][k].interval() for k in keys)] for a in (SCRATCH, *ARMS)]
        head = ["Arm", "Whole curve, mean", "Before learning", "At the end"]
        shown = picture(drawn, f"density-{split}", title, TARGET_CAPTION)
        return prose(words) + shown + markup.details("The numbers", markup.table(head, rows))

    return Part(split, title, title, body)


def _aligned(summary: Entry, curves: Curves, players) -> str:
    found = {a: np.asarray(curves[f"alignment/{a}"]) for a in ("learned", "sparse", "dense")}
    drawn = pictures.alignment(found, int(summary["chunks"].value))
    shown = picture(drawn, "density-alignment", "Gradients of rewards along the sparse one", ALIGNED_CAPTION)
    return prose(ALIGNED) + shown


def _dark(summary: Entry) -> str:
    made, m = summary["societies"].mapping(), summary["measures"].mapping()
    moving = {a: m[a]["movement"] for a in ARMS}
    drawn = pictures.dark_room(made, moving)
    signs = ("movement", "entropy", "top_act", "certainty")
    rows = [[text(a), *(summary["measures"][a][k].interval() for k in signs)] for a in ARMS]
    head = [
        "Arm",
        "Movement, bodies",
        "Entropy of acts, nats",
        "Commonest act, share",
        "Plain predictability",
    ]
    shown = picture(drawn, "density-dark", "Where predictability pays", DARK_CAPTION)
    return prose(DARK) + shown + markup.details("The numbers", markup.table(head, rows))


PARTS = page(
    SETUP,
    MEASURES,
    tiles={
        "Linear fade, of scratch": ("linear", "transfer"),
        "Abrupt switch, of scratch": ("abrupt", "transfer"),
        "Sparse alone, of scratch": ("sparse", "transfer"),
        "Learned density, of scratch": ("learned", "transfer"),
    },
    middle=(
        Part("shares", "Schedules", "What moves each arm?", _shares),
        Part("source", "Source", "What is learned at the source?", _source),
        _target("tasks", TASKS, "New tasks"),
        _target("rules", RULES, "New rules"),
        Part("alignment", "What helps", "Which predictions help the sparse task?", _aligned),
        of_summary("dark", "Dark room", "Is there a dark room?", _dark),
    ),
)
