"""From figures to sentences: verdicts by rules fixed beforehand, a plain answer, and its caveats."""

from collections.abc import Mapping

import numpy as np

from socialsim.transfer.claims import SHAPING_HELPS, VALUES_TRANSFERRED

LEARNED = 50.0  # times the random rate
TRACKS = 0.3  # Spearman of V with held-out returns
STABLE = 0.5  # ICC over seeds, lower end


def _verdict(supported: bool | None, statement: str, reason: str) -> dict:
    return {"supported": supported, "statement": statement, "reason": reason}


def _known(e: Mapping) -> bool:
    return e.get("estimate") is not None and bool(np.isfinite(e["estimate"]))


def _span(e: Mapping, places: int = 2) -> str:
    if not _known(e):
        return "not measured"
    return f"{e['estimate']:.{places}f} [{e['low']:.{places}f}, {e['high']:.{places}f}]"


def verdicts(found: Mapping, auc: Mapping[str, np.ndarray]) -> dict:
    """Every claim of the report with True, False or None (not tested) and the figures behind it."""
    ratio, out = found["team_metric"]["ratio"], {}
    times = ratio["per_seed"]
    out["cooperation_learned"] = _verdict(
        None if ratio["estimate"] is None else min(times) >= LEARNED,
        f"Every team learned to cooperate: at least {LEARNED:.0f} times the random rate",
        "no joint event by random teams, so no ratio"
        if ratio["estimate"] is None
        else "times random, by seed: " + ", ".join(f"{x:.0f}" for x in times),
    )
    for channel, row in found["health"].items():
        rho = row["spearman"]
        out[f"value_tracks_{channel}"] = _verdict(
            bool(rho["estimate"] >= TRACKS) if _known(rho) else None,
            f"The {channel} head ranks states by what they bring: Spearman at least {TRACKS}",
            f"Spearman with held-out returns {_span(rho)}, shuffled {_span(rho['shuffled'])}",
        )
    agreement = found["stability"]["seeds"]["coordination"]["icc"]
    low = agreement["low"]
    out["values_stable"] = _verdict(
        None if low is None or not np.isfinite(low) else bool(low > STABLE),
        f"Independently trained teams agree on what is worth how much: ICC above {STABLE}",
        f"ICC(2,1) of the coordination value over seeds {_span(agreement)}; people, one scale: 0.78",
    )
    for world, row in found["zero_shot"].items():
        cell = row["coordination"]
        rho, null = cell["spearman"], cell["shuffled"]
        known = _known(rho)
        out[f"zero_shot_{world}"] = _verdict(
            bool(rho["low"] > null["high"]) if known else None,
            f"The coordination value is right about {world} before any learning there",
            f"Spearman with returns {_span(rho)}, values of other episodes {_span(null)}"
            if known
            else f"not measured: {rho.get('reason', '')}",
        )
    for name, rule in (("shaping_helps", SHAPING_HELPS), ("values_transferred", VALUES_TRANSFERRED)):
        verdict = rule(auc).to_dict()
        out[name] = {**verdict, "statement": _STATEMENTS[name]}
    return out


_STATEMENTS = {
    "shaping_helps": "Shaping by the source's values speeds up learning in the larger, sparser world",
    "values_transferred": "The values themselves transferred: their distilled reward beats every control",
}


def answer(found: Mapping) -> list[str]:
    """A few plain sentences that say no more than the verdicts do."""
    v, team = found["verdicts"], found["team_metric"]
    times = team["ratio"]["estimate"]
    lines = [
        "Teams that were never rewarded for the task came to meet "
        f"{team['trained']['estimate']:.3f} times per agent-step"
        + (f", {times:.0f} times as often as random teams." if times else "; random teams never did.")
    ]
    heads = [c for c in found["channels"] if v[f"value_tracks_{c}"]["supported"]]
    weak = [c for c in found["channels"] if c not in heads]
    lines.append(
        (
            f"The value heads for {_listed(heads)} rank states by what they bring"
            if heads
            else "No head ranks well"
        )
        + (f"; the one for {_listed(weak)} falls short of the mark we set." if weak else ".")
    )
    travelled = [w for w in found["zero_shot"] if v[f"zero_shot_{w}"]["supported"]]
    if travelled:
        lines.append(
            "Read as they are, without any learning, the values were right above chance in "
            f"{_listed(travelled)}."
        )
    else:
        lines.append("Read in new worlds without learning, the values did no better than chance.")
    lines.append(
        "Used to shape learning in a larger, sparser world, they "
        + _yes_no(
            v["shaping_helps"],
            "sped learning up over scratch and a shuffled head",
            "did not clearly speed it up",
        )
        + "; that the values themselves transferred is "
        + _yes_no(v["values_transferred"], "supported", "not supported")
        + " by the stricter test of a distilled reward."
    )
    lines.append(
        "Independently trained teams "
        + _yes_no(v["values_stable"], "agree", "agree only in part")
        + " on what is worth how much."
    )
    return lines


def _yes_no(verdict: Mapping, yes: str, no: str) -> str:
    return "was not tested" if verdict["supported"] is None else yes if verdict["supported"] else no


def _listed(names) -> str:
    names = list(names)
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def caveats(found: Mapping, seeds: int, transfer_seeds: int) -> list[str]:
    """What a careful reader should hold against the answer."""
    out = [
        f"{seeds} source seeds and {transfer_seeds} seeds per transfer arm: directions, not effect sizes. A "
        "claim wants ten or more (preset 'paper').",
        "Shaping leaves the best policy alone: it can show speed, never that values transferred.",
        "Values are read in the other worlds on episodes of a scripted team, since no policy trained on a "
        "grid can move a MuJoCo body.",
        "Probes say what can be decoded, not what is used; the scene edits say what moves the value.",
        "Coordination weighs twenty times as much as attention or imitation in the drives; with the dense "
        "signals alone, societies are known to degenerate.",
    ]
    short = [c for c in found["channels"] if not found["verdicts"][f"value_tracks_{c}"]["supported"]]
    if short:
        out.append(
            f"Below the mark of {TRACKS} on held-out episodes: {_listed(short)}; read those heads with care."
        )
    return out
