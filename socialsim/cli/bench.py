"""Measure the simulator and the learner: agent-steps per second, compile time, peak memory."""

import json
import resource
import statistics
import sys
import time
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec

from socialsim import devices
from socialsim.agents.bots.base import random_action
from socialsim.agents.networks import NetworkConfig
from socialsim.agents.ppo import PPOConfig
from socialsim.agents.program import Program
from socialsim.agents.team import new_team
from socialsim.agents.training import NothingCarried
from socialsim.cli.options import as_ppo, parse_options, parse_ppo
from socialsim.cli.roofline import bandwidth, bytes_per_agent_step, bytes_read_back
from socialsim.core.autoreset import AutoReset
from socialsim.core.drives import drive_matrix
from socialsim.core.errors import OptionError, integer
from socialsim.core.registry import make
from socialsim.core.signals import DEFAULT_SIGNALS
from socialsim.core.simulation import Simulation
from socialsim.transfer.carriers import Carrier
from socialsim.transfer.features import NUM_FEATURES


def main(
    world: str,
    worlds: int,
    steps: int,
    repeats: int,
    as_json: bool,
    what: str,
    option: Sequence[str] = (),
    signals: Sequence[str] = DEFAULT_SIGNALS,
    scaling: bool = False,
    ppo: Sequence[str] = (),
) -> None:
    integer("worlds", worlds, low=1)
    integer("steps", steps, low=1)
    integer("repeats", repeats, low=1)
    config = as_ppo(parse_ppo(ppo))
    if ppo and what == "simulation":
        raise OptionError(f"ppo option {ppo[0]!r}; allowed: with --what training or --what transfer")
    env = make(world, signals=signals, **parse_options(option))
    if scaling:
        scale(env, worlds, steps, repeats, what, as_json, config)
        return
    if what == "simulation":
        measured = simulation(env, worlds, steps, repeats)
    else:
        measured = training(env, repeats, config, carried=what == "transfer")
    row = {
        "world": world,
        "what": what,
        "agents": env.num_agents,
        "options": list(option),
        "ppo": list(ppo),
        "signals": list(signals),
        **measured,
        "peak_memory_mb": round(peak_memory_mb(), 1),
        "devices": len(jax.devices()),
        "device": jax.devices()[0].device_kind,
        "jax": jax.__version__,
    }
    if as_json:
        print(json.dumps(row))
    else:
        print(
            "\n".join(
                f"{k:>20}  {v:,}" if isinstance(v, (int, float)) else f"{k:>20}  {v}" for k, v in row.items()
            )
        )


def scale(
    env: Simulation,
    worlds: int,
    steps: int,
    repeats: int,
    what: str,
    as_json: bool,
    config: PPOConfig = PPOConfig(),
) -> None:
    """The same work on more and more devices (strong scaling), and as much more work (weak scaling).

    Work: worlds of the simulator, teams of the learner. efficiency: the rate over that of one device, per
    device; 1 is perfect.
    """
    most = len(jax.devices())
    counts = sorted({*(2**i for i in range(most.bit_length()) if 2**i <= most), most})
    rows = []
    for kind in ("strong", "weak"):
        for n in counts:
            if what == "simulation":
                size = worlds if kind == "strong" else worlds * n // most
                found = simulation(env, size, steps, repeats, among=n)
            else:
                found = training(env, repeats, config, teams=most if kind == "strong" else n, among=n)
            rows.append({"scaling": kind, "devices": n, **found})
            alone = next(r for r in rows if r["scaling"] == kind)["agent_steps_per_s"]
            rows[-1]["efficiency"] = round(found["agent_steps_per_s"] / alone / n, 3)
            if not as_json:
                work = "worlds" if what == "simulation" else "teams"
                rate, share = found["agent_steps_per_s"], rows[-1]["efficiency"]
                print(
                    f"{kind:>7}  {n} devices  {found[work]:>6,} {work}  {rate:>12,} agent-steps/s  "
                    f"efficiency {share:.2f}"
                )
    if as_json:
        print(
            json.dumps({"world": env.id, "what": what, "rows": rows, "device": jax.devices()[0].device_kind})
        )


def simulation(env: Simulation, worlds: int, steps: int, repeats: int, *, among: int | None = None) -> dict:
    """Random actions; what a step gives is written to memory, and its observations and signals are read back.
    among: of how many devices."""
    count = devices.divide(worlds, waits=env.world.waits, among=among)
    mesh = devices.mesh(count)
    batch = AutoReset(env, worlds // count)

    def start(key):
        pool_key, reset_key = jax.random.split(key[0])
        return batch.pool(pool_key), batch.reset(reset_key)[0]

    def run(key, pool, state):
        def step(carry, keys):
            (state, total), (act_key, step_key) = carry, keys
            action = random_action(act_key, env.actions, batch.num_worlds * env.num_agents)
            action = action.reshape(batch.num_worlds, env.num_agents, *action.shape[1:])
            state, timestep = batch.step(step_key, pool, state, action)
            # Without the barrier a compiler may fuse the sums into the step: nothing would be written.
            timestep = jax.lax.optimization_barrier(timestep.replace(final_observation=()))
            read = sum(x.astype(jnp.float32).sum() for x in jax.tree.leaves(timestep.observation))
            return (state, total + read + timestep.signals.sum()), None

        keys = jax.random.split(key[0], (steps, 2))
        (state, total), _ = jax.lax.scan(step, (state, jnp.zeros(())), keys)
        return state, total[None]

    spec = PartitionSpec(devices.AXIS)

    def spread(f):
        return jax.jit(jax.shard_map(f, mesh=mesh, in_specs=spec, out_specs=spec, check_vma=False))

    keys = jax.random.split(jax.random.key(0), count)
    pool, state = spread(start)(keys)
    begin = time.perf_counter()
    compiled = spread(run).lower(keys, pool, state).compile()
    compile_s = time.perf_counter() - begin
    state, _ = jax.block_until_ready(compiled(keys, pool, state))
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        state, _ = jax.block_until_ready(compiled(keys, pool, state))
        times.append(time.perf_counter() - begin)
    rate = worlds * steps / statistics.median(times)
    return {
        "worlds": worlds,
        "agent_steps_per_s": round(rate * env.num_agents),
        "world_steps_per_s": round(rate),
        "compile_s": round(compile_s, 2),
        **_of_roofline(env, rate * env.num_agents, mesh),
    }


def _of_roofline(env: Simulation, rate: float, mesh: Mesh) -> dict:
    """What share of the rate is reached that memory would allow if only what must move moved: what a step
    moves, and what this benchmark reads back of it."""
    moved, read, reached = bytes_per_agent_step(env), bytes_read_back(env), bandwidth(mesh)
    return {
        "bytes_per_agent_step": moved,
        "bytes_read_back": read,
        "bandwidth_gb_per_s": round(reached / 1e9, 2),
        "of_roofline": round(rate * (moved + read) / reached, 4),
    }


def training(
    env: Simulation,
    repeats: int,
    config: PPOConfig = PPOConfig(),
    *,
    teams: int | None = None,
    among: int | None = None,
    carried: bool = False,
) -> dict:
    """The learner, eight updates at a time; one team per device, unless told otherwise.

    carried: as in a transfer, with a potential and a distilled reward that come from elsewhere.
    """
    teams = len(jax.devices()) if teams is None else teams
    size = config.batch * env.num_agents
    program = Program(env, config, 8, teams, carried, checked=False, among=among)
    drives = np.stack([drive_matrix(None, env.channels, env.num_agents)] * teams)
    brought: Any = NothingCarried()
    if carried:
        drives = np.concatenate([drives, np.ones((*drives.shape[:2], 1))], -1)
        brought = jax.tree.map(lambda x: jnp.stack([x] * teams), carrier(env))
    learners = program.init(jax.random.split(jax.random.key(0), teams))
    begin = time.perf_counter()
    learners, _ = jax.block_until_ready(program.chunk(learners, drives, brought))
    first = time.perf_counter() - begin
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        learners, _ = jax.block_until_ready(program.chunk(learners, drives, brought))
        times.append(time.perf_counter() - begin)
    middle = statistics.median(times)
    return {
        "teams": teams,
        "worlds": config.worlds,
        "agent_steps_per_s": round(teams * program.updates * size / middle),
        "world_steps_per_s": round(teams * program.updates * config.batch / middle),
        "compile_s": round(first - middle, 2),
    }


def carrier(env: Simulation) -> Carrier:
    """All that can be carried, from a fresh team."""
    team = new_team(jax.random.key(1), NetworkConfig(), env.actions, env.channels, env.num_agents)
    return Carrier(team, jnp.ones(len(env.channels)), jnp.zeros(()), jnp.full(NUM_FEATURES, 0.1))


def peak_memory_mb() -> float:
    """Peak resident memory of this process, or of the device where it tells."""
    stats = jax.devices()[0].memory_stats() or {}
    if "peak_bytes_in_use" in stats:
        return stats["peak_bytes_in_use"] / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)
