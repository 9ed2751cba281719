"""Certificates on planted cases: what is used, what lies idle, what is not there; and the rule's clauses."""

import dataclasses

import jax
import numpy as np
import pytest
import xarray as xr

import socialsim
from socialsim.agents.bots import random_team
from socialsim.agents.networks import NetworkConfig
from socialsim.agents.team import new_team
from socialsim.analysis.certificate import ABSENT, UNDECIDED, UNUSED, USED, Certificate, Rule
from socialsim.analysis.certify import NEEDED, Certify, _scene, certify
from socialsim.analysis.edits import RemovePartner, TurnGaze
from socialsim.analysis.probes import Intervention, OnlineCode, Probe, Target
from socialsim.analysis.recording import play
from socialsim.analysis.statistics import Estimate, undefined
from socialsim.core.errors import OptionError

N, GROUPS = 800, 40
GROUP = np.repeat(np.arange(GROUPS), N // GROUPS)
STEPS = Certify(
    Probe(resamples=200), OnlineCode(resamples=200), Intervention(NEEDED, randoms=60, resamples=200)
)
DRAWS = 20
"""Draws per planted case, of which one may be called otherwise: what is right in 80 % fails that in 93 %."""


def planted(seed, used, noise=False, decoy=0.0, strength=2.5, effect=None, rows=N):
    """One layer in a random basis: a concept z, and u, v that the value reads; z is read where `used`.

    noise: the concept certified is none of them.  decoy: how far u goes with z.  strength: of z's own trace.
    effect: of the scene edit.  rows: of the layer.
    """
    rng = np.random.default_rng(seed)
    width, group = int(rng.integers(16, 33)), np.repeat(np.arange(GROUPS), rows // GROUPS)
    latent = rng.normal(size=rows) + 0.5 * rng.normal(size=GROUPS)[group]
    z = (latent > 0).astype(float)
    x = rng.normal(size=(rows, width))
    x[:, 0] += strength * z
    x[:, 1] += 2 * (decoy * latent + rng.normal(size=rows))
    x[:, 2] += 2 * rng.normal(size=rows)
    basis = np.linalg.qr(rng.normal(size=(width, width)))[0]
    weights = np.zeros((width, 1))
    weights[1:3] = 1
    weights[0] = used
    target = Target(z, "binary")
    if noise:
        target = Target(rng.normal(size=rows) + 0.5 * rng.normal(size=GROUPS)[group])
    return STEPS(
        {"layer": x @ basis},
        {"c": target},
        {"layer": lambda h: np.tanh(np.asarray(h) @ basis.T @ weights / 3)},
        channels=("v",),
        groups=group,
        types=rng.integers(30, size=rows),
        observation=rng.normal(size=(rows, 20)),
        untrained={"layer": rng.normal(size=(rows, width))},
        scene=_scene_edit(effect),
    ).items[0]


def _scene_edit(effect):
    """What a `Counterfactual` found for the concept: (mean, low, high), or nothing."""
    if effect is None:
        return None
    mean, low, high = effect
    cell = {"estimate": mean, "low": low, "high": high, "standardised": mean, "largest": abs(high)}
    cell |= {"worlds": GROUPS, "reason": ""}
    return {"c": xr.Dataset({k: ("channel", [v]) for k, v in cell.items()}, {"channel": ["v"]})}


@pytest.mark.parametrize(
    ("case", "wanted"),
    [
        ({"used": 1}, USED),
        ({"used": 0, "rows": 1600}, UNUSED),  # in 800 a probe strays: the value follows by more than 5 %
        ({"used": 0, "noise": True}, ABSENT),
        ({"used": 0, "decoy": 0.7, "strength": 6, "effect": (0.001, -0.01, 0.01)}, UNUSED),
    ],
    ids=["used", "decodable but unused", "noise", "unused beside a used decoy, scene inert"],
)
def test_planted_cases_are_called_what_they_are(case, wanted):
    found = [planted(seed, **case).verdict for seed in range(DRAWS)]
    assert found.count(wanted) >= DRAWS - 1, found
    if case.get("noise"):
        assert USED not in found and UNUSED not in found


def rectified(seed, used, effect):
    """A wide rectified layer, as in the critics: edits along the probe alone are seldom complete there."""
    rng = np.random.default_rng(seed)
    latent = rng.normal(size=N) + 0.5 * rng.normal(size=GROUPS)[GROUP]
    z = (latent > 0).astype(float)
    x = rng.normal(size=(N, 6))
    x[:, 0] += 2.5 * z
    h = np.maximum(x @ rng.normal(size=(6, 64)) / 2 + rng.normal(size=64), 0) + 0.3 * rng.normal(size=(N, 64))
    wanted = used * x[:, 0] + x[:, 1] + x[:, 2]
    weights, *_ = np.linalg.lstsq(np.column_stack([h, np.ones(N)]), wanted, rcond=None)
    return STEPS(
        {"layer": h},
        {"c": Target(z, "binary")},
        {"layer": lambda h: np.tanh((np.asarray(h) @ weights[:-1, None] + weights[-1]) / 3)},
        channels=("v",),
        groups=GROUP,
        types=rng.integers(30, size=N),
        observation=rng.normal(size=(N, 20)),
        scene=_scene_edit(effect),
    ).items[0]


@pytest.mark.slow
def test_where_the_edit_fails_the_shift_decides_with_the_scene():
    used = [rectified(seed, 1, effect=(0.3, 0.2, 0.4)) for seed in range(DRAWS)]
    idle = [rectified(seed, 0, effect=(0.001, -0.01, 0.01)) for seed in range(DRAWS)]
    alone = [rectified(seed, 1, effect=None) for seed in range(3)]
    incomplete = [c for c in used + idle if c.completeness.low <= Rule().completeness]
    assert len(incomplete) >= DRAWS // 2, "the case is about edits that fail"
    assert [c.verdict for c in used].count(USED) >= DRAWS - 1
    assert [c.verdict for c in idle].count(UNUSED) >= DRAWS - 1
    assert all(c.verdict == UNDECIDED for c in alone if c.completeness.low <= Rule().completeness)


def test_a_decoy_without_scene_evidence_is_never_certified_as_used():
    """Erasing the concept also takes what goes with it; the edit does not: the two disagree."""
    found = [planted(seed, used=0, decoy=0.7, strength=6) for seed in range(8)]
    assert USED not in [c.verdict for c in found]
    assert "erasure does" in found[0].reason


def test_what_drives_the_value_less_than_its_neighbour_does_is_not_called_idle():
    """V = z1 + 0.2 z2: in so few dimensions a random change is mostly of z1 and outweighs that of z2."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(N, 16))
    basis = np.linalg.qr(rng.normal(size=(16, 16)))[0]
    second, idle = STEPS(
        {"layer": z @ basis},
        {"second": Target(z[:, 1]), "idle": Target(z[:, 5])},
        {"layer": lambda h: np.asarray(h) @ basis.T @ np.eye(16)[:, :2] @ [[1.0], [0.2]]},
        channels=("v",),
        groups=GROUP,
        types=rng.integers(40, size=N),
        observation=rng.normal(size=(N, 5)),
    )
    assert second.edit.high < 1 and second.erasure.high < 1 and second.rise.low > 0.2
    assert second.verdict == UNDECIDED and "not shown to be within 0.05" in second.reason
    assert idle.verdict == UNUSED


def good(**changes) -> Certificate:
    """Evidence for the strongest verdict."""

    def e(low, high, **more):
        return Estimate((low + high) / 2, low, high, 40, **more)

    evidence = {
        "score": e(0.8, 0.9),
        "selectivity": e(0.3, 0.4),
        "compression": e(2.0, 3.0),
        "gain": e(0.5, 0.7),
        "advantage": e(0.1, 0.2),
        "baselines": {"untrained": 0.6, "observation": 0.7, "projection": 0.6},
        "edit": e(3.0, 3.5, null=1.0, null_low=0.1, null_high=2.1),
        "erasure": e(2.5, 3.0, null=1.0, null_low=0.1, null_high=2.1),
        "completeness": e(0.8, 0.9),
        "shift": e(3.0, 3.5, null=1.0, null_low=0.1, null_high=2.1),
        "shift_completeness": e(0.8, 0.9),
        "specificity": e(0.9, 1.0),
        "rise": e(-0.01, 0.02),
        "scene": e(0.2, 0.4),
    }
    claim = {"concept": "c", "channel": "v", "layer": "trunk", "kind": "binary"}
    return Certificate(**claim, **{**evidence, **changes})


def near(low, high, null_high=2.1):
    return Estimate((low + high) / 2, low, high, 40, 1.0, 0.1, null_high)


SMALL = {"edit": near(0.2, 0.5), "erasure": near(0.2, 0.5), "scene": None}


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, USED),
        ({"scene": None}, USED),
        ({"scene": near(-0.1, 0.1)}, UNDECIDED),
        ({"edit": near(1.5, 3.5)}, UNDECIDED),
        ({"erasure": near(0.2, 0.5)}, UNDECIDED),
        ({"edit": near(0.2, 0.5), "erasure": near(0.2, 0.5), "scene": None}, UNUSED),
        ({**SMALL, "rise": near(0.3, 0.33)}, UNDECIDED),  # less than a random change is not little
        ({**SMALL, "rise": near(-0.06, 0.01)}, UNDECIDED),
        ({**SMALL, "rise": undefined(3, "why")}, UNDECIDED),
        ({**SMALL, "rise": near(0.3, 0.33), "scene": near(-0.01, 0.02)}, UNUSED),  # the scene settles it
        (
            {**SMALL, "scene": near(-0.1, 0.1), "completeness": near(0.3, 0.6), "shift": near(0.2, 0.5)},
            UNDECIDED,
        ),
        ({"edit": near(0.2, 1.2), "erasure": near(0.2, 0.5)}, UNDECIDED),
        ({"edit": near(0.2, 0.5), "scene": near(-0.01, 0.02)}, UNUSED),
        ({"edit": near(0.2, 0.5), "scene": None}, UNDECIDED),
        ({"edit": near(0.2, 0.5), "erasure": near(0.2, 0.5)}, UNDECIDED),  # the scene says otherwise
        ({"completeness": near(0.3, 0.6)}, USED),  # the shift stands in, and the scene confirms it
        ({"completeness": near(0.3, 0.6), "scene": None}, UNDECIDED),
        ({"completeness": near(0.3, 0.6), "scene": near(-0.01, 0.02)}, UNDECIDED),
        ({"completeness": near(0.3, 0.6), "shift": near(0.2, 0.5), "scene": near(-0.01, 0.02)}, UNUSED),
        ({"completeness": near(0.3, 0.6), "shift_completeness": near(0.3, 0.6)}, UNDECIDED),
        ({"completeness": undefined(3, "why"), "shift_completeness": undefined(3, "why")}, UNDECIDED),
        ({"score": near(0.45, 0.54)}, ABSENT),
        ({"score": near(0.45, 0.7), "gain": near(-0.2, -0.1)}, ABSENT),
        ({"score": near(0.45, 0.7)}, UNDECIDED),
        ({"score": near(0.53, 0.7)}, UNDECIDED),
        ({"selectivity": near(0.0, 0.4)}, UNDECIDED),
        ({"gain": near(-0.1, 0.4)}, UNDECIDED),
        ({"gain": undefined(3, "why")}, UNDECIDED),
        ({"score": undefined(3, "one class only")}, UNDECIDED),
        ({"edit": undefined(3, "the value does not vary")}, UNDECIDED),
    ],
)
def test_the_rule_clause_by_clause(changes, wanted):
    verdict, reason = Rule()(good(**changes))
    assert verdict == wanted and reason


def test_baselines_say_where_it_comes_from_and_not_whether_it_is_there():
    plain = good(advantage=near(-0.3, -0.2), baselines={"untrained": 0.6, "observation": 1.0})
    assert Rule()(plain)[0] == USED and plain.origin == "no better than the baseline 'observation'"
    assert good().origin == "better than every baseline"
    assert "no untrained twin" in good(baselines={"observation": 0.7, "untrained": np.nan}).origin


def test_scene_effects_in_spreads():
    cell = {"estimate": 0.6, "low": 0.4, "high": 0.8, "standardised": 0.3, "largest": 1.0, "worlds": 9}
    found = _scene(xr.Dataset({k: ((), v) for k, v in cell.items()}))
    assert (found.estimate, found.low, found.high, found.n) == pytest.approx((0.3, 0.2, 0.4, 9))
    unmoved = cell | {"estimate": 0.0, "standardised": 0.0, "largest": 0.0}
    assert not _scene(xr.Dataset({k: ((), v) for k, v in unmoved.items()})).excludes(0.0)


def test_a_team_is_certified_from_its_episodes():
    env = socialsim.make("rendezvous-v0", num_agents=3, needed=2, size=7, walls=0, horizon=24)
    episodes = play(env, random_team(env), jax.random.key(1), worlds=20)
    edits = (TurnGaze(directions=4, neck=False), RemovePartner())
    concepts = ("looked_at", "partner_visible", "object_active")
    team = new_team(jax.random.key(0), NetworkConfig(width=8, per_agent=True), env.actions, env.channels, 3)
    found = certify(team, env, episodes, concepts=concepts, edits=edits, every=2, agent=2, steps=STEPS)
    assert len(found) == 3 * 3 * 2 and sum(found.counts().values()) == 18
    for c in found.sel(concept="object_active"):  # no object of this world is ever active
        assert c.verdict == UNDECIDED and "one class occurs" in c.reason
    assert all(c.scene is not None for c in found.sel(concept="looked_at"))
    assert all(c.scene is None for c in found.sel(concept="object_active"))
    assert found.to_dataset().sizes["claim"] == 18
    assert all(word in str(found.items[0]) for word in ("looked_at", "encoder"))
    assert found.plot().axes and found.items[0].plot().axes
    with pytest.raises(OptionError, match="allowed: concept"):
        found.sel(conept="looked_at")
    with pytest.raises(OptionError, match="lacks"):
        Certify(intervention=Intervention(("edit",)))
    assert dataclasses.replace(found.items[0], verdict=USED).verdict == USED
