"""Signals one by one, without a world: short films against slow references, cases by hand, refusals."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from socialsim.core import signals
from socialsim.core.acts import NUM_ACTS
from socialsim.core.errors import OptionError
from socialsim.core.scene import NUM_OBJECT_FEATURES, NUM_RAYS, Scene
from socialsim.core.signals import Attention, Coordination, Imitation, Signal, Window, make_signal, novelty
from tests.reference import slow_signals

A, M, T = 3, 2, 14


def film(seed=0):
    """Fields of T + 1 scenes in which a few acts come again and again, and absent objects are `seen`."""
    rng = np.random.default_rng(seed)
    fields = dict(
        position=rng.uniform(0, 9, (T + 1, A, 2)),
        velocity=np.zeros((T + 1, A, 2)),
        heading=np.zeros((T + 1, A, 2)),
        gaze=np.zeros((T + 1, A, 2)),
        load=np.zeros((T + 1, A)),
        strength=np.ones((T + 1, A)),
        clear=np.zeros((T + 1, A, NUM_RAYS)),
        object_position=rng.uniform(0, 9, (T + 1, M, 2)),
        object_goal=np.zeros((T + 1, M, 2)),
        object_features=np.zeros((T + 1, M, NUM_OBJECT_FEATURES)),
        joint=rng.uniform(-1, 3, (T + 1, A)),
    )
    sees = rng.random((T + 1, A, A)) < 0.8
    sees[:, range(A), range(A)] = False
    return {f: x.astype(np.float32) for f, x in fields.items()} | dict(
        act=rng.choice([0, 4, NUM_ACTS - 1], (T + 1, A)).astype(np.int32),
        object_present=rng.random((T + 1, M)) < 0.6,
        takes_part=np.zeros((T + 1, A, M), bool),
        sees_agent=sees,
        sees_object=rng.random((T + 1, A, M)) < 0.7,
    )


def slow(fields):
    """The same as the slow references take it: one world, absent objects unseen."""
    seen = fields["sees_object"] & fields["object_present"][:, None]
    names = slow_signals.Film.__dataclass_fields__
    return slow_signals.Film(**{f: dict(fields, sees_object=seen)[f][:, None] for f in names})


def scene(fields, t):
    return Scene(**{f: jnp.asarray(x[t]) for f, x in fields.items()})


def earned(signal, fields):
    """What a signal pays along a film: `[T, A]`."""
    first = scene(fields, 0)
    nothing = {"act": jnp.full(A, -1), "sees_agent": jnp.zeros((A, A), bool)}
    past = {f: jnp.stack([getattr(first, f), *[nothing[f]] * (k - 1)]) for f, k in signal.remembers.items()}

    def step(carry, fields):
        past, trace = carry
        window = Window(Scene(**fields), past, trace)
        kept = {f: jnp.concatenate([fields[f][None], p[:-1]]) for f, p in past.items()}
        return (kept, signal.update(window)), signal(window)

    rest = {f: jnp.asarray(x[1:]) for f, x in fields.items()}
    return np.asarray(jax.jit(lambda x: jax.lax.scan(step, (past, signal.begin(first)), x)[1])(rest))


OPTIONS = [
    ("attention", {}),
    ("attention", dict(memory=3.0, power=2.0, roam=1.0, eps=0.5)),
    ("imitation", {}),
    ("imitation", dict(lags=(1, 3), memory=4.0, habit_memory=2.0, power=3.0)),
    ("coordination", {}),
    ("coordination", dict(cap=2.0)),
]


@pytest.mark.parametrize("name, options", OPTIONS)
def test_equals_the_slow_reference_under_any_options(name, options):
    fields = film()
    expected = getattr(slow_signals, name)(slow(fields), **options)[:, 0]
    assert np.abs(expected).max() > 0.05
    given = make_signal(name) if not options else type(make_signal(name))(**options)
    np.testing.assert_allclose(earned(given, fields), expected, atol=2e-6)


def test_novelty_fades_with_familiarity():
    familiarity = jnp.array([-1.0, 0.0, 0.5, 1.0, 2.0])
    np.testing.assert_allclose(novelty(familiarity, 2.0), [1, 1, 0.25, 0, 0])
    np.testing.assert_allclose(novelty(familiarity[:3], 0.0), 1)


def face_to_face(distance):
    """Three agents: 0 and 1 look at one another, and 0 looks at the only object there is, as near as 1."""
    fields = film()
    sees = np.zeros((A, A), bool)
    sees[[0, 1], [1, 0]] = True
    return dataclasses.replace(
        scene(fields, 0),
        position=jnp.array([[0.0, 0], [distance, 0], [0, 50]]),
        object_position=jnp.array([[0.0, distance], [0, 1]]),
        object_present=jnp.array([True, False]),
        sees_agent=jnp.asarray(sees),
        sees_object=jnp.array([[True, True], [False, True], [False, False]]),
    )


def test_gaze_is_shared_among_what_is_seen():
    now = face_to_face(2.0)
    agents, objects = Attention(fade=4.0, eps=0.1).gaze_shares(now)
    w = np.exp(-0.5)
    np.testing.assert_allclose(agents[0], [0, w / (2 * w + 0.1), 0], rtol=1e-6)
    np.testing.assert_allclose(agents[1], [w / (w + 0.1), 0, 0], rtol=1e-6)
    np.testing.assert_allclose(objects, [[w / (2 * w + 0.1), 0], [0, 0], [0, 0]], rtol=1e-6)
    assert not agents[2].any()


def test_attention_starts_fresh_and_at_home():
    now = face_to_face(2.0)
    trace = Attention().begin(now)
    assert trace.familiarity.shape == (A, A) and not trace.familiarity.any()
    np.testing.assert_array_equal(trace.haunt, now.position)
    assert not Attention()(Window(now, {}, trace)).any()  # nobody has moved yet
    still = Attention(roam=0.0)(Window(now, {}, trace))
    np.testing.assert_allclose(still, Attention().gaze_shares(now)[0].sum(0), rtol=1e-6)


def test_roaming_is_half_at_the_distance_roam():
    now = face_to_face(2.0)
    home = Attention().begin(now)
    away = home.replace(haunt=home.haunt - jnp.array([3.0, 4.0]))
    paid = Attention(roam=5.0)(Window(now, {}, away))
    np.testing.assert_allclose(paid, 0.5 * Attention(roam=0.0)(Window(now, {}, home)), rtol=1e-6)


def test_joint_attention_pays_those_who_look_at_one_object():
    fields = film()
    for t in range(3):
        now = scene(fields, t)
        window = Window(now, {}, Attention().begin(scene(fields, t + 1)))
        _, objects = Attention().gaze_shares(now)
        extra = Attention(joint=0.5)(window) - Attention()(window)
        for i in range(A):
            shared = sum(float(objects[i] @ objects[j]) for j in range(A) if j != i)
            assert float(extra[i]) == pytest.approx(0.5 * shared, abs=1e-6)


def copied(p_copier, p_model, habit=0.0):
    """Agent 1 changes to act 5, which agent 0 showed one step ago; two steps ago it showed another one."""
    now = dataclasses.replace(scene(film(), 0), act=jnp.array([3, 5, 7]))
    sees = jnp.zeros((2, A, A), bool).at[:, 1, 0].set(True)
    past = {"act": jnp.array([[5, 2, 7], [4, 2, 7]]), "sees_agent": sees}
    trace = Imitation().begin(now)
    frequency = trace.frequency.at[1, 5].set(0.8 * p_copier).at[0, 5].set(0.8 * p_model)
    trace = trace.replace(frequency=frequency, mass=jnp.array(0.8), habit=trace.habit.at[1, 0].set(habit))
    return Window(now, past, trace)


@pytest.mark.parametrize(
    "p_copier, rarity", [(0.0, 1.0), (0.01, 1.0), (0.1, 1.0), (10**-0.5, 0.5), (1.0, 0.0)]
)
def test_a_copy_by_hand(p_copier, rarity):
    """The match at the first of two lags, less chance at both; times evidence, rarity, and what is new."""
    excess = ((1 - 0.2) + (0 - 0.2)) / 2
    paid = Imitation()(copied(p_copier, 0.2, habit=0.25))
    np.testing.assert_allclose(paid, [excess * 0.8 * rarity * 0.75**8, 0, 0], atol=1e-6)
    worn = Imitation().update(copied(p_copier, 0.2, habit=0.25)).habit
    assert float(worn[1, 0]) == pytest.approx(0.25 + (excess - 0.25) / 5, abs=1e-6)


def test_a_habit_below_chance_is_worth_no_more_than_none():
    below, none = (Imitation()(copied(0.1, 0.2, habit=h)) for h in (-0.5, 0.0))
    np.testing.assert_array_equal(below, none)


def test_a_copier_shares_one_unit_among_those_it_saw():
    window = copied(0.1, 0.2)
    both = dict(window.past, sees_agent=window.past["sees_agent"].at[0, 1, 2].set(True))
    one, two = Imitation()(window), Imitation()(window.replace(past=both))
    assert float(two[0]) == pytest.approx(float(one[0]) / 2)


def test_who_saw_more_a_step_earlier_gives_one_unit_all_the_same():
    """Two models at the second lag, both matched, none at the first: each gets a half of half the lags."""
    window = copied(0.0, 0.0)
    sees = jnp.zeros((2, A, A), bool).at[1, 1, [0, 2]].set(True)
    past = {"act": jnp.array([[4, 2, 4], [5, 2, 5]]), "sees_agent": sees}
    np.testing.assert_allclose(Imitation()(window.replace(past=past)), [0.8 / 4, 0, 0.8 / 4], rtol=1e-6)


@pytest.mark.parametrize("lags", [(1, 2), (2,), (1, 3, 4)])
def test_a_copier_never_gives_more_than_one_unit(lags):
    """Of seven, only agent 1 sees anybody, at each lag a crowd of its own; few acts, so that many match."""
    a, worlds = 7, 400
    rng = np.random.default_rng(1)
    crowd = rng.random((worlds, max(lags), 1, a)) < rng.random((worlds, max(lags), 1, 1))
    sees = np.zeros((worlds, max(lags), a, a), bool)
    sees[:, :, 1] = crowd[:, :, 0]
    sees[:, :, 1, 1] = False
    act = rng.integers(5, 7, (worlds, max(lags) + 1, a)).astype(np.int32)
    act[:200, 1:, [0, 2, 3, 4, 5, 6]] = act[:200, :1, 1:2]  # everybody did what agent 1 does now
    now = scene(film(), 0)
    signal = Imitation(lags=lags)

    def given(act, sees):
        trace = signals.ImitationTrace(jnp.zeros((a, NUM_ACTS)), jnp.ones(()), jnp.zeros((a, a)))
        return signal(Window(now.replace(act=act[0]), {"act": act[1:], "sees_agent": sees}, trace)).sum()

    sums = jax.vmap(given)(jnp.asarray(act), jnp.asarray(sees))
    assert 0.9 < float(sums.max()) <= 1 + 1e-6


def test_whoever_goes_on_with_an_act_copies_nobody():
    window = copied(0.1, 0.2)
    same = dict(window.past, act=window.past["act"].at[0, 1].set(5))
    x, shown, rarity = Imitation().excess(window.replace(past=same))
    assert not x.any() and not shown.any() and float(rarity[1]) == pytest.approx(1)
    x, shown, _ = Imitation().excess(window)
    np.testing.assert_allclose(shown, jnp.zeros((A, A)).at[1, 0].set(1))
    assert float(x[1, 0]) == pytest.approx(0.3)


def test_frequencies_of_acts_are_running_means():
    signal, window = Imitation(memory=4.0), copied(0.1, 0.2)
    new = signal.update(window)
    own = np.eye(NUM_ACTS)[[3, 5, 7]]
    np.testing.assert_allclose(new.frequency, 0.75 * window.trace.frequency + 0.25 * own, rtol=1e-6)
    assert float(new.mass) == pytest.approx(0.75 * 0.8 + 0.25)
    assert float(signal.begin(window.scene).mass) == 0


def test_what_signals_remember():
    assert Imitation().remembers == {"act": 2, "sees_agent": 2}
    assert Imitation(lags=(4, 1)).remembers == {"act": 4, "sees_agent": 4}
    now = face_to_face(1.0)
    assert Coordination().remembers == Attention().remembers == {}
    assert Coordination().begin(now) == Coordination().update(Window(now, {}, ())) == ()


def test_joint_success_is_clipped():
    now = dataclasses.replace(face_to_face(1.0), joint=jnp.array([-1.0, 0.5, 3.0]))
    np.testing.assert_array_equal(Coordination(cap=2.0)(Window(now, {}, ())), [0, 0.5, 2])


MORE_THAN_0, AT_LEAST_0, AT_LEAST_1 = (1e-30, 1.0, 1e30), (0.0, 1e-30, 0.5, 1e30), (1.0, 2.5, 1e30)
FIELDS = [
    (Attention, "fade", MORE_THAN_0),
    (Attention, "eps", MORE_THAN_0),
    (Attention, "memory", AT_LEAST_1),
    (Attention, "power", AT_LEAST_0),
    (Attention, "roam", AT_LEAST_0),
    (Attention, "joint", AT_LEAST_0),
    (Imitation, "memory", AT_LEAST_1),
    (Imitation, "habit_memory", AT_LEAST_1),
    (Imitation, "power", AT_LEAST_0),
    (Coordination, "cap", MORE_THAN_0),
]
BAD = {MORE_THAN_0: 0.0, AT_LEAST_0: -1e-30, AT_LEAST_1: 0.999}


@pytest.mark.parametrize("kind, field, allowed", FIELDS)
def test_options_are_allowed_up_to_their_bounds(kind, field, allowed):
    for value in allowed:
        assert getattr(kind(**{field: value}), field) == value
    for value in (BAD[allowed], 1e-31, 1.01e30, -1.0, float("nan"), float("inf")):
        with pytest.raises(OptionError) as caught:
            kind(**{field: value})
        assert str(caught.value).startswith(f"{kind.name}: {field}={value}; allowed: ")


@pytest.mark.parametrize("lags", [(), (0,), (2, 0), (1.0,), (True,), (1, "2")])
def test_lags_are_whole_numbers_from_1(lags):
    with pytest.raises(OptionError, match="lags=.*allowed: one or more integers"):
        Imitation(lags=lags)
    for good in ((1,), (2,), (3, 1)):
        assert Imitation(lags=good).lags == good


def test_signals_are_values():
    """Frozen: they are constants of compiled programs."""
    for kind in (Attention, Imitation, Coordination):
        assert kind() == kind() and hash(kind()) == hash(kind())
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(kind(), dataclasses.fields(kind)[0].name, 2.0)


def test_signals_by_name(monkeypatch):
    monkeypatch.setattr(signals, "_SIGNALS", dict(signals._SIGNALS))
    assert signals.DEFAULT_SIGNALS == ("attention", "imitation", "coordination")
    assert signals.signals()[:3] == signals.DEFAULT_SIGNALS
    assert [make_signal(name) for name in signals.DEFAULT_SIGNALS] == [
        Attention(),
        Imitation(),
        Coordination(),
    ]
    ours = Attention(fade=1.0)
    assert make_signal(ours) is ours

    @signals.register_signal
    class Nearness(Signal):
        name = "nearness"

        def __call__(self, window):
            return window.scene.load

    assert isinstance(make_signal("nearness"), Nearness) and signals.signals()[-1] == "nearness"
    assert signals.register_signal(Nearness) is Nearness  # again: the same class is no conflict
    with pytest.raises(OptionError, match="unknown signal 'atention'.*did you mean 'attention'"):
        make_signal("atention")


def test_a_signal_without_a_rule_is_none():
    class Silent(Signal):
        name = "silent"

    with pytest.raises(TypeError, match="abstract"):
        Silent()
