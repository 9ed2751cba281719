"""value-drift: how should an assistant be aligned to people whose values change because of it?"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from socialsim.core.errors import integer, number
from socialsim.experiments.contrasts import TEST, Contrast, contrasted, estimates
from socialsim.experiments.drift import debate
from socialsim.experiments.drift.answer import answer, caveats, verdicts
from socialsim.experiments.drift.assistants import UNBOUNDED, Assistant
from socialsim.experiments.drift.claims import ranked
from socialsim.experiments.drift.evaluation import evaluate
from socialsim.experiments.drift.page import PARTS
from socialsim.experiments.drift.society import SocietyConfig
from socialsim.experiments.drift.training import (
    DriftTraining,
    Objective,
    objective,
    stack,
    train_assistants,
    train_debaters,
)
from socialsim.experiments.experiment import Experiment, Result, Study
from socialsim.progress import bar

ARMS = {
    "start": "trained to serve the values that people had at the start",
    "natural": "trained to serve the values that people would have without any assistant (counterfactual)",
    "now": "trained to serve the values that people hold at the time",
    "end": "trained to serve the values that people will hold at the end",
    "adjusted": "trained for the worst of these four yardsticks (drift-adjusted minimum), which is the "
    "measure that arms are judged by",
    "limited": "trained to serve the values of the time, under a constitution that bounds induced shift",
    "debate": "two assistants argue for options before a judge, each trained to win",
    "myopic": "control: as 'now', but it does not plan what it does to values",
    "servant": "control, scripted: half of the time, shows each person what they now like best",
    "manipulator": "control, scripted: always shows everyone what they like least",
    "null": "control, scripted: shows nothing; its world is the counterfactual one",
}

CONTRASTS = (
    Contrast(
        "now_or_natural",
        "now",
        "natural",
        "shift",
        "Serving the values of the time moves people further than serving their natural values",
        "Serving the values of the time moves people less far than serving their natural values",
    ),
    Contrast(
        "planned",
        "now",
        "myopic",
        "shift",
        "An assistant that plans what it does to values moves people further than one that does not",
        "An assistant that plans what it does to values moves people less far than one that does not",
    ),
    Contrast(
        "end_or_now",
        "end",
        "now",
        "shift",
        "Serving the values of the end moves people further than serving those of the time",
        "Serving the values of the end moves people less far than serving those of the time",
    ),
    Contrast(
        "start_or_natural",
        "start",
        "natural",
        "shift",
        "Serving the values of the start moves people further than serving their natural values",
        "Serving the values of the start moves people less far than serving their natural values",
    ),
    Contrast(
        "adjusted_or_now",
        "adjusted",
        "now",
        "alignment",
        "By the worst yardstick, training for just this does better than training for the values of the time",
        "By the worst yardstick, training for just this does worse than training for the values of the time",
    ),
    Contrast(
        "limited_or_now",
        "limited",
        "now",
        "alignment",
        "The constitution improves drift-adjusted alignment",
        "The constitution costs drift-adjusted alignment: less shift, and less service",
    ),
    Contrast(
        "debate_or_now",
        "debate",
        "now",
        "alignment",
        "The debate aligns better than training for the values of the time",
        "The debate aligns worse than training for the values of the time",
    ),
    Contrast(
        "debate_shift",
        "debate",
        "now",
        "shift",
        "The debate moves people further than an assistant for the values of the time",
        "The debate moves people less far than an assistant for the values of the time",
    ),
)

WORDS = {
    "shift": "how far people are moved",
    "alignment": "service by the worst of the four yardsticks",
}


@dataclasses.dataclass(frozen=True)
class Preset:
    """Seeds and budget.

    seeds: independent trainings of every arm.  worlds: unseen societies that each is measured in.
    bounds: of the constitution, in units of values; `bound` is that of the arm "limited".
    group: seeds trained at once; a stopped run goes on at the next group.
    """

    seeds: int = 24
    worlds: int = 32
    society: SocietyConfig = dataclasses.field(default=SocietyConfig())
    training: DriftTraining = dataclasses.field(default=DriftTraining(updates=100, learning_rate=0.05))
    bound: float = 0.1
    bounds: tuple[float, ...] = (0.025, 0.05, 0.1, 0.2)
    group: int = 12

    def __post_init__(self):
        for name in ("seeds", "worlds", "group"):
            integer(name, getattr(self, name), low=1)
        for bound in (*self.bounds, self.bound):
            number("bound", bound, low=0.0, above=True)


PRESETS = {
    "demo": Preset(),
    "paper": Preset(
        seeds=200,
        worlds=256,
        society=SocietyConfig(people=64, values=4, options=12, steps=60),
        training=DriftTraining(updates=600, batch=16, learning_rate=0.03),
        bounds=(0.0125, 0.025, 0.05, 0.1, 0.2, 0.4),
        group=50,
    ),
    "test": Preset(
        seeds=6,
        worlds=4,
        society=SocietyConfig(people=6, values=2, options=3, steps=6),
        training=DriftTraining(updates=4, batch=1),
        bounds=(0.05, 0.1),
        group=3,
    ),
}


def aims(preset: Preset) -> dict[str, Objective]:
    """Arm -> objective: the yardsticks, the myopic control, and the constitution at every bound."""
    out = {n: objective(n) for n in ("start", "natural", "now", "end", "adjusted")}
    out["myopic"] = objective("now", myopic=True)
    for bound in dict.fromkeys((preset.bound, *preset.bounds)):
        name = "limited" if bound == preset.bound else f"limited to {bound:g}"
        out[name] = objective("now", bound=bound)
    return out


def measure(study: Study, preset: Preset) -> Result:
    """All stages: training, lives beside their paired worlds, and lives where options move nobody."""
    names, target = list(aims(preset)), stack(aims(preset).values())
    assistants, sides, learning = _trained(study, preset, target)

    def lives(society: SocietyConfig) -> dict:
        keys = jax.random.split(study.key(2), preset.seeds)
        return evaluate(names, assistants, target.bound, sides, keys, society, preset.worlds)

    kept = study.stage("living beside the paired world", lambda: _lists(lives(preset.society)))
    found = {m: {a: np.asarray(v) for a, v in arms.items()} for m, arms in kept.items()}
    placebo = study.stage(
        "where options move nobody",
        lambda: {
            a: float(v.max())
            for a, v in lives(dataclasses.replace(preset.society, exposure=0.0))["largest_shift"].items()
        },
    )
    summary = {
        "seeds": preset.seeds,
        "societies_per_seed": preset.worlds,
        "bound": preset.bound,
        "bounds": {n: float(b) for n, b in zip(names, target.bound, strict=True) if b < UNBOUNDED},
        "ranking": ranked(found),
        "placebo": placebo,
        "measures": _estimates(found, study.seed),
        "contrasts": contrasted(CONTRASTS, found, seed=study.seed, words=WORDS),
        "weights": _weights(assistants, names),
    }
    summary["verdicts"] = verdicts(summary, found)
    summary["answer"], summary["caveats"] = answer(summary), caveats(summary)
    curves = {f"shift/{a}": v for a, v in found["shift_over_time"].items()}
    curves |= {f"{m}/{a}": v for m in ("record", "spread") for a, v in found[m].items()}
    return Result(summary, curves | {f"training/{n}": learning[:, j] for j, n in enumerate(names)}, [])


def _trained(study: Study, preset: Preset, target: Objective):
    """Assistants `[S, J, ...]`, debaters `[S, ...]`, scores `[S, J, updates]`; a group of seeds a stage."""
    keys, parts = jax.random.split(study.key(1), preset.seeds), []
    for first in range(0, preset.seeds, preset.group):
        group = keys[first : first + preset.group]
        title = f"training, seeds {first + 1} to {first + len(group)}"

        def train(group=group, title=title) -> dict:
            with bar(title, 2 * preset.training.updates, quiet=study.quiet) as told:
                assistants, scores = train_assistants(
                    group, target, preset.society, preset.training, told=told
                )
                sides, _ = train_debaters(group, preset.society, preset.training, told=told)
            return {
                "assistants": _lists(dataclasses.asdict(assistants)),
                "debaters": [_lists(dataclasses.asdict(s)) for s in sides],
                "scores": np.asarray(scores, float).tolist(),
            }

        parts.append(study.stage(title, train))
    joined = [_join([p["assistants"] for p in parts])]
    joined += [_join([p["debaters"][i] for p in parts]) for i in range(2)]
    sides = tuple(debate.Debater(Assistant(**d["assistant"]), d["stress"]) for d in joined[1:])
    return Assistant(**joined[0]), sides, np.concatenate([p["scores"] for p in parts])


def _lists(tree: Any) -> Any:
    if isinstance(tree, Mapping):
        return {k: _lists(v) for k, v in tree.items()}
    return np.asarray(tree, float).tolist()


def _join(parts: list) -> Any:
    """Read back what `_lists` wrote, groups of seeds one after another."""
    if isinstance(parts[0], Mapping):
        return {k: _join([p[k] for p in parts]) for k in parts[0]}
    return jnp.asarray(np.concatenate([np.asarray(p) for p in parts]), jnp.float32)


def _estimates(found: Mapping[str, Mapping[str, np.ndarray]], seed: int) -> dict[str, dict]:
    """arm -> measure -> mean over seeds with its 95 % interval; the largest shift of all beside its mean."""
    out = estimates({m: arms for m, arms in found.items() if m != "shift_over_time"}, seed=seed)
    for arm, row in out.items():
        row["largest_shift"]["highest"] = float(found["largest_shift"][arm].max())
    return out


def _weights(assistants: Assistant, names: list[str]) -> dict[str, list]:
    """What each objective came to weigh, context x consideration, mean over seeds."""
    return {n: np.asarray(assistants.weights[:, j], float).mean(0).tolist() for j, n in enumerate(names)}


VALUE_DRIFT = Experiment(
    name="value-drift",
    question="How should an assistant be aligned to people whose values change because of it?",
    arms=ARMS,
    outcome="induced shift D = |theta - theta_nat| beside the paired world of a null assistant; utility by "
    "values at the start, natural, now and at the end; drift-adjusted alignment, the least of these four "
    "less the null's",
    test=f"{TEST} (seeds share societies and noise); the three scripted arms must be ranked right in 95 % of "
    "seeds",
    presets=PRESETS,
    measure=measure,
    parts=PARTS,
)
