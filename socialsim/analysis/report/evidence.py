"""Sections of the report of one run: its short answer, the certificates of its probes, its dossier."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from socialsim.analysis import plots
from socialsim.analysis.certificate import VERDICTS, Certificates
from socialsim.analysis.dossier import Dossier
from socialsim.analysis.report import markup
from socialsim.analysis.report.markup import MISSING, Entry, text
from socialsim.analysis.report.prose import paragraph, say
from socialsim.analysis.report.sections import channels_of, health


def conclusion(summary: Entry) -> str:
    """The answer in sentences, and what the value heads know."""
    return said(summary) + health(summary, channels_of(summary))


def certificates(summary: Entry, issued: Sequence[Certificates]) -> str:
    """Verdicts by concept over all teams; the evidence of the first team as a figure, of all as tables."""
    rows = [
        [text(e["concept"].value), text(e["layer"].value), text(e["channel"].value)]
        + [e["verdicts"][v].number() for v in VERDICTS]
        for e in summary["certificates"]
    ]
    head = ["Concept", "Layer", "Value head", *(v.capitalize() for v in VERDICTS)]
    shown = Certificates(tuple(c for c in issued[0] if c.layer == issued[0].items[-1].layer))
    picture = plots.svg(shown.plot(), "certificates", "The evidence behind each verdict")
    return (
        paragraph("certificates")
        + markup.figure(picture, say("certificates_caption", layer=text(shown.items[0].layer)))
        + markup.details("How many teams got which verdict, all layers", markup.table(head, rows))
    )


def dossier(summary: Entry, found: Dossier) -> str:
    """ICC and W by axis, their controls and the human figure."""
    picture = plots.svg(found.plot(), "dossier", "Stability of the values along several axes")
    rows = [
        [
            text(e["axis"].value),
            text(e["channel"].value),
            text(e["statistic"].value),
            e.interval(),
            e["null_high"].number(),
            e["untrained"].number(),
            "yes" if e["beyond_controls"].value else "no",
        ]
        for e in summary["stability"]
    ]
    head = [
        "Measured again by",
        "Value head",
        "Statistic",
        "Estimate",
        "Shuffled, 97.5 %",
        "Untrained",
        "Beyond both",
    ]
    return (
        paragraph("dossier")
        + markup.figure(picture, say("dossier_caption"))
        + markup.details("The numbers", markup.table(head, rows))
    )


def said(summary: Entry) -> str:
    """The answer in sentences."""
    return f'<div class="answer">{markup.paragraphs(summary["answer"].texts()) or MISSING}</div>'


def picture(name: str, words: str, drawn: Figure) -> str:
    """A figure after its paragraph `words`, with its caption `words_caption`, of `prose.toml`."""
    shown = plots.svg(drawn, name, say(f"{words}_caption"))
    return paragraph(words) + markup.figure(shown, say(f"{words}_caption"))


def missing(reason: str) -> str:
    """In place of a figure that was not made."""
    return markup.paragraphs([reason])
