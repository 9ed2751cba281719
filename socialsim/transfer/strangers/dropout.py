"""Expert dropout: what stays with learners of a skill that they saw when the one who has it leaves."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Array, Key
from matplotlib.figure import Figure
from numpy.typing import NDArray

from socialsim.agents.bots import Bot, random_team, scripted_team
from socialsim.analysis.plots import strangers as plots
from socialsim.core.errors import OptionError, integer
from socialsim.core.simulation import Simulation
from socialsim.transfer.strangers import mixing, tables
from socialsim.transfer.strangers.crossplay import RANDOM
from socialsim.transfer.strangers.departure import GUIDE, departing, guide_until, until
from socialsim.transfer.strangers.mixing import Behaviour
from socialsim.transfer.strangers.tables import DEFAULT, Resampling

EXPERT = "the expert"
CONDITIONS = ("full", "half", "never", "alone", "expert")
PHASES = ("all", "before", "after")
INDICES = ("transmission", "kept", "retained")


@dataclasses.dataclass(frozen=True, eq=False)
class Dropout:
    """Joint successes per learner-step (agents 1 to A - 1); intervals over episodes; null: learners that act
    at random beside the same expert.

    rates `[team, condition, phase]`, phases before and after the expert's leaving and all of the episode;
    course `[team, condition, decision]`, the same in spans of time that begin at `decision`;
    indices `[team, index]`, see `expert_dropout`; population `[index]`: means over teams, intervals over
    these (NaN for one team). attrs: world, leave, departure (what leaving means in this world).
    """

    rates: xr.Dataset
    course: xr.Dataset
    indices: xr.Dataset
    population: xr.Dataset

    def to_dict(self) -> dict[str, Any]:
        """Plain rows for JSON."""
        parts = {k: tables.rows(getattr(self, k)) for k in ("rates", "course", "indices", "population")}
        return {k: self.rates.attrs[k] for k in ("world", "leave", "departure")} | parts

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> "Dropout":
        """What `to_dict` gave."""
        dims = {
            "rates": ("team", "condition", "phase"),
            "course": ("team", "condition", "decision"),
            "indices": ("team", "index"),
            "population": ("index",),
        }
        attrs = {k: kept[k] for k in ("world", "leave", "departure")}
        return cls(**{k: tables.from_rows(kept[k], d, **attrs) for k, d in dims.items()})

    def plot(self) -> Figure:
        return plots.expert_dropout(self.course, self.indices)


def expert_dropout(
    env: Simulation,
    teams: Mapping[str, Behaviour] | Sequence[Behaviour],
    key: Key[Array, ""],
    *,
    expert: Bot | None = None,
    leave: int | None = None,
    spans: int | None = None,
    episodes: int = 64,
    steps: int | None = None,
    resampling: Resampling = DEFAULT,
) -> Dropout:
    """Learners with an expert among them who stays, leaves, or was never there.

    Agent 0 is the expert's seat, all others are learners. Conditions, all in the same episodes: *full*, the
    expert stays; *half*, it is gone from decision `leave` on; *never*, its seat is empty from the start;
    *alone*, a learner has the seat and nobody leaves; *expert*, experts in all seats. What leaving means
    depends on the world (`departure`, in the attributes of the results): goal-cycle has a guide of its own,
    whom only its first decision shows in *never*; on other grids the expert leaves the floor; elsewhere its
    body stays and does nothing.

    Indices, from mean rates r of learners:

    * transmission = 1/2 (r_full - r_never)/r_expert + 1/2 (r_half - r_never)/r_expert, over whole episodes:
      the cultural transmission metric of Bhoopchand et al. 2023 ("Learning few-shot imitation as cultural
      transmission", Nature Communications 14, 7536; the formula as remembered, status unverified). Near 0:
      the expert is of no use; near 3/4: used while it is there, nothing stays (leaving at half time); near 1:
      all of it stays. There r_expert is the expert's own score; here scores are joint, so it is that of
      experts in the learners' seats. An expert is also a hand: what it does itself counts in *full*.
    * kept = r_half - r_never after the leaving: what stays, in joint successes per learner-step.
    * retained = kept / (r_full - r_never after the leaving): what stays as a share of what the expert's
      presence is worth; only where the interval of that worth lies above 0, else NaN.

    Parameters
    ----------
    teams : learners by name, each by itself.  expert: by default the world's scripted team.
    leave : decisions for which the expert stays in *half*; by default half of the steps.
    spans : of the time course, by default 16 or one per decision.  episodes: of each condition.  steps: of
        each, by default the horizon.

    Raises
    ------
    OptionError : no teams, one agent only, a `leave` outside the episode, a team that cannot act there.
    """
    learners = mixing.named(teams, "team")
    tables.check_members(learners, "teams of learners", least=1)
    count = env.num_agents
    if count < 2:
        raise OptionError(f"an expert and learners in a world of {count} agent; allowed: two or more")
    steps = env.horizon if steps is None else integer("steps", steps, low=2)
    leave = integer("leave", steps // 2 if leave is None else leave, low=1, high=steps - 1)
    spans = integer("spans", min(16, steps) if spans is None else spans, low=1, high=steps)
    episodes = tables.check_episodes(episodes)
    if taken := sorted({EXPERT, RANDOM} & set(learners)):
        raise OptionError(f"teams named {taken}; allowed: other names")
    crowd = {**learners, RANDOM: random_team(env), EXPERT: scripted_team(env) if expert is None else expert}
    world, departure = departing(env)
    setting, stays = (guide_until, _guide) if departure == GUIDE else (until, _visitor)
    lines = [(t, c) for t in range(len(learners) + 1) for c in CONDITIONS]
    cast = np.array([[t, len(crowd) - 1] for t, _ in lines])
    seats = np.stack([_seats(c, count) for _, c in lines])
    joint = mixing.play_lines(
        world,
        mixing.pool(world, crowd),
        cast,
        np.repeat(seats[:, None], episodes, 1),
        key,
        steps=steps,
        setting=setting,
        values=np.array([stays(c, leave, steps) for _, c in lines], np.int32),
    )
    share = joint[..., 1:].mean(-1).reshape(len(learners) + 1, len(CONDITIONS), episodes, steps)
    attrs = {"world": env.id, "leave": leave, "departure": departure}
    found = _tables(share, list(learners), leave, spans, resampling)
    return Dropout(*(t.assign_attrs(attrs) for t in found))


def _visitor(condition: str, leave: int, steps: int) -> int:
    return {"half": leave, "never": 0}.get(condition, steps + 1)


def _guide(condition: str, leave: int, steps: int) -> int:
    # A demonstration of 0 makes agent 0 a learner; one decision is the least with a guide that is gone.
    return {"half": leave, "never": 1, "alone": 0}.get(condition, steps + 1)


def _seats(condition: str, agents: int) -> NDArray:
    """`[A]`: 0 a learner, 1 an expert."""
    experts = {"alone": 0, "expert": agents}.get(condition, 1)
    return (np.arange(agents) < experts).astype(np.int32)


def _tables(share: NDArray, names: list[str], leave: int, spans: int, resampling: Resampling):
    """share `[team, condition, E, T]`, the last team at random."""
    episodes, steps = share.shape[2:]
    phases = np.stack([share.mean(-1), share[..., :leave].mean(-1), share[..., leave:].mean(-1)], 2)
    edges = np.linspace(0, steps, spans + 1).round().astype(int)
    course = np.stack([share[..., a:b].mean(-1) for a, b in itertools.pairwise(edges)], 2)
    coords = {"team": names, "condition": list(CONDITIONS)}
    rates = _beside_random({**coords, "phase": list(PHASES)}, resampling(phases), episodes)
    timed = _beside_random({**coords, "decision": edges[:-1].tolist()}, resampling(course), episodes)
    # [team, K, E]: conditions over all and after leaving, side by side.
    columns = np.concatenate([phases[:, :, 0], phases[:, :, 2]], 1)
    worth = resampling(columns, lambda m: _columns(m)["after_full"] - _columns(m)["after_never"])
    found = [resampling(columns, lambda m, i=i: _index(i, m)) for i in INDICES]
    each = [np.stack(part, -1) for part in zip(*found, strict=True)]
    unknown = ~(worth[1] > 0)[:, None] & (np.array(INDICES) == "retained")
    each = [np.where(unknown, np.nan, x) for x in each]
    indices = _beside_random({"team": names, "index": list(INDICES)}, tuple(each), episodes)
    reason = np.where(unknown[:-1], "no worth of the expert's presence was found", "")
    indices = indices.assign(reason=(("team", "index"), reason))
    null = tuple(x[-1] for x in each)
    pooled = tables.table({"index": list(INDICES)}, resampling(each[0][:-1].T), null, n=len(names))
    return rates, timed, indices, pooled


def _beside_random(coords: dict, found: tuple, n: int) -> xr.Dataset:
    null = [np.array(x[-1:]) for x in found]
    if "condition" in coords:  # experts in all seats: nobody acts at random
        for x in null:
            x[:, CONDITIONS.index("expert")] = np.nan
    return tables.table(coords, tuple(x[:-1] for x in found), tuple(null), n=n)


def _columns(means: NDArray) -> dict[str, NDArray]:
    keys = [*CONDITIONS, *(f"after_{c}" for c in CONDITIONS)]
    return dict(zip(keys, np.moveaxis(means, -1, 0), strict=True))


def _index(name: str, means: NDArray) -> NDArray:
    r = _columns(means)
    kept = r["after_half"] - r["after_never"]
    with np.errstate(divide="ignore", invalid="ignore"):
        gained = r["full"] + r["half"] - 2 * r["never"]
        return {
            "transmission": _finite(0.5 * gained / r["expert"]),
            "kept": kept,
            "retained": _finite(kept / (r["after_full"] - r["after_never"])),
        }[name]


def _finite(x: NDArray) -> NDArray:
    return np.where(np.isfinite(x), x, np.nan)
