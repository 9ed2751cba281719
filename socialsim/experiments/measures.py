"""Measurements that experiments share: each turns teams and episodes into rows for summary and report."""

from typing import Any

import jax
import numpy as np
import xarray as xr

from socialsim.agents.returns import explained_variance
from socialsim.agents.team import Team, new_team
from socialsim.analysis import statistics
from socialsim.analysis.concepts import CONCEPTS, DEFAULT_CONCEPTS
from socialsim.analysis.counterfactual import Counterfactual
from socialsim.analysis.edits import default_edits
from socialsim.analysis.probes import Probe, rows_of
from socialsim.analysis.probes.baselines import TWINS
from socialsim.analysis.recording import Episodes, Returns, moments, read, read_at
from socialsim.analysis.stability import channel_stability, icc
from socialsim.analysis.statistics import Estimate
from socialsim.core.errors import OptionError
from socialsim.core.simulation import Simulation


def plain(e: Estimate, **more) -> dict:
    """An Estimate as a JSON row."""
    row = {"estimate": e.estimate, "low": e.low, "high": e.high, "n": e.n}
    return row | ({"reason": e.reason} if e.reason else {}) | more


RATE = (0.0, float("inf"))
"""What a rate of events may be."""


def mean(values, *, seed: int, within: tuple[float, float] = (-float("inf"), float("inf"))) -> dict:
    """Mean over independent units with its bootstrap interval, inside `within`."""
    values = np.asarray(values, float)
    found = statistics.bootstrap(values, lambda x, axis: x.mean(axis), seed=seed, within=within)
    estimate = float(values.mean()) if len(values) else float("nan")
    return plain(found) | {"estimate": estimate}


def joint_rate(*episodes: Episodes, seed: int) -> dict:
    """Joint events per agent-step, interval over worlds."""
    rates = np.concatenate([np.asarray(e.joint).mean((0, 2)) for e in episodes])
    return mean(rates, seed=seed, within=RATE)


def _rows(episodes: Episodes, discount: float, every: int):
    """Known returns `[N, C]`, and a function that flattens `[T, E, A, ...]` alike; world of each row."""
    returns, known = (np.asarray(x)[::every] for x in Returns(discount)(episodes))
    mask = np.broadcast_to(known[..., None], returns.shape[:3])
    world = np.broadcast_to(np.arange(returns.shape[1])[None, :, None], mask.shape)
    return returns[mask], lambda x: np.asarray(x)[::every][mask], world[mask]


def head_health(teams: list[Team], episodes: list[Episodes], channels, *, discount: float, seed: int) -> dict:
    """Per channel, on held-out episodes of each team's own: explained variance, and rank agreement of V
    with Monte Carlo returns (per seed, and over seeds with the shuffled control)."""
    explained, rank = [], []
    for team, played in zip(teams, episodes, strict=True):
        returns, pick, world = _rows(played, discount, 2)
        values = pick(read(team, played.observation).value)
        explained.append(explained_variance(values[:, : len(channels)], returns))
        rank.append(
            [
                statistics.spearman(values[:, c], returns[:, c], groups=world, seed=seed)
                for c in range(len(channels))
            ]
        )
    out = {}
    for c, name in enumerate(channels):
        per_seed = [r[c] for r in rank]
        null = {
            "estimate": float(np.mean([e.null for e in per_seed])),
            "low": float(np.min([e.null_low for e in per_seed])),
            "high": float(np.max([e.null_high for e in per_seed])),
        }
        ev, rho = [float(e[c]) for e in explained], [e.estimate for e in per_seed]
        out[name] = {
            "explained_variance": mean(ev, seed=seed) | {"per_seed": ev},
            "spearman": mean(rho, seed=seed, within=(-1.0, 1.0)) | {"per_seed": rho, "shuffled": null},
        }
    return out


def probes(
    team: Team, env: Simulation, episodes: Episodes, *, probe: Probe, seed: int, every: int = 8
) -> list:
    """Linear probes of both critic layers for the default concepts, against three baselines; only moments
    before the end of their episode."""
    rows = rows_of(episodes, tuple(sorted(DEFAULT_CONCEPTS)), every=every)

    def units(t: Team):
        found = read_at(t, episodes.observation, lambda x: moments(x, rows.moments))
        return {k: np.asarray(v).reshape(len(rows.groups), -1) for k, v in found.activations.items()}

    keys = jax.random.split(jax.random.key(seed), TWINS)
    twins = [new_team(k, team.config, team.actions, team.channels, env.num_agents) for k in keys]
    found = probe(
        units(team),
        rows.targets,
        groups=rows.groups,
        types=rows.types,
        observation=rows.flat,
        untrained=[units(t) for t in twins],
    )
    return _probe_rows(found)


def _probe_rows(found: xr.Dataset) -> list:
    rows = []
    for concept in found.concept.values:
        for layer in found.layer.values:
            cell = found.sel(concept=concept, layer=layer)
            base = {str(b): float(cell.baseline_score.sel(baseline=b)) for b in found.baseline.values}
            rows.append(
                {
                    "concept": str(concept),
                    "summary": CONCEPTS[str(concept)].summary,
                    "layer": str(layer),
                    "kind": str(cell.kind.item()),
                    "score": cell.score.item(),
                    "selectivity": cell.selectivity.item(),
                    "selectivity_low": cell.selectivity_low.item(),
                    "selectivity_high": cell.selectivity_high.item(),
                    "baselines": {
                        "untrained": base["untrained"],
                        "raw": base["observation"],
                        "random_projection": base["projection"],
                    },
                    "advantage": cell.advantage.item(),
                    "low": cell.advantage_low.item(),
                    "high": cell.advantage_high.item(),
                    "n": int(cell.n),
                    "verdict": str(cell.verdict.item()),
                }
            )
    return rows


def _drawn(episodes: Episodes, number: int, seed: int) -> np.ndarray:
    """Places in the flattened `[T, E]` of up to `number` moments at random, none after an episode's end."""
    live = np.flatnonzero(np.asarray(episodes.live))
    return live[np.random.default_rng(seed).choice(len(live), min(number, len(live)), replace=False)]


def counterfactuals(
    teams: list[Team], env: Simulation, episodes: Episodes, *, scenes: int, seed: int, grid: bool
) -> list:
    """Mean change of each value by each scene edit, averaged over teams, in signal units.

    Scenes are of moments before the end of their episode. Raises OptionError for recurrent teams, whose
    memory no edit of a scene reaches.
    """
    if any(t.config.recurrent for t in teams):
        raise OptionError("a recurrent team: its memory is no part of a scene; allowed: recurrent=False")
    pick = _drawn(episodes, scenes, seed)
    batch, worlds = moments(episodes.scene, pick), episodes.ended.shape[1]
    eyes = getattr(env.world, "eyes", None)
    edits = default_edits(directions=4 if grid else 0, neck=not grid, eyes=eyes)
    stacked = jax.tree.map(lambda *xs: jax.numpy.stack(xs), *teams)
    channels = len(env.channels)

    def values(observation):
        return jax.vmap(lambda t: t.values(observation))(stacked).mean(0)[..., :channels]

    found = Counterfactual(edits, env.channels, seed=seed, batch=len(pick))(
        batch, values, groups=pick % worlds, senses=env.senses
    )
    rows = []
    for edit in found.edit.values:
        for channel in env.channels:
            cell = found.sel(edit=edit, channel=channel)
            rows.append(
                {
                    "edit": str(edit),
                    "summary": str(found.summary.sel(edit=edit).item()),
                    "channel": channel,
                    **{k: cell[k].item() for k in ("estimate", "low", "high", "n", "worlds", "largest")},
                    "standardised": cell.standardised.item(),
                    "reason": str(cell.reason.item()),
                    "unit": "signal",
                }
            )
    return rows


def stability(columns: list[Team], env: Simulation, episodes: Episodes, *, scenes: int, seed: int) -> dict:
    """ICC(2,1) and Kendall W of the values of one battery of scenes, occasions = the teams given.

    Values are standardised per team before the ICC: seeds differ in what returns they bring about, and it is
    the ordering and spacing of states that is asked about. `unscaled` is the ICC of values as they are. A
    subject is one agent's view of one scene, before the end of its episode; intervals resample episodes.
    """
    pick = _drawn(episodes, scenes, seed)

    def values_of(t: Team):
        found = read_at(t, episodes.observation, lambda x: moments(x, pick))
        return np.asarray(found.value)[:, 0, : len(env.channels)]

    unscaled = np.stack([values_of(t) for t in columns], -1)
    values = (unscaled - unscaled.mean(0)) / np.maximum(unscaled.std(0), 1e-9)
    data = xr.DataArray(values, dims=("scene", "channel", "occasion"), coords={"channel": list(env.channels)})
    worlds = episodes.ended.shape[1]  # scenes of one episode are drawn together
    found = channel_stability(
        data, occasion="occasion", groups=pick % worlds, seed=seed, resamples=400, shuffles=100
    )
    out = {}
    for c, channel in enumerate(env.channels):
        row: dict[str, Any] = {"unscaled": float(icc(unscaled[:, c]))}
        for statistic, name in zip(found.statistic.values, ("icc", "kendall_w"), strict=True):
            cell = found.sel(statistic=statistic, channel=channel)
            row[name] = {k: cell[k].item() for k in ("estimate", "low", "high", "n")}
            row[name]["shuffled"] = {
                "estimate": cell.null.item(),
                "low": cell.null_low.item(),
                "high": cell.null_high.item(),
            }
            row["msr"] = cell.msr.item()
        out[channel] = row
    return out
