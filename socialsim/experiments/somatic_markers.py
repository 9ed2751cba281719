"""somatic-markers: do cached associations of worth guide choice without full recomputation?"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from socialsim.agents.markers import MarkerConfig
from socialsim.agents.networks import NetworkConfig
from socialsim.agents.ppo import PPOConfig
from socialsim.agents.team import Team
from socialsim.agents.training import TrainConfig, train
from socialsim.core.errors import integer
from socialsim.core.simulation import Simulation
from socialsim.experiments.contrasts import TEST, contrasted, estimates
from socialsim.experiments.experiment import Experiment, Result, Study
from socialsim.experiments.markers.answer import AGREED, CONTRASTS, SAVED, answer, caveats, verdicts
from socialsim.experiments.markers.arms import ARMS, Intact, condition, stack
from socialsim.experiments.markers.cost import by_width, price_list
from socialsim.experiments.markers.life import FRACTIONS, LifeConfig, Record, lives
from socialsim.experiments.markers.outcomes import MEASURES, binned, outcomes, without_habit
from socialsim.experiments.markers.page import PARTS
from socialsim.experiments.markers.world import WorldConfig, settings, two_ways

BIN = 16  # decisions of each point of a curve


@dataclasses.dataclass(frozen=True)
class Preset:
    """Seeds and budget.

    seeds: teams trained from scratch, one under each setting of drives.  learning: of these.
    budgets: largest shares of full computation for the trade-off, on `frontier_seeds` of the seeds.
    widths: of networks that are priced.
    """

    seeds: int = 10
    world: WorldConfig = dataclasses.field(default=WorldConfig())
    learning: TrainConfig = dataclasses.field(
        default=TrainConfig(PPOConfig(worlds=128), agent_steps=600_000, chunks=6)
    )
    life: LifeConfig = dataclasses.field(default=LifeConfig())
    markers: MarkerConfig = dataclasses.field(default=MarkerConfig())
    intact: Intact = dataclasses.field(default=Intact())
    budgets: tuple[float, ...] = (0.125, 0.25, 0.375, 0.5, 1.0)
    frontier_seeds: int = 4
    widths: tuple[int, ...] = (32, 64, 128, 256, 512)

    def __post_init__(self):
        integer("seeds", self.seeds, low=1)
        integer("frontier_seeds", self.frontier_seeds, low=1, high=self.seeds)


PRESETS = {
    "demo": Preset(),
    "paper": Preset(
        seeds=40,
        world=WorldConfig(agents=3, size=8, each=2),
        learning=TrainConfig(
            PPOConfig(network=NetworkConfig(width=256), worlds=512), agent_steps=20_000_000, chunks=10
        ),
        life=LifeConfig(worlds=256, warm=60, steady=20, after=60),
        markers=MarkerConfig(bits=32, buckets=16384),
        frontier_seeds=10,
        widths=(32, 64, 128, 256, 512, 1024),
    ),
    "test": Preset(
        seeds=2,
        world=WorldConfig(size=4, horizon=16),
        learning=TrainConfig(
            PPOConfig(network=NetworkConfig(width=8), worlds=8, steps=16), agent_steps=1024, chunks=1
        ),
        life=LifeConfig(worlds=8, warm=3, steady=2, after=2, window=4),
        markers=MarkerConfig(bits=12, features=4, buckets=64, ways=2),
        budgets=(0.25, 1.0),
        frontier_seeds=1,
        widths=(8, 64),
    ),
}


def measure(study: Study, preset: Preset) -> Result:
    """All stages: training, lives of every arm, the trade-off, and what it cost."""
    env = two_ways(preset.world)
    teams, learned = _trained(study, preset, env)
    keys = jax.random.split(study.key(2), preset.seeds)
    told = {a: condition(a, preset.intact) for a in ARMS}
    for budget in preset.budgets:
        if _named(budget, preset) != "on":
            other = dataclasses.replace(preset.intact, budget=budget)
            told[_named(budget, preset)] = condition("on", other)

    def lived() -> dict[str, Any]:
        # The seeds of an arm follow one another; the trade-off has fewer of them.
        plan = [(n, s) for n in told for s in range(preset.seeds if n in ARMS else preset.frontier_seeds)]
        seed = np.array([s for _, s in plan])
        records = lives(
            env,
            teams,
            settings(preset.world),
            stack([told[n] for n, _ in plan]),
            keys[seed],
            seed,
            preset.life,
            preset.markers,
        )
        return _summed(records, plan, preset, env, teams)

    kept = study.stage("lives with the cache and its lesions", lived)
    found = {m: {a: np.asarray(kept["found"][a][m]) for a in ARMS} for m in MEASURES}
    levels = np.asarray(kept["levels"])
    priced = study.stage(
        "what other widths would cost",
        lambda: by_width(env, preset.widths, levels, preset.life, preset.markers),
    )
    prices = kept["prices"]
    cached = float(np.dot(levels, prices["levels"]))
    horizon = preset.world.horizon
    summary = {
        "seeds": preset.seeds,
        "width": preset.learning.ppo.network.width,
        "rows": preset.life.worlds * preset.world.agents,
        "decisions_after": preset.life.after * horizon,
        "reversal": (preset.life.warm + preset.life.steady) * horizon,
        "frozen": preset.life.warm * horizon,
        "learned": learned,
        "flops": {"full": prices["full"], "cached": cached},
        "buffer": {f"{f:g}": s for f, s in zip(FRACTIONS, levels.tolist(), strict=False)},
        "measures": without_habit(estimates(found, seed=study.seed)),
        "per_seed": {a: {m: found[m][a].tolist() for m in ("success", "agreement", "saved")} for a in ARMS},
        "contrasts": contrasted(CONTRASTS, found, seed=study.seed, words=MEASURES),
        "frontier": _frontier(kept["found"], preset, study.seed),
        "frontier_seeds": preset.frontier_seeds,
        "widths": [{k: v for k, v in row.items() if "seconds" not in k} for row in priced],
        "speed": [{k: v for k, v in row.items() if k == "width" or "seconds" in k} for row in priced],
    }
    summary["verdicts"] = verdicts(summary)
    summary["answer"], summary["caveats"] = answer(summary), caveats(summary)
    curves = {n: np.asarray(v) for n, v in kept["curves"].items()}
    curves["decisions"] = (np.arange(curves["agree/on"].shape[1]) + 0.5) * BIN
    return Result(summary, curves, [])


def _trained(study: Study, preset: Preset, env: Simulation) -> tuple[Team, dict]:
    """Teams, leading axes `[seeds, 2]`, and the success each had in the end under its drives `[2][seeds]`."""
    drives = np.concatenate([settings(preset.world)] * preset.seeds)
    trained = train(
        env,
        preset.learning,
        jax.random.split(study.key(1), len(drives)),
        drives,
        run=study.run.part("learning"),
        title=f"{preset.seeds} teams x 2 settings of drives",
        checked=False,
        quiet=study.quiet,
    )
    teams = jax.tree.map(lambda x: np.asarray(x).reshape(preset.seeds, 2, *x.shape[1:]), trained.teams)
    last = trained.metrics["signal"][:, -4:].mean(1).reshape(preset.seeds, 2, -1)
    return teams, {
        "before": last[:, 0, 0].tolist(),
        "after": last[:, 1, 1].tolist(),
        "unit": "success together at what counts, per decision, last four updates of training",
    }


def _summed(records: Record, plan, preset: Preset, env: Simulation, teams: Team) -> dict[str, Any]:
    """Measures, curves and buffers of all lives, as JSON."""
    warm, horizon = preset.life.warm, preset.world.horizon
    steady = slice(warm * horizon, (warm + preset.life.steady) * horizon)
    off = np.array([n == "off" for n, _ in plan])
    used = np.bincount(records.level[~off, steady].ravel(), minlength=len(FRACTIONS))
    one = jax.tree.map(lambda x: jnp.asarray(x[0, 0]), teams)
    prices = price_list(env, one, preset.life, preset.markers, (used > 0).tolist())
    found: dict[str, dict[str, list]] = {}
    curves: dict[str, list] = {}
    for i, (name, _) in enumerate(plan):
        mine = jax.tree.map(lambda x, i=i: x[i], records)
        row = outcomes(mine, preset.life, horizon, prices, cached=name != "off")
        for m, v in row.items():
            found.setdefault(name, {}).setdefault(m, []).append(v)
        if name in ARMS:
            for c in ("agree", "success", "computed"):
                points = binned(getattr(mine, c), min(BIN, horizon))
                curves.setdefault(f"{c}/{name}", []).append(points.tolist())
    on = np.array([n == "on" for n, _ in plan])
    levels = np.bincount(records.level[on, steady].ravel(), minlength=len(FRACTIONS))
    return {"found": found, "curves": curves, "prices": prices, "levels": (levels / levels.sum()).tolist()}


def _named(budget: float, preset: Preset) -> str:
    """What a budget of the trade-off is called; the declared one is the arm 'on' itself."""
    return "on" if budget == preset.intact.budget else f"budget {budget:g}"


def _frontier(found: dict, preset: Preset, seed: int) -> list[dict]:
    """One row per budget: saved, agreement and share of success kept, with intervals over seeds."""
    off = np.asarray(found["off"]["success"])[: preset.frontier_seeds]
    rows = []
    for budget in preset.budgets:
        lived = found[_named(budget, preset)]
        mine = {m: np.asarray(lived[m])[: len(off)] for m in ("saved", "agreement", "success")}
        kept = mine["success"] / np.where(off > 0, off, np.nan)
        table = {"saved": mine["saved"], "agreement": mine["agreement"]}
        table |= {"kept": kept} if np.isfinite(kept).all() else {}
        row = estimates({m: {"x": v} for m, v in table.items()}, seed=seed)["x"]
        rows.append({"budget": budget, "declared": budget == preset.intact.budget, "kept": None, **row})
    return rows


SOMATIC_MARKERS = Experiment(
    name="somatic-markers",
    question="Do cached associations of worth guide choice without full recomputation, and what do such "
    "habits cost when what was worth something no longer is?",
    arms=ARMS,
    outcome="FLOPs per decision (XLA's count of the programs that are run) and time; agreement with the full "
    "network under the same noise; success together at what counts, before and after drives reverse; "
    "decisions until agreement has recovered",
    test=f"{TEST} (all arms of a seed have the same networks, worlds and noise); the goal, "
    f"{100 * SAVED:.0f} % of FLOPs saved at {100 * AGREED:.0f} % agreement, counts as reached only if both "
    "95 % intervals lie beyond it",
    presets=PRESETS,
    measure=measure,
    parts=PARTS,
)
