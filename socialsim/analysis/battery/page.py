"""The sections of an assay's report, from the rows of `Finding.to_dict`."""

import functools
import importlib.resources
import tomllib
from collections import Counter
from collections.abc import Mapping

from socialsim.analysis import plots
from socialsim.analysis.battery import finding as words
from socialsim.analysis.battery import pictures, slider
from socialsim.analysis.battery.references import figure
from socialsim.analysis.report import markup
from socialsim.analysis.report.markup import Entry, text


@functools.cache
def _words() -> Mapping[str, Mapping[str, str]]:
    """`assays.toml`."""
    file = importlib.resources.files("socialsim.analysis.battery").joinpath("assays.toml")
    return tomllib.loads(file.read_text("utf-8"))


def assays() -> Mapping[str, Mapping[str, str]]:
    """assay -> title, asked, axis, in the order of the report."""
    return {k: v for k, v in _words().items() if k != "page"}


def _line(said: str, **parts: str) -> str:
    return " ".join(said.split()).format(**parts)


def _page(name: str, **parts: str) -> str:
    return _line(_words()["page"][name], **parts)


def glance(summary: Entry) -> str:
    """All verdicts in one picture."""
    rows = summary["rows"].value or []
    applies = {r["assay"] for r in rows if r["verdict"] != words.NOT_APPLICABLE}
    titles = {a: w["title"] for a, w in assays().items() if a in applies}
    drawn = pictures.overview(rows, titles)
    picture = plots.svg(drawn, "battery", "Verdicts by assay and form")
    return f"<p>{_page('glance')}</p>" + markup.figure(picture, _page("glance_caption"))


def one_by_one(summary: Entry) -> str:
    """Every assay: what is asked, what the teams did, what people do and who says so."""
    found = {str(name): [] for name in assays()}
    for e in summary["rows"]:
        found[str(e["assay"].value)].append(e)
    how = f"<p>{_page('figures')}</p>"
    return how + "".join(_assay(name, rows) for name, rows in found.items() if rows)


def _assay(name: str, rows: list[Entry]) -> str:
    said = assays()[name]
    head = f"<h3>{text(said['title'])}</h3><p>{text(_line(said['asked']))}</p>"
    plain = [e.value for e in rows]
    if all(r["verdict"] == words.NOT_APPLICABLE for r in plain):
        return head + f"<p>Not applicable: {text(plain[0]['reason'])}.</p>"
    known = next((e for e in rows if e["source"].value), rows[0])
    mark = " (unverified)" if known["status"].value == "unverified" else ""
    spread = any("people" in r for r in plain)
    about = {"people": _people(known, mark), "floor": _floor(plain)}
    caption = _page("shares_caption" if spread else "figures_caption", **about)
    cuts = svo_cuts() if name == "svo" else {}
    picture = plots.svg(pictures.assay(plain, said["axis"], cuts), f"assay-{name}", said["title"])
    return (
        head
        + _verdicts(plain)
        + markup.figure(picture, caption)
        + markup.details("The figures, team by team", _table(rows))
    )


def svo_cuts() -> dict[str, tuple[float, float]]:
    """Categories of the SVO angle, degrees: name -> (above, up to)."""
    edges = [180.0, *(figure(f"{k}_above", "svo").value for k in slider.CATEGORIES[:-1]), -180.0]
    return {k: (low, high) for k, high, low in zip(slider.CATEGORIES, edges[:-1], edges[1:], strict=True)}


def _people(known: Entry, mark: str) -> str:
    """What stands for people in the picture, and who says so."""
    said = f"{text(known['source'].value)} [{text(known['status'].value)}]" if known["source"].value else ""
    if known["human"].value is None:
        return f"No human figure is on record here, so no likeness is claimed. Categories: {said}."
    band = known["human_range"].value
    if "people" in known.value:
        return f"Orange: people{mark}: {said}."
    shown = {words.FLOOR: f", with the {words.FLOOR} of as many", words.PUBLISHED: f", with the {band}"}
    return f"Orange: people{mark}{shown.get(str(band), '')}: {said}."


def _floor(rows: list[dict]) -> str:
    """The largest distance, as a score, that as many people have from people by chance."""
    known = [r for r in rows if "people" in r]
    floors = [(r["human_high"] - r["human"]) / (r["chance"] - r["human"]) for r in known]
    return f"{max(floors, default=0.0):.2f}"


def _verdicts(rows: list[dict]) -> str:
    """For each form how many teams got which verdict, and why, where the verdict does not say it."""
    out = []
    for form in dict.fromkeys(r["form"] for r in rows):
        mine = [r for r in rows if r["form"] == form]
        parts = []
        for verdict, n in Counter(r["verdict"] for r in mine).most_common():
            why = Counter(r["reason"] for r in mine if r["verdict"] == verdict).most_common(1)[0][0]
            because = "" if verdict in (words.UNLIKE, words.NEARER) else f" ({text(why)})"
            parts.append(f"<em>{text(verdict)}</em>, {n} of {len(mine)}{because}")
        out.append(f"<li><strong>{text(form.capitalize())}</strong>: {'; '.join(parts)}.</li>")
    return f"<ul>{''.join(out)}</ul>"


def _table(rows: list[Entry]) -> str:
    scored = any("score" in e.value for e in rows)
    head = ["Team", "Form", "Figure", "n", "People", "Their range", "Chance", "Verdict", "Why"]
    head[2:3] = ["Distance (0 people, 1 chance)", "W1, percent points"] if scored else ["Figure"]
    return markup.table(head, [_cells(e, scored) for e in rows])


def _cells(e: Entry, scored: bool) -> list[str]:
    score = [_interval(e, pictures.SCORE)] if scored else []
    band = [e["human_low"], e["human_high"]]
    known = band[0].value is not None
    places = markup.places_for(*(b.value for b in band)) if known else None
    return [
        e["team"].number(),
        text(e["form"].value),
        *score,
        _interval(e, {k: k for k in pictures.SCORE}),
        e["n"].number(),
        e["human"].number() if e["human"].value is not None else "none on record",
        f"[{band[0].number(places)}, {band[1].number(places)}]" if known else "",
        e["chance"].number() if e["chance"].value is not None else "",
        text(e["verdict"].value),
        text(e["reason"].value),
    ]


def _interval(e: Entry, keys: Mapping[str, str]) -> str:
    estimate, low, high = (e[keys[k]] for k in ("estimate", "low", "high"))
    if estimate.value is None:
        return markup.MISSING
    if low.value is None or high.value is None:
        return estimate.number()
    places = markup.places_for(low.value, high.value)
    bounds = f'<span class="ci">[{low.number(places)}, {high.number(places)}]</span>'
    return f"{estimate.number(places)} {bounds}"
