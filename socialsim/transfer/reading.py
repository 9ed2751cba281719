"""Values read in a world they never saw, before any learning there, against two controls.

Values of *other episodes* say what a trend that all episodes share would give. They say nothing of the shape
of a network: of ensembles of four untrained ones a fifth to a third agree with what follows well beyond them
(coordination, in three worlds). So *untrained* ensembles are read on the same episodes too.
"""

import dataclasses
import functools
from collections.abc import Mapping

import jax
import numpy as np
import scipy.stats
from jaxtyping import Float

from socialsim import devices
from socialsim.agents.networks import NetworkConfig
from socialsim.agents.team import Team, new_team
from socialsim.analysis.recording import Episodes, Returns, read
from socialsim.analysis.statistics import NAN, Estimate, spearman
from socialsim.analysis.wording import known
from socialsim.core.errors import OptionError
from socialsim.core.senses import Observation

UNTRAINED = 39
"""Untrained ensembles: of 39 the lowest and the highest are the 2.5 and the 97.5 % point, exactly."""

RIGHT, WRONG, UNDECIDED, UNMEASURED = "right", "the wrong way round", "undecided", "not measured"


@dataclasses.dataclass(frozen=True, eq=False)
class ZeroShot(Estimate):
    """Spearman's rho of the mean of the teams' standardised values with the returns that followed.

    null, null_low, null_high: the same with values of other episodes.  untrained, untrained_low,
    untrained_high: what ensembles of untrained networks reach (mean, 2.5 and 97.5 % points) and how many
    there were (`ensembles`).  per_team: rho of each team by itself.
    """

    untrained: float = NAN
    untrained_low: float = NAN
    untrained_high: float = NAN
    ensembles: int = 0
    per_team: tuple[float, ...] = ()

    def row(self) -> dict:
        """Plain numbers for JSON; `direction` reads them."""
        return dataclasses.asdict(self) | {"per_team": list(self.per_team)}

    @property
    def direction(self) -> str:
        return direction(self.row())


def direction(row: Mapping) -> str:
    """RIGHT where the whole interval lies above what values of other episodes reach and the estimate above
    what untrained ensembles reach; WRONG where both lie below; else UNDECIDED. UNMEASURED where a figure or a
    control is missing."""
    wanted = [f"{of}{end}" for of in ("", "null_", "untrained_") for end in ("low", "high")]
    if not all(known(row.get(k)) for k in ("estimate", *wanted)):
        return UNMEASURED
    if row["low"] > row["null_high"] and row["estimate"] > row["untrained_high"]:
        return RIGHT
    if row["high"] < row["null_low"] and row["estimate"] < row["untrained_low"]:
        return WRONG
    return UNDECIDED


def zero_shot(
    episodes: Episodes,
    teams: list[Team],
    channels: tuple[str, ...],
    *,
    discount: float,
    every: int = 4,
    seed: int = 0,
    untrained: int | Float[np.ndarray, "B C"] = UNTRAINED,
) -> dict[str, ZeroShot]:
    """Rank agreement of source values with Monte Carlo returns in a world they never saw.

    episodes : of the new world, whoever acted in them.  channels : of its signals, and of the value heads.
    untrained : ensembles of untrained networks to hold it against, or what `untrained_agreement` found.

    Per channel: Spearman of V (the mean over the source teams of each one's standardised values) with the
    return that followed, with a bootstrap over episodes, a null in which values trade episodes, and one of
    untrained networks.
    """
    if not teams:
        raise OptionError("no teams; allowed: one or more whose values to read")
    if isinstance(untrained, int):
        untrained = untrained_agreement(
            episodes, teams[0], len(teams), channels,
            discount=discount, every=every, seed=seed, ensembles=untrained,
        )  # fmt: skip
    steps, mask, returns = _known(episodes, discount, every)
    groups = np.broadcast_to(np.arange(mask.shape[1])[None, :, None], mask.shape)[mask]
    each = [_standardised(np.asarray(read(t, episodes.observation).value))[steps][mask] for t in teams]
    values, out = np.mean(each, axis=0), {}
    for c, name in enumerate(channels):
        e = spearman(values[:, c], returns[:, c], groups=groups, seed=seed)
        out[name] = ZeroShot(
            **{f.name: getattr(e, f.name) for f in dataclasses.fields(Estimate)},
            **_band(untrained[:, c]),
            per_team=tuple(float(r) for r in _rho(np.stack([v[:, c] for v in each]), returns[:, c])),
        )
    return out


def untrained_agreement(
    episodes: Episodes,
    like: Team,
    teams: int,
    channels: tuple[str, ...],
    *,
    discount: float,
    every: int = 4,
    seed: int = 0,
    ensembles: int = UNTRAINED,
) -> Float[np.ndarray, "B C"]:
    """Spearman's rho of `ensembles` ensembles of `teams` untrained networks like one team's, per channel.

    It depends on the networks' shape alone: teams of one shape and number share it.
    """
    if ensembles < 1:
        raise OptionError(f"untrained={ensembles}; allowed: 1 or more (39 or more for ends at 2.5 %)")
    steps, mask, returns = _known(episodes, discount, every)
    observation = jax.tree.map(lambda x: x[steps], episodes.observation)
    keys = jax.random.split(jax.random.fold_in(jax.random.key(seed), 0xF4E54), (ensembles, teams))
    values = np.asarray(_compiled()(keys, observation, like.config, like.channels, like.actions))
    values = values[:, mask]  # [B, N, C]
    return np.stack([_rho(values[..., c], returns[:, c]) for c in range(len(channels))], -1)


@functools.cache
def _compiled():
    return jax.jit(_fresh, static_argnums=(2, 3, 4), compiler_options=devices.in_haste())


def _fresh(keys, observation: Observation, config: NetworkConfig, channels, actions):
    """Mean standardised values `[B, ...]` of untrained ensembles, one key `[B, K]` for each network."""

    def one(key):
        team = new_team(key, config, actions, channels, observation.self.shape[-2])
        value = team.values(observation)
        spread = value.std((0, 1, 2), keepdims=True)
        return (value - value.mean((0, 1, 2), keepdims=True)) / jax.numpy.maximum(spread, 1e-9)

    return jax.lax.map(lambda several: jax.lax.map(one, several).mean(0), keys)


def _known(episodes: Episodes, discount: float, every: int):
    """Every n-th step, which of its rows `[T, E, A]` have a known return, and these returns `[N, C]`."""
    returns, seen = (np.asarray(x) for x in Returns(discount)(episodes))
    steps = np.arange(0, returns.shape[0], every)
    mask = np.broadcast_to(seen[steps, :, None], (*seen[steps].shape, returns.shape[2]))
    return steps, mask, returns[steps][mask]


def _rho(values: Float[np.ndarray, "B N"], returns: Float[np.ndarray, " N"]) -> Float[np.ndarray, " B"]:
    """Spearman's rho of each row with the returns; NaN where either does not vary."""
    x, y = (scipy.stats.rankdata(v, axis=-1) for v in (values, returns))
    x, y = (v - v.mean(-1, keepdims=True) for v in (x, y))
    size = np.sqrt((x * x).sum(-1) * (y @ y))
    return np.where(size > 0, (x @ y) / np.maximum(size, 1e-300), np.nan)


def _band(found: np.ndarray) -> dict:
    found = found[~np.isnan(found)]
    ends = np.quantile(found, [0.025, 0.975], method="weibull") if len(found) else (NAN, NAN)
    middle = float(found.mean()) if len(found) else NAN
    return {
        "untrained": middle,
        "untrained_low": float(ends[0]),
        "untrained_high": float(ends[1]),
        "ensembles": len(found),
    }


def _standardised(values: np.ndarray) -> np.ndarray:
    spread = values.std((0, 1, 2), keepdims=True)
    return (values - values.mean((0, 1, 2), keepdims=True)) / np.maximum(spread, 1e-9)
