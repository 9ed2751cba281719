"""Linear probes with the controls that make them honest."""

from socialsim.analysis.probes.baselines import random_projection as random_projection
from socialsim.analysis.probes.controls import control_targets as control_targets
from socialsim.analysis.probes.controls import scene_types as scene_types
from socialsim.analysis.probes.linear import LinearReadout as LinearReadout
from socialsim.analysis.probes.probe import Probe as Probe
from socialsim.analysis.probes.probe import Target as Target
