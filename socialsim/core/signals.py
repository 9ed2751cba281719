"""Social signals: being attended to, being imitated, succeeding together.

A signal is a frozen dataclass whose fields are its options. `signal(window)` is pure and returns one
number per agent, bounded per step. The window holds the current scene, the few past fields a signal asks
for with `remembers`, and the signal's own exponential trace of what came before.

Signals are the only thing learners ever receive; they enter a scalar only through drives.
"""

# pyright: reportUnknownMemberType=false

import abc
import dataclasses
import functools
import math
import numbers
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast

import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float

from socialsim.core import errors, geometry
from socialsim.core.acts import NUM_ACTS
from socialsim.core.scene import Scene

Trace = Any  # a pytree of the signal's own


class Window(struct.PyTreeNode):
    """What a signal may look at.

    scene: the instant to be judged.
    past: field name -> `[L, ...]`, row k-1 is the field k steps ago (acts before the start are -1).
    trace: the signal's own memory of everything before `scene`.
    """

    scene: Scene
    past: dict[str, Array]
    trace: Trace


class Signal(abc.ABC):
    """One channel. Subclasses are frozen dataclasses."""

    name: ClassVar[str]

    @property
    def remembers(self) -> Mapping[str, int]:
        """Scene fields to keep, and for how many steps."""
        return {}

    def begin(self, scene: Scene) -> Trace:
        """The trace before the first scene of an episode."""
        return ()

    def update(self, window: Window) -> Trace:
        """The trace to carry on once `window.scene` has passed."""
        return ()

    @abc.abstractmethod
    def __call__(self, window: Window) -> Float[Array, " A"]: ...


def novelty(familiarity: Array, power: float) -> Array:
    """Worth of an event as a share of its worth when new: (1 - familiarity)^power.

    Responses to a repeated stimulus fade and recover with its absence (habituation: Thompson & Spencer
    1966; Rankin et al. 2009). With the power well above one, what happens half of the time is already
    worth next to nothing, which is what denies repetitive societies their pay.
    """
    # Whole powers are products; others cost CPUs ten times as much.
    exponent = int(power) if power <= 64 and float(power).is_integer() else power
    return jnp.clip(1.0 - familiarity, 0.0, 1.0) ** exponent


def _ema(old: Array, new: Array, memory: float) -> Array:
    return old + (new - old) / memory


class AttentionTrace(struct.PyTreeNode):
    """familiarity: running mean of gaze shares `[A, A]`.  haunt: running mean of positions, bodies."""

    familiarity: Float[Array, "A A"]
    haunt: Float[Array, "A 2"]


@dataclasses.dataclass(frozen=True)
class Attention(Signal):
    """Attention received: `attention_i = roaming_i * sum_j g[j, i] * novelty(familiarity of g[j, i])`.

    Each agent has one unit of gaze to give: `w = 1[j sees i] exp(-d / fade)` and
    `g[j, i] = w[j, i] / (eps + sum of w over all agents and objects j sees)`. Two things wear gaze out.
    Repetition: familiarity is the running mean of g[j, i], and a gaze that keeps resting on one agent is
    worth ever less. Sameness: who is where it has been of late is no news, `roaming_i = d^2 / (d^2 +
    roam^2)` with d the distance from its own running mean position; the response is to the mismatch
    between what is seen and what was to be expected (Sokolov 1963). Agents that stay where they are
    earn nothing, however they turn and whoever stares at them.
    Bounds: 0 <= attention_i <= A - 1, and its sum over agents never exceeds A.

    fade, roam: bodies.  memory: steps, of both running means.
    power: of `novelty`, 0 switches this habituation off.
    joint: weight of joint attention, `sum_j sum_o g_i(o) g_j(o)` over objects both look at.
    """

    fade: float = 6.0
    memory: float = 20.0
    power: float = 10.0
    roam: float = 3.0
    joint: float = 0.0
    eps: float = 0.05
    name: ClassVar[str] = "attention"

    def __post_init__(self):
        _positive(self, "fade", "eps")
        _steps(self, "memory")
        _not_negative(self, "power", "roam", "joint")

    def gaze_shares(self, scene: Scene) -> tuple[Float[Array, "A A"], Float[Array, "A M"]]:
        """`[A, A]` and `[A, M]`: row j is how agent j's unit of gaze is spent."""

        def weight(target: Float[Array, "N 2"], seen: Bool[Array, "A N"]) -> Float[Array, "A N"]:
            offset = target[None] - scene.position[:, None]
            return jnp.where(seen, jnp.exp(-geometry.norm(offset) / self.fade), 0.0)

        agents = weight(scene.position, scene.sees_agent)
        objects = weight(scene.object_position, scene.sees_object & scene.object_present)
        total = self.eps + agents.sum(-1) + objects.sum(-1)
        return agents / total[:, None], objects / total[:, None]

    def begin(self, scene: Scene) -> Trace:
        a = scene.num_agents
        return AttentionTrace(jnp.zeros((a, a), jnp.float32), scene.position.astype(jnp.float32))

    def update(self, window: Window) -> Trace:
        old: AttentionTrace = window.trace
        return AttentionTrace(
            familiarity=_ema(old.familiarity, self.gaze_shares(window.scene)[0], self.memory),
            haunt=_ema(old.haunt, window.scene.position, self.memory),
        )

    def __call__(self, window: Window) -> Float[Array, " A"]:
        agents, objects = self.gaze_shares(window.scene)
        received = (agents * novelty(window.trace.familiarity, self.power)).sum(0)
        if self.roam:
            away = ((window.scene.position - window.trace.haunt) ** 2).sum(-1)
            received = received * away / (away + self.roam**2)
        if self.joint:
            shared = objects @ objects.T
            received = received + self.joint * (shared.sum(-1) - shared.diagonal())
        return received


class ImitationTrace(struct.PyTreeNode):
    """frequency: running act frequencies `[A, N]`, not normalised.  mass: what they sum to.
    habit: running mean of excess matching over the changes of act of j `[A, A]`, row j copies column i."""

    frequency: Float[Array, "A N"]
    mass: Float[Array, ""]
    habit: Float[Array, "A A"]


@dataclasses.dataclass(frozen=True)
class Imitation(Signal):
    """Being imitated: when others change to an act they lately saw me do, more often than by chance.

    `x[j, i] = mean over lags k of 1[j saw i at t-k] (1[act_j(t) = act_i(t-k)] - p_i(act_j(t)))`: the match
    less what i's running act frequencies p_i give by chance, so that independent agents earn zero on
    average. Only a *change* of act is a copy: whoever goes on with an act copies nobody, so choruses and
    held oscillations earn nothing (conditioning on onsets: Bakeman & Quera 2011, on sequential
    analysis). A copy counts by the rarity of the act to its copier, `-log p_j(a) / log N` clipped to
    [0, 1]. Copying as a rule is worth nothing: x averaged over j's changes of act is the habit h[j, i],
    and a copy is worth `novelty(h)` of it. Until act frequencies are known, credit is scaled by how much
    evidence there is, so that an episode's start leaks nothing. Each copier has one unit to give: x is
    divided by how many it saw, at that of the lags at which it saw most. Bounds: what a copier gives adds up
    to at most 1, and |imitation_i| <= A - 1.

    lags: steps from an act to its copy, a tuple.  memory: steps over which act frequencies are averaged.
    habit_memory: changes of act over which habits are averaged.  power: of `novelty`.
    """

    lags: tuple[int, ...] = (1, 2)
    memory: float = 20.0
    habit_memory: float = 5.0
    power: float = 8.0
    name: ClassVar[str] = "imitation"

    def __post_init__(self):
        _steps(self, "memory", "habit_memory")
        _not_negative(self, "power")
        given: Any = self.lags
        lags = list(cast(Sequence[Any], given)) if isinstance(given, Sequence) else []
        if not lags or not all(_lag(k) for k in lags):
            allowed = "one or more integers, each at least 1, like (1, 2)"
            raise errors.OptionError(f"imitation: lags={given!r}; allowed: {allowed}")
        object.__setattr__(self, "lags", tuple(int(k) for k in lags))  # a list would not compile

    @property
    def remembers(self) -> Mapping[str, int]:
        return {"act": max(self.lags), "sees_agent": max(self.lags)}

    def begin(self, scene: Scene) -> Trace:
        a, zeros = scene.num_agents, functools.partial(jnp.zeros, dtype=jnp.float32)
        return ImitationTrace(zeros((a, NUM_ACTS)), zeros(()), zeros((a, a)))

    def excess(self, window: Window) -> tuple[Float[Array, "A A"], Float[Array, "A A"], Float[Array, " A"]]:
        """[j, i] x and the share of lags at which j saw i, both 0 where j did not change its act; and
        [j] the rarity of j's act."""
        acts, sees = window.past["act"], window.past["sees_agent"]
        now, trace = window.scene.act, window.trace
        p = trace.frequency / jnp.maximum(trace.mass, 1e-6)
        own = [(now == a).astype(jnp.float32) for a in range(NUM_ACTS)]
        chance: Any = sum(own[a][:, None] * p[None, :, a] for a in range(NUM_ACTS))  # [j, i]: p_i(act_j)
        usual: Any = sum(own[a] * p[:, a] for a in range(NUM_ACTS))
        rarity = jnp.clip(-jnp.log(jnp.maximum(usual, 1e-6)) / math.log(NUM_ACTS), 0.0, 1.0)
        changed = (now != acts[0]).astype(jnp.float32)[:, None] / len(self.lags)
        visible = [sees[k - 1] * changed for k in self.lags]
        matched = [(now[:, None] == acts[k - 1][None, :]) - chance for k in self.lags]
        x: Any = sum(v * m for v, m in zip(visible, matched, strict=True))
        shown: Any = sum(visible)
        return x, shown, rarity

    def update(self, window: Window) -> Trace:
        old: ImitationTrace = window.trace
        x, visible, _ = self.excess(window)
        own = jnp.stack([(window.scene.act == a) for a in range(NUM_ACTS)], -1).astype(jnp.float32)
        return ImitationTrace(
            frequency=_ema(old.frequency, own, self.memory),
            mass=_ema(old.mass, jnp.ones((), jnp.float32), self.memory),
            habit=old.habit + visible * (x - old.habit) / self.habit_memory,
        )

    def __call__(self, window: Window) -> Float[Array, " A"]:
        x, _, rarity = self.excess(window)
        # How many each copier had to choose from, at the lag at which it saw most: it gives one unit at most.
        seen = [window.past["sees_agent"][k - 1].sum(-1) for k in self.lags]
        audience = jnp.maximum(functools.reduce(jnp.maximum, seen), 1)
        worth = window.trace.mass * rarity / audience
        return (x * novelty(window.trace.habit, self.power) * worth[:, None]).sum(0)


@dataclasses.dataclass(frozen=True)
class Coordination(Signal):
    """Succeeding together: the scene's share in joint successes, clipped to `cap` per step."""

    cap: float = 1.0
    name: ClassVar[str] = "coordination"

    def __post_init__(self):
        _positive(self, "cap")

    def __call__(self, window: Window) -> Float[Array, " A"]:
        return jnp.clip(window.scene.joint, 0.0, self.cap)


_TINY, _HUGE = 1e-30, 1e30
_SPAN = ", within 1e-30 to 1e30 (single precision)"


def _lag(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, numbers.Integral) and int(value) >= 1


def _within(value: Any, low: float) -> bool:
    real = not isinstance(value, bool) and isinstance(value, numbers.Real)
    return real and low <= float(value) <= _HUGE


def _positive(signal: Signal, *fields: str) -> None:
    for f in fields:
        if not _within(getattr(signal, f), _TINY):
            raise errors.OptionError(
                f"{signal.name}: {f}={getattr(signal, f)!r}; allowed: more than 0{_SPAN}"
            )


def _steps(signal: Signal, *fields: str) -> None:
    for f in fields:  # a running mean over less than a step swings ever wider
        if not _within(getattr(signal, f), 1):
            raise errors.OptionError(f"{signal.name}: {f}={getattr(signal, f)!r}; allowed: 1 or more{_SPAN}")


def _not_negative(signal: Signal, *fields: str) -> None:
    for f in fields:
        if getattr(signal, f) != 0 and not _within(getattr(signal, f), _TINY):
            raise errors.OptionError(f"{signal.name}: {f}={getattr(signal, f)!r}; allowed: 0 or more{_SPAN}")


_SIGNALS: dict[str, type[Signal]] = {}


def register_signal(signal: type[Signal]) -> type[Signal]:
    """Make a Signal class available by its `name` (usable as a decorator).

    A class of the same module and name takes the place of its elder (a notebook's cell that is run again).

    Raises OptionError if the name is taken by another class.
    """
    known = _SIGNALS.get(signal.name, signal)
    if (known.__module__, known.__qualname__) != (signal.__module__, signal.__qualname__):
        raise errors.OptionError(f"signal {signal.name!r} is registered already, by {known.__qualname__}")
    _SIGNALS[signal.name] = signal
    return signal


for _signal in (Attention, Imitation, Coordination):
    register_signal(_signal)

DEFAULT_SIGNALS = ("attention", "imitation", "coordination")


def signals() -> tuple[str, ...]:
    """Names of all registered signals."""
    return tuple(_SIGNALS)


def make_signal(signal: str | Signal) -> Signal:
    """A signal by name, with its default options; instances pass through.

    Raises OptionError for an unknown name.
    """
    if isinstance(signal, Signal):
        return signal
    return _SIGNALS[errors.choose("signal", signal, _SIGNALS)]()
