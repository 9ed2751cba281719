"""Contrasts: which way a difference fell, what too few seeds can say, and how that is put into words."""

import numpy as np
import pytest

from socialsim.experiments.contrasts import (
    LEVEL,
    Contrast,
    contrasted,
    needed,
    paired,
    ranks,
    sentences,
    verdicts,
)


def questions(number=1):
    return [Contrast(f"q{i}", "a", "b", "m", "a is better", "a is worse") for i in range(number)]


def compared(difference, number=1, **options):
    base = np.full(len(difference), 1.0)
    return contrasted(questions(number), {"m": {"a": base + difference, "b": base}}, seed=0, **options)


def test_a_direction_needs_ranks_and_mean_to_agree():
    small = 0.01 + np.linspace(0, 0.001, 24)
    up = compared(small)["q0"]
    assert up["direction"] == "more" and up["ranks"] == pytest.approx(1)
    assert compared(-small)["q0"]["statement"] == "a is worse"
    small[0] = -0.6  # 23 seeds a little above, one far below
    found = compared(small)
    row = found["q0"]
    assert row["p"] < 0.001 and row["estimate"] < 0 < row["ranks"] and row["low"] < 0 < row["high"]
    assert row["direction"] == "none" and row["split"]
    told = verdicts(found)["q0"]
    assert told["supported"] is False and "worse" not in told["statement"]
    assert "opposite ways" in told["reason"] and "opposite ways" in sentences(found)[0]


def test_the_way_of_the_ranks_is_that_of_the_statistic():
    rng = np.random.default_rng(0)
    for _ in range(50):
        x = rng.normal(0.3, 1, 12).round(1)  # with ties and zeros
        plus = np.where(x > 0, 1, np.where(x < 0, 0, 0.5))
        order = np.argsort(np.argsort(np.abs(x) + 1e-9 * np.arange(12))) + 1
        assert np.sign(ranks(x)) == -np.sign(ranks(-x))
        if len(np.unique(np.abs(x))) == 12:
            assert np.sign(ranks(x)) == np.sign((plus - 0.5) @ order)


@pytest.mark.parametrize("number", [1, 4, 8, 10, 12])
def test_seeds_needed_are_the_fewest_that_can_reach_the_level(number):
    fewest = needed(number)
    best = np.arange(1.0, fewest + 1)  # all one way: the clearest that so many seeds can be
    assert paired(best, 0 * best) * number < LEVEL <= paired(best[:-1], 0 * best[:-1]) * number
    assert compared(best, number)["q0"]["direction"] == "more"
    short = compared(best[:-1], number)
    assert all(c["direction"] == "none" and c["untested"] for c in short.values())


@pytest.mark.parametrize("seeds", [1, 2, 5])
def test_too_few_seeds_are_not_a_null(seeds):
    found = compared(np.arange(seeds) + 10.0)
    told = verdicts(found)["q0"]
    assert told["supported"] is None
    assert told["reason"].startswith(f"not tested: {seeds} seed") and "6 seeds needed" in told["reason"]
    said = " ".join(sentences(found))
    assert "No difference" not in said and said.startswith(f"Not tested, as {seeds} seed")


def test_a_null_is_told_without_a_direction():
    found = compared(np.array([-1.0, 1.0] * 6) * np.arange(1, 13), words={"m": "how long it takes"})
    told = verdicts(found)["q0"]
    assert told["supported"] is False
    assert told["statement"] == "There is a difference between 'a' and 'b': how long it takes"
    assert sentences(found) == ["No difference that stands was found between 'a' and 'b' (m)."]
