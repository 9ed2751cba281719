"""The human-likeness battery: every assay in every form it has, for one player."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
import scipy.stats
import xarray as xr
from jaxtyping import Array, Key
from numpy.typing import NDArray

from socialsim.agents.team import Team
from socialsim.analysis.battery import finding as words
from socialsim.analysis.battery import slider
from socialsim.analysis.battery.collecting import Cast, Games, least_accepted
from socialsim.analysis.battery.cooperation import ConditionalCooperation
from socialsim.analysis.battery.distributions import DistributionAssay
from socialsim.analysis.battery.finding import Finding
from socialsim.analysis.battery.inequity import InequityAversion
from socialsim.analysis.battery.rates import MeanAssay, RateAssay
from socialsim.analysis.battery.readout import Readout
from socialsim.analysis.battery.references import figure
from socialsim.analysis.battery.result import DISCLOSED, BatteryResult
from socialsim.analysis.battery.shapes import ValueCircle
from socialsim.analysis.battery.svo import SVO
from socialsim.core.errors import choose
from socialsim.envs.games.dictator import dictator

ASSAYS = (
    "svo",
    "inequity",
    "dictator",
    "ultimatum",
    "trust",
    "public_goods",
    "conditional_cooperation",
    "conformity",
    "value_circle",
)


@dataclasses.dataclass(frozen=True)
class Battery:
    """Assays to run, and how.

    assays: some of `ASSAYS`.  games: how many tables, tokens, players.  temperature: of value readouts.
    seed: of bootstraps and floors.

    Gaze is not of table games: `home.at_home` measures it in the team's own world. `Discounting` and a value
    circle of six signals or more need other worlds and signals: add what they find with `BatteryResult.plus`.
    """

    assays: tuple[str, ...] = ASSAYS
    games: Games = dataclasses.field(default_factory=Games)
    temperature: float = 0.1
    seed: int = 0

    def __post_init__(self):
        for name in self.assays:
            choose("assay", name, ASSAYS)

    def behaviour(
        self, player: Cast, key: Key[Array, ""], *, progress: Callable[[str], object] | None = None
    ) -> BatteryResult:
        """What the player does. player: a Team, a Bot, or what makes a bot for a given game."""
        g = self.games

        def run(name: str, key) -> list[Finding]:
            if name in ("svo", "inequity"):
                return self._slider(name, g.slider(player, key), "behaviour")
            if name == "dictator":
                return [self._distribution(name, g.dictator(player, key), "behaviour")]
            if name == "ultimatum":
                one, two = jax.random.split(key)
                offered, accepted = g.offers(player, one)
                return self._ultimatum(offered, accepted, g.answers(player, two), "behaviour")
            if name == "trust":
                return self._trust(*g.trust(player, key), "behaviour")
            if name == "public_goods":
                return [self._public_goods(g.contributions(player, key), "behaviour")]
            if name == "conditional_cooperation":
                return [self._conditional(player, key)]
            if name == "conformity":
                done, null = g.conformity(player, key)
                return [RateAssay("conformity", seed=self.seed).measure(done, null=null)]
            return []

        return BatteryResult(tuple(map(_timed, self._all(run, key, progress))))

    def readout(
        self,
        team: Team,
        key: Key[Array, ""],
        *,
        channel: str,
        progress: Callable[[str], object] | None = None,
    ) -> BatteryResult:
        """What one value head would choose. Conformity has no such form: once a round is settled its scene
        does not tell what could be seen when it was decided."""
        form = f"value of {channel}"
        read = Readout(channel, self.games, self.temperature)

        def run(name: str, key) -> list[Finding]:
            if name in ("svo", "inequity"):
                return self._slider(name, read.slider(team, key), form)
            if name == "dictator":
                return [self._distribution(name, read.dictator(team, key), form)]
            if name == "ultimatum":
                offered, answers = read.ultimatum(team, key)
                met = np.abs(offered[:, None] - self.games.percent).argmin(1)
                return self._ultimatum(offered, answers[np.arange(len(met)), met], answers, form)
            if name == "trust":
                return self._trust(*read.trust(team, key), form)
            if name == "public_goods":
                return [self._public_goods(read.contributions(team, key)[:, None, None], form)]
            if name == "conditional_cooperation":
                return [ConditionalCooperation(seed=self.seed).measure(*read.schedules(team, key), form=form)]
            if name == "value_circle":
                blank = np.zeros((1, len(team.channels)))
                signals = xr.DataArray(
                    blank, dims=("subject", "signal"), coords={"signal": list(team.channels)}
                )
                return [ValueCircle(seed=self.seed).measure(signals, form="values")]
            return []

        return self._all(run, key, progress)

    def measure(
        self, player: Cast, key: Key[Array, ""], *, progress: Callable[[str], object] | None = None
    ) -> BatteryResult:
        """Behaviour, and for a Team the readout of every value head.

        A Team whose acts are not those of table games (bodies in a plane or in MuJoCo) cannot play them: it
        has no behaviour here, and its value heads are read all the same.
        """
        first, *others = jax.random.split(key, 1 + (len(player.channels) if isinstance(player, Team) else 0))
        mute = isinstance(player, Team) and player.actions != dictator().actions
        found = BatteryResult(()) if mute else self.behaviour(player, first, progress=progress)
        if isinstance(player, Team):
            for channel, each in zip(player.channels, others, strict=True):
                more = self.readout(player, each, channel=channel, progress=progress)
                known = {(f.assay, f.form) for f in found}
                found = found.plus(*(f for f in more if (f.assay, f.form) not in known))
        return found

    def _all(self, run, key, progress) -> BatteryResult:
        found: list[Finding] = []
        for name in self.assays:
            if progress is not None:
                progress(name)
            found += run(name, jax.random.fold_in(key, ASSAYS.index(name)))
        return BatteryResult(tuple(found))

    def _distribution(self, name: str, percent, form: str) -> Finding:
        assay = DistributionAssay(name, seed=self.seed)
        return assay.measure(percent, options=self.games.percent, form=form)

    def _ultimatum(self, offered, accepted, answers, form: str) -> list[Finding]:
        """offered `[n]` in percent, whether each was accepted `[n]`, and answers to every offer `[m, O]`."""
        least = self._distribution("ultimatum_minimum", least_accepted(answers, self.games.percent), form)
        rejected = MeanAssay("ultimatum_rejected", seed=self.seed)
        refused = rejected.measure((~accepted).astype(float), options=np.arange(2.0), form=form)
        offer = self._distribution("ultimatum_offer", offered, form)
        return [offer, heeding(least, answers), heeding(refused, answers)]

    def _trust(self, sent, returned, form: str) -> list[Finding]:
        tokens = self.games.percent / 100
        return [
            MeanAssay("trust_sent", seed=self.seed).measure(sent, options=tokens, form=form),
            MeanAssay("trust_returned", seed=self.seed).measure(returned, form=form),
        ]

    def _public_goods(self, share, form: str) -> Finding:
        """Mean of all rounds of shares `[E, round, player]`; first and last round as detail."""
        tokens = self.games.percent / 100
        group = np.broadcast_to(np.arange(len(share))[:, None, None], share.shape)
        kept = np.isfinite(share)
        assay = MeanAssay("public_goods_mean", seed=self.seed)
        found = assay.measure(share[kept], options=tokens, groups=group[kept], form=form)

        def mean(x) -> float:
            return float(x[np.isfinite(x)].mean()) if np.isfinite(x).any() else np.nan

        first, last = mean(share[:, 0]), mean(share[:, -1])
        low, high = figure("public_goods_start_low").value, figure("public_goods_start_high").value
        more = {"first_round": first, "last_round": last, "decay": first - last}
        more |= {"people_start_low": low, "people_start_high": high}
        return dataclasses.replace(found, detail={**found.detail, **more})

    def _conditional(self, player: Cast, key) -> Finding:
        assay = ConditionalCooperation(seed=self.seed)
        if isinstance(player, Team):
            return assay.measure(*self.games.schedules(player, key))
        return assay.measure(*lagged(self.games.contributions(player, key)))

    def _slider(self, name: str, options, form: str) -> list[Finding]:
        """Choosers who let time run out (-1) in an item that is scored are left out."""
        scored = options[:, : slider.PRIMARY] if name == "svo" else options
        whole = scored[(scored >= 0).all(-1)]
        if name == "svo":
            return [SVO(seed=self.seed).measure(whole, form=form)]
        return list(InequityAversion(seed=self.seed).measure(slider.payoffs(), whole, form=form))


def _timed(found: Finding) -> Finding:
    """Says why there is no choice at all."""
    if found.figure.n or found.verdict != words.UNDECIDED:
        return found
    return dataclasses.replace(found, reason="no table was played to its end before time ran out")


def heeding(found: Finding, accepted: NDArray, *, level: float = 0.01) -> Finding:
    """A responder's finding, or that it is none: accepted `[n, O]`, the answers to rising offers.

    Whoever accepts no more often as the offer rises (correlation not above 0 at `level`, one-sided) does not
    heed it, and neither the least that it accepts nor how often it refuses means anything: a coin tossed over
    each offer refuses half of them, and the last with the same chance.
    """
    if found.verdict in words.DEGENERATE or not accepted.size or accepted.all() or not accepted.any():
        return found
    offer = np.broadcast_to(np.arange(accepted.shape[1]), accepted.shape)
    _, p = scipy.stats.pearsonr(offer.ravel(), accepted.ravel(), alternative="greater")
    if p < level:  # type: ignore[operator]
        return found
    reason = "accepts no more often the more is offered"
    return dataclasses.replace(found, verdict=words.UNINTERPRETABLE, reason=reason)


def lagged(share) -> tuple[Any, Any]:
    """(mean of the others in the round before, own) `[n, rounds - 1]` of shares `[E, round, player]`; players
    of games in which time ran out are left out."""
    share = np.asarray(share, float)
    whole = share[np.isfinite(share).all((1, 2))]
    others = (whole.sum(-1, keepdims=True) - whole) / (whole.shape[-1] - 1)
    x, y = others[:, :-1], whole[:, 1:]
    flat = [v.transpose(0, 2, 1).reshape(-1, v.shape[1]) for v in (x, y)]
    return flat[0], flat[1]


def battery_of(
    team_or_policy: Cast,
    key: Key[Array, ""],
    *,
    assays: Sequence[str] = ASSAYS,
    worlds: int = 256,
    endowment: int = 10,
    rounds: int = 10,
    players: int = 4,
    temperature: float = 0.1,
    seed: int = 0,
    progress: Callable[[str], object] | None = None,
) -> BatteryResult:
    """All assays of a Team (behaviour, and the readout of each value head), of a Bot, or of a function that
    makes a bot for a game (behaviour alone).

    worlds: tables of each game.  endowment: tokens.  rounds, players: of public goods games.  temperature: of
    readouts, in units of each head's scale.  seed: of bootstraps; `key`: of play.  progress: called with the
    name of each assay as it begins.

    Raises OptionError for an unknown assay or an option out of range.
    """
    games = Games(worlds=worlds, endowment=endowment, rounds=rounds, players=players)
    battery = Battery(tuple(assays), games, temperature, seed)
    return battery.measure(team_or_policy, key, progress=progress)


def summary(found: BatteryResult) -> dict[str, Any]:
    """Plain numbers and words, for JSON."""
    return {
        "counts": found.counts(),
        "assays": [f.to_dict() for f in found],
        "sentences": found.sentences(),
        "disclosed": list(DISCLOSED),
    }
