"""The scene laboratory: set up scenes by hand or in bulk, and read every value head on them."""

from socialsim.analysis.laboratory.lab import Lab as Lab
from socialsim.analysis.laboratory.landscape import Landscape as Landscape
from socialsim.analysis.laboratory.landscape import Landscapes as Landscapes
from socialsim.analysis.laboratory.readout import Readout as Readout
from socialsim.analysis.laboratory.sweeps import Acts as Acts
from socialsim.analysis.laboratory.sweeps import Bearing as Bearing
from socialsim.analysis.laboratory.sweeps import Distance as Distance
from socialsim.analysis.laboratory.sweeps import Feature as Feature
from socialsim.analysis.laboratory.sweeps import Heading as Heading
from socialsim.analysis.laboratory.sweeps import Needed as Needed
from socialsim.analysis.laboratory.sweeps import Places as Places
from socialsim.analysis.laboratory.sweeps import Present as Present
from socialsim.analysis.laboratory.sweeps import Watchers as Watchers
