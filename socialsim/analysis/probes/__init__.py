"""Probes with the controls that make them honest, and the interventions that must follow them."""

from socialsim.analysis.probes.baselines import random_projection as random_projection
from socialsim.analysis.probes.controls import control_targets as control_targets
from socialsim.analysis.probes.controls import scene_types as scene_types
from socialsim.analysis.probes.erasure import Eraser as Eraser
from socialsim.analysis.probes.erasure import Erasure as Erasure
from socialsim.analysis.probes.intervention import Intervention as Intervention
from socialsim.analysis.probes.linear import LinearReadout as LinearReadout
from socialsim.analysis.probes.maps import WhatWhenWhere as WhatWhenWhere
from socialsim.analysis.probes.mdl import OnlineCode as OnlineCode
from socialsim.analysis.probes.probe import Probe as Probe
from socialsim.analysis.probes.probe import Target as Target
from socialsim.analysis.probes.rows import Rows as Rows
from socialsim.analysis.probes.rows import rows_of as rows_of
