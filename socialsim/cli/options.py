"""Options given as `name=value`: of a world, of drives, of the learner."""

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from socialsim.agents.networks import NetworkConfig
from socialsim.agents.options import PPOConfig
from socialsim.core.errors import OptionError, choose, integer

LARGEST = 2**31 - 1  # what an array's size or index may be


def parse_options(
    pairs: Sequence[str], kind: str = "option", allowed: str = "name=value, such as size=12"
) -> dict[str, Any]:
    """`name=value` strings as keyword options; values are read as JSON where they can be.

    kind, allowed: what the message says where one is not of that form.
    """
    out = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or not name:
            raise OptionError(f"{kind} {pair!r}; allowed: {allowed}")
        try:
            out[name] = json.loads(value.lower() if value in ("True", "False") else value)
        except json.JSONDecodeError:
            out[name] = value
    return out


def parse_drives(text: str) -> dict[str, float]:
    """ "attention=0.05,coordination=1" as a mapping; empty for the defaults."""
    pairs = parse_options([p for p in text.split(",") if p], "drive", "name=weight, such as attention=0.05")
    for name, value in pairs.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise OptionError(f"drive {name}={value!r}; allowed: a number, such as attention=0.05")
    return pairs


def parse_ppo(pairs: Sequence[str]) -> dict[str, Any]:
    """Fields of `PPOConfig` that differ from its defaults; fields of its network as `network.width=128`.

    They are plain JSON, as a run's configuration keeps them. Raises OptionError for an unknown field or a
    value out of range.
    """
    defaults = {f.name: f.default for f in dataclasses.fields(PPOConfig) if f.name != "network"}
    defaults |= {f"network.{f.name}": f.default for f in dataclasses.fields(NetworkConfig)}
    out: dict[str, Any] = {}
    for name, value in parse_options(pairs, "ppo option", "name=value, such as worlds=1024").items():
        default = defaults[choose("ppo option", name, defaults)]
        value = _typed(name, value, default)
        if value != default:
            _, _, field = name.partition("network.")
            (out.setdefault("network", {}) if field else out)[field or name] = value
    as_ppo(out)
    return out


def as_ppo(fields: dict[str, Any]) -> PPOConfig:
    """The configuration of the learner that `parse_ppo` describes."""
    return PPOConfig(**{**fields, "network": NetworkConfig(**fields.get("network", {}))})


def _typed(name: str, value: Any, default: Any) -> Any:
    """The value as a field with this default holds it; ranges are `PPOConfig`'s to check."""
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise OptionError(f"{name}={value!r}; allowed: true or false")
    elif isinstance(default, int):
        return integer(name, value, low=1, high=LARGEST)
    elif isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value
