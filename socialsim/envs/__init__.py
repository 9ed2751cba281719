"""The worlds and their doors to other ecosystems; importing it registers the built-in worlds (lazily)."""

from socialsim.core.registry import register

_WORLDS = {
    # id: (made by, below socialsim.envs; what it is)
    "rendezvous-v0": (
        "grid.rendezvous:rendezvous",
        "grid: pads that light up only while enough agents stand on them at once",
    ),
    "haul-v0": (
        "grid.haul:haul",
        "grid: loads that move only when enough agents push the same way; bring them to their depots",
    ),
    "forage-v0": (
        "grid.forage:forage",
        "grid: items that yield only to agents whose levels add up to the item's own",
    ),
    "commons-v0": (
        "grid.commons:commons",
        "grid: a shared stock that regrows by its density and must be restored by joint work",
    ),
    "beacon-v0": (
        "grid.beacon:beacon",
        "grid: a target lights when enough agents look at it; only some can see it",
    ),
    "relay-v0": (
        "grid.relay:relay",
        "grid: parcels that must pass through several hands on their way",
    ),
    "gates-v0": (
        "grid.gates:gates",
        "grid: a door that one holds open for others",
    ),
    "goal-cycle-v0": (
        "grid.goal_cycle:goal_cycle",
        "grid: landmarks in a hidden order, shown by a demonstrator who leaves",
    ),
    "procedural-v0": (
        "grid.procedural:procedural",
        "grid: a new task in every episode, drawn over maps, objects and joint-event rules",
    ),
    "rendezvous-plane-v0": (
        "plane.rendezvous:rendezvous_plane",
        "plane: the rendezvous task with discs that collide",
    ),
    "spread-v0": (
        "plane.spread:spread",
        "plane: cover all landmarks at once, each agent its own",
    ),
    "flock-v0": (
        "plane.flock:flock",
        "plane: walk the same way, near one another",
    ),
    "dance-v0": (
        "plane.dance:dance",
        "plane: keep gestures in phase with those in view",
    ),
    "rendezvous-mujoco-v0": (
        "mujoco.rendezvous:rendezvous_mujoco",
        "MuJoCo: the rendezvous task with bodies that have a neck",
    ),
    "beam-v0": (
        "mujoco.beam:beam",
        "MuJoCo: push a long beam to its place together",
    ),
    "seesaw-v0": (
        "mujoco.seesaw:seesaw",
        "MuJoCo: keep a plank level together while a load on it changes place",
    ),
    "gaze-v0": (
        "mujoco.gaze:gaze",
        "MuJoCo: heads that pan and nod; look together at what only some can make out",
    ),
    "dictator-v0": (
        "games.dictator:dictator",
        "games: one divides tokens between itself and another, who has no say",
    ),
    "ultimatum-v0": (
        "games.ultimatum:ultimatum",
        "games: an offer that the other accepts, or refuses for both",
    ),
    "trust-v0": (
        "games.trust:trust",
        "games: tokens grow on their way to another, who returns what it likes",
    ),
    "public-goods-v0": (
        "games.public_goods:public_goods",
        "games: what all put together is multiplied and shared equally",
    ),
    "stag-hunt-v0": (
        "games.stag_hunt:stag_hunt",
        "games: a stag that takes enough hunters, or a hare that takes one",
    ),
}

for _id, (_maker, _summary) in _WORLDS.items():
    register(_id, f"socialsim.envs.{_maker}", _summary)
