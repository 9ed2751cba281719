"""Source x target: what values say in worlds they never saw, and what they are worth to learners there."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from socialsim.agents.bots import scripted_team
from socialsim.agents.loading import TrainedRun
from socialsim.agents.training import TrainConfig
from socialsim.analysis.recording import Episodes, play
from socialsim.analysis.wording import known
from socialsim.core.errors import OptionError, choose, integer
from socialsim.core.registry import make, worlds
from socialsim.core.simulation import Simulation
from socialsim.experiments.experiment import Study
from socialsim.experiments.learners import SCRATCH, Learning
from socialsim.transfer.arms import ALONE, ARMS, WEIGHT
from socialsim.transfer.claims import ENOUGH_SOURCES
from socialsim.transfer.reading import (
    RIGHT,
    UNDECIDED,
    UNMEASURED,
    WRONG,
    direction,
    untrained_agreement,
    zero_shot,
)

DEFAULT_ARMS = ("scratch", "shaping", "random", "shuffled", "encoder", "policy")
DISTILLED, ORACLE = "distilled", "oracle"
EPSILON = 0.3  # how often the scripted teams slip on whose episodes values are read
CLAIMS = {
    "values_transferred": "the values themselves transferred",
    "shaping_helps": "shaping by the values helps",
}
CAVEATS = (
    f"Values are read on episodes of a scripted team that slips with probability {EPSILON}; other behaviour "
    "may bring other agreement.",
    "Cells of one row share their source teams, cells of one column their episodes: they are not "
    "independent, and they are not corrected for their number.",
    "What is read is the mean of the source teams' standardised values; each team by itself may be right or "
    "wrong (their figures are in the JSON).",
    "All sources in one target are compared with the same learners from scratch and without any reward, and "
    "their learners begin with the same parameters in the same worlds: what these happen to be favours or "
    "harms all alike.",
    "Learners given the same source team are averaged before any comparison: a claim is about source teams, "
    f"and with fewer than {ENOUGH_SOURCES} of them none is made.",
    f"Beside the learners' own drives what is carried counts with a drive of {WEIGHT:g}. Another weight may "
    "help or hinder otherwise; it was not searched for.",
)


@dataclasses.dataclass(frozen=True)
class Moving:
    """targets: ids of worlds to read values in.  learn_in: those of them to train learners in.  arms: of
    `transfer.ARMS`, for learners that get the target's signals too.  alone: of the same, for learners that
    get nothing but what is carried.  seeds: learners per arm.  learning: each one's.  episodes: to read
    values on."""

    targets: tuple[str, ...]
    learn_in: tuple[str, ...] = ()
    arms: tuple[str, ...] = DEFAULT_ARMS
    alone: tuple[str, ...] = ALONE
    seeds: int = 5
    learning: TrainConfig = dataclasses.field(default=TrainConfig(agent_steps=400_000, chunks=2))
    episodes: int = 48

    def __post_init__(self):
        if not self.targets:
            raise OptionError("no targets; allowed: one world or more")
        for id in self.targets:
            choose("target world", id, worlds())
        for id in self.learn_in:
            choose("target world to learn in", id, self.targets)
        for option, names in (("arms", self.arms), ("alone", self.alone)):
            for name in names:
                choose("arm", name, ARMS)
            if self.learn_in and names and SCRATCH not in names:
                raise OptionError(
                    f"{option}={names}; allowed: with 'scratch', which the others are compared with"
                )
        integer("seeds", self.seeds, low=1)
        integer("episodes", self.episodes, low=1)


@dataclasses.dataclass(frozen=True)
class Moved:
    """What came out. read: (source, target) -> channel -> figures.  gained: (source, target) -> arms, those
    alone and verdicts.  channels, arms, alone: names."""

    channels: tuple[str, ...]
    arms: tuple[str, ...]
    alone: tuple[str, ...]
    seeds: int
    read: Mapping[tuple[str, str], dict]
    gained: Mapping[tuple[str, str], dict]

    def zero_shot(self) -> xr.Dataset:
        """Rank agreement of values with returns `[source, target, channel]`."""
        return _table(self.read, self.channels, "channel", lambda c: direction(c) == RIGHT)

    def benefit(self, *, alone: bool = False) -> xr.Dataset | None:
        """P(improvement) in area under the curve `[source, target, arm]`: over learning from scratch, or of
        learners left alone with what is carried, over those without any reward. None: nobody learned so."""
        arms = [a for a in (self.alone if alone else self.arms) if a != SCRATCH]
        rows = {k: v["alone" if alone else "arms"] for k, v in self.gained.items()}
        return _table(rows, arms, "arm", lambda c: c["low"] > 0.5) if rows and arms else None

    def to_dict(self) -> dict[str, Any]:
        """Plain rows for JSON; `from_dict` reads them back."""
        return {
            "channels": list(self.channels),
            "carriers": list(self.arms),
            "carriers_alone": list(self.alone),
            "seeds_per_arm": self.seeds,
            "zero_shot": [{"source": s, "target": t, "channels": c} for (s, t), c in self.read.items()],
            "benefit": [{"source": s, "target": t} | c for (s, t), c in self.gained.items()],
        }

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> "Moved":
        return cls(
            tuple(kept["channels"]),
            tuple(kept["carriers"]),
            tuple(kept["carriers_alone"]),
            kept["seeds_per_arm"],
            {(r["source"], r["target"]): r["channels"] for r in kept["zero_shot"]},
            {
                (r["source"], r["target"]): {k: v for k, v in r.items() if k not in ("source", "target")}
                for r in kept["benefit"]
            },
        )

    def sentences(self) -> list[str]:
        """In how many other worlds each head is right, and which claims about learning stand."""
        return [self._heard(c) for c in self.channels] + self._said()

    def _heard(self, channel: str) -> str:
        away = {k: c for k, c in self.read.items() if not k[0].startswith(k[1])}
        counts = Counter(direction(c.get(channel, {})) for c in away.values())
        missing = f", and not measured in {counts[UNMEASURED]}" if counts[UNMEASURED] else ""
        return (
            f"Read as it is, beside values of other episodes and untrained networks, the {channel} head is "
            f"right in {counts[RIGHT]}, the wrong way round in {counts[WRONG]} and undecided in "
            f"{counts[UNDECIDED]}{missing} of {len(away)} pairs of a world it learned in and another."
        )

    def _teams(self) -> str:
        counts = [g["sources"] for g in self.gained.values() if "sources" in g]
        return f" from {min(counts)} source team{'s' * (min(counts) != 1)}" if counts else ""

    def _alone(self) -> list[str]:
        """In how many pairs the values as the only reward did better than no reward."""
        cells = [g["alone"] for g in self.gained.values() if DISTILLED in g["alone"]]
        if not cells:
            return []
        lows = {a: [c[a]["low"] for c in cells if a in c] for a in (DISTILLED, ORACLE)}
        better = {a: sum(known(x) and x > 0.5 for x in low) for a, low in lows.items()}
        right = f"; a reward that is right by construction in {better[ORACLE]}" if ORACLE in cells[0] else ""
        return [
            "Learners whose only reward was distilled from the values came to succeed more often than those "
            f"without any in {better[DISTILLED]} of {len(cells)} pairs{right}."
        ]

    def _said(self) -> list[str]:
        if not self.gained:
            return ["Learning in the new worlds was not asked for."]
        out = self._alone()
        for claim, words in CLAIMS.items():
            held_by = {k: g["verdicts"][claim]["supported"] for k, g in self.gained.items()}
            tested = [k for k, v in held_by.items() if v is not None]
            held = [f"{s} to {t}" for (s, t) in tested if held_by[s, t]]
            which = f" ({'; '.join(held)})" if held else ""
            said = (
                f"That {words} is supported in {len(held)} of {len(tested)} pairs tested{which}, "
                f"at {self.seeds} seeds per arm{self._teams()}."
            )
            open_ = [g["verdicts"][claim]["reason"] for g in self.gained.values()]
            open_ = [r for r, v in zip(open_, held_by.values(), strict=True) if v is None]
            out.append(said + (f" In {len(open_)} it was not tested: {_lower(open_[0])}" if open_ else ""))
        blind = [k for k, g in self.gained.items() if _blind(g["verdicts"]["values_transferred"])]
        if blind:
            out.append(
                f"In {len(blind)} of these pairs a reward that is right by construction did not help either: "
                "there the test could not have shown that values transferred."
            )
        return out


def move_all(study: Study, sources: Mapping[str, TrainedRun], moving: Moving) -> Moved:
    """Every source in every target; each cell is a stage of the study.

    Learners from scratch and those without any reward owe nothing to any source: the first cell of a target
    trains them for all.
    """
    read, gained = {}, {}
    for number, id in enumerate(moving.targets):
        env = make(id)
        seen = _seen(study, env, sources, number, moving.episodes)
        untrained: dict = {}
        shared: dict[str, dict] = {}
        for name, source in sources.items():
            read[name, id] = study.stage(
                f"values of {name} in {id}", partial(_read, study, env, source, seen, untrained)
            )
            if id in moving.learn_in:
                part = "".join(c if c.isalnum() else "-" for c in f"t{number}-{name}")
                learning = Learning(moving.arms, moving.alone, moving.seeds, moving.learning)
                learn = partial(learning.cell, study, env, part, source, shared)
                cell = dict(study.stage(f"{name} moved into {id}", learn))
                shared = cell.pop("shared") | shared
                gained[name, id] = cell
    channels = next(iter(sources.values())).env.channels
    return Moved(channels, moving.arms, moving.alone, moving.seeds, read, gained)


def by_name(sources: Sequence[TrainedRun]) -> dict[str, TrainedRun]:
    """By world; by folder too where two runs are of one world."""
    ids = [s.env.id for s in sources]
    return {(s.env.id if ids.count(s.env.id) == 1 else f"{s.env.id} ({s.path.name})"): s for s in sources}


def _seen(study: Study, env: Simulation, sources, number: int, episodes: int) -> Episodes | None:
    """Episodes of a scripted team in a target, unless all was read there already."""
    if all(study.done(f"values of {name} in {env.id}") for name in sources):
        return None
    return study.timed(
        f"a scripted team in {env.id}",
        lambda: play(env, scripted_team(env, epsilon=EPSILON), study.key(100 + number), worlds=episodes),
    )


def _read(study: Study, env: Simulation, source: TrainedRun, seen: Episodes | None, untrained: dict) -> dict:
    """untrained: what untrained ensembles reach on these episodes, by their shape; sources share it."""
    assert seen is not None
    like, teams, discount = source.teams[0], len(source.teams), source.discount
    shape = (like.config, like.channels, teams, discount)
    options = {"discount": discount, "seed": study.seed}
    if shape not in untrained:
        untrained[shape] = untrained_agreement(seen, like, teams, env.channels, **options)
    found = zero_shot(seen, source.teams, env.channels, untrained=untrained[shape], **options)
    return {c: e.row() for c, e in found.items()}


def _blind(verdict: Mapping) -> bool:
    """Whether the claim was tested and failed, and the positive control failed too."""
    positive = verdict.get("positive")
    if verdict["supported"] is not False or positive is None:
        return False
    return known(positive["low"]) and not positive["low"] > 0.5


def _lower(reason: str) -> str:
    """A reason as the rest of a sentence that says already that it was not tested."""
    return reason.removeprefix("Not tested: ")


def _table(cells: Mapping, names: Sequence[str], dim: str, shown: Callable[[dict], bool]) -> xr.Dataset:
    """Rows `(source, target) -> name -> {estimate, low, high}` as a Dataset `[source, target, dim]`."""
    sources, targets = (list(dict.fromkeys(k[i] for k in cells)) for i in (0, 1))
    shape = (len(sources), len(targets), len(names))
    data = {k: np.full(shape, np.nan) for k in ("estimate", "low", "high")} | {"shown": np.zeros(shape, bool)}
    for (s, t), row in cells.items():
        for i, n in enumerate(names):
            if (cell := row.get(n)) is None or cell["estimate"] is None:
                continue
            at = sources.index(s), targets.index(t), i
            for k in ("estimate", "low", "high"):
                data[k][at] = cell[k]
            data["shown"][at] = shown(cell)
    coords = {"source": sources, "target": targets, dim: list(names)}
    return xr.Dataset({k: (("source", "target", dim), v) for k, v in data.items()}, coords=coords)
