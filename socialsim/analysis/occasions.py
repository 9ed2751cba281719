"""Measuring the same values again: by other seeds, at other checkpoints, with other partners, through noise,
in fresh episodes, after the signals have stopped.

Each gives a table `[occasion, subject, channel]` in signal units with coordinates `agent` (whose value heads)
and `scene` (what was valued) on `subject`, ready for `socialsim.analysis.dossier`.
"""

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, Key
from numpy.typing import NDArray

from socialsim.agents.team import Team, new_team
from socialsim.analysis.concepts import TYPE_CONCEPTS, measure_concepts
from socialsim.analysis.probes import scene_types
from socialsim.analysis.recording import play, read
from socialsim.core.errors import OptionError, integer
from socialsim.core.senses import Observation
from socialsim.core.signals import Signal
from socialsim.core.simulation import Simulation


@dataclasses.dataclass(frozen=True)
class Silent(Signal):
    """A channel that says nothing any more: 0 for everyone."""

    name: str  # type: ignore[misc]  # of the channel it takes the place of

    def __call__(self, window) -> Float[Array, " A"]:
        return jnp.zeros(window.scene.num_agents)


def extinguished(env: Simulation, *channels: str) -> Simulation:
    """The same world with these signals (by default all) stopped, to train on in: extinction."""
    unknown = set(channels) - set(env.channels)
    if unknown:
        raise OptionError(f"channels {sorted(unknown)}; allowed: {env.channels}")
    gone = channels or env.channels
    return env.replace(signals=tuple(Silent(s.name) if s.name in gone else s for s in env.signals))


def cast(teams: Sequence[Team]) -> Team:
    """One agent out of each of several teams of one kind, agent i out of the i-th, as a team to play."""
    if any(t.config != teams[0].config or t.channels != teams[0].channels for t in teams):
        raise OptionError("a cast of teams of several kinds; allowed: the same networks and channels")
    parts = [(t.params, t.stats) for t in teams]
    if teams[0].config.per_agent:
        parts = [jax.tree.map(lambda x, i=i: x[i], p) for i, p in enumerate(parts)]
    params, stats = jax.tree.map(lambda *xs: jnp.stack(xs), *parts)
    return teams[0].replace(
        params=params, stats=stats, config=dataclasses.replace(teams[0].config, per_agent=True)
    )


def untrained(like: Team, key: Key[Array, ""], number: int, num_agents: int) -> list[Team]:
    """Fresh teams of the same kind: what stability comes with the networks and the scenes alone."""
    keys = jax.random.split(key, number)
    return [new_team(k, like.config, like.actions, like.channels, num_agents) for k in keys]


@dataclasses.dataclass(frozen=True)
class Occasions:
    """env: the world.  worlds: scenes of the battery, one out of each world, and worlds per episode played.
    steps: of an episode (by default the horizon).  times: retests and draws of noise.  noise: standard
    deviation added to sensed features (which lie in [-2, 2]).  me: whose view.  seed."""

    env: Simulation
    worlds: int = 64
    steps: int | None = None
    times: int = 4
    noise: float = 0.1
    me: int = 0
    seed: int = 0

    def __post_init__(self):
        integer("worlds", self.worlds, low=3)
        integer("times", self.times, low=2)
        integer("me", self.me, low=0, high=self.env.num_agents - 1)
        if not self.noise > 0:
            raise OptionError(f"noise={self.noise}; allowed: more than 0")

    def key(self, number: int) -> Key[Array, ""]:
        """The randomness of one kind of occasion."""
        return jax.random.fold_in(jax.random.key(self.seed), number)

    def battery(self, team: Team) -> Observation:
        """One moment, at random, out of each of `worlds` episodes that `team` plays: leaves `[N, A, ...]`."""
        episodes = play(self.env, team, self.key(0), worlds=self.worlds, steps=self.steps)
        length = np.maximum((~np.asarray(episodes.ended)).sum(0), 1)
        at = np.random.default_rng(self.seed).integers(length)
        return jax.tree.map(lambda x: x[at, np.arange(self.worlds)], episodes.observation)

    def _values(self, team: Team, observation: Observation) -> NDArray:
        """`[N, C]`, as agent `me` values it."""
        value = np.asarray(read(team, observation).value)
        return value[..., self.me, : len(self.env.channels)]

    def _table(self, values: NDArray, agent: NDArray, scene: NDArray) -> xr.DataArray:
        coords = {
            "channel": list(self.env.channels),
            "agent": ("subject", agent),
            "scene": ("subject", scene),
        }
        return xr.DataArray(values, dims=("occasion", "subject", "channel"), coords=coords)

    def stages(self, stages: Sequence[Sequence[Team]], battery: Observation) -> xr.DataArray:
        """One battery valued at each stage. stages: `[occasion][agent]`: checkpoints of several trainings, or
        the teams before, during and after extinction."""
        agents = len(stages[0])
        if any(len(s) != agents for s in stages):
            raise OptionError(f"stages of {[len(s) for s in stages]} teams; allowed: the same number in each")
        values = np.stack([np.concatenate([self._values(t, battery) for t in stage]) for stage in stages])
        scenes = values.shape[1] // agents
        return self._table(values, np.repeat(np.arange(agents), scenes), np.tile(np.arange(scenes), agents))

    def seeds(self, teams: Sequence[Team], battery: Observation) -> xr.DataArray:
        """One battery valued by each of several teams: occasions are seeds."""
        return self.stages([[t] for t in teams], battery)

    def blurred(self, battery: Observation) -> list[Observation]:
        """The battery sensed through fresh noise each time; what is not in sight stays so."""

        def add(x, mask, key):
            return x + mask[..., None] * self.noise * jax.random.normal(key, x.shape, x.dtype)

        def once(key):
            k = jax.random.split(key, 3)
            return Observation(
                self=add(battery.self, jnp.ones(battery.self.shape[:-1]), k[0]),
                others=add(battery.others, battery.others_mask, k[1]),
                others_mask=battery.others_mask,
                objects=add(battery.objects, battery.objects_mask, k[2]),
                objects_mask=battery.objects_mask,
            )

        return [once(k) for k in jax.random.split(self.key(1), self.times)]

    def noises(self, teams: Sequence[Team], battery: Observation) -> xr.DataArray:
        """The battery valued through fresh noise each time."""
        sensed = self.blurred(battery)
        values = np.stack([np.concatenate([self._values(t, o) for t in teams]) for o in sensed])
        n = values.shape[1] // len(teams)
        return self._table(values, np.repeat(np.arange(len(teams)), n), np.tile(np.arange(n), len(teams)))

    def partners(self, teams: Sequence[Team], partners: Sequence[Team]) -> xr.DataArray:
        """The same starts played with each of `partners` in all other places: my mean value in each.

        A subject is one team's agent `me` in one start; an occasion is whom it is with.
        """
        others = self.env.num_agents - 1
        rows = []
        for team in teams:
            means = []
            for partner in partners:
                players = [partner] * others
                players.insert(self.me, team)
                episodes = play(self.env, cast(players), self.key(2), worlds=self.worlds, steps=self.steps)
                live = ~np.asarray(episodes.ended)[..., None]
                value = np.where(live, self._values(team, episodes.observation), 0.0)
                means.append(value.sum(0) / np.maximum(live.sum(0), 1))
            rows.append(np.stack(means))
        n = self.worlds
        values = np.concatenate(rows, 1)
        return self._table(values, np.repeat(np.arange(len(teams)), n), np.tile(np.arange(n), len(teams)))

    def retests(self, teams: Sequence[Team], *, least: int = 8) -> xr.DataArray:
        """Fresh episodes each time: mean value of each type of scene (`scene_types`), where it occurred
        `least` times on every occasion."""
        keys = [self.key(100 + r) for r in range(self.times)]
        played = [self._moments(team, key) for team in teams for key in keys]
        # Typed together: a type is the same number on every occasion and for every team.
        types = scene_types(*(np.concatenate(c) for c in zip(*(p[0] for p in played), strict=True)))
        split = np.split(types, np.cumsum([len(p[1]) for p in played])[:-1])
        found = [_means(t, value) for t, (_, value) in zip(split, played, strict=True)]
        values, agent, scene = [], [], []
        for a in range(len(teams)):
            mine = found[a * self.times : (a + 1) * self.times]
            enough = [{kind for kind, (_, n) in f.items() if n >= least} for f in mine]
            for kind in sorted(set.intersection(*enough)):
                values.append([f[kind][0] for f in mine])
                agent.append(a)
                scene.append(kind)
        shape = (len(agent), self.times, len(self.env.channels))
        table = np.asarray(values, float).reshape(shape).swapaxes(0, 1)
        return self._table(table, np.asarray(agent, int), np.asarray(scene, int))

    def _moments(self, team: Team, key) -> tuple[list[NDArray], NDArray]:
        """What makes the type of each moment of fresh episodes, `[N]` each, and what it is worth `[N, C]`."""
        episodes = play(self.env, team, key, worlds=self.worlds, steps=self.steps)
        measured = measure_concepts(episodes.scene, TYPE_CONCEPTS)
        live = ~np.asarray(episodes.ended)
        values = self._values(team, episodes.observation)[live]
        return [measured[c][..., self.me][live] for c in TYPE_CONCEPTS], values


def _means(types: NDArray, value: NDArray) -> dict[int, tuple[NDArray, int]]:
    """Type -> mean value `[C]` and how often it occurred."""
    kinds, index = np.unique(types, return_inverse=True)
    count = np.bincount(index)
    sums = np.stack([np.bincount(index, v) for v in value.T], -1)
    return {int(k): (s / n, int(n)) for k, s, n in zip(kinds, sums, count, strict=True)}
