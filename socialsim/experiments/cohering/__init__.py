"""Parts of the experiment coherence: the place, its scenes in several contexts, measures and report."""

from socialsim.experiments.cohering.evaluation import Reading
from socialsim.experiments.cohering.page import PARTS
from socialsim.experiments.cohering.world import PlaceConfig, place

__all__ = ["PARTS", "PlaceConfig", "Reading", "place"]
