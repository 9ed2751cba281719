"""Kernels and bytes of a step on a GPU, without having one: `python tools/gpu_kernels.py rendezvous-v0`.

XLA compiles for an NVIDIA H200 (`tools/targets/h200.txtpb`) and its program is counted: kernels launched in
a step of the simulation, and what they read and write if no cache helped. Nothing is timed. It needs, in
the environment that runs it, packages which work without a GPU too:

    pip install jax-cuda12-plugin==0.10.2 jax-cuda12-pjrt==0.10.2 nvidia-cuda-nvcc-cu12   # jaxlib's version
"""

# ruff: noqa: E402 - the environment is read when JAX is imported

import argparse
import os
import re
import sysconfig
from pathlib import Path
from typing import NamedTuple

NVCC = Path(sysconfig.get_paths()["purelib"]) / "nvidia" / "cuda_nvcc"
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["PATH"] = f"{NVCC / 'bin'}{os.pathsep}{os.environ['PATH']}"
# Kernels cannot be timed against each other here.
os.environ["XLA_FLAGS"] = (
    f"{os.environ.get('XLA_FLAGS', '')} --xla_gpu_cuda_data_dir={NVCC}"
    " --xla_gpu_autotune_level=0 --xla_gpu_enable_cublaslt=false"
)

import jax

jax.default_backend = lambda: "gpu"  # the package asks this before it chooses how to write a loop

import jax.numpy as jnp
from jax.experimental import topologies
from jax.sharding import SingleDeviceSharding

import socialsim
from socialsim.agents.bots.base import random_action
from socialsim.cli.roofline import bytes_per_agent_step
from socialsim.core.autoreset import AutoReset

TARGET = Path(__file__).parent / "targets" / "h200.txtpb"
SIZES = {"pred": 1, "s8": 1, "u8": 1, "s16": 2, "u16": 2, "bf16": 2, "f16": 2, "s32": 4, "u32": 4, "f32": 4}
SIZES |= {"s64": 8, "u64": 8, "f64": 8}
NO_KERNEL = {"bitcast", "get-tuple-element", "tuple", "parameter", "constant", "after-all", "opt-barrier"}
LOOPS = ("while", "conditional", "call")
CALLS = ("body", "calls", "condition", "to_apply", "true_computation", "false_computation")


class Instruction(NamedTuple):
    name: str
    shape: str
    kind: str
    operands: list[str]
    attributes: str


def size(shape: str) -> int:
    """Bytes of an HLO shape, tuples included: `(f32[4,8], pred[])` is 129."""
    total = 0
    for kind, dims in re.findall(r"(\w+)\[([\d,]*)\]", shape):
        count = 1
        for d in filter(None, dims.split(",")):
            count *= int(d)
        total += count * SIZES.get(kind, 0)
    return total


def parse(text: str) -> dict[str, list[Instruction]]:
    """Optimised HLO as text -> instructions of each computation; the program's own is `ENTRY`."""
    found: dict[str, list[Instruction]] = {}
    current: list[Instruction] = []
    for line in text.splitlines():
        if head := re.match(r"^(ENTRY )?%?([\w.\-]+) \(.*\) -> .* \{$", line):
            current = found[head.group(2)] = []
            if head.group(1):
                found["ENTRY"] = current
        elif body := re.match(r"^\s+(?:ROOT )?%?([\w.\-]+) = (\(.*?\)|\S+) ([\w\-]+)\((.*)$", line):
            name, shape, kind, rest = body.groups()
            depth, end = 1, 0
            while end < len(rest) and depth:
                depth += (rest[end] == "(") - (rest[end] == ")")
                end += 1
            operands = re.findall(r"%([\w.\-]+)", rest[: end - 1])
            current.append(Instruction(name, shape, kind, operands, rest[end:]))
    return found


def called(instruction: Instruction) -> list[str]:
    names = re.findall(rf"(?:{'|'.join(CALLS)})=%?([\w.\-]+)", instruction.attributes)
    for group in re.findall(r"branch_computations=\{([^}]*)\}", instruction.attributes):
        names += [n.strip().lstrip("%") for n in group.split(",")]
    return names


def report(program: dict[str, list[Instruction]], name: str, rows: int, every: bool, depth: int = 0) -> None:
    shapes = {i.name: i.shape for i in program[name]}
    kernels = [i for i in program[name] if i.kind not in NO_KERNEL]
    own = [i for i in kernels if i.kind not in LOOPS]
    read = {i.name: sum(size(shapes[o]) for o in set(i.operands) if o in shapes) for i in own}
    moved = sum(read.values()) + sum(size(i.shape) for i in own)
    indent = "  " * depth
    print(f"{indent}{name}: {len(own)} kernels, {moved / 1e6:.1f} MB, {moved / rows:,.0f} bytes an agent")
    for i in kernels:
        if every and i.name in read:
            source = re.search(r'op_name="([^"]*)"', i.attributes)
            told = f"reads {read[i.name] / 1e6:6.2f} MB, writes {size(i.shape) / 1e6:6.2f}"
            origin = source.group(1)[-70:] if source else ""
            print(f"{indent}  {i.kind:12} {told}  {i.shape[:40]:40} {origin}")
        if i.kind in LOOPS:
            for inner in called(i):
                report(program, inner, rows, every, depth + 1)


def simulation(env, worlds: int):
    """A loop of random actions whose observations are written and read, as that of `socialsim bench`."""
    batch = AutoReset(env, worlds)

    def run(key, pool, state):
        def step(carry, keys):
            (state, total), (act_key, step_key) = carry, keys
            action = random_action(act_key, env.actions, worlds * env.num_agents)
            action = action.reshape(worlds, env.num_agents, *action.shape[1:])
            state, timestep = batch.step(step_key, pool, state, action)
            timestep = jax.lax.optimization_barrier(timestep)
            read = sum(x.astype(jnp.float32).sum() for x in jax.tree.leaves(timestep.observation))
            return (state, total + read + timestep.signals.sum()), None

        return jax.lax.scan(step, (state, jnp.zeros(())), jax.random.split(key, (64, 2)))[0]

    key = jax.eval_shape(lambda: jax.random.key(0))
    return run, (key, jax.eval_shape(batch.pool, key), jax.eval_shape(batch.reset, key)[0])


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    asked.add_argument("world")
    asked.add_argument("--worlds", type=int, default=16_384)
    asked.add_argument("--every", action="store_true", help="list every kernel")
    given = asked.parse_args()
    env = socialsim.make(given.world)
    topology = topologies.get_topology_desc(
        platform="cuda", topology_name="h200", topology="1x1x1", target_config=TARGET.read_text()
    )
    there = SingleDeviceSharding(topology.devices[0])
    run, args = simulation(env, given.worlds)
    args = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=there), args)
    text = jax.jit(run).lower(*args).compile().as_text()
    print(
        f"{given.world}, {given.worlds} worlds; a step must move {bytes_per_agent_step(env)} bytes an agent"
    )
    report(parse(text), "ENTRY", given.worlds * env.num_agents, given.every)


if __name__ == "__main__":
    main()
