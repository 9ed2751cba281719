"""A cache of somatic markers beside a trained network: decisions, lives, lesions, costs."""

from socialsim.experiments.markers.arms import ARMS as ARMS
from socialsim.experiments.markers.arms import Intact as Intact
from socialsim.experiments.markers.arms import condition as condition
from socialsim.experiments.markers.deciding import Condition as Condition
from socialsim.experiments.markers.deciding import decide as decide
from socialsim.experiments.markers.life import LifeConfig as LifeConfig
from socialsim.experiments.markers.life import lives as lives
from socialsim.experiments.markers.world import WorldConfig as WorldConfig
from socialsim.experiments.markers.world import settings as settings
from socialsim.experiments.markers.world import two_ways as two_ways
