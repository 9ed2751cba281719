"""What scripted societies earn by being predictable: where the dark room is, and whether it is shut."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from socialsim.agents.bots import fast_oscillators, noop_chorus, slow_oscillators
from socialsim.agents.bots.base import Bot, Explore
from socialsim.agents.prediction import Prediction
from socialsim.agents.rollout import Trajectory
from socialsim.analysis.recording import Episodes, play
from socialsim.core.acts import Act
from socialsim.core.senses import Observation
from socialsim.core.simulation import Simulation


def societies(env: Simulation) -> dict[str, Bot]:
    """Societies in which it is easy, or impossible, to say what comes next; one kind, compiled once."""

    def slips(bot: Bot, epsilon: float) -> Bot:
        return Explore(bot, env.actions, jnp.float32(epsilon))

    return {
        "still": slips(noop_chorus(env), 0.0),
        "turning on the spot": slips(noop_chorus(env, Act.TURN_LEFT), 0.0),
        "oscillating": slips(fast_oscillators(env), 0.0),
        "oscillating slowly": slips(slow_oscillators(env), 0.0),
        "random": slips(noop_chorus(env), 1.0),
    }


def earnings(
    env: Simulation,
    prediction: Prediction,
    key: Key[Array, ""],
    *,
    worlds: int = 32,
    rounds: int = 60,
) -> dict[str, dict[str, float]]:
    """Society -> channel -> reward per agent-step, once the model has learned from that society.

    It learns from three quarters of `worlds` episodes, `rounds` times over, and is judged on the others.
    """
    play_key, learn_key = jax.random.split(key)
    cut = max(3 * worlds // 4, 1)

    @jax.jit
    def earned(episodes: Episodes):
        def part(episodes, worlds):
            return as_path(jax.tree.map(lambda x: x[:, worlds], episodes))

        known, unknown = part(episodes, slice(0, cut)), part(episodes, slice(cut, None))

        def learn(model, _):
            return prediction(model, learn_key, *known)[0], None

        model = jax.lax.scan(learn, prediction.init(learn_key, env), length=rounds)[0]
        return prediction(model, learn_key, *unknown)[1].mean((0, 1, 2))

    found = {n: earned(play(env, bot, play_key, worlds=worlds)) for n, bot in societies(env).items()}
    return {
        n: dict(zip(prediction.channels, np.asarray(r, float).tolist(), strict=True))
        for n, r in found.items()
    }


def as_path(episodes: Episodes) -> tuple[Trajectory, Observation]:
    """Whole episodes as a batch that a learner would see, and what followed its last row."""
    first = jax.tree.map(lambda x: x[:-1], episodes)
    last = jax.tree.map(lambda x: x[-1], episodes.observation)
    nothing = jnp.zeros_like(first.joint)
    path = Trajectory(
        observation=first.observation,
        start=first.ended,
        action=first.action,
        log_prob=nothing,
        value=nothing[..., None],
        signals=first.signals,
        joint=first.joint,
        terminated=first.ended,
        done=first.ended,
        at_end=(),
    )
    return path, last
