"""Make the teams that ship with the package: `python tools/make_pretrained.py [--agent-steps N] [RUN]`.

Surveys every world (`socialsim survey`; RUN, default runs/survey, goes on where it was stopped), puts all its
teams, good and bad, into socialsim/agents/weights with a model card each, and the table into docs/survey.md.
"""

import argparse
import math
import shutil
from pathlib import Path

import socialsim
from socialsim import devices
from socialsim.agents.pretrained import model_card, pretrained
from socialsim.analysis.wording import span
from socialsim.experiments.survey import survey

ROOT = Path(__file__).resolve().parents[1]
WEIGHTS = ROOT / "socialsim" / "agents" / "weights"

CARD = """# {world}: {seeds} teams, trained on social signals alone

`socialsim.load_pretrained("{world}", seed=0)`; made by `python tools/make_pretrained.py`, which trains one
team per seed and keeps them all: none was chosen.

| | joint events per agent-step |
|---|---|
| random team | {random} |
| these teams | {trained} |
| each of them | {each} |
| scripted team | {scripted} |

{reads}

- **Training**: {steps:,} agent-steps each, which is short; PPO, {worlds} worlds; drives {drives}; no task
  reward.
- **Measured** on {episodes} fresh episodes each, with the weights as they ship (16 bits). Brackets: 95 %
  over episodes, not over seeds.
- **Value heads**, rank agreement with returns on held-out episodes, by seed: {health}.
  Below about 0.1 a head has learned next to nothing and should not be interpreted.
- **Use**: examples, probes and transfer in notebooks and tests. Not for claims: train seeds of your own.
- **Limits**: the senses are those of feature table {features}; other tables are refused when loading. Agents
  of one team share their parameters.
- **Versions**: {versions}.
"""

SURVEY = """# What teams reach in every world

Joint events per agent-step of a random team, of teams trained for a short while on social signals alone
({steps:,} agent-steps, {seeds} seeds, no tuning per world), and of a scripted team that is told the task.
Brackets are 95 % intervals over {episodes} episodes a team. Where training ends near the random team, the
joint event was hardly ever met by chance within this budget: that is what these worlds are for.

{table}
Made by `python tools/make_pretrained.py`, which also keeps the trained teams
(`socialsim.load_pretrained("rendezvous-v0")`); or by `socialsim survey --agent-steps {asked}`.
"""

BETTER = "They do better than chance."
NO_BETTER = "**They are not shown to do better than chance.**"


def rank(rho: float | None) -> str:
    """A head whose signal never came has no rank agreement."""
    return "none" if rho is None or not math.isfinite(rho) else f"{rho:+.2f}"


def card(id: str) -> str:
    about = model_card(id)
    joint = about["joint_per_agent_step"]
    learned = joint["trained"]["low"] > joint["random"]["high"]
    heads = [f"{c} {', '.join(map(rank, each))}" for c, each in about["rank_agreement"].items()]
    return CARD.format(
        **{k: about[k] for k in ("world", "seeds", "episodes")},
        **{k: span(joint[k], ".4f") for k in ("random", "trained", "scripted")},
        each=", ".join(f"{x:.4f}" for x in joint["seeds"]),
        reads="They do better than chance."
        if learned
        else "**They are not shown to do better than chance.**",
        steps=about["agent_steps"],
        worlds=about["ppo"]["worlds"],
        drives=", ".join(f"{c} {w:g}" for c, w in about["drives"].items()),
        health="; ".join(heads),
        features=about["features"],
        versions=", ".join(f"{k} {v}" for k, v in about["versions"].items()),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", nargs="?", type=Path, default=ROOT / "runs" / "survey")
    parser.add_argument("--agent-steps", type=int, default=500_000)
    given = parser.parse_args()
    path = survey(path=given.run, agent_steps=given.agent_steps)
    for id in socialsim.worlds():
        shutil.copy(path / f"{id}.npz", WEIGHTS / f"{id}.npz")
    first = model_card(pretrained()[0])
    for id in pretrained():
        (WEIGHTS / f"{id}.md").write_text(card(id), encoding="utf-8")
    text = SURVEY.format(
        steps=first["agent_steps"],
        asked=given.agent_steps,
        seeds=first["seeds"],
        episodes=first["episodes"],
        table=(path / "survey.md").read_text(encoding="utf-8"),
    )
    (ROOT / "docs" / "survey.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    devices.use_all_cores()
    main()
