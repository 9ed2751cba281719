"""What options of the learner cost or save: `python benchmarks/options.py [--repeats 3]`.

One update of the demo's learner on one device that has all threads, in one process, by turns (the median of
each), against the default: in how large parts a minibatch is differentiated, keys, unrolled scans, donated
buffers, remat, observations of half the bytes.
"""

import argparse
import functools
import platform
import statistics
import time
from unittest import mock

import jax
import jax.numpy as jnp

import socialsim
from socialsim import devices
from socialsim.agents import learning, ppo
from socialsim.agents.team import Team
from socialsim.core.drives import drive_matrix

ENV = socialsim.make("rendezvous-v0")
CONFIG = ppo.PPOConfig()
DRIVES = jnp.asarray(drive_matrix(None, ENV.channels, ENV.num_agents))


def compiled(
    *,
    rows: int = learning.ROWS_ALONE,
    keys: str = "threefry2x32",
    unroll: int = 1,
    donate=False,
    remat=False,
    senses="float32",
):
    """(one update, a learner, seconds of compilation, bytes of scratch memory)."""
    made = ppo.make_update(ENV.replace(senses=socialsim.Senses(senses)), CONFIG)
    learner = jax.jit(made.init)(jax.random.key(0, impl=keys))
    scan = functools.partial(jax.lax.scan, unroll=unroll)
    forward = jax.checkpoint(Team.unroll) if remat else Team.unroll  # type: ignore[arg-type]
    patched = (
        mock.patch.object(learning, "ROWS_ALONE", rows),
        mock.patch.object(jax.lax, "scan", scan),
        mock.patch.object(Team, "unroll", forward),
    )
    with patched[0], patched[1], patched[2]:
        function = jax.jit(lambda x, drives: made.update(x, drives)[0], donate_argnums=(0,) if donate else ())
        begin = time.perf_counter()
        program = function.lower(learner, DRIVES).compile()
    scratch = program.memory_analysis()
    return program, learner, time.perf_counter() - begin, getattr(scratch, "temp_size_in_bytes", 0)


VARIANTS = {
    "default": {},
    "parts of 128 rows": {"rows": 128},
    "parts of 4,096 rows": {"rows": 4096},
    "minibatches whole": {"rows": 10**9},
    "keys unsafe_rbg": {"keys": "unsafe_rbg"},
    "scans unrolled by 2": {"unroll": 2},
    "buffers donated": {"donate": True},
    "remat": {"remat": True},
    "observations bfloat16": {"senses": "bfloat16"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    print(f"{devices.describe()}, {platform.processor() or platform.machine()}\n")
    made = {name: list(compiled(**options)) for name, options in VARIANTS.items()}
    times: dict[str, list[float]] = {name: [] for name in made}
    for _ in range(given.repeats + 1):
        for name, one in made.items():
            begin = time.perf_counter()
            one[1] = jax.block_until_ready(one[0](one[1], DRIVES))
            times[name].append(time.perf_counter() - begin)
    size = CONFIG.batch * ENV.num_agents
    print("| learner | agent-steps/s | against default | compile s | scratch MB |\n|---|---|---|---|---|")
    usual = statistics.median(times["default"][1:])
    for name, (_, _, seconds, scratch) in made.items():
        took = statistics.median(times[name][1:])
        rate = f"{size / took:,.0f} | {usual / took:.2f}"
        print(f"| {name} | {rate} | {seconds:.1f} | {scratch / 1e6:.0f} |")


if __name__ == "__main__":
    devices.avoid_faults()
    main()
