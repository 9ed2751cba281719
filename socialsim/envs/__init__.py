"""The worlds and their doors to other ecosystems; importing it registers the built-in worlds (lazily)."""

from socialsim.core.registry import register

register(
    "rendezvous-v0",
    "socialsim.envs.grid.rendezvous:rendezvous",
    "grid: pads that light up only while enough agents stand on them at once",
)
register(
    "haul-v0",
    "socialsim.envs.grid.haul:haul",
    "grid: loads that move only when enough agents push the same way; bring them to their depots",
)
register(
    "rendezvous-mujoco-v0",
    "socialsim.envs.mujoco.rendezvous:rendezvous_mujoco",
    "MuJoCo: the rendezvous task with bodies that have a neck",
)
register(
    "beam-v0",
    "socialsim.envs.mujoco.beam:beam",
    "MuJoCo: push a long beam to its place together",
)
