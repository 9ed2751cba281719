"""The plain answer of `discovery`, and what to hold against it."""

from collections.abc import Mapping

from socialsim.analysis.wording import decimal, percent
from socialsim.experiments import contrasts
from socialsim.experiments.contrasts import LEVEL


def answer(summary: Mapping) -> list[str]:
    """A few plain sentences that say no more than the verdicts do."""
    m, asked = summary["measures"], summary["asked"]

    def rate(arm: str, measure: str) -> str:
        return decimal(m[arm][measure], ".4f")

    lines = [
        "On new tasks of the kind learned on, joint events per agent-step without any further learning: "
        f"{rate('demonstrations', 'zero_new')} after demonstrations, {rate('any bonus', 'zero_new')} after "
        f"discovery with a bonus, {rate('sparse', 'zero_new')} with joint success alone, "
        f"{rate('asking', 'zero_new')} where questions are answered, {rate('yoked', 'zero_new')} for a "
        f"passive learner, {rate('random', 'zero_new')} untrained; a scripted team that knows the rule "
        f"reaches {summary['yardsticks']['scripted']['new']:.4f}.",
    ]
    lines += contrasts.sentences(summary["contrasts"])
    share, again, unseen, with_answer, without = (
        asked[k]["estimate"]
        for k in ("all", "answer_in_sight", "no_answer_in_sight", "answered", "unanswered")
    )
    lines.append(
        f"Who may ask does so in {percent(share, 1)} of decisions: in {percent(unseen, 1)} of those with no "
        f"answer in sight, and in {percent(again, 1)} where one is. The same teams reach "
        f"{decimal(with_answer, '.4f')} where they are answered and {decimal(without, '.4f')} "
        "where nobody answers."
    )
    return lines


def caveats(summary: Mapping) -> list[str]:
    """What a careful reader should hold against the answer."""
    return [
        "Teams have no memory: they cannot remember an order, only react to what is in sight (which "
        "landmark is lit, who stands where, what is pointed at). How one with memory would compare was not "
        "asked.",
        "The demonstrator knows the order; who clones it does not see why it goes where it goes. "
        "Demonstrations show the way to act, not the rule.",
        "Demonstrations cost the learner environment steps, as everything else does: the scripted team acts "
        "in its place. All arms have the same number of environment and gradient steps, but the yoked one: "
        "it takes no environment steps of its own, and as many gradient steps.",
        "The passive learner is moved by joint success alone; the bonus of the one that it is yoked to "
        "shaped only what it lives through. It starts from weights of its own, as the untrained networks do: "
        "these two are paired with the other arms by tasks and chance, not by where they begin.",
        "'any bonus' stands for discovery, and is a weak opponent where bonuses do not help: joint success "
        "alone ('sparse') finds out, too, and demonstrations are held against both.",
        "Empowerment is computed in one decision of four, over two acts ahead, while others stand still.",
        "Bonuses fade to nothing towards the end of training. Their one common drive was chosen beforehand "
        "and not tuned for each, which may be kinder to some than to others.",
        f"The measure of a team is what it does for {summary['seeds']} seeds of one small kind of grid "
        f"world, {summary['agent_steps']:.2g} agent-steps each. Differences that stand here need not stand "
        "elsewhere.",
        f"p below {LEVEL} after correction for {len(summary['contrasts'])} questions; the five bonuses were "
        "tested together, as their mean. What single bonuses do is shown with intervals and was not tested.",
    ]
