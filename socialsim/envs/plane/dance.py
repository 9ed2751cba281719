"""dance: gesture in step."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array, Bool, Float, Int, Key

from socialsim.core.acts import Act
from socialsim.core.errors import integer, number
from socialsim.core.scene import Scene
from socialsim.envs.plane.engine import PlaneState, PlaneWorld, floor
from socialsim.envs.plane.flock import together_count

GESTURES = (Act.GESTURE_0, Act.GESTURE_1, Act.GESTURE_2, Act.GESTURE_3)
TEMPI = (-0.5, 0.0, 0.5, 1.0)
"""Tempo commands of the four gesture acts: half, once, one and a half times and twice the natural tempo."""


class DanceState(PlaneState):
    """phase: of the gesture, radians.  natural: each agent's own tempo, radians per decision.

    history: exp(i phase) of the last `T` decisions, newest first; zero where an agent did not gesture.
    """

    phase: Float[Array, " A"]
    natural: Float[Array, " A"]
    history: Float[Array, "T A 2"]


class Dance(PlaneWorld):
    """Agents that succeed by keeping their gestures in phase. See `dance`."""

    task: ClassVar[str] = "dance"
    motors: ClassVar[tuple[str, ...]] = ("forward", "turn", "tempo")

    needed: Int[Array, ""]
    tempo: Float[Array, ""]  # mean natural tempo, radians per decision
    variety: Float[Array, ""]  # natural tempi differ by this share, up and down
    window: int = struct.field(pytree_node=False)

    def reset(self, key: Key[Array, ""]) -> DanceState:
        body_key, phase_key, tempo_key = jax.random.split(key, 3)
        a = self.agents
        own = jax.random.uniform(tempo_key, (a,), jnp.float32, -1.0, 1.0)
        return DanceState(
            **self._begin(body_key),
            phase=jax.random.uniform(phase_key, (a,), jnp.float32, 0.0, 2 * jnp.pi),
            natural=self.tempo * (1 + self.variety * own),
            history=jnp.zeros((self.window, a, 2), jnp.float32),
        )

    def step(self, key: Key[Array, ""], state: DanceState, action: Array) -> DanceState:
        command, act = self._command(action)
        state = self._move(state, action)
        rate = 1.0 + command[:, 2]
        gestures = (act == Act.STILL if not self.discrete else is_gesture(act)) & (rate > 0)
        phase = state.phase + jnp.where(gestures, state.natural * rate, 0.0)
        phase -= jnp.floor(phase / (2 * jnp.pi)) * (2 * jnp.pi)
        phasor = jnp.stack([jnp.cos(phase), jnp.sin(phase)], -1) * gestures[:, None]
        history = jnp.concatenate([phasor[None], state.history[:-1]])
        heading = self._heading(state)
        sees = self.eyes.see_agents(state.bodies.position, heading, state.walls)
        together = sees & sees.T & gestures[:, None]
        return state.replace(
            act=jnp.where(gestures, GESTURES[0] + quarter(phase), act),
            joint=synchrony(history, together, self.needed),
            phase=phase,
            history=history,
        )

    def scene(self, state: DanceState) -> Scene:
        return self._scene(state)

    def _motors(self, act: Int[Array, " A"]) -> Float[Array, "A 3"]:
        level: Any = sum(t * (act == g) for t, g in zip(TEMPI, GESTURES, strict=True))
        return jnp.concatenate([super()._motors(act), level[:, None]], -1)


def is_gesture(act: Int[Array, " A"]) -> Bool[Array, " A"]:
    return (act >= GESTURES[0]) & (act <= GESTURES[-1])


def quarter(phase: Float[Array, " A"]) -> Int[Array, " A"]:
    """0 to 3: the quarter of the circle that a phase lies in."""
    return jnp.clip(jnp.floor(phase * (2 / np.pi)), 0, 3).astype(jnp.int32)


def synchrony(
    history: Float[Array, "T A 2"], together: Bool[Array, "A A"], needed: Int[Array, ""]
) -> Float[Array, " A"]:
    """Share of each agent in the phase synchrony of those it is together with, 0 to 1; see `dance`."""
    steps = history.shape[0]
    in_step = jnp.einsum("tax,tbx->ab", history, history) / steps
    mean = history.mean(0)
    shifted = mean @ mean.T  # the mean of `in_step` over all circular shifts of one history
    count = together.sum(1)
    excess = ((in_step - shifted) * together).sum(1) / jnp.maximum(count, 1)
    return jnp.where(count >= needed - 1, jnp.clip(excess, 0.0, 1.0), 0.0)


def dance(
    *,
    num_agents: int = 4,
    needed: int = 3,
    size: float = 8.0,
    walls: int = 0,
    period: float = 8.0,
    variety: float = 0.25,
    window: int = 16,
    discrete: bool = False,
    reach: float = 8.0,
    cone: float = 120.0,
    full_view: bool = False,
) -> Dance:
    """Gesture in step with those one looks at and is looked at by; discs on a plane.

    Who: `num_agents` discs, each with a gesture that turns through a circle of phases; there are no
    objects. Natural tempi differ: `2 pi / period (1 +- variety)`, uniform, drawn anew each episode. An
    agent that stands still gestures, and shows GESTURE_0..3 by the quarter of its phase; while it walks or
    turns, and with tempo -1, its phase rests.
    Joint event, graded 0 to 1: synchrony beyond what the same histories show when shifted in time. Kuramoto's
    order is `R = |1/N sum_j exp(i theta_j)|` (Kuramoto 1975; 1984, Chemical Oscillations, Waves, and
    Turbulence), so `R^2 = 1/N^2 sum_jk cos(theta_j - theta_k)`. Each pair's cosine is averaged over the last
    `window` decisions; the null is the same average with one history shifted circularly against the other,
    averaged over all shifts, which is `<z_j> . <z_k>` with z = exp(i theta) (0 while at rest) and <> the mean
    over the window (surrogates by circular shift: Lancaster et al. 2018, Phys. Rep. 748). So, with V_i the
    agents that i sees and that see i, `joint_i = max(0, mean over j in V_i of <z_i . z_j> - <z_i> . <z_j>)`,
    or 0 with fewer than `needed - 1` of them or while i does not gesture. Phases that are frozen, at whatever
    angle, earn nothing; locked phases that go round earn 1.
    Acts: forward, turn and tempo in [-1, 1] (tempo g turns the phase (1 + g) times as fast as natural); or
    the ten of the shared alphabet, of which the gestures turn it 0.5, 1, 1.5 and 2 times as fast, and what is
    seen is the quarter of the phase.  Horizon: 128 decisions, never terminates.
    Random teams drift apart; a competent team stands in a ring, looks inwards and keeps one beat.

    Parameters
    ----------
    num_agents : how many; at most 256.
    needed : agents it takes in view of one another, oneself counted; 2 to `num_agents`.
    size : side of the floor, bodies.
    walls : inner walls, 3 bodies long; at most one in each whole block of 5 x 5 bodies.
    period : decisions that a gesture takes at mean natural tempo, 4 to 64.
    variety : by which share natural tempi differ, 0 to 0.5.
    window : decisions over which synchrony is judged, 4 to 256; two periods are enough.
    discrete : actions are the ten shared acts instead of motor commands.
    reach, cone : of sight, in bodies and degrees.  full_view : see everything.

    Raises
    ------
    OptionError : an option out of range; the message says what is allowed.
    """
    ground = floor(
        num_agents=num_agents,
        size=size,
        walls=walls,
        discrete=discrete,
        reach=reach,
        cone=cone,
        full_view=full_view,
    )
    wanted = together_count(needed, num_agents)
    return Dance(
        **ground,
        needed=jnp.int32(wanted),
        tempo=jnp.float32(2 * np.pi / number("period", period, low=4, high=64)),
        variety=jnp.float32(number("variety", variety, low=0, high=0.5)),
        window=integer("window", window, low=4, high=256),
    )
