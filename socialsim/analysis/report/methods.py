"""The last sections of the report: its caveats, and how to make it again."""

from socialsim.analysis.report import markup
from socialsim.analysis.report.markup import MISSING, Entry, text
from socialsim.analysis.report.prose import paragraph, say


def caveats(summary: Entry) -> str:
    return markup.bullets(summary["caveats"].texts()) or f'<p class="missing">{say("no_caveats")}</p>'


def methods(summary: Entry) -> str:
    command = summary["command"].value
    if not command and summary["experiment"].value:
        command = f"socialsim experiment {summary['experiment'].value}"
        command += f" --preset {summary['preset'].value}" if summary["preset"].value else ""
    parts = [f"<p>Made by this command:</p><pre>{text(command)}</pre>" if command else ""]
    parts.append(paragraph("methods", file=text(summary["file"].value or "summary.json")))
    parts += ["<h3>How long it took</h3>", timings(summary["timings"])]
    parts += ["<h3>Configuration</h3>", _pairs(summary["config"])]
    parts += ["<h3>Versions</h3>", _pairs(summary["versions"])]
    return "".join(parts)


def timings(entry: Entry) -> str:
    if not entry:
        return f"<p>{MISSING}</p>"
    seconds = {k: e for k, e in entry.items() if isinstance(e.value, (int, float))}
    most = max([float(e.value) for k, e in seconds.items() if k != "total"] or [1.0]) or 1.0
    rows = []
    for name, e in seconds.items():
        bar = (
            ""
            if name == "total"
            else f'<span class="bar" style="width:{180 * float(e.value) / most:.0f}px"></span>'
        )
        rows.append([text(str(name).replace("_", " ")), f"{bar}{e.number()} s"])
    return markup.table(["Stage", "Time"], rows)


def _pairs(entry: Entry) -> str:
    rows = [[f"<code>{text(k)}</code>", shown] for k, shown in _flat(entry)]
    return (
        markup.details(f"{len(rows)} entries", markup.table(["Name", "Value"], rows))
        if rows
        else f"<p>{MISSING}</p>"
    )


def _flat(entry: Entry, prefix: str = "") -> list[tuple[str, str]]:
    rows = []
    for key, e in entry.items():
        name = f"{prefix}{key}"
        if e.mapping():
            rows += _flat(e, f"{name}.")
        elif isinstance(e.value, list):
            rows.append((name, text(", ".join(map(str, e.value)))))
        elif isinstance(e.value, (int, float)) and not isinstance(e.value, bool):
            rows.append(
                (name, f'<data value="{e.value!r}" data-path="{text(e.path)}">{text(e.value)}</data>')
            )
        else:
            rows.append((name, text("none" if e.value is None else e.value)))
    return rows
