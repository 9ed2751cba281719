"""An invented summary with invented curves, shaped like the experiment's own. For tests of the report only.

None of these figures was measured. Tests load this file with `runpy`, since they are collected one by one.
"""

import numpy as np

CHANNELS = ("attention", "imitation", "coordination")
ARMS = {
    "scratch": ("Scratch", 0.010, False),
    "shaping": ("Value shaping", 0.046, True),
    "distilled": ("Distilled reward", 0.039, True),
    "critic": ("Critic as initialisation", 0.016, True),
    "encoder": ("Encoder only", 0.014, True),
    "policy": ("Whole policy", 0.035, True),
    "random": ("Random head", 0.008, False),
    "shuffled": ("Shuffled head", 0.007, False),
    "flipped": ("Sign-flipped head", 0.001, False),
}
WORLDS = ("haul-v0", "rendezvous-mujoco-v0", "beam-v0")


def ranged(estimate: float, half: float, **more) -> dict:
    return {"estimate": estimate, "low": estimate - half, "high": estimate + half, **more}


def curves(seeds: int = 4, updates: int = 60, transfer_seeds: int = 6) -> dict[str, np.ndarray]:
    """Arrays as `report.write` takes them."""
    rng = np.random.default_rng(0)
    t = np.linspace(0, 1, updates)
    start = rng.uniform(0.25, 0.4, (seeds, 1))
    rise = 1 / (1 + np.exp(-14 * (t - start)))
    noise = lambda scale, *shape: rng.normal(0, scale, shape)  # noqa: E731
    joint = np.clip(
        0.0005 + 0.118 * rise * rng.uniform(0.92, 1.05, (seeds, 1)) + noise(0.002, seeds, updates), 0, 1
    )
    signal = np.stack([0.22 + 0.1 * rise, 0.02 + 0.03 * rise, joint], -1) + noise(0.004, seeds, updates, 3)
    fit = np.stack([0 * rise + 0.55 * t**0.4, 0 * rise + 0.3 * t**0.6, 0.7 * rise], -1)
    fit += noise(0.02, seeds, updates, 3)
    data = {
        "training/joint": joint,
        "training/signal": signal,
        "training/explained_variance": fit,
        "training/entropy": 2.2 - 1.1 * rise + noise(0.02, seeds, updates),
        "training/agent_steps": np.arange(1, updates + 1) * 32768.0,
        "transfer/agent_steps": np.arange(1, 41) * 16384.0,
    }
    time = np.linspace(0, 1, 40)
    for arm, (_, level, _) in ARMS.items():
        late = 0.75 - 12 * level + rng.normal(0, 0.04, (transfer_seeds, 1))
        data[f"transfer/{arm}"] = (
            0.09 / (1 + np.exp(-9 * (time - late))) * rng.uniform(0.85, 1.1, (transfer_seeds, 1))
        )
    return data


def summary() -> dict:
    """A whole summary, in the schema of the experiment."""
    return {
        "experiment": "emergent-values",
        "preset": "demo",
        "question": "Do agents that receive only social signals develop stable values that carry over?",
        "answer": [
            "Invented: agents given no task reward came to act together 230 times as often as random ones.",
            "Invented: their coordination values predict what follows in worlds they have never seen, and "
            "speed up learning in a larger and sparser one.",
        ],
        "caveats": [
            "Invented figures: this page tests the report.",
            "Four seeds carry a direction, not a size.",
        ],
        "config": {
            "world": "rendezvous-v0",
            "num_agents": 4,
            "seeds": 4,
            "ppo": {"learning_rate": 5e-4, "epochs": 2},
        },
        "channels": list(CHANNELS),
        "drives": {"attention": 0.02, "imitation": 0.05, "coordination": 1.0},
        "team_metric": {
            "unit": "joint events per agent-step",
            "random": ranged(0.000512, 0.0001),
            "scripted": ranged(0.1437, 0.004),
            "trained": ranged(0.1172, 0.0061, per_seed=[0.1121, 0.1189, 0.1166, 0.1212]),
            "ratio": ranged(229.1, 31.0),
        },
        "health": {
            c: {
                "explained_variance": ranged(0.41 + 0.1 * i, 0.06, per_seed=[0.4, 0.5]),
                "spearman": ranged(0.33 + 0.07 * i, 0.05, per_seed=[0.3, 0.4], shuffled=ranged(0.013, 0.02)),
            }
            for i, c in enumerate(CHANNELS)
        },
        "society": {
            "top_act": [0.41, 0.38, 0.44, 0.4],
            "match": [0.31, 0.29, 0.35, 0.3],
            "mutual_gaze": [0.12, 0.14, 0.11, 0.12],
            "movement": [0.52, 0.55, 0.49, 0.51],
            "closeness": [0.61, 0.64, 0.6, 0.58],
            "entropy": [1.12, 1.08, 1.17, 1.1],
        },
        "probes": [
            {
                "concept": concept,
                "layer": "trunk",
                "kind": "regression",
                "score": score,
                "selectivity": score - 0.08,
                "baselines": {
                    "untrained": score - gap,
                    "raw": score - gap - 0.1,
                    "random_projection": score - 0.35,
                },
                "advantage": gap,
                "low": gap - 0.05,
                "high": gap + 0.05,
                "verdict": "read beyond baselines" if gap > 0.05 else "not beyond baselines",
            }
            for concept, score, gap in (
                ("partners at my pad", 0.83, 0.21),
                ("partner looks at me", 0.71, 0.14),
                ("distance to nearest pad", 0.88, 0.03),
                ("partner copies me", 0.42, 0.02),
            )
        ],
        "counterfactuals": [
            {
                "edit": edit,
                "summary": words,
                "channel": c,
                "n": 512,
                "unit": "signal",
                **ranged(size[i], half),
            }
            for edit, words, size, half in (
                ("gaze_on", "Turn a partner's gaze onto me", (0.21, 0.02, 0.03), 0.021),
                ("gaze_off", "Turn a partner's gaze off me", (-0.17, -0.01, -0.02), 0.021),
                ("remove_partner", "Take the nearest partner away", (-0.12, -0.04, -0.31), 0.032),
                ("pad_nearer", "Move the nearest pad one body nearer", (0.01, 0.0, 0.19), 0.024),
                ("fill_pad", "Put a partner on my pad", (0.03, 0.01, 0.44), 0.043),
            )
            for i, c in enumerate(CHANNELS)
        ],
        "stability": {
            axis: {
                c: {
                    "icc": ranged(base + 0.05 * i, 0.07),
                    "kendall_w": ranged(base + 0.09 + 0.04 * i, 0.05),
                    "msr": 0.31 + i / 100,
                    "shuffled": ranged(0.011 * (i + 1), 0.03),
                    "unscaled": 0.5 + 0.1 * i,
                }
                for i, c in enumerate(CHANNELS)
            }
            for axis, base in (("seeds", 0.56), ("checkpoints", 0.72))
        }
        | {"anchor": {"name": "SVO retest ICC (human)", "value": 0.78, "status": "V"}},
        "zero_shot": {
            world: {
                c: {
                    "spearman": ranged(0.1 + 0.09 * i - 0.03 * w, 0.04),
                    "shuffled": ranged(0.005 * (w + 1), 0.025),
                    "untrained": ranged(0.0, 0.12),
                    "per_team": [0.1 + 0.09 * i, 0.08 * i],
                    "direction": "right" if i > w else "undecided",
                    "n": 256,
                    "behaviour": "scripted team, epsilon 0.3",
                }
                for i, c in enumerate(CHANNELS)
            }
            for w, world in enumerate(WORLDS)
        },
        "transfer": {
            "target": "rendezvous-v0, 15 x 15, two pads",
            "unit": "joint events per agent-step",
            "seeds": 6,
            "arms": {
                arm: {
                    "label": label,
                    **{"iqm": level, "low": level * 0.8, "high": level * 1.22},
                    "jumpstart": 0.0003 * (i + 1),
                    "asymptote": level * 1.9,
                    "time_to_threshold": None if level < 0.009 else 5e5 - 6e6 * level,
                    "improvement_over_scratch": None
                    if arm == "scratch"
                    else {"estimate": 0.97, "low": 0.64, "high": 1.0}
                    if better
                    else {"estimate": 0.31, "low": 0.08, "high": 0.67},
                }
                for i, (arm, (label, level, better)) in enumerate(ARMS.items())
            },
        },
        "verdicts": {
            "shaping_helps": {
                "supported": True,
                "statement": "Shaping by the source's values speeds up learning in the new world.",
                "reason": "shaping beats scratch and shuffled; P(improvement) with 95 % interval. "
                "Indicative: fewer than 10 seeds (6).",
                "comparisons": {"scratch": ranged(0.93, 0.07), "shuffled": ranged(0.94, 0.06)},
            },
            "values_transferred": {
                "supported": False,
                "statement": "Values, and not only a policy or an encoder, transferred.",
                "reason": "distilled is not shown to beat policy (it beats random, shuffled and encoder).",
                "comparisons": {"policy": ranged(0.61, 0.3)},
            },
            "human_like": {
                "supported": None,
                "statement": "The values resemble people's.",
                "reason": "Not tested: the human-likeness battery was not run.",
            },
            "stable": {
                "supported": None,
                "statement": "The values are as stable as people's.",
                "reason": "The interval of the ICC holds the human figure.",
            },
        },
        "timings": {
            "train": 151.2,
            "record": 12.4,
            "probe": 31.9,
            "transfer": 120.7,
            "report": 4.1,
            "total": 320.3,
        },
        "versions": {"socialsim": "0.1.0", "python": "3.11.2", "jax": "0.10.2"},
    }
