"""Teams in a file come back as they were; what is damaged or of another version is said to be."""

import json
import zipfile

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import socialsim
from socialsim.agents import pretrained
from socialsim.agents.networks import NetworkConfig
from socialsim.agents.team import new_team
from socialsim.core.errors import CarrierError, OptionError, RunError
from socialsim.core.world import Actions

CHANNELS = ("attention", "coordination")


def teams(count: int = 2, actions: Actions = Actions(choices=5), **network):  # noqa: B008
    config = NetworkConfig(width=8, **network)
    made = [new_team(k, config, actions, CHANNELS, 3) for k in jax.random.split(jax.random.key(0), count)]
    return [t.replace(stats=jax.tree.map(lambda x: x + 1e-7, t.stats)) for t in made]


@pytest.mark.parametrize(
    "made",
    [teams(), teams(1, Actions(size=3)), teams(per_agent=True), teams(recurrent=True, shared_encoder=True)],
    ids=["shared", "continuous", "per agent", "recurrent"],
)
def test_teams_come_back_rounded_once(made, tmp_path):
    path = tmp_path / "a.npz"
    pretrained.write_teams(path, made, {"world": "x"})
    found, about = pretrained.read_teams(path)
    assert about == {"world": "x"} and len(found) == len(made)
    for old, new in zip(made, found, strict=True):
        assert jax.tree.structure(old) == jax.tree.structure(new)
        for a, b in zip(jax.tree.leaves(old), jax.tree.leaves(new), strict=True):
            np.testing.assert_allclose(a, b, rtol=2**-10, atol=1e-6)
        jax.tree.map(np.testing.assert_array_equal, old.stats, new.stats)
    again = tmp_path / "b.npz"
    pretrained.write_teams(again, found, {"world": "x"})
    assert again.read_bytes() == path.read_bytes()


def test_nothing_but_numbers_is_read(tmp_path):
    path = tmp_path / "a.npz"
    pretrained.write_teams(path, teams(), {})
    np.savez(tmp_path / "evil.npz", head=np.array([{"run": "me"}], dtype=object))
    with pytest.raises(RunError, match="is not a complete socialsim team file"):
        pretrained.read_teams(tmp_path / "evil.npz")
    with pytest.raises(RunError, match="write or install it again"):
        pretrained.read_teams(tmp_path / "absent.npz")
    whole = path.read_bytes()
    for place in range(0, len(whole) - 30, max(1, len(whole) // 40)):
        path.write_bytes(whole[:place])
        with pytest.raises(RunError, match="is not a complete socialsim team file"):
            pretrained.read_teams(path)


def test_another_feature_table_is_refused(tmp_path):
    path, other = tmp_path / "a.npz", tmp_path / "b.npz"
    pretrained.write_teams(path, teams(), {})
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(other, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, data.replace(b'"features": 2', b'"features": 1'))
    with pytest.raises(CarrierError, match="feature table 1"):
        pretrained.read_teams(other)


def test_what_ships():
    """Every world has teams that act in it, small, with a card that tells what they reach."""
    assert set(pretrained.pretrained()) == set(socialsim.worlds())
    size = 0
    for id in pretrained.pretrained():
        env, card = socialsim.make(id), pretrained.model_card(id)
        each = pretrained.load_pretrained_teams(id)
        assert len(each) == card["seeds"] >= 2 and card["world"] == id
        assert {"random", "trained", "scripted"} <= card["joint_per_agent_step"].keys()
        assert all(t.actions == env.actions and t.channels == env.channels for t in each)
        assert all(bool(jnp.isfinite(x).all()) for t in each for x in jax.tree.leaves(t))
        folder = pretrained._folder()
        size += len((folder / f"{id}.npz").read_bytes())
        assert json.dumps(card["agent_steps"]) in (folder / f"{id}.md").read_text().replace(",", "")
    assert size < 8e6
    socialsim.load_pretrained("rendezvous-v0", seed=1)
    with pytest.raises(OptionError, match="seed=2; allowed: 0 to 1"):
        socialsim.load_pretrained("rendezvous-v0", seed=2)
    with pytest.raises(OptionError, match="did you mean 'rendezvous-v0'"):
        socialsim.load_pretrained("rendezvus-v0")
