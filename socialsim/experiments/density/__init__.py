"""How dense rewards give way to sparse ones: schedules, the learned one, moving on, claims and page."""

from socialsim.experiments.density.alignment import Alignment as Alignment
from socialsim.experiments.density.schedules import ARMS as ARMS
from socialsim.experiments.density.schedules import Schedules as Schedules
