"""What, when, where: which concepts a layer lays out after how much learning (McGrath et al. 2022)."""

import dataclasses
from collections.abc import Mapping

import jax
import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from numpy.typing import NDArray

from socialsim.agents.team import Team
from socialsim.analysis.layers import activations, solo
from socialsim.analysis.probes.linear import LinearReadout
from socialsim.analysis.probes.probe import Probe, Target, Twins
from socialsim.analysis.probes.rows import Rows, rows_of
from socialsim.analysis.recording import Episodes
from socialsim.core.errors import OptionError

SPARSE = Probe(readout=LinearReadout(penalty="l1", alphas=(0.01, 0.03, 0.1, 0.3, 1.0)), cap=2000, repeats=1)


@dataclasses.dataclass(frozen=True)
class WhatWhenWhere:
    """Sparse linear probes of every concept, layer and checkpoint, all on the same rows.

    probe: with its control tasks and baselines; the sparse one (L1, held-out R^2 or balanced accuracy) by
    default, as in McGrath et al. 2022. Checkpoint by checkpoint the same rows, folds and resamples are
    used, so differences along `checkpoint` are paired.
    """

    probe: Probe = SPARSE

    def __call__(
        self,
        checkpoints: Mapping[float, Mapping[str, NDArray]],
        targets: Mapping[str, Target],
        *,
        untrained: Twins | None = None,
        **rows: NDArray,
    ) -> xr.Dataset:
        """Dataset `[concept, layer, checkpoint]`, with the variables of `Probe`.

        checkpoints : time (agent-steps, or a number) -> layer -> activations `[N, D]`.
        rows : groups, types, observation, as for `Probe`.
        """
        if not checkpoints:
            raise OptionError("no checkpoints; allowed: one or more")
        times = sorted(checkpoints)
        cells = [self.probe(checkpoints[t], targets, untrained=untrained, **rows) for t in times]
        axis = xr.DataArray(np.asarray(times, float), dims="checkpoint", name="checkpoint")
        return xr.concat(cells, axis).transpose("concept", "layer", "checkpoint", ...)

    def of_teams(
        self,
        teams: Mapping[float, Team],
        episodes: Episodes,
        *,
        concepts: tuple[str, ...],
        every: int = 8,
        agent: int = 0,
        tower: str = "critic",
    ) -> xr.Dataset:
        """The map of a training run: time -> the team then, all reading the same episodes.

        The earliest team stands in as the untrained twin, the only one, if its time is 0. agent: of teams
        with parameters per agent.
        """
        alone = agent if next(iter(teams.values())).config.per_agent else None
        rows = rows_of(episodes, concepts, every=every, agent=alone)
        units = {t: units_of(team, rows, tower=tower, agent=agent) for t, team in teams.items()}
        return self(
            units,
            rows.targets,
            groups=rows.groups,
            types=rows.types,
            observation=rows.flat,
            untrained=units.get(0) or units.get(0.0),
        )

    def plot(self, found: xr.Dataset, **options) -> Figure:
        """Heat maps: see `plots.what_when_where`."""
        from socialsim.analysis.plots import what_when_where

        return what_when_where(found, **options)


def units_of(team: Team, rows: Rows, *, tower: str = "critic", agent: int = 0) -> dict[str, NDArray]:
    """Activations `[N, H]` by layer of one team on `rows`.

    Raises OptionError for a recurrent team: what it remembers is no part of a row.
    """
    if team.config.recurrent:
        raise OptionError("a recurrent team: its memory is no part of a row; allowed: recurrent=False")
    found = jax.jit(activations, static_argnames="tower")(solo(team, agent), rows.observation, tower)
    return {k: np.asarray(v, float).reshape(len(rows.groups), -1) for k, v in found.items()}
