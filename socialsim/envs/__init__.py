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
    "forage-v0",
    "socialsim.envs.grid.forage:forage",
    "grid: items that yield only to agents whose levels add up to the item's own",
)
register(
    "commons-v0",
    "socialsim.envs.grid.commons:commons",
    "grid: a shared stock that regrows by its density and must be restored by joint work",
)
register(
    "beacon-v0",
    "socialsim.envs.grid.beacon:beacon",
    "grid: a target lights when enough agents look at it; only some can see it",
)
register(
    "relay-v0",
    "socialsim.envs.grid.relay:relay",
    "grid: parcels that must pass through several hands on their way",
)
register(
    "gates-v0",
    "socialsim.envs.grid.gates:gates",
    "grid: a door that one holds open for others",
)
register(
    "goal-cycle-v0",
    "socialsim.envs.grid.goal_cycle:goal_cycle",
    "grid: landmarks in a hidden order, shown by a demonstrator who leaves",
)
register(
    "procedural-v0",
    "socialsim.envs.grid.procedural:procedural",
    "grid: a new task in every episode, drawn over maps, objects and joint-event rules",
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
register(
    "seesaw-v0",
    "socialsim.envs.mujoco.seesaw:seesaw",
    "MuJoCo: keep a plank level together while a load on it changes place",
)
register(
    "gaze-v0",
    "socialsim.envs.mujoco.gaze:gaze",
    "MuJoCo: heads that pan and nod; look together at what only some can make out",
)
register(
    "rendezvous-plane-v0",
    "socialsim.envs.plane.rendezvous:rendezvous_plane",
    "plane: the rendezvous task with discs that collide",
)
register(
    "spread-v0",
    "socialsim.envs.plane.spread:spread",
    "plane: cover all landmarks at once, each agent its own",
)
register(
    "flock-v0",
    "socialsim.envs.plane.flock:flock",
    "plane: walk the same way, near one another",
)
register(
    "dance-v0",
    "socialsim.envs.plane.dance:dance",
    "plane: keep gestures in phase with those in view",
)
register(
    "dictator-v0",
    "socialsim.envs.games.dictator:dictator",
    "games: one divides tokens between itself and another, who has no say",
)
register(
    "ultimatum-v0",
    "socialsim.envs.games.ultimatum:ultimatum",
    "games: an offer that the other accepts, or refuses for both",
)
register(
    "trust-v0",
    "socialsim.envs.games.trust:trust",
    "games: tokens grow on their way to another, who returns what it likes",
)
register(
    "public-goods-v0",
    "socialsim.envs.games.public_goods:public_goods",
    "games: what all put together is multiplied and shared equally",
)
register(
    "stag-hunt-v0",
    "socialsim.envs.games.stag_hunt:stag_hunt",
    "games: a stag that takes enough hunters, or a hare that takes one",
)
