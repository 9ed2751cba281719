"""Options of the learner."""

import dataclasses

from socialsim.agents.networks import NetworkConfig
from socialsim.core.errors import OptionError, integer, number


@dataclasses.dataclass(frozen=True)
class PPOConfig:
    """Options of the learner (Schulman et al. 2017).

    worlds, steps: size of a batch.  discount: per decision.  gae_lambda: of the advantage estimate (Schulman
    et al. 2016).  critic_speed: the critic's learning rate over the actor's.  scale_rate, scale_floor: of
    PopArt (van Hasselt et al. 2016).
    pool: fresh worlds that an update has for those that end in it; None: an eighth of `worlds`, at least 256
    or all.  Raises OptionError for what is no number or out of range.
    """

    network: NetworkConfig = NetworkConfig()
    worlds: int = 256
    steps: int = 32
    epochs: int = 2
    minibatches: int = 4
    learning_rate: float = 1e-3
    critic_speed: float = 4.0
    discount: float = 0.96
    gae_lambda: float = 0.9
    clip_range: float = 0.2
    entropy_coef: float = 0.02
    max_grad_norm: float = 1.0
    scale_rate: float = 0.1
    scale_floor: float = 0.05
    pool: int | None = None

    def __post_init__(self):
        for name in ("worlds", "steps", "epochs", "minibatches"):
            integer(name, getattr(self, name), low=1)
        if self.worlds % self.minibatches:
            raise OptionError(f"worlds={self.worlds} must be a multiple of minibatches={self.minibatches}")
        if self.pool is not None:
            integer("pool", self.pool, low=1)
        for name in ("discount", "gae_lambda", "scale_rate"):
            number(name, getattr(self, name), low=0, high=1, above=name == "scale_rate")
        number("entropy_coef", self.entropy_coef, low=0)
        for name in ("learning_rate", "critic_speed", "clip_range", "max_grad_norm", "scale_floor"):
            number(name, getattr(self, name), low=0, above=True)

    @property
    def fresh(self) -> int:
        """Fresh worlds that an update has for those that end in it."""
        return min(self.worlds, max(256, self.worlds // 8)) if self.pool is None else self.pool

    @property
    def batch(self) -> int:
        """World-steps per update."""
        return self.worlds * self.steps
