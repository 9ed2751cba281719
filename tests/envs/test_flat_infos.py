"""Infos without nesting: the same numbers under one name each, all else untouched."""

from socialsim.envs import rendezvous_v0
from socialsim.envs.flat_infos import FlatInfos


def test_every_signal_has_a_name_of_its_own():
    options = {"num_agents": 3, "size": 6, "walls": 1, "horizon": 4}
    nested, flat = (wrap(rendezvous_v0.parallel_env(**options)) for wrap in (lambda env: env, FlatInfos))
    told, same = nested.reset(seed=0), flat.reset(seed=0)
    steps = 0
    while nested.agents:
        for agent in nested.possible_agents:
            info = told[-1][agent]
            named = {f"signals_{channel}": value for channel, value in info["signals"].items()}
            assert same[-1][agent] == {**named, "team_metric": info["team_metric"]}
            assert (same[0][agent] == told[0][agent]).all()
        assert told[1:-1] == same[1:-1]
        actions = dict.fromkeys(nested.agents, 1)
        told, same, steps = nested.step(actions), flat.step(actions), steps + 1
    assert steps == 4 and flat.agents == []
