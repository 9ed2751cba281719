"""From figures to sentences: verdicts by rules fixed beforehand, a plain answer, and its caveats."""

from collections.abc import Mapping, Sequence

import numpy as np

from socialsim.analysis.wording import decimal, known, listed, span
from socialsim.experiments import hearing
from socialsim.experiments.contrasts import above, verdict
from socialsim.transfer.claims import SHAPING_HELPS, VALUES_TRANSFERRED
from socialsim.transfer.reading import RIGHT, UNMEASURED

LEARNED = 50.0  # times the random rate
TRACKS = 0.3  # Spearman of V with held-out returns
STABLE = 0.5  # ICC over seeds, lower end


Scores = tuple[Mapping[str, np.ndarray], Sequence[int] | None]
"""Arm -> area under the curve of each seed, and which source team each seed was given."""


def verdicts(found: Mapping, beside: Scores, alone: Scores, *, across_physics: bool = False) -> dict:
    """Every claim of the report with True, False or None (not tested) and the figures behind it.

    beside, alone: learners with the target's signals, and with what is carried alone.  across_physics:
    whether the latter act otherwise than the sources, so that no policy could move.
    """
    ratio, out = found["team_metric"]["ratio"], {}
    times = ratio["per_seed"]
    out["cooperation_learned"] = verdict(
        min(times) >= LEARNED if known(ratio["estimate"]) else None,
        f"Every team learned to cooperate: at least {LEARNED:.0f} times the random rate",
        "times random, by seed: " + ", ".join(f"{x:.0f}" for x in times)
        if known(ratio["estimate"])
        else "no joint event by random teams, so no ratio",
    )
    for channel, row in found["health"].items():
        rho = row["spearman"]
        out[f"value_tracks_{channel}"] = verdict(
            above(rho, TRACKS),
            f"The {channel} head ranks states by what they bring: Spearman above {TRACKS}",
            f"Spearman with held-out returns {span(rho)}, shuffled {span(rho['shuffled'])}",
        )
    seeds = found["stability"]["seeds"]
    agreement = seeds["coordination"]["icc"]
    low = agreement["low"]
    out["values_stable"] = verdict(
        bool(low > STABLE) if known(low) else None,
        f"Independently trained teams agree on what is worth more, and by how much: ICC above {STABLE}",
        f"ICC(2,1) of the coordination value over seeds {span(agreement)}, standardised by team; "
        f"of the values as they are {decimal(seeds['coordination'].get('unscaled', float('nan')))}",
    )
    for world, row in found["zero_shot"].items():
        cell = row["coordination"]
        heard = hearing.heard(cell)
        out[f"zero_shot_{world}"] = verdict(
            None if heard == UNMEASURED else heard == RIGHT,
            f"The coordination value is right about {world} before any learning there",
            f"{heard}: Spearman with returns {span(cell['spearman'])}, values of other episodes "
            f"{span(cell['shuffled'])}, untrained networks {span(cell.get('untrained', {}))}"
            if heard != UNMEASURED
            else f"not measured: {cell['spearman'].get('reason') or 'a figure or a control is missing'}",
        )
    claims = {
        "values_transferred": VALUES_TRANSFERRED(alone[0], sources=alone[1], across_physics=across_physics),
        "shaping_helps": SHAPING_HELPS(beside[0], sources=beside[1]),
    }
    return out | {k: {**v.to_dict(), "statement": _STATEMENTS[k]} for k, v in claims.items()}


_STATEMENTS = {
    "shaping_helps": "Shaping by the source's values speeds up learning in the larger, sparser world",
    "values_transferred": "The values themselves transferred: as the only reward in another physics, what is "
    "distilled from them beats every control",
}


def answer(found: Mapping) -> list[str]:
    """A few plain sentences that say no more than the verdicts do."""
    v, team = found["verdicts"], found["team_metric"]
    times = team["ratio"]["estimate"]
    lines = [
        "Teams that were never rewarded for the task came to meet "
        f"{decimal(team['trained'], '.3f')} times per agent-step"
        + (f", {times:.0f} times as often as random teams." if known(times) else "; random teams never did.")
    ]
    heads = [c for c in found["channels"] if v[f"value_tracks_{c}"]["supported"]]
    weak = [c for c in found["channels"] if c not in heads]
    lines.append(
        (
            f"The value heads for {listed(heads)} rank states by what they bring"
            if heads
            else "No head ranks well"
        )
        + (f"; the one for {listed(weak)} falls short of the mark we set." if weak else ".")
    )
    lines.append(hearing.sentence(found["zero_shot"], found["channels"]))
    lines.append(_alone(found.get("alone", {}).get("arms", {}), v["values_transferred"]))
    lines.append(
        "Used to shape learning in a larger, sparser world, beside its own signals, they "
        + _yes_no(
            v["shaping_helps"],
            f"sped learning up over {listed(v['shaping_helps']['comparisons'])}.",
            "did not clearly speed it up.",
        )
    )
    lines.append(
        "Independently trained teams "
        + _yes_no(v["values_stable"], "agree", "agree only in part")
        + " on what is worth more, and by how much."
    )
    return lines


def _alone(arms: Mapping, claim: Mapping) -> str:
    """What learners came to that were rewarded by the values alone, beside those with no reward and all."""
    end = {a: arms[a]["asymptote"]["estimate"] for a in ("distilled", "scratch", "direct") if a in arms}
    if not known(end.get("distilled")):
        return "Whether the values can stand alone in another physics was not measured."
    beside = [
        f"{words} {decimal(end[arm], '.4f')}"
        for arm, words in (("scratch", "without any reward"), ("direct", "with that world's own signals"))
        if known(end.get(arm))
    ]
    said = (
        "Learners in another physics whose only reward was what the values imply came to meet "
        f"{decimal(end['distilled'], '.4f')} times per agent-step"
        + (f" ({', '.join(beside)})" if beside else "")
    )
    return f"{said}; that the values themselves transferred {_transferred(claim)}."


def _transferred(claim: Mapping) -> str:
    if claim["supported"] is not False:
        return _yes_no(claim, "is supported: that beats every control", "")
    open_ = [c for c, e in claim["comparisons"].items() if not (known(e["low"]) and e["low"] > 0.5)]
    return f"is not supported, since it is not shown to beat every control ({listed(open_)}){_blind(claim)}"


def _yes_no(claim: Mapping, yes: str, no: str) -> str:
    return "was not tested" if claim["supported"] is None else yes if claim["supported"] else no


def _blind(claim: Mapping) -> str:
    """What limits a test that failed: its positive control."""
    if claim["supported"] is not False:
        return ""
    positive = claim.get("positive")
    if positive is None:
        return "; no positive control was run"
    if not known(positive["low"]):
        return "; what its positive control did was not measured"
    if positive["low"] > 0.5:
        return ", where a reward that is right by construction does better than none"
    return (
        ", by a test that could not have shown it: a reward that is right by construction did not help either"
    )


def caveats(found: Mapping, seeds: int, transfer_seeds: int) -> list[str]:
    """What a careful reader should hold against the answer."""
    out = [
        f"{seeds} source seeds and {transfer_seeds} seeds per transfer arm: directions, not effect sizes. A "
        "claim wants ten or more (preset 'paper').",
        "Shaping leaves the best policy alone: it can show speed, never that values transferred.",
        "Values are read in the other worlds on episodes of a scripted team, since no policy trained on a "
        "grid can move a MuJoCo body.",
        "What is read there is the mean of the teams' standardised values; each team's own figure is in the "
        "JSON.",
        "Probes say what can be decoded, not what is used; the scene edits say what moves the value.",
        "Coordination weighs twenty times as much as attention or imitation in the drives; with the dense "
        "signals alone, societies are known to degenerate.",
    ]
    if (weight := found.get("transfer", {}).get("weight")) is not None:
        out.append(
            f"Beside the learners' own drives what is carried counts with a drive of {weight:g}. Another "
            "weight may help or hinder otherwise; it was not searched for."
        )
    if "alone" in found:
        out.append(
            "The distilled reward is linear in features that all worlds share, and so is the oracle: they "
            "say how far such a reward leads, not how far the values would."
        )
    short = [c for c in found["channels"] if not found["verdicts"][f"value_tracks_{c}"]["supported"]]
    if short:
        out.append(f"Not above {TRACKS} on held-out episodes: {listed(short)}; read those heads with care.")
    return out
