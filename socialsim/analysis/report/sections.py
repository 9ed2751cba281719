"""The sections of the report about what happened: the answer, the set-up, the replays, the learning."""

from collections.abc import Sequence

from socialsim.analysis import plots
from socialsim.analysis.plots import style
from socialsim.analysis.plots.curves import Curves, curve
from socialsim.analysis.report import markup
from socialsim.analysis.report.diagram import flow
from socialsim.analysis.report.markup import MISSING, Entry, text
from socialsim.analysis.report.prose import paragraph, say, words


def channels_of(summary: Entry) -> list[str]:
    """Channels in the order of the summary, or at least those that it names somewhere."""
    return [str(c) for c in summary["channels"].value or summary["drives"].keys() or summary["health"].keys()]


def channel(name: str, order: int = 0) -> str:
    """A channel's name with its colour."""
    key = f'<span class="key" style="background:{style.channel_colour(name, order)}"></span>'
    return f'<span class="name">{key}{text(name)}</span>'


def status(verdict: Entry) -> tuple[str, str]:
    """(css class, words); where `supported` is None its reason says whether it was tested at all."""
    supported = verdict["supported"].value
    if supported is not None:
        return ("yes", "supported") if supported else ("no", "not supported")
    reason = str(verdict["reason"].value or "not tested").lower()
    untested = "not tested" in reason or "not measured" in reason
    return ("open", "not tested" if untested else "undecided")


def claim(name: object, verdict: Entry) -> str:
    return text(verdict["statement"].value or verdict["claim"].value or str(name).replace("_", " "))


def verdict_list(summary: Entry) -> str:
    rows = []
    for name, verdict in summary["verdicts"].items():
        css, shown = status(verdict)
        reason = str(verdict["reason"].value or "")
        rows.append(
            f'<div class="verdict"><div><span class="badge {css}">{shown}</span></div>'
            f'<div><p class="claim">{claim(name, verdict)}</p>'
            f'<p class="reason">{text(reason[:1].upper() + reason[1:])}</p></div></div>'
        )
    return f'<div class="verdicts">{"".join(rows)}</div>' if rows else f"<p>Verdicts: {MISSING}</p>"


def answer(summary: Entry) -> str:
    team = summary["team_metric"]
    named = {"Trained teams": "trained", "Random teams": "random", "Scripted team": "scripted"}
    tiles = {name: team[key].interval() for name, key in named.items()}
    tiles["Trained \u00f7 random"] = team["ratio"].interval()
    sentences = markup.paragraphs(summary["answer"].texts()) or f"<p>{MISSING}</p>"
    return (
        f'<div class="answer">{sentences}</div>'
        + markup.tiles(tiles)
        + paragraph("team", unit=text(team["unit"].value or "joint events per agent-step"))
        + verdict_list(summary)
    )


def setup(summary: Entry) -> str:
    names = {c: style.channel_colour(c, i) for i, c in enumerate(channels_of(summary))}
    meanings = words()["meanings"]
    rows = [
        [
            channel(c, i),
            text(meanings.get(c, "a signal registered by the user")),
            summary["drives"][c].number(),
        ]
        for i, c in enumerate(names)
    ]
    return (
        paragraph("setup")
        + markup.figure(flow(summary, names), say("setup_caption"))
        + markup.table(["Signal", "What an agent receives it for", "Drive"], rows)
    )


def watch(players: Sequence[tuple[str, str]]) -> str:
    """The players are HTML of this package, put in as they are; titles are escaped."""
    if not players:
        return f"<p>Replays: {MISSING}</p>"
    shown = "".join(f'<div class="player"><h3>{text(title)}</h3>{body}</div>' for title, body in players)
    return paragraph("watch") + shown


def learning(summary: Entry, curves: Curves) -> str:
    names = channels_of(summary)
    team = summary["team_metric"]
    parts = []
    if curve(curves, "training/joint", 2) is None:
        parts.append(f"<p>Learning curves: {MISSING}</p>")
    else:
        levels = {"random": team["random"].value, "scripted": team["scripted"].value}
        fig = plots.learning_curves(curves, levels=levels)
        caption = say("joint_caption", random=team["random"].interval(), scripted=team["scripted"].interval())
        parts.append(markup.figure(plots.svg(fig, "joint", "Joint events while learning"), caption))
    if names and any(curve(curves, f"training/{n}", 3) is not None for n in ("signal", "explained_variance")):
        fig = plots.channel_curves(curves, names)
        picture = plots.svg(fig, "channels", "Signals received and health of the value heads")
        parts.append(markup.figure(picture, say("channels_caption")))
    return "".join(parts) + health(summary, names) + society(summary)


def health(summary: Entry, names: Sequence[str]) -> str:
    rows = []
    for i, c in enumerate(names):
        entry = summary["health"][c]
        rank = entry["spearman"]
        figures = (entry["explained_variance"], rank, rank["shuffled"])
        rows.append([channel(c, i), *(f.interval() for f in figures)])
    head = ["Value head", "Explained variance", "Spearman with returns", "The same, shuffled"]
    table = markup.table(head, rows if summary["health"] else [])
    return f"<h3>Do the value heads know anything?</h3>{paragraph('health')}{table}"


def society(summary: Entry) -> str:
    """What kind of society each seed ended in: collapse is watched per seed, never pooled."""
    data, joint = summary["society"], summary["team_metric"]["trained"]["per_seed"]
    title = "<h3>What kind of society is it?</h3>"
    if not data:
        return f"{title}<p>{MISSING}</p>"
    width = max((len(e.keys()) for e in data if isinstance(e.value, list)), default=0)
    rows = (
        [["joint events per agent-step", *(joint[i].number() for i in range(width))]]
        if joint and width
        else []
    )
    for name, entry in data.items():
        label = words()["society_measures"].get(str(name), str(name).replace("_", " "))
        per_seed = isinstance(entry.value, list)
        cells = [entry[i].number() for i in range(width)] if per_seed else [entry.interval()]
        rows.append([text(label), *cells])
    head = ["Measure", *(f"seed {i + 1}" for i in range(max(width, 1)))]
    return title + paragraph("society") + markup.table(head, rows)
