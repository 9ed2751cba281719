"""The Stable-Baselines3 door: N worlds x A agents that stay in JAX, as one SB3 `VecEnv`.

    from stable_baselines3 import PPO
    from socialsim.envs.sb3 import SocialVecEnv
    PPO("MlpPolicy", SocialVecEnv("rendezvous-v0", num_worlds=64, num_agents=4)).learn(100_000)

Importing this module needs stable_baselines3, which no other part of socialsim does.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from socialsim.core import errors
from socialsim.core.simulation import Simulation
from socialsim.core.world import World
from socialsim.envs.vector import SocialVectorEnv

try:
    from stable_baselines3.common.vec_env import VecEnv  # pyright: ignore[reportMissingImports]
except ImportError:
    raise errors.OptionError(
        "socialsim.envs.sb3 needs stable_baselines3, which is not installed; pip install 'socialsim[clients]'"
    ) from None


class SocialVecEnv(VecEnv):
    """A `SocialVectorEnv` (attribute `vector`) in SB3's terms; the order of its `num_envs = N * A` is kept.

    rewards : drives x signals. No world has a reward of its own.
    infos : a dict per agent: `signals` (channel -> float, before drives), `team_metric` (the experimenter's,
        not to be learned from), `TimeLimit.truncated`; where an episode ended also `terminal_observation`,
        while the observation returned is the next episode's first.
    attributes and methods : all sub-environments are one object, `vector`. `get_attr` and `env_method` ask
        it once and give each sub-environment the answer; `set_attr` sets for all.

    Parameters
    ----------
    world, num_worlds, **options : as for `SocialVectorEnv`.
    """

    def __init__(self, world: str | Simulation | World, num_worlds: int, **options):
        if options.get("as_torch"):
            raise errors.OptionError("as_torch=True; allowed: False, Stable-Baselines3 takes NumPy arrays")
        self.vector = SocialVectorEnv(world, num_worlds, **options)
        self._actions: Any = None
        spaces = (self.vector.single_observation_space, self.vector.single_action_space)
        super().__init__(self.vector.num_envs, *spaces)

    def reset(self) -> Any:
        """Observations; takes the seed that `seed(s)` left, if any: the whole vector's, not `s + i`."""
        observations, infos = self.vector.reset(seed=self._seeds[0])
        self._reset_seeds()
        self._reset_options()
        self.reset_infos = self._rows(infos)
        return observations

    def step_async(self, actions: np.ndarray) -> None:
        self._actions = actions

    def step_wait(self) -> Any:
        observations, rewards, terminated, truncated, infos = self.vector.step(self._actions)
        rows = self._rows(infos)
        for row, late in zip(rows, truncated.tolist(), strict=True):
            row["TimeLimit.truncated"] = late
        ended = terminated | truncated
        for i in np.flatnonzero(ended):
            rows[i]["terminal_observation"] = infos["final_obs"][i]
        return observations, rewards, ended, rows

    def _rows(self, infos: dict[str, Any]) -> list[dict[str, Any]]:
        channels = tuple(infos["signals"])
        signals = np.stack(list(infos["signals"].values()), -1).tolist()
        metric = infos["team_metric"].tolist()
        return [
            {"signals": dict(zip(channels, row, strict=True)), "team_metric": m}
            for row, m in zip(signals, metric, strict=True)
        ]

    def close(self) -> None:
        self.vector.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        return [getattr(self.vector, attr_name)] * self._count(indices)

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        if self._count(indices) != self.num_envs:
            raise errors.OptionError(
                f"set_attr({attr_name!r}) for {self._count(indices)} of {self.num_envs} sub-environments; "
                "allowed: for all, they are one object"
            )
        setattr(self.vector, attr_name, value)

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **options: Any) -> list[Any]:
        return [getattr(self.vector, method_name)(*args, **options)] * self._count(indices)

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> list[bool]:
        return [False] * self._count(indices)

    def get_images(self) -> list[None]:
        return [None] * self.num_envs

    def _count(self, indices: int | Iterable[int] | None) -> int:
        return len(list(self._get_indices(indices)))
