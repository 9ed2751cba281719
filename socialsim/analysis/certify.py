"""Issue certificates: run probe, code, interventions and scene edits, and apply the rule."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import jax
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from socialsim.agents.distributions import Policy
from socialsim.agents.team import Team, new_team
from socialsim.analysis import statistics
from socialsim.analysis.certificate import Certificate, Certificates, Rule
from socialsim.analysis.concepts import DEFAULT_CONCEPTS
from socialsim.analysis.counterfactual import Counterfactual
from socialsim.analysis.edits import Edit
from socialsim.analysis.layers import LAYERS, Onward, solo
from socialsim.analysis.probes.baselines import TWINS
from socialsim.analysis.probes.intervention import Intervention, Values
from socialsim.analysis.probes.maps import units_of
from socialsim.analysis.probes.mdl import OnlineCode
from socialsim.analysis.probes.probe import Probe, Target, Twins
from socialsim.analysis.probes.rows import rows_of
from socialsim.analysis.recording import Episodes
from socialsim.analysis.statistics import Estimate
from socialsim.core.errors import OptionError
from socialsim.core.simulation import Simulation

SCENE_EDITS = {
    "looked_at": "look_at_me",
    "num_watchers": "look_at_me",
    "mutual_gaze": "look_at_me",
    "partner_visible": "remove_partner",
    "object_visible": "remove_object",
    "nearest_object_distance": "move_object_near",
    "object_occupancy": "partner_on_object",
    "missing_participants": "partner_on_object",
    "partner_on_object": "partner_on_object",
}
"""Which scene edit (see `edits.default_edits`) changes a concept."""


NEEDED = ("edit", "shift", "erase")
"""Interventions that a certificate rests on."""


@dataclasses.dataclass(frozen=True)
class Certify:
    """The steps of a certificate and their options; the verdict is `rule`'s."""

    probe: Probe = dataclasses.field(default_factory=Probe)
    code: OnlineCode = dataclasses.field(default_factory=OnlineCode)
    intervention: Intervention = dataclasses.field(default_factory=lambda: Intervention(NEEDED))
    rule: Rule = dataclasses.field(default_factory=Rule)

    def __post_init__(self):
        lacking = set(NEEDED) - set(self.intervention.edits)
        if lacking:
            raise OptionError(f"intervention.edits lacks {sorted(lacking)}; allowed: with {NEEDED}")

    def __call__(
        self,
        activations: Mapping[str, NDArray],
        targets: Mapping[str, Target],
        onward: Mapping[str, Values],
        *,
        channels: tuple[str, ...],
        groups: NDArray,
        types: NDArray,
        observation: NDArray,
        untrained: Twins | None = None,
        scene: Mapping[str, xr.Dataset] | None = None,
        policy: Mapping[str, Callable[[NDArray], Policy]] | None = None,
    ) -> Certificates:
        """Certify every concept x channel x layer. Rows as for `Probe`.

        onward : layer -> the rest of the network, activations `[N, D]` -> values `[N, C]`.
        scene : concept -> effects `[channel]` of the scene edit that changes it (a row of `Counterfactual`).
        policy : layer -> activations to policy, where the layer feeds it.
        """
        lacking = [k for k in activations if k not in onward]
        if lacking:
            raise OptionError(f"no way onward from layers {lacking}; allowed: one for each layer probed")
        rows = {"groups": groups, "types": types, "observation": observation, "untrained": untrained}
        probed = self.probe(activations, targets, **rows)
        coded = self.code(activations, targets, groups=groups)
        issued = []
        for concept, target in targets.items():
            others = {k: t for k, t in targets.items() if k != concept}
            for layer, units in activations.items():
                moved = self.intervention(
                    units,
                    target,
                    onward[layer],
                    groups=groups,
                    channels=channels,
                    others=others,
                    policy=(policy or {}).get(layer),
                )
                cell = {"concept": concept, "layer": layer}
                evidence = probed.sel(cell), coded.sel(cell), moved
                for channel in channels:
                    issued.append(self._certificate(*evidence, channel, (scene or {}).get(concept)))
        return Certificates(tuple(issued))

    def _certificate(self, probed, coded, moved, channel: str, scene) -> Certificate:
        edit, shift, erase = (moved.sel(edit=e) for e in NEEDED)
        reason = str(probed.verdict.item()) if np.isnan(probed.score) else ""
        draft = Certificate(
            concept=str(probed.concept.item()),
            channel=channel,
            layer=str(probed.layer.item()),
            kind=str(probed.kind.item()),
            score=_estimate(probed, "score", reason=reason),
            selectivity=_estimate(probed, "selectivity"),
            compression=_estimate(coded, "compression", null=float(coded.null)),
            gain=_estimate(coded, "gain", reason=str(coded.reason.item())),
            advantage=_estimate(probed, "advantage"),
            baselines={str(b): float(probed.baseline_score.sel(baseline=b)) for b in probed.baseline.values},
            edit=_ratio(edit.sel(channel=channel)),
            erasure=_ratio(erase.sel(channel=channel)),
            completeness=_estimate(edit, "completeness", reason=str(edit.reason.item())),
            shift=_ratio(shift.sel(channel=channel)),
            shift_completeness=_estimate(shift, "completeness", reason=str(shift.reason.item())),
            specificity=_estimate(edit, "selectivity"),
            rise=_estimate(edit.sel(channel=channel), "rise"),
            scene=None if scene is None else _scene(scene.sel(channel=channel)),
        )
        verdict, reason = self.rule(draft)
        return dataclasses.replace(draft, verdict=verdict, reason=reason)


def _estimate(cell: xr.Dataset, name: str, **more) -> Estimate:
    estimate, low, high = (float(cell[k]) for k in (name, f"{name}_low", f"{name}_high"))
    return Estimate(estimate, low, high, int(cell.groups), **more)


def _ratio(cell: xr.Dataset) -> Estimate:
    null = {"null": 1.0, "null_low": float(cell.null_low), "null_high": float(cell.null_high)}
    return _estimate(cell, "ratio", reason=str(cell.reason.item()), **null)


def _scene(cell: xr.Dataset) -> Estimate:
    """In spreads of the value. `Counterfactual` gives the mean both plain and standardised: their quotient is
    the spread; without an effect there is nothing to divide."""
    mean, standard, count = float(cell.estimate), float(cell.standardised), int(cell.worlds)
    if not np.isfinite(mean):
        return statistics.undefined(count, str(cell.reason.item()))
    if float(cell.largest) == 0.0:
        return Estimate(0.0, 0.0, 0.0, count)
    if not np.isfinite(standard) or standard == 0.0:
        return statistics.undefined(count, "the value does not vary, or its mean change is exactly 0")
    spread = mean / standard
    return Estimate(standard, float(cell.low) / spread, float(cell.high) / spread, count)


def certify(
    team: Team,
    env: Simulation,
    episodes: Episodes,
    *,
    concepts: tuple[str, ...] = DEFAULT_CONCEPTS,
    layers: tuple[str, ...] = LAYERS,
    edits: Sequence[Edit] = (),
    every: int = 8,
    agent: int = 0,
    seed: int = 0,
    steps: Certify | None = None,
) -> Certificates:
    """Certificates of a team's critic on recorded episodes.

    edits : the world's scene edits (`default_edits`); those named in `SCENE_EDITS` give evidence.
    agent : of teams with parameters per agent.  seed : of the untrained twins.

    Moments after the end of an episode are left out. Raises OptionError for a recurrent team.
    """
    alone = agent if team.config.per_agent else None
    mine = solo(team, agent)
    rows = rows_of(episodes, concepts, every=every, agent=alone)
    units = units_of(mine, rows)
    keys = jax.random.split(jax.random.key(seed), TWINS)
    twins = [new_team(k, team.config, team.actions, team.channels, env.num_agents) for k in keys]
    fresh = [units_of(solo(t, agent), rows) for t in twins]
    ways = {k: Onward(mine, k) for k in layers}
    effects = {}
    if edits:
        world = rows.moments % episodes.ended.shape[1]
        found = Counterfactual(edits, team.channels)(rows.scene, mine.values, groups=world, senses=env.senses)
        made = {e.name for e in edits}
        effects = {c: found.sel(edit=e) for c, e in SCENE_EDITS.items() if c in concepts and e in made}
    return (steps or Certify())(
        {k: units[k] for k in layers},
        rows.targets,
        {k: way.values for k, way in ways.items()},
        channels=team.channels,
        groups=rows.groups,
        types=rows.types,
        observation=rows.flat,
        untrained=fresh,
        scene=effects,
        policy={k: way.policy for k, way in ways.items() if way.feeds_policy},
    )
