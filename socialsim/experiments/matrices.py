"""Source x target: what values say in worlds they never saw, and what they are worth to learners there."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import jax
import numpy as np
import xarray as xr

from socialsim.agents.bots import scripted_team
from socialsim.agents.loading import TrainedRun
from socialsim.agents.training import TrainConfig
from socialsim.analysis import plots
from socialsim.analysis.recording import Episodes, play
from socialsim.analysis.report import evidence, of_summary
from socialsim.analysis.report.markup import Entry
from socialsim.core.drives import drive_matrix
from socialsim.core.errors import OptionError, choose, integer
from socialsim.core.registry import make, worlds
from socialsim.core.simulation import Simulation
from socialsim.experiments.experiment import Study
from socialsim.transfer.arms import ARMS, plan
from socialsim.transfer.carriers import Source
from socialsim.transfer.claims import SHAPING_HELPS, VALUES_TRANSFERRED
from socialsim.transfer.suite import transfer, zero_shot

DEFAULT_ARMS = ("scratch", "shaping", "random", "shuffled", "distilled", "encoder", "policy")
HOME = 24  # episodes at home, on which carriers are made
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
)


@dataclasses.dataclass(frozen=True)
class Moving:
    """targets: ids of worlds to read values in.  learn_in: those of them to train learners in.  arms: of
    `transfer.ARMS`.  seeds: learners per arm.  learning: each one's.  episodes: to read values on."""

    targets: tuple[str, ...]
    learn_in: tuple[str, ...] = ()
    arms: tuple[str, ...] = DEFAULT_ARMS
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
        for name in self.arms:
            choose("arm", name, ARMS)
        if self.learn_in and "scratch" not in self.arms:
            raise OptionError(
                f"arms={self.arms}; allowed: with 'scratch', which the others are compared with"
            )
        integer("seeds", self.seeds, low=1)
        integer("episodes", self.episodes, low=1)


@dataclasses.dataclass(frozen=True)
class Moved:
    """What came out. read: (source, target) -> channel -> figures.  gained: (source, target) -> arms and
    verdicts.  channels, arms: names."""

    channels: tuple[str, ...]
    arms: tuple[str, ...]
    seeds: int
    read: Mapping[tuple[str, str], dict]
    gained: Mapping[tuple[str, str], dict]

    def zero_shot(self) -> xr.Dataset:
        """Rank agreement of values with returns `[source, target, channel]`."""
        return _table(self.read, self.channels, "channel", lambda c: c["low"] > (c["null_high"] or 0.0))

    def benefit(self) -> xr.Dataset | None:
        """P(improvement) over scratch in area under the curve `[source, target, arm]`."""
        arms = [a for a in self.arms if a != "scratch"]
        rows = {k: v["arms"] for k, v in self.gained.items()}
        return _table(rows, arms, "arm", lambda c: c["low"] > 0.5) if rows else None

    def to_dict(self) -> dict[str, Any]:
        """Plain rows for JSON; `from_dict` reads them back."""
        return {
            "channels": list(self.channels),
            "carriers": list(self.arms),
            "seeds_per_arm": self.seeds,
            "zero_shot": [{"source": s, "target": t, "channels": c} for (s, t), c in self.read.items()],
            "benefit": [{"source": s, "target": t} | c for (s, t), c in self.gained.items()],
        }

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> "Moved":
        return cls(
            tuple(kept["channels"]),
            tuple(kept["carriers"]),
            kept["seeds_per_arm"],
            {(r["source"], r["target"]): r["channels"] for r in kept["zero_shot"]},
            {(r["source"], r["target"]): {k: r[k] for k in ("arms", "verdicts")} for r in kept["benefit"]},
        )

    def sentences(self) -> list[str]:
        """In how many other worlds each head is right, and which claims about learning stand."""
        return [self._heard(c) for c in self.channels] + self._said()

    def heard_section(self) -> str:
        """Of a report: the zero-shot matrix."""
        drawn = plots.matrices(
            self.zero_shot(),
            panel="channel",
            centre=0.0,
            low=-0.5,
            high=0.5,
            label="Spearman of value with return",
        )
        return evidence.picture("zero-shot", "zero_shot_matrix", drawn)

    def worth_section(self) -> str:
        """Of a report: the matrix of benefits."""
        if (worth := self.benefit()) is None:
            return evidence.missing("Nobody learned in the new worlds: it was not asked for.")
        drawn = plots.matrices(
            worth, panel="arm", centre=0.5, low=0.0, high=1.0, label="P(better than from scratch)"
        )
        return evidence.picture("benefit", "benefit_matrix", drawn)

    def _heard(self, channel: str) -> str:
        cell = self.zero_shot().sel(channel=channel)
        away = [(s, t) for s, t in self.read if not s.startswith(t)]
        right = [(s, t) for s, t in away if bool(cell.shown.sel(source=s, target=t))]
        return (
            f"Read as it is, the {channel} head is right above chance in {len(right)} of {len(away)} pairs "
            "of a world it learned in and another."
        )

    def _said(self) -> list[str]:
        if not self.gained:
            return ["Learning in the new worlds was not asked for."]
        out = []
        for claim, words in CLAIMS.items():
            known = {k: g["verdicts"][claim]["supported"] for k, g in self.gained.items()}
            tested = [k for k, v in known.items() if v is not None]
            held = [f"{s} to {t}" for (s, t) in tested if known[s, t]]
            which = f" ({'; '.join(held)})" if held else ""
            out.append(
                f"That {words} is supported in {len(held)} of {len(tested)} pairs tested{which}, "
                f"at {self.seeds} seeds per arm."
            )
        return out


def move_all(study: Study, sources: Mapping[str, TrainedRun], moving: Moving) -> Moved:
    """Every source in every target; each cell is a stage of the study."""
    read, gained = {}, {}
    for number, id in enumerate(moving.targets):
        env = make(id)
        seen = _seen(study, env, sources, number, moving.episodes)
        for name, source in sources.items():
            read[name, id] = study.stage(
                f"values of {name} in {id}", partial(_read, study, env, source, seen)
            )
            if id in moving.learn_in:
                part = "".join(c if c.isalnum() else "-" for c in f"t{number}-{name}")
                learn = partial(_learn, study, env, part, source, moving)
                gained[name, id] = study.stage(f"{name} moved into {id}", learn)
    channels = next(iter(sources.values())).env.channels
    return Moved(channels, moving.arms, moving.seeds, read, gained)


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


def _read(study: Study, env: Simulation, source: TrainedRun, seen: Episodes | None) -> dict:
    assert seen is not None
    found = zero_shot(seen, source.teams, env.channels, discount=source.discount, seed=study.seed)
    return {
        c: {"estimate": e.estimate, "low": e.low, "high": e.high, "n": e.n, "null_high": e.null_high}
        | {"reason": e.reason}
        for c, e in found.items()
    }


def _learn(study: Study, env: Simulation, part: str, source: TrainedRun, moving: Moving) -> dict:
    """All arms from one source in one target. part: of the run, for its checkpoints."""
    seeds, learning = moving.seeds, moving.learning
    drives = drive_matrix(None, env.channels, env.num_agents)
    home = drive_matrix(None, source.env.channels, source.env.num_agents)[0]
    keys = jax.random.split(study.key(2), len(source.teams))
    moved = [
        Source(t, play(source.env, t, k, worlds=HOME), home, source.discount)
        for t, k in zip(source.teams[:seeds], keys, strict=False)
    ]
    prepared = plan(
        moved, env, learning.ppo.network, arms=moving.arms, seeds=seeds, seed=study.seed, drives=drives
    )
    found = transfer(
        env,
        prepared,
        learning,
        study.key(3),
        run=study.run.part(part),
        source_steps=float(source.config["agent_steps"]),
        title=f"{source.env.id} into {env.id}: {len(prepared.arms)} arms x {seeds} seeds",
        quiet=study.quiet,
    )
    auc = found.auc()
    crossing = source.teams[0].actions != env.actions
    rows = {}
    for arm in auc:
        row = found.summary.sel(metric="auc", arm=arm)
        rows[arm] = {
            "auc": auc[arm].tolist(),
            "iqm": float(row.estimate),
            "estimate": float(row.improvement),
            "low": float(row.improvement_low),
            "high": float(row.improvement_high),
        }
    return {
        "arms": rows,
        "verdicts": {
            "values_transferred": VALUES_TRANSFERRED(auc, across_physics=crossing).to_dict(),
            "shaping_helps": SHAPING_HELPS(auc).to_dict(),
        },
    }


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


def _of(section: Callable[[Moved], str]) -> Callable[[Entry], str]:
    return lambda summary: section(Moved.from_dict(summary["moved"].mapping()))


PARTS = (
    of_summary(
        "zero-shot",
        "New worlds",
        "Are the values right about worlds they never saw?",
        _of(Moved.heard_section),
    ),
    of_summary("benefit", "Learning", "What are they worth to new learners there?", _of(Moved.worth_section)),
)
"""Sections of a report whose summary holds `Moved.to_dict()` as "moved"."""
