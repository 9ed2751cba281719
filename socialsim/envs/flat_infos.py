"""Infos without nesting, for clients that turn each entry of an info into a tensor (TorchRL does)."""

from typing import Any

from pettingzoo.utils import BaseParallelWrapper


class FlatInfos(BaseParallelWrapper):
    """A PettingZoo ParallelEnv whose infos are numbers by name.

    `infos[agent]["signals"]["attention"]` becomes `infos[agent]["signals_attention"]`, and so for every
    channel; other entries stay as they are.
    """

    def reset(self, seed: int | None = None, options: dict | None = None):
        observations, infos = self.env.reset(seed=seed, options=options)
        return observations, _flat(infos)

    def step(self, actions: Any):
        *told, infos = self.env.step(actions)
        return *told, _flat(infos)


def _flat(infos: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {agent: _flat_one(info) for agent, info in infos.items()}


def _flat_one(info: dict[str, Any]) -> dict[str, Any]:
    flat = {f"signals_{channel}": value for channel, value in info["signals"].items()}
    return flat | {name: value for name, value in info.items() if name != "signals"}
