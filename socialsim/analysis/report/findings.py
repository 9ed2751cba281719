"""The sections of the report about the values: what they respond to, whether they last, what they are worth."""

import textwrap

from socialsim.analysis import plots
from socialsim.analysis.plots.curves import Curves, curve
from socialsim.analysis.report import markup
from socialsim.analysis.report.markup import MISSING, Entry, text
from socialsim.analysis.report.sections import channel, channels_of, status


def values(summary: Entry) -> str:
    return counterfactuals(summary) + probes(summary)


def counterfactuals(summary: Entry) -> str:
    entries = [e for e in summary["counterfactuals"] if e.value]
    title = "<h3>Change one thing in the scene: what happens to the value?</h3>"
    if not entries:
        return f"{title}<p>{MISSING}</p>"
    rows = [
        {**e.mapping(), "label": textwrap.fill(str(e["summary"].value or e["edit"].value), 34)}
        for e in entries
    ]
    unit = text(entries[0]["unit"].value or "signal")
    fig = plots.forest(
        rows, panel="channel", panels=channels_of(summary), xlabel=f"change of the value ({unit})"
    )
    picture = plots.svg(fig, "counterfactuals", "Change of each value when a scene is edited")
    head = ["Edit", "Value head", "Change", "Scenes"]
    cells = [
        [
            text(e["summary"].value or e["edit"].value),
            channel(str(e["channel"].value)),
            e.interval(),
            e["n"].number(),
        ]
        for e in entries
    ]
    return (
        f"{title}<p>Scenes are edited by hand, sensed again and valued again, so the effect is exact and not "
        "inferred.</p>"
        + markup.figure(
            picture,
            "To the right of the line the edit raises the value, to the left it lowers it. Bars are 95 % intervals; "
            "a filled mark says that the interval leaves zero out. Each panel has its own scale.",
        )
        + markup.details("The numbers", markup.table(head, cells))
    )


def probes(summary: Entry) -> str:
    entries = [e for e in summary["probes"] if e.value]
    title = "<h3>What can be read from the networks?</h3>"
    if not entries:
        return f"{title}<p>{MISSING}</p>"
    picture = plots.svg(
        plots.probes([e.mapping() for e in entries]), "probes", "Probe scores against baselines"
    )
    head = [
        "Concept",
        "Layer",
        "Score",
        "Untrained",
        "Raw",
        "Random proj.",
        "Advantage",
        "Selectivity",
        "Verdict",
    ]
    cells = []
    for e in entries:
        gain = (
            e["advantage"]
            if e["advantage"].mapping()
            else Entry({**e.mapping(), "estimate": e["advantage"].value})
        )
        shown = e["advantage"].interval() if gain is e["advantage"] else e["advantage"].number()
        if gain is not e["advantage"] and e["low"].value is not None and e["high"].value is not None:
            shown += f' <span class="ci">[{e["low"].number()}, {e["high"].number()}]</span>'
        baselines = [e["baselines"][b].number() for b in ("untrained", "raw", "random_projection")]
        cells.append(
            [text(e["concept"].value or ""), text(e["layer"].value or ""), e["score"].number(), *baselines, gain,
             e["selectivity"].number(), text(e["verdict"].value or "")]
        )  # fmt: skip
    return (
        f"{title}<p>A linear probe reads a concept from a layer. It counts only where it reads more than it would "
        "from an untrained network of the same shape, from the observation itself and from a random projection.</p>"
        + markup.figure(
            picture,
            "Left: how well each concept is read (blue) and how well from the three baselines (grey). Middle: the "
            "advantage over the best baseline with its 95 % interval; filled where it is above zero. Right: "
            "selectivity, the score minus that of the same probe on meaningless labels.",
        )
        + markup.details("The numbers", markup.table(head, cells))
    )


def stability(summary: Entry) -> str:
    data = summary["stability"]
    if not (data["seeds"] or data["checkpoints"]):
        return f"<p>{MISSING}</p>"
    fig = plots.stability(data.mapping(), channels=channels_of(summary))
    picture = plots.svg(fig, "stability", "Stability of values between seeds and between checkpoints")
    anchor = data["anchor"]
    human = ""
    if anchor["value"].value is not None:
        mark = " (read in the source)" if anchor["status"].value == "V" else " (status: unverified)"
        human = f" Dashed: {text(anchor['name'].value or 'human figure')}, {anchor['value'].number()}{mark}."
    cells = [
        [f"{channel(str(c), i)}, {axis}", e["icc"].interval(), e["kendall_w"].interval(), e["msr"].number(),
         _shuffled(e)]
        for axis in ("seeds", "checkpoints")
        for i, (c, e) in enumerate(data[axis].items())
    ]  # fmt: skip
    head = ["Value head", "ICC(2,1)", "Kendall's W", "Spread (MSR)", "Shuffled control"]
    return (
        "<p>The same scenes are shown to networks that were started from different seeds, and to earlier and later "
        "ones. If these are values and no accident of training, they should agree.</p>"
        + markup.figure(
            picture,
            f"1 is perfect agreement, 0 none; bars are 95 % intervals; ticks are the same "
            f"measure after shuffling.{human}",
        )  # fmt: skip
        + markup.table(head, cells)
    )


def _shuffled(entry: Entry) -> str:
    """The control of ICC and of W: one for both, one each, or beside each measure."""
    own = [e for m in ("icc", "kendall_w") if (e := entry[m]["shuffled"]).value is not None]
    control = entry["shuffled"]
    if not own and control.mapping() and control["estimate"].value is None:
        own = [e for m in ("icc", "kendall_w") if (e := control[m]).value is not None]
    return " and ".join(e.interval() for e in own) if own else control.interval()


def zero_shot(summary: Entry) -> str:
    data = summary["zero_shot"]
    if not data:
        return f"<p>{MISSING}</p>"
    fig = plots.zero_shot(data.mapping(), channels=channels_of(summary))
    picture = plots.svg(fig, "zero-shot", "Rank agreement of values with returns in new worlds")
    cells = [
        [f"{text(world)}", channel(str(c), i), e["spearman"].interval(), e["shuffled"].interval(), e["n"].number(),
         text(e["behaviour"].value or "")]
        for world, entries in data.items()
        for i, (c, e) in enumerate(entries.items())
    ]  # fmt: skip
    head = ["World", "Value head", "Spearman", "Shuffled", "Episodes", "Behaviour"]
    return (
        "<p>The value heads are taken into worlds they have never seen, some with another physics, and read there "
        "without any learning. Do scenes that they value more turn out better?</p>"
        + markup.figure(
            picture,
            "Rank correlation between the value of a scene and what then follows. Bars are 95 % intervals; ticks "
            "are the shuffled control, which shows what chance and the mere passing of time would give.",
        )
        + markup.details("The numbers", markup.table(head, cells))
    )


def transfer(summary: Entry, curves: Curves) -> str:
    data = summary["transfer"]
    arms = data["arms"]
    if not arms:
        return f"<p>{MISSING}</p>"
    labels = {str(a): str(e["label"].value or a) for a, e in arms.items()}
    unit = str(data["unit"].value or "joint events per agent-step")
    seeds = f", {data['seeds'].number()} seeds per arm" if data["seeds"].value is not None else ""
    parts = [
        f"<p>New learners start in <strong>{text(data['target'].value or 'a new world')}</strong>{seeds}. Each arm "
        "carries something else from the source, and the controls carry things that look alike and mean nothing.</p>"
    ]
    if any(curve(curves, f"transfer/{a}", 2) is not None for a in labels):
        picture = plots.svg(
            plots.transfer_curves(curves, labels, unit=unit), "transfer", "Learning in the new world"
        )
        parts.append(
            markup.figure(
                picture,
                "Learning in the new world, each arm (solid) against starting from scratch (dashed). Lines are "
                "interquartile means over seeds, bands pointwise 95 % bootstrap intervals. Carriers are in colour, "
                "controls in grey.",
            )
        )
    else:
        parts.append(f"<p>Learning curves in the new world: {MISSING}</p>")
    picture = plots.svg(plots.arms(arms.mapping(), unit=unit), "arms", "Area under the curve of every arm")
    parts.append(
        markup.figure(
            picture,
            "Left: area under the learning curve, interquartile mean over seeds. Right: the probability that a run "
            "of this arm does better than one from scratch; one half is a coin toss. Bars are 95 % intervals; filled "
            "where the interval leaves one half out.",
        )
    )
    head = [
        "Arm",
        "Area under the curve",
        "Jumpstart",
        "Asymptote",
        "Time to threshold",
        "P(better than scratch)",
    ]
    cells = [
        [text(labels[str(a)]), e.interval("iqm"),
         e["jumpstart"].interval(), e["asymptote"].interval(), e["time_to_threshold"].interval(),
         e["improvement_over_scratch"].interval()]
        for a, e in arms.items()
    ]  # fmt: skip
    return "".join(parts) + markup.table(head, cells) + comparisons(summary, labels)


def comparisons(summary: Entry, labels: dict[str, str]) -> str:
    """Every comparison on which a verdict rests."""
    rows = [
        [text(verdict["statement"].value or verdict["claim"].value or name), text(labels.get(str(c), c)), e.interval(),
         text(status(verdict)[1])]
        for name, verdict in summary["verdicts"].items()
        for c, e in verdict["comparisons"].items()
    ]  # fmt: skip
    if not rows:
        return ""
    head = ["Claim", "Against", "P(improvement)", "Verdict"]
    return "<h3>What the verdicts rest on</h3>" + markup.table(head, rows)
