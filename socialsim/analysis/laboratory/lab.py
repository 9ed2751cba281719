"""Lab: scenes set up by hand or in bulk. Every edit gives a new one; sight and head counts follow.

lab = Lab.empty(num_agents=3, num_objects=1).pad(at=(0, 2), needed=3)
lab = lab.place(0, at=(0, -2), heading=90).place(1, at=(2, 0)).look_at(1, 0)
lab.sweep(Distance(1, np.linspace(1, 8, 50))).read(team).plot()
"""

import dataclasses
from collections.abc import Callable, Sequence

import jax
import numpy as np

from socialsim.agents.team import Team
from socialsim.analysis.laboratory import making, pictures
from socialsim.analysis.laboratory.landscape import Landscape, Landscapes
from socialsim.analysis.laboratory.readout import Readout, read
from socialsim.analysis.laboratory.setting import Setting
from socialsim.analysis.laboratory.stage import Floor, Values, own_axes, scenes
from socialsim.core.errors import OptionError, choose, integer
from socialsim.core.scene import Scene
from socialsim.core.senses import Senses
from socialsim.core.sight import Eyes
from socialsim.envs.view import view

RESERVED = ("agent", "channel", "seed")  # dims of a Readout


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Lab(Setting):
    """One scene, or many along named `axes` (name -> coordinates); edits are those of `Setting`."""

    # -- making one ------------------------------------------------------------------------------------------

    @classmethod
    def empty(
        cls,
        num_agents: int = 3,
        num_objects: int = 1,
        *,
        size: float | tuple[float, float] = 11,
        eyes: Eyes | None = None,
        grid: bool = False,
        neck: bool = False,
    ) -> "Lab":
        """An empty floor around the origin. Nobody is there until placed, no object until laid.

        size: bodies along a side, or (width, height).  eyes, grid, neck: see `Floor`.
        """
        scene = making.nobody(
            integer("num_agents", num_agents, low=1), integer("num_objects", num_objects, low=0)
        )
        high = np.broadcast_to(np.asarray(size, float), (2,)) / 2
        if (high <= 0).any():
            raise OptionError(f"size={size}; allowed: more than 0 bodies")
        lab = cls.of(scene, extent=(-high, high), eyes=eyes, grid=grid, neck=neck)
        nobody = np.zeros(num_agents, bool)
        return lab._with(
            there=nobody, new_agent=~nobody, moved=~nobody, new_object=np.ones(num_objects, bool)
        )

    @classmethod
    def of(
        cls,
        scene: Scene,
        *,
        walls: Values = (),
        extent: tuple[Values, Values] = making.NOWHERE,
        eyes: Eyes | None = None,
        grid: bool = False,
        neck: bool = False,
        radius: float = 1.0,
        dim: str = "scene",
    ) -> "Lab":
        """A scene, or scenes along one lead axis called `dim`, to be edited; what no edit touches stays.

        A Scene holds no walls: sight to and from what is moved is worked out with those given here.
        radius: bodies; who is moved to within it of an object takes part there.
        """
        stage, number = making.as_placed(scene, radius)
        boxes = np.asarray(walls, float).reshape(-1, 4)
        low, high = (np.asarray(e, float) for e in extent)
        axes = {} if number is None else {dim: np.arange(number)}
        return cls(stage, Floor(boxes, low, high, eyes or Eyes(), grid, neck), axes)

    @classmethod
    def at(cls, env, state, **options) -> "Lab":
        """The instant of a Simulation with its state (or a World with its own), walls and eyes included.

        options: `grid`, `neck` and `radius` of `of`.
        """
        v = view(env, state)
        scene = Scene(**vars(v.scene))
        return cls.of(scene, walls=v.walls, extent=(v.low, v.high), eyes=v.eyes, **options)

    # -- what it is ------------------------------------------------------------------------------------------

    @property
    def size(self) -> int:
        """How many scenes."""
        return int(np.prod(self.shape))

    @property
    def scenes(self) -> Scene:
        """All of them, with one lead axis for each of `axes`."""
        return scenes(self.stage, self.shape, self.floor)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{n} {len(c)}" for n, c in self.axes.items())
        return f"Lab({self.num_agents} agents, {self.num_objects} objects{'; ' + sizes if sizes else ''})"

    def _repr_png_(self) -> bytes:
        return pictures.png(self)

    def draw(self, ax=None, *, without: Sequence[int] = (), plain: bool = False):
        """Draw the scene into Axes (by default a new figure's). without: agents not drawn.  plain: no cones
        and no grid."""
        return pictures.draw(self, ax, without=without, plain=plain)

    # -- in bulk ---------------------------------------------------------------------------------------------

    def spread(self, name: str, values: Values) -> "Lab":
        """The same along a new last axis `name` with coordinates `values [n]`.

        Edits that follow take one number (or place) for each of them: this is how sweeps are made.
        """
        values = np.asarray(values)
        if name in self.axes or name in RESERVED:
            raise OptionError(f"axis {name!r}; allowed: a name besides {', '.join((*self.axes, *RESERVED))}")
        if values.ndim != 1 or not len(values):
            raise OptionError(f"{name}: values {values.shape}; allowed: [n], n at least 1")

        def widen(x, own):
            return x.reshape(*x.shape[: x.ndim - own], 1, *x.shape[x.ndim - own :])

        stage = jax.tree.map(widen, self.stage, own_axes(self.stage))
        return dataclasses.replace(self, stage=stage, axes={**self.axes, name: values})

    def sweep(self, *sweeps: "Callable[[Lab], Lab]") -> "Lab":
        """Sweeps crossed in a grid, in their order; see `socialsim.analysis.laboratory.sweeps`."""
        lab = self
        for sweep in sweeps:
            lab = sweep(lab)
        return lab

    def isel(self, **places: int) -> "Lab":
        """The scenes at the given places of the named axes."""
        lab = self
        for name, place in places.items():
            axis = list(lab.axes).index(choose("axis", name, lab.axes))
            if not -len(lab.axes[name]) <= place < len(lab.axes[name]):
                raise OptionError(f"{name}: place {place}; allowed: 0 to {len(lab.axes[name]) - 1}")

            def pick(x, axis=axis, place=place):
                return x.take(0 if x.shape[axis] == 1 else place, axis)

            rest = {n: c for n, c in lab.axes.items() if n != name}
            lab = dataclasses.replace(lab, stage=jax.tree.map(pick, lab.stage), axes=rest)
        return lab

    def read(
        self,
        teams: Team | Sequence[Team],
        *,
        agents: Sequence[int] | None = None,
        senses: Senses | None = None,
        batch: int = 16_384,
    ) -> Readout:
        """What the value heads of one team, or of several (seeds), say of every scene.

        agents: whose values, by default everybody's.  batch: scenes per compiled call.
        """
        chosen = range(self.num_agents) if agents is None else agents
        who = tuple(self._agent(i) for i in chosen)
        return read(
            self.stage, self.floor, self.axes, teams, agents=who, senses=senses or Senses(), batch=batch
        )

    def landscape(self, teams: Team | Sequence[Team], me: int = 0, **options) -> Landscape:
        """Values as `me` stands at each place of the floor; options: those of `Landscapes`."""
        return Landscapes(me, **options)(self, teams)
