import numpy as np
import pytest

from socialsim.core.errors import OptionError
from socialsim.transfer import SHAPING_HELPS, VALUES_TRANSFERRED, ClaimRule
from socialsim.transfer.claims import by_source

ARMS = VALUES_TRANSFERRED.controls


def planted(rng, seeds, effects):
    """AUCs of the distilled arm `effects[c]` standard deviations above each control, the rest at most."""
    effects = (*effects, *[max(effects)] * (len(ARMS) - len(effects)))
    auc = {c: rng.normal(size=seeds) for c in ARMS}
    top = max(effects)
    for c, e in zip(ARMS, effects, strict=True):
        auc[c] = auc[c] + top - e
    return auc | {"distilled": rng.normal(size=seeds) + top, "scratch": rng.normal(size=seeds)}


def rate(rng, trials, seeds, effects, **options):
    rule = VALUES_TRANSFERRED
    return np.mean([bool(rule(planted(rng, seeds, effects), **options).supported) for _ in range(trials)])


@pytest.mark.parametrize("seeds", [4, 6, 10])
@pytest.mark.parametrize("effects", [(0, 0, 0, 0), (5, 5, 0, 5), (5, 5, 5, 0), (5, 5, 5, 5, 0)])
def test_planted_nulls_are_claimed_in_at_most_five_percent(seeds, effects):
    """Also the hard null: values no better than the encoder or the policy, but better than all else."""
    assert rate(np.random.default_rng(seeds), 300, seeds, effects) <= 0.05


@pytest.mark.parametrize("effect", [2.5, 4.0])
def test_planted_transfers_are_found_at_ten_seeds(effect):
    assert rate(np.random.default_rng(0), 150, 10, (effect,) * 4) >= 0.90


def test_null_across_physics_and_for_shaping():
    rng = np.random.default_rng(3)
    assert rate(rng, 300, 10, (5, 5, 0, 5), across_physics=True) <= 0.05
    claims = 0
    for _ in range(300):
        shaping, scratch, shuffled = rng.normal(size=(3, 10))
        auc = {"shaping": shaping, "scratch": scratch, "shuffled": shuffled - 5}
        claims += bool(SHAPING_HELPS(auc).supported)
    assert claims / 300 <= 0.05


def test_verdict_in_words():
    auc = planted(np.random.default_rng(0), 10, (9, 9, 9, 9))
    verdict = VALUES_TRANSFERRED(auc)
    assert verdict.supported is True
    named = "random, shuffled, encoder, policy, permuted and distilled-untrained"
    assert verdict.reason.startswith(f"distilled beats {named};")
    assert "ndicative" not in verdict.reason
    assert verdict.to_dict()["comparisons"]["policy"]["estimate"] == 1.0
    mixed = VALUES_TRANSFERRED(auc | {"policy": auc["distilled"]})
    assert mixed.supported is False and "not shown to beat policy" in mixed.reason


def test_policy_arm_is_dropped_across_physics_and_this_is_said():
    auc = planted(np.random.default_rng(0), 10, (9, 9, 9, 9))
    del auc["policy"]
    assert VALUES_TRANSFERRED(auc).supported is None
    verdict = VALUES_TRANSFERRED(auc, across_physics=True)
    assert verdict.supported is True and "policy" not in verdict.comparisons
    assert "policy arm is dropped" in verdict.reason


def test_missing_or_broken_arms_leave_it_untested():
    auc = planted(np.random.default_rng(0), 10, (9, 9, 9, 9))
    no_encoder = {k: v for k, v in auc.items() if k != "encoder"}
    verdict = VALUES_TRANSFERRED(no_encoder)
    assert verdict.supported is None and "no encoder arm" in verdict.reason
    assert "random" in verdict.comparisons
    assert VALUES_TRANSFERRED({}).supported is None
    broken = VALUES_TRANSFERRED(auc | {"random": np.full(10, np.nan)})
    assert broken.supported is None and "NaN" in broken.reason
    assert VALUES_TRANSFERRED({k: v[:1] for k, v in auc.items()}).supported is None


@pytest.mark.parametrize(("seeds", "supported"), [(3, False), (4, True), (9, True)])
def test_few_seeds_are_indicative(seeds, supported):
    auc = {k: v * 0.01 for k, v in planted(np.random.default_rng(0), seeds, (900, 900, 900, 900)).items()}
    verdict = VALUES_TRANSFERRED(auc)
    assert verdict.supported is supported
    assert f"Indicative: fewer than 10 seeds ({seeds})" in verdict.reason
    assert ("no result could have" in verdict.reason) == (seeds < 4)


def test_rules_check_their_options():
    with pytest.raises(OptionError, match="controls"):
        ClaimRule("x", "a", ("a",))
    with pytest.raises(OptionError, match="per seed"):
        SHAPING_HELPS({k: np.zeros((4, 2)) for k in ("shaping", "scratch", "shuffled")})


def test_the_positive_control_says_what_a_failed_claim_is_worth():
    rng = np.random.default_rng(0)
    null = planted(rng, 10, (0, 0, 0, 0))
    assert "No positive control (oracle) was run" in VALUES_TRANSFERRED(null).reason
    blind = VALUES_TRANSFERRED(null | {"oracle": null["scratch"]})
    assert blind.supported is False and "the test could not have shown it" in blind.reason
    seeing = VALUES_TRANSFERRED(null | {"oracle": null["scratch"] + 9})
    assert seeing.supported is False and "oracle) beats no reward at all: 1.00" in seeing.reason
    assert seeing.to_dict()["positive"]["estimate"] == 1.0
    untested = VALUES_TRANSFERRED({"oracle": np.ones(4), "scratch": np.ones(4)})
    assert untested.supported is None and "positive" not in untested.reason


def test_further_controls_count_for_shaping_where_they_were_run():
    auc = {"shaping": np.arange(10.0) + 90, "scratch": np.arange(10.0), "shuffled": np.arange(10.0)}
    assert SHAPING_HELPS(auc).supported is True
    beaten = SHAPING_HELPS(auc | {"flipped": auc["shaping"], "random": auc["scratch"]})
    assert beaten.supported is False and "not shown to beat flipped" in beaten.reason


def test_learners_of_one_source_are_one():
    """Twelve learners of three teams are three, and carry no claim; of four teams they are four."""
    auc = {k: v * 0.01 for k, v in planted(np.random.default_rng(0), 12, (900,) * 4).items()}
    three = VALUES_TRANSFERRED(auc, sources=[i % 3 for i in range(12)])
    assert three.supported is None and three.reason.startswith("Not tested: 3 source teams; 4 needed.")
    assert three.comparisons["random"].n == 3
    four = VALUES_TRANSFERRED(auc, sources=[i % 4 for i in range(12)])
    assert four.supported is True and four.comparisons["random"].n == 4
    assert by_source({"a": [1.0, 2.0, 3.0, 5.0, 0.0]}, [0, 1, 0, 1, 2])["a"].tolist() == [2.0, 3.5, 0.0]
    with pytest.raises(OptionError, match="its source"):
        VALUES_TRANSFERRED(auc, sources=[0, 1])


def test_teams_that_differ_make_no_claim_however_many_learners_each_has():
    """A source's learners score alike: counted one by one they claim falsely, counted as one they do not."""
    rng, singly, rightly = np.random.default_rng(5), 0, 0
    owner = np.repeat(np.arange(4), 5)
    for _ in range(200):
        arms = ("shaping", "scratch", "shuffled")
        auc = {a: rng.normal(size=4)[owner] + 0.1 * rng.normal(size=20) for a in arms}
        auc["shuffled"] = auc["scratch"] - 9
        singly += bool(SHAPING_HELPS(auc).supported)
        rightly += bool(SHAPING_HELPS(auc, sources=owner.tolist()).supported)
    assert rightly / 200 <= 0.05 < singly / 200
