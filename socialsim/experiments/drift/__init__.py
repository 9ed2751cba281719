"""A society whose values change, the assistants that act in it, and what they do to it."""

from socialsim.experiments.drift.assistants import Assistant as Assistant
from socialsim.experiments.drift.assistants import learned as learned
from socialsim.experiments.drift.assistants import manipulator as manipulator
from socialsim.experiments.drift.assistants import null as null
from socialsim.experiments.drift.assistants import servant as servant
from socialsim.experiments.drift.measures import outcomes as outcomes
from socialsim.experiments.drift.society import History as History
from socialsim.experiments.drift.society import Society as Society
from socialsim.experiments.drift.society import SocietyConfig as SocietyConfig
from socialsim.experiments.drift.society import draw as draw
from socialsim.experiments.drift.society import equilibrium as equilibrium
from socialsim.experiments.drift.society import live as live
