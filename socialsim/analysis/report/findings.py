"""The sections about the values: what they respond to, whether they last, what they are worth elsewhere."""

import textwrap

from socialsim.analysis import plots
from socialsim.analysis.plots.curves import Curves, curve
from socialsim.analysis.report import markup
from socialsim.analysis.report.markup import MISSING, Entry, text
from socialsim.analysis.report.prose import paragraph, say
from socialsim.analysis.report.sections import channel, channels_of, claim, status
from socialsim.analysis.wording import decimal, known

ABSENT = f"<p>{MISSING}</p>"
BASELINES = ("untrained", "raw", "random_projection")
MEASURES = ("icc", "kendall_w")


def values(summary: Entry) -> str:
    return counterfactuals(summary) + probes(summary)


def counterfactuals(summary: Entry) -> str:
    title = "<h3>Change one thing in the scene: what happens to the value?</h3>"
    entries = [e for e in summary["counterfactuals"] if e.mapping()]
    if not entries:
        return title + ABSENT
    names = [str(e["summary"].value or e["edit"].value or "edit") for e in entries]
    rows = [{**e.mapping(), "label": textwrap.fill(n, 34)} for n, e in zip(names, entries, strict=True)]
    unit = str(entries[0]["unit"].value or "signal")
    fig = plots.forest(
        rows, panel="channel", panels=channels_of(summary), xlabel=f"change of the value ({unit})"
    )
    picture = plots.svg(fig, "counterfactuals", "Change of each value when a scene is edited")
    cells = [
        [text(n), channel(str(e["channel"].value)), e.interval(), e["n"].number()]
        for n, e in zip(names, entries, strict=True)
    ]
    numbers = markup.table(["Edit", "Value head", "Change", "Scenes"], cells)
    return (
        title
        + paragraph("counterfactuals")
        + markup.figure(picture, say("counterfactuals_caption"))
        + markup.details("The numbers", numbers)
    )


def probes(summary: Entry) -> str:
    title = "<h3>What can be read from the networks?</h3>"
    entries = [e for e in summary["probes"] if e.mapping()]
    if not entries:
        return title + ABSENT
    picture = plots.svg(plots.probes([e.mapping() for e in entries]), "probes", "Probe scores and baselines")
    cells = []
    for e in entries:
        gain = e["advantage"].interval() if e["advantage"].mapping() else e.interval("advantage")
        figures = [e["score"].number(), *(e["baselines"][b].number() for b in BASELINES), gain]
        name = [text(e[k].value or "") for k in ("concept", "layer")]
        cells.append([*name, *figures, e["selectivity"].number(), text(e["verdict"].value or "")])
    head = ["Concept", "Layer", "Score", "Untrained", "Raw", "Random", "Advantage", "Selectivity", "Verdict"]
    return (
        title
        + paragraph("probes")
        + markup.figure(picture, say("probes_caption"))
        + markup.details("The numbers", markup.table(head, cells))
    )


def stability(summary: Entry) -> str:
    data = summary["stability"]
    if not (data["seeds"] or data["checkpoints"]):
        return ABSENT
    fig = plots.stability(data.mapping(), channels=channels_of(summary))
    picture = plots.svg(fig, "stability", "Stability of values between seeds and between checkpoints")
    anchor, human = data["anchor"], ""
    if anchor["value"].value is not None:
        mark = "read in its source" if anchor["status"].value == "V" else "unverified"
        human = (
            f" Dashed: {text(anchor['name'].value or 'human figure')}, {anchor['value'].number()} ({mark})."
        )
    cells = [
        [
            f"{channel(str(c), i)}, {axis}",
            *(e[m].interval() for m in MEASURES),
            e["unscaled"].number(),
            e["msr"].number(),
            _shuffled(e),
        ]
        for axis in ("seeds", "checkpoints")
        for i, (c, e) in enumerate(data[axis].items())
    ]
    head = ["Value head", "ICC(2,1)", "Kendall's W", "ICC as they are", "Spread (MSR)", "Shuffled control"]
    return (
        paragraph("stability")
        + markup.figure(picture, say("stability_caption", human=human))
        + markup.table(head, cells)
    )


def _shuffled(entry: Entry) -> str:
    """The control of ICC and of W: one for both, one each, or beside each measure."""
    own = [e for m in MEASURES if (e := entry[m]["shuffled"]).value is not None]
    control = entry["shuffled"]
    if not own and control["estimate"].value is None:
        own = [e for m in MEASURES if (e := control[m]).value is not None]
    return " and ".join(e.interval() for e in own) if own else control.interval()


def zero_shot(summary: Entry) -> str:
    data = summary["zero_shot"]
    if not data:
        return ABSENT
    fig = plots.zero_shot(data.mapping(), channels=channels_of(summary))
    picture = plots.svg(fig, "zero-shot", "Rank agreement of values with returns in new worlds")
    cells = []
    for world, entries in data.items():
        for i, (c, e) in enumerate(entries.items()):
            figures = (e[k].interval() for k in ("spearman", "shuffled", "untrained"))
            each = ", ".join(decimal(x) for x in e["per_team"].value or [] if known(x)) or MISSING
            told = (text(e["direction"].value or "not measured"), e["n"].number())
            row = [text(world), channel(str(c), i), *figures, each, *told]
            cells.append([*row, text(e["behaviour"].value or "")])
    head = ["World", "Value head", "Spearman", "Other episodes", "Untrained", "Each team", "Values are"]
    return (
        paragraph("zero_shot")
        + markup.figure(picture, say("zero_shot_caption"))
        + markup.details("The numbers", markup.table([*head, "Episodes", "Behaviour watched"], cells))
    )


def transfer(summary: Entry, curves: Curves, name: str = "transfer") -> str:
    """Arms of the transfer of this name, in `summary` and `curves`, with what was claimed of them."""
    data = summary[name]
    arms = data["arms"]
    if not arms:
        return ABSENT
    labels = {str(a): str(e["label"].value or a) for a, e in arms.items()}
    unit = str(data["unit"].value or "joint events per agent-step")
    seeds = f", {data['seeds'].number()} seeds per arm" if data["seeds"].value is not None else ""
    baseline = text(labels.get("scratch", "scratch"))
    parts = [paragraph(name, target=text(data["target"].value or "a new world"), seeds=seeds)]
    if any(curve(curves, f"{name}/{a}", 2) is not None for a in labels):
        fig = plots.transfer_curves(curves, labels, unit=unit, name=name)
        picture = plots.svg(fig, name, "Learning in the new world, arm by arm")
        parts.append(markup.figure(picture, say("transfer_caption", baseline=baseline)))
    else:
        parts.append(f"<p>Learning curves in the new world: {MISSING}</p>")
    fig = plots.arms({str(a): e.mapping() for a, e in arms.items()}, unit=unit)
    picture = plots.svg(fig, f"{name}-arms", "Area under the curve of every arm")
    parts.append(markup.figure(picture, say("arms_caption", baseline=baseline)))
    cells = []
    for a, e in arms.items():
        figures = [e["jumpstart"].interval(), e["asymptote"].interval(), _time(e)]
        better = e["improvement_over_scratch"].interval() if a != "scratch" else ""
        cells.append([text(labels[str(a)]), e.interval("iqm"), *figures, better])
    head = [
        "Arm",
        "Area under the curve",
        "Jumpstart",
        "Asymptote",
        "Time to threshold",
        f"P(better than {baseline})",
    ]
    return "".join(parts) + markup.table(head, cells)


def worth(summary: Entry, curves: Curves) -> str:
    """Both transfers, where both were made: values as the only reward, and beside the target's signals."""
    alone = transfer(summary, curves, "alone") if summary["alone"]["arms"] else ""
    beside = transfer(summary, curves) if summary["transfer"]["arms"] or not alone else ""
    titles = ("With nothing but the values", "Beside the signals of the new world")
    parts = [
        f"<h3>{t}</h3>{part}" if alone else part
        for t, part in zip(titles, (alone, beside), strict=True)
        if part
    ]
    return "".join(parts) + comparisons(summary)


def _time(arm: Entry) -> str:
    """Time to threshold; an arm that ran and has none never got there."""
    time = arm["time_to_threshold"]
    absent = time.value is None or (time.mapping() and time["estimate"].value is None)
    ran = "time_to_threshold" in arm.mapping() and arm["iqm"].value is not None
    return '<span class="missing">not reached</span>' if absent and ran else time.interval()


def comparisons(summary: Entry) -> str:
    """Every comparison on which a verdict rests; an arm has the name that it has in that transfer."""
    rows = []
    for name, verdict in summary["verdicts"].items():
        apart = summary["alone"]["arms"] if name == "values_transferred" else None
        arms = apart or summary["transfer"]["arms"]
        for c, e in verdict["comparisons"].items():
            against = text(arms[str(c)]["label"].value or c)
            rows.append([claim(name, verdict), against, e.interval(), text(status(verdict)[1])])
    if not rows:
        return ""
    head = ["Claim", "Against", "P(improvement)", "Verdict"]
    return "<h3>What the verdicts rest on</h3>" + markup.table(head, rows)
