"""goal-cycle: learn from one who knows and leaves."""

from socialsim.core.errors import OptionError, integer
from socialsim.envs.grid.build import build_grid, needed_count, objects_count, room_at
from socialsim.envs.grid.cycle import cycle
from socialsim.envs.grid.engine import Grid


def goal_cycle(
    *,
    num_agents: int = 4,
    num_landmarks: int = 4,
    needed: int = 2,
    demonstration: int = 48,
    radius: int = 1,
    size: int | tuple[int, int] = 10,
    bodies_block: bool = True,
    reach: float = 8.0,
    cone: float = 120.0,
    full_view: bool = False,
) -> Grid:
    """Landmarks to be visited together in a hidden order, shown by a demonstrator who leaves.

    Cultural transmission (Bhoopchand et al. 2023). Who: `num_agents` walkers; agent 0 is the demonstrator:
    for the first `demonstration` decisions the world moves it round in the right order, whatever action it
    is given, and it INTERACTs at each landmark (or beside it, where somebody is in its way there); then it
    leaves the floor for good, and is seen no more. With `demonstration` 0
    there is none and all are learners.  What: `num_landmarks` landmarks that look alike, in a cyclic order
    drawn anew in each episode and never shown; the one reached last is lit.  Joint event: `needed` learners
    within `radius` cells of the landmark whose turn it is; they share it, and the next one's turn comes.
    Acts: the ten of the shared alphabet.  Horizon: 128 decisions, never terminates.  Random teams are now
    and then at the right place; a competent team follows the demonstrator and goes on in its order when it
    has left.

    Parameters
    ----------
    num_agents : with the demonstrator; the team metric is the mean over all, its zeros included.
    num_landmarks : at least 2.
    needed : learners that must be there at once.
    demonstration : decisions for which the demonstrator stays, 0 for none.
    radius : of a landmark, cells.
    size, bodies_block, reach, cone, full_view : as in `rendezvous`.
    """
    landmarks = objects_count("num_landmarks", num_landmarks, low=2)
    shown = integer("demonstration", demonstration, low=0, high=1 << 30)
    radius = integer("radius", radius, low=0, high=8)
    most = room_at(landmarks, radius, size) if bodies_block else num_agents
    needed = needed_count(needed, num_agents, most)
    if shown and needed > num_agents - 1:
        raise OptionError(
            f"needed={needed}; allowed: at most num_agents - 1 = {num_agents - 1}, as the demonstrator does "
            f"not count"
        )
    return build_grid(
        "goal-cycle",
        cycle(landmarks, needed=needed, radius=radius, demonstration=shown),
        num_agents=num_agents,
        num_objects=landmarks,
        size=size,
        bodies_block=bodies_block,
        reach=reach,
        cone=cone,
        full_view=full_view,
        counted="num_landmarks",
    )
