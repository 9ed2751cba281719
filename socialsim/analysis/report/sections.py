"""The sections of the report about what happened: the answer, the set-up, the replays, the learning."""

from collections.abc import Sequence

from socialsim.analysis import plots
from socialsim.analysis.plots import style
from socialsim.analysis.plots.curves import Curves, curve
from socialsim.analysis.report import markup
from socialsim.analysis.report.diagram import flow
from socialsim.analysis.report.markup import MISSING, Entry, text

MEANINGS = {
    "attention": "being looked at by the others",
    "imitation": "having one's acts repeated by others who saw them, beyond what chance gives",
    "coordination": "taking part in a success that needs several at once",
}
SOCIETY = {
    "top_act": "share of the commonest act",
    "match": "two agents do the same",
    "mutual_gaze": "two agents look at each other",
    "movement": "share of steps in motion",
    "closeness": "closeness to the others",
    "entropy": "entropy of the policy",
}


def channels_of(summary: Entry) -> list[str]:
    """Channels in the order of the summary, named somewhere at least."""
    return [str(c) for c in summary["channels"].value or summary["drives"].keys() or summary["health"].keys()]


def colours_of(summary: Entry) -> dict[str, str]:
    return {c: style.channel_colour(c, i) for i, c in enumerate(channels_of(summary))}


def channel(name: str, order: int = 0) -> str:
    """A channel's name with its colour."""
    return f'<span class="key" style="background:{style.channel_colour(name, order)}"></span>{text(name)}'


def status(verdict: Entry) -> tuple[str, str]:
    """(css class, words) of a verdict; None is "not tested" where its reason says so, else "undecided"."""
    supported = verdict["supported"].value
    if supported is not None:
        return ("yes", "supported") if supported else ("no", "not supported")
    reason = str(verdict["reason"].value or "not tested").lower()
    return (
        ("open", "not tested")
        if "not tested" in reason or "not measured" in reason
        else ("open", "undecided")
    )


def sentence(value: object) -> str:
    """Starts with a capital."""
    words = str(value or "")
    return words[:1].upper() + words[1:]


def verdict_list(summary: Entry) -> str:
    rows = []
    for name, verdict in summary["verdicts"].items():
        css, words = status(verdict)
        claim = verdict["statement"].value or verdict["claim"].value or str(name).replace("_", " ")
        rows.append(
            f'<div class="verdict"><div><span class="badge {css}">{words}</span></div><div>'
            f'<p class="claim">{text(claim)}</p><p class="reason">{text(sentence(verdict["reason"].value))}</p></div></div>'
        )
    return f'<div class="verdicts">{"".join(rows)}</div>' if rows else f"<p>Verdicts: {MISSING}</p>"


def answer(summary: Entry) -> str:
    team = summary["team_metric"]
    named = (("Trained teams", "trained"), ("Random teams", "random"), ("Scripted team", "scripted"))
    tiles = "".join(f"<div><dt>{name}</dt><dd>{team[key].interval()}</dd></div>" for name, key in named)
    tiles += f"<div><dt>Trained ÷ random</dt><dd>{team['ratio'].interval()}</dd></div>"
    unit = text(team["unit"].value or "joint events per agent-step")
    sentences = summary["answer"].texts()
    return (
        f'<div class="answer">{markup.paragraphs(sentences) or f"<p>{MISSING}</p>"}</div>'
        f'<dl class="tiles">{tiles}</dl>'
        f"<p>The first three are {unit}, with 95 % intervals: a measure that the experimenters take and that "
        "the agents never receive.</p>"
        f"{verdict_list(summary)}"
    )


def setup(summary: Entry) -> str:
    names = colours_of(summary)
    rows = [
        [
            channel(c, i),
            text(MEANINGS.get(c, "a signal registered by the user")),
            summary["drives"][c].number(),
        ]
        for i, c in enumerate(names)
    ]
    return (
        "<p>Agents live in a world where some things only succeed when several act at once. Nothing they do is "
        "ever rewarded by the world. What they receive is social, and for each kind of signal a value head learns "
        "to expect it. Only afterwards do we ask what these heads have learned, with a control beside every "
        "question.</p>"
        + markup.figure(flow(summary, names), "The study from left to right and from top to bottom.")
        + markup.table(["Signal", "What an agent receives it for", "Drive"], rows)
    )


def watch(players: Sequence[tuple[str, str]]) -> str:
    """The players are HTML of this package, put in as they are; titles are escaped."""
    if not players:
        return f"<p>Replays: {MISSING}</p>"
    shown = "".join(f'<div class="player"><h3>{text(title)}</h3>{body}</div>' for title, body in players)
    return "<p>Real episodes, replayed. Press play, or drag the slider.</p>" + shown


def learning(summary: Entry, curves: Curves) -> str:
    names = channels_of(summary)
    team = summary["team_metric"]
    parts = []
    if curve(curves, "training/joint", 2) is None:
        parts.append(f"<p>Learning curves: {MISSING}</p>")
    else:
        levels = {"random": team["random"].value, "scripted": team["scripted"].value}
        picture = plots.svg(
            plots.learning_curves(curves, levels=levels), "joint", "Joint events while learning"
        )
        parts.append(
            markup.figure(
                picture,
                f"How often agents succeed together while they learn. Thin lines are seeds, the thick line is their "
                f"mean. Dashed: a random team ({team['random'].interval()}) and a scripted one "
                f"({team['scripted'].interval()}).",
            )
        )
    if names and any(curve(curves, f"training/{n}", 3) is not None for n in ("signal", "explained_variance")):
        picture = plots.svg(
            plots.channel_curves(curves, names), "channels", "Signals and health of the value heads"
        )
        parts.append(
            markup.figure(
                picture,
                "Above: how much of each signal agents receive. Below: how much of the coming signal the value "
                "head foresees in episodes it has not seen (1 is all of it, 0 is no better than a constant).",
            )
        )
    health = summary["health"]
    rows = [
        [channel(c, i), health[c]["explained_variance"].interval(), health[c]["spearman"].interval(),
         health[c]["spearman"]["shuffled"].interval()]
        for i, c in enumerate(names)
    ]  # fmt: skip
    parts.append("<h3>Do the value heads know anything?</h3>")
    parts.append(
        "<p>A head that predicts a constant has learned no value, and nothing below would mean much.</p>"
    )
    head = ["Value head", "Explained variance", "Spearman with returns", "the same, shuffled"]
    parts.append(markup.table(head, rows if health else []))
    return "".join(parts) + society(summary)


def society(summary: Entry) -> str:
    """What kind of society each seed ended in: collapse is watched per seed, never pooled."""
    data = summary["society"]
    title = "<h3>What kind of society is it?</h3>"
    if not data:
        return f"{title}<p>{MISSING}</p>"
    width = max((len(e.keys()) for e in data), default=0)
    rows = []
    for name, entry in data.items():
        cells = [entry[i].number() for i in range(width)] if width else [entry.interval()]
        rows.append([text(SOCIETY.get(str(name), str(name).replace("_", " "))), *cells])
    head = ["Measure", *(f"seed {i + 1}" for i in range(width))] if width else ["Measure", "value"]
    note = (
        "<p>Each seed by itself, since an average hides a seed that collapsed into staring or repeating.</p>"
    )
    return title + note + markup.table(head, rows)
