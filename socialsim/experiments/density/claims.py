"""The questions of reward-density, asked before the run."""

from socialsim.experiments.contrasts import Contrast
from socialsim.experiments.density.measures import SCRATCH


def _transfer(name: str, arm: str, against: str, one: str, other: str) -> Contrast:
    return Contrast(
        name,
        arm,
        against,
        "transfer",
        f"{one} transfers better than {other}",
        f"{one} transfers worse than {other}",
    )


CONTRASTS = (
    _transfer("smooth_or_abrupt", "linear", "abrupt", "A smooth dense-to-sparse fade", "an abrupt switch"),
    _transfer(
        "order", "linear", "reversed", "Dense to sparse", "sparse to dense with the same rewards in all"
    ),
    _transfer(
        "order_or_mixture",
        "linear",
        "random order",
        "A smooth dense-to-sparse fade",
        "its steps in random order",
    ),
    _transfer(
        "fade_or_sparse", "linear", "sparse", "A smooth dense-to-sparse fade", "the sparse reward alone"
    ),
    _transfer("fade_or_dense", "linear", "dense", "A smooth dense-to-sparse fade", "dense rewards alone"),
    _transfer("learned_or_fade", "learned", "linear", "Learned density", "a smooth dense-to-sparse fade"),
    _transfer("learned_or_sparse", "learned", "sparse", "Learned density", "the sparse reward alone"),
    _transfer(
        "anything_carried",
        "sparse",
        SCRATCH,
        "A team that learned from the sparse reward",
        "a team that never learned",
    ),
    Contrast(
        "dark_room",
        "dark room",
        "dense",
        "movement",
        "Paid for plain predictability, teams move more than paid for skill",
        "Paid for plain predictability, teams come to rest more than paid for skill: the dark room",
    ),
)

WORDS = {
    "transfer": "success in held-out tasks, over the whole curve of learning there",
    "movement": "how much teams move",
}
