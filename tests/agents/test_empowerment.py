"""Empowerment against numbers that can be counted by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import socialsim
from socialsim.agents.empowerment import Empowerment, empowerment
from socialsim.agents.rollout import Trajectory
from socialsim.core.acts import Act
from socialsim.core.errors import OptionError

WALK = (Act.STILL, Act.ADVANCE)


@pytest.fixture(scope="module")
def placed():
    """Agent 0 in the middle of an empty floor; agent 1 boxed in a corner by two others."""
    env = socialsim.make("rendezvous-v0", num_agents=4, needed=4, num_pads=1, size=9, walls=0)
    state, _ = env.reset(jax.random.key(0))
    world = state.world.replace(
        position=jnp.array([[4, 4], [0, 0], [1, 0], [0, 1]]),
        heading=jnp.array([0, 0, 0, 0]),
        object_position=jnp.array([[8, 8]]),
    )
    return env, world


def counted(env, state, **options):
    found = jax.jit(lambda s: empowerment(env.world, jax.random.key(1), s, **options))(state)
    return np.round(2 ** np.asarray(found)).astype(int)


def test_one_act_ahead(placed):
    """Free: stay, ahead, back, left, right. Boxed: three headings. The others each have one way out ahead or
    back less than that: (1, 0) faces the free cell (2, 0) and has the corner behind."""
    found = counted(*placed, steps=1)
    assert found[0] == 5 and found[1] == 3
    assert found[2] == 4 and found[3] == 4


@pytest.mark.slow
def test_two_acts_ahead(placed):
    """Free: 4 headings on the spot; 2 ahead and 2 back; 3 headings each one ahead and one back; and, after a
    turn and a step, 2 on each side. 16 outcomes, 4 bits exactly. Boxed: the 4 headings, 2 bits exactly."""
    env, state = placed
    bits = empowerment(env.world, jax.random.key(1), state, steps=2)
    assert bits[0] == 4 and bits[1] == 2


def test_other_acts_and_outcomes(placed):
    assert counted(*placed, steps=3, acts=WALK)[0] == 4, "none to three cells ahead"
    assert counted(*placed, steps=2, outcome=lambda scene, agent: scene.position[agent])[1] == 1


def test_as_a_reward(placed):
    env, state = placed
    part = Empowerment(steps=1, every=2)
    t, e, a = 5, 2, 4
    done = np.zeros((t, e), bool)
    done[3, 1] = True
    sensed = env.senses(env.world.scene(state))

    def repeated(tree, *lead):
        return jax.tree.map(lambda x: jnp.broadcast_to(x, (*lead, *x.shape)), tree)

    empty = jnp.zeros((t, e, a))
    batch = Trajectory(
        observation=repeated(sensed, t, e),
        start=jnp.asarray(done),
        action=empty,
        log_prob=empty,
        value=empty[..., None],
        signals=empty[..., None],
        joint=empty,
        terminated=jnp.asarray(done),
        done=jnp.asarray(done),
        at_end=(),
        after=repeated(state, t, e),
    )
    kept = part.init(jax.random.key(0), env)
    _, reward, told = part(kept, jax.random.key(1), batch, repeated(sensed, e))
    assert reward.shape == (t, e, a, 1) and part.states
    assert (reward[::2] == 0).all() and (reward[3, 1] == 0).all()
    np.testing.assert_allclose(reward[3, 0, :2, 0], np.log2([5, 3]) / np.log2(5), rtol=1e-5)
    assert told["empowerment_bits"] > 1.5
    with pytest.raises(OptionError, match="acts"):
        Empowerment(acts=(0,))
