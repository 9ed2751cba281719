"""What trained heads say, in how many voices, and whether they are right: all arms of one seed."""

import dataclasses
import operator
from collections.abc import Mapping, Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from socialsim.agents.returns import monte_carlo
from socialsim.agents.team import Team
from socialsim.analysis.clusters import cluster_bootstrap
from socialsim.analysis.recording import Episodes, Returns, play, read
from socialsim.analysis.statistics import Estimate, undefined
from socialsim.core.errors import integer
from socialsim.core.simulation import Simulation, SimulationState
from socialsim.experiments.cohering import measures
from socialsim.experiments.cohering.scenes import CONTEXTS, sensed, worth
from socialsim.transfer.features import shared_features

BINS = 10


@dataclasses.dataclass(frozen=True)
class Reading:
    """How much is looked at.

    worlds: episodes of each team in each place.  scenes: of each place that all arms of a seed are asked
    about.  compared, draws: scenes of a tournament and tournaments, for cycles.  cap: rows of the online
    code.  true_teams, true_scenes, rollouts: of the measurement of true returns in every context.
    """

    worlds: int = 32
    scenes: int = 384
    compared: int = 64
    draws: int = 8
    cap: int = 1500
    true_teams: int = 2
    true_scenes: int = 64
    rollouts: int = 24

    def __post_init__(self):
        for field in dataclasses.fields(self):
            integer(field.name, getattr(self, field.name), low=1)


def battery(
    key: Key[Array, ""], played: Sequence[Episodes], scenes: int, agents: int
) -> tuple[SimulationState, Int[Array, " N"]]:
    """Moments to ask all arms about, as many from each arm's own episodes, and who is asked: `[N]`."""
    who_key, *keys = jax.random.split(key, 1 + len(played))
    each = -(-scenes // len(played))
    parts = []
    for k, episodes in zip(keys, played, strict=True):
        steps, worlds = episodes.ended.shape
        step, world = jnp.divmod(jax.random.choice(k, steps * worlds, (each,), replace=False), worlds)
        parts.append(jax.tree.map(operator.itemgetter((step, world)), episodes.state))
    states = jax.tree.map(lambda *x: jnp.concatenate(x)[:scenes], *parts)
    return states, jax.random.randint(who_key, (scenes,), 0, agents)


@jax.jit
def asked(
    env: Simulation, teams: Team, key: Key[Array, ""], states: SimulationState, me: Int[Array, " N"]
) -> tuple[Float[Array, "J K N"], Float[Array, "K N F"]]:
    """Values of J teams for N scenes in K contexts, and the features of what was sensed there."""
    _, obs = sensed(env, key, states.world, me)
    values = jax.vmap(lambda t: worth(t, obs, me))(teams)
    features = shared_features(obs)
    return values, jnp.take_along_axis(features, me[None, :, None, None], -2)[..., 0, :]


def evaluate(
    home: Simulation,
    changed: Simulation,
    teams: Mapping[str, Team],
    trained: Sequence[str],
    key: Key[Array, ""],
    reading: Reading,
    *,
    discount: float,
    seed: int,
) -> dict[str, dict]:
    """All measures of one seed: "measures" name -> arm -> number; "calibration" arm -> `[2, BINS]`;
    "shares" arm -> one per context after the first."""
    found: dict[str, dict] = {}
    curves, shares = {}, {}

    def keep(name: str, arm: str, figure: float) -> None:
        found.setdefault(name, {})[arm] = float(figure)

    stacked = jax.tree.map(lambda *x: jnp.stack(x), *teams.values())
    for place, (suffix, env) in enumerate((("", home), ("_changed", changed))):
        play_key, pick_key, edit_key = jax.random.split(jax.random.fold_in(key, place), 3)
        played = {a: play(env, t, play_key, worlds=reading.worlds, states=True) for a, t in teams.items()}
        for arm, episodes in played.items():
            keep(f"success{suffix}", arm, float(episodes.joint.mean()))
            value, returns = known(teams[arm], episodes, discount)
            keep(f"spread{suffix}", arm, measures.spread(value, returns))
            if suffix:
                error, curves[arm] = measures.calibration(value, returns, bins=BINS)
                keep("calibration_changed", arm, error)
        states, me = battery(pick_key, [played[a] for a in trained], reading.scenes, env.num_agents)
        values, features = jax.device_get(asked(env, stacked, edit_key, states, me))
        for arm, v in zip(teams, values.astype(float), strict=True):
            keep(f"contradiction{suffix}", arm, measures.contradictions(v))
            keep(f"coherence{suffix}", arm, measures.coherence(v))
            if not suffix:
                options = {"scenes": reading.compared, "draws": reading.draws, "seed": seed}
                keep("cycles", arm, measures.cycles(v, **options))
                bits = measures.description_length(v, features, cap=reading.cap, seed=seed)
                keep("bits", arm, bits)
                shares[arm] = measures.within_share(v).tolist()
    return {
        "measures": found,
        "calibration": {a: c.tolist() for a, c in curves.items()},
        "shares": shares,
    }


def known(team: Team, episodes: Episodes, discount: float) -> tuple[np.ndarray, np.ndarray]:
    """What the head said and what followed, where the return is known: `[N]` each."""
    returns, good = jax.device_get(Returns(discount)(episodes))
    value = np.asarray(read(team, episodes.observation).value)
    return value[good][..., 0].ravel().astype(float), returns[good][..., 0].ravel().astype(float)


# The truth -----------------------------------------------------------------------------------------------


@partial(jax.jit, static_argnames=("steps", "rollouts"))
def lived(
    env: Simulation,
    team: Team,
    key: Key[Array, ""],
    states: SimulationState,
    me: Int[Array, " N"],
    discount: float | Float[Array, ""],
    *,
    steps: int,
    rollouts: int,
) -> Float[Array, "K N R"]:
    """Discounted success of `me` when the team goes on from every scene in every context, R times each.

    Independent chances for each: what differs between contexts is then told from chance by its size.
    """
    edit_key, live_key = jax.random.split(key)
    worlds, _ = sensed(env, edit_key, states.world, me)
    contexts, scenes = len(CONTEXTS), len(me)

    def life(key, world, rest, me):
        def step(state, key):
            act_key, step_key = jax.random.split(key)
            obs = env.senses(env.world.scene(state.world))
            action, _ = team.act(act_key, obs)
            state, timestep = env.step(step_key, state, action)
            return state, timestep.signals[me, 0]

        signals = jax.lax.scan(step, rest.replace(world=world), jax.random.split(key, steps))[1]
        return monte_carlo(signals[:, None], jnp.zeros(steps, bool), discount=discount)[0, 0]

    def once(key):
        keys = jax.random.split(key, (contexts, scenes))
        inner = jax.vmap(life, in_axes=(0, 0, 0, 0))
        return jax.vmap(inner, in_axes=(0, 0, None, None))(keys, worlds, states, me)

    return jax.lax.map(once, jax.random.split(live_key, rollouts)).transpose(1, 2, 0)


def true_shares(returns: Float[np.ndarray, "K N R"], *, seed: int) -> dict[str, Estimate]:
    """`measures.within_share` of true expected returns, freed from the chance of finitely many rollouts, with
    intervals over scenes: context -> estimate. It may fall below 0 by chance where nothing changes, and is
    NaN where scenes are not seen to differ in what follows: there is nothing to have a share of."""
    returns = np.asarray(returns, float)
    mean = returns.mean(-1)
    noise = returns.var(-1, ddof=1) / returns.shape[-1]
    groups = np.arange(mean.shape[1])

    def spread(s):
        return s[..., 1] / s[..., 2] - (s[..., 0] / s[..., 2]) ** 2

    plain = np.stack([mean[0], mean[0] ** 2 - noise[0], np.ones_like(mean[0])], -1)
    if not cluster_bootstrap(plain, spread, groups=groups, seed=seed).low > 0:
        reason = "scenes are not seen to differ in what follows"
        return {name: undefined(len(groups), reason) for name in list(CONTEXTS)[1:]}
    out = {}
    for k, name in list(enumerate(CONTEXTS))[1:]:
        change = 0.5 * ((mean[k] - mean[0]) ** 2 - noise[k] - noise[0])
        columns = np.concatenate([change[:, None], plain], -1)

        def share(s):
            return s[..., 0] / s[..., 3] / np.maximum(spread(s[..., 1:]), 1e-9)

        out[name] = cluster_bootstrap(columns, share, groups=groups, seed=seed)
    return out
